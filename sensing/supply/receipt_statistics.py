"""Statistics of receipts: weighted count, mean and sum of squares about the mean, discounted by age.

`lanes` keeps one per lane and supplier. An observation counts with half its weight HALF_LIFE_DAYS after it, so what a
supplier did a year ago hardly counts, however few receipts there are. The weight of a partial receipt is its share of
the line.

Lead times are learned as log days, see :func:`log_days`: they are skewed, and their spread grows with their length.

Source: West (1979), Updating mean and variance estimates, CACM 22(9), with exponential discount.
"""

import math

from sensing.jit import lean_kernel
from sensing.machine_settings import DAY_MS

HALF_LIFE_DAYS = 180.0
SHIFT_DAYS = 1.0
"""Added before the logarithm: without it, hours more or less of a receipt on the same day would be a large spread."""
LEAD_TIME_DAYS_MAX = 365.0
"""No lead time is planned longer."""


@lean_kernel
def log_days(days: float) -> float:
    """A lead time in days as log days."""
    return math.log(SHIFT_DAYS + max(days, 0.0))


@lean_kernel
def kept_share(time: int, now: int) -> float:
    """Share of the weight that an observation of ``time`` keeps until ``now`` (UTC ms)."""
    return float(0.5 ** (max(now - time, 0) / (HALF_LIFE_DAYS * DAY_MS)))


@lean_kernel
def observed(
    total: float, mean: float, squares: float, value: float, weight: float, kept: float
) -> tuple[float, float, float]:
    """Weight, mean and squares of a statistic of which the share ``kept`` is left, after adding ``value``."""
    total = total * kept + weight
    gap = value - mean
    mean += gap * weight / total
    return total, mean, squares * kept + weight * gap * (value - mean)
