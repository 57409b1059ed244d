"""Predictive distribution of demand from its mean and variance: Poisson, negative binomial or gamma.

Forecasts, calibration, planning and detectors call it. Up to a mean of ``COUNT_MEAN_MAX`` the distribution is negative
binomial, or Poisson if variance and mean are equal. Above, it is gamma with a continuity correction of half a unit,
whose cost does not grow with the mean. So it is from a mean of ``STEADY_MEAN_MIN`` on if the variance is below the
mean. For smaller means such a variance is replaced by the mean, since it may be chance. With mean zero, demand is zero.
NaN in any argument gives NaN.

Source: Johnson, Kemp, Kotz, Univariate Discrete Distributions (2005), ch. 4 and 5; Press et al., Numerical Recipes
(2007), 6.2 and 6.4 for the incomplete functions; Wilson and Hilferty (1931) for the gamma at large shape.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel

COUNT_MEAN_MAX = 64.0
"""Above this mean, in units, the gamma distribution replaces the negative binomial."""
STEADY_MEAN_MIN = 10.0
"""From this mean on, in units, demand may vary less than independent orders would make it."""
STEADY_RATIO_MIN = 0.05
"""Least ratio of variance and mean."""
SHAPE_NORMAL = 2e3
"""From this gamma shape on the cube-root normal approximation has an error below 1e-5 in probability."""
SHAPE_CUBE_ROOT = 4.0
"""From this gamma shape on the cube-root quantile is used. Its error is 0.4 % from level .05 up, and 5 % at .005."""
_STEPS_MAX = 4096
_TINY = 1e-300


@kernel
def normal_upper(z: float) -> float:
    """Probability that a standard normal exceeds ``z``."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


@kernel
def normal_quantile(level: float) -> float:
    """Standard normal quantile: Acklam's rational approximation (2003) with one Halley step, accurate to 1e-12."""
    if not 0.0 < level < 1.0:
        return -math.inf if level <= 0.0 else (math.inf if level >= 1.0 else math.nan)
    tail = min(level, 1.0 - level)
    if tail < 0.02425:
        s = math.sqrt(-2.0 * math.log(tail))
        top = ((((-7.784894002430293e-03 * s - 3.223964580411365e-01) * s - 2.400758277161838) * s
                - 2.549732539343734) * s + 4.374664141464968) * s + 2.938163982698783  # fmt: skip
        low = ((((7.784695709041462e-03 * s + 3.224671290700398e-01) * s + 2.445134137142996) * s
                + 3.754408661907416) * s + 1.0)  # fmt: skip
        z = top / low
    else:
        s = tail - 0.5
        r = s * s
        top = (((((-3.969683028665376e01 * r + 2.209460984245205e02) * r - 2.759285104469687e02) * r
                 + 1.383577518672690e02) * r - 3.066479806614716e01) * r + 2.506628277459239) * s  # fmt: skip
        low = ((((-5.447609879822406e01 * r + 1.615858368580409e02) * r - 1.556989798598866e02) * r
                + 6.680131188771972e01) * r - 1.328068155288572e01) * r + 1.0  # fmt: skip
        z = top / low
    if tail < 1e-280:  # the Halley step would overflow; without it the error is 1e-9
        return z if level < 0.5 else -z
    error = (normal_upper(-z) - tail) * math.sqrt(2.0 * math.pi) * math.exp(0.5 * z * z)
    z -= error / (1.0 + 0.5 * z * error)
    return z if level < 0.5 else -z


@kernel
def _gamma_series(shape: float, x: float) -> float:
    """Series of the lower incomplete gamma function, without its leading factor; for x < shape + 1."""
    term = 1.0 / shape
    total = term
    for step in range(1, _STEPS_MAX):
        term *= x / (shape + step)
        total += term
        if term < total * 1e-15:
            break
    return total


@kernel
def _gamma_fraction(shape: float, x: float) -> float:
    """Continued fraction of the upper incomplete gamma function, without its leading factor; for x >= shape + 1."""
    b = x + 1.0 - shape
    c = 1.0 / _TINY
    d = 1.0 / b
    h = d
    for step in range(1, _STEPS_MAX):
        a = -step * (step - shape)
        b += 2.0
        d = a * d + b
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = b + a / c
        c = c if abs(c) > _TINY else _TINY
        h *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return h


@kernel
def gamma_upper(shape: float, x: float) -> float:
    """Regularised upper incomplete gamma function Q(shape, x)."""
    if x <= 0.0:
        return 1.0
    if shape >= SHAPE_NORMAL:
        return normal_upper(((x / shape) ** (1.0 / 3.0) - 1.0 + 1.0 / (9.0 * shape)) * 3.0 * math.sqrt(shape))
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1.0:
        return max(0.0, 1.0 - front * _gamma_series(shape, x))
    return front * _gamma_fraction(shape, x)


@kernel
def gamma_lower(shape: float, x: float) -> float:
    """Regularised lower incomplete gamma function P(shape, x), without cancellation; for shape < SHAPE_NORMAL."""
    if x <= 0.0:
        return 0.0
    if x < shape + 1.0:
        return math.exp(shape * math.log(x) - x - math.lgamma(shape)) * _gamma_series(shape, x)
    return 1.0 - gamma_upper(shape, x)


@kernel
def _beta_fraction(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function (Numerical Recipes 6.4)."""
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    h = d
    for m in range(1, _STEPS_MAX):
        for odd in range(2):
            if odd == 0:
                e = m * (b - m) * x / ((a - 1.0 + 2 * m) * (a + 2 * m))
            else:
                e = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 1.0 + 2 * m))
            d = 1.0 + e * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + e / c
            c = c if abs(c) > _TINY else _TINY
            h *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return h


@kernel
def beta_lower(a: float, b: float, x: float, complement: float) -> float:
    """Regularised incomplete beta function I_x(a, b); ``complement`` is 1 - x, which the caller knows more exactly."""
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(complement))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(a, b, x) / a
    return max(0.0, 1.0 - front * _beta_fraction(b, a, complement) / b)


@kernel
def poisson_upper(count: float, mean: float) -> float:
    """Probability that a Poisson variable is at least ``count`` (a whole number); for means up to COUNT_MEAN_MAX."""
    if count <= 0.0:
        return 1.0
    if count >= SHAPE_NORMAL:  # more than 200 standard deviations above any mean in range
        return 0.0
    return gamma_lower(count, mean)


@kernel
def negative_binomial_upper(count: float, mean: float, variance: float) -> float:
    """Probability that a negative binomial variable of this mean and variance (> mean) is at least ``count``."""
    if count <= 0.0:
        return 1.0
    size = mean * mean / (variance - mean)
    return beta_lower(count, size, (variance - mean) / variance, mean / variance)


@kernel
def is_gamma(mean: float, variance: float) -> bool:
    """Whether the demand has the gamma distribution."""
    return mean > COUNT_MEAN_MAX or (mean >= STEADY_MEAN_MIN and variance < mean * (1.0 - 1e-9))


@kernel
def tail_probability(observed: float, mean: float, variance: float) -> float:
    """Probability that the demand is at least ``observed`` units, which are rounded up to whole units.

    Returns
    -------
    float
        In [0, 1]; 0 if the mean is zero and ``observed`` is not; NaN if an argument is NaN.
    """
    if math.isnan(observed) or math.isnan(mean) or math.isnan(variance):
        return math.nan
    if observed <= 0.0:
        return 1.0
    if mean <= 0.0:
        return 0.0
    if math.isinf(observed):
        return 0.0
    if is_gamma(mean, variance):
        variance_used = max(variance, STEADY_RATIO_MIN * mean)
        units = observed if mean > COUNT_MEAN_MAX else math.ceil(observed)
        return gamma_upper(mean * mean / variance_used, max(units - 0.5, 0.0) * mean / variance_used)
    if variance <= mean * (1.0 + 1e-9):
        return poisson_upper(math.ceil(observed), mean)
    return negative_binomial_upper(math.ceil(observed), mean, variance)


@kernel
def cumulative(observed: float, mean: float, variance: float) -> float:
    """Probability that the demand is at most ``observed``; the counterpart of :func:`tail_probability`."""
    if observed < 0.0:
        return 0.0
    return 1.0 - tail_probability(math.floor(observed) + 1.0, mean, variance)


@kernel
def gamma_quantile(level: float, mean: float, variance: float) -> float:
    """Quantile of the gamma distribution with this mean and variance: Newton steps from the cube-root approximation."""
    shape = mean * mean / variance
    scale = variance / mean
    z = normal_quantile(level)
    root = 1.0 - 1.0 / (9.0 * shape) + z / (3.0 * math.sqrt(shape))
    if shape >= SHAPE_CUBE_ROOT:
        return shape * max(root, 0.0) ** 3 * scale
    # For small x, P(shape, x) is about x^shape / Gamma(shape + 1). This start is used where the cube root fails.
    start = math.exp((math.log(level) + math.lgamma(shape + 1.0)) / shape)
    x = max(shape * max(root, 0.0) ** 3, start) if start < 1.0 or root <= 0.0 else shape * root**3
    low = 0.0
    high = math.inf
    for _ in range(60):
        if x <= _TINY:
            return 0.0
        error = level - 1.0 + gamma_upper(shape, x)
        if error > 0.0:
            low = x
        else:
            high = x
        following = x + error / math.exp((shape - 1.0) * math.log(x) - x - math.lgamma(shape))
        if not low < following < high:
            following = 0.5 * (low + high) if high < math.inf else 2.0 * x
        if abs(following - x) <= 1e-9 * x:
            return following * scale
        x = following
    return x * scale


@kernel
def first_step(mean: float, variance: float) -> tuple[int, float, float]:
    """First step of a Poisson or negative binomial distribution: 0 units, probability and cumulative probability."""
    poisson = variance <= mean * (1.0 + 1e-9)
    mass = math.exp(-mean) if poisson else math.exp(mean * mean / (variance - mean) * math.log(mean / variance))
    return 0, mass, mass


@kernel
def climb(step: tuple[int, float, float], level: float, mean: float, variance: float) -> tuple[int, float, float]:
    """Climb from ``step`` to the first step whose cumulative probability is at least ``level``.

    A step has three numbers: units, their probability and their cumulative probability.
    """
    count, mass, total = step
    poisson = variance <= mean * (1.0 + 1e-9)
    size = 0.0 if poisson else mean * mean / (variance - mean)
    ratio = mean if poisson else (variance - mean) / variance
    while total < level and count < _STEPS_MAX:
        mass *= ratio / (count + 1.0) if poisson else ratio * (size + count) / (count + 1.0)
        total += mass
        count += 1
    return count, mass, total


@kernel
def units_at(step: tuple[int, float, float], level: float, mean: float, variance: float) -> float:
    """Units of the step that :func:`climb` found for ``level``."""
    if step[0] < _STEPS_MAX:
        return float(step[0])
    # More than _STEPS_MAX steps at such a mean need an extreme variance (rare bursts). The gamma is accurate there.
    return max(float(_STEPS_MAX), math.ceil(gamma_quantile(level, mean, variance)))


@kernel
def count_quantile(level: float, mean: float, variance: float) -> float:
    """Smallest whole number whose cumulative Poisson or negative binomial probability is at least ``level``."""
    step = climb(first_step(mean, variance), level, mean, variance)
    return units_at(step, level, mean, variance)


@kernel
def quantile(level: float, mean: float, variance: float) -> float:
    """Demand that is not exceeded with probability ``level``; a whole number for means up to COUNT_MEAN_MAX.

    Returns
    -------
    float
        0 if the mean or the level is zero, infinity if the level is 1, NaN if an argument is NaN.
    """
    if math.isnan(level) or math.isnan(mean) or math.isnan(variance):
        return math.nan
    if level <= 0.0 or mean <= 0.0:
        return 0.0
    if level >= 1.0:
        return math.inf
    if is_gamma(mean, variance):
        units = gamma_quantile(level, mean, max(variance, STEADY_RATIO_MIN * mean))
        return units if mean > COUNT_MEAN_MAX else max(math.ceil(units - 0.5), 0.0)
    return count_quantile(level, mean, variance)


@kernel
def quantiles(levels: NDArray[np.float64], mean: float, variance: float, out: NDArray[np.float64]) -> None:
    """Fill ``out`` with :func:`quantile` of each level. Rising levels share one climb of the distribution."""
    plain = mean > 0.0 and not is_gamma(mean, variance) and not math.isnan(variance)
    step = first_step(mean, variance) if plain else (0, 0.0, 0.0)
    reached = 0.0
    for k in range(levels.size):
        if not (plain and 0.0 < levels[k] < 1.0):
            out[k] = quantile(levels[k], mean, variance)
            continue
        if levels[k] < reached:
            step = first_step(mean, variance)
        reached = levels[k]
        step = climb(step, levels[k], mean, variance)
        out[k] = units_at(step, levels[k], mean, variance)
