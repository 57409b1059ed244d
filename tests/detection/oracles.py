"""Slow, obvious versions of the detection kernels, on scipy's distributions."""

import math
from collections.abc import Sequence

from scipy import stats


def count_tail(count: float, mean: float, variance: float) -> float:
    """Probability of at least ``count`` at this mean and variance: Poisson, negative binomial, or gamma."""
    if count <= 0:
        return 1.0
    if mean > 64.0 or (mean >= 10.0 and variance < mean * (1.0 - 1e-9)):
        scale = max(variance, 0.05 * mean) / mean
        return float(stats.gamma.sf(max(math.ceil(count) - 0.5, 0.0), mean / scale, scale=scale))
    if variance <= mean * (1 + 1e-9):
        return float(stats.poisson.sf(math.ceil(count) - 1, mean))
    share = mean / variance
    return float(stats.nbinom.sf(math.ceil(count) - 1, mean * share / (1 - share), share))


def variance(expected: float, dispersion: float, window_days: float, history_days: float, drift: float) -> float:
    """Variance of a window: scatter of the days, uncertainty of the level, drift of the level."""
    history = max(history_days, 1.0)
    return dispersion * expected + dispersion * expected * window_days / history + (drift * expected) ** 2


def is_surge(count: int, expected: float, level: float, dispersion: float, window: float, history: float) -> bool:
    """The four conditions of an opening, one after the other."""
    baseline = max(expected, level * window / 4) + 0.5 * window / max(history, 1.0)
    enough = history >= 14 and count >= 5 and count >= 1.6 * baseline
    spread = variance(baseline, dispersion, window, min(history, 39.0), 0.1)
    return enough and count_tail(count, baseline, spread) <= (2e-4 if window == 1.0 else 5e-4) * (1 + (level >= 5))


def level_after(level: float, factors: Sequence[float], lines_per_day: float) -> float:
    """A level smoothed over these days, each with ``lines_per_day`` times its seasonal index."""
    for factor in factors:
        level += 0.05 * (lines_per_day - level) * factor
    return level


def size_statistics(quantities: Sequence[float]) -> tuple[float, float, float]:
    """Plain mean, variance and maximum of the logarithms."""
    logs = [math.log(quantity) for quantity in quantities]
    mean = sum(logs) / len(logs)
    return mean, sum((x - mean) ** 2 for x in logs) / len(logs), max(logs)


def deviations(quantity: float, quantities: Sequence[float], prior: float) -> float:
    """Standard deviations of a log quantity above the row's mean log. The prior variance counts as 20 lines."""
    mean, own, _ = size_statistics(quantities)
    n = len(quantities)
    shrunk = (n * own + 20 * prior) / (n + 20)
    return (math.log(quantity) - mean) / max(math.sqrt(shrunk + shrunk / n), 0.3)
