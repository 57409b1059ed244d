"""Calibration: the levels we state become the levels that are achieved.

Per row, the standard deviation is corrected until one day in twenty exceeds the .95 quantile. Per pool and class, the
frequency of days below each stated level is kept and read backwards: to achieve .995, state the level that was achieved
.995 of the time. A day with an atom (demand is a count) spreads its mass evenly over the atom, so nothing is drawn.

Source: Gibbs and Candes (2021) for the row; Czado, Gneiting, Held (2009) for counts; Kuleshov, Fenner, Ermon (2018)
for the pool.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.demand_record import GRID
from sensing.demand.distribution import normal_quantile, normal_upper
from sensing.jit import kernel

ROW_LEVEL = 0.95
ROW_RATE = 0.04
ADAPTIVE_SCALE_MAX = 1.0
ROWS_PRIOR = 400.0
POOL_DAY_DISCOUNT = 0.997
_GRID = np.array(GRID)


@kernel
def below(level: float, low: float, high: float) -> float:
    """Share of an atom between the cumulative probabilities ``low`` and ``high`` that lies below ``level``."""
    if level >= high:
        return 1.0
    return (level - low) / (high - low) if level > low else 0.0


@kernel
def learn_adaptive_scale(demand: NDArray[Any], row: int, low: float, high: float) -> None:
    """Widen a row's distribution by days beyond its .95 quantile, narrow it by the others."""
    exceeded = 1.0 - below(ROW_LEVEL, low, high)
    adaptive_scale = demand[row]["adaptive_scale"] + ROW_RATE * (exceeded - (1.0 - ROW_LEVEL))
    demand[row]["adaptive_scale"] = min(max(adaptive_scale, -ADAPTIVE_SCALE_MAX), ADAPTIVE_SCALE_MAX)


@kernel
def count_below(pool: NDArray[Any], at: int, code: int, low: float, high: float) -> None:
    """Add a row's day to the pool's totals of the day."""
    pool[at]["day_rows"][code] += 1.0
    for k in range(_GRID.size):
        pool[at]["day_below"][code, k] += below(_GRID[k], low, high)


@kernel
def nominal_level(pool: NDArray[Any], at: int, code: int, level: float) -> float:
    """Level to state so that ``level`` is achieved: the pool's frequencies read backwards, between normal scores."""
    if not 0.0 < level < 1.0:
        return level
    rows = pool[at]["rows"][code]
    wanted = normal_quantile(level)
    score = 0.0
    achieved = 0.0
    for k in range(_GRID.size):
        score_before = score
        achieved_before = achieved
        score = normal_quantile(_GRID[k])
        frequency = (pool[at]["below"][code, k] + ROWS_PRIOR * _GRID[k]) / (rows + ROWS_PRIOR)
        achieved = normal_quantile(frequency)
        if wanted <= achieved:
            if k == 0:
                break
            share = (wanted - achieved_before) / (achieved - achieved_before)
            return normal_upper(-(score_before + share * (score - score_before)))
    return normal_upper(-(wanted + score - achieved))


@kernel
def aggregate_calibration(pool: NDArray[Any], at: int) -> None:
    """Turn the pool's totals of a day into its frequencies."""
    for code in range(pool[at]["rows"].size):
        # Counts are forgotten by the day on which the class was seen, so that a rare class is not forgotten unseen.
        if pool[at]["day_rows"][code] <= 0.0:
            continue
        pool[at]["rows"][code] = POOL_DAY_DISCOUNT * pool[at]["rows"][code] + pool[at]["day_rows"][code]
        pool[at]["day_rows"][code] = 0.0
        for k in range(_GRID.size):
            pool[at]["below"][code, k] = POOL_DAY_DISCOUNT * pool[at]["below"][code, k] + pool[at]["day_below"][code, k]
            pool[at]["day_below"][code, k] = 0.0
        pool[at]["nominal_correction"][code] = nominal_level(pool, at, code, ROW_LEVEL) - ROW_LEVEL


@kernel
def aggregate_dispersion(pool: NDArray[Any], at: int) -> None:
    """Turn the rows' dispersions of a day into the pool's typical one."""
    if pool[at]["day_dispersion_weight"] <= 0.0:
        return
    pool[at]["dispersion"] = 0.98 * pool[at]["dispersion"] + pool[at]["day_dispersion"]
    pool[at]["dispersion_weight"] = 0.98 * pool[at]["dispersion_weight"] + pool[at]["day_dispersion_weight"]
    pool[at]["day_dispersion"] = 0.0
    pool[at]["day_dispersion_weight"] = 0.0


@kernel
def day_variance(dispersion: float, adaptive_scale: float, mean: float) -> float:
    """Variance of a day's demand from the variance-to-mean ratio and the row's correction."""
    return dispersion * mean * math.exp(2.0 * adaptive_scale)
