"""The simulated supply side of the demo: stock, purchase orders and receipts for the items that are ordered most.
`flows.demo.inputs` runs it.

The source has only orders. The supply side is simulated from them, and its suppliers, purchase orders and shipments are
named ``SIM-...``.

- An item's opening stock, on its first trading day, is the demand of its first 42 trading days.
- Orders before 17:30 ship that evening, first come first served, as far as the stock reaches. A line may ship in part;
  the rest waits. A line that will be cancelled never ships. Returned goods are in stock the next trading morning.
- Each evening the buyer checks every item: stock plus open purchase orders minus waiting orders. If this is at most the
  demand of the lead time plus six trading days, the buyer orders 18 trading days' demand, rounded up to multiples of
  12. Daily demand is the mean of the last 28 trading days.
- A supplier promises its lead time, rounded up to a trading day. The delays of receipts are drawn from those of a real
  warehouse (``delays.py``). One receipt in six comes in two parts.
- Items without a supply side ship in full on the evening of their order, from a stock that no event reports.
- Every item is counted every 60 trading days; up to 2 % of its stock is missing then.
- Once, one supplier announces that all its open orders are 21 days late, and they are.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flows.demo.clock import DAY_MINUTES
from flows.demo.order_lines import RETURNED, Lines, never_cancelled
from flows.demo.surges import trading_days

ITEMS_MAX = 300
SUPPLIER_LEAD_DAYS = (5, 5, 7, 7, 7, 10, 10, 14, 14, 14, 21, 21)
SHIP_MINUTE = 17 * 60 + 30
OPENING_TRADING_DAYS = 42
USUAL_TRADING_DAYS = 28
ORDER_TRADING_DAYS = 18
SAFETY_TRADING_DAYS = 6
CARTON = 12
PARTIAL_SHARE = 1 / 6
PARTIAL_LATER_DAYS = 5
COUNT_TRADING_DAYS = 60
MISSING_SHARE_MAX = 0.02
DELAY_AT_SHARE = 0.7
DELAY_DAYS = 21
NEVER = 1 << 30

Array = NDArray[np.int64]


@dataclass
class Purchase:
    """One purchase-order line. Days are local calendar days; ``due`` and ``received`` hold (day, quantity), in the
    order of arrival.
    """

    number: int
    row: int
    quantity: int
    placed_day: int
    promised_day: int
    due: list[tuple[int, int]]
    received: list[tuple[int, int]] = field(default_factory=list)
    delayed_to_day: int | None = None


class SupplyDelay(NamedTuple):
    """The planted delay: ``supplier`` announced on ``day`` that ``purchases`` come ``DELAY_DAYS`` later."""

    supplier: int
    day: int
    purchases: list[Purchase]


class SuppliedRows(NamedTuple):
    """Rows with a supply side: SKU index and supplier index of each, most ordered first, all at one place."""

    item: Array
    supplier: Array
    place: int


class Supply(NamedTuple):
    """Result of the simulation. ``days`` are the trading days. ``shippable`` holds the order lines of the rows,
    ``others`` all other order lines. ``shipped`` and ``demand`` are units per (trading day, row). ``counts`` holds
    (day, row, on-hand units) of opening stocks and stocktakes.
    """

    rows: SuppliedRows
    days: Array
    shippable: Lines
    others: Lines
    demand: Array
    shipped: Array
    counts: list[tuple[int, int, int]]
    purchases: list[Purchase]
    delay: SupplyDelay | None


class _Yard:
    """Stock of all rows; the methods of a trading day are called in the order of the day."""

    def __init__(self, rows: SuppliedRows, days: Array, demand: Array, delays: Array, seed: int) -> None:
        self.rows = rows
        self.days = days
        self.demand = demand
        self.delays = delays
        self.rng = np.random.default_rng(seed)
        self.lead_days = np.array(SUPPLIER_LEAD_DAYS, dtype=np.int64)[rows.supplier]
        sold = demand > 0
        self.first = np.where(sold.any(axis=0), sold.argmax(axis=0), NEVER)
        self.on_hand = np.zeros(len(rows.item), dtype=np.int64)
        self.waiting = np.zeros_like(self.on_hand)
        self.on_order = np.zeros_like(self.on_hand)
        self.open: list[Purchase] = []
        self.purchases: list[Purchase] = []
        self.counts: list[tuple[int, int, int]] = []

    def count(self, at: int, day: int) -> None:
        """Before the shop opens: set opening stocks and take stock."""
        opening = np.flatnonzero(self.first == at)
        asked = self.demand[at : at + OPENING_TRADING_DAYS].sum(axis=0)
        self.on_hand[opening] += _cartons(asked[opening])
        turn = (np.arange(len(self.first)) + at) % COUNT_TRADING_DAYS == 0
        counted = np.flatnonzero(turn & (self.first < at))
        missing = self.on_hand[counted] * self.rng.uniform(0.0, MISSING_SHARE_MAX, len(counted))
        self.on_hand[counted] -= missing.astype(np.int64)
        taken = np.sort(np.concatenate([opening, counted])).tolist()
        self.counts.extend((day, row, int(self.on_hand[row])) for row in taken)

    def receive(self, day: int) -> None:
        """In the morning: receive due purchase orders."""
        for purchase in self.open:
            while purchase.due and purchase.due[0][0] <= day:
                quantity = purchase.due.pop(0)[1]
                purchase.received.append((day, quantity))
                self.on_hand[purchase.row] += quantity
                self.on_order[purchase.row] -= quantity
        self.open = [purchase for purchase in self.open if purchase.due]

    def ship(self, at: int) -> Array:
        """In the evening: ship waiting orders; returns units per row."""
        self.waiting += self.demand[at]
        shipped = np.minimum(self.waiting, self.on_hand)
        self.waiting -= shipped
        self.on_hand -= shipped
        return shipped

    def buy(self, at: int, day: int, next_day: int) -> None:
        """After shipping: order items that run low. Nothing ordered today arrives before the day after ``next_day``."""
        since = np.maximum(self.first, at + 1 - USUAL_TRADING_DAYS)
        usual = self.demand[max(0, at + 1 - USUAL_TRADING_DAYS) : at + 1].sum(axis=0) / np.maximum(at + 1 - since, 1)
        position = self.on_hand + self.on_order - self.waiting
        low = position <= usual * (self.lead_days * 6 / 7 + SAFETY_TRADING_DAYS)
        quantity = _cartons(np.ceil(usual * ORDER_TRADING_DAYS).astype(np.int64))
        for row in np.flatnonzero(low & (quantity > 0) & (self.first <= at - 10)).tolist():
            self._place(row, int(quantity[row]), day, next_day)

    def _place(self, row: int, quantity: int, day: int, next_day: int) -> None:
        promised = self._working_day(day + int(self.lead_days[row]))
        arrival = max(promised + int(self.rng.choice(self.delays)), next_day + 1)
        due = [(arrival, quantity)]
        if self.rng.random() < PARTIAL_SHARE and quantity > CARTON:
            first = int(_cartons(np.array(quantity // 2)))
            due = [(arrival, first), (arrival + PARTIAL_LATER_DAYS, quantity - first)]
        purchase = Purchase(len(self.purchases) + 1, row, quantity, day, promised, due)
        self.purchases.append(purchase)
        self.open.append(purchase)
        self.on_order[row] += quantity

    def _working_day(self, day: int) -> int:
        """First trading day from ``day`` on: no supplier promises goods for a day on which the shop is closed."""
        at = int(np.searchsorted(self.days, day))
        return int(self.days[at]) if at < len(self.days) else day

    def delay(self, day: int) -> SupplyDelay | None:
        """Delay all open orders of one supplier: the one with the most open orders that are not overdue."""
        owed = [p for p in self.open if p.promised_day > day and not p.received]
        if not owed:
            return None
        counts = np.bincount([int(self.rows.supplier[p.row]) for p in owed], minlength=len(SUPPLIER_LEAD_DAYS))
        supplier = int(counts.argmax())
        late = [p for p in owed if self.rows.supplier[p.row] == supplier]
        for purchase in late:
            purchase.delayed_to_day = self._working_day(purchase.promised_day + DELAY_DAYS)
            purchase.due = [(due + DELAY_DAYS, quantity) for due, quantity in purchase.due]
        return SupplyDelay(supplier, day, late)


def simulate_supply(lines: Lines, location: str, delays: Array, seed: int) -> Supply:
    """Simulate the supply side of the most ordered items at ``location`` over all trading days; receipts draw their
    delays (days) from ``delays``.
    """
    ordered = lines.take(never_cancelled(lines))
    days = trading_days(ordered)
    rows = _choose_rows(ordered, ordered.locations.index(location), seed)
    stocked = _is_of_rows(ordered, rows)
    shippable, others = ordered.take(stocked), ordered.take(~stocked)
    returned = lines.take((lines.kind == RETURNED) & _is_of_rows(lines, rows))
    demand = _units(shippable, rows, days, shipping_day(shippable, days))
    back = _units(returned, rows, days, np.searchsorted(days, returned.minute // DAY_MINUTES, "right"))
    yard = _Yard(rows, days, demand, delays, seed)
    shipped = np.zeros_like(demand)
    delay: SupplyDelay | None = None
    for at, day in enumerate(days.tolist()):
        yard.on_hand += back[at]
        yard.count(at, day)
        if at == int(len(days) * DELAY_AT_SHARE):
            delay = yard.delay(day)
        yard.receive(day)
        shipped[at] = yard.ship(at)
        yard.buy(at, day, int(days[min(at + 1, len(days) - 1)]))
    return Supply(rows, days, shippable, others, demand, shipped, yard.counts, yard.purchases, delay)


def _cartons(units: Array) -> Array:
    """Round up to whole cartons."""
    return -(-units // CARTON) * CARTON


def _choose_rows(ordered: Lines, place: int, seed: int) -> SuppliedRows:
    """The most ordered items, ties by name; suppliers are drawn at random."""
    counts = np.bincount(ordered.item[ordered.place == place], minlength=len(ordered.skus))
    ranked = np.argsort(-counts, kind="stable")[:ITEMS_MAX]
    items = ranked[counts[ranked] > 0]
    supplier = np.random.default_rng(seed).integers(0, len(SUPPLIER_LEAD_DAYS), len(items))
    return SuppliedRows(items, supplier, place)


def _is_of_rows(lines: Lines, rows: SuppliedRows) -> NDArray[np.bool_]:
    return np.asarray((lines.place == rows.place) & np.isin(lines.item, rows.item))


def shipping_day(lines: Lines, days: Array) -> Array:
    """Index of the first trading evening on which each line can ship; ``len(days)`` if there is none."""
    return np.asarray(np.searchsorted(days * DAY_MINUTES + SHIP_MINUTE, lines.minute, "right"))


def _units(lines: Lines, rows: SuppliedRows, days: Array, at: Array) -> Array:
    """Units per (trading day, row); ``at`` is the trading day of each line. Lines after the last day are ignored."""
    row = row_of_item(lines, rows)[lines.item]
    happens = at < len(days)
    cells = np.bincount(
        at[happens] * len(rows.item) + row[happens],
        weights=lines.quantity[happens],
        minlength=len(days) * len(rows.item),
    )
    return cells.astype(np.int64).reshape(len(days), len(rows.item))


def row_of_item(lines: Lines, rows: SuppliedRows) -> Array:
    """Row of every SKU index, -1 for items without a supply side."""
    row = np.full(len(lines.skus), -1, dtype=np.int64)
    row[rows.item] = np.arange(len(rows.item))
    return row
