"""Members: exponential smoothing at several fixed rates, weekday taken out.

Each level follows the gradient of the squared error of ``seasonal_index x level``: a day of small seasonal index hardly
lowers it, however little was sold. Until the days learned weigh more than a rate, the level is their plain mean.

Source: Brown (1959) for the smoothing; the 1/n start is the recursive mean.
"""

from typing import Any

from numpy.typing import NDArray

from sensing.demand.members.member import Member
from sensing.jit import inner_kernel

RATES = (0.01, 0.02, 0.04, 0.08, 0.16)
"""Per day at an average weekday."""
EXPOSURE_MIN = 1e-3
"""With less exposure nothing was seen that could be a level."""


def _member(rate: float) -> Member:
    field = level_field(rate)

    @inner_kernel
    def learn(demand: NDArray[Any], row: int, units: float, seasonal_index: float, observed: float) -> None:
        exposure = demand[row]["exposure"] + seasonal_index
        if exposure < EXPOSURE_MIN:
            return
        level = demand[row][field]
        demand[row][field] = max(0.0, level + max(rate, 1.0 / exposure) * (units - seasonal_index * level))

    @inner_kernel
    def predict(demand: NDArray[Any], row: int, seasonal_index: float) -> float:
        units: float = seasonal_index * demand[row][field]
        return units

    return Member(name=f"smoothing {rate}", rate=rate, fields=[(field, "f4")], learn=learn, predict=predict)


def level_field(rate: float) -> str:
    """Field of the level with this rate, in units per average day."""
    return f"level_{rate:g}".replace(".", "_")


SMOOTHING = tuple(_member(rate) for rate in RATES)

PROFILE_LEVEL = SMOOTHING[len(SMOOTHING) // 2]
"""The member against whose level profiles are measured."""
