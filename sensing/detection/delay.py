"""supplier_delay: a purchase-order line comes later than first promised, or is overdue at a day's close.

Opens when the line is at least a day late, ends when it is back to its first promise, received or cancelled. A line is
as late as its new date says; when that too has passed, as late as today says. Days are local day numbers.
"""

import math
from typing import Literal

from sensing.codec.instants import local_date
from sensing.contracts.subjects import problem_key
from sensing.detection.finding import Finding, Look
from sensing.detection.sentences import number, plural
from sensing.detection.severity import delay_strength

Cause = Literal["promise", "disruption", "overdue"]
_SAID: dict[Cause, str] = {
    "promise": "the supplier now promises",
    "disruption": "the supplier is disrupted and",
    "overdue": "nothing was heard and",
}


def first_promise(latest: Finding | None, before: int) -> int:
    """Day a delay is measured from: that of the open problem, else the day promised before this event."""
    if latest is None:
        return before
    day = latest.details["promised_day"]
    assert isinstance(day, int), "a delay always says its promised day"
    return day


def delay(
    look: Look,
    po_id: str,
    line: str,
    supplier: str,
    units_open: float,
    promised_day: int,
    expected_day: int,
    today: int,
    cover_days: float,
    cause: Cause,
) -> Finding:
    """Judge one purchase-order line, after an event about it and at a day's close.

    Parameters
    ----------
    look
        Who, when, price, cause.
    units_open
        Base units still to come; 0 when all was received or the rest cancelled.
    promised_day, expected_day
        Local day first promised (`first_promise`) and now expected.
    today
        Local day of the event, or the day that follows the one that closed.
    cover_days
        Days from today that stock lasts without any receipt; NaN: for ever.
    cause
        What made it late.
    """
    overdue = expected_day < today
    arrival = today if overdue else expected_day
    days_late = arrival - promised_day
    active = units_open > 0.0 and days_late >= 1
    covered = math.isnan(cover_days) or cover_days >= arrival - today + (1 if overdue else 0)
    subject = f"Line {line} of purchase order {po_id} from {supplier or 'an unknown supplier'}"
    if units_open <= 0.0:
        reason = f"{subject}: nothing is open any more."
    elif not active:
        reason = f"{subject} is expected on {local_date(arrival)} again, as promised."
    else:
        late = plural(days_late, "day")
        if overdue:
            reason = (
                f"{subject} is overdue by {late}: {number(units_open)} were promised for {local_date(promised_day)}"
            )
        else:
            reason = (
                f"{subject} comes {late} late: {number(units_open)} were promised for {local_date(promised_day)}, "
                f"{_SAID[cause]} {'' if cause == 'promise' else 'they are expected on '}{local_date(arrival)}"
            )
        reason += f"; {_stock(cover_days, covered)}."
    return look.finding(
        "supplier_delay",
        key=problem_key(look.sku, look.location, po_id, line),
        active=active,
        cleared=not active,
        final=not active,
        strength=delay_strength(days_late, covered=covered),
        expected=0.0,
        observed=float(max(days_late, 0)),
        money_units=units_open,
        reason=reason,
        route="buyer",
        inform=() if covered else ("planner",),
        marker=local_date(expected_day),
        details={
            "po_id": po_id,
            "line": line,
            "supplier": supplier,
            "units_open": units_open,
            "promised_day": promised_day,
            "promised_date": local_date(promised_day),
            "expected_date": local_date(expected_day),
            "days_late": days_late,
            "covered": int(covered),
        },
    )


def _stock(cover_days: float, covered: bool) -> str:
    if math.isnan(cover_days):
        return "nothing is forecast to be needed meanwhile"
    return f"stock lasts {plural(cover_days, 'day')}, which {'covers' if covered else 'does not cover'} the gap"
