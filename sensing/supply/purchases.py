"""Purchase-order lines of a shard: quantities on order, due days, and lead times learned from receipts.

`SupplyState` owns it. Plans and detectors read it.

Invariants
- A line with an open quantity is in ``_open``, any other in ``_done``, both in order of insertion. ``_table`` holds the
  open schedule lines by row. ``on_order`` of a row's record is the sum of the open quantities of its lines.
- At most ``lines_max`` lines are kept. If the table is full, the line that has been done longest is dropped, or the one
  that has been open longest if none is done. A done line without events for the line horizon is dropped, too.
  ``evicted`` counts dropped open lines, ``forgotten`` dropped done lines, ``events_dropped`` events of lines that were
  merged or dropped at the bound of a line.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY
from sensing.machine_settings import DAY_MS
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.supply.disruptions import Disruption, Disruptions
from sensing.supply.lanes import NO_LANE, UNKNOWN, Lanes
from sensing.supply.lead_time import delays
from sensing.supply.open_table import Key, OpenTable
from sensing.supply.purchase_line import (
    Outcome,
    PurchaseLine,
    Served,
    add_event,
    convert_line,
    line_event,
    repeated,
    same_content,
)
from sensing.supply.schedule_lines import PLACED, RECEIVED, LineEvent, ScheduleLine


class MovedLine(NamedTuple):
    """A line whose open schedule lines have changed. ``later``: some quantity is expected later, or not any more."""

    row: int
    key: Key
    later: bool


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


class Conflict(NamedTuple):
    """An event whose version of the line has other content: row and content of the line, and of the event."""

    stored_row: int
    stored: LineEvent
    received_row: int
    received: LineEvent


class PoOutcome(NamedTuple):
    """Result of a purchase-order event.

    ``movement`` is the change of on-hand stock in thousandths, which the caller must book at the event's time.
    ``moved`` is the line if its schedule lines have changed. ``open_before`` is the open quantity of the line before
    the event, in thousandths. ``conflict`` says what differs of a version that is known.
    """

    word: Outcome
    movement: int = 0
    moved: MovedLine | None = None
    open_before: int = 0
    conflict: Conflict | None = None


class OpenLines(NamedTuple):
    """Open schedule lines of some rows, in the order of the rows. All arrays are (m,), one entry per schedule line."""

    at: NDArray[np.int64]
    """Position of the line's row in the requested rows."""
    due_day: NDArray[np.int64]
    """Local day on which the line is expected."""
    quantity: NDArray[np.float64]
    """Units still to come."""
    lane: NDArray[np.int64]
    age_days: NDArray[np.float64]
    """Known part of the lead time: days since the line was placed or, if longer, what a later promise announces.

    NaN: the placement is not known.
    """
    share: NDArray[np.float64]
    """Open quantity / ordered quantity."""


_Tables = tuple[list[list[tuple[Key, PurchaseLine]]], int, int, int]
"""Open and finished lines, lines evicted, lines forgotten, events dropped."""


class Purchases:
    """The purchase-order lines of one shard."""

    def __init__(self, lines_max: int, horizon_days: int) -> None:
        self.lines_max = lines_max
        self.horizon_ms = horizon_days * DAY_MS
        self.evicted = 0
        self.forgotten = 0
        self.events_dropped = 0
        self._open: dict[Key, PurchaseLine] = {}
        self._done: dict[Key, PurchaseLine] = {}
        self._table = OpenTable()

    def apply(
        self, event: Any, context: EventContext, supply: NDArray[Any], lanes: Lanes, disruptions: Disruptions
    ) -> PoOutcome:
        """Apply an event about one line; see `sensing.supply.supply_state.SupplyState.purchase`."""
        row, time = context.row, context.time
        key = line_key(event)
        line = self.find(key)
        supplier = lanes.supplier(event.supplier or "")
        said = line_event(
            event, time, context.local_day, context.factor, first_heard=line is None, supplier=supplier
        )  # fmt: skip
        if line is not None:
            known = _known(line, said, row)
            if known is not None:
                return known
        else:
            self._make_room(context.watermark, supply["on_order"])
            line = PurchaseLine(row)
        self._name_supplier(line, event.supplier or (context.supplier if line.supplier == UNKNOWN else ""), lanes)
        before, open_before, was_placed = line.schedule, line.open, line.placed
        word, served = self._add(line, said, context.local_day)
        if said.kind == PLACED and word == "absorbed":
            line.lane = lanes.lane(row, line.supplier)
            if supply["lane"][row] != line.lane:  # the policy depends on the supplier
                supply["lane"][row], supply["policy"][row] = line.lane, -1
        if line.placed and not was_placed:
            for each in disruptions.of_line(line.supplier, event.sku, event.location, line.placed_day):
                if repeated(line, each.line_event()) is None:
                    self._add(line, each.line_event(), context.local_day)
        for receipt in served:
            self._learn(line, receipt, context, lanes)
        line.last_event_time = max(line.last_event_time, time)
        self._file(key, line)
        supply["on_order"][row] += line.open - open_before
        movement = said.quantity if said.kind == RECEIVED else 0
        return PoOutcome(word, movement, self._moved(key, line, before, movement), open_before)

    def convert(self, row: int, factor: float, on_order: NDArray[np.int64]) -> None:
        """Multiply the lines of a row by ``factor``, when its base unit has changed."""
        for lines in (self._open, self._done):
            for key, line in list(lines.items()):
                if line.row == row:
                    open_before = line.open
                    convert_line(line, factor)
                    self._file(key, line)
                    on_order[row] += line.open - open_before

    def take_row(self, row: int, on_order: NDArray[np.int64]) -> list[tuple[Key, PurchaseLine]]:
        """Remove and return all lines of a row, open ones first."""
        found = [(key, line) for lines in (self._open, self._done) for key, line in lines.items() if line.row == row]
        for key, line in found:
            on_order[row] -= line.open
            self._take_open(key)
            self._done.pop(key, None)
        return found

    def put_line(self, key: Key, line: PurchaseLine, watermark: int, on_order: NDArray[np.int64]) -> None:
        """Add a line that another shard has taken out; a line with its key must not be there."""
        self._make_room(watermark, on_order)
        self._file(key, line)
        on_order[line.row] += line.open

    def of_supplier(self, supplier: int) -> list[Key]:
        """Keys of the open lines of a supplier, in order of opening."""
        return self._table.of_supplier(supplier)

    def postpone(
        self, disruption: Disruption, key: Key, names: Callable[[int], tuple[str, str]]
    ) -> MovedLine | None:  # fmt: skip
        """Postpone an open line, if the disruption concerns its row; None if nothing changes."""
        line, said = self._open[key], disruption.line_event()
        if not disruption.concerns(*names(line.row)) or repeated(line, said) is not None:
            return None
        before = line.schedule
        self._add(line, said, NO_DAY)
        self._table.put(key, line)
        return self._moved(key, line, before, 0)

    def open_lines(self, rows: NDArray[np.int64], today: int, now: int, supply: NDArray[Any], lanes: Lanes,
                   mean_days: NDArray[np.float64]) -> OpenLines:  # fmt: skip
        """Open lines of ``rows`` at the beginning of local day ``today``, instant ``now``.

        A schedule line is due as many days after its expected day as receipts of its supplier usually come after it.
        Without an expected day it is due its row's mean lead time (``mean_days``, (n,)) after it was placed or, if it
        is not confirmed, after the confirmation that left it out. What is overdue is due when such delays end that are
        longer than it has been overdue, at least tomorrow.
        """
        waiting = np.flatnonzero(supply["on_order"][rows])
        usual = delays(lanes, now) if waiting.size else (np.zeros(0), np.zeros(0))
        integers, floats = self._table.read(rows[waiting], today, now, mean_days[waiting], usual)
        return OpenLines(waiting[integers[0]], integers[1], floats[0], integers[2], floats[1], floats[2])

    def late_rows(self, rows: NDArray[np.int64], day: int) -> NDArray[np.bool_]:
        """(n,) whether an open line of each row was expected on local ``day`` or before, or is not confirmed."""
        return self._table.late_rows(rows, day)

    def find(self, key: Key) -> PurchaseLine | None:
        """The line with a key (po_id, line), open or done. Callers must not change it."""
        return self._open.get(key) or self._done.get(key)

    def of_row(self, row: int) -> list[tuple[Key, PurchaseLine]]:
        """Open lines of a row with their keys (po_id, line), in order of opening. Callers must not change them."""
        return [(key, self._open[key]) for key in self._table.of_row(row)]

    def late(self, row: int, day: int, others: list[Key]) -> list[tuple[Key, PurchaseLine]]:
        """Open lines of a row that are overdue on local ``day``, not confirmed, or listed in ``others``."""
        return [(key, self._open[key]) for key in self._table.late(row, day, others)]

    def dump(self) -> bytes:
        """All lines and counters as bytes."""
        tables = [list(self._open.items()), list(self._done.items())]
        return pack({"lines": Encoded((tables, self.evicted, self.forgotten, self.events_dropped), _Tables)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        tables, self.evicted, self.forgotten, self.events_dropped = unpack(block, {"lines": _Tables})["lines"]
        self._open, self._done = dict(tables[0]), dict(tables[1])
        for key, line in self._open.items():
            self._table.put(key, line)

    def _add(self, line: PurchaseLine, said: LineEvent, local_day: int) -> tuple[Outcome, list[Served]]:
        kept = len(line.events)
        added = add_event(line, said, local_day)
        self.events_dropped += kept + 1 - len(line.events)
        return added

    @staticmethod
    def _name_supplier(line: PurchaseLine, name: str, lanes: Lanes) -> None:
        supplier = lanes.supplier(name)
        if name and supplier != line.supplier:
            line.supplier, line.lane = supplier, NO_LANE

    @staticmethod
    def _learn(line: PurchaseLine, served: Served, context: EventContext, lanes: Lanes) -> None:
        """Learn the lead time of what a receipt brought, as far as it was ordered, and how it was expected.

        Pools learn it where every shard hears it. Only of a line that names no supplier it is this shard that knows it,
        from master data.
        """
        if line.lane == NO_LANE:
            line.lane = lanes.lane(line.row, line.supplier)
        time = served.receipt.time
        day = context.local_day + round((time - context.time) / DAY_MS)
        days = max(time - line.placed_time, 0) / DAY_MS
        unnamed = line.supplier != UNKNOWN and all(event.supplier == UNKNOWN for event in line.events)
        for promised_day, quantity in served.parts:
            share = min(quantity / line.ordered, 1.0)
            lanes.received(line.lane, days, share, time)
            if unnamed:
                delay = np.nan if promised_day == NO_DAY else float(day - promised_day)
                lanes.heard(line.supplier, days, share, time, delay, of_item=True)
            if line.expected is not None:
                lanes.calibrate(line.expected, days, share)

    @staticmethod
    def _moved(key: Key, line: PurchaseLine, before: list[ScheduleLine], arrived: int) -> MovedLine | None:
        if _news(before) == _news(line.schedule):
            return None
        return MovedLine(line.row, key, comes_later(before, line.schedule, arrived))

    def _file(self, key: Key, line: PurchaseLine) -> None:
        if line.schedule:
            self._done.pop(key, None)
            self._open[key] = line
            self._table.put(key, line)
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


def line_key(event: Any) -> Key:
    """Key of the line that an event is about; ``line`` defaults to the SKU."""
    return event.po_id, event.line or event.sku


def _known(line: PurchaseLine, said: LineEvent, row: int) -> PoOutcome | None:
    """Outcome of an event that a known line does not take; None if it takes it."""
    kept = repeated(line, said)
    if kept is not None and line.row == row and same_content(kept, said):
        return PoOutcome("duplicate")
    if kept is not None and kept.version:
        return PoOutcome("version_conflict", conflict=Conflict(line.row, kept, row, said))
    return PoOutcome("line_changed_item") if line.row != row else None


def _news(schedule: list[ScheduleLine]) -> list[tuple[int, ...]]:
    """What is worth telling about schedule lines."""
    return [(part.expected, part.quantity, part.first_day, part.source) for part in schedule]


def comes_later(before: list[ScheduleLine], after: list[ScheduleLine], arrived: int) -> bool:
    """Whether less is expected by some day than before, or less in all.

    Parameters
    ----------
    before, after
        Schedule lines before and after an event.
    arrived
        Quantity that the event brought.
    """
    if sum(part.quantity for part in before) > arrived + sum(part.quantity for part in after):
        return True
    for day in {part.expected for part in before} - {NO_DAY}:
        expected, now = (sum(p.quantity for p in parts if NO_DAY < p.expected <= day) for parts in (before, after))
        if expected > arrived + now:
            return True
    return False
