"""Members: exponential smoothing of the seasonally adjusted level, one member for each of several fixed rates.

A step follows the gradient of the squared error of ``seasonal_index x level``. So a day with a small seasonal index
hardly changes the level. The gain starts at 1 / exposure and falls to the rate: at first the level is a plain mean, in
which the days of the prior count, too.

Source: Brown (1959) for the smoothing; a gain of 1/n gives the recursive mean.
"""

from typing import Any

from numpy.typing import NDArray

from sensing.demand.members.member import Member
from sensing.jit import inner_kernel

RATES = (0.01, 0.02, 0.04, 0.08, 0.16)
"""Smoothing rates per average day."""
EXPOSURE_MIN = 1e-3
"""With less exposure, in days, no level is learned."""


def _member(rate: float) -> Member:
    field = level_field(rate)

    @inner_kernel
    def start(demand: NDArray[Any], row: int, size: float, share: float) -> None:
        demand[row][field] = size * share

    @inner_kernel
    def learn(
        demand: NDArray[Any], row: int, units: float, seasonal_index: float, observed: float, weight: float
    ) -> None:
        exposure = demand[row]["exposure"] + demand[row]["prior_days"] + seasonal_index
        if exposure < EXPOSURE_MIN:
            return
        level = demand[row][field]
        demand[row][field] = max(0.0, level + weight * max(rate, 1.0 / exposure) * (units - seasonal_index * level))

    @inner_kernel
    def predict(demand: NDArray[Any], row: int, seasonal_index: float) -> float:
        units: float = seasonal_index * demand[row][field]
        return units

    @inner_kernel
    def restart(demand: NDArray[Any], row: int, level: float) -> None:
        demand[row][field] = level

    return Member(
        name=f"smoothing {rate}",
        rate=rate,
        fields=[(field, "f4")],
        in_units=[field],
        start=start,
        learn=learn,
        predict=predict,
        restart=restart,
    )


def level_field(rate: float) -> str:
    """Name of the field with the level of this rate, in units per average day."""
    return f"level_{rate:g}".replace(".", "_")


SMOOTHING = tuple(_member(rate) for rate in RATES)

PROFILE_LEVEL = SMOOTHING[len(SMOOTHING) // 2]
"""Member whose level the seasonal profiles are measured against."""
