"""One purchase-order line: the events about it, and the state that follows from them. `purchases` calls it.

Events may arrive in any order. A line keeps what each of them says, and its state is computed again from all of them,
see `schedule_lines`. Outcomes:

- An event that says the same as an earlier one is a duplicate. The version of an earlier one with other content is a
  conflict, and changes nothing. Schedule lines have versions of their own, and so have confirmations of different days.
- An event is superseded if later ones leave no effect of it.
- Receipts are always booked, whatever the state of the line.

At most EVENTS_MAX events of a line are kept. Beyond that the two oldest receipts become one, or the oldest other event
is dropped.
"""

import datetime as dt
from typing import Any, Literal

import msgspec

from sensing.codec.event_record import NO_DAY, THOUSANDTHS
from sensing.codec.instants import day_number
from sensing.contracts.common import VERSION_LAST
from sensing.contracts.suppliers import (
    PurchaseOrderCancelled,
    PurchaseOrderConfirmed,
    PurchaseOrderDelayed,
    PurchaseOrderPlaced,
    PurchaseOrderReceived,
    PurchaseOrderShipped,
)
from sensing.supply.lanes import NO_LANE, UNKNOWN
from sensing.supply.schedule_lines import (
    CANCELLED,
    CONFIRMED,
    DELAYED,
    PLACED,
    RECEIVED,
    SHIPPED,
    UNTOLD,
    LineEvent,
    Schedule,
    ScheduleLine,
    in_order,
)
from sensing.supply.supply_record import NEVER

Outcome = Literal["absorbed", "duplicate", "superseded", "line_changed_item", "version_conflict"]
EVENTS_MAX = 64
DATE_DAYS_MAX = 3653
"""A promised date further from the event time than 10 years is no date, such as 9999-12-31."""
_KINDS: dict[Any, int] = {
    PurchaseOrderPlaced: PLACED,
    PurchaseOrderConfirmed: CONFIRMED,
    PurchaseOrderDelayed: DELAYED,
    PurchaseOrderShipped: SHIPPED,
    PurchaseOrderReceived: RECEIVED,
    PurchaseOrderCancelled: CANCELLED,
}


class PurchaseLine(msgspec.Struct, array_like=True, gc=False):
    """State of a line. Quantities are in thousandths of the base unit, days are local, times are UTC ms."""

    row: int
    supplier: int = UNKNOWN
    lane: int = NO_LANE
    placed_time: int = NEVER
    placed_day: int = NO_DAY
    total: int = UNTOLD
    """Ordered quantity, or what was confirmed beyond it; without a placement the confirmed quantity."""
    received: int = 0
    cancelled: bool = False
    finished: bool = False
    """The last receipt has arrived. The missing quantity will not come."""
    last_event_time: int = NEVER
    expected: tuple[float, float, int] | None = None
    """Lead time as it was expected at the placement: mean and sd in log days, 1 if the lane had receipts then.

    None: the line was not placed here, or was received before."""
    schedule: list[ScheduleLine] = []
    """Open schedule lines, the earliest expected first, those without a day last."""
    events: list[LineEvent] = []

    @property
    def placed(self) -> bool:
        """Whether the placement has arrived."""
        return self.placed_time != NEVER

    @property
    def open(self) -> int:
        """Thousandths still to come."""
        return sum(part.quantity for part in self.schedule)

    @property
    def ordered(self) -> int:
        """Thousandths of the whole line; at least 1."""
        return self.total if self.total > 0 else max(self.received + self.open, 1)


class Served(msgspec.Struct, frozen=True):
    """A receipt and the schedule lines that it served: day (or NO_DAY) and quantity of each."""

    receipt: LineEvent
    parts: list[tuple[int, int]]


def thousandths(quantity: float, factor: float) -> int:
    """Quantity in thousandths of the base unit; at least 1. ``factor`` is base units per unit of measure."""
    return max(round(quantity * factor * THOUSANDTHS), 1)


def plausible_day(date: dt.date | None, event_day: int) -> int:
    """Day number of a date, or NO_DAY if there is none or it is no date, see DATE_DAYS_MAX."""
    if date is None:
        return NO_DAY
    day = day_number(date)
    return day if abs(day - event_day) <= DATE_DAYS_MAX else NO_DAY


def line_event(
    event: Any, time: int, local_day: int, factor: float, *, first_heard: bool, supplier: int = UNKNOWN
) -> LineEvent:  # fmt: skip
    """What an event of the ``suppliers`` topic says about its line.

    Parameters
    ----------
    event
        A ``po.*`` struct.
    time, local_day
        Event time in UTC ms, and its local day.
    factor
        Base units per unit of measure.
    first_heard
        Whether this is the first event of the line. Only then ``quantity_open`` counts.
    supplier
        Number of the supplier that the event names.
    """
    kind = _KINDS[type(event)]
    quantity = getattr(event, "quantity", None)
    in_units = UNTOLD if quantity is None else thousandths(quantity, factor)
    version = 0 if kind == RECEIVED or event.line_version is None else event.line_version
    if not version and kind in (PLACED, CANCELLED):
        version = 1 if kind == PLACED else VERSION_LAST
    before = 0
    if kind == PLACED and first_heard and event.quantity_open is not None:
        before = max(in_units - round(event.quantity_open * factor * THOUSANDTHS), 0)
    return LineEvent(
        kind, time, version, in_units, plausible_day(getattr(event, "promised_date", None), local_day),
        (None if kind == PLACED else event.schedule_line) or "", kind == RECEIVED and event.last, before,
        supplier=supplier,
    )  # fmt: skip


def repeated(line: PurchaseLine, event: LineEvent) -> LineEvent | None:
    """The event of the line that has the version of another one or, without versions, its content. Receipts repeat."""
    if event.kind == RECEIVED:
        return None
    if not event.version:
        return event if event in line.events else None
    version = _version_of(event)
    return next((kept for kept in line.events if kept.version and _version_of(kept) == version), None)


def _version_of(event: LineEvent) -> tuple[int, str, int | None]:
    return event.version, event.name, event.day if event.kind == CONFIRMED else None


def same_content(kept: LineEvent, event: LineEvent) -> bool:
    """Whether an event says what the one of its version said. A supplier that one of them does not name is the same."""
    return (
        kept.kind == event.kind
        and kept.day == event.day
        and abs(kept.quantity - event.quantity) <= 1  # thousandths: a line whose base unit changed is rounded
        and (kept.supplier == event.supplier or UNKNOWN in (kept.supplier, event.supplier))
    )


def add_event(line: PurchaseLine, event: LineEvent, local_day: int) -> tuple[Outcome, list[Served]]:
    """Add an event that is no duplicate and compute the state of the line again.

    Returns
    -------
    tuple
        Outcome, and the receipts that can be learned now: this one or, if this is the first placement, all so far.
    """
    before = _view(line)
    was_placed, was_cancelled = line.placed, line.cancelled
    line.events = [*line.events, event]
    _bound(line.events)
    if event.kind == PLACED:
        first = _first_placement(line.events)
        if first is event:
            line.placed_time, line.placed_day = event.time, local_day
    newest, served = _compute(line)
    if event.kind == RECEIVED:
        return "absorbed", [each for each in served if line.placed and each.receipt is event]
    ignored = was_cancelled and line.cancelled
    absorbed = _view(line) != before or (newest is event and not ignored)
    learned = served if line.placed and not was_placed else []
    return ("absorbed" if absorbed else "superseded"), learned


def _view(line: PurchaseLine) -> Any:
    parts = [(part.quantity, part.day, part.expected, part.name, part.source) for part in line.schedule]
    return parts, line.cancelled or line.total, line.cancelled


def _first_placement(events: list[LineEvent]) -> LineEvent | None:
    return min((e for e in events if e.kind == PLACED), key=lambda e: (e.version, e.time), default=None)


def _compute(line: PurchaseLine) -> tuple[LineEvent, list[Served]]:
    """Set the state of a line from its events; returns the newest event, and all receipts."""
    state = Schedule()
    served = []
    newest = line.events[0]
    for at in in_order(line.events):
        newest = line.events[at]
        parts = state.apply(newest)
        if newest.kind == RECEIVED:
            served.append(Served(newest, parts))
    line.schedule = state.open_lines()
    line.total, line.received = state.total, state.received
    line.cancelled, line.finished = state.cancelled, state.finished
    return newest, served


def _bound(events: list[LineEvent]) -> None:
    """Keep at most EVENTS_MAX events."""
    if len(events) <= EVENTS_MAX:
        return
    receipts = sorted((e for e in events if e.kind == RECEIVED), key=lambda e: e.time)
    if len(receipts) > EVENTS_MAX // 2:
        first, second = receipts[:2]
        events.remove(first)
        events[events.index(second)] = msgspec.structs.replace(
            second, quantity=first.quantity + second.quantity, last=first.last or second.last
        )
        return
    kept = _first_placement(events)
    events.remove(min((e for e in events if e is not kept and e.kind != RECEIVED), key=lambda e: e.time))


def convert_line(line: PurchaseLine, factor: float) -> None:
    """Multiply all quantities of a line by ``factor``: new base units in an old one."""

    def converted(quantity: int) -> int:
        return quantity if quantity == UNTOLD else max(round(quantity * factor), min(quantity, 1))

    line.total, line.received = converted(line.total), converted(line.received)
    for part in line.schedule:
        part.quantity = converted(part.quantity)
    line.events = [
        msgspec.structs.replace(
            event, quantity=converted(event.quantity), received_before=converted(event.received_before)
        )
        for event in line.events
    ]
