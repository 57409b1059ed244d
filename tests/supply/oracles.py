"""Slow and obvious counterparts of the supply kernels."""

import math
from typing import Any

import numpy as np
from scipy import stats

from sensing.demand.distribution import tail_probability


def stock(counts: list[tuple[int, int]], moves: list[tuple[int, int]]) -> int | None:
    """On-hand from all counts and movements: newest count (the smallest of one instant) plus later movements."""
    if not counts:
        return None
    time = max(when for when, _ in counts)
    quantity = min(counted for when, counted in counts if when == time)
    return quantity + sum(moved for when, moved in moves if when > time)


def demand_over(daily: list[float], days: float) -> float:
    """Sum of daily values over a number of days, day by day. After the known days their last week repeats."""
    known = len(daily)
    longer = daily + [daily[known - 7 + k % 7] for k in range(math.ceil(days) + 7)]
    return sum(longer[: int(days)]) + (days - int(days)) * longer[int(days)]


def quantile(level: float, mean: float, variance: float) -> float:
    """Quantile of demand with these moments, from scipy: negative binomial, Poisson, or gamma if large or steady."""
    if mean <= 0.0:
        return 0.0
    if mean > 64.0 or (mean >= 10.0 and variance < mean * (1.0 - 1e-9)):
        spread = max(variance, 0.05 * mean)
        found = float(stats.gamma.ppf(level, mean * mean / spread, scale=spread / mean))
        return found if mean > 64.0 else max(math.ceil(found - 0.5), 0.0)
    if variance <= mean * (1.0 + 1e-9):  # nearer to it, scipy's negative binomial loses its digits
        return float(stats.poisson.ppf(level, mean))
    return float(stats.nbinom.ppf(level, mean * mean / (variance - mean), mean / variance))


def sum_quantile(level: float, mean: float, variance: float) -> float:
    """Quantile of the demand of several days: more skewed than a geometric one, it is a shifted geometric one."""
    if mean <= 0.0 or variance <= mean + mean * mean:
        return quantile(level, mean, variance)
    chance = 2.0 / (1.0 + math.sqrt(1.0 + 4.0 * variance))  # geometric from 0 on with this variance
    unshifted = (1.0 - chance) / chance
    units = math.log(1.0 - level) / math.log(1.0 - chance) - 1.0 + mean - unshifted
    return float(max(math.ceil(units), 0))


def truncated_normal_moments(mean: float, variance: float, age: float) -> tuple[float, float]:
    """Moments of a normal variable known to exceed ``age``, from scipy."""
    sd = math.sqrt(variance)
    distribution = stats.truncnorm((age - mean) / sd, np.inf, mean, sd)
    return float(distribution.mean()), float(distribution.var())


def with_open(mean: float, variance: float, weight: float, lines: list[tuple[float, float]]) -> tuple[float, float]:
    """Pooled moments of an estimate and of open lines (age, share), as a mixture."""
    parts = [(weight, mean, variance)]
    parts += [(share, *truncated_normal_moments(mean, variance, age)) for age, share in lines]
    total = sum(part[0] for part in parts)
    centre = sum(part[0] * part[1] for part in parts) / total
    return centre, sum(part[0] * (part[2] + (part[1] - centre) ** 2) for part in parts) / total


def mixed(
    weight: float, mean: float, squares: float, prior_mean: float, prior_variance: float
) -> tuple[float, float]:  # fmt: skip
    """Mean and variance of the next of some observations, with a prior that is worth three of them."""
    parts = [(weight, mean), (3.0, prior_mean)]
    total = weight + 3.0
    centre = sum(w * m for w, m in parts) / total
    between = sum(w * (m - centre) ** 2 for w, m in parts) / total
    within = (squares + 3.0 * prior_variance) / (max(weight - 1.0, 0.0) + 3.0)
    return centre, min(within + within * weight / total**2 + between, 1.5)


def lead_time(
    everything: Any, supplier: Any, lane: Any, stated: float, default: float, now: int
) -> tuple[float, float, float, float]:  # fmt: skip
    """Mean and variance in log days, weight, and whether the lane has receipts, level by level. ``lane`` may be None,
    ``stated`` NaN.
    """

    def of_now(record: Any) -> tuple[float, float, float]:
        kept = 0.5 ** (max(now - int(record["time"]), 0) / 86_400_000 / 180.0)
        return record["weight"] * kept, record["log_mean"], record["log_squares"] * kept

    def as_normal(days: float) -> tuple[float, float]:
        variance = math.log(1.0 + (0.3 * days / (1.0 + days)) ** 2)
        return math.log(1.0 + days) - variance / 2.0, variance

    weight, mean, squares = of_now(everything)
    variance = (squares + 3.0 * 0.3**2) / (max(weight - 1.0, 0.0) + 3.0) * (1.0 + 1.0 / max(weight, 1.0))
    mean, variance = (mean, min(variance, 1.5)) if everything["weight"] else as_normal(default)
    of_supplier = of_now(supplier)
    mean, variance = mixed(*of_supplier, mean, variance)
    if not math.isnan(stated):
        worth = min(of_supplier[0], 3.0)
        parts = [(worth, mean, variance), (3.0, *as_normal(stated))]
        total = worth + 3.0
        mean = sum(w * m for w, m, _ in parts) / total
        variance = min(sum(w * (v + (m - mean) ** 2) for w, m, v in parts) / total, 1.5)
    own = (0.0, 0.0, 0.0) if lane is None else of_now(lane)
    if own[0] > 0.0:
        mean, variance = mixed(*own, mean, variance)
    return min(mean, math.log(366.0)), variance, own[0] + 3.0, float(own[0] > 0.0)


def in_days(mean: float, variance: float, calibration: Any) -> float:
    """Mean in days of a lead time that is normal in log days, with a correction of its median and .9 quantile."""
    sd = math.sqrt(variance)
    quantiles = mean + sd * float(calibration["z50"]), mean + sd * float(calibration["z90"])
    spread = (quantiles[1] - quantiles[0]) / float(stats.norm.ppf(0.9))
    return float(stats.lognorm(spread, loc=-1.0, scale=math.exp(quantiles[0])).mean())


def faded(observations: list[tuple[float, float, float]], half_life: float) -> tuple[float, float, float]:
    """Weight, mean and squares of observations (day, value, weight), by their age at the newest one."""
    newest = max(day for day, _, _ in observations)
    kept = [w * 0.5 ** ((newest - day) / half_life) for day, _, w in observations]
    values = [x for _, x, _ in observations]
    mean = sum(w * x for w, x in zip(kept, values, strict=True)) / sum(kept)
    return sum(kept), mean, sum(w * (x - mean) ** 2 for w, x in zip(kept, values, strict=True))


def extended(mean: Any, days: int) -> list[float]:
    """A forecast of at least this many days: its last week repeats."""
    return [*mean, *(mean[len(mean) - 7 + k % 7] for k in range(max(days - len(mean), 0)))]


def projection(
    on_hand: float, overdue: float, open_day: Any, receipts: Any, mean: Any, left: tuple[float, float] = (1.0, 1.0)
) -> tuple[int, float]:
    """First day below zero (-1: none) and days of cover, one step at a time, over the days of ``open_day``.

    Of the first two days the shares ``left`` are still to come: of their forecasts, and of their time.
    """
    forecast = extended(mean, len(open_day))
    share = [*left, *[1.0] * len(forecast)]
    daily = []
    for m, o, part in zip(forecast, open_day, share, strict=False):
        to_come = part * m + o
        daily.append(o if o > m else min(to_come, m))
    level, first = on_hand - overdue, -1
    for day, units in enumerate(daily):
        level += receipts[day] - units
        if level < 0 and first < 0:
            first = day

    def length(day: int) -> float:
        return share[day] if day < 2 else 1.0

    rest, days = on_hand - overdue, 0.0
    if rest <= 0:
        return first, 0.0
    if sum(mean[-7:]) == 0 and rest > sum(daily):
        return first, math.nan
    day = 0
    while True:
        units = daily[day] if day < len(daily) else mean[len(mean) - 7 + (day - len(daily)) % 7]
        if rest <= units and units > 0:
            return first, days + length(day) * rest / units
        rest, days, day = rest - units, days + length(day), day + 1


def window(receipts: Any, lead_time: float, days: int) -> int:
    """Days until the first receipt within ``days``, at least the lead time."""
    due = [day for day in range(days) if receipts[day] > 0]
    return max(due[0] if due else 0, math.ceil(lead_time), 1)


def worst_day(
    free: float, open_day: Any, receipts: Any, mean: Any, variance: Any, lead_time: float
) -> tuple[float, float, float, float, int]:
    """Highest probability of a stock-out of all days of the window, with the demand (mean, variance) and the receipts
    through that day, and the days through it; of equal ones the largest gap.
    """
    days = max(len(mean), math.ceil(lead_time))
    daily = [max(m, o) for m, o in zip(extended(mean, days), open_day, strict=False)]
    found = []
    for day in range(window(receipts, lead_time, days)):
        needed, scatter = sum(daily[: day + 1]), sum(extended(variance, days)[: day + 1])
        arriving = sum(receipts[: day + 1])
        stock = free + arriving
        chance = 1.0 if stock < 0 else float(tail_probability(math.floor(stock) + 1.0, needed, scatter))
        found.append((chance, needed, scatter, arriving, day + 1))
    return max(found, key=lambda each: (each[0], each[1] - each[3]))
