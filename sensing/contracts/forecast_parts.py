"""Parts of a forecast that are stated one by one: promotions, baseline plan, opportunities, signals, near term.

`sensing.contracts.parameters.Forecast` has them.
"""

from typing import Annotated, Literal

import msgspec

from sensing.contracts.number_kinds import Duration, Expectation, Measure, Quantity, Ratio
from sensing.contracts.output_fields import Count, Day, Share, about

UpliftSource = Literal["stated", "mixed", "learned", "none"]
UPLIFT_SOURCES: dict[UpliftSource, str] = {
    "stated": "the promotion's record",
    "learned": "promoted days of the SKU-location and of its category",
    "mixed": "both",
    "none": "nothing was stated, nothing is learned yet",
}
LEARNED_FROM: dict[str, str] = {
    "row": "mostly days of the SKU-location",
    "pool": "mostly those of the same signal, category and region",
}

NEAR_DAYS_MAX = 8
"""Days of `near_term`: the one that has begun, and a week."""


class NearTermForecast(msgspec.Struct, kw_only=True):
    """What the day so far has changed of the forecast of its rest and of the days after it."""

    come: Annotated[Quantity, about("Units ordered on the day so far; they are part of the first `mean`.")]
    baseline: Annotated[
        list[Expectation],
        about("Expected units without what came: of the rest of the day, and of each day after it through `until`.",
              minItems=1, maxItems=NEAR_DAYS_MAX),
    ]  # fmt: skip
    sensed: Annotated[
        list[Expectation], about("The same with it.", minItems=1, maxItems=NEAR_DAYS_MAX),
    ]  # fmt: skip
    until: Annotated[Day, about("Last day on which it changes the forecast by 1 % or more, within a week.")]
    lines: Annotated[Count, about("Order lines of the day so far.")]
    expected_lines: Annotated[Expectation, about("Order lines usual by now.", minimum=0)]
    share: Annotated[Share, about("Share of such deviations that was found again on the next day, 0 to 1.")]
    half_life_days: Annotated[Duration, about("Days in which such deviations lose half of their effect.", minimum=0)]
    why: Annotated[str, about("The same in a sentence, in English.")]


DaysPlanned = Annotated[int, about("", minimum=0, maximum=28)]


class PromotionUsed(msgspec.Struct, kw_only=True):
    """A promotion with days in the forecast."""

    promotion: Annotated[str, about("Id of the promotion.")]
    start: Annotated[Day, about("First of its days in the forecast.")]
    end: Annotated[Day, about("Last of its days in the forecast.")]
    uplift: Annotated[Ratio, about("Relative change of demand that is used; 0.5: half as much again.", minimum=-1)]
    source: Annotated[UpliftSource, about("Where the uplift comes from.", UPLIFT_SOURCES)]
    stated: Annotated[Ratio | None, about("Relative change that the record states; null: it states none.")] = None


class BaselineShare(msgspec.Struct, kw_only=True):
    """Part of the baseline plan in a forecast: on the days that it covers, mean = sensed + weight x (plan - sensed)."""

    weight: Annotated[
        Share,
        about("Weight of the plan, 0 to 1, by the squared errors of both; one half, or 1 of a row without history."),
    ]
    quantity_per_day: Annotated[Expectation, about("What the plan says, a day.", minimum=0)]
    start: Annotated[Day, about("First day of the plan.")]
    end: Annotated[Day, about("Last day of the plan.")]
    days: Annotated[DaysPlanned, about("Its days among the next 28.")]
    planned: Annotated[Expectation, about("What it says for these days.", minimum=0)]
    sensed: Annotated[Expectation, about("What is sensed from orders for these days.", minimum=0)]
    measured_days: Annotated[Duration, about("Days over which the errors were measured, discounted.", minimum=0)]
    plan: Annotated[str, about("Event id of the plan.")]


class OpportunityShare(msgspec.Struct, kw_only=True):
    """Part of an opportunity in a forecast, evenly from ``start`` to ``end``."""

    signal: Annotated[str, about("Id of the opportunity.")]
    probability: Annotated[Share, about("Probability that it is won, 0 to 1.")]
    quantity: Annotated[
        Expectation, about("What is still to be ordered if it is won; large orders since are taken off.", minimum=0)
    ]
    start: Annotated[Day, about("First day of its horizon.")]
    end: Annotated[Day, about("Last day of its horizon.")]
    expected: Annotated[Expectation, about("Expected units of it in the next 28 days.", minimum=0)]


class SignalUsed(msgspec.Struct, kw_only=True):
    """A signal in force in a forecast: it multiplies the demand of a day by 1 + effect x (value - mean) / sd."""

    signal: Annotated[str, about("Id of the signal.")]
    kind: Annotated[str, about("Kind of the signal, as its records name it.")]
    value: Annotated[Measure | None, about("Value that is known for the first day; null: it is stale.")]
    factor: Annotated[Ratio, about("Factor of the first day; 1 if the signal is stale.", minimum=0)]
    effect: Annotated[Ratio, about("Relative change of demand for each standard deviation.")]
    mean: Annotated[Measure, about("Mean of the value over about 28 days.")]
    sd: Annotated[Measure, about("Standard deviation of the value.", minimum=0)]
    days: Annotated[DaysPlanned, about("Days of the next 28 with a known value.")]
    learned_from: Annotated[Literal["row", "pool"], about("What makes up most of the effect.", LEARNED_FROM)]
    error_ratio: Annotated[
        Ratio, about("Mean squared error of the forecast with the signal over that without it.", minimum=0)
    ]
    measured_days: Annotated[Count, about("Days of the SKU-location over which it was measured.")]
