"""Seasonal profiles: indices of weekdays and holidays, and hour shares, of rows and pools.

Day learning updates them; forecasts and surge detectors read them. A seasonal index is the expected demand of a day
relative to an average day. The weekday indices of a pool average 1. The weekday index of a row is units sold / units
expected by its level, shrunk to the pool's index. The prior counts as the units of ``ROW_PRIOR`` order lines or, if
that is more, as many times the row's variance-to-mean ratio. Without data all indices are 1 and the hours have equal
shares.

Order lines have a profile of their own, since a few large lines move one of units: that of the pool's lines, times what
the row's units say of the row in comparison with its pool.

Source of the shrinkage: the posterior mean of a Poisson rate under a gamma prior (Gelman et al., BDA3, 2.6).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.month_profile import month_day, month_index
from sensing.demand.row_statistics import line_size, step_of, usual_lines
from sensing.jit import kernel

ROW_PRIOR = 60.0
POOL_PRIOR = 10.0
HOLIDAY_PRIOR = 20.0
HOURS_PRIOR = 48.0
ROW_DISCOUNT = 0.96
POOL_DISCOUNT = 0.93
"""Discount of a weekday's totals per week. A pool has more data than a row, so it may forget faster. It must, since
opening days may change."""
HOLIDAY_DISCOUNT = 0.97
HOURS_DISCOUNT = 0.95
SHOCK_RATIO = 0.3
SHOCK_DAYS_MIN = 4
SHOCKS_MAX = 2
"""A weekday with hardly any sales (Christmas) is left out up to this many times in a row. Then it counts as normal."""
INDEX_MIN = 0.01
"""On weekdays with a smaller index of the pool, where it is closed, rows are not compared with it."""
DISPERSION_DAYS_MAX = 90.0
"""Days of a row behind its variance-to-mean ratio, at most, and those that the pool's ratio counts for."""
DISPERSION_PRIOR_DAYS = 10.0
EXPECTED_MIN = np.float32(1e-3)
"""Lower bound, in steps a day, of the mean behind a variance-to-mean ratio. Over years of silence the mean falls to
zero; one sale would then give a ratio without bound, which the pool's other rows would take over."""


@kernel
def own_dispersion(demand: NDArray[Any], row: int) -> float:
    """Variance-to-mean ratio of a row's days; 0 without data."""
    if demand[row]["expected"] <= 0.0:
        return 0.0
    ratio: float = demand[row]["square"] / max(np.float64(demand[row]["expected"]), EXPECTED_MIN * step_of(demand, row))
    return ratio


@kernel
def dispersion_prior(pool: NDArray[Any], at: int) -> float:
    """Variance-to-mean ratio of the pool's typical row, in units of its order lines; 2 without data."""
    typical: float = math.exp((pool[at]["dispersion"] + 20.0 * math.log(2.0)) / (pool[at]["dispersion_weight"] + 20.0))
    return typical


@kernel
def dispersion(demand: NDArray[Any], row: int, pool: NDArray[Any], at: int) -> float:
    """Variance-to-mean ratio of a row's days, shrunk to that of the pool."""
    prior = line_size(demand, row) * dispersion_prior(pool, at)
    days = min(float(demand[row]["days"]), DISPERSION_DAYS_MAX)
    if demand[row]["expected"] <= 0.0:
        return prior
    return (days * own_dispersion(demand, row) + DISPERSION_PRIOR_DAYS * prior) / (days + DISPERSION_PRIOR_DAYS)


@kernel
def squared_error(demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, level: float) -> float:
    """Mean squared error of a row's days, shrunk to that of the pool at the row's ``level``, as in `dispersion`."""
    days = min(float(demand[row]["days"]), DISPERSION_DAYS_MAX)
    prior = DISPERSION_PRIOR_DAYS * line_size(demand, row) * dispersion_prior(pool, at) * level
    return float((days * demand[row]["square"] + prior) / (days + DISPERSION_PRIOR_DAYS))


@kernel
def weekday_index(demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, weekday: int) -> float:
    """Seasonal index of a weekday (Monday 0) for a row."""
    prior = ROW_PRIOR * max(line_size(demand, row), own_dispersion(demand, row))
    units: float = prior * (1.0 + pool[at]["weekday_index"][weekday]) + demand[row]["weekday_quantity"][weekday]
    expected: float = prior + demand[row]["weekday_expected"][weekday]
    return units / expected


@kernel
def line_index(demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, weekday: int) -> float:
    """Seasonal index of a weekday (Monday 0) for a row's order lines."""
    of_units: float = 1.0 + pool[at]["weekday_index"][weekday]
    own = weekday_index(demand, row, pool, at, weekday) / of_units if of_units > INDEX_MIN else 1.0
    lines: float = own * (1.0 + pool[at]["line_index"][weekday])
    return lines


@kernel
def holiday_index(pool: NDArray[Any], at: int, holiday: float) -> float:
    """Factor on a day's demand if it is a holiday; 1 if it is none."""
    if holiday <= 0.0:
        return 1.0
    index: float = (HOLIDAY_PRIOR + pool[at]["holiday"][0]) / (HOLIDAY_PRIOR + pool[at]["holiday"][1])
    return index


@kernel
def learn_row_profile(demand: NDArray[Any], row: int, weekday: int, units: float, expected: float) -> None:
    """Add a day to the row's own weekday profile. ``expected`` is its forecast in units without the weekday index."""
    demand[row]["weekday_quantity"][weekday] = ROW_DISCOUNT * demand[row]["weekday_quantity"][weekday] + units
    demand[row]["weekday_expected"][weekday] = ROW_DISCOUNT * demand[row]["weekday_expected"][weekday] + expected


@kernel
def fill_indices(units: NDArray[Any], level: NDArray[Any], index: NDArray[Any]) -> None:
    """Fill a pool's weekday indices minus 1 (7,) with ``units`` over ``level`` (7,), shrunk; they average 1."""
    total = 0.0
    for day in range(7):
        total += (POOL_PRIOR + units[day]) / (POOL_PRIOR + level[day])
    for day in range(7):
        index[day] = 7.0 * (POOL_PRIOR + units[day]) / (POOL_PRIOR + level[day]) / total - 1.0


@kernel
def aggregate_weekday(pool: NDArray[Any], at: int, weekday: int) -> None:
    """Update the weekday indices and the holiday factor of a pool with its totals of a day."""
    if pool[at]["day_holiday"][1] > 0.0:  # only such days discount it
        for side in range(2):
            kept = HOLIDAY_DISCOUNT * pool[at]["holiday"][side]
            pool[at]["holiday"][side] = kept + pool[at]["day_holiday"][side]
            pool[at]["day_holiday"][side] = 0.0
    units = pool[at]["day_quantity"]
    level = pool[at]["day_level"]
    expected = pool[at]["day_expected"]
    lines = pool[at]["day_lines"]
    lines_level = pool[at]["day_lines_level"]
    pool[at]["day_quantity"] = 0.0
    pool[at]["day_level"] = 0.0
    pool[at]["day_expected"] = 0.0
    pool[at]["day_lines"] = 0.0
    pool[at]["day_lines_level"] = 0.0
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
    pool[at]["lines"][weekday] = POOL_DISCOUNT * pool[at]["lines"][weekday] + lines
    pool[at]["lines_level"][weekday] = POOL_DISCOUNT * pool[at]["lines_level"][weekday] + lines_level
    fill_indices(pool[at]["quantity"], pool[at]["level"], pool[at]["weekday_index"])
    fill_indices(pool[at]["lines"], pool[at]["lines_level"], pool[at]["line_index"])


@kernel
def aggregate_hours(pool: NDArray[Any], at: int, weekday: int) -> None:
    """Update the hour shares of a pool with its order lines of a day.

    The shares of a weekday are shrunk to those of all days, and these to equal shares.
    """
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
    # Recompute the shares of every weekday, since each is shrunk to all days.
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
        Sum over days of usual lines x index of the weekday and of the day of the month x share of the hours x observed
        share of the day. 0 if the row has learned nothing.
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
        index = line_index(demand, row, pool, at, weekday) * month_index(pool, at, month_day(day))
        total += share * index * (1.0 - unobserved[at, day % unobserved.shape[1]])
        hour = stop
    level: float = usual_lines(demand, row)
    return total * level
