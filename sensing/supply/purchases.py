"""Purchase-order lines of a shard: quantities on order, due days, and lead times learned from receipts.

`SupplyState` owns it. Plans and detectors read it.

Invariants
- A line with an open quantity is in ``_open``, any other in ``_done``, both in order of insertion. ``_table`` holds the
  same open lines by row. ``on_order`` of a row's record is the sum of the open quantities of its lines.
- At most ``lines_max`` lines are kept. If the table is full, the line that has been done longest is dropped, or the one
  that has been open longest if none is done. A done line without events for the line horizon is dropped, too.
  ``evicted`` counts dropped open lines, ``forgotten`` dropped done lines.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY
from sensing.codec.instants import day_number
from sensing.contracts.suppliers import PurchaseOrderPlaced, PurchaseOrderReceived
from sensing.machine_settings import DAY_MS
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.supply.lanes import NO_LANE, UNKNOWN, Lanes
from sensing.supply.lead_time import typical_delay_days
from sensing.supply.open_table import Key, OpenTable
from sensing.supply.purchase_line import Outcome, PurchaseLine, change, classify_event, thousandths
from sensing.supply.supply_record import NEVER


class Promise(NamedTuple):
    """Change of the expected day of an open line. ``before`` is None if it had none; ``open`` is in thousandths."""

    row: int
    po_id: str
    line: str
    supplier: str
    before: int | None
    after: int
    open: int


class EventContext(NamedTuple):
    """Row and times of an event, and the master data of its item."""

    row: int
    time: int
    """Event time, UTC ms."""
    local_day: int
    """Local day of the event time at the row's location."""
    watermark: int
    """UTC ms."""
    factor: float = 1.0
    """Base units per unit of measure of the event."""
    supplier: str = ""
    """Supplier of the item, for events that do not name one."""


class PoOutcome(NamedTuple):
    """Result of a purchase-order event.

    ``movement`` is the change of on-hand stock in thousandths, which the caller must book at the event's time.
    ``promises`` lists the open lines whose expected day has changed, with local days before and after. ``on_order`` is
    the change of the row's quantity on order in thousandths.
    """

    word: Outcome
    movement: int = 0
    promises: tuple[Promise, ...] = ()
    on_order: int = 0


class OpenLines(NamedTuple):
    """Open lines of some rows, in the order of the rows. All arrays are (m,), one entry per line."""

    at: NDArray[np.int64]
    """Position of the line's row in the requested rows."""
    due_day: NDArray[np.int64]
    """Local day on which the line is expected."""
    quantity: NDArray[np.float64]
    """Units still to come."""
    lane: NDArray[np.int64]
    age_days: NDArray[np.float64]
    """Days since the line was placed; NaN: not known."""
    share: NDArray[np.float64]
    """Open quantity / ordered quantity."""


_Tables = tuple[list[list[tuple[Key, PurchaseLine]]], int, int]
"""Open and finished lines, lines evicted, lines forgotten."""


class Purchases:
    """The purchase-order lines of one shard."""

    def __init__(self, lines_max: int, horizon_days: int) -> None:
        self.lines_max = lines_max
        self.horizon_ms = horizon_days * DAY_MS
        self.evicted = 0
        self.forgotten = 0
        self._open: dict[Key, PurchaseLine] = {}
        self._done: dict[Key, PurchaseLine] = {}
        self._table = OpenTable()

    def apply(self, event: Any, context: EventContext, supply: NDArray[Any], lanes: Lanes) -> PoOutcome:
        """Apply an event about one line; see `sensing.supply.supply_state.SupplyState.purchase`."""
        row, time = context.row, context.time
        key = (event.po_id, event.line or event.sku)
        line = self._open.get(key) or self._done.get(key)
        if line is not None and line.row != row:
            return PoOutcome("line_changed_item")
        receipt = isinstance(event, PurchaseOrderReceived)
        if line is not None and not receipt:
            word = classify_event(line, event, time)
            if word != "absorbed":
                return PoOutcome(word)
        on_order = supply["on_order"]
        before_order = on_order.item(row)
        if line is None:
            self._make_room(context.watermark, on_order)
            line = PurchaseLine(row)
        self._name_supplier(line, event.supplier or (context.supplier if line.supplier == UNKNOWN else ""), lanes)
        before, expected_before = line.open, self._expected(line)
        movement = 0
        if receipt:
            movement = self._receive(line, event, context, lanes)
        else:
            promised = NO_DAY if getattr(event, "promised_date", None) is None else day_number(event.promised_date)
            change(line, event, time, context.factor, promised)
            if isinstance(event, PurchaseOrderPlaced):
                line.lane = lanes.lane(row, line.supplier)
                self._learn_early(line, context, lanes)
                supply["lane"][row], supply["policy"][row] = line.lane, -1
        line.last_event_time = max(line.last_event_time, time)
        still_open, expected = line.open, self._expected(line)
        self._file(key, line, expected)
        on_order[row] += still_open - before
        promises = self._moved(key, line, expected_before, lanes) if still_open and expected != expected_before else ()
        return PoOutcome("absorbed", movement, promises, on_order.item(row) - before_order)

    def disrupt(self, supplier: int, rows: Any, delay_days: float, until_day: int, lanes: Lanes) -> PoOutcome:
        """Expect the open lines of a supplier ``delay_days`` later, and not before ``until_day`` (NO_DAY: no such day).

        ``rows`` is a function that returns whether a row is affected. Lines without a promised day do not change.
        """
        moved: list[Promise] = []
        for key in self._table.of_supplier(supplier):
            line = self._open[key]
            if not rows(line.row):
                continue
            before = self._expected(line)
            line.shift_days = max(line.shift_days + delay_days, float(until_day - line.promised_day))
            self._table.put(key, line, self._expected(line))
            moved.extend(self._moved(key, line, before, lanes))
        return PoOutcome("absorbed", 0, tuple(moved))

    def open_lines(self, rows: NDArray[np.int64], today: int, now: int, supply: NDArray[Any], lanes: Lanes,
                   mean_days: NDArray[np.float64]) -> OpenLines:  # fmt: skip
        """Open lines of ``rows`` at the beginning of local day ``today``, instant ``now``.

        A line is due on its promised day. Without one it is due its row's mean lead time (``mean_days``, (n,)) after it
        was placed. An overdue line is postponed by the typical delay of its supplier, at least to tomorrow.
        """
        waiting = np.flatnonzero(supply["on_order"][rows])
        delays = typical_delay_days(lanes) if waiting.size else np.zeros(0)
        integers, floats = self._table.read(rows[waiting], today, now, mean_days[waiting], delays)
        return OpenLines(waiting[integers[0]], integers[1], floats[0], integers[2], floats[1], floats[2])

    def overdue(self, rows: NDArray[np.int64], day: int) -> NDArray[np.bool_]:
        """(n,) whether an open line of each row was expected on local ``day`` or before."""
        return self._table.overdue(rows, day)

    def is_open(self, key: Key) -> bool:
        """Whether a line (po_id, line) has an open quantity."""
        return key in self._open

    def of_row(self, row: int) -> list[tuple[Key, PurchaseLine]]:
        """Open lines of a row with their keys (po_id, line), in order of opening. Callers must not change them."""
        return [(key, self._open[key]) for key in self._table.of_row(row)]

    def late(self, row: int, day: int, others: list[Key]) -> list[tuple[Key, PurchaseLine]]:
        """Open lines of a row that are overdue on local ``day`` or listed in ``others``, in order of opening.

        Lines without a promised day are left out.
        """
        return [(key, self._open[key]) for key in self._table.late(row, day, others)]

    def dump(self) -> bytes:
        """All lines and counters as bytes."""
        tables = [list(self._open.items()), list(self._done.items())]
        return pack({"lines": Encoded((tables, self.evicted, self.forgotten), _Tables)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        tables, self.evicted, self.forgotten = unpack(block, {"lines": _Tables})["lines"]
        self._open, self._done = dict(tables[0]), dict(tables[1])
        for key, line in self._open.items():
            self._table.put(key, line, self._expected(line))

    @staticmethod
    def _name_supplier(line: PurchaseLine, name: str, lanes: Lanes) -> None:
        supplier = lanes.supplier(name)
        if name and supplier != line.supplier:
            line.supplier, line.lane = supplier, NO_LANE

    def _receive(self, line: PurchaseLine, event: PurchaseOrderReceived, context: EventContext, lanes: Lanes) -> int:
        quantity = thousandths(event.quantity, context.factor)
        if line.placed:
            share = min(quantity, line.open) / line.ordered if line.open else 0.0
            self._learn(line, context.time, context.local_day, share, lanes)
        else:
            line.early_time = context.time if line.early_time == NEVER else line.early_time
            line.early += quantity
            line.early_time += quantity * (context.time - line.early_time) // line.early
        line.received += quantity
        line.finished = line.finished or event.last
        return quantity

    def _learn_early(self, line: PurchaseLine, context: EventContext, lanes: Lanes) -> None:
        if line.early:
            day = context.local_day + round((line.early_time - context.time) / DAY_MS)
            self._learn(line, line.early_time, day, min(line.early / line.ordered, 1.0), lanes)
            line.early = 0

    @staticmethod
    def _learn(line: PurchaseLine, time: int, day: int, share: float, lanes: Lanes) -> None:
        if share <= 0.0:
            return
        if line.lane == NO_LANE:
            line.lane = lanes.lane(line.row, line.supplier)
        lanes.received(line.lane, line.supplier, max(time - line.placed_time, 0) / DAY_MS, share)
        if line.promised_day != NO_DAY:
            lanes.delayed(line.supplier, float(day - line.promised_day), share)

    @staticmethod
    def _expected(line: PurchaseLine) -> int:
        return NO_DAY if line.promised_day == NO_DAY else line.promised_day + round(line.shift_days)

    def _moved(self, key: Key, line: PurchaseLine, before: int, lanes: Lanes) -> tuple[Promise, ...]:
        after = self._expected(line)
        if line.open == 0 or after in (before, NO_DAY):
            return ()
        known = None if before == NO_DAY else before
        return (Promise(line.row, *key, lanes.names[line.supplier], known, after, line.open),)

    def _file(self, key: Key, line: PurchaseLine, expected: int) -> None:
        if line.open:
            self._done.pop(key, None)
            self._open[key] = line
            self._table.put(key, line, expected)
        else:
            self._take_open(key)
            self._done[key] = line

    def _take_open(self, key: Key) -> None:
        line = self._open.pop(key, None)
        if line is not None:
            self._table.remove(key)

    def _make_room(self, watermark: int, on_order: NDArray[np.int64]) -> None:
        """Drop lines done for longer than the horizon, and one more line if the table is still full."""
        while self._done:
            key, line = next(iter(self._done.items()))
            full = len(self._open) + len(self._done) >= self.lines_max
            if not full and line.last_event_time >= watermark - self.horizon_ms:
                return
            del self._done[key]
            self.forgotten += 1
        if len(self._open) >= self.lines_max:
            key, line = next(iter(self._open.items()))
            self._take_open(key)
            on_order[line.row] -= line.open
            self.evicted += 1
