"""The forecast of one day of a row: its levels and TSB combined, then River's two where the row has them."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.combination import weigh
from sensing.demand.record import RATES
from sensing.jit import kernel

MONTH_DAYS = 30.4375
TREND_DAMPING = 0.9
_RATES = np.array(RATES)
_LEVELS = len(RATES)


@kernel
def smoothing_weights(demand: NDArray[Any], row: int, weights: NDArray[np.float64]) -> None:
    """Weights of a row's own members: one per rate, then TSB."""
    weigh(demand[row]["error"], float(demand[row]["days"]), weights)


@kernel
def smoothing_level(demand: NDArray[Any], row: int, weights: NDArray[np.float64]) -> float:
    """Combined level of a row, in units per average day."""
    level: float = weights[_LEVELS] * demand[row]["sale_rate"] * demand[row]["sale_size"]
    for member in range(_LEVELS):
        level += weights[member] * demand[row]["level"][member]
    return level


@kernel
def smoothing_gain(weights: NDArray[np.float64]) -> float:
    """Rate at which the combined level moves, for the growth of its error with the horizon."""
    gain: float = weights[_LEVELS] * _RATES[_LEVELS // 2]
    for member in range(_LEVELS):
        gain += weights[member] * _RATES[member]
    return gain


@kernel
def month_position(day: int) -> float:
    """Position in an average month, from -0.5 to 0.5; pay days are what it can find, to a day or two."""
    months = day / MONTH_DAYS
    return months - math.floor(months) - 0.5


@kernel
def river_members(
    river: NDArray[Any],
    slot: int,
    base: float,
    factor: float,
    day: int,
    ahead: int,
    holiday: float,
    promoted: float,
    values: NDArray[np.float64],
) -> None:
    """Fill ``values`` with the three forecasts of a River row: smoothing, Holt-Winters, regression.

    Parameters
    ----------
    base
        Forecast of the smoothing, in units.
    factor
        Worth of the day in the row's average days; Holt-Winters runs on the series without it.
    day, ahead
        Local day that is forecast, and how many days it lies ahead of the last one learned; the trend is damped.
    holiday, promoted
        Flags of the day.
    """
    weekday = (day + 3) % 7
    reach = (1.0 - TREND_DAMPING**ahead) / (1.0 - TREND_DAMPING)
    values[0] = base
    values[1] = max(0.0, (river[slot]["level"] + reach * river[slot]["trend"]) * factor)
    correction = river[slot]["intercept"] + river[slot]["weight"][weekday] + river[slot]["weight"][7] * holiday
    correction += river[slot]["weight"][8] * promoted + river[slot]["weight"][9] * month_position(day)
    values[2] = max(0.0, base + river[slot]["scale"] * correction)


@kernel
def river_mean(river: NDArray[Any], slot: int, values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Combine the forecasts of a River row; ``weights`` is filled."""
    weigh(river[slot]["error"], float(river[slot]["days"]), weights)
    mean: float = values[0] * weights[0] + values[1] * weights[1] + values[2] * weights[2]
    return mean
