"""Evidence of `supplier_delay`: a purchase-order line, its late schedule lines, and how long stock lasts."""

import math

import msgspec

from sensing.codec.event_record import NO_DAY, THOUSANDTHS
from sensing.contracts.exception_details import DelayCause, DelayDetails, DelayOutcome
from sensing.machine_settings import DAY_MS
from sensing.supply.open_table import Key
from sensing.supply.purchase_line import PurchaseLine
from sensing.supply.schedule_lines import UNCONFIRMED, ScheduleLine

FAR_DAYS = 7
FAR_TIMES = 2
"""A line that is at least FAR_DAYS days late is far too late if that is more than FAR_TIMES times what is usual."""


class LatePart(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule line that is late or not confirmed.

    Parameters
    ----------
    units
        Base units still to come.
    first_day
        Local day first ordered or, if ``first_promised``, first promised; NO_DAY: none.
    expected_day
        Local day on which it is expected: promised, ordered, moved by a disruption, or a lead time after the
        confirmation that left it out.
    schedule_line
        Its name, if events name it.
    cause
        Why it is late.
    """

    units: float
    first_day: int
    first_promised: bool
    expected_day: int
    cause: DelayCause
    schedule_line: str = ""

    def days_late(self, today: int) -> int:
        """Days after its first day."""
        return 0 if self.first_day == NO_DAY else max(self.expected_day, today) - self.first_day


class DelayEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase-order line, after an event about it or at a day's close.

    Parameters
    ----------
    units_ordered, units_open, units_received
        Base units of the whole line, those still to come (0: all was received or the rest cancelled), and received.
    late
        Its late schedule lines, in order of their expected days.
    next_day
        Local day on which the next goods are expected if nothing is late; NO_DAY: none.
    current_day
        Local day of the event, or the day that follows the one that closed.
    cover_days
        Days from today that stock lasts without any receipt; NaN: for ever, or not known.
    stock_known
        Whether stock was ever counted.
    usual_days_late
        Days of lateness that the supplier stays within nineteen times in twenty.
    first_day
        First local day for which its open schedule lines were ordered or promised, else that of its placement; NO_DAY:
        none is known.
    cancelled
        Whether what did not arrive was cancelled.
    known
        Details of the open exception about the line; None: there is none.
    """

    po_id: str
    line: str
    supplier: str
    units_ordered: float
    units_open: float
    units_received: float = 0.0
    late: tuple[LatePart, ...]
    current_day: int
    cover_days: float
    stock_known: bool = True
    next_day: int = NO_DAY
    usual_days_late: int = 0
    first_day: int = NO_DAY
    cancelled: bool = False
    known: DelayDetails | None = None

    @property
    def worst(self) -> LatePart | None:
        """The schedule line that is most days late, among those that are news if there are any."""
        return max(self.late, key=lambda part: (self.is_news(part), part.days_late(self.current_day)), default=None)

    @property
    def outcome(self) -> DelayOutcome | None:
        """How the delay ended; None while something is late."""
        if self.late:
            return None
        if self.units_open > 0.0:
            return "on_time"
        if self.cancelled:
            return "cancelled"
        return "closed_short" if self.units_received < self.units_ordered else "received"

    def covered(self, part: LatePart) -> bool | None:
        """Whether stock lasts until a schedule line arrives, even if it is as late as the supplier usually is; None if
        the stock is not known.
        """
        if not self.stock_known:
            return None
        # What is overdue has no day any more: it may take as long again, and comes tomorrow at the earliest.
        expected = self.current_day if part.cause == "overdue" else part.expected_day
        gap = max(expected + self.usual_days_late - self.current_day, 1 if part.cause == "overdue" else 0)
        return math.isnan(self.cover_days) or self.cover_days >= gap

    def is_news(self, part: LatePart) -> bool:
        """Whether a schedule line is worth an exception of its own: not confirmed, not covered, or far too late.

        Where stock is not known, one that is later than usual.
        """
        late, usual, covered = part.days_late(self.current_day), self.usual_days_late, self.covered(part)
        far = late > usual if covered is None else late >= FAR_DAYS and late > FAR_TIMES * usual
        return part.cause == "unconfirmed" or far or covered is False

    def is_settled_by_count(self, part: LatePart) -> bool:
        """Whether a schedule line was news only because stock was not known, which is known now."""
        was_unknown = self.known is not None and self.known.outcome is None and self.known.covered is None
        return was_unknown and self.stock_known and not self.is_news(part)


def late_parts(line: PurchaseLine, today: int, lead_time_days: float) -> tuple[LatePart, ...]:
    """Schedule lines of a line that are late on local day ``today`` or not confirmed.

    ``lead_time_days`` is the mean lead time, after which goods without a date are expected.
    """
    parts = [_part(part, today, lead_time_days) for part in line.schedule]
    late = [part for part in parts if part.cause == "unconfirmed" or part.days_late(today) >= 1]
    return tuple(sorted(late, key=lambda part: part.expected_day))


def _part(part: ScheduleLine, today: int, lead_time_days: float) -> LatePart:
    expected = part.expected
    cause: DelayCause
    if part.source == UNCONFIRMED:
        cause = "unconfirmed"
        expected = max(part.since // DAY_MS + math.ceil(lead_time_days), today, part.first_day)
    elif expected < today:
        cause = "overdue"
    elif part.disrupted:
        cause = "disruption"
    else:
        cause = "promise"
    return LatePart(
        units=part.quantity / THOUSANDTHS, first_day=part.first_day, first_promised=part.first_promised,
        expected_day=expected, cause=cause, schedule_line=part.name,
    )  # fmt: skip


def delay_evidence(
    key: Key, line: PurchaseLine, supplier: str, today: int, *, cover_days: float, lead_time_days: float,
    usual_days_late: int, stock_known: bool = True, known: DelayDetails | None = None,
) -> DelayEvidence:  # fmt: skip
    """Evidence about a line on local day ``today``."""
    return DelayEvidence(
        po_id=key[0], line=key[1], supplier=supplier, units_ordered=line.ordered / THOUSANDTHS,
        units_open=line.open / THOUSANDTHS, units_received=line.received / THOUSANDTHS,
        late=late_parts(line, today, lead_time_days), current_day=today, cover_days=cover_days,
        stock_known=stock_known,
        next_day=line.schedule[0].expected if line.schedule else NO_DAY, usual_days_late=usual_days_late,
        first_day=min((part.first_day for part in line.schedule if part.first_day != NO_DAY), default=line.placed_day),
        cancelled=line.cancelled, known=known,
    )  # fmt: skip
