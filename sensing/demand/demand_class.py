"""Demand class of a row. Day learning, forecasts and plans use it.

Source: Syntetos, Boylan, Croston (2005), On the categorization of demand patterns: mean interval 1.32 days, squared
coefficient of variation .49. Two classes are added: ``new`` for rows with too little history, and ``ending`` for rows
without demand for more than eight of their mean intervals and at least 28 days. A row with too few sales is ``ending``
after 56 days without demand.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel

INTERVAL_MAX = 1.32
VARIATION_MAX = 0.49
DAYS_MIN = 56
SALES_MIN = 4
SILENCE_MIN = 28
SILENCE_INTERVALS = 8.0


@kernel
def demand_class(demand: NDArray[Any], row: int) -> int:
    """Class of a row, as its position in ``CLASSES``."""
    if demand[row]["days"] < DAYS_MIN:
        return 0
    if demand[row]["sales"] < SALES_MIN:
        return 5 if demand[row]["silence"] >= DAYS_MIN else 0
    if demand[row]["silence"] >= SILENCE_MIN and demand[row]["silence"] > SILENCE_INTERVALS * demand[row]["interval"]:
        return 5
    mean = demand[row]["size_mean"]
    steady = demand[row]["size_square"] <= (1.0 + VARIATION_MAX) * mean * mean
    if demand[row]["interval"] <= INTERVAL_MAX:
        return 1 if steady else 3
    return 2 if steady else 4


@kernel
def count_classes(demand: NDArray[Any], rows: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    """Add the number of rows of each class to ``counts``."""
    for row in rows:
        counts[demand_class(demand, row)] += 1
