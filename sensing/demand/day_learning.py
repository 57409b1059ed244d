"""Close of a local day for many rows: scores every forecast on the day, then learns it. `DemandModels` calls it."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.calibration import count_below, day_variance
from sensing.demand.class_scores import SCORE_LEVELS, add_class_score
from sensing.demand.cold_start import count_share, first_day
from sensing.demand.combination import error_gain
from sensing.demand.demand_class import demand_class
from sensing.demand.demand_record import RIVER_FORECASTS
from sensing.demand.distribution import cumulative
from sensing.demand.feature_values import features_of
from sensing.demand.features import FEATURES, KnownDay
from sensing.demand.level_shift import (
    SHIFT_FOLLOWED,
    accept_shift,
    expect_shift,
    learn_base,
    shift_variance,
    weigh_day,
)
from sensing.demand.members.compose import in_turn
from sensing.demand.members.registry import MEMBERS
from sensing.demand.members.smoothing import PROFILE_LEVEL
from sensing.demand.mixture import (
    member_forecast,
    member_level,
    member_rate,
    member_weights,
    river_forecasts,
    river_mean,
    river_weights,
)
from sensing.demand.month_profile import month_day, month_index
from sensing.demand.near_term import LEARNED_DAYS_MIN, deviation, learn_near, remember_day
from sensing.demand.row_statistics import count_day, count_silence, has_level, learn_lines, learn_sizes, taught_day
from sensing.demand.seasonal_profile import (
    dispersion,
    holiday_index,
    learn_row_profile,
    line_index,
    own_dispersion,
    squared_error,
    weekday_index,
)
from sensing.demand.silent_rows import returning_units, silence_bin, start_silence
from sensing.demand.sum_calibration import add_to_sum, end_sum, start_sum, starts_sum
from sensing.jit import kernel

SCORE_LEVEL = 0.95
"""Level whose coverage is an accuracy of the row."""
SCORE_DISCOUNT = 0.99
SQUARE_RATE = 0.02
SCORED_DAYS_MIN = 14
"""A row's distribution is scored from this day on. Before that its level is a guess."""
WEIGHT_MIN = 0.5
"""Days of a smaller weight in the level teach no profile and no River model."""
_ROW_SCORE = SCORE_LEVELS.index(SCORE_LEVEL)
_COUNT = len(MEMBERS)
_FEATURE_COUNT = len(FEATURES)
_start_members = in_turn([member.start for member in MEMBERS])
_restart_members = in_turn([member.restart for member in MEMBERS])
_learn_members = in_turn([member.learn for member in MEMBERS])
_middle_forecast = PROFILE_LEVEL.predict


@kernel
def forecast_variance(demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, mean: float, factor: float) -> float:
    """Variance of the forecast ``mean`` of a day. It is in proportion to ``factor``: promotions and observed share."""
    if factor <= 0.0:
        return 0.0
    return factor * day_variance(dispersion(demand, row, pool, at), np.float64(demand[row]["expected"]), mean / factor)


@kernel
def score(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, units: float, mean: float, factor: float
) -> float:
    """Score the combined forecast of a day against its demand; returns its variance, see `forecast_variance`."""
    variance = forecast_variance(demand, row, pool, at, mean, factor)
    if demand[row]["days"] < SCORED_DAYS_MIN:
        return variance
    code = demand_class(demand, row)
    # The distribution is of whole units, so a fractional quantity is rounded up.
    high = cumulative(float(math.ceil(units)), mean, variance)
    low = cumulative(math.ceil(units) - 1.0, mean, variance)
    if high <= low:
        high = low + 1e-12
    add_score(demand, row, pool, at, code, units, mean, variance, low)
    count_below(pool, at, code, low, high)
    if demand[row]["expected"] > 0.0 and demand[row]["square"] > 0.0:
        pool[at]["day_dispersion"] += math.log(own_dispersion(demand, row))
        pool[at]["day_dispersion_weight"] += 1.0
    return variance


@kernel
def add_score(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, code: int, units: float, mean: float,
    variance: float, low: float,
) -> None:  # fmt: skip
    """Add a day to the accuracy of a row and of its class ``code``.

    ``low`` is the probability of less demand than there was.
    """
    add_class_score(demand, row, pool, at, code, units, mean, variance, low)
    demand[row]["score_absolute"] = SCORE_DISCOUNT * demand[row]["score_absolute"] + abs(units - mean)
    demand[row]["score_error"] = SCORE_DISCOUNT * demand[row]["score_error"] + mean - units
    demand[row]["score_quantity"] = SCORE_DISCOUNT * demand[row]["score_quantity"] + units
    covered = 1.0 if low < SCORE_LEVEL + pool[at]["nominal_correction"][code, _ROW_SCORE] else 0.0
    demand[row]["score_covered"] = SCORE_DISCOUNT * demand[row]["score_covered"] + covered
    demand[row]["score_weight"] = SCORE_DISCOUNT * demand[row]["score_weight"] + 1.0


@kernel
def score_accuracy(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, units: float, mean: float, factor: float
) -> None:
    """Add a promoted day to the accuracy of a row. Its error does not calibrate ordinary days."""
    if demand[row]["days"] < SCORED_DAYS_MIN:
        return
    variance = forecast_variance(demand, row, pool, at, mean, factor)
    low = cumulative(math.ceil(units) - 1.0, mean, variance)
    add_score(demand, row, pool, at, demand_class(demand, row), units, mean, variance, low)


@kernel
def learn_errors(
    demand: NDArray[Any], row: int, units: float, seasonal_index: float, mean: float, observed: float
) -> None:
    """Update the mean squared error of every member and of the combined forecast. The row must have a level.

    ``observed`` is the observed share of the day; ``seasonal_index`` and ``mean`` are scaled by it. The error over a
    share of a day has that share of a day's variance, so squared errors are divided by the share.
    """
    days = float(demand[row]["days"])
    gain = error_gain(days)
    for member in range(_COUNT):
        error = units - member_forecast(demand, row, member, seasonal_index)
        demand[row]["error"][member] += gain * (error * error / observed - demand[row]["error"][member])
    gain = max(SQUARE_RATE, 1.0 / days)
    error = units - mean
    demand[row]["square"] += gain * (error * error / observed - demand[row]["square"])
    demand[row]["expected"] += gain * (mean / observed - demand[row]["expected"])


@kernel
def learn_river_errors(
    river: NDArray[Any], slot: int, units: float, values: NDArray[np.float64], observed: float
) -> None:
    """Update the mean squared error, per whole day, of every forecast that is combined for a River row."""
    river[slot]["days"] += 1
    gain = error_gain(float(river[slot]["days"]))
    for k in range(values.size):
        river[slot]["error"][k] += gain * ((units - values[k]) ** 2 / observed - river[slot]["error"][k])


@kernel
def learn_pool(
    pool: NDArray[Any],
    at: int,
    units: float,
    level: float,
    seasonal_index: float,
    holiday: float,
    special: float,
) -> None:
    """Add the units of a row's day to the day's totals of its pool.

    ``special`` is the factor of holiday, day of the month, promotions and observed share in ``seasonal_index``.
    """
    pool[at]["day_quantity"] += units
    pool[at]["day_level"] += level * special
    pool[at]["day_expected"] += level * seasonal_index
    if holiday > 0.0:
        pool[at]["day_holiday"][0] += units
        pool[at]["day_holiday"][1] += level * seasonal_index / holiday_index(pool, at, holiday)


@kernel
def learn_sum(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, sums: NDArray[Any], day: int, units: float,
    usual: float, returning: float, usual_index: float, uplift: float, weights: NDArray[np.float64],
) -> None:  # fmt: skip
    """Add a whole day to the sum that a row waits for; start one if none waits.

    ``usual`` is the day's forecast without promotions, ``returning`` the part that a silent row has for its return;
    ``usual_index`` is the seasonal index without the factor of a shift in doubt, which may change before the sum ends;
    ``weights`` are those of the row's members.
    """
    if demand[row]["days"] < SCORED_DAYS_MIN or usual_index <= 0.0:
        return
    if starts_sum(demand, row, day):
        level = usual / usual_index
        square, gain = squared_error(demand, row, pool, at, level), member_rate(weights)
        start_sum(demand, row, level, square, gain, shift_variance(demand, row, level, square))
        start_silence(demand, row, (usual - returning) / usual_index)
    elif demand[row]["sum_days"] == 0:
        return
    add_to_sum(demand, row, sums, units, usual_index * uplift)


@kernel
def learn_day_of_near_term(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, units: float, lines: float, usual: float,
    usual_index: float, uplift: float, index_of_lines: float, variance: float,
) -> None:  # fmt: skip
    """Learn from a whole day what became of the last deviations, and remember its own; arguments as in `learn_sum`.

    ``index_of_lines`` is the seasonal index for order lines, ``variance`` that of the day's forecast.
    """
    if demand[row]["days"] < LEARNED_DAYS_MIN or usual_index <= 0.0:
        remember_day(demand, row, 0.0, 0.0)
        return
    learn_near(demand, row, pool, at, units, usual_index * uplift, variance)
    expected = demand[row]["usual_lines"][0] * (1.0 + demand[row]["shift"]) * index_of_lines
    remember_day(demand, row, usual / usual_index, deviation(lines, expected))


@kernel
def learn_profiles(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, weekday: int, units: float, lines: float,
    seasonal_index: float, holiday: float, special: float, shifted: float,
) -> None:  # fmt: skip
    """Add a day to the weekday profiles of its row and pool.

    ``special`` is the factor of holiday, day of the month, promotions and observed share; ``shifted`` that of a shift
    in doubt, which multiplies the level of units and not that of order lines.
    """
    pool[at]["day_lines"] += lines
    pool[at]["day_lines_level"] += demand[row]["usual_lines"][0] * special
    level = _middle_forecast(demand, row, 1.0)
    learn_pool(pool, at, units, level, seasonal_index, holiday, special * shifted)
    learn_row_profile(demand, row, weekday, units, level * special * shifted)


@kernel
def shift_level(demand: NDArray[Any], row: int, day: int, weights: NDArray[np.float64]) -> float:
    """Let a row's levels shift if its days say so; returns the factor, 0 if they do not. ``weights`` is overwritten.

    The day is kept on which a shift was accepted, or on which one that forecasts had followed turned out to be none.
    """
    before = demand[row]["shift"]
    if not expect_shift(demand, row):
        if abs(before) >= SHIFT_FOLLOWED > abs(demand[row]["shift"]):
            demand[row]["shift_day"] = day
        return 0.0
    factor: float = 1.0 + demand[row]["shift"]
    member_weights(demand, row, weights)
    _restart_members(demand, row, factor * member_level(demand, row, weights))
    accept_shift(demand, row, day)
    return factor


@kernel
def learn_hours(pool: NDArray[Any], at: int, lines: NDArray[np.uint16]) -> None:
    """Add the order lines per hour of a row to the day's totals of its pool."""
    for hour in range(24):
        pool[at]["day_hours"][hour] += lines[hour]


@kernel
def learn_level(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, units: float, lines: float, index_of_lines: float,
    seasonal_index: float, observed: float, weight: float,
) -> None:  # fmt: skip
    """Update statistics and members of a row with the units and lines that a day teaches, and count row and day.

    ``weight`` is that of the day in the level; ``index_of_lines`` its seasonal index for order lines, without the
    factor of a shift in doubt.
    """
    learn_lines(demand, row, lines, index_of_lines, observed, weight)
    learn_base(demand, row, lines, index_of_lines, observed, weight)
    learn_sizes(demand, row, units, observed)
    if demand[row]["days"] == 0:
        size, share = first_day(demand, row, pool, at, units, seasonal_index, observed)
        _start_members(demand, row, size, share)
    else:
        count_share(demand, row, pool, at)
        _learn_members(demand, row, units, seasonal_index, observed, weight)
    count_day(demand, row, units, seasonal_index)


@kernel
def interrupt(demand: NDArray[Any], row: int, odd: bool, observed: float) -> None:
    """End what a row learns over several days if the day is ``odd``, promoted or without stock, or seen in part.

    A day that was not observed at all is left out of the sum of days, so it does not end it.
    """
    if odd or 0.0 < observed < 1.0:
        end_sum(demand, row)
    if odd or observed < 1.0:
        remember_day(demand, row, 0.0, 0.0)


@kernel
def river_usual(
    river: NDArray[Any], slot: int, base: float, seasonal_index: float, features: NDArray[np.float64],
    values: NDArray[np.float64], weights: NDArray[np.float64],
) -> float:  # fmt: skip
    """Forecast of the next day of a River row from that of its own members, ``base``; fills values and weights."""
    river_forecasts(river, slot, base, seasonal_index, 1, features, values)
    river_weights(river, slot, weights)
    return river_mean(values, weights)


@kernel
def close_rows(
    demand: NDArray[Any], pool: NDArray[Any], river: NDArray[Any], sums: NDArray[Any], rows: NDArray[np.int64],
    day: int, quantity: NDArray[np.float64], lines: NDArray[np.float64], hours: NDArray[np.uint16],
    pools: NDArray[np.int32], observed: NDArray[np.float64], censored: NDArray[np.bool_],
    holiday: NDArray[np.float64], uplift: NDArray[np.float64], explained: NDArray[np.bool_],
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Score and learn a day of each row; see `DayInputs` for the arguments.

    Parameters
    ----------
    sums
        Calibration of sums of days of the shard, a record of `demand_record.SUMS`.
    out
        (n, 6). Four are input of the River models, which learn afterwards: units to learn (NaN: the day is not
        learned), forecast of the row's own members, seasonal index of the observed share of the day, standardised error
        of the combined forecast (NaN: not scored). Then the combined forecast without promotions (NaN: the day says
        nothing of its demand), and the factor of a shift of the level that was accepted (0: none).
    """
    weekday, month, shares = (day + 3) % 7, month_day(day), sums[0]["return_share"]
    weights = np.zeros(_COUNT)
    values = np.zeros(RIVER_FORECASTS)
    weights_of_river = np.zeros(RIVER_FORECASTS)
    features = np.zeros(_FEATURE_COUNT)
    for i in range(rows.size):
        row = rows[i]
        at = pools[i]
        demand[row]["pool"], demand[row]["last_day"] = at, day
        special = holiday_index(pool, at, holiday[i]) * month_index(pool, at, month)
        shifted = 1.0 + demand[row]["shift"]
        share = observed[i] if observed[i] > 0.0 else 1.0
        plain_index = weekday_index(demand, row, pool, at, weekday) * special * share
        index_of_lines = line_index(demand, row, pool, at, weekday) * special * share * uplift[i]
        usual_index = plain_index * shifted
        member_weights(demand, row, weights)
        usual = member_level(demand, row, weights) * usual_index
        out[i], out[i, 5] = math.nan, 0.0
        out[i, 1], out[i, 2] = usual * uplift[i], usual_index * uplift[i]
        slot = demand[row]["slot"] - 1
        if slot >= 0:
            features_of(KnownDay(day, holiday[i]), features)
            usual = river_usual(river, slot, usual, usual_index, features, values, weights_of_river)
        returning = returning_units(demand, row, shares, usual, usual_index, silence_bin(demand, row), 1)
        usual += returning
        mean, index, units = usual * uplift[i], usual_index * uplift[i], quantity[i]
        interrupt(demand, row, explained[i] or censored[i], observed[i])
        if observed[i] <= 0.0 or (censored[i] and units <= mean):
            continue
        if units <= 0.0 and demand[row]["sales"] == 0:
            continue  # A row's history begins with its first sale, not with a purchase order or a count before it.
        if has_level(demand, row):
            out[i, 4] = usual
        if explained[i]:
            score_accuracy(demand, row, pool, at, units, mean, uplift[i] * share)
            count_silence(demand, row, units)
            continue
        if not censored[i]:
            variance = score(demand, row, pool, at, units, mean, uplift[i] * share)
            if share >= 1.0:
                learn_sum(demand, row, pool, at, sums, day, units, usual, returning, plain_index, uplift[i], weights)
                learn_day_of_near_term(
                    demand, row, pool, at, units, lines[i], usual, plain_index, uplift[i], index_of_lines, variance
                )
            out[i, 3] = (units - mean) / math.sqrt(variance + 1e-3)
        units = taught_day(demand, row, units, mean)
        taught = lines[i] if units >= quantity[i] else lines[i] * units / quantity[i]
        weight = weigh_day(demand, row, lines[i], index_of_lines)
        learned = weight >= WEIGHT_MIN
        if slot >= 0:
            learn_river_errors(river, slot, units, values * uplift[i], share)
        out[i, 0] = units if learned else math.nan
        if has_level(demand, row):
            learn_errors(demand, row, units, index, mean, share)
            if learned:
                special *= uplift[i] * share
                learn_profiles(demand, row, pool, at, weekday, units, taught, index, holiday[i], special, shifted)
        if share >= 1.0:  # a part of a day would bias the hour profile
            learn_hours(pool, at, hours[i])
        learn_level(demand, row, pool, at, units, taught, index_of_lines, index, share, weight)
        out[i, 5] = shift_level(demand, row, day, weights)
        if out[i, 5] > 0.0:  # River's models restart instead
            out[i, 0] = math.nan
