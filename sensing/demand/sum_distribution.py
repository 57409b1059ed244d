"""Predictive distribution of the demand of several days. Plans, projections and the calibration of sums call it.

Demand is counted in steps of its quantities: whole units, or the thousandths of a unit for rows with decimals. So a row
has the same distribution in kilograms and in tonnes.

It is that of a day, negative binomial or gamma, up to the skewness of a geometric distribution. Beyond that, where the
variance v exceeds mean + mean^2, it is a geometric distribution of variance v, shifted to the mean. A negative binomial
would put ever more of its probability on zero, so that its quantiles fall as the variance grows. But a sum of many days
with a small mean and a large variance is a demand whose level is not known, for example of a row that has stopped, and
of such rows the less certain one needs the larger buffer.

On M5 the pinball loss of .95 quantiles of 28-day sums is 3 % lower than that of the negative binomial, and 18 % lower
if rows that have stopped are included.
"""

import math

from sensing.demand.distribution import quantile, tail_probability
from sensing.jit import kernel


@kernel
def is_shifted(mean: float, variance: float) -> bool:
    """Whether the demand has the shifted geometric distribution."""
    return bool(mean > 0.0 and variance > mean + mean * mean)


@kernel
def geometric_mean(variance: float) -> float:
    """Mean g of the geometric distribution, from 0 on, of this variance: g + g^2 = variance."""
    return 2.0 * variance / (1.0 + math.sqrt(1.0 + 4.0 * variance))


@kernel
def sum_tail(observed: float, mean: float, variance: float) -> float:
    """Probability that the demand is at least ``observed`` steps, which are rounded up; as `tail_probability`."""
    if observed <= 0.0 or not is_shifted(mean, variance) or math.isinf(observed):
        return tail_probability(observed, mean, variance)
    unshifted = geometric_mean(variance)
    above = max(math.ceil(observed) - mean + unshifted, 0.0)
    return math.exp(-above * math.log1p(1.0 / unshifted))


@kernel
def sum_quantile(level: float, mean: float, variance: float) -> float:
    """Steps of demand that are not exceeded with probability ``level``; as `quantile`, whole where it is shifted."""
    if not 0.0 < level < 1.0 or not is_shifted(mean, variance):
        return quantile(level, mean, variance)
    unshifted = geometric_mean(variance)
    units = -math.log1p(-level) / math.log1p(1.0 / unshifted) - 1.0 + mean - unshifted
    return max(math.ceil(units * (1.0 - 1e-12)), 0.0)


@kernel
def units_quantile(level: float, mean: float, variance: float, step: float) -> float:
    """Quantile in units of a demand with mean and variance in units (squared) that comes in steps of ``step`` units."""
    return step * sum_quantile(level, mean / step, variance / (step * step))


@kernel
def stockout_probability(available: float, mean: float, variance: float, step: float) -> float:
    """Probability that the demand exceeds ``available`` units; arguments as in `units_quantile`."""
    steps = math.floor(available / step * (1.0 + 1e-9)) + 1.0
    return sum_tail(steps, mean / step, variance / (step * step))
