"""Schedule lines of a purchase-order line: which quantity is expected on which day. `purchase_line` calls it.

The state of a line is computed from all its events, sorted by what they say (see `in_order`), so the order of arrival
does not matter. The events have these effects:

- A placement sets the ordered quantity, and the day of the rest, which is the quantity that no schedule line has. A
  later placement with a date replaces all schedule lines.
- A confirmation with ``schedule_line`` sets that schedule line. Without it, confirmations of different days whose sum
  stays within the quantity to come are schedule lines. The same day, or a sum beyond that quantity, replaces. What is
  not confirmed is the rest, which then has no day.
- A delay without ``schedule_line`` moves every schedule line that was due before the new day. If none was, it moves the
  earliest one.
- A shipment concerns the schedule lines that are due first, as far as its quantity reaches.
- A receipt serves its ``schedule_line`` first, then the schedule line that is due first.
- A disruption adds days until the supplier promises a day again.
- A cancellation ends the line, or one schedule line: the ordered quantity falls by what was to come of it.
"""

from collections.abc import Callable

import msgspec

from sensing.codec.event_record import NO_DAY
from sensing.contracts.common import VERSION_LAST
from sensing.machine_settings import DAY_MS
from sensing.supply.lanes import UNKNOWN
from sensing.supply.supply_record import NEVER

PLACED, CONFIRMED, DELAYED, SHIPPED, RECEIVED, CANCELLED, DISRUPTED = range(7)
"""Kinds of events. Unversioned events of one time are applied in this order."""
ORDERED, PROMISED, UNCONFIRMED = range(3)
"""Where the day of a schedule line comes from: the order, the supplier, or nowhere, since it is not confirmed."""
UNTOLD = -1


class LineEvent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one event says about a line. Quantities are thousandths of the base unit, days are local."""

    kind: int
    time: int
    """UTC ms."""
    version: int = 0
    """0: without version."""
    quantity: int = UNTOLD
    day: int = NO_DAY
    """Promised day; of a disruption the day before which nothing is expected."""
    name: str = ""
    """``schedule_line``; of a disruption its scope."""
    last: bool = False
    """A receipt that closes a short line."""
    received_before: int = 0
    """Of a placement: what had arrived before the engine first heard of the line."""
    delay_days: float = 0.0
    end_day: int = NO_DAY
    """Last local day of a disruption."""
    supplier: int = UNKNOWN
    """Number of the supplier that the event names."""


class ScheduleLine(msgspec.Struct, array_like=True, gc=False):
    """A quantity to come and its day."""

    quantity: int
    day: int = NO_DAY
    """Day ordered or promised; NO_DAY: none."""
    first_day: int = NO_DAY
    """First such day. A delay is measured from it."""
    first_promised: bool = False
    """Whether the supplier promised the first day; otherwise it was ordered."""
    source: int = ORDERED
    name: str = ""
    since: int = NEVER
    """Without a day, the line is expected one lead time after this instant, UTC ms."""
    shipped: bool = False
    delayed_before: float = 0.0
    """Days by which disruptions that have ended delay it."""
    delayed_now: float = 0.0
    """Days by which the newest disruption delays it."""
    disrupted_until: int = NO_DAY
    scope: str = ""

    @property
    def expected(self) -> int:
        """Local day on which it is expected, disruptions included; NO_DAY: none."""
        return NO_DAY if self.day == NO_DAY else self.day + round(self.delayed_before + self.delayed_now)

    @property
    def disrupted(self) -> bool:
        """Whether a disruption moves it."""
        return self.day != NO_DAY and round(self.delayed_before + self.delayed_now) > 0

    def promise(self, day: int, time: int) -> None:
        """Take a day from the supplier; NO_DAY: the supplier has no day any more."""
        if self.first_day == NO_DAY:
            self.first_day, self.first_promised = day, day != NO_DAY
        self.day, self.source = day, UNCONFIRMED if day == NO_DAY else PROMISED
        self.since = time
        self.delayed_before = self.delayed_now = 0.0
        self.disrupted_until = NO_DAY

    def disrupt(self, event: LineEvent) -> None:
        """Expect it later. A newer disruption of the same scope replaces one that has not ended, another adds."""
        if self.day == NO_DAY:
            return
        active = event.time // DAY_MS <= self.disrupted_until
        if not active:
            self.delayed_before, self.delayed_now = self.delayed_before + self.delayed_now, 0.0
        days = event.delay_days
        if event.day != NO_DAY:
            days = max(days, event.day - self.day - self.delayed_before)
        if active and event.name != self.scope:
            days, end_day = max(days, self.delayed_now), max(event.end_day, self.disrupted_until)
        else:
            end_day = event.end_day
        self.delayed_now, self.disrupted_until, self.scope = days, end_day, event.name


def in_order(events: list[LineEvent]) -> list[int]:
    """Positions of the events in the order in which they take effect.

    The first placement comes first. Versioned events follow their versions, unversioned ones their times. An event with
    a version counts at the latest time of the versions up to it. Cancellations without a version come last.
    """
    if len(events) == 1:
        return [0]
    moments = [event.time for event in events]
    latest = NEVER
    versioned = (at for at, event in enumerate(events) if event.version)
    for at in sorted(versioned, key=lambda at: (events[at].version, events[at].time)):
        latest = moments[at] = max(latest, events[at].time)
    first = min(
        (at for at, event in enumerate(events) if event.kind == PLACED),
        key=lambda at: (events[at].version, events[at].time),
        default=-1,
    )

    def order(at: int) -> tuple[bool, bool, int, bool, int, int, int, str, int, float, bool]:
        e = events[at]
        return (
            at != first, e.version == VERSION_LAST, moments[at], e.version == 0, e.version, e.kind, e.day, e.name,
            e.quantity, e.delay_days, e.last,
        )  # fmt: skip

    return sorted(range(len(events)), key=order)


class Schedule:
    """State of a line after its events. Call :meth:`apply` in the order of `in_order`.

    ``total`` is the quantity of the line: ordered, or confirmed beyond that; UNTOLD until one is known. ``lines`` are
    the schedule lines to come, ``rest`` stands for the quantity that they leave open.
    """

    def __init__(self) -> None:
        self.total = UNTOLD
        self.received = 0
        self.cancelled = False
        self.finished = False
        self.lines: list[ScheduleLine] = []
        self.rest = ScheduleLine(0)

    def apply(self, event: LineEvent) -> list[tuple[int, int]]:
        """Apply an event; returns the day (or NO_DAY) and quantity of every schedule line that a receipt serves."""
        if event.kind == RECEIVED:
            return self._receive(event)
        if self.cancelled and event.kind != CANCELLED:
            if not event.version:
                return []
            self.cancelled = False
        _STEPS[event.kind](self, event)
        return []

    def open_lines(self) -> list[ScheduleLine]:
        """Schedule lines to come, the earliest expected first, those without a day last."""
        if self.cancelled or self.finished:
            return []
        self._set_rest()
        found = [line for line in (*self.lines, self.rest) if line.quantity > 0]
        return (
            found if len(found) < 2 else sorted(found, key=lambda line: (line.day == NO_DAY, line.expected, line.name))
        )

    @property
    def left(self) -> int:
        """Quantity of the line that has not arrived; without a known total what schedule lines have."""
        told = sum(line.quantity for line in self.lines)
        return told if self.total == UNTOLD else max(self.total - self.received, 0)

    def _set_rest(self) -> None:
        self.rest.quantity = max(self.left - sum(line.quantity for line in self.lines), 0)

    def _place(self, event: LineEvent) -> None:
        first = self.total == UNTOLD
        self.total = event.quantity
        self.received += event.received_before
        if first or event.day != NO_DAY:
            self.lines.clear()
            self.rest = ScheduleLine(0, event.day, event.day, since=event.time)
            return
        excess = sum(line.quantity for line in self.lines) - self.left
        for line in sorted(self.lines, key=lambda line: line.expected, reverse=True):
            cut = min(max(excess, 0), line.quantity)
            line.quantity, excess = line.quantity - cut, excess - cut
        self._drop_empty()

    def _confirm(self, event: LineEvent) -> None:
        if event.quantity == UNTOLD and not event.name:
            self._inherit_first_day(self.rest, self.lines)
            self.lines.clear()
            self.rest.promise(event.day, event.time)
            return
        if event.name:
            self._confirm_named(event)
        else:
            self._confirm_day(event)
        if self.rest.source != UNCONFIRMED:
            first, promised = self.rest.first_day, self.rest.first_promised
            self.rest = ScheduleLine(0, NO_DAY, first, promised, UNCONFIRMED)
        self.rest.since = event.time

    def _confirm_named(self, event: LineEvent) -> None:
        line = self._named(event.name)
        if line is None:
            self._set_rest()
            line = self._new(event.name, self.rest.quantity)
        if event.quantity != UNTOLD:
            line.quantity = event.quantity
        line.promise(event.day, event.time)
        if sum(each.quantity for each in self.lines) > self.left:
            self.lines = [each for each in self.lines if each.name]
        if self.total != UNTOLD:
            # The supplier may confirm more than was ordered.
            self.total = max(self.total, self.received + sum(each.quantity for each in self.lines))

    def _confirm_day(self, event: LineEvent) -> None:
        others = [line for line in self.lines if line.day != event.day]
        same = [line for line in self.lines if line.day == event.day]
        quantity = event.quantity
        replaced = same
        if self.total != UNTOLD and sum(line.quantity for line in others) + quantity > self.left:
            replaced, others = self.lines, []
            self.total = max(self.total, quantity)
            quantity = min(quantity, self.left)
        self.lines = others
        line = self._new(same[0].name if same else "", quantity)
        self._inherit_first_day(line, replaced)
        line.promise(event.day, event.time)
        self._drop_empty()

    @staticmethod
    def _inherit_first_day(line: ScheduleLine, replaced: list[ScheduleLine]) -> None:
        """Measure the delay of a schedule line from the earliest first day of those that it replaces."""
        dated = [each for each in replaced if each.first_day != NO_DAY]
        if line.first_day == NO_DAY and dated:
            first = min(dated, key=lambda each: each.first_day)
            line.first_day, line.first_promised = first.first_day, first.first_promised

    def _delay(self, event: LineEvent) -> None:
        if event.name:
            self._named_or_next(event.name).promise(event.day, event.time)
            return
        self._set_rest()
        dated = [*self.lines]
        if not dated or (self.rest.quantity > 0 and self.rest.source != UNCONFIRMED):
            dated.append(self.rest)
        if event.day == NO_DAY or len(dated) <= 1:
            moved = dated
        else:
            moved = [line for line in dated if line.day < event.day] or [min(dated, key=lambda line: line.expected)]
        for line in moved:
            line.promise(event.day, event.time)

    def _ship(self, event: LineEvent) -> None:
        if event.name:
            line = self._named_or_next(event.name)
            parts = [line if event.quantity == UNTOLD else self._split(line, event.quantity)]
        else:
            parts = self._ship_first(event.quantity)
        for line in parts:
            line.shipped = True
            if event.day != NO_DAY:
                line.promise(event.day, event.time)

    def _ship_first(self, quantity: int) -> list[ScheduleLine]:
        """The schedule lines that a shipment concerns, split where its quantity ends."""
        self._set_rest()
        waiting = [line for line in (*self.lines, self.rest) if not line.shipped]
        waiting.sort(key=lambda line: (line.day == NO_DAY, line.expected, line.name))
        if quantity == UNTOLD or (self.total == UNTOLD and not self.lines):
            return [line for line in waiting if line.quantity > 0][:1] or [self.rest]
        parts = []
        for line in waiting:
            if quantity > 0 and line.quantity > 0:
                part = self._split(line, quantity)
                quantity -= part.quantity
                parts.append(part)
        return parts

    def _split(self, line: ScheduleLine, quantity: int) -> ScheduleLine:
        """The first ``quantity`` of a schedule line as a line of its own; the rest stays as it was."""
        if line is not self.rest and quantity >= line.quantity:
            return line
        part = msgspec.structs.replace(line, quantity=min(quantity, line.quantity))
        if line is not self.rest:
            line.quantity -= part.quantity
        self.lines.append(part)
        return part

    def _receive(self, event: LineEvent) -> list[tuple[int, int]]:
        parts = self.open_lines()
        if event.name:
            parts.sort(key=lambda line: line.name != event.name)
        served = []
        left = event.quantity
        for line in parts:
            taken = min(left, line.quantity)
            if taken:
                served.append((line.day, taken))
                line.quantity, left = line.quantity - taken, left - taken
        self._drop_empty()
        self.received += event.quantity
        self.finished = self.finished or event.last
        return served

    def _cancel(self, event: LineEvent) -> None:
        if not event.name:
            self.cancelled = True
            self.lines.clear()
            return
        line = self._named(event.name)
        if line is not None:
            self.lines.remove(line)
            if self.total != UNTOLD:
                self.total -= line.quantity

    def _disrupt(self, event: LineEvent) -> None:
        for line in (*self.lines, self.rest):
            line.disrupt(event)

    def _named(self, name: str) -> ScheduleLine | None:
        return next((line for line in self.lines if line.name == name), None)

    def _named_or_next(self, name: str) -> ScheduleLine:
        """The schedule line of a name. A new name takes the rest or, if there is none, the first line without one."""
        line = self._named(name)
        if line is not None:
            return line
        self._set_rest()
        unnamed = [each for each in self.lines if not each.name]
        if self.rest.quantity > 0 or not unnamed:
            return self._new(name, self.rest.quantity)
        line = min(unnamed, key=lambda each: each.expected)
        line.name = name
        return line

    def _new(self, name: str, quantity: int) -> ScheduleLine:
        """A schedule line of a quantity that was part of the rest so far."""
        line = msgspec.structs.replace(self.rest, quantity=quantity, name=name, shipped=False)
        self.lines.append(line)
        return line

    def _drop_empty(self) -> None:
        self.lines = [line for line in self.lines if line.quantity > 0]


_STEPS: dict[int, Callable[[Schedule, LineEvent], None]] = {
    PLACED: Schedule._place, CONFIRMED: Schedule._confirm, DELAYED: Schedule._delay, SHIPPED: Schedule._ship,
    CANCELLED: Schedule._cancel, DISRUPTED: Schedule._disrupt,
}  # fmt: skip
