"""Lead-time estimates of rows (mean and variance), shrunk from lane to supplier to stated lead time. Plans call it.

A prior counts as PRIOR_WEIGHT observations, for mean and variance alike. Without observations the standard deviation is
VARIATION times the stated lead time.

Open lines are right-censored observations: the lead time of a line that has been open for a days exceeds a. One EM step
adds each open line with the conditional mean and variance of a normal lead time that exceeds a. It starts from the
estimate without open lines. So an overdue line raises mean and variance before it arrives, and more the longer it is
overdue. A line placed yesterday hardly changes them.

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
"""Above this the asymptotic series of the Mills ratio is accurate to 1e-7, and the exponential nearly underflows."""


@kernel
def inverse_mills_ratio(z: float) -> float:
    """Inverse Mills ratio: mean of a standard normal variable, given that it exceeds ``z``."""
    if z > Z_SERIES:
        return z + 1.0 / z - 2.0 / z**3 + 10.0 / z**5
    return math.exp(-0.5 * z * z) / (math.sqrt(2.0 * math.pi) * normal_upper(z))


@kernel
def truncated_normal_moments(mean: float, variance: float, age_days: float) -> tuple[float, float]:
    """Mean and variance of a normal lead time, given that it exceeds ``age_days``."""
    if variance <= 0.0:
        return max(mean, age_days), 0.0
    sd = math.sqrt(variance)
    z = (age_days - mean) / sd
    ratio = inverse_mills_ratio(z)
    return max(mean + sd * ratio, age_days), max(variance * (1.0 + z * ratio - ratio * ratio), 0.0)


@kernel
def include_open_lines(
    mean: NDArray[np.float64], variance: NDArray[np.float64], weight: NDArray[np.float64],
    at: NDArray[np.int64], age_days: NDArray[np.float64], share: NDArray[np.float64],
) -> None:  # fmt: skip
    """Add open lines to the estimates, in place.

    Parameters
    ----------
    mean, variance, weight
        (n,) estimates without open lines, and their weight in observations.
    at, age_days, share
        (m,) per open line: index of its estimate (rising), days since it was placed, open share.
    """
    start = 0
    while start < at.size:
        i = at[start]
        stop = start
        total, centre = weight[i], weight[i] * mean[i]
        while stop < at.size and at[stop] == i:
            expected, _ = truncated_normal_moments(mean[i], variance[i], age_days[stop])
            total += share[stop]
            centre += share[stop] * min(expected, LEAD_TIME_DAYS_MAX)
            stop += 1
        centre /= total
        squares = weight[i] * (variance[i] + (mean[i] - centre) ** 2)
        for k in range(start, stop):
            expected, excess_variance = truncated_normal_moments(mean[i], variance[i], age_days[k])
            squares += share[k] * (excess_variance + (min(expected, LEAD_TIME_DAYS_MAX) - centre) ** 2)
        mean[i], variance[i] = centre, squares / total
        start = stop


def shrunk(
    lanes: Lanes, lane: NDArray[np.int32], supplier: NDArray[np.int64], stated_days: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Estimates from finished observations.

    Parameters
    ----------
    lanes
        Observed lead times.
    lane
        (n,) lane of each row or NO_LANE.
    supplier
        (n,) supplier of each row.
    stated_days
        (n,) lead time stated by master data or settings.

    Returns
    -------
    tuple of arrays
        (n,) mean in days, variance in days squared, and weight in observations.
    """
    out = np.empty((3, lane.size))
    shrink(lanes.lanes, lanes.pools, lane, supplier, stated_days, out)
    return out[0], out[1], out[2]


@kernel
def shrink(
    lanes: NDArray[Any], pools: NDArray[Any], lane: NDArray[np.int32], supplier: NDArray[np.int64],
    stated_days: NDArray[np.float64], out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill ``out`` (3, n) with mean, variance and weight, see :func:`shrunk`."""
    for i in range(lane.size):
        pool = pools[supplier[i]]
        prior_sd = VARIATION * stated_days[i]
        total = pool.weight + PRIOR_WEIGHT
        mean = (pool.weight * pool.mean + PRIOR_WEIGHT * stated_days[i]) / total
        variance = (pool.squares + PRIOR_WEIGHT * (prior_sd * prior_sd)) / total
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
    """(suppliers,) mean delay of receipts after the promised day in days, shrunk to 0, never negative."""
    pool = lanes.pools
    mean = pool["delay_weight"] * pool["delay_mean"] / (pool["delay_weight"] + PRIOR_WEIGHT)
    return np.asarray(np.maximum(mean, 0.0), np.float64)
