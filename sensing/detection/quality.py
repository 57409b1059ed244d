"""Detector data_quality: holds an order line whose quantity is a slip, such as a typing error or a wrong unit.

`sensing.detection.order_size` tells slips from large orders.
"""

import datetime as dt
import math

import msgspec

from sensing.contracts.exception_details import HeldLineDetails, HeldOutcome, Sign
from sensing.contracts.exceptions import Resolution
from sensing.detection.detector import Detector, Evaluation, Hysteresis
from sensing.detection.finding import DetectionContext
from sensing.detection.sentences import about, number
from sensing.detection.severity import lift_points
from sensing.machine_settings import DAY_MINUTES, DAY_MS
from sensing.state.decision_record import DecisionRecord

SIGN_TEXT: dict[Sign, str] = {
    "multiple": "the quantity is an exact multiple of a usual one",
    "price": "the price fits another quantity",
    "cancelled_twin": "the customer has just cancelled its twin",
}


class HeldLine(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: an order line that is held. The last cause of the context is its event.

    Parameters
    ----------
    typical, largest
        Usual and largest usual line of the row before this one, units.
    signs
        Why it is a slip.
    requested_date, unit_price, partition
        Further facts of the event, needed to book the line when a person releases it.
    order_day
        Local day on which the line was ordered.
    """

    order_id: str
    line: str
    quantity: float
    typical: float
    largest: float
    signs: tuple[Sign, ...]
    requested_date: dt.date | None = None
    unit_price: float | None = None
    partition: int | None = None
    order_day: int


class ReleasedLine(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: a held line of ``quantity`` that ended. It was changed to ``changed_to``, released by a person's
    ``decision_record``, or, if both are None, cancelled.
    """

    order_id: str
    line: str
    quantity: float
    changed_to: float | None = None
    decision_record: DecisionRecord | None = None

    @property
    def outcome(self) -> HeldOutcome:
        """How the line ended."""
        if self.decision_record is not None:
            return "released"
        return "cancelled" if self.changed_to is None else "changed"

    @property
    def resolution(self) -> Resolution:
        """How the problem ended."""
        return "corrected" if self.outcome == "changed" else self.outcome


QualityEvidence = HeldLine | ReleasedLine


def evaluate_quality(evidence: QualityEvidence) -> Evaluation:
    """A held line opens a problem; a released one ends it at once."""
    key = (evidence.order_id, evidence.line)
    if isinstance(evidence, ReleasedLine):
        return Evaluation(
            active=False,
            cleared=True,
            final=True,
            resolution=evidence.resolution,
            severity_points=0.0,
            key=key,
            observed=evidence.quantity,
            money_units=evidence.quantity,
            details=HeldLineDetails(
                order_id=evidence.order_id, line=evidence.line, quantity=evidence.quantity, outcome=evidence.outcome
            ),
        )
    details = HeldLineDetails(
        order_id=evidence.order_id,
        line=evidence.line,
        quantity=evidence.quantity,
        signs=evidence.signs,
        requested_date=evidence.requested_date,
        unit_price=evidence.unit_price,
        partition=evidence.partition,
    )  # fmt: skip
    return Evaluation(
        active=True,
        cleared=False,
        start=evidence.order_day,
        severity_points=lift_points(evidence.quantity / max(evidence.typical, 1e-3), math.nan),
        key=key,
        expected=evidence.typical,
        observed=evidence.quantity,
        money_units=evidence.quantity,
        details=details,
    )


def quality_sentence(context: DetectionContext, evidence: QualityEvidence, _: Evaluation) -> str:
    """Sentence: the quantity and what is usual, or how the held line ended."""
    if isinstance(evidence, HeldLine):
        return _held_sentence(context, evidence)
    what = f"Held line {evidence.line} of order {evidence.order_id} ({number(evidence.quantity)} of {context.sku})"
    if evidence.decision_record is not None:
        return f"{what} counts from now on: released {evidence.decision_record.as_text()}"
    if evidence.changed_to is None:
        return f"{what} was cancelled: it never counted."
    return f"{what} was changed to {number(evidence.changed_to)}, which counts."


def _held_sentence(context: DetectionContext, evidence: HeldLine) -> str:
    signs = " and ".join(SIGN_TEXT[sign] for sign in evidence.signs)
    return (
        f"Line {evidence.line} of order {evidence.order_id} asks for {number(evidence.quantity)} of {context.sku}"
        f" at {context.location}, which looks like a slip: usual lines are around {about(evidence.typical)}, the"
        f" largest usual one about {about(evidence.largest)}, and {signs}."
        " The line is held and does not count as demand until it is released, changed to a usual quantity or cancelled."
    )


DATA_QUALITY = Detector(
    name="data_quality",
    prefix="quality",
    opens="an order line asks for an impossible quantity; it is held and counts for nothing",
    ends="the line is released by a person, changed to a usual quantity or cancelled",
    route="data_steward",
    inform=("planner",),
    details=HeldLineDetails,
    # A held line has an exception for as long as it is held.
    hysteresis=Hysteresis(1, 1, 0, 1 * DAY_MS, 366 * DAY_MS),
    deadline_minutes=(DAY_MINUTES, 8 * 60, 4 * 60, 60),
    reserved=True,
    evaluate=evaluate_quality,
    sentence=quality_sentence,
)
