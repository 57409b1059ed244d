"""What a row learns of a day besides its members: order lines, sizes for its demand class, counts.

`close_rows` calls these kernels; the counts come last, as all others take them as they were before the day.
"""

from typing import Any

from numpy.typing import NDArray

from sensing.demand.members.tsb import whole_day_units
from sensing.jit import kernel

EXPOSURE_MIN = 0.5
"""Days that the first lines count for at least: a day of smaller seasonal index is no measure of a level."""
CLASS_RATE = 0.05
COUNT_MAX = 65535


@kernel
def has_level(demand: NDArray[Any], row: int) -> bool:
    """Whether a row has seen a day in all: before, there is no level that could be wrong or be measured against."""
    return bool(demand[row]["exposure"] >= 1.0)


@kernel
def learn_lines(demand: NDArray[Any], row: int, lines: float, seasonal_index: float, observed: float) -> None:
    """Smooth the order lines of a row at one rate, and the squared error of a whole day's lines.

    ``observed`` is the share of the day that was; ``seasonal_index`` is the seasonal index of this share.
    """
    level = demand[row]["lines_level"]
    error = lines - seasonal_index * level
    known = has_level(demand, row)
    gain = max(0.05, 1.0 / max(demand[row]["exposure"] + seasonal_index, EXPOSURE_MIN))
    demand[row]["lines_level"] = max(0.0, level + gain * error)
    if known:  # the error of part of a day has that part of the variance
        gain = max(0.02, 1.0 / float(demand[row]["days"]))
        demand[row]["lines_square"] += gain * (error * error / observed - demand[row]["lines_square"])


@kernel
def learn_sizes(demand: NDArray[Any], row: int, units: float, observed: float) -> None:
    """Learn the size of a day with demand and how long it had been coming; call before TSB learns the day.

    ``observed`` is the share of the day that was; what it has is scaled to a whole day that has demand.
    """
    if units <= 0.0:
        return
    units = whole_day_units(demand[row]["sale_rate"], units, observed)
    gain = max(CLASS_RATE, 1.0 / (float(demand[row]["sales"]) + 1.0))
    demand[row]["size_mean"] += gain * (units - demand[row]["size_mean"])
    demand[row]["size_square"] += gain * (units * units - demand[row]["size_square"])
    demand[row]["interval"] += gain * (demand[row]["silence"] + 1.0 - demand[row]["interval"])


@kernel
def count_day(demand: NDArray[Any], row: int, units: float, seasonal_index: float) -> None:
    """Count a day with its seasonal index, once all else has learned it."""
    demand[row]["exposure"] += seasonal_index
    demand[row]["days"] = min(demand[row]["days"] + 1, COUNT_MAX)
    if units > 0.0:
        demand[row]["sales"] = min(demand[row]["sales"] + 1, COUNT_MAX)
        demand[row]["silence"] = 0
    else:
        demand[row]["silence"] = min(demand[row]["silence"] + 1, COUNT_MAX)
