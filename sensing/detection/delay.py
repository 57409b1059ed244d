"""Detector supplier_delay: goods on order arrive later than first ordered or promised, are overdue at a day's close, or
the supplier has not confirmed a part of them.

One exception is about one purchase-order line. It opens for a schedule line that is at least a day late if

- stock does not last until its expected day, or today if that has passed, plus the lateness that is usual for its
  supplier (`sensing.supply.usual_lateness`), or
- it is far later than usual, see `DelayEvidence.is_news`. Where stock is not known, later than usual is enough.

At a day's close it also opens when a confirmation left out a part of the line. It ends when nothing is late any more,
received or cancelled. It ends as well when stock, which was not known, is counted and makes the delay no news: so is
the first count of an installation that goes live. Late lines that open nothing, and those that end so, are listed in
the `delay_digest` of their supplier.

Lateness is measured from the first day of the schedule line to its expected day or, once that has passed, to today.
Days are local day numbers.

A sentence says "promised" only of days that the supplier has named. A day of the order is the day for which the line
"was ordered"; a day that a disruption or silence moves is only "expected".
"""

import datetime as dt
import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY
from sensing.codec.instants import date, local_date
from sensing.contracts.exception_details import DelayDetails
from sensing.contracts.exceptions import Resolution
from sensing.detection.delay_evidence import FAR_DAYS, FAR_TIMES, DelayEvidence, delay_evidence
from sensing.detection.delay_sentence import delay_sentence
from sensing.detection.detector import Closing, Detector, Evaluation, Hysteresis, ShardParts
from sensing.machine_settings import DAY_MINUTES, DAY_MS
from sensing.supply.usual_lateness import usual_days_late


def delay_points(days_late: float, *, covered: bool) -> float:
    """Severity points of a receipt that is ``days_late`` days late: one each from 3, 7 and 14 days on, plus two if
    stock does not cover the gap.

    A gap that stock covers has at most one point, since nobody waits for the goods.
    """
    points = sum((1.0 for step in (3.0, 7.0, 14.0) if days_late >= step), 0.0)
    return min(points, 1.0) if covered else min(points + 2.0, 4.0)


def triggers(parts: ShardParts, closing: Closing) -> NDArray[np.bool_]:
    """Rows with a line that is overdue or not confirmed, or that the digest of its supplier lists."""
    plan = closing.plan
    return parts.supply.purchases.late_rows(plan.rows, plan.day) | parts.late_lines.listed(plan.rows)


def at_close(parts: ShardParts, closing: Closing, at: int) -> list[DelayEvidence]:
    """Every open line of one row that is overdue, not confirmed or known to be late."""
    row, day = int(closing.plan.rows[at]), closing.plan.day
    known = {
        (details.po_id, details.line): details
        for finding in parts.problems.open_findings(row, SUPPLIER_DELAY.name)
        if isinstance(details := finding.details, DelayDetails)
    }
    watched = [*known, *parts.late_lines.of_row(row)]
    lanes = parts.supply.lanes
    return [
        delay_evidence(
            key, line, lanes.names[line.supplier], day + 1, cover_days=float(closing.plan.cover_days[at]),
            lead_time_days=float(closing.plan.lead_time_days_mean[at]),
            usual_days_late=usual_days_late(lanes.pools[line.supplier]),
            stock_known=not math.isnan(closing.plan.on_hand[at]), known=known.get(key),
        )
        for key, line in parts.supply.purchases.late(row, day, watched)
    ]  # fmt: skip


def evaluate_delay(evidence: DelayEvidence) -> Evaluation:
    """Judge one purchase-order line by its schedule line that is most days late."""
    worst, name = evidence.worst, (evidence.po_id, evidence.line)
    if worst is None:
        return Evaluation(
            active=False, cleared=True, final=True, resolution=_resolution(evidence), severity_points=0.0, key=name,
            purchase_order=name, expected=0.0, observed=0.0, money_units=0.0, inform=(), marker="",
            details=_ending(evidence),
        )  # fmt: skip
    covered, days_late = evidence.covered(worst), worst.days_late(evidence.current_day)
    active, settled = evidence.is_news(worst), evidence.is_settled_by_count(worst)
    first = _date(worst.first_day)
    units_late = sum(part.units for part in evidence.late)
    return Evaluation(
        active=active,
        cleared=settled,
        final=settled,
        harmless=covered is not False,
        start=None if evidence.first_day == NO_DAY else evidence.first_day,
        severity_points=delay_points(days_late, covered=covered is not False),
        key=name,
        purchase_order=name,
        expected=0.0,
        observed=float(max(days_late, 0)),
        money_units=units_late,
        inform=None if covered is False else (),
        marker=";".join(
            f"{part.units:g} {'' if part.cause == 'unconfirmed' else local_date(part.expected_day)}"
            for part in evidence.late
        ),
        details=msgspec.structs.replace(
            _line(evidence), units_late=units_late, schedule_line=worst.schedule_line or None,
            schedule_quantity=worst.units, promised_date=first,
            promised_by=None if first is None else "supplier" if worst.first_promised else "order",
            expected_date=date(worst.expected_day), days_late=days_late, covered=covered, cause=worst.cause,
        ),
    )  # fmt: skip


def _line(evidence: DelayEvidence) -> DelayDetails:
    cover = evidence.cover_days
    return DelayDetails(
        po_id=evidence.po_id, line=evidence.line, supplier=evidence.supplier, units_open=evidence.units_open,
        usual_days_late=evidence.usual_days_late, cover_days=None if math.isnan(cover) else round(cover, 1),
    )  # fmt: skip


def _resolution(evidence: DelayEvidence) -> Resolution:
    if evidence.units_open > 0.0:
        return "back_to_normal"
    return "cancelled" if evidence.cancelled else "received"


def _ending(evidence: DelayEvidence) -> DelayDetails:
    """Details of a line that is not late any more; its first day is that of the open exception."""
    known = evidence.known
    return msgspec.structs.replace(
        _line(evidence), outcome=evidence.outcome, expected_date=_date(evidence.next_day),
        promised_date=None if known is None else known.promised_date,
        promised_by=None if known is None else known.promised_by,
    )  # fmt: skip


def _date(day: int) -> dt.date | None:
    return None if day == NO_DAY else date(day)


SUPPLIER_DELAY = Detector(
    name="supplier_delay",
    prefix="delay",
    opens="a purchase-order line is at least a day late, and stock does not last until it comes, even if it is as late"
    f" as usual for its supplier, or it is {FAR_DAYS} days late and more than {FAR_TIMES} times the usual lateness; or"
    " it is confirmed in part",
    ends="nothing of the line is late any more: it is back to its first date, confirmed, received or cancelled; or"
    " stock was not known, and a count shows that it covers the gap",
    route="buyer",
    inform=("planner",),
    details=DelayDetails,
    hysteresis=Hysteresis(1, 1, 0, 1 * DAY_MS, 60 * DAY_MS),
    deadline_minutes=(3 * DAY_MINUTES, 2 * DAY_MINUTES, DAY_MINUTES, 4 * 60),
    evaluate=evaluate_delay,
    sentence=delay_sentence,
    triggers=triggers,
    at_close=at_close,
)
