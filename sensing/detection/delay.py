"""Detector supplier_delay: goods on order arrive later than first ordered or promised, are overdue at a day's close, or
the supplier has not confirmed a part of them.

One exception is about one purchase-order line. It opens when a schedule line is at least a day late. At a day's close
it also opens when a confirmation left out a part of the line. It ends when nothing is late any more, received or
cancelled. Lateness is measured from the first day of the schedule line to its expected day or, once that has passed, to
today. Days are local day numbers.

A sentence says "promised" only of days that the supplier has named. A day of the order is the day for which the line
"was ordered"; a day that a disruption or silence moves is only "expected".
"""

import math
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY, THOUSANDTHS
from sensing.codec.instants import local_date
from sensing.contracts.exceptions import Resolution
from sensing.detection.detector import DAY_MINUTES, Closing, Detector, Evaluation, Hysteresis, ShardParts
from sensing.detection.finding import Detail, DetectionContext
from sensing.detection.sentences import number, plural
from sensing.machine_settings import DAY_MS
from sensing.supply.open_table import Key
from sensing.supply.purchase_line import PurchaseLine
from sensing.supply.schedule_lines import UNCONFIRMED, ScheduleLine

Cause = Literal["promise", "disruption", "overdue", "unconfirmed"]
PARTS_IN_SENTENCE = 3


def delay_points(days_late: float, *, covered: bool) -> float:
    """Severity points of a receipt that is ``days_late`` days late: one each from 3, 7 and 14 days on, plus two if
    stock does not cover the gap.

    A gap that stock covers has at most one point, since nobody waits for the goods.
    """
    points = sum((1.0 for step in (3.0, 7.0, 14.0) if days_late >= step), 0.0)
    return min(points, 1.0) if covered else min(points + 2.0, 4.0)


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
    cause: Cause
    schedule_line: str = ""

    def days_late(self, today: int) -> int:
        """Days after its first day."""
        return 0 if self.first_day == NO_DAY else max(self.expected_day, today) - self.first_day


class DelayEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase-order line, after an event about it or at a day's close.

    Parameters
    ----------
    units_ordered, units_open
        Base units of the whole line, and those still to come; 0 open when all was received or the rest cancelled.
    late
        Its late schedule lines, in order of their expected days.
    next_day
        Local day on which the next goods are expected if nothing is late; NO_DAY: none.
    current_day
        Local day of the event, or the day that follows the one that closed.
    cover_days
        Days from today that stock lasts without any receipt; NaN: for ever.
    first_day
        First local day for which its open schedule lines were ordered or promised, else that of its placement; NO_DAY:
        none is known.
    cancelled
        Whether the line was cancelled.
    """

    po_id: str
    line: str
    supplier: str
    units_ordered: float
    units_open: float
    late: tuple[LatePart, ...]
    current_day: int
    cover_days: float
    next_day: int = NO_DAY
    first_day: int = NO_DAY
    cancelled: bool = False

    @property
    def worst(self) -> LatePart | None:
        """The schedule line that is most days late."""
        return max(self.late, key=lambda part: part.days_late(self.current_day), default=None)

    def covered(self, part: LatePart) -> bool:
        """Whether stock lasts until a schedule line arrives."""
        gap = max(part.expected_day - self.current_day, 0) + (1 if part.cause == "overdue" else 0)
        return math.isnan(self.cover_days) or self.cover_days >= gap


def late_parts(line: PurchaseLine, today: int, lead_time_days: float) -> tuple[LatePart, ...]:
    """Schedule lines of a line that are late on local day ``today`` or not confirmed.

    ``lead_time_days`` is the mean lead time, after which goods without a date are expected.
    """
    parts = [_part(part, today, lead_time_days) for part in line.schedule]
    late = [part for part in parts if part.cause == "unconfirmed" or part.days_late(today) >= 1]
    return tuple(sorted(late, key=lambda part: part.expected_day))


def _part(part: ScheduleLine, today: int, lead_time_days: float) -> LatePart:
    expected = part.expected
    cause: Cause
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
    key: Key, line: PurchaseLine, supplier: str, today: int, cover_days: float, lead_time_days: float
) -> DelayEvidence:
    """Evidence about a line on local day ``today``."""
    return DelayEvidence(
        po_id=key[0], line=key[1], supplier=supplier, units_ordered=line.ordered / THOUSANDTHS,
        units_open=line.open / THOUSANDTHS, late=late_parts(line, today, lead_time_days), current_day=today,
        cover_days=cover_days, next_day=line.schedule[0].expected if line.schedule else NO_DAY,
        first_day=min((part.first_day for part in line.schedule if part.first_day != NO_DAY), default=line.placed_day),
        cancelled=line.cancelled,
    )  # fmt: skip


def triggers(parts: ShardParts, closing: Closing) -> NDArray[np.bool_]:
    """Rows with a line that is overdue or not confirmed."""
    return parts.supply.purchases.late_rows(closing.plan.rows, closing.plan.day)


def at_close(parts: ShardParts, closing: Closing, at: int) -> list[DelayEvidence]:
    """Every open line of one row that is overdue, not confirmed or known to be late."""
    row, day = int(closing.plan.rows[at]), closing.plan.day
    watched = [
        (str(finding.details["po_id"]), str(finding.details["line"]))
        for finding in parts.problems.open_findings(row, SUPPLIER_DELAY.name)
    ]
    cover_days, lead_time_days = float(closing.plan.cover_days[at]), float(closing.plan.lead_time_days_mean[at])
    names = parts.supply.lanes.names
    return [
        delay_evidence(key, line, names[line.supplier], day + 1, cover_days, lead_time_days)
        for key, line in parts.supply.purchases.late(row, day, watched)
    ]


def evaluate_delay(evidence: DelayEvidence) -> Evaluation:
    """Judge one purchase-order line by its schedule line that is most days late."""
    worst, name = evidence.worst, (evidence.po_id, evidence.line)
    if worst is None:
        return Evaluation(
            active=False, cleared=True, final=True, resolution=_resolution(evidence), severity_points=0.0, key=name,
            purchase_order=name,
            expected=0.0, observed=0.0, money_units=0.0, inform=(), marker="",
            details=_details(evidence) | {"days_late": 0, "covered": 1, "expected_date": _date(evidence.next_day)},
        )  # fmt: skip
    covered, days_late = evidence.covered(worst), worst.days_late(evidence.current_day)
    first = _date(worst.first_day)
    expected = local_date(worst.expected_day)
    return Evaluation(
        active=True,
        cleared=False,
        final=False,
        harmless=covered,
        start=None if evidence.first_day == NO_DAY else evidence.first_day,
        severity_points=delay_points(days_late, covered=covered),
        key=name,
        purchase_order=name,
        expected=0.0,
        observed=float(max(days_late, 0)),
        money_units=sum(part.units for part in evidence.late),
        inform=() if covered else None,
        marker=";".join(
            f"{part.units:g} {'' if part.cause == 'unconfirmed' else local_date(part.expected_day)}"
            for part in evidence.late
        ),
        details=_details(evidence)
        | {
            "units_late": sum(part.units for part in evidence.late),
            "schedule_line": worst.schedule_line or None,
            "schedule_quantity": worst.units,
            "promised_day": None if first is None else worst.first_day,
            "promised_date": first,
            "promised_by": "supplier" if worst.first_promised else "order",
            "expected_date": expected,
            "days_late": days_late,
            "covered": int(covered),
            "cause": worst.cause,
        },
    )


def _resolution(evidence: DelayEvidence) -> Resolution:
    if evidence.units_open > 0.0:
        return "back_to_normal"
    return "cancelled" if evidence.cancelled else "received"


def _date(day: int) -> str | None:
    return None if day == NO_DAY else local_date(day)


def _details(evidence: DelayEvidence) -> dict[str, Detail]:
    return {
        "po_id": evidence.po_id,
        "line": evidence.line,
        "supplier": evidence.supplier,
        "units_open": evidence.units_open,
    }


def delay_sentence(_: DetectionContext, evidence: DelayEvidence, evaluation: Evaluation) -> str:
    """Sentence: the line, how late it is, first and expected days, and how long stock lasts."""
    supplier = evidence.supplier or "an unknown supplier"
    subject = f"Line {evidence.line} of purchase order {evidence.po_id} from {supplier}"
    worst = evidence.worst
    if evidence.units_open <= 0.0:
        return f"{subject}: nothing is open any more."
    if worst is None:
        return f"{subject} is not late any more{_expected_on(evidence.next_day)}."
    late = plural(worst.days_late(evidence.current_day), "day")
    of_line = f" of {number(evidence.units_ordered)}" if worst.units < evidence.units_ordered else ""
    units = f"{number(worst.units)}{of_line}"
    first = _first_day(worst)
    stock = _stock(evidence.cover_days, evidence.covered(worst))
    rest = _others(evidence, worst)
    expected = local_date(worst.expected_day)
    if worst.cause == "unconfirmed":
        were = f"they {first} and" if first else "they"
        return f"{subject}: {units} are not confirmed; {were} are expected around {expected}{rest}; {stock}."
    if worst.cause == "overdue":
        return f"{subject} is overdue by {late}: {units} {first}{rest}; {stock}."
    moved = (
        "the supplier now promises"
        if worst.cause == "promise"
        else "the supplier is disrupted and they are expected on"
    )
    return f"{subject} comes {late} late: {units} {first}, {moved} {expected}{rest}; {stock}."


def _first_day(part: LatePart) -> str:
    if part.first_day == NO_DAY:
        return ""
    return f"were {'promised' if part.first_promised else 'ordered'} for {local_date(part.first_day)}"


def _expected_on(day: int) -> str:
    return "" if day == NO_DAY else f"; goods are expected on {local_date(day)}"


def _others(evidence: DelayEvidence, worst: LatePart) -> str:
    """The other late schedule lines: their units and expected days."""
    others = [part for part in evidence.late if part is not worst]
    if not others:
        return ""
    named = [f"{number(part.units)} by {local_date(part.expected_day)}" for part in others[:PARTS_IN_SENTENCE]]
    more = [f"{len(others) - PARTS_IN_SENTENCE} more"] if len(others) > PARTS_IN_SENTENCE else []
    return f" (also late: {', '.join(named + more)})"


def _stock(cover_days: float, covered: bool) -> str:
    if math.isnan(cover_days):
        return "nothing is forecast to be needed meanwhile"
    return f"stock lasts {plural(cover_days, 'day')}, which {'covers' if covered else 'does not cover'} the gap"


SUPPLIER_DELAY = Detector(
    name="supplier_delay",
    prefix="delay",
    opens="a purchase-order line is expected at least a day after its first date, is overdue, or is confirmed in part",
    ends="nothing of the line is late any more: it is back to its first date, confirmed, received or cancelled",
    route="buyer",
    inform=("planner",),
    hysteresis=Hysteresis(1, 1, 0, 1 * DAY_MS, 60 * DAY_MS),
    deadline_minutes=(3 * DAY_MINUTES, 2 * DAY_MINUTES, DAY_MINUTES, 4 * 60),
    evaluate=evaluate_delay,
    sentence=delay_sentence,
    triggers=triggers,
    at_close=at_close,
)
