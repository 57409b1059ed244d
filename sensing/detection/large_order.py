"""Detector large_order: a real order line far outside the sizes of its row, such as project business.

It opens on the event and ends when nothing is open on the line any more. `sensing.detection.order_size` has the test.
The line is open demand at once; it teaches level, profile and sizes no more than a capped quantity.
"""

import datetime as dt
import math

import msgspec

from sensing.contracts.exception_details import LargeOrderDetails, LargeOutcome
from sensing.contracts.exceptions import Resolution
from sensing.detection.detector import Detector, Evaluation, Hysteresis
from sensing.detection.finding import DetectionContext
from sensing.detection.sentences import about, number
from sensing.detection.severity import lift_points
from sensing.machine_settings import DAY_MINUTES, DAY_MS

ENDED: dict[LargeOutcome, str] = {
    "shipped": "was shipped",
    "cancelled": "was cancelled or closed",
    "settled": "is taken as shipped, since stock was counted after its day",
}


class LargeLine(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: an order line far outside its row's sizes.

    Parameters
    ----------
    units_open
        Base units not shipped yet; 0 when the line was shipped, cancelled or changed to a usual quantity.
    typical, largest
        Usual and largest usual line of the row before this one, units.
    on_hand
        Units on hand; NaN if stock was never counted.
    free
        Units on hand less all open demand that is due, this line included; NaN as above.
    requested_date, unit_price, customer
        Further facts of the line.
    order_day
        Local day on which the line was ordered.
    outcome
        How the line ended; None while units are open.
    """

    order_id: str
    line: str
    quantity: float
    units_open: float
    typical: float
    largest: float
    on_hand: float
    free: float
    requested_date: dt.date | None = None
    unit_price: float | None = None
    customer: str | None = None
    order_day: int
    outcome: LargeOutcome | None = None

    @property
    def resolution(self) -> Resolution:
        """How the problem ended."""
        if self.outcome == "changed":
            return "corrected"
        return "cancelled" if self.outcome == "cancelled" else "shipped"


def evaluate_large(evidence: LargeLine) -> Evaluation:
    """A large line opens a problem; it ends when nothing is open on it."""
    active = evidence.units_open > 0.0
    known = not math.isnan(evidence.on_hand)
    share = evidence.quantity / evidence.on_hand if known and evidence.on_hand > 0.0 else math.nan
    details = LargeOrderDetails(
        order_id=evidence.order_id,
        line=evidence.line,
        quantity=evidence.quantity,
        units_open=evidence.units_open,
        largest_usual=round(evidence.largest, 3),
        on_hand=round(evidence.on_hand, 3) if known else None,
        free=round(evidence.free, 3) if known else None,
        share_of_stock=None if math.isnan(share) else round(share, 4),
        requested_date=evidence.requested_date,
        unit_price=evidence.unit_price,
        customer=evidence.customer,
        outcome=evidence.outcome,
    )  # fmt: skip
    return Evaluation(
        active=active,
        cleared=not active,
        final=not active,
        resolution=evidence.resolution,
        start=evidence.order_day,
        severity_points=lift_points(evidence.quantity / max(evidence.largest, 1e-3), math.nan),
        key=(evidence.order_id, evidence.line),
        expected=evidence.typical,
        observed=evidence.quantity,
        money_units=evidence.quantity,
        details=details,
    )


def large_sentence(context: DetectionContext, evidence: LargeLine, evaluation: Evaluation) -> str:
    """Sentence: the quantity, what is usual, and what is in stock."""
    line = f"Line {evidence.line} of order {evidence.order_id}"
    if not evaluation.active:
        if evidence.outcome == "changed":
            return f"{line} was changed to {number(evidence.quantity)} of {context.sku}, which is a usual quantity."
        ended = ENDED[evidence.outcome or "settled"]
        return f"{line} for {number(evidence.quantity)} of {context.sku} {ended}."
    usual = (
        f"usual lines are around {about(evidence.typical)}, the largest usual one was about {about(evidence.largest)}"
    )
    stock = "the stock is not known"
    if not math.isnan(evidence.on_hand):
        stock = f"{number(evidence.on_hand)} on hand"
        if evidence.free < 0.0:
            stock += f", {number(-evidence.free)} too few for all that is due by then"
    return f"{line} asks for {number(evidence.quantity)} of {context.sku} at {context.location}: {usual}; {stock}."


LARGE_ORDER = Detector(
    name="large_order",
    prefix="large",
    opens="an order line lies far outside the sizes of its row, without two signs of a slip; it counts at once",
    ends="the line is shipped, cancelled or changed to a usual quantity",
    route="planner",
    inform=("customer_service",),
    details=LargeOrderDetails,
    hysteresis=Hysteresis(1, 1, 0, 1 * DAY_MS, 60 * DAY_MS),
    deadline_minutes=(2 * DAY_MINUTES, DAY_MINUTES, 8 * 60, 2 * 60),
    evaluate=evaluate_large,
    sentence=large_sentence,
)
