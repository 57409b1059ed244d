"""Slow, obvious versions of the demand kernels, on plain floats."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensing.demand.level_shift import EVIDENCE_MAX, HAZARDS, ODDS_DOUBT, OUTLIERS, PRIOR_LINES, RATIOS


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


class SlowShift:
    """Shifts of one row's level of order lines: on each day from all days since the newest shift, anew.

    The odds of a ratio are a sum over the days on which a shift may have begun: the chance that it began then, times
    the bounded likelihood ratio of each day since.
    """

    def __init__(self) -> None:
        self.base = self.exposure = self.square = self.product = self.error = 0.0
        self.days, self.factor = 0, 1.0
        self.seen: list[tuple[float, float, list[float]]] = []
        self.doubted: list[bool] = []

    def spread(self) -> float:
        """Variance-to-mean ratio of a day."""
        known = min(self.days, 60)
        return max(1.0, (known * self.square / self.base + 20.0 * 1.6) / (known + 20.0))

    def odds(self) -> list[float]:
        """Odds of each ratio."""
        found = []
        for k, hazard in enumerate(HAZARDS):
            days = [min(evidence[k], EVIDENCE_MAX) for *_, evidence in self.seen]
            found.append(sum(hazard * math.exp(sum(days[begun:])) for begun in range(len(days))))
        return found

    def weigh(self, lines: float, index: float) -> float:
        """Weight of a day of this seasonal index in the level."""
        if self.exposure < 14.0 or self.base <= 0.0:
            return 1.0
        known = min(self.days, 60)
        shared = self.product / self.square * known / (known + 5.0) if self.square > 0.0 else 0.0
        shared = min(max(shared, 0.0), 0.85)
        window = max(8.0, self.doubt()[1] / self.base)
        spread = self.spread() * (1.0 + shared) / (1.0 - shared) * (1.0 + window / self.exposure)
        expected = self.base * index
        evidence = [(lines * math.log(ratio) - expected * (ratio - 1.0)) / spread for ratio in RATIOS]
        self.seen.append((lines, expected, evidence))
        self.doubted.append(sum(self.odds()) >= ODDS_DOUBT)
        likely = [chance * math.exp(min(day, 30.0)) for chance, day in zip(OUTLIERS.tolist(), evidence, strict=True)]
        return float(1.0 / (1.0 + sum(likely)) / (1.0 + self.rise()))

    def rise(self) -> float:
        """Odds of more demand."""
        return sum(odds for odds, ratio in zip(self.odds(), RATIOS, strict=True) if ratio > 1.0)

    def doubt(self) -> tuple[float, float]:
        """Lines and expected lines since the level is in doubt."""
        begun = len(self.doubted) - self.doubted[::-1].index(False) if False in self.doubted else 0
        days = [(min(lines, 2.5 * expected + 2.0), expected) for lines, expected, _ in self.seen[begun:]]
        shares = [0.8**age for age in range(len(days) - 1, -1, -1)]
        lines, expected = (float(np.dot(shares, [day[k] for day in days])) if days else 0.0 for k in range(2))
        return lines, expected

    def learn(self, lines: float, index: float, weight: float) -> None:
        """Learn the level and its errors, and count the day."""
        weight /= 1.0 + sum(self.odds()) - self.rise()
        error = lines - self.base * index
        self.base = max(0.0, self.base + weight * max(0.02, 1.0 / max(self.exposure + index, 0.5)) * error)
        if self.exposure >= 1.0:
            gain = weight * max(0.02, 1.0 / self.days)
            self.square += gain * (error * error - self.square)
            self.product += gain * (error * self.error - self.product)
            self.error = error
        self.days += 1
        self.exposure += index

    def accepts(self) -> bool:
        """Set the expected factor; whether the level has shifted for good, and then it is a new one."""
        lines, expected = self.doubt()
        self.factor = 1.0
        if expected <= 0.0:
            return False
        odds = self.odds()
        likely = float(np.dot(odds, RATIOS)) / sum(odds)
        prior = PRIOR_LINES * self.spread()
        estimate = (lines + prior * min(1.0, likely)) / (expected + prior)
        self.factor = 1.0 + sum(odds) / (1.0 + sum(odds)) * (estimate - 1.0)
        if sum(odds) < 20.0:
            return False
        self.exposure = min(self.exposure, max((expected + prior) / self.base, 3.0))
        self.base, self.square = self.factor * self.base, self.factor * self.square
        self.product, self.factor = self.factor * self.product, 1.0
        self.seen, self.doubted = [], []
        return True


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
