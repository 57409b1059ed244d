"""Month-day profile of a pool: how a day of the month differs, such as pay days, benefit days and the month's end.

The ratio of a pool's units to those expected is averaged by day of the month and smoothed over neighbouring days; the
31 averages are divided by their mean. Most of what is seen so is noise, so it is shrunk: with s the mean square of the
deviations from 1, and v the part of it that the scatter of single days explains, the index is

    1 + max(0, 1 - v / s) x deviation

So a pool without such days, or with few rows, has no profile. Of a day on which almost nothing was sold nothing is
learned. Without data all indices are 1.

Source: James and Stein (1961), Estimation with quadratic loss, positive part; Hinnant (2013), chrono-compatible
low-level date algorithms, for the day of the month.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel

MONTH_DAYS = 31
MONTH_DISCOUNT = 0.95
"""Per month, of the average of a day of the month."""
SCATTER_DISCOUNT = 0.99
NEIGHBOURS = np.array([0.25, 0.5, 0.25])
_SMOOTHED_VARIANCE = float((NEIGHBOURS**2).sum())
RATIO_MIN, RATIO_MAX = 0.3, 3.0
"""Days with a smaller ratio are left out; a larger ratio counts as this."""
DAYS_MIN = 56.0
"""Discounted days that a profile needs."""
COUNT_MIN = 0.5
"""A day of the month that was never seen is as uncertain as half a day."""


@kernel
def month_day(day: int) -> int:
    """Day of the month, from 0, of a local day number (1970-01-01 is 0)."""
    since_march = day + 719468
    of_era = since_march % 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    return of_year - (153 * ((5 * of_year + 2) // 153) + 2) // 5


@kernel
def month_index(pool: NDArray[Any], at: int, month: int) -> float:
    """Factor on the demand of a day of the month, from 0, in a pool."""
    index: float = 1.0 + pool[at]["month_index"][month]
    return index


@kernel
def aggregate_month(pool: NDArray[Any], at: int, day: int) -> None:
    """Add the day's units of a pool to its month-day profile. Call before `aggregate_weekday` clears them."""
    expected = pool[at]["day_expected"]
    if expected <= 0.0 or pool[at]["day_quantity"] < RATIO_MIN * expected:
        return
    month = month_day(day)
    error = min(pool[at]["day_quantity"] / expected, RATIO_MAX) - 1.0
    # The expected units have the present index.
    ratio = (1.0 + error) * month_index(pool, at, month)
    pool[at]["month_ratio"][month] = MONTH_DISCOUNT * pool[at]["month_ratio"][month] + ratio
    pool[at]["month_count"][month] = MONTH_DISCOUNT * pool[at]["month_count"][month] + 1.0
    pool[at]["month_square"] = SCATTER_DISCOUNT * pool[at]["month_square"] + error * error
    pool[at]["month_days"] = SCATTER_DISCOUNT * pool[at]["month_days"] + 1.0
    if pool[at]["month_days"] >= DAYS_MIN:
        scatter = pool[at]["month_square"] / pool[at]["month_days"]
        fill_month(pool[at]["month_ratio"], pool[at]["month_count"], scatter, pool[at]["month_index"])


@kernel
def fill_month(ratio: NDArray[Any], count: NDArray[Any], scatter: float, index: NDArray[Any]) -> None:
    """Fill a pool's month-day indices minus 1 (31,).

    Parameters
    ----------
    ratio, count
        (31,) discounted sums of the ratios of days, and of the days.
    scatter
        Mean squared relative error of a day.
    """
    total, uncertain = 0.0, 0.0
    for month in range(MONTH_DAYS):
        index[month] = 0.0
        for k in range(NEIGHBOURS.size):
            other = (month + k - NEIGHBOURS.size // 2) % MONTH_DAYS
            mean = ratio[other] / count[other] if count[other] > 0.0 else 1.0
            index[month] += NEIGHBOURS[k] * mean
        total += index[month] / MONTH_DAYS
        uncertain += _SMOOTHED_VARIANCE * scatter / max(count[month], COUNT_MIN) / MONTH_DAYS
    square = 0.0
    for month in range(MONTH_DAYS):
        index[month] = index[month] / total - 1.0
        square += index[month] ** 2 / MONTH_DAYS
    kept = max(0.0, 1.0 - uncertain / square) if square > 0.0 else 0.0
    for month in range(MONTH_DAYS):
        index[month] *= kept
