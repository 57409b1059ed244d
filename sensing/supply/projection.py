"""Stock projection for the 28 days of the forecast: on-hand + due receipts - demand. Plans call it.

The demand of a day is the larger of its forecast and its open orders, not their sum, since both describe the same
demand. Overdue demand is subtracted at once. Receipts of a day are available on that day.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sensing.demand.distribution import tail_probability
from sensing.jit import kernel
from sensing.supply.lead_time_demand import sum_of_days

NOT_WITHIN = -1
"""No such day within the projection."""
MEDIAN_MARGIN = 0.5
"""Upper bound of median minus mean of a demand, in units, with rounding errors of float32."""


@kernel
def days_of_cover(stock: float, daily: NDArray[np.float64]) -> float:
    """Days that ``stock`` lasts without receipts, counting part of the last day; NaN: without end.

    Beyond the forecast its last week repeats.
    """
    if stock <= 0.0:
        return 0.0
    left = stock
    for t in range(daily.size):
        if left <= daily[t] and daily[t] > 0.0:
            return float(t + left / daily[t])
        left -= daily[t]
    week = sum_of_days(daily[daily.size - 7 :], 7.0)
    if week <= 0.0:
        return math.nan
    weeks = math.floor(left / week)
    left -= weeks * week
    for t in range(daily.size - 7, daily.size):
        if left <= daily[t] and daily[t] > 0.0:
            return float(7.0 * weeks + t + 7 + left / daily[t])
        left -= daily[t]
    return 7.0 * (weeks + 1) + daily.size


@kernel
def project(
    on_hand: NDArray[np.float64], overdue: NDArray[np.float64], open_day: NDArray[np.float64],
    receipts: NDArray[np.float64], mean: NDArray[np.float64], variance: NDArray[np.float64],
    lead_time_days: NDArray[np.float32], stockout: NDArray[np.int64], out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Project the stock of n rows.

    Parameters
    ----------
    on_hand, overdue
        (n,) units. Rows with on-hand NaN (not known) get no stock-out day and NaN results.
    open_day, receipts, mean, variance
        (n, 28) units (squared) per day from tomorrow on.
    lead_time_days
        (n,) mean lead time.
    stockout
        (n,) filled with the first day (0 is tomorrow) on which the mean projection is below zero, or NOT_WITHIN.
    out
        (n, 2) filled with the probability of a stock-out before the next due receipt (none due: within the lead
        time), and the days that stock lasts without any receipt (NaN: without end).
    """
    days = mean.shape[1]
    daily = np.empty(days)
    for i in range(on_hand.size):
        stockout[i] = NOT_WITHIN
        if math.isnan(on_hand[i]) or math.isnan(mean[i, 0]):
            out[i, :] = math.nan
            continue
        stock = on_hand[i] - overdue[i]
        first_receipt = days
        for t in range(days):
            daily[t] = max(mean[i, t], open_day[i, t])
            if receipts[i, t] > 0.0 and first_receipt == days:
                first_receipt = t
            stock += receipts[i, t] - daily[t]
            if stock < 0.0 and stockout[i] == NOT_WITHIN:
                stockout[i] = t
        window = first_receipt if first_receipt < days else min(max(math.ceil(lead_time_days[i]), 1), days)
        needed, needed_variance = 0.0, 0.0
        for t in range(window):
            needed += daily[t]
            needed_variance += variance[i, t]
        free = on_hand[i] - overdue[i]
        out[i, 0] = 1.0 if free < 0.0 else tail_probability(math.floor(free) + 1.0, needed, needed_variance)
        out[i, 1] = days_of_cover(free, daily)


@kernel
def stock_thresholds(
    overdue: NDArray[np.float64], open_day: NDArray[np.float64], receipts: NDArray[np.float64],
    mean: NDArray[np.float64], lead_time_days: NDArray[np.float32], learned: NDArray[np.bool_],
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill ``out`` (n,) with stock thresholds in units for the next local day.

    With at least this stock on hand, the probability of a stock-out is below one half. The median of a demand is at
    most a third of a unit above its mean. So overdue demand plus the expected demand in the window of `project` is an
    upper bound of the stock that opens a stock-out. The open demand of the next day is added to its forecast, since it
    becomes overdue before the row closes. Every order of that day adds its quantity. If the forecast is not yet
    ``learned``, only overdue demand counts. NaN: no forecast. Arguments as in `project`.
    """
    days = mean.shape[1]
    for i in range(overdue.size):
        threshold = overdue[i] + open_day[i, 0]
        window = 0
        while window < days and receipts[i, window] <= 0.0:
            window += 1
        if window == days:
            window = min(max(math.ceil(lead_time_days[i]), 1), days)
        if learned[i]:
            for t in range(window):
                threshold += mean[i, t]
                if t > 0:
                    threshold += max(open_day[i, t] - mean[i, t], 0.0)
            threshold += MEDIAN_MARGIN
        out[i] = math.nan if math.isnan(mean[i, 0]) else threshold


@kernel
def idle_stock_thresholds(
    open_total: NDArray[np.float64], mean: NDArray[np.float64], lead_time_days: NDArray[np.float32],
    learned: NDArray[np.bool_], out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Stock thresholds of rows without open purchase orders, valid for all days until their next event.

    All open demand may be overdue by then, and the window may begin on any day of the forecast.
    """
    days = mean.shape[1]
    for i in range(open_total.size):
        window = min(max(math.ceil(lead_time_days[i]), 1), days)
        most = 0.0
        for start in range(days):
            needed = 0.0
            for t in range(start, start + window):
                needed += mean[i, t if t < days else days - 7 + (t - days) % 7]
            most = max(most, needed)
        threshold = open_total[i] + (most + MEDIAN_MARGIN if learned[i] else 0.0)
        out[i] = math.nan if math.isnan(mean[i, 0]) else threshold
