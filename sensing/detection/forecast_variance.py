"""Detector forecast_variance: the sensed forecast and the baseline plan of a row differ beyond policy.

It runs at a row's day close, over the planned days of the next 28. It opens on the second close in a row at which all
hold: the difference exceeds the policy's share of the plan, its units, its money where both are known, and
``DEVIATIONS_MIN`` standard deviations of the sensed demand of those days; the row has learned ``HISTORY_DAYS_MIN``
days.
On Poisson demand that equals its plan a difference beyond two deviations of the days ahead is rare, since the sensed
level is smoothed over more days than these.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.contracts.exception_details import VarianceDetails
from sensing.contracts.exceptions import Resolution
from sensing.detection.detector import Closing, Detector, Evaluation, Hysteresis, ShardParts
from sensing.detection.finding import DetectionContext
from sensing.detection.sentences import day_name, number, plural
from sensing.machine_settings import DAY_MINUTES, DAY_MS
from sensing.supply.master_data import MasterData

NAME = "forecast_variance"
SHARE = 0.3
"""Share of the plan by which the sensed forecast may differ where policy says nothing."""
UNITS = 10.0
"""Units by which it may differ where policy says nothing."""
SHARE_CLEARED = 0.7
"""A problem is over when the difference is below this share of what opens it."""
DEVIATIONS_MIN = 2.0
HISTORY_DAYS_MIN = 14.0
STEPS = (1.5, 2.0, 4.0)
"""One severity point each, for the larger of both over the smaller."""


class VarianceThresholds(NamedTuple):
    """Policy of a row; ``money`` is in the base currency, NaN: no threshold."""

    share: float
    units: float
    money: float


def thresholds_of(master: MasterData, sku: str, location: str) -> VarianceThresholds:
    """Thresholds of a SKU-location; each is that of the most specific policy that states it."""
    return VarianceThresholds(
        float(master.stated("forecast_variance_share", sku, location, SHARE)),
        float(master.stated("forecast_variance_units", sku, location, UNITS)),
        float(master.stated("forecast_variance_money", sku, location, math.nan)),
    )


class VarianceEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: units of the sensed forecast and of the plan over the same coming days.

    Parameters
    ----------
    days
        Planned days among the next 28; 0 when the plan has ended.
    end
        Last local day of the plan.
    quantity_per_day, plan
        What the plan says, and the id of its record.
    weight
        Weight of the plan in the forecast.
    deviation
        Standard deviation of the sensed demand of these days.
    price
        Price of a unit in the base currency; NaN unknown.
    learned
        Whether the row has learned enough days.
    replaced
        Whether the open problem is about an earlier plan.
    """

    sensed: float = 0.0
    planned: float = 0.0
    days: int = 0
    end: int = 0
    quantity_per_day: float = 0.0
    plan: str = ""
    weight: float = 0.0
    deviation: float = 0.0
    price: float = math.nan
    learned: bool = False
    replaced: bool = False
    thresholds: VarianceThresholds = VarianceThresholds(SHARE, UNITS, math.nan)

    @property
    def difference(self) -> float:
        """Units by which the sensed forecast exceeds the plan."""
        return self.sensed - self.planned

    def exceeds(self, factor: float) -> bool:
        """Whether the difference exceeds ``factor`` times every threshold."""
        apart, least = abs(self.difference), self.thresholds
        money = apart * self.price
        return (
            self.days > 0
            and apart > factor * least.share * self.planned
            and apart >= factor * least.units
            and not money < factor * least.money  # true where price or threshold are not known
            and apart > factor * DEVIATIONS_MIN * self.deviation
        )


def triggers(parts: ShardParts, closing: Closing) -> NDArray[np.bool_]:
    """Rows whose difference exceeds the thresholds."""
    found = np.zeros(closing.plan.rows.size, np.bool_)
    if closing.baselines is not None:
        apart = np.abs(closing.baselines.sensed - closing.baselines.planned)
        for at in np.flatnonzero((closing.baselines.days > 0) & (apart > 0.0)).tolist():
            found[at] = evaluate_variance(evidence_of(parts, closing, at)).active
    return found


def evidence_of(parts: ShardParts, closing: Closing, at: int) -> VarianceEvidence:
    """Evidence of one row whose plan covers a coming day; the ended plan of others."""
    row = int(closing.plan.rows[at])
    columns = closing.baselines
    plan = None if columns is None else columns.plans.get(at)
    known = parts.problems.open_findings(row, NAME)
    before = known[0].marker if known else None
    if columns is None or plan is None:
        return VarianceEvidence(plan=before or "")
    return VarianceEvidence(
        sensed=float(columns.sensed[at]),
        planned=float(columns.planned[at]),
        days=int(columns.days[at]),
        end=plan.end,
        quantity_per_day=plan.quantity,
        plan=plan.event_id,
        weight=float(columns.weight[at]),
        deviation=math.sqrt(float(columns.variance[at])),
        price=float(columns.price[at]),
        learned=float(parts.demand.demand["days"][row]) >= HISTORY_DAYS_MIN,
        replaced=before is not None and before != plan.event_id,
        thresholds=thresholds_of(parts.supply.master, *parts.names_of(row)),
    )


def at_close(parts: ShardParts, closing: Closing, at: int) -> Sequence[VarianceEvidence]:
    """Evidence of one row."""
    return [evidence_of(parts, closing, at)]


def evaluate_variance(evidence: VarianceEvidence) -> Evaluation:
    """Compare the difference with the thresholds; a plan that ended or was replaced by one that agrees is final."""
    active = evidence.learned and evidence.exceeds(1.0)
    larger, smaller = max(evidence.sensed, evidence.planned), min(evidence.sensed, evidence.planned)
    ratio = larger / smaller if smaller > 0.0 else math.inf
    cleared = not evidence.exceeds(SHARE_CLEARED)
    details = VarianceDetails(
        plan=evidence.plan,
        plan_per_day=evidence.quantity_per_day,
        plan_weight=round(evidence.weight, 4),
        planned_days=evidence.days,
        difference=round(evidence.difference, 3),
    )  # fmt: skip
    return Evaluation(
        active=active,
        cleared=cleared,
        final=evidence.days == 0 or (evidence.replaced and not active),
        resolution=_resolution(evidence, active=active),
        severity_points=sum(1.0 for step in STEPS if ratio >= step) if active else 0.0,
        expected=evidence.planned,
        observed=evidence.sensed,
        money_units=abs(evidence.difference),
        marker=evidence.plan,
        details=details,
    )


def _resolution(evidence: VarianceEvidence, *, active: bool) -> Resolution:
    if evidence.days == 0:
        return "plan_ended"
    return "plan_replaced" if evidence.replaced and not active else "back_to_normal"


def variance_sentence(context: DetectionContext, evidence: VarianceEvidence, evaluation: Evaluation) -> str:
    """Sentence: both forecasts, their difference, and what the plan weighs."""
    if evidence.days == 0:
        return "The plan has ended or covers none of the next 28 days."
    planned, sensed = number(evidence.planned), number(evidence.sensed)
    span = f"the next {plural(evidence.days, 'planned day')}"
    if evidence.replaced and evaluation.final:
        return f"A new plan of {planned} for {span} is close to the sensed forecast of {sensed}."
    if evaluation.cleared:
        return f"The sensed forecast of {sensed} for {span} agrees with the plan of {planned} again."
    apart = f"{number(abs(evidence.difference))} {'more' if evidence.difference > 0.0 else 'fewer'}"
    if evidence.planned > 0.0:
        apart += f" ({number(100.0 * abs(evidence.difference) / evidence.planned)} %)"
    said = f"{number(evidence.quantity_per_day)} a day until {day_name(evidence.end, context.instant // DAY_MS)}"
    weight = f"the plan has a weight of {number(100.0 * evidence.weight)} % in the forecast"
    return f"The sensed forecast is {sensed} for {span}, {apart} than the plan of {planned} ({said}); {weight}."


FORECAST_VARIANCE = Detector(
    name=NAME,
    prefix="variance",
    opens="the sensed forecast differs from the published plan over the planned days of the next 28 by more than the"
    " policy's `forecast_variance_share`, `forecast_variance_units` and `forecast_variance_money`; at two closes",
    ends=f"the difference is below {SHARE_CLEARED:g} of the thresholds at two closes, the plan ends, or a plan that"
    " differs by less replaces it",
    route="planner",
    inform=("commercial",),
    details=VarianceDetails,
    hysteresis=Hysteresis(2, 2, 0, 7 * DAY_MS, 35 * DAY_MS),
    deadline_minutes=(7 * DAY_MINUTES, 5 * DAY_MINUTES, 3 * DAY_MINUTES, 2 * DAY_MINUTES),
    evaluate=evaluate_variance,
    sentence=variance_sentence,
    triggers=triggers,
    at_close=at_close,
)
