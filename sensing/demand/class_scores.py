"""Scores of the forecasts of a pool's days, by demand class. Day learning adds them, metrics read them.

Every scored day counts: units, the error of the forecast of the day before, and whether the units stayed within the
quantiles of SCORE_LEVELS. The squared error is compared with that of the naive forecast, which is the demand of the
day before. Both are divided by the row's usual squared error, so that every row counts alike, whatever its units. The
pinball loss is divided by the root of the same. It needs quantiles, so each row has it once a week.

Totals are discounted by day, so that they are of about the last 100 days. Rows of a pool close in the same order, so
the sums are equal to the last bit however the stream is cut.

Source: Hyndman, Koehler (2006), Another look at measures of forecast accuracy, for the naive scale.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.distribution import quantile
from sensing.jit import kernel

SCORE_LEVELS = (0.5, 0.95, 0.995)
"""Levels whose coverage is reported."""
DAYS, UNITS, ABSOLUTE, ERROR, SQUARES, NAIVE, LOSS, LOSS_DAYS, WITHIN = range(9)
"""Columns of totals: days, units, absolute errors, errors (forecast minus demand), squared errors of the forecast and
of the naive one, pinball losses and their days, and from WITHIN on days within the quantile of each level."""
COLUMNS = WITHIN + len(SCORE_LEVELS)
DAY_DISCOUNT = 0.99
LOSS_EVERY_DAYS = 7
_LEVELS = np.array(SCORE_LEVELS)


@kernel
def add_class_score(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, code: int, units: float, mean: float,
    variance: float, low: float,
) -> None:  # fmt: skip
    """Add a day of a row to the day's totals of its pool. Call before the day is learned.

    Parameters
    ----------
    code
        Demand class.
    mean, variance
        The forecast of the day.
    low
        Its probability of less demand than there was.
    """
    totals = pool[at]["day_scores"][code]
    totals[DAYS] += 1.0
    totals[UNITS] += units
    totals[ABSOLUTE] += abs(units - mean)
    totals[ERROR] += mean - units
    for k in range(_LEVELS.size):
        if low < _LEVELS[k] + pool[at]["nominal_correction"][code, k]:
            totals[WITHIN + k] += 1.0
    usual = demand[row]["square"]
    if not usual > 0.0:
        return
    before = demand[row]["newest_size"] if demand[row]["silence"] == 0 else 0.0
    totals[SQUARES] += (units - mean) ** 2 / usual
    totals[NAIVE] += (units - before) ** 2 / usual
    if (demand[row]["last_day"] + row) % LOSS_EVERY_DAYS == 0:
        totals[LOSS_DAYS] += 1.0
        for k in range(_LEVELS.size):
            stated = quantile(_LEVELS[k] + pool[at]["nominal_correction"][code, k], mean, variance)
            miss = units - stated
            loss = max(_LEVELS[k] * miss, (_LEVELS[k] - 1.0) * miss)
            totals[LOSS] += loss / (_LEVELS.size * np.sqrt(usual))


@kernel
def aggregate_scores(pool: NDArray[Any], at: int) -> None:
    """Add the day's totals of a pool to its discounted ones, and clear them. A class without days keeps its history."""
    for code in range(pool[at]["scores"].shape[0]):
        day, kept = pool[at]["day_scores"][code], pool[at]["scores"][code]
        if day[DAYS] <= 0.0:
            continue
        for k in range(kept.size):
            kept[k] = DAY_DISCOUNT * kept[k] + day[k]
            day[k] = 0.0
