"""Near term: what the order lines of a day so far say of its rest and of the days after it.

The deviation of a row is the posterior mean of its rate of order lines today, over the expected one, less 1. Lines say
it and not units, since the size of an order says little of the next. All rows of a shard learn together what became of
such deviations: which share of one was found again in the units of the next day, and of the one after, by the forecast
from before it. So the sensed factor of a day is 1 + share x deviation. The share falls by a half-life, since the second
one is the smaller. It is shrunk to zero, so without evidence nothing changes.

The rest of the day has a part of that share, `REST_SHARE`. Days before this one have taught the level already: they
count in the baseline, and not here.

Source of the posterior: the mean of a Poisson rate under a gamma prior of mean 1 that counts as ``PRIOR_LINES`` lines
(Gelman et al., BDA3, 2.6). The shares are those of a regression through the origin, with a normal prior of mean 0.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.month_profile import month_day, month_index
from sensing.demand.seasonal_profile import line_index
from sensing.jit import kernel

PRIOR_LINES = 10.0
LAGS = 2
"""The next day, and the one after it."""
ERROR_MAX = 3.0
"""Standard deviations of an error that count: one great order is no proof."""
SHARE_PRIOR = 10.0
"""Weight of the prior that nothing is found again: as of a share with a standard deviation of 0.3."""
SHARE_MAX = 1.0
NEAR_DISCOUNT = 0.98
"""Per day, of what a shard has learned."""
DECAY_PRIOR = 0.8
DECAY_PRIOR_SHARE = 0.05
"""The decay is shrunk to its prior as if this share had been found with it."""
DECAY_MIN, DECAY_MAX = 0.1, 0.95
REST_SHARE = 0.4
"""Of the share of the next day: who has ordered today hardly orders again on the same day."""
LEARNED_DAYS_MIN = 28
"""Days that a row must have learned: before that its level moves with every order."""
FACTOR_MIN, FACTOR_MAX = 0.25, 4.0


@kernel
def deviation(lines: float, expected: float) -> float:
    """Deviation of a rate from the expected one after ``lines`` order lines, at least -1."""
    return (lines - expected) / (PRIOR_LINES + expected)


@kernel
def remember_day(demand: NDArray[Any], row: int, level: float, found: float) -> None:
    """Keep the forecast level (units) that a row had before a day, and the deviation of the day; 0, 0: it says nothing.

    Every day is remembered, so that lags are days of the calendar.
    """
    for lag in range(LAGS - 1, 0, -1):
        demand[row]["near_level"][lag] = demand[row]["near_level"][lag - 1]
        demand[row]["near_deviation"][lag] = demand[row]["near_deviation"][lag - 1]
    demand[row]["near_level"][0] = level
    demand[row]["near_deviation"][0] = found


@kernel
def learn_near(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, units: float, seasonal_index: float, variance: float
) -> None:
    """Add what became of a row's last deviations to its pool's totals of the day. Call it before `remember_day`.

    Parameters
    ----------
    units, seasonal_index
        Units of a whole ordinary day, and its seasonal index, promotions included.
    variance
        Variance of the day's forecast, units squared.
    """
    sd = math.sqrt(variance + 1e-3)
    for lag in range(LAGS):
        expected = demand[row]["near_level"][lag] * seasonal_index
        found = demand[row]["near_deviation"][lag] * expected / sd
        error = min(max((units - expected) / sd, -ERROR_MAX), ERROR_MAX)
        pool[at]["day_near"][lag, 0] += found * error
        pool[at]["day_near"][lag, 1] += found * found


@kernel
def aggregate_near(pool: NDArray[Any], at: int, sums: NDArray[Any], day: int) -> None:
    """Add the totals of a pool for local ``day`` to those of the shard, which the first pool of a day discounts."""
    discount = NEAR_DISCOUNT if day > sums[0]["near_day"] else 1.0
    sums[0]["near_day"] = max(day, sums[0]["near_day"])
    for lag in range(LAGS):
        for side in range(2):
            sums[0]["near"][lag, side] = discount * sums[0]["near"][lag, side] + pool[at]["day_near"][lag, side]
            pool[at]["day_near"][lag, side] = 0.0


@kernel
def lines_of_day(
    demand: NDArray[Any], pool: NDArray[Any], rows: NDArray[np.int64], pools: NDArray[np.int32], day: int,
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill ``out`` (n,) with the order lines that rows expect on local ``day`` if it is an ordinary one."""
    weekday, month = (day + 3) % 7, month_day(day)
    for i in range(rows.size):
        index = line_index(demand, rows[i], pool, pools[i], weekday) * month_index(pool, pools[i], month)
        out[i] = index * (1.0 + demand[rows[i]]["shift"]) * demand[rows[i]]["usual_lines"][0]


def deviations(lines: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) the same for rows, both (n,)."""
    pairs = zip(lines.tolist(), expected.tolist(), strict=True)
    return np.array([deviation(came, usual) for came, usual in pairs], np.float64)


def learned_share(near: NDArray[np.float64]) -> tuple[float, float]:
    """Share of a deviation that is found again on the next day, and the factor on it of each later day.

    ``near`` (LAGS, 2) are the sums of a shard.
    """
    first, second = np.clip(near[:, 0] / (near[:, 1] + SHARE_PRIOR), 0.0, SHARE_MAX).tolist()
    decay = (second + DECAY_PRIOR * DECAY_PRIOR_SHARE) / (first + DECAY_PRIOR_SHARE)
    return first, min(max(decay, DECAY_MIN), DECAY_MAX)


def half_life_days(decay: float) -> float:
    """Days in which a share that falls by the factor ``decay`` a day halves."""
    return math.log(0.5) / math.log(decay)


def near_factors(found: NDArray[np.float64], share: float, decay: float, days: int) -> NDArray[np.float64]:
    """(n, days) factors on the forecasts of the rest of a day and of the days after it, from deviations (n,)."""
    shares = share * np.append(REST_SHARE, decay ** np.arange(days - 1))
    return np.clip(1.0 + shares * found[:, np.newaxis], FACTOR_MIN, FACTOR_MAX)
