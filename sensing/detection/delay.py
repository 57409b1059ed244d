"""Detector supplier_delay: a purchase-order line arrives later than first promised, or is overdue at a day's close.

It opens when the line is at least a day late. It ends when the line is back to its first promise, received or
cancelled. Lateness is measured to the expected date or, once that has passed, to today. Days are local day numbers.
"""

import math
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS
from sensing.codec.instants import local_date
from sensing.contracts.subjects import problem_key
from sensing.detection.detector import DAY_MINUTES, Closing, Detector, Evaluation, Hysteresis, ShardParts
from sensing.detection.finding import DetectionContext, Finding
from sensing.detection.sentences import number, plural
from sensing.machine_settings import DAY_MS

Cause = Literal["promise", "disruption", "overdue"]
_CAUSE_TEXT: dict[Cause, str] = {
    "promise": "the supplier now promises",
    "disruption": "the supplier is disrupted and",
    "overdue": "nothing was heard and",
}


def delay_points(days_late: float, *, covered: bool) -> float:
    """Severity points of a receipt that is ``days_late`` days late: one each from 3, 7 and 14 days on, plus two if
    stock does not cover the gap.

    A gap that stock covers has at most one point, since nobody waits for the goods.
    """
    points = sum((1.0 for step in (3.0, 7.0, 14.0) if days_late >= step), 0.0)
    return min(points, 1.0) if covered else min(points + 2.0, 4.0)


def first_promise(latest: Finding | None, before: int) -> int:
    """Day from which a delay is measured: the promised day of the open problem, else the one before this event."""
    if latest is None:
        return before
    day = latest.details["promised_day"]
    assert isinstance(day, int), "a delay always says its promised day"
    return day


class DelayEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase-order line, after an event about it or at a day's close.

    Parameters
    ----------
    units_open
        Base units still to come; 0 when all was received or the rest cancelled.
    promised_day, expected_day
        Local day first promised (`first_promise`) and now expected.
    current_day
        Local day of the event, or the day that follows the one that closed.
    cover_days
        Days from today that stock lasts without any receipt; NaN: for ever.
    cause
        What made it late.
    """

    po_id: str
    line: str
    supplier: str
    units_open: float
    promised_day: int
    expected_day: int
    current_day: int
    cover_days: float
    cause: Cause

    @property
    def overdue(self) -> bool:
        """Whether the expected day has passed."""
        return self.expected_day < self.current_day

    @property
    def arrival(self) -> int:
        """Earliest local day on which the goods can arrive."""
        return max(self.expected_day, self.current_day)

    @property
    def days_late(self) -> int:
        """Days after the first promise."""
        return self.arrival - self.promised_day

    @property
    def covered(self) -> bool:
        """Whether stock lasts until the arrival."""
        gap = self.arrival - self.current_day + (1 if self.overdue else 0)
        return math.isnan(self.cover_days) or self.cover_days >= gap


def triggers(parts: ShardParts, closing: Closing) -> NDArray[np.bool_]:
    """Rows with an overdue line."""
    return parts.supply.purchases.overdue(closing.plan.rows, closing.plan.day)


def at_close(parts: ShardParts, closing: Closing, at: int) -> list[DelayEvidence]:
    """Every open line of one row that is overdue or known to be late."""
    found = []
    row, day = int(closing.plan.rows[at]), closing.plan.day
    watched = [
        (str(finding.details["po_id"]), str(finding.details["line"]))
        for finding in parts.problems.open_findings(row, SUPPLIER_DELAY.name)
    ]
    sku, location = parts.names_of(row)
    for (po_id, name), line in parts.supply.purchases.late(row, day, watched):
        key = problem_key(sku, location, po_id, name)
        expected = line.promised_day + round(line.shift_days)
        evidence = DelayEvidence(
            po_id=po_id,
            line=name,
            supplier=parts.supply.lanes.names[line.supplier],
            units_open=line.open / THOUSANDTHS,
            promised_day=first_promise(parts.problems.latest(SUPPLIER_DELAY.name, key), line.promised_day),
            expected_day=expected,
            current_day=day + 1,
            cover_days=float(closing.plan.cover_days[at]),
            cause="overdue" if expected <= day else "promise",
        )
        found.append(evidence)
    return found


def evaluate_delay(evidence: DelayEvidence) -> Evaluation:
    """Judge one purchase-order line."""
    covered, days_late = evidence.covered, evidence.days_late
    active = evidence.units_open > 0.0 and days_late >= 1
    return Evaluation(
        active=active,
        cleared=not active,
        final=not active,
        severity_points=delay_points(days_late, covered=covered),
        key=(evidence.po_id, evidence.line),
        expected=0.0,
        observed=float(max(days_late, 0)),
        money_units=evidence.units_open,
        inform=() if covered else None,
        marker=local_date(evidence.expected_day),
        details={
            "po_id": evidence.po_id,
            "line": evidence.line,
            "supplier": evidence.supplier,
            "units_open": evidence.units_open,
            "promised_day": evidence.promised_day,
            "promised_date": local_date(evidence.promised_day),
            "expected_date": local_date(evidence.expected_day),
            "days_late": days_late,
            "covered": int(covered),
        },
    )


def delay_sentence(_: DetectionContext, evidence: DelayEvidence, evaluation: Evaluation) -> str:
    """Sentence: the line, how late it is, promised and expected date, and how long stock lasts."""
    supplier = evidence.supplier or "an unknown supplier"
    subject = f"Line {evidence.line} of purchase order {evidence.po_id} from {supplier}"
    arrival = local_date(evidence.arrival)
    if evidence.units_open <= 0.0:
        return f"{subject}: nothing is open any more."
    if not evaluation.active:
        return f"{subject} is expected on {arrival} again, as promised."
    late = plural(evidence.days_late, "day")
    promised = f"{number(evidence.units_open)} were promised for {local_date(evidence.promised_day)}"
    stock = _stock(evidence.cover_days, evidence.covered)
    if evidence.overdue:
        return f"{subject} is overdue by {late}: {promised}; {stock}."
    expected = f"{'' if evidence.cause == 'promise' else 'they are expected on '}{arrival}"
    return f"{subject} comes {late} late: {promised}, {_CAUSE_TEXT[evidence.cause]} {expected}; {stock}."


def _stock(cover_days: float, covered: bool) -> str:
    if math.isnan(cover_days):
        return "nothing is forecast to be needed meanwhile"
    return f"stock lasts {plural(cover_days, 'day')}, which {'covers' if covered else 'does not cover'} the gap"


SUPPLIER_DELAY = Detector(
    name="supplier_delay",
    prefix="delay",
    opens="a purchase-order line is expected at least a day after its first promise, or is overdue",
    ends="the line is back to its first promise, received or cancelled",
    route="buyer",
    inform=("planner",),
    hysteresis=Hysteresis(1, 1, 0, 1 * DAY_MS, 60 * DAY_MS),
    deadline_minutes=(3 * DAY_MINUTES, 2 * DAY_MINUTES, DAY_MINUTES, 4 * 60),
    evaluate=evaluate_delay,
    sentence=delay_sentence,
    triggers=triggers,
    at_close=at_close,
)
