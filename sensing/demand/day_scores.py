"""Scores of a day: the forecast of a row, before it learns the day, against the day's demand. Day learning calls them.

A score goes to the accuracy of the row and of its class, and to what calibrates the distributions of the pool.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.calibration import count_below, day_variance
from sensing.demand.class_scores import SCORE_LEVELS, add_class_score
from sensing.demand.demand_class import demand_class
from sensing.demand.distribution import cumulative
from sensing.demand.row_statistics import line_size, step_of
from sensing.demand.seasonal_profile import dispersion, own_dispersion
from sensing.jit import kernel

SCORE_LEVEL = 0.95
"""Level whose coverage is an accuracy of the row."""
SCORE_DISCOUNT = 0.99
SCORED_DAYS_MIN = 14
"""A row's distribution is scored from this day on. Before that its level is a guess."""
_ROW_SCORE = SCORE_LEVELS.index(SCORE_LEVEL)


@kernel
def in_steps(demand: NDArray[Any], row: int, units: float, less: float, mean: float, variance: float) -> float:
    """Probability that a day's demand is at most ``less`` steps below ``units``, rounded up to steps of the row."""
    step = step_of(demand, row)
    return cumulative(math.ceil(units / step * (1.0 - 1e-9)) - less, mean / step, variance / (step * step))


@kernel
def forecast_variance(demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, mean: float, factor: float) -> float:
    """Variance of the forecast ``mean`` of a day. It is in proportion to ``factor``: promotions and observed share."""
    if factor <= 0.0:
        return 0.0
    return factor * day_variance(dispersion(demand, row, pool, at), np.float64(demand[row]["expected"]), mean / factor)


@kernel
def score(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, units: float, mean: float, factor: float
) -> float:
    """Score the combined forecast of a day against its demand; returns its variance, see `forecast_variance`."""
    variance = forecast_variance(demand, row, pool, at, mean, factor)
    if demand[row]["days"] < SCORED_DAYS_MIN:
        return variance
    code = demand_class(demand, row)
    high = in_steps(demand, row, units, 0.0, mean, variance)
    low = in_steps(demand, row, units, 1.0, mean, variance)
    if high <= low:
        high = low + 1e-12
    add_score(demand, row, pool, at, code, units, mean, variance, low)
    count_below(pool, at, code, low, high)
    if demand[row]["expected"] > 0.0 and demand[row]["square"] > 0.0:
        pool[at]["day_dispersion"] += math.log(own_dispersion(demand, row) / line_size(demand, row))
        pool[at]["day_dispersion_weight"] += 1.0
    return variance


@kernel
def add_score(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, code: int, units: float, mean: float,
    variance: float, low: float,
) -> None:  # fmt: skip
    """Add a day to the accuracy of a row and of its class ``code``.

    ``low`` is the probability of less demand than there was.
    """
    add_class_score(demand, row, pool, at, code, units, mean, variance, low)
    demand[row]["score_absolute"] = SCORE_DISCOUNT * demand[row]["score_absolute"] + abs(units - mean)
    demand[row]["score_error"] = SCORE_DISCOUNT * demand[row]["score_error"] + mean - units
    demand[row]["score_quantity"] = SCORE_DISCOUNT * demand[row]["score_quantity"] + units
    covered = 1.0 if low < SCORE_LEVEL + pool[at]["nominal_correction"][code, _ROW_SCORE] else 0.0
    demand[row]["score_covered"] = SCORE_DISCOUNT * demand[row]["score_covered"] + covered
    demand[row]["score_weight"] = SCORE_DISCOUNT * demand[row]["score_weight"] + 1.0


@kernel
def score_accuracy(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, units: float, mean: float, factor: float
) -> None:
    """Add a promoted day to the accuracy of a row. Its error does not calibrate ordinary days."""
    if demand[row]["days"] < SCORED_DAYS_MIN:
        return
    variance = forecast_variance(demand, row, pool, at, mean, factor)
    low = in_steps(demand, row, units, 1.0, mean, variance)
    add_score(demand, row, pool, at, demand_class(demand, row), units, mean, variance, low)
