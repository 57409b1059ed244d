"""Forecast of one day of a row: the weighted mean of its members, and of its River members if it has any.

Day learning and forecasting call it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.combination import weigh
from sensing.demand.members.compose import filling, numbered
from sensing.demand.members.registry import MEMBERS, RIVER_MEMBERS
from sensing.jit import kernel

_COUNT = len(MEMBERS)
_RIVER_COUNT = 1 + len(RIVER_MEMBERS)
_RATES = np.array([member.rate for member in MEMBERS])
_predict = numbered([member.predict for member in MEMBERS])
_predict_river = filling([member.predict for member in RIVER_MEMBERS], start=1)


@kernel
def member_forecast(demand: NDArray[Any], row: int, member: int, seasonal_index: float) -> float:
    """Forecast of one member, by number, for a day with this seasonal index, in units."""
    units: float = _predict(member, demand, row, seasonal_index)
    return units


@kernel
def member_weights(demand: NDArray[Any], row: int, weights: NDArray[np.float64]) -> None:
    """Weights of a row's own members."""
    weigh(demand[row]["error"], float(demand[row]["days"]), weights)


@kernel
def member_level(demand: NDArray[Any], row: int, weights: NDArray[np.float64]) -> float:
    """Combined level of a row, in units per average day.

    A member's forecast is proportional to the seasonal index. So its weighted forecast equals its forecast for a
    seasonal index equal to its weight.
    """
    # The last member comes first. The last bits of a sum depend on its order, so the order must not change.
    level = member_forecast(demand, row, _COUNT - 1, weights[_COUNT - 1])
    for member in range(_COUNT - 1):
        level += member_forecast(demand, row, member, weights[member])
    return level


@kernel
def member_rate(weights: NDArray[np.float64]) -> float:
    """Weighted mean of the members' rates. The forecast variance grows with it over the horizon."""
    rate: float = weights[_COUNT - 1] * _RATES[_COUNT - 1]
    for member in range(_COUNT - 1):
        rate += weights[member] * _RATES[member]
    return rate


@kernel
def river_forecasts(
    river: NDArray[Any],
    slot: int,
    base: float,
    seasonal_index: float,
    ahead: int,
    features: NDArray[np.float64],
    values: NDArray[np.float64],
) -> None:
    """Fill ``values`` with the forecasts that are combined for a River row: of its own members, then of River's.

    Parameters
    ----------
    base
        Forecast of the row's own members, in units.
    seasonal_index
        Seasonal index of the day: its expected demand relative to an average day.
    ahead
        Number of days from the last learned day to this one.
    features
        Features of the day, see `sensing.demand.feature_values`.
    """
    values[0] = base
    _predict_river(values, river, slot, base, seasonal_index, ahead, features)


@kernel
def river_weights(river: NDArray[Any], slot: int, weights: NDArray[np.float64]) -> None:
    """Weights of the forecasts that are combined for a River row."""
    weigh(river[slot]["error"], float(river[slot]["days"]), weights)


@kernel
def river_mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Combine the forecasts of a River row."""
    mean: float = values[0] * weights[0]
    for member in range(1, _RIVER_COUNT):
        mean += values[member] * weights[member]
    return mean
