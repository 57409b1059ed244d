"""Stock projection: on-hand + due receipts - demand, day by day. Plans call it.

It covers the 28 days of the forecast or, if that is longer, the lead time. Beyond the forecast its last week repeats.
The demand of a day is the larger of its forecast and its open orders, not their sum, since both describe the same
demand. Overdue demand is subtracted at once. Receipts of a day are available on that day.

A stock-out matters within the *window*: until the next due receipt, but at least through the lead time, since goods
ordered today cannot arrive earlier. The probability of a stock-out is that of the worst day of the window. Between two
receipts the last day is the worst one, so only days before a receipt and the last day of the window are looked at.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sensing.demand.sum_distribution import stockout_probability
from sensing.demand.sum_variance import open_share, sum_ratio
from sensing.jit import kernel
from sensing.supply.lead_time_demand import sum_of_days
from sensing.supply.receipt_statistics import LEAD_TIME_DAYS_MAX

DAYS_LEFT = 2
"""Days that may have begun: a row closes its local day some time after midnight."""
NOT_WITHIN = -1
"""No such day within the projection."""
MEDIAN_MARGIN = 0.5
"""Upper bound of median minus mean of a demand, in units, with rounding errors of float32."""
STOCKOUT_LEVEL = 0.95
"""Level whose scale of sums the probability of a stock-out uses."""
PROBABILITY, NEEDED, NEEDED_VARIANCE, ARRIVING, COVER_DAYS, WORST_DAYS = range(6)
"""Columns of the results of `project`."""


@kernel
def lead_days(lead_time_days: float) -> int:
    """Whole days until goods ordered today can arrive, from 1 to LEAD_TIME_DAYS_MAX."""
    return int(min(max(math.ceil(lead_time_days), 1), LEAD_TIME_DAYS_MAX))


@kernel
def forecast_day(mean: NDArray[np.float64], t: int) -> float:
    """Forecast of day ``t``, from 0; beyond the forecast its last week repeats."""
    days = mean.size
    return float(mean[t] if t < days else mean[days - 7 + (t - days) % 7])


@kernel
def days_of_cover(stock: float, daily: NDArray[np.float64], week: NDArray[np.float64]) -> float:
    """Days that ``stock`` lasts without receipts, counting part of the last day; NaN: without end.

    Beyond the days of ``daily`` (at least 28) the days of ``week`` (7) repeat.
    """
    if stock <= 0.0:
        return 0.0
    left = stock
    for t in range(daily.size):
        if left <= daily[t] and daily[t] > 0.0:
            return float(t + left / daily[t])
        left -= daily[t]
    total = sum_of_days(week, 7.0)
    if total <= 0.0:
        return math.nan
    weeks = math.floor(left / total)
    left -= weeks * total
    for t in range(7):
        if left <= week[t] and week[t] > 0.0:
            return float(7.0 * weeks + t + daily.size + left / week[t])
        left -= week[t]
    return 7.0 * (weeks + 1) + daily.size


@kernel
def demand_to_come(expected: float, open_units: float, share: float) -> float:
    """Demand of a day from now on, if the ``share`` of what is ``expected`` is still to come.

    That is what is open and what is to come, but not more than was expected of the whole day, unless more is open: what
    is open may have been ordered before the day.
    """
    return max(min(share * expected + open_units, expected), open_units)


@kernel
def days_from_now(cover: float, left: NDArray[np.float64]) -> float:
    """Days of cover from now on, from those that count the first days whole. ``left`` as in `project`."""
    if left[0] == 1.0 and left[1] == 1.0:
        return cover
    if cover < 1.0:
        return float(cover * left[0])
    if cover < 2.0:
        return float(left[0] + (cover - 1.0) * left[1])
    return float(left[0] + left[1] + cover - 2.0)


@kernel
def projected_days(days: int, lead_time_days: float) -> int:
    """Days that the projection of a row covers: those of the forecast, at least the lead time."""
    return max(days, lead_days(lead_time_days))


@kernel
def window_days(receipts: NDArray[np.float64], days: int, lead_time_days: float) -> int:
    """Days of the window of a row whose projection covers ``days``; ``receipts`` are units per day."""
    first = 0
    while first < days and receipts[first] <= 0.0:
        first += 1
    return max(first if first < days else 0, lead_days(lead_time_days))


@kernel
def project(
    on_hand: NDArray[np.float64], overdue: NDArray[np.float64], open_day: NDArray[np.float64],
    receipts: NDArray[np.float64], mean: NDArray[np.float64], variance: NDArray[np.float64],
    left: NDArray[np.float64], sums: NDArray[np.float64], step: NDArray[np.float64],
    lead_time_days: NDArray[np.float32], days: NDArray[np.int64], out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Project the stock of n rows.

    Parameters
    ----------
    on_hand, overdue
        (n,) units. Rows with on-hand NaN (not known) get no stock-out day and NaN results.
    open_day, receipts
        (n, h) units per day from tomorrow on; h is at least `projected_days` of every row.
    mean, variance
        (n, 28) forecast per day in units (squared); NaN: none, so that only open orders are demand.
    left
        (n, 2) share of the forecast of the first two days that is still to come. What is open of such a day is part of
        what has come.
    sums
        (n, `sum_variance.COLUMNS`) of the forecast.
    step
        (n,) units in which the quantities of a row come.
    lead_time_days
        (n,) mean lead time.
    days
        (n, 2) filled with the first day (0 is tomorrow) on which the mean projection is below zero, or NOT_WITHIN, and
        with the days of the window.
    out
        (n, 6) filled with the probability of a stock-out on the worst day of the window, mean and variance of the
        demand through that day, receipts through that day, the days that stock lasts without any receipt (NaN:
        without end), and the days through that day.
    """
    for i in range(on_hand.size):
        covered = projected_days(mean.shape[1], lead_time_days[i])
        window = window_days(receipts[i], covered, lead_time_days[i])
        days[i, 0] = NOT_WITHIN
        days[i, 1] = window
        out[i, :] = math.nan
        if math.isnan(on_hand[i]):
            continue
        learned = not math.isnan(mean[i, 0])
        opened = open_share(variance[i])
        free = on_hand[i] - overdue[i]
        daily = np.empty(covered)
        needed, needed_variance, arriving, stock = 0.0, 0.0, 0.0, free
        for t in range(covered):
            daily[t] = open_day[i, t]
            if learned:
                share = left[i, t] if t < DAYS_LEFT else 1.0
                daily[t] = demand_to_come(forecast_day(mean[i], t), daily[t], share)
                needed_variance += share * forecast_day(variance[i], t)
            needed += daily[t]
            arriving += receipts[i, t]
            stock += receipts[i, t] - daily[t]
            if stock < 0.0 and days[i, 0] == NOT_WITHIN:
                days[i, 0] = t
            if t == window - 1 or (t < window - 1 and receipts[i, t + 1] > 0.0):
                together = needed_variance
                if needed_variance > 0.0:
                    together *= sum_ratio(sums[i], opened * (t + 1), 0.0, STOCKOUT_LEVEL)
                keep_worst(free, needed, together, arriving, step[i], t + 1, out[i])
        if learned:
            cover = days_of_cover(free, daily, mean[i, mean.shape[1] - 7 :])
            out[i, COVER_DAYS] = days_from_now(cover, left[i])


@kernel
def keep_worst(
    free: float, needed: float, needed_variance: float, arriving: float, step: float, days: int,
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Keep the day, after ``days`` days, with the highest probability of a stock-out.

    Of equal ones that with the largest gap.
    """
    available = free + arriving
    chance = 1.0 if available < 0.0 else stockout_probability(available, needed, needed_variance, step)
    if (
        math.isnan(out[PROBABILITY])
        or chance > out[PROBABILITY]
        or (chance == out[PROBABILITY] and needed - arriving > out[NEEDED] - out[ARRIVING])
    ):
        out[PROBABILITY] = chance
        out[NEEDED] = needed
        out[NEEDED_VARIANCE] = needed_variance
        out[ARRIVING] = arriving
        out[WORST_DAYS] = days


@kernel
def stock_thresholds(
    overdue: NDArray[np.float64], open_day: NDArray[np.float64], receipts: NDArray[np.float64],
    mean: NDArray[np.float64], lead_time_days: NDArray[np.float32], learned: NDArray[np.bool_],
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill ``out`` (n,) with stock thresholds in units for the next local day.

    With at least this stock on hand, the probability of a stock-out is below one half. The median of a demand is at
    most a third of a unit above its mean. So overdue demand plus the expected demand through a day of the window, less
    the receipts through that day, at its largest, is an upper bound of the stock that opens a stock-out. The open
    demand of the next day is added to its forecast, since it becomes overdue before the row closes. Every order of that
    day adds its quantity, every receipt what has arrived. If the forecast is not yet ``learned``, only open demand
    counts. Arguments as in `project`.
    """
    for i in range(overdue.size):
        owed = overdue[i] + open_day[i, 0]
        threshold = owed
        covered = projected_days(mean.shape[1], lead_time_days[i])
        window = window_days(receipts[i], covered, lead_time_days[i])
        needed, margin = 0.0, MEDIAN_MARGIN if learned[i] else 0.0
        for t in range(window):
            expected = forecast_day(mean[i], t) if learned[i] else 0.0
            needed += expected - receipts[i, t]
            if t > 0:
                needed += max(open_day[i, t] - expected, 0.0)
            threshold = max(threshold, owed + needed + margin)
        out[i] = threshold


@kernel
def known_shortage(
    on_hand: NDArray[np.float64], overdue: NDArray[np.float64], open_day: NDArray[np.float64],
    receipts: NDArray[np.float64], window: NDArray[np.int64], out: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Fill ``out`` (n,) with whether open orders alone exceed stock and receipts on a day of the window (n,).

    False if stock is not known. Arguments as in `project`.
    """
    for i in range(on_hand.size):
        free = on_hand[i] - overdue[i]
        out[i] = free < 0.0
        for t in range(window[i]):
            free += receipts[i, t] - open_day[i, t]
            out[i] = out[i] or free < 0.0


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
        window = lead_days(lead_time_days[i])
        most = 0.0
        for start in range(days):
            needed = 0.0
            for t in range(start, start + window):
                needed += forecast_day(mean[i], t)
            most = max(most, needed)
        threshold = open_total[i] + (most + MEDIAN_MARGIN if learned[i] else 0.0)
        out[i] = math.nan if math.isnan(mean[i, 0]) else threshold
