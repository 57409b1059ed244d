"""Usual lateness of suppliers: how many days after the promised day their receipts come, nineteen times in twenty.

Receipts teach the mean and the scatter of a supplier's lateness (`sensing.supply.lanes`), all its lanes together, since
one lane alone rarely has enough receipts. Both are shrunk to a supplier that is punctual give or take PRIOR_SD days.
Goods that have not arrived teach nothing, so a supplier that becomes late is not usual before its goods have come.
"""

import math
from typing import Any

from sensing.supply.lead_time import DELAY_SD_DAYS, PRIOR_WEIGHT

DEVIATIONS = 1.6449
"""The 0.95 quantile of a standard normal variable."""
USUAL_DAYS_MAX = 30
"""A lateness of more days is always news."""


def usual_days_late(pool: Any) -> int:
    """Days of lateness that a supplier stays within, nineteen times in twenty; ``pool`` is its record of `POOL`."""
    weight = float(pool["delay_weight"])
    total = weight + PRIOR_WEIGHT
    mean = weight * float(pool["delay_mean"]) / total
    squares = float(pool["delay_squares"]) + PRIOR_WEIGHT * DELAY_SD_DAYS**2
    # What shrinking moves the mean counts as scatter.
    squares += weight * PRIOR_WEIGHT / total * float(pool["delay_mean"]) ** 2
    return min(max(round(mean + DEVIATIONS * math.sqrt(squares / total)), 0), USUAL_DAYS_MAX)
