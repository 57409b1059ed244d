"""Weekday, holiday, promotion and hour profiles: a row's own, shrunk to its pool's.

A factor says what a day is worth in average days; over a week the factors of a pool average one. A row's factor is the
ratio of what it sold to what its level said, with the pool's factor as ``ROW_PRIOR`` units of earlier evidence (more
where the row's variance is larger than its mean). Where a pool knows nothing, factors are one and hours uniform.

Source of the shrinkage: the posterior mean of a Poisson rate under a gamma prior (Gelman et al., BDA3, 2.6).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel

ROW_PRIOR = 60.0
POOL_PRIOR = 10.0
SPECIAL_PRIOR = 20.0
HOURS_PRIOR = 48.0
ROW_DISCOUNT = 0.96
POOL_DISCOUNT = 0.93
"""Per week, as every weekday comes once in it; a pool can forget faster, and must where opening days change."""
SPECIAL_DISCOUNT = 0.97
HOURS_DISCOUNT = 0.95
SHOCK_RATIO = 0.3
SHOCK_DAYS_MIN = 4
SHOCKS_MAX = 2
"""So often in a row a weekday on which almost nothing sold is left out (Christmas); then it is the profile."""


@kernel
def dispersion_prior(pool: NDArray[Any], at: int) -> float:
    """Variance-to-mean ratio of the pool's typical row; 2 where the pool knows nothing."""
    typical: float = math.exp((pool[at]["dispersion"] + 20.0 * math.log(2.0)) / (pool[at]["dispersion_weight"] + 20.0))
    return typical


@kernel
def dispersion(demand: NDArray[Any], row: int, pool: NDArray[Any], at: int) -> float:
    """Variance-to-mean ratio of a row's days, with the pool's as ten days of earlier evidence."""
    prior = dispersion_prior(pool, at)
    days = min(float(demand[row]["days"]), 90.0)
    if demand[row]["expected"] <= 0.0:
        return prior
    own: float = demand[row]["square"] / demand[row]["expected"]
    return (days * own + 10.0 * prior) / (days + 10.0)


@kernel
def weekday_index(demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, weekday: int) -> float:
    """Worth of a weekday (Monday 0) for a row, in its average days."""
    prior = ROW_PRIOR * max(
        1.0, demand[row]["square"] / demand[row]["expected"] if demand[row]["expected"] > 0.0 else 1.0
    )
    units: float = prior * (1.0 + pool[at]["weekday_index"][weekday]) + demand[row]["weekday_quantity"][weekday]
    expected: float = prior + demand[row]["weekday_expected"][weekday]
    return units / expected


@kernel
def special_day_index(pool: NDArray[Any], at: int, holiday: float, promoted: float) -> float:
    """Worth of a day for being a holiday or promoted, against the same day without."""
    index = 1.0
    if holiday > 0.0:
        index *= (SPECIAL_PRIOR + pool[at]["special"][0, 0]) / (SPECIAL_PRIOR + pool[at]["special"][0, 1])
    if promoted > 0.0:
        index *= (SPECIAL_PRIOR + pool[at]["special"][1, 0]) / (SPECIAL_PRIOR + pool[at]["special"][1, 1])
    return index


@kernel
def learn_row_profile(demand: NDArray[Any], row: int, weekday: int, units: float, expected: float) -> None:
    """Add a day to the row's own weekday profile; ``expected`` is its level that day, weekday left out."""
    demand[row]["weekday_quantity"][weekday] = ROW_DISCOUNT * demand[row]["weekday_quantity"][weekday] + units
    demand[row]["weekday_expected"][weekday] = ROW_DISCOUNT * demand[row]["weekday_expected"][weekday] + expected


@kernel
def aggregate_weekday(pool: NDArray[Any], at: int, weekday: int) -> None:
    """Turn the pool's totals of a day into its weekday factors and holiday and promotion factors."""
    for kind in range(2):
        if pool[at]["day_special"][kind, 1] > 0.0:  # forgotten by the day on which there was one, not by the calendar
            for side in range(2):
                kept = SPECIAL_DISCOUNT * pool[at]["special"][kind, side]
                pool[at]["special"][kind, side] = kept + pool[at]["day_special"][kind, side]
                pool[at]["day_special"][kind, side] = 0.0
    units = pool[at]["day_quantity"]
    level = pool[at]["day_level"]
    expected = pool[at]["day_expected"]
    pool[at]["day_quantity"] = 0.0
    pool[at]["day_level"] = 0.0
    pool[at]["day_expected"] = 0.0
    if level <= 0.0:
        return
    seen = pool[at]["days_aggregated"][weekday]
    if units < SHOCK_RATIO * expected and expected >= 20.0 and seen >= SHOCK_DAYS_MIN:
        pool[at]["shocks"][weekday] += 1
        if pool[at]["shocks"][weekday] <= SHOCKS_MAX:
            return
    pool[at]["shocks"][weekday] = 0
    pool[at]["days_aggregated"][weekday] = min(seen + 1, 65535)
    pool[at]["quantity"][weekday] = POOL_DISCOUNT * pool[at]["quantity"][weekday] + units
    pool[at]["level"][weekday] = POOL_DISCOUNT * pool[at]["level"][weekday] + level
    total = 0.0
    for day in range(7):
        total += (POOL_PRIOR + pool[at]["quantity"][day]) / (POOL_PRIOR + pool[at]["level"][day])
    for day in range(7):
        index = (POOL_PRIOR + pool[at]["quantity"][day]) / (POOL_PRIOR + pool[at]["level"][day])
        pool[at]["weekday_index"][day] = 7.0 * index / total - 1.0


@kernel
def aggregate_hours(pool: NDArray[Any], at: int, weekday: int) -> None:
    """Turn the pool's order lines of a day into hour-of-week shares: weekday shrunk to all days, these to uniform."""
    lines = 0.0
    for hour in range(24):
        lines += pool[at]["day_hours"][hour]
    if lines <= 0.0:
        return
    of_weekday = 0.0
    of_week = 0.0
    for hour in range(24):
        pool[at]["hours"][weekday, hour] = (
            HOURS_DISCOUNT * pool[at]["hours"][weekday, hour] + pool[at]["day_hours"][hour]
        )
        pool[at]["day_hours"][hour] = 0.0
        of_weekday += pool[at]["hours"][weekday, hour]
        for day in range(7):
            of_week += pool[at]["hours"][day, hour]
    # Every weekday's shares are made again, because each leans on all days.
    for day in range(7):
        of_weekday = 0.0
        for hour in range(24):
            of_weekday += pool[at]["hours"][day, hour]
        for hour in range(24):
            at_hour = 0.0
            for other in range(7):
                at_hour += pool[at]["hours"][other, hour]
            all_days = (at_hour + HOURS_PRIOR / 24.0) / (of_week + HOURS_PRIOR)
            share = (pool[at]["hours"][day, hour] + HOURS_PRIOR * all_days) / (of_weekday + HOURS_PRIOR)
            pool[at]["share"][day, hour] = share - 1.0 / 24.0


@kernel
def expected_lines(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, unobserved: NDArray[np.float32], start_hour: int,
    end_hour: int,
) -> float:  # fmt: skip
    """Expected order lines of a row in a local window.

    Parameters
    ----------
    demand, row
        The row's records and number.
    pool, at
        The pools' records and the row's pool.
    unobserved
        (pools, days) share of each local day, by day number modulo days, that was not observed.
    start_hour, end_hour
        Local hours since 1970-01-01 00:00 in the location's zone; the end is exclusive.

    Returns
    -------
    float
        Level of lines x weekday factor x share of the hours x share of the day that was observed; 0 for a row that has
        learned nothing.
    """
    total = 0.0
    hour = start_hour
    while hour < end_hour:
        day = hour // 24
        weekday = (day + 3) % 7
        stop = min(end_hour, (day + 1) * 24)
        share = 0.0
        for at_hour in range(hour - day * 24, stop - day * 24):
            share += 1.0 / 24.0 + pool[at]["share"][weekday, at_hour]
        total += (
            share * weekday_index(demand, row, pool, at, weekday) * (1.0 - unobserved[at, day % unobserved.shape[1]])
        )
        hour = stop
    level: float = demand[row]["lines_level"]
    return total * level
