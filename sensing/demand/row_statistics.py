"""Statistics of a row besides its members: order lines, sizes for its demand class, counts.

`close_rows` calls these kernels. It calls `count_day` last, since the others need the counts before the day.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.members.tsb import whole_day_units
from sensing.jit import kernel

EXPOSURE_MIN = 0.5
"""Minimum exposure, in days, behind the gain of order lines, so that a first day with a small seasonal index cannot
set an extreme level."""
STEP_MIN = 0.001
"""Quantities are kept in thousandths of a unit."""
CLASS_RATE = 0.05
DISPERSION_PRIOR = 1.6
"""Variance-to-mean ratio of a day's order lines, as of Online Retail's A items."""
DISPERSION_PRIOR_DAYS = 20.0
LINES_RATE = 0.05
USUAL_KEPT = 3
"""Closes from which the usual order lines are kept, so that a surge is judged by those from before it."""
COUNT_MAX = 65535
TAUGHT_DAY_TIMES = 5.0
"""A day teaches at most this many times what its row usually has on a day with demand, or is expected to have."""


@kernel
def step_of(demand: NDArray[Any], row: int) -> float:
    """Units in which the quantities of a row come: whole ones, or thousandths from the first that was none."""
    return STEP_MIN if demand[row]["fractional"] == 1 else 1.0


@kernel
def line_size(demand: NDArray[Any], row: int) -> float:
    """Mean units of an order line, in which a location's rows can be compared; a step as long as none is known."""
    size = np.float64(demand[row]["line_size"])
    return size if size > 0.0 else step_of(demand, row)


@kernel
def note_fraction(demand: NDArray[Any], row: int, units: float) -> None:
    """Note whether the units of a day are no whole number."""
    if units != math.floor(units):
        demand[row]["fractional"] = 1


@kernel
def has_level(demand: NDArray[Any], row: int) -> bool:
    """Whether a row has an exposure of at least one day. Before that it has no level to measure errors against."""
    return bool(demand[row]["exposure"] >= 1.0)


@kernel
def level_gain(rate: float, exposure: float, seasonal_index: float) -> float:
    """Gain of a level of order lines for a day after this exposure: that of a plain mean at first, then the rate."""
    return max(rate, 1.0 / max(exposure + seasonal_index, EXPOSURE_MIN))


@kernel
def shrunk_dispersion(square: float, level: float, history_days: float) -> float:
    """Variance-to-mean ratio of a row's daily order lines, at least 1. The prior counts as twenty days of history.

    Parameters
    ----------
    square
        Mean squared error of a day's lines around the expected ones.
    level
        Lines per day, positive.
    history_days
        Days behind both, at most as many as count.
    """
    own = square / level
    prior = DISPERSION_PRIOR_DAYS * DISPERSION_PRIOR
    return max(1.0, (history_days * own + prior) / (history_days + DISPERSION_PRIOR_DAYS))


@kernel
def taught_day(demand: NDArray[Any], row: int, units: float, mean: float) -> float:
    """Units that a day of ``units`` teaches its row and pool; ``mean`` is its forecast. Keeps the units.

    Also notes whether they are no whole number.

    One day far beyond all others is business of its own, however many lines it has. If the next day with demand is like
    it, demand has risen, and that day is learned whole. So is the first one.
    """
    usual = max(float(demand[row]["size_mean"]), mean)
    bound = max(TAUGHT_DAY_TIMES * usual, float(demand[row]["newest_size"]))
    note_fraction(demand, row, units)
    if units > 0.0:
        demand[row]["newest_size"] = units
    return units if demand[row]["sales"] == 0 else min(units, bound)


@kernel
def learn_lines(
    demand: NDArray[Any], row: int, lines: float, seasonal_index: float, observed: float, weight: float
) -> None:
    """Update the level of a row's order lines; and their usual level, and its mean squared error per whole day.

    ``observed`` is the observed share of the day; ``seasonal_index`` is scaled by it. What is usual learns the day with
    ``weight``: days far out of line are not.
    """
    gain = level_gain(LINES_RATE, demand[row]["exposure"], seasonal_index)
    level = demand[row]["lines_level"]
    demand[row]["lines_level"] = max(0.0, level + gain * (lines - seasonal_index * level))
    for k in range(USUAL_KEPT - 1, 0, -1):
        demand[row]["usual_lines"][k] = demand[row]["usual_lines"][k - 1]
    usual = demand[row]["usual_lines"][0]
    error = lines - seasonal_index * usual
    demand[row]["usual_lines"][0] = max(0.0, usual + weight * gain * error)
    if has_level(demand, row):  # the error over a share of a day has that share of a day's variance
        gain = weight * max(LINES_RATE, 1.0 / float(demand[row]["days"]))
        demand[row]["lines_square"] += gain * (error * error / observed - demand[row]["lines_square"])


@kernel
def usual_lines(demand: NDArray[Any], row: int) -> float:
    """Usual order lines of an average day, as they were before the last closes."""
    level: float = demand[row]["usual_lines"][USUAL_KEPT - 1]
    return level


@kernel
def learn_sizes(demand: NDArray[Any], row: int, units: float, lines: float, observed: float) -> None:
    """Update size and interval of days with demand, and the units of an order line.

    Call before TSB learns the day, whose earlier rate it reads.
    ``observed`` is the observed share of the day; ``units`` are scaled to a whole day with demand.
    """
    if units <= 0.0:
        return
    gain = max(CLASS_RATE, 1.0 / (float(demand[row]["sales"]) + 1.0))
    if lines > 0.0:
        newest = units / lines
        before = demand[row]["line_size"] if demand[row]["line_size"] > 0.0 else newest
        demand[row]["line_size"] = before + gain * (newest - before)
    units = whole_day_units(demand[row]["sale_rate"], units, observed)
    demand[row]["size_mean"] += gain * (units - demand[row]["size_mean"])
    demand[row]["size_square"] += gain * (units * units - demand[row]["size_square"])
    demand[row]["interval"] += gain * (demand[row]["silence"] + 1.0 - demand[row]["interval"])


@kernel
def count_day(demand: NDArray[Any], row: int, units: float, seasonal_index: float) -> None:
    """Count a day and add its seasonal index to the exposure. Call after all other kernels have learned the day."""
    demand[row]["exposure"] += seasonal_index
    demand[row]["days"] = min(demand[row]["days"] + 1, COUNT_MAX)
    if units > 0.0:
        demand[row]["sales"] = min(demand[row]["sales"] + 1, COUNT_MAX)
    count_silence(demand, row, units)


@kernel
def count_silence(demand: NDArray[Any], row: int, units: float) -> None:
    """Count the days since the last one with demand."""
    demand[row]["silence"] = 0 if units > 0.0 else min(demand[row]["silence"] + 1, COUNT_MAX)
