"""Detector inventory_out_of_sync: a stock count differs from the balance of earlier count and movements.

It runs on counts at locations that report shipments, since elsewhere a count is the only news of what left. It opens
when the difference exceeds the tolerance, and ends with a count within it.
"""

import math

import msgspec

from sensing.contracts.exception_details import DriftDetails
from sensing.detection.detector import Detector, Evaluation, Hysteresis
from sensing.detection.finding import DetectionContext
from sensing.detection.sentences import number, were
from sensing.machine_settings import DAY_MINUTES, DAY_MS

TOLERANCE = 0.05
"""Share of the balance by which a count may differ where policy says nothing."""
UNITS_MIN = 1.0
"""A difference of less is never reported."""


class CountDrift(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: a count of ``counted`` units that differs from the balance by ``drift`` (positive: more than booked).

    ``tolerance`` is a share of the balance.
    """

    counted: float
    drift: float
    tolerance: float

    @property
    def balance(self) -> float:
        """Units that were booked."""
        return self.counted - self.drift

    @property
    def out_of_sync(self) -> bool:
        """Whether the difference exceeds the tolerance."""
        return abs(self.drift) > max(UNITS_MIN, self.tolerance * abs(self.balance))


def drift_points(evidence: CountDrift) -> float:
    """Severity points: a difference of a tenth, a quarter, half of the balance."""
    share = abs(evidence.drift) / max(abs(evidence.balance), UNITS_MIN)
    return float(sum(share >= step for step in (0.1, 0.25, 0.5)))


def evaluate_drift(evidence: CountDrift) -> Evaluation:
    """Compare the difference with the tolerance."""
    active = evidence.out_of_sync
    return Evaluation(
        active=active,
        cleared=not active,
        final=not active,
        severity_points=drift_points(evidence) if active else 0.0,
        expected=evidence.balance,
        observed=evidence.counted,
        probability=math.nan,
        money_units=abs(evidence.drift),
        marker=f"{evidence.drift:.3f}",  # a record names the newest count
        details=DriftDetails(drift=round(evidence.drift, 3), tolerance=evidence.tolerance),
    )


def drift_sentence(_: DetectionContext, evidence: CountDrift, evaluation: Evaluation) -> str:
    """Sentence: the count, the balance and their difference."""
    counted, balance = number(evidence.counted), number(evidence.balance)
    if not evaluation.active:
        return f"The count of {counted} agrees with the balance of {balance} again."
    more = "more" if evidence.drift > 0.0 else "fewer"
    apart = f"{number(abs(evidence.drift))} {more} than the balance of {balance}"
    return f"{counted} {were(evidence.counted)} counted, {apart}."


INVENTORY_OUT_OF_SYNC = Detector(
    name="inventory_out_of_sync",
    prefix="sync",
    opens="a stock count differs from the balance by more than the policy's `count_tolerance`",
    ends="a later count is within it",
    route="planner",
    inform=("data_steward",),
    details=DriftDetails,
    hysteresis=Hysteresis(1, 1, 0, 1 * DAY_MS, 30 * DAY_MS),
    deadline_minutes=(3 * DAY_MINUTES, 2 * DAY_MINUTES, DAY_MINUTES, 8 * 60),
    evaluate=evaluate_drift,
    sentence=drift_sentence,
)
