"""Near term: what the order lines of the day so far say of the rest of the day and of the days after it.

The deviation of a row is the posterior mean of its rate today over the expected one, less 1, from the lines that came
and those expected by now. A pool learns what became of such deviations: how much of one at ``CHECK_HOUR`` was found
again in the rest of the day, one day later and two days later. So the sensed factor of a day is 1 + share * deviation;
the shares of later days fall by half-lives. Everything is learned from lines: sizes of orders say little of the next.

Source of the posterior: the mean of a Poisson rate under a gamma prior (Gelman et al., BDA3, 2.6). The prior counts as
``PRIOR_LINES`` lines.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.seasonal_profile import weekday_index
from sensing.jit import kernel

CHECK_HOUR = 14
PRIOR_LINES = 2.0
SHARE_PRIOR = 50.0
"""Weight of the prior of a share, that nothing is found again, in squared deviations times expected lines."""
SHARE_MAX = 1.0
NEAR_DISCOUNT = 0.98
DECAY_PRIOR = 0.8
DECAY_PRIOR_SHARE = 0.05
DECAY_MAX = 0.95
LEARNED_DAYS_MIN = 14
LAGS = 3
"""Rest of the day, the next day, and the one after."""
FACTOR_MIN, FACTOR_MAX = 0.25, 4.0


@kernel
def deviation(lines: float, expected: float) -> float:
    """Deviation of a rate from the expected one after ``lines`` order lines, at least -1."""
    return (lines - expected) / (PRIOR_LINES + expected)


@kernel
def learn_near_rows(
    demand: NDArray[Any], pool: NDArray[Any], rows: NDArray[np.int64], day: int, pools: NDArray[np.int32],
    hours: NDArray[np.uint16], usable: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Add what became of the deviations of rows to the sums of their pools, before they learn local ``day``.

    Parameters
    ----------
    pools
        (n,) pool of each row.
    hours
        (n, 24) order lines of the day per local hour.
    usable
        (n,) whether the day is an ordinary whole one. Any other says nothing, and later days do not look back on it.
    """
    weekday = (day + 3) % 7
    for i in range(rows.size):
        record, at = demand[rows[i]], pools[i]
        level = float(record.lines_level)
        if not usable[i] or record.days < LEARNED_DAYS_MIN or level <= 0.0:
            level = 0.0
        index = weekday_index(demand, rows[i], pool, at, weekday)
        lines, so_far, share = 0.0, 0.0, 0.0
        for h in range(24):
            lines += hours[i, h]
            if h < CHECK_HOUR:
                so_far += hours[i, h]
                share += 1.0 / 24.0 + pool[at]["share"][weekday, h]
        expected = index * level
        today = deviation(so_far, share * expected)
        if level > 0.0:
            rest = (1.0 - share) * expected
            add_outcome(pool[at]["day_near"][0], today, lines - so_far, rest)
            for lag in range(1, LAGS):
                before = index * float(record.near_level[lag - 1])
                if before > 0.0:
                    add_outcome(pool[at]["day_near"][lag], float(record.near_deviation[lag - 1]), lines, before)
        record.near_level[1] = record.near_level[0]
        record.near_deviation[1] = record.near_deviation[0]
        record.near_level[0] = level
        record.near_deviation[0] = today


@kernel
def add_outcome(sums: NDArray[np.float64], found: float, lines: float, expected: float) -> None:
    """Add lines after a deviation ``found`` to the weighted sums of a regression through the origin.

    The variance of lines is taken as expected + expected ** 2.
    """
    sums[0] += found * (lines - expected) / (1.0 + expected)
    sums[1] += found * found * expected / (1.0 + expected)


@kernel
def aggregate_near(pool: NDArray[Any], at: int) -> None:
    """Add a day's sums to those of a pool."""
    for lag in range(LAGS):
        for side in range(2):
            pool[at]["near"][lag, side] = NEAR_DISCOUNT * pool[at]["near"][lag, side] + pool[at]["day_near"][lag, side]
            pool[at]["day_near"][lag, side] = 0.0


def deviations(lines: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) deviations of rates after ``lines`` where so many were ``expected``, both (n,)."""
    return (lines - expected) / (PRIOR_LINES + expected)


def learned_shares(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Shares of deviations found again, from sums (n, 3, 2) of pools.

    Returns
    -------
    tuple
        (n,) share in the rest of the day, share one day later, and the factor on it of each further day.
    """
    share = np.clip(sums[:, :, 0] / (sums[:, :, 1] + SHARE_PRIOR), 0.0, SHARE_MAX)
    decay = (share[:, 2] + DECAY_PRIOR * DECAY_PRIOR_SHARE) / (share[:, 1] + DECAY_PRIOR_SHARE)
    return share[:, 0], share[:, 1], np.clip(decay, 0.0, DECAY_MAX)


def near_factors(
    found: NDArray[np.float64], sums: NDArray[np.float64], days: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factors (n, days) on the forecasts of today's rest and of the days after, and the half-lives (n,) in days.

    ``found`` are deviations (n,), ``sums`` those of the rows' pools (n, 3, 2).
    """
    today, tomorrow, decay = learned_shares(sums)
    share = np.empty((found.size, days))
    share[:, 0] = today
    share[:, 1:] = tomorrow[:, np.newaxis] * decay[:, np.newaxis] ** np.arange(days - 1)
    half_life = math.log(0.5) / np.log(np.maximum(decay, 1e-3))
    return np.clip(1.0 + share * found[:, np.newaxis], FACTOR_MIN, FACTOR_MAX), half_life
