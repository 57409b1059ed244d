"""Metrics of accuracy: ratios of totals of all shards, see `sensing.machines.accuracy_totals`.

Totals are discounted, so a figure is of about the last 100 days, sums or receipts. It has no sample before there is
something to divide by.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sensing.machines.accuracy_totals import Totals, added_up
from sensing.machines.gauges import Gauges

Figures = dict[tuple[str, ...], float]


class AccuracyMetric(NamedTuple):
    """A gauge: name, meaning, labels, and its values from the totals of all machines."""

    name: str
    text: str
    labels: tuple[str, ...]
    figures: Callable[[Totals], Figures]


def summed(machines: Iterable[Gauges]) -> Totals:
    """Totals of all machines."""
    return added_up(machine.accuracy.items() for machine in machines)


def _labelled(name: str) -> Callable[[Totals], Figures]:
    return lambda totals: {key[1:]: value for key, value in totals.items() if key[0] == name}


def _ratio(above: str, below: str, labels: int, of: Callable[[float], float] = float) -> Callable[[Totals], Figures]:
    """``of`` the ratio of two totals; the one below has only the first ``labels`` of the labels."""

    def figures(totals: Totals) -> Figures:
        whole = {key[1:]: value for key, value in totals.items() if key[0] == below and value > 0.0}
        parts = ((key[1:], value) for key, value in totals.items() if key[0] == above)
        return {key: of(value / whole[key[:labels]]) for key, value in parts if key[:labels] in whole}

    return figures


METRICS = (
    AccuracyMetric("class_rows", "SKU-locations by demand class.", ("demand_class",), _labelled("rows")),
    AccuracyMetric(
        "forecast_days", "Days of SKU-locations that the figures below are of, discounted.", ("demand_class",),
        _labelled("days"),
    ),
    AccuracyMetric(
        "forecast_wape", "Absolute errors of the forecast of the next day, per unit of demand.", ("demand_class",),
        _ratio("absolute", "units", 1),
    ),
    AccuracyMetric(
        "forecast_bias", "Forecast of the next day minus demand, per unit of demand.", ("demand_class",),
        _ratio("error", "units", 1),
    ),
    AccuracyMetric(
        "forecast_rmsse",
        "Root of the squared errors of the forecast of the next day over those of the naive forecast, the demand of "
        "the day before; both in terms of the usual squared error of the SKU-location.",
        ("demand_class",), _ratio("squares", "naive", 1, lambda share: share**0.5),
    ),
    AccuracyMetric(
        "forecast_pinball",
        "Pinball loss of the .5, .95 and .995 quantiles of the next day, mean of the three, in terms of the usual "
        "error of the SKU-location.",
        ("demand_class",), _ratio("loss", "loss_days", 1),
    ),
    AccuracyMetric(
        "forecast_coverage",
        "Share of days whose demand was not above the quantile of a level. Whole units have steps, so it may be above "
        "the level.",
        ("demand_class", "level"), _ratio("within", "days", 1),
    ),
    AccuracyMetric(
        "sum_coverage",
        "Share of sums of some days that were not above the quantile of a level, as the reorder point would have it.",
        ("demand_class", "days", "level"), _ratio("sums_within", "sums", 2),
    ),
    AccuracyMetric(
        "lead_time_coverage",
        "Share of receipts within the stated .5 and .9 quantiles of their lead times, by whether the lane had a "
        "receipt before.",
        ("lane", "level"), _ratio("receipts_within", "receipts", 1),
    ),
    AccuracyMetric(
        "forecast_value_added",
        "1 minus the absolute errors of what is sensed over those of the baseline plan in force, on the same days. "
        "Below 0 the plan is better.",
        ("demand_class",), _ratio("sensed_absolute", "plan_absolute", 1, lambda share: 1.0 - share),
    ),
    AccuracyMetric(
        "in_force_service",
        "Share of lead times whose demand stayed within the reorder point in force at the ERP. Compare it with "
        "`sum_coverage`, that of the proposed ones.",
        ("demand_class",), _ratio("in_force_within", "in_force_cycles", 1),
    ),
)  # fmt: skip
