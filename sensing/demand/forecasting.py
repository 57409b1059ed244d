"""Forecast of the next 28 days for many rows, from their records and the known calendar. `DemandModels` calls it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.calibration import day_variance, nominal_level
from sensing.demand.demand_class import demand_class
from sensing.demand.demand_record import CLASSES, HORIZON, RIVER_FORECASTS
from sensing.demand.distribution import quantiles
from sensing.demand.feature_values import features_of
from sensing.demand.features import FEATURES, KnownDay
from sensing.demand.level_shift import shift_variance
from sensing.demand.members.registry import MEMBERS
from sensing.demand.mixture import member_level, member_rate, member_weights, river_forecasts, river_mean, river_weights
from sensing.demand.month_profile import month_day, month_index
from sensing.demand.row_statistics import step_of
from sensing.demand.seasonal_profile import dispersion, holiday_index, squared_error, weekday_index
from sensing.demand.silent_rows import returning_units, silence_bin
from sensing.demand.sum_calibration import write_scales
from sensing.demand.sum_variance import GAIN, OWN, YOUNG, young_level
from sensing.jit import kernel

_COUNT = len(MEMBERS)
_FEATURE_COUNT = len(FEATURES)


@kernel
def forecast_rows(
    demand: NDArray[Any],
    pool: NDArray[Any],
    river: NDArray[Any],
    calibration: NDArray[Any],
    rows: NDArray[np.int64],
    day: int,
    pools: NDArray[np.int32],
    closed: NDArray[np.bool_],
    holiday: NDArray[np.float64],
    uplift: NDArray[np.float64],
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    method: NDArray[np.uint8],
    codes: NDArray[np.uint8],
    sums: NDArray[np.float64],
) -> None:
    """Fill the last five arguments, the columns of `Forecast`. ``calibration`` is that of sums of days.

    The level keeps moving, so the variance grows with the horizon: by the factor 1 + (h - 1) gain^2 for day h.

    Source: Hyndman, Koehler, Ord, Snyder (2008), Forecasting with Exponential Smoothing, table 6.1, model ANN.
    """
    weights = np.zeros(_COUNT)
    values = np.zeros(RIVER_FORECASTS)
    weights_of_river = np.zeros(RIVER_FORECASTS)
    features = np.zeros(_FEATURE_COUNT)
    shares = calibration[0]["return_share"]
    months = np.zeros(HORIZON, np.int64)
    for h in range(HORIZON):
        months[h] = month_day(day + 1 + h)
    for i in range(rows.size):
        row = rows[i]
        at = pools[i]
        slot = demand[row]["slot"] - 1
        codes[i] = demand_class(demand, row)
        method[i] = 0 if demand[row]["days"] == 0 else (2 if slot >= 0 else 1)
        member_weights(demand, row, weights)
        level = member_level(demand, row, weights)
        gain = member_rate(weights)
        ratio, usual = dispersion(demand, row, pool, at), demand[row]["expected"]
        silence = silence_bin(demand, row)
        sums[i, GAIN], sums[i, YOUNG] = gain, young_level(demand[row]["exposure"] + demand[row]["prior_days"], gain)
        write_scales(calibration, codes[i], sums[i])
        if slot >= 0:
            river_weights(river, slot, weights_of_river)
        shifted = 1.0 + demand[row]["shift"]
        units = 0.0
        days = 0.0
        for h in range(HORIZON):
            if closed[i, h]:
                mean[i, h] = 0.0
                variance[i, h] = 0.0
                continue
            seasonal_index = weekday_index(demand, row, pool, at, (day + 1 + h + 3) % 7)
            seasonal_index *= month_index(pool, at, months[h]) * holiday_index(pool, at, holiday[i, h]) * shifted
            expected = level * seasonal_index
            if slot >= 0:
                features_of(KnownDay(day + 1 + h, holiday[i, h]), features)
                river_forecasts(river, slot, expected, seasonal_index, 1 + h, features, values)
                expected = river_mean(values, weights_of_river)
            expected += returning_units(demand, row, shares, expected, seasonal_index, silence, 1 + h)
            units += expected
            days += seasonal_index
            mean[i, h] = expected * uplift[i, h]
            variance[i, h] = day_variance(ratio, usual, expected) * uplift[i, h] * (1.0 + h * gain * gain)
        sums[i, OWN] = 1.0
        if units > 0.0 and days > 0.0:
            # Both are without the factor of a shift in doubt, which multiplies the variances, too.
            square = squared_error(demand, row, pool, at, units / days)
            sums[i, YOUNG] += shift_variance(demand, row, shifted * units / days, shifted * square)
            sums[i, OWN] = square / day_variance(ratio, usual, units / days)


@kernel
def quantile_rows(
    demand: NDArray[Any],
    pool: NDArray[Any],
    rows: NDArray[np.int64],
    codes: NDArray[np.uint8],
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    levels: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Fill ``out`` (n, 28, levels) with calibrated quantiles. Rising ``levels`` give quantiles that never fall."""
    # Nominal levels depend only on pool and class. Cache those of the last pool seen for each class.
    stated = np.zeros((len(CLASSES), levels.size))
    stated_of = np.full(len(CLASSES), -1)
    for i in range(rows.size):
        code, at, step = codes[i], demand[rows[i]].pool, step_of(demand, rows[i])
        if stated_of[code] != at:
            stated_of[code] = at
            for k in range(levels.size):
                stated[code, k] = nominal_level(pool, at, code, levels[k])
        for h in range(mean.shape[1]):
            quantiles(stated[code], mean[i, h] / step, variance[i, h] / (step * step), out[i, h])
        if step != 1.0:
            out[i] *= step
