"""Slow, obvious versions of the demand kernels, on plain floats."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def levels(units: Sequence[float], factors: Sequence[float], rate: float) -> float:
    """Smoothed level after all days: the weighted mean first, then steps at the rate."""
    level, exposure = 0.0, 0.0
    for sold, factor in zip(units, factors, strict=True):
        exposure += factor
        if exposure >= 1e-3:
            level = max(0.0, level + max(rate, 1.0 / exposure) * (sold - factor * level))
    return level


def tsb(units: Sequence[float], sale_rate: float, size_rate: float) -> tuple[float, float]:
    """Probability and size of Teunter, Syntetos and Babai, starting at plain means."""
    chance, size, sales = 0.0, 0.0, 0
    for day, sold in enumerate(units):
        chance += max(sale_rate, 1.0 / (day + 1)) * (float(sold > 0) - chance)
        if sold > 0:
            sales += 1
            size += max(size_rate, 1.0 / sales) * (sold - size)
    return chance, size


def weights(errors: Sequence[float], days: float, temper: float, days_max: float) -> NDArray[np.float64]:
    """Weights of forecasts by their mean squared errors, in logarithms."""
    logs = np.array([-0.5 * temper * min(days, days_max) * math.log(error + 1e-6) for error in errors])
    raw = np.exp(logs - logs.max())
    return np.asarray(raw / raw.sum())


def hour_shares(counts: NDArray[np.float64], prior: float) -> NDArray[np.float64]:
    """Share of a weekday's lines per hour: the weekday's counts shrunk to all days', these to uniform."""
    all_days = (counts.sum(axis=0) + prior / 24.0) / (counts.sum() + prior)
    return np.asarray((counts + prior * all_days) / (counts.sum(axis=1, keepdims=True) + prior))


def window_lines(
    level: float, factors: Sequence[float], shares: NDArray[np.float64], start_hour: int, end_hour: int
) -> float:
    """Expected lines of a window, hour by hour."""
    total = 0.0
    for hour in range(start_hour, end_hour):
        weekday = (hour // 24 + 3) % 7
        total += level * factors[weekday] * shares[weekday, hour % 24]
    return total


def atom_below(level: float, low: float, high: float) -> float:
    """Share of [low, high] below the level."""
    return min(max((level - low) / (high - low), 0.0), 1.0)
