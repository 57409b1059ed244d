"""Judges raised problems in hindsight: by the orders, shipments and receipts that came after they were opened. The demo
job calls it.

The input of the demo is known to its end, so most problems can be compared with what happened. The rules use no number
of the engine. They are strict: a rush that was over when it was noticed does not count as real. Problems whose time to
be judged goes beyond the data, or whose item sells too rarely to tell, stay undecided.

- ``order_surge``: the order lines of the next five trading days are more than usual (Poisson, 5 %). Usual is the mean
  of the 40 trading days before the window.
- ``demand_drop``: the order lines of the next ten trading days are fewer than usual (Poisson, 5 %).
- ``large_order``: the line is larger than 99 of 100 lines of its item in the whole data, and nobody cancelled it.
- ``data_quality``: the held line was cancelled.
- ``stockout_projected``: orders waited for goods on an evening of the next lead time and week.
- ``supplier_delay``: orders waited for the goods between the promised day and the last receipt, or the goods came at
  least a week late.
"""

import datetime as dt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flows.demo.clock import DAY_MINUTES, EPOCH, ZONE
from flows.demo.order_lines import CANCELLED, PLACED, Lines
from flows.demo.supply_events import purchase_name
from flows.demo.supply_side import SUPPLIER_LEAD_DAYS, Purchase, Supply, row_of_item
from sensing.contracts.exception_details import DelayDetails
from sensing.contracts.exceptions import ExceptionState
from sensing.demand.distribution import gamma_upper

Verdict = Literal["real", "not_real", "undecided"]

USUAL_DAYS = 40
USUAL_DAYS_MIN = 10
SURGE_DAYS = 5
DROP_DAYS = 10
CHANCE = 0.05
LARGE_SHARE = 0.99
STOCKOUT_DAYS = 7
LATE_DAYS = 7

EVIDENCE = {
    "order_surge": f"more order lines than usual in the next {SURGE_DAYS} trading days",
    "demand_drop": f"fewer order lines than usual in the next {DROP_DAYS} trading days",
    "large_order": "larger than 99 of 100 lines of the item, and never cancelled",
    "data_quality": "the customer cancelled the held line",
    "stockout_projected": "orders waited for goods within the lead time and a week",
    "supplier_delay": f"orders waited for the goods, or they came {LATE_DAYS} days late",
}
"""What makes a problem real, by exception type. Other types are not judged."""


class Item(NamedTuple):
    """Order lines of one SKU-location: their number per trading day, and the quantities in ascending order."""

    lines: NDArray[np.int64]
    quantities: NDArray[np.int64]


class Hindsight:
    """The demo's input, arranged for looking up what came of a problem.

    Parameters
    ----------
    lines
        All order events, planted ones included.
    supply
        The simulated supply side of these lines.
    """

    def __init__(self, lines: Lines, supply: Supply) -> None:
        self._days = supply.days
        placed = lines.take(lines.kind == PLACED)
        self._items = _items(placed, supply.days)
        gone = lines.kind == CANCELLED
        cancelled = set(zip(lines.order[gone].tolist(), lines.line[gone].tolist(), strict=True))
        self._events = {
            f"{document}-{position}": (quantity, (order, line) in cancelled)
            for document, position, quantity, order, line in zip(
                placed.document.tolist(), placed.position.tolist(), placed.quantity.tolist(), placed.order.tolist(),
                placed.line.tolist(), strict=True,
            )
        }  # fmt: skip
        row = row_of_item(lines, supply.rows)
        self._rows = {lines.skus[item]: int(row[item]) for item in supply.rows.item.tolist()}
        self._location = lines.locations[supply.rows.place]
        self._waiting = np.cumsum(supply.demand, axis=0) - np.cumsum(supply.shipped, axis=0)
        self._lead_days = np.array(SUPPLIER_LEAD_DAYS)[supply.rows.supplier]
        self._purchases = {purchase_name(purchase): purchase for purchase in supply.purchases}

    def verdict(self, state: ExceptionState, opened_at: dt.datetime) -> Verdict | None:
        """Whether a problem was real; None for types without a rule."""
        rules = {
            "order_surge": self._surge,
            "demand_drop": self._drop,
            "large_order": self._large,
            "data_quality": self._held,
            "stockout_projected": self._stockout,
            "supplier_delay": self._delay,
        }
        rule = rules.get(state.exception_type)
        return None if rule is None else rule(state, _local_day(opened_at))

    def _surge(self, state: ExceptionState, day: int) -> Verdict:
        found = self._lines_after(state, day, SURGE_DAYS)
        if found is None:
            return "undecided"
        usual, after = found
        return "real" if after > 0 and 1.0 - poisson_at_most(after - 1, usual) <= CHANCE else "not_real"

    def _drop(self, state: ExceptionState, day: int) -> Verdict:
        found = self._lines_after(state, day, DROP_DAYS)
        if found is None or poisson_at_most(0, found[0]) > CHANCE:
            return "undecided"
        usual, after = found
        return "real" if poisson_at_most(after, usual) <= CHANCE else "not_real"

    def _lines_after(self, state: ExceptionState, day: int, days: int) -> tuple[float, int] | None:
        """Usual and actual order lines of the ``days`` trading days after ``day``; None if they are not known."""
        assert state.window_start is not None, "surges and drops have a window"
        window = int(np.searchsorted(self._days, _local_day(dt.datetime.fromisoformat(state.window_start))))
        first = int(np.searchsorted(self._days, day, "right"))
        before = self._items[state.sku, state.location].lines[max(window - USUAL_DAYS, 0) : window]
        if first + days > len(self._days) or len(before) < USUAL_DAYS_MIN:
            return None
        after = self._items[state.sku, state.location].lines[first : first + days]
        return float(before.mean()) * days, int(after.sum())

    def _large(self, state: ExceptionState, _: int) -> Verdict:
        quantity, cancelled = self._events[state.cause_event_ids[0]]
        sizes = self._items[state.sku, state.location].quantities
        smaller = np.searchsorted(sizes, quantity) / len(sizes)
        return "real" if smaller >= min(LARGE_SHARE, 1.0 - 1.0 / len(sizes)) and not cancelled else "not_real"

    def _held(self, state: ExceptionState, _: int) -> Verdict:
        return "real" if self._events[state.cause_event_ids[0]][1] else "not_real"

    def _stockout(self, state: ExceptionState, day: int) -> Verdict:
        row = self._row(state)
        if row is None:
            return "undecided"
        end = day + int(self._lead_days[row]) + STOCKOUT_DAYS
        return self._waited(row, day, end)

    def _delay(self, state: ExceptionState, _: int) -> Verdict:
        row = self._row(state)
        if row is None:
            return "undecided"
        assert isinstance(state.details, DelayDetails), "a delay states its purchase order"
        purchase = self._purchases[state.details.po_id]
        late = _late_days(purchase, int(self._days[-1]))
        if late >= LATE_DAYS:
            return "real"
        return self._waited(row, purchase.promised_day, purchase.promised_day + late)

    def _row(self, state: ExceptionState) -> int | None:
        return self._rows.get(state.sku or "") if state.location == self._location else None

    def _waited(self, row: int, day: int, end: int) -> Verdict:
        """Whether orders waited for goods on an evening from ``day`` to ``end``."""
        first, last = np.searchsorted(self._days, day), np.searchsorted(self._days, end, "right")
        if self._waiting[first:last, row].any():
            return "real"
        return "not_real" if end <= self._days[-1] else "undecided"


def poisson_at_most(count: int, mean: float) -> float:
    """Probability of at most ``count`` events where ``mean`` are expected: Q(count + 1, mean)."""
    return 1.0 if mean <= 0.0 else float(gamma_upper(count + 1.0, mean))


def _items(placed: Lines, days: NDArray[np.int64]) -> dict[tuple[str | None, str | None], Item]:
    """Order lines of every SKU-location that has any."""
    day = np.searchsorted(days, placed.minute // DAY_MINUTES)
    cell = placed.item * len(placed.locations) + placed.place
    order = np.lexsort((placed.quantity, cell))
    cells, starts = np.unique(cell[order], return_index=True)
    found: dict[tuple[str | None, str | None], Item] = {}
    for key, part in zip(cells.tolist(), np.split(order, starts[1:]), strict=True):
        name = placed.skus[key // len(placed.locations)], placed.locations[key % len(placed.locations)]
        found[name] = Item(np.bincount(day[part], minlength=len(days)), placed.quantity[part])
    return found


def _late_days(purchase: Purchase, last_day: int) -> int:
    """Days from the promised day to the last receipt, or to the end of the data where goods are still open."""
    last = max((day for day, _ in purchase.received), default=0)
    return max(last_day if purchase.due else last, purchase.promised_day) - purchase.promised_day


def _local_day(instant: dt.datetime) -> int:
    return (instant.astimezone(ZONE).date() - EPOCH).days
