"""Demand class of a row. Day learning, forecasts and plans use it.

Source: Syntetos, Boylan, Croston (2005), On the categorization of demand patterns: mean interval 1.32 days, squared
coefficient of variation .49. Two classes are added:

- ``ending``: without demand for more than eight of the row's mean intervals and at least 28 days. A row that had demand
  on less than four days is ``ending`` after 56 days without any.
- ``new``: what its own days leave open of its level is more than NEW_WIDTH of what its pool left open, in standard
  deviations. With the k days that the pool's rows count for (`sensing.demand.cold_start`) and n days of its own this is
  the root of k / (k + n). Days without demand are such days, too.

The mean interval of few sales says nothing, so at least one sale in so many days as there were counts there.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel

INTERVAL_MAX = 1.32
VARIATION_MAX = 0.49
NEW_WIDTH = 0.25
SALES_MIN = 4
FEW_SALES_SILENCE = 56
SILENCE_MIN = 28
SILENCE_INTERVALS = 8.0


@kernel
def is_new(demand: NDArray[Any], row: int) -> bool:
    """Whether a row's own days say too little of its level, in comparison with its pool. The first day says nothing."""
    of_pool = 1.0 + demand[row]["prior_days"]
    return bool(of_pool > NEW_WIDTH * NEW_WIDTH * (of_pool + demand[row]["days"] - 1.0))


@kernel
def demand_class(demand: NDArray[Any], row: int) -> int:
    """Class of a row, as its position in ``CLASSES``."""
    silence, interval = demand[row]["silence"], np.float64(demand[row]["interval"])
    if demand[row]["sales"] < SALES_MIN:
        if silence >= FEW_SALES_SILENCE:
            return 5
        interval = max(interval, demand[row]["days"] / max(np.float64(demand[row]["sales"]), 1.0))
    elif silence >= SILENCE_MIN and silence > SILENCE_INTERVALS * interval:
        return 5
    if is_new(demand, row):
        return 0
    mean = demand[row]["size_mean"]
    steady = demand[row]["size_square"] <= (1.0 + VARIATION_MAX) * mean * mean
    if interval <= INTERVAL_MAX:
        return 1 if steady else 3
    return 2 if steady else 4


@kernel
def count_classes(demand: NDArray[Any], rows: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    """Add the number of rows of each class to ``counts``."""
    for row in rows:
        counts[demand_class(demand, row)] += 1
