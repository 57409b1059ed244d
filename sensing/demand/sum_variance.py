"""Variance of the demand of several days together. Plans, projections and calibration call it.

The errors of the days of one forecast are not independent: what a day teaches moves the level of all later days. With
one-day variance s^2 and smoothing gain g, the variance of the demand of n days is

    s^2 * sum over j = 0 .. n-1 of (1 + j g)^2  =  s^2 * (n + g n (n-1) + g^2 (n-1) n (2n-1) / 6),

plus n^2 s^2 u, where u is what the level of a young row is less certain than that of a row with history, and what it
is less certain while a shift is in doubt (`sensing.demand.level_shift`). Over a random number of days with standard
deviation d, half the second derivative times d^2 is added. The result is multiplied by the square of a scale, see
`sensing.demand.sum_calibration`.

The variance s^2 of a day is the row's mean squared error, in proportion to the day's mean. The forecast of a single day
has another one: the ratio of variance and mean, times the mean, adapted to the row's recent coverage. For the buffer of
many days the squared error itself is better, since it does not fall with the level. On M5 the pinball loss of .95
quantiles of 28-day sums is 7 % lower.

A row's `Forecast.sums` has gain, u, s^2 over the forecast variance, and the scales. Kernels get the forecast variances
of its days, which grow by the factor 1 + h g^2 over the horizon, so this growth is divided out.

Source: Hyndman, Koehler, Ord, Snyder (2008), Forecasting with Exponential Smoothing, 6.3, model ANN.
"""

import numpy as np
from numpy.typing import NDArray

from sensing.demand.distribution import normal_quantile
from sensing.jit import kernel

SUM_DAYS = (1, 7, 14, 28)
"""Numbers of days whose sums are calibrated. Between them the scale is interpolated, by the logarithm of the days."""
SUM_LEVELS = (0.9, 0.95, 0.98)
"""Levels for which sums are calibrated. Between them the scale is interpolated, by normal scores."""
GAIN, YOUNG, OWN, SCALES = 0, 1, 2, 3
"""Columns of `Forecast.sums`: gain, u, s^2 over the variance of a forecast day, and from SCALES on a scale for each of
SUM_DAYS and, within it, SUM_LEVELS."""
COLUMNS = SCALES + len(SUM_DAYS) * len(SUM_LEVELS)
FORECAST_DAYS = 28
_LOG_DAYS = np.log(np.array(SUM_DAYS, np.float64))
_SCORES = np.array([normal_quantile(level) for level in SUM_LEVELS])


def independent(rows: int) -> NDArray[np.float64]:
    """(n, COLUMNS) sums of days that are independent: their variances add up."""
    sums = np.ones((rows, COLUMNS))
    sums[:, GAIN] = sums[:, YOUNG] = 0.0
    return sums


@kernel
def young_level(exposure: float, gain: float) -> float:
    """Variance of a level after ``exposure`` days beyond that of one with history, in multiples of a day's variance.

    The mean of n days has 1/n, a level that was smoothed for long g / (2 - g).
    """
    return max(0.0, 1.0 / max(exposure, 1.0) - gain / (2.0 - gain))


@kernel
def sum_growth(days: float, sd_days: float, gain: float, young: float) -> float:
    """Variance of the demand of ``days`` days over the sum of their variances, if these are equal."""
    if days <= 0.0:
        return 1.0
    later = max(days - 1.0, 0.0)
    growth = 1.0 + later * (gain + gain * gain * (2.0 * days - 1.0) / 6.0) + young * days
    return growth + sd_days * sd_days * (gain + gain * gain * max(days - 0.5, 0.0) + young) / days


@kernel
def _at(value: float, points: NDArray[np.float64]) -> tuple[int, float]:
    """Interval of rising ``points`` around a value, and the share of it below the value, from 0 to 1."""
    for k in range(points.size - 1):
        if value <= points[k + 1] or k == points.size - 2:
            return k, min(max((value - points[k]) / (points[k + 1] - points[k]), 0.0), 1.0)
    return 0, 0.0


@kernel
def scale_of(sums: NDArray[np.float64], days: float, level: float) -> float:
    """Factor on the standard deviation of the demand of ``days`` days, whose quantile of ``level`` is wanted."""
    day, days_share = _at(np.log(max(days, 1.0)), _LOG_DAYS)
    at, level_share = _at(normal_quantile(level), _SCORES)
    first = SCALES + day * _SCORES.size + at
    before = sums[first] + level_share * (sums[first + 1] - sums[first])
    first += _SCORES.size
    after = sums[first] + level_share * (sums[first + 1] - sums[first])
    return float(before + days_share * (after - before))


@kernel
def open_share(variance: NDArray[np.float64]) -> float:
    """Share of days on which demand is possible. Others teach nothing, so errors do not grow over them."""
    count = 0
    for t in range(variance.size):
        if variance[t] > 0.0:
            count += 1
    return count / variance.size


@kernel
def sum_ratio(sums: NDArray[np.float64], days: float, sd_days: float, level: float) -> float:
    """Variance of the demand of ``days`` open days over the sum of their forecast variances.

    ``sums`` (COLUMNS,) is a row of `Forecast.sums`; ``sd_days`` the standard deviation of the number of days.
    """
    gain = sums[GAIN]
    in_days = 1.0 + 0.5 * gain * gain * max(min(days, FORECAST_DAYS) - 1.0, 0.0)
    scale = scale_of(sums, days, level)
    return float(sums[OWN] * scale * scale * sum_growth(days, sd_days, gain, sums[YOUNG]) / in_days)
