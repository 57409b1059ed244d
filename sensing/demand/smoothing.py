"""Exponential smoothing at several fixed rates, weekday taken out.

Each level follows the gradient of the squared error of ``factor x level``: a day worth little hardly lowers it, however
little was sold. Until the days learned weigh more than a rate, the level is units per worth: their plain mean.

Source: Brown (1959) for the smoothing; the 1/n start is the recursive mean.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.record import RATES
from sensing.jit import kernel

EXPOSURE_MIN = 0.5
"""Days that the first lines count for at least: a day worth less than that is no measure of a level."""
_RATES = np.array(RATES)


@kernel
def learn_levels(demand: NDArray[Any], row: int, units: float, factor: float) -> None:
    """Move every level of a row towards a day of ``units`` that was worth ``factor`` average days."""
    exposure = demand[row]["exposure"] + factor
    demand[row]["exposure"] = exposure
    if exposure < 1e-3:
        return
    for member in range(_RATES.size):
        level = demand[row]["level"][member]
        gain = max(_RATES[member], 1.0 / exposure)
        demand[row]["level"][member] = max(0.0, level + gain * (units - factor * level))


@kernel
def has_level(demand: NDArray[Any], row: int) -> bool:
    """Whether a row has seen a day in all: before, there is no level that could be wrong or be measured against."""
    return bool(demand[row]["exposure"] >= 1.0)


@kernel
def learn_lines(demand: NDArray[Any], row: int, lines: float, factor: float, observed: float) -> None:
    """The same for the order lines of a row, at one rate, with the squared error of a whole day's lines.

    ``observed`` is the share of the day that was; ``factor`` is the worth of this share.
    """
    level = demand[row]["lines_level"]
    error = lines - factor * level
    known = has_level(demand, row)
    gain = max(0.05, 1.0 / max(demand[row]["exposure"] + factor, EXPOSURE_MIN))
    demand[row]["lines_level"] = max(0.0, level + gain * error)
    if known:  # the error of part of a day has that part of the variance
        gain = max(0.02, 1.0 / float(demand[row]["days"]))
        demand[row]["lines_square"] += gain * (error * error / observed - demand[row]["lines_square"])
