"""Lead time of rows, mean and standard deviation in days: lane, shrunk to its supplier's pool, to what was stated,
then raised by what is still open.

Shrinkage weighs a prior as PRIOR_WEIGHT observations, for the mean and for the variance alike. Without observations
the spread is VARIATION times the stated lead time.

Open lines are right-censored observations: of a line that has been open for a days it is only known that its lead
time is more. It enters as what is expected of it, the mean and variance of a normal lead time beyond a, in one step
of expectation and maximisation from the estimate without it. So an overdue line raises mean and spread before it
arrives, the more the longer it is overdue, and a line placed yesterday hardly moves them.

Source: Schmee and Hahn (1979), A simple method for regression analysis with censored data, Technometrics 21(4); the
moments of the truncated normal from Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1 (1994), 13.10.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.distribution import normal_upper
from sensing.jit import kernel
from sensing.supply.lanes import NO_LANE, Lanes

PRIOR_WEIGHT = 3.0
VARIATION = 0.3
LEAD_TIME_DAYS_MAX = 365.0
Z_SERIES = 30.0
"""From here on the asymptotic series of the Mills ratio is right to 1e-7, and the exponential is near underflow."""


@kernel
def mills(z: float) -> float:
    """Inverse Mills ratio of the standard normal: its mean beyond ``z``."""
    if z > Z_SERIES:
        return z + 1.0 / z - 2.0 / z**3 + 10.0 / z**5
    return math.exp(-0.5 * z * z) / (math.sqrt(2.0 * math.pi) * normal_upper(z))


@kernel
def beyond(mean: float, variance: float, age_days: float) -> tuple[float, float]:
    """Mean and variance of a normal lead time of which is known that it exceeds ``age_days``."""
    if variance <= 0.0:
        return max(mean, age_days), 0.0
    sd = math.sqrt(variance)
    z = (age_days - mean) / sd
    ratio = mills(z)
    return max(mean + sd * ratio, age_days), max(variance * (1.0 + z * ratio - ratio * ratio), 0.0)


@kernel
def raise_by_open(
    mean: NDArray[np.float64], variance: NDArray[np.float64], weight: NDArray[np.float64],
    at: NDArray[np.int64], age_days: NDArray[np.float64], share: NDArray[np.float64],
) -> None:  # fmt: skip
    """Take open lines into the estimates, in place.

    Parameters
    ----------
    mean, variance, weight
        (n,) estimates without open lines and the observations they are worth.
    at, age_days, share
        (m,) per open line its estimate (rising), the days since it was placed, and the share of it that is open.
    """
    start = 0
    while start < at.size:
        i = at[start]
        stop = start
        total, centre = weight[i], weight[i] * mean[i]
        while stop < at.size and at[stop] == i:
            expected, _ = beyond(mean[i], variance[i], age_days[stop])
            total += share[stop]
            centre += share[stop] * min(expected, LEAD_TIME_DAYS_MAX)
            stop += 1
        centre /= total
        squares = weight[i] * (variance[i] + (mean[i] - centre) ** 2)
        for k in range(start, stop):
            expected, spread = beyond(mean[i], variance[i], age_days[k])
            squares += share[k] * (spread + (min(expected, LEAD_TIME_DAYS_MAX) - centre) ** 2)
        mean[i], variance[i] = centre, squares / total
        start = stop


def shrunk(
    lanes: Lanes, lane: NDArray[np.int32], supplier: NDArray[np.int64], stated_days: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Estimates from finished observations.

    Parameters
    ----------
    lanes
        What was observed.
    lane
        (n,) lane of each row or NO_LANE.
    supplier
        (n,) supplier of each row.
    stated_days
        (n,) lead time that master data or settings state.

    Returns
    -------
    tuple of arrays
        (n,) mean in days, variance in days squared, and the observations these are worth.
    """
    out = np.empty((3, lane.size))
    shrink(lanes.lanes, lanes.pools, lane, supplier, stated_days, out)
    return out[0], out[1], out[2]


@kernel
def shrink(
    lanes: NDArray[Any], pools: NDArray[Any], lane: NDArray[np.int32], supplier: NDArray[np.int64],
    stated_days: NDArray[np.float64], out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill ``out`` (3, n) with what :func:`shrunk` returns."""
    for i in range(lane.size):
        pool = pools[supplier[i]]
        spread = VARIATION * stated_days[i]
        total = pool.weight + PRIOR_WEIGHT
        mean = (pool.weight * pool.mean + PRIOR_WEIGHT * stated_days[i]) / total
        variance = (pool.squares + PRIOR_WEIGHT * (spread * spread)) / total
        weight = PRIOR_WEIGHT
        if lane[i] != NO_LANE:
            own = lanes[lane[i]]
            weight = own.weight + PRIOR_WEIGHT
            mean = (own.weight * own.mean + PRIOR_WEIGHT * mean) / weight
            variance = (own.squares + PRIOR_WEIGHT * variance) / weight
        out[0, i] = min(mean, LEAD_TIME_DAYS_MAX)
        out[1, i] = variance
        out[2, i] = weight


def typical_delay_days(lanes: Lanes) -> NDArray[np.float64]:
    """(suppliers,) days a supplier's receipts come after the promised day, shrunk to none; never negative."""
    pool = lanes.pools
    mean = pool["delay_weight"] * pool["delay_mean"] / (pool["delay_weight"] + PRIOR_WEIGHT)
    return np.asarray(np.maximum(mean, 0.0), np.float64)
