"""Slow, obvious versions of the demand kernels, on plain floats."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def levels(units: Sequence[float], factors: Sequence[float], rate: float) -> float:
    """Smoothed level after all days: the weighted mean first, then steps at the rate."""
    level, exposure = 0.0, 0.0
    for sold, seasonal_index in zip(units, factors, strict=True):
        exposure += seasonal_index
        if exposure >= 1e-3:
            level = max(0.0, level + max(rate, 1.0 / exposure) * (sold - seasonal_index * level))
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
    logs = np.array([-0.5 * temper * min(days, days_max) * math.log(error + 1e-12) for error in errors])
    raw = np.exp(logs - logs.max())
    return np.asarray(raw / raw.sum())


def hour_shares(counts: NDArray[np.float64], prior: float) -> NDArray[np.float64]:
    """Hour shares of a weekday: its counts are shrunk to those of all days, and these to equal shares."""
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


class SlowRow:
    """One row without River models, in a pool without data, on plain floats, day by day."""

    def __init__(self, rates: Sequence[float], temper: float, discount: float) -> None:
        self.rates, self.temper, self.discount = rates, temper, discount
        self.seen: list[float] = []
        self.newest_size = 0.0
        self.factors: list[float] = []
        self.errors = [0.0] * (len(rates) + 1)
        self.square = self.expected = 0.0
        self.weekday_quantity = [[0.0, 0.0] for _ in range(7)]

    def members(self) -> list[float]:
        """Level of each rate, then TSB."""
        worth = [max(seasonal_index, 0.2) for seasonal_index in self.factors]
        chance = tsb(self.seen, 0.04, 0.05)[0]
        scaled = [sold / share for sold, share in zip(self.seen, worth, strict=True)]
        return [levels(self.seen, self.factors, rate) for rate in self.rates] + [chance * tsb(scaled, 0.04, 0.05)[1]]

    def weekday_index(self, weekday: int, prior: float) -> float:
        """Seasonal index of a weekday by the row's own sales."""
        prior *= max(1.0, self.square / self.expected) if self.expected > 0.0 else 1.0
        return (prior + self.weekday_quantity[weekday][0]) / (prior + self.weekday_quantity[weekday][1])

    def mean(self, weekday: int, prior: float) -> float:
        """Forecast of the next day."""
        share = weights(self.errors, len(self.seen), self.temper, 1.0 / (1.0 - self.discount))
        return self.weekday_index(weekday, prior) * float(np.dot(share, self.members()))

    def usual_size(self) -> float:
        """Discounted mean of the days with demand."""
        mean = 0.0
        for number, size in enumerate((sold for sold in self.seen if sold), start=1):
            mean += max(0.05, 1.0 / number) * (size - mean)
        return mean

    def taught(self, sold: float, mean: float) -> float:
        """What a day with this forecast teaches."""
        bound = max(5.0 * self.usual_size(), 5.0 * mean, self.newest_size)
        found = min(sold, bound) if any(self.seen) else sold
        self.newest_size = sold or self.newest_size
        return found

    def learn(self, sold: float, weekday: int, prior: float, own_discount: float) -> None:
        """Learn a day."""
        sold = self.taught(sold, self.mean(weekday, prior))
        seasonal_index, mean, members = self.weekday_index(weekday, prior), self.mean(weekday, prior), self.members()
        days = len(self.seen)
        if sum(self.factors) >= 1.0:
            gain = max(1.0 - self.discount, 1.0 / days)
            self.errors = [
                e + gain * ((sold - seasonal_index * m) ** 2 - e) for e, m in zip(self.errors, members, strict=True)
            ]
            gain = max(0.02, 1.0 / days)
            self.square += gain * ((sold - mean) ** 2 - self.square)
            self.expected += gain * (mean - self.expected)
            kept = self.weekday_quantity[weekday]
            self.weekday_quantity[weekday] = [own_discount * kept[0] + sold, own_discount * kept[1] + members[2]]
        self.seen.append(sold)
        self.factors.append(seasonal_index)
