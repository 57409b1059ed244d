"""Sentence of `supplier_delay`: the line, how late it is, first and expected days, and how long stock lasts."""

import math

from sensing.codec.event_record import NO_DAY
from sensing.codec.instants import day_number
from sensing.detection.delay_evidence import DelayEvidence, LatePart
from sensing.detection.detector import Evaluation
from sensing.detection.finding import DetectionContext
from sensing.detection.sentences import are, day_name, number, plural

PARTS_IN_SENTENCE = 3


def delay_sentence(_: DetectionContext, evidence: DelayEvidence, evaluation: Evaluation) -> str:
    """Sentence about one purchase-order line."""
    supplier = evidence.supplier or "an unknown supplier"
    subject = f"Line {evidence.line} of purchase order {evidence.po_id} from {supplier}"
    worst, today = evidence.worst, evidence.current_day
    if worst is None:
        return f"{subject} {_ended(evidence)}."
    late = plural(worst.days_late(today), "day")
    of_line = f" of {number(evidence.units_ordered)}" if worst.units < evidence.units_ordered else ""
    goods = f"{number(worst.units)}{of_line}{_first_day(worst, today)} {are(worst.units)}"
    rest = _others(evidence, worst)
    tail = f"{_usual(evidence, worst)}{_stock(evidence, covered=evidence.covered(worst))}"
    expected = day_name(worst.expected_day, today)
    if worst.cause == "unconfirmed":
        return f"{subject}: {goods} not confirmed, and expected around {expected}{rest}; {tail}."
    if worst.cause == "overdue":
        return f"{subject} is overdue by {late}: {goods} missing{rest}; {tail}."
    moved = f"now promised for {expected}"
    if worst.cause != "promise":
        moved = f"expected on {expected}, as the supplier is disrupted"
    return f"{subject} comes {late} late: {goods} {moved}{rest}; {tail}."


def _ended(evidence: DelayEvidence) -> str:
    """What ended the delay."""
    received, ordered = number(evidence.units_received), number(evidence.units_ordered)
    if evidence.outcome == "received":
        return f"was received in full ({received}){_days_late(evidence)}"
    missing = number(max(evidence.units_ordered - evidence.units_received, 0.0))
    if evidence.outcome == "cancelled":
        return "was cancelled" if evidence.units_received <= 0.0 else f"was cancelled after {received} had arrived"
    if evidence.outcome == "closed_short":
        return f"was closed: {received} of {ordered} arrived, {missing} will not come"
    rest = ""
    if evidence.next_day != NO_DAY:
        rest = f": {number(evidence.units_open)} {are(evidence.units_open)} expected"
        rest += f" from {day_name(evidence.next_day, evidence.current_day)} on"
    return f"is not late any more{rest}"


def _days_late(evidence: DelayEvidence) -> str:
    known = evidence.known
    if known is None or known.promised_date is None:
        return ""
    first = day_number(known.promised_date)
    late = evidence.current_day - first
    said = "promised" if known.promised_by == "supplier" else "ordered"
    when = f"the {said} {day_name(first, evidence.current_day)}"
    return f", {plural(late, 'day')} after {when}" if late > 0 else ""


def _first_day(part: LatePart, today: int) -> str:
    if part.first_day == NO_DAY:
        return ""
    return f", {'promised' if part.first_promised else 'ordered'} for {day_name(part.first_day, today)},"


def _others(evidence: DelayEvidence, worst: LatePart) -> str:
    """The other late schedule lines: their units and expected days."""
    others = [part for part in evidence.late if part is not worst]
    if not others:
        return ""
    today = evidence.current_day
    named = [f"{number(part.units)} by {day_name(part.expected_day, today)}" for part in others[:PARTS_IN_SENTENCE]]
    more = [f"{len(others) - PARTS_IN_SENTENCE} more"] if len(others) > PARTS_IN_SENTENCE else []
    return f" (also late: {', '.join(named + more)})"


def _usual(evidence: DelayEvidence, worst: LatePart) -> str:
    """What is usual, where a supplier is often late."""
    usual = evidence.usual_days_late
    if worst.cause == "unconfirmed" or usual < 1:
        return ""
    return f"up to {plural(usual, 'day')} late is usual; "


def _stock(evidence: DelayEvidence, *, covered: bool | None) -> str:
    if covered is None:
        return "the stock is not known"
    if math.isnan(evidence.cover_days):
        return "nothing is forecast to be needed meanwhile"
    days = math.floor(evidence.cover_days)
    if days < 1:
        return "stock does not last a day"
    return f"stock lasts {plural(days, 'day')}, which {'covers' if covered else 'does not cover'} the gap"
