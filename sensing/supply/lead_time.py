"""Lead times of rows as distributions, shrunk from lane to stated lead time to supplier to all receipts. Plans call it.

A lead time is normal in log days (`receipt_statistics`). Its mean and variance come level by level:

1. All receipts. Without any, the default of the settings stands in.
2. The supplier's receipts, with level 1 as a prior of PRIOR_WEIGHT observations.
3. The lead time that master data state, with level 2 as a prior that is worth the supplier's receipts, at most
   PRIOR_WEIGHT observations.
4. The receipts of the lane, with the level above as a prior of PRIOR_WEIGHT observations.

The variance of a level is that of a mixture of the two: w1 w2 / (w1 + w2)^2 (m1 - m2)^2 is added, so levels that
disagree make a wide distribution. So does a mean of few observations, by its own variance. One observation says
nothing about the variance, so the prior's variance is taken in with w - 1 of w observations.

Open lines are right-censored observations: the lead time of a line that has been open for a days exceeds a. One EM step
adds each open line with the conditional mean and variance of a normal variable that exceeds log a. It starts from the
estimate without open lines. So an overdue line raises mean and variance before it arrives, and more the longer it is
overdue. A line placed yesterday hardly changes them.

Promises: `delays` estimates how long after the promised day a supplier's receipts come.

Source: Schmee and Hahn (1979), A simple method for regression analysis with censored data, Technometrics 21(4); the
moments of the truncated normal from Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1 (1994), 13.10;
variance of a mixture of levels: Gelman et al. (2013), Bayesian Data Analysis, 5.4.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.demand.distribution import normal_upper
from sensing.jit import kernel, lean_kernel
from sensing.supply.lanes import NO_LANE, Lanes
from sensing.supply.lead_time_calibration import lead_times_in_days
from sensing.supply.receipt_statistics import LEAD_TIME_DAYS_MAX, SHIFT_DAYS, kept_share, log_days

PRIOR_WEIGHT = 3.0
VARIATION = 0.3
"""Standard deviation over mean of a stated lead time."""
LOG_VARIANCE_MAX = 1.5
LOG_DAYS_MAX = math.log(SHIFT_DAYS + LEAD_TIME_DAYS_MAX)
DELAY_SD_DAYS = 1.0
"""Standard deviation of the delay of suppliers of whom nothing is known."""
Z_SERIES = 30.0
"""Above this the asymptotic series of the Mills ratio is accurate to 1e-7, and the exponential nearly underflows."""
Floats = NDArray[np.float64]


class LogLeadTimes(NamedTuple):
    """Estimates of n lead times in log days."""

    mean: Floats
    variance: Floats
    weight: Floats
    """(n,) observations that an estimate is worth."""
    known: NDArray[np.int64]
    """(n,) 1 if the lane has receipts."""


@kernel
def inverse_mills_ratio(z: float) -> float:
    """Inverse Mills ratio: mean of a standard normal variable, given that it exceeds ``z``."""
    if z > Z_SERIES:
        return z + 1.0 / z - 2.0 / z**3 + 10.0 / z**5
    return math.exp(-0.5 * z * z) / (math.sqrt(2.0 * math.pi) * normal_upper(z))


@kernel
def truncated_normal_moments(mean: float, variance: float, least: float) -> tuple[float, float]:
    """Mean and variance of a normal variable, given that it exceeds ``least``."""
    if variance <= 0.0:
        return max(mean, least), 0.0
    sd = math.sqrt(variance)
    z = (least - mean) / sd
    ratio = inverse_mills_ratio(z)
    return max(mean + sd * ratio, least), max(variance * (1.0 + z * ratio - ratio * ratio), 0.0)


@kernel
def include_open_lines(
    mean: Floats, variance: Floats, weight: Floats, at: NDArray[np.int64], age_days: Floats, share: Floats
) -> None:
    """Add open lines to estimates in log days, in place.

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
            expected, _ = truncated_normal_moments(mean[i], variance[i], log_days(age_days[stop]))
            total += share[stop]
            centre += share[stop] * min(expected, LOG_DAYS_MAX)
            stop += 1
        centre /= total
        squares = weight[i] * (variance[i] + (mean[i] - centre) ** 2)
        for k in range(start, stop):
            expected, excess_variance = truncated_normal_moments(mean[i], variance[i], log_days(age_days[k]))
            squares += share[k] * (excess_variance + (min(expected, LOG_DAYS_MAX) - centre) ** 2)
        mean[i], variance[i] = centre, min(squares / total, LOG_VARIANCE_MAX)
        start = stop


@lean_kernel
def mixed(
    weight: float, mean: float, squares: float, prior_mean: float, prior_variance: float
) -> tuple[float, float]:  # fmt: skip
    """Mean and variance of what follows observations, with a prior that is worth PRIOR_WEIGHT of them."""
    total = weight + PRIOR_WEIGHT
    variance = (squares + PRIOR_WEIGHT * prior_variance) / (max(weight - 1.0, 0.0) + PRIOR_WEIGHT)
    between = weight * PRIOR_WEIGHT / (total * total) * (mean - prior_mean) ** 2
    variance = variance * (1.0 + weight / (total * total)) + between
    return (weight * mean + PRIOR_WEIGHT * prior_mean) / total, min(variance, LOG_VARIANCE_MAX)


@lean_kernel
def of_stated(days: float) -> tuple[float, float]:
    """Mean and variance in log days of a lead time with mean ``days`` and a standard deviation of VARIATION of it."""
    variance = math.log1p((VARIATION * days / (SHIFT_DAYS + days)) ** 2)
    return math.log(SHIFT_DAYS + days) - 0.5 * variance, variance


@lean_kernel
def of_all(pool: Any, default_days: float, now: int) -> tuple[float, float]:
    """Mean and variance in log days of the next receipt, whoever the supplier is."""
    if pool.weight == 0.0:
        return of_stated(min(default_days, LEAD_TIME_DAYS_MAX))
    kept = kept_share(pool.time, now)
    weight = pool.weight * kept
    squares = pool.log_squares * kept + PRIOR_WEIGHT * VARIATION * VARIATION
    variance = squares / (max(weight - 1.0, 0.0) + PRIOR_WEIGHT) * (1.0 + 1.0 / max(weight, 1.0))
    return pool.log_mean, min(variance, LOG_VARIANCE_MAX)


@kernel
def estimate(
    lanes: NDArray[Any], pools: NDArray[Any], everything: NDArray[Any], lane: NDArray[np.int32],
    supplier: NDArray[np.int64], stated_days: Floats, default_days: float, now: int, out: Floats,
) -> None:  # fmt: skip
    """Fill ``out`` (4, n) with mean, variance, weight, and 1 if the lane has receipts; see :func:`log_lead_times`."""
    all_mean, all_variance = of_all(everything[0], default_days, now)
    for i in range(lane.size):
        pool = pools[supplier[i]]
        kept = kept_share(pool.time, now)
        weight = pool.weight * kept
        mean, variance = mixed(weight, pool.log_mean, pool.log_squares * kept, all_mean, all_variance)
        if stated_days[i] == stated_days[i]:
            stated_mean, stated_variance = of_stated(min(stated_days[i], LEAD_TIME_DAYS_MAX))
            share = min(weight, PRIOR_WEIGHT) / (min(weight, PRIOR_WEIGHT) + PRIOR_WEIGHT)
            between = share * (1.0 - share) * (mean - stated_mean) ** 2
            mean = share * mean + (1.0 - share) * stated_mean
            variance = min(share * variance + (1.0 - share) * stated_variance + between, LOG_VARIANCE_MAX)
        weight = 0.0
        if lane[i] != NO_LANE:
            own = lanes[lane[i]]
            kept = kept_share(own.time, now)
            weight = own.weight * kept
            if weight > 0.0:
                mean, variance = mixed(weight, own.log_mean, own.log_squares * kept, mean, variance)
        out[0, i] = min(mean, LOG_DAYS_MAX)
        out[1, i] = variance
        out[2, i] = weight + PRIOR_WEIGHT
        out[3, i] = 1.0 if weight > 0.0 else 0.0


def log_lead_times(
    lanes: Lanes, lane: NDArray[np.int32], supplier: NDArray[np.int64], stated_days: Floats, default_days: float,
    now: int,
) -> LogLeadTimes:  # fmt: skip
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
        (n,) lead time stated by master data, in days; NaN: none.
    default_days
        Lead time where nothing is stated and nothing was ever received.
    now
        Instant, UTC ms. Older receipts count less.
    """
    out = np.empty((4, lane.size))
    # Columns of records have another layout, for which the kernel would be compiled again.
    supplier, stated_days = np.ascontiguousarray(supplier), np.ascontiguousarray(stated_days)
    estimate(lanes.lanes, lanes.pools, lanes.everything, lane, supplier, stated_days, default_days, now, out)
    return LogLeadTimes(out[0], out[1], out[2], out[3].astype(np.int64))


def in_days(lanes: Lanes, found: LogLeadTimes) -> Floats:
    """(4, n) mean, standard deviation, .5 and .9 quantile in days, calibrated."""
    out = np.empty((4, found.mean.size))
    lead_times_in_days(lanes.calibration, found.mean, found.variance, found.known, out)
    return out


def delays(lanes: Lanes, now: int) -> tuple[Floats, Floats]:
    """(suppliers,) mean and variance of the days from the promised day to the receipt, shrunk to those of all others.

    All suppliers together are shrunk to a punctual one, give or take DELAY_SD_DAYS.
    """
    mean, variance = _delay(lanes.everything, now, 0.0, DELAY_SD_DAYS**2)
    return _delay(lanes.pools, now, float(mean[0]), float(variance[0]))


def _delay(pools: NDArray[Any], now: int, prior_mean: float, prior_variance: float) -> tuple[Floats, Floats]:
    out = np.empty((2, pools.size))
    shrink_delays(pools, now, prior_mean, prior_variance, out)
    return out[0], out[1]


@kernel
def shrink_delays(pools: NDArray[Any], now: int, prior_mean: float, prior_variance: float, out: Floats) -> None:
    """Fill ``out`` (2, suppliers) with mean and variance of delays in days, see :func:`delays`."""
    for i in range(pools.size):
        pool = pools[i]
        kept = kept_share(pool.delay_time, now)
        weight = pool.delay_weight * kept
        total = weight + PRIOR_WEIGHT
        squares = pool.delay_squares * kept + PRIOR_WEIGHT * prior_variance
        squares += weight * PRIOR_WEIGHT / total * (pool.delay_mean - prior_mean) ** 2
        out[0, i] = (weight * pool.delay_mean + PRIOR_WEIGHT * prior_mean) / total
        out[1, i] = squares / total
