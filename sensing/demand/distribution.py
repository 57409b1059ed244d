"""Predictive distribution of a demand from its mean and variance: Poisson, negative binomial or gamma.

A demand is a count, so its variance is taken as at least its mean. Up to ``COUNT_MEAN_MAX`` it is negative binomial
(Poisson where the variance equals the mean); above, gamma with a continuity correction of half a unit, whose cost does not
grow with the mean. A mean of zero is a certain zero. NaN in any argument gives NaN.

Source: Johnson, Kemp, Kotz, Univariate Discrete Distributions (2005), ch. 4 and 5; Press et al., Numerical Recipes (2007),
6.2 and 6.4 for the incomplete functions; Wilson and Hilferty (1931) for the gamma at large shape.
"""

import math

from sensing.jit import kernel

COUNT_MEAN_MAX = 64.0
"""Above this mean the gamma stands in for the negative binomial."""
SHAPE_NORMAL = 2e3
"""From this gamma shape on the cube root of the variable is normal to better than 1e-5 in probability."""
SHAPE_CUBE_ROOT = 4.0
"""From this gamma shape on the cube-root quantile is used; it is right to 0.2 % between levels .005 and .995."""
_STEPS_MAX = 4096
_TINY = 1e-300


@kernel
def normal_upper(z: float) -> float:
    """Probability that a standard normal exceeds ``z``."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


@kernel
def normal_quantile(level: float) -> float:
    """Standard normal quantile: Acklam's rational approximation (2003) with one Halley step, right to 1e-12."""
    if not 0.0 < level < 1.0:
        return -math.inf if level <= 0.0 else (math.inf if level >= 1.0 else math.nan)
    tail = min(level, 1.0 - level)
    if tail < 0.02425:
        s = math.sqrt(-2.0 * math.log(tail))
        top = ((((-7.784894002430293e-03 * s - 3.223964580411365e-01) * s - 2.400758277161838) * s - 2.549732539343734)
               * s + 4.374664141464968) * s + 2.938163982698783  # fmt: skip
        low = ((((7.784695709041462e-03 * s + 3.224671290700398e-01) * s + 2.445134137142996) * s + 3.754408661907416) * s
               + 1.0)  # fmt: skip
        z = top / low
    else:
        s = tail - 0.5
        r = s * s
        top = (((((-3.969683028665376e01 * r + 2.209460984245205e02) * r - 2.759285104469687e02) * r
                 + 1.383577518672690e02) * r - 3.066479806614716e01) * r + 2.506628277459239) * s  # fmt: skip
        low = ((((-5.447609879822406e01 * r + 1.615858368580409e02) * r - 1.556989798598866e02) * r
                + 6.680131188771972e01) * r - 1.328068155288572e01) * r + 1.0  # fmt: skip
        z = top / low
    error = (normal_upper(-z) - tail) * math.sqrt(2.0 * math.pi) * math.exp(0.5 * z * z)
    z -= error / (1.0 + 0.5 * z * error)
    return z if level < 0.5 else -z


@kernel
def gamma_upper(shape: float, x: float) -> float:
    """Regularised upper incomplete gamma function Q(shape, x)."""
    if x <= 0.0:
        return 1.0
    if shape >= SHAPE_NORMAL:
        return normal_upper(((x / shape) ** (1.0 / 3.0) - 1.0 + 1.0 / (9.0 * shape)) * 3.0 * math.sqrt(shape))
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1.0:
        term = 1.0 / shape
        total = term
        for step in range(1, _STEPS_MAX):
            term *= x / (shape + step)
            total += term
            if term < total * 1e-15:
                break
        return max(0.0, 1.0 - front * total)
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
    return front * h


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
    """Regularised incomplete beta function I_x(a, b); ``complement`` is 1 - x, given apart to keep its digits."""
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(complement)
    )
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(a, b, x) / a
    return max(0.0, 1.0 - front * _beta_fraction(b, a, complement) / b)


@kernel
def poisson_upper(count: float, mean: float) -> float:
    """Probability that a Poisson variable is at least ``count`` (a whole number)."""
    if count <= 0.0:
        return 1.0
    return 1.0 - gamma_upper(count, mean) if mean < count else max(0.0, 1.0 - gamma_upper(count, mean))


@kernel
def negative_binomial_upper(count: float, mean: float, variance: float) -> float:
    """Probability that a negative binomial variable of this mean and variance (> mean) is at least ``count``."""
    if count <= 0.0:
        return 1.0
    size = mean * mean / (variance - mean)
    return beta_lower(count, size, (variance - mean) / variance, mean / variance)
