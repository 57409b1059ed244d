"""Calibration of the demand of several days: one corrector of days, sums and reached service.

A reorder point is a quantile of the demand of some days. For each demand class and each of SUM_DAYS it is counted how
often the demand that came stayed within the quantile that would have been proposed, at SUM_LEVELS, if the standard
deviation had been multiplied by each of FACTORS. The scale of the class is the factor that achieves the level. So it
corrects the distribution's form and its steps as well as the variance.

A row forecasts a sum, waits until its days have closed, counts it, and starts again. Its record has level, dispersion
and gain at the start. The expected demand follows the weekday and holiday indices of the days as they close. Days that
were promoted, out of stock or observed in part end a sum; days that were not observed are left out.

All rows of a shard count together, since sums are rare. The counts are whole numbers, so their order does not matter.
They are discounted on every day with sums, of whatever class, against a prior of SUMS_PRIOR sums that achieve what they
state. So scales stay between the ends of FACTORS, and that of a class without evidence returns to 1.

Source: Kuleshov, Fenner, Ermon (2018), Accurate uncertainties for deep learning using calibrated regression, applied
to the scale instead of the level.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.demand_class import demand_class
from sensing.demand.demand_record import FACTORS
from sensing.demand.distribution import normal_quantile, normal_upper
from sensing.demand.row_statistics import step_of
from sensing.demand.silent_rows import TRUST, WEEK, aggregate_returns, count_return
from sensing.demand.sum_distribution import sum_tail
from sensing.demand.sum_variance import SCALES, SUM_DAYS, SUM_LEVELS, sum_growth, young_level
from sensing.jit import kernel

SUMS_PRIOR = 200.0
SUM_DAY_DISCOUNT = 0.997
_DAYS = np.array(SUM_DAYS)
_LEVELS = np.array(SUM_LEVELS)
_FACTORS = np.array(FACTORS)
_STATED = np.array(
    [[1.0 - normal_upper(normal_quantile(level) * factor) for factor in FACTORS] for level in SUM_LEVELS]
)
"""Share within the quantile of each level if the variance is right, by factor."""


@kernel
def end_sum(demand: NDArray[Any], row: int) -> None:
    """End the sum of a row without counting it."""
    demand[row]["sum_days"] = 0


@kernel
def start_sum(demand: NDArray[Any], row: int, level: float, square: float, gain: float, doubt: float) -> None:
    """Start a sum with what was known before its first day: level and square of the error, per day, and gain.

    ``doubt`` is the variance of a level that may have shifted, in multiples of the square.
    """
    demand[row]["sum_class"] = 1 + demand_class(demand, row)
    demand[row]["sum_level"] = level
    demand[row]["sum_dispersion"] = square / level if level > 0.0 else 0.0
    demand[row]["sum_gain"] = gain
    demand[row]["sum_young"] = young_level(demand[row]["exposure"] + demand[row]["prior_days"], gain) + doubt
    demand[row]["sum_expected"] = 0.0
    demand[row]["sum_units"] = 0.0


@kernel
def starts_sum(demand: NDArray[Any], row: int, day: int) -> bool:
    """Whether a sum of a row may start. The first ones start on different days, so that every day counts some."""
    return bool(demand[row]["sum_days"] == 0 and (demand[row]["sum_class"] > 0 or (day + row) % _DAYS[-1] == 0))


@kernel
def add_to_sum(demand: NDArray[Any], row: int, pool: NDArray[Any], units: float, seasonal_index: float) -> None:
    """Add a day to the sum of a row, and count the sum if it has as many days as one of SUM_DAYS."""
    demand[row]["sum_days"] += 1
    demand[row]["sum_units"] += units
    share = pool[0]["return_share"][demand[row]["sum_silence"], (demand[row]["sum_days"] - 1) // WEEK]
    level = demand[row]["sum_level"] + TRUST * share * demand[row]["sum_gap"]
    demand[row]["sum_expected"] += level * seasonal_index
    count_return(demand, row, pool, units, seasonal_index)
    days = demand[row]["sum_days"]
    for k in range(_DAYS.size):
        if days == _DAYS[k]:
            count_sum(demand, row, pool, k)
    if days == _DAYS[-1]:
        end_sum(demand, row)


@kernel
def count_sum(demand: NDArray[Any], row: int, pool: NDArray[Any], k: int) -> None:
    """Count the sum of a row, of SUM_DAYS[k] days, as within the quantile or not, by level and factor.

    It is also counted as within the quantile with the scale of today or not, for metrics.
    """
    code = demand[row]["sum_class"] - 1
    step = step_of(demand, row)
    mean = np.float64(demand[row]["sum_expected"]) / step
    units = float(math.ceil(demand[row]["sum_units"] / step * (1.0 - 1e-6)))
    gain, young = np.float64(demand[row]["sum_gain"]), np.float64(demand[row]["sum_young"])
    growth = sum_growth(float(_DAYS[k]), 0.0, gain, young)
    variance = demand[row]["sum_dispersion"] / step * mean * growth
    pool[0]["day_sums"][code, k] += 1.0
    for f in range(_FACTORS.size):
        low = 1.0 - sum_tail(units, mean, variance * _FACTORS[f] ** 2)
        for level in range(_LEVELS.size):
            if low < _LEVELS[level]:
                pool[0]["day_within"][code, k, level, f] += 1.0
    for level in range(_LEVELS.size):
        scale = math.exp(pool[0]["log_scale"][code, k, level])
        if 1.0 - sum_tail(units, mean, variance * scale**2) < _LEVELS[level]:
            pool[0]["day_covered"][code, k, level] += 1.0


@kernel
def factor_for(level: float, within: NDArray[np.float64]) -> float:
    """Least factor whose share ``within`` the quantile reaches ``level``; if none does, the one with the most."""
    most = 0
    for f in range(_FACTORS.size):
        if within[f] >= level:
            if f == 0:
                return float(_FACTORS[0])
            share = (level - within[f - 1]) / (within[f] - within[f - 1])
            return float(_FACTORS[f - 1] + share * (_FACTORS[f] - _FACTORS[f - 1]))
        if within[f] > within[most]:
            most = f
    return float(_FACTORS[most])


@kernel
def aggregate_sums(pool: NDArray[Any], day: int) -> None:
    """Discount the counts of sums if local ``day`` is the first to have any, add the day's, and renew the scales."""
    if not np.any(pool[0]["day_sums"] > 0.0):
        return
    discount = SUM_DAY_DISCOUNT if day > pool[0]["last_day"] else 1.0
    pool[0]["last_day"] = max(day, pool[0]["last_day"])
    aggregate_returns(pool, discount)
    sums, within = pool[0]["sums"], pool[0]["within"]
    share = np.zeros(_FACTORS.size)
    for code in range(sums.shape[0]):
        for k in range(_DAYS.size):
            sums[code, k] = discount * sums[code, k] + pool[0]["day_sums"][code, k]
            pool[0]["day_sums"][code, k] = 0.0
            for level in range(_LEVELS.size):
                covered = discount * pool[0]["covered"][code, k, level] + pool[0]["day_covered"][code, k, level]
                pool[0]["covered"][code, k, level] = covered
                pool[0]["day_covered"][code, k, level] = 0.0
                for f in range(_FACTORS.size):
                    counted = pool[0]["day_within"][code, k, level, f]
                    within[code, k, level, f] = discount * within[code, k, level, f] + counted
                    pool[0]["day_within"][code, k, level, f] = 0.0
                    prior = SUMS_PRIOR * _STATED[level, f]
                    share[f] = (within[code, k, level, f] + prior) / (sums[code, k] + SUMS_PRIOR)
                pool[0]["log_scale"][code, k, level] = math.log(factor_for(_LEVELS[level], share))


@kernel
def write_scales(pool: NDArray[Any], code: int, sums: NDArray[np.float64]) -> None:
    """Write the scales of a demand class to a row of `Forecast.sums`."""
    for k in range(_DAYS.size):
        for level in range(_LEVELS.size):
            sums[SCALES + k * _LEVELS.size + level] = math.exp(pool[0]["log_scale"][code, k, level])
