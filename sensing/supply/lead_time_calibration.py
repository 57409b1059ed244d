"""Calibration of lead times: corrects the stated quantiles by how often receipts stayed within them.

The estimate of `lead_time` is normal in log days. When an order is placed, its mean and standard deviation are kept
with the line. When the goods come, they are compared with the median and the .9 quantile that this distribution would
have had with the correction of today. The two quantiles are ``z50`` and ``z90`` standard deviations above the mean, at
first 0 and 1.28. Each moves a step up after a receipt beyond its quantile and a step down after any other, by sizes
that balance if half of the receipts, and one in ten, are beyond. Both are bounded.

All suppliers of a shard share a correction. Lanes that have no receipt have one of their own: what is known of them
comes from other lanes, and errs in another way.

Source: Gibbs and Candes (2021), Adaptive conformal inference under distribution shift.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel, lean_kernel
from sensing.supply.receipt_statistics import LEAD_TIME_DAYS_MAX, SHIFT_DAYS

Z90 = 1.2815515655446004
"""The .9 quantile of a standard normal variable."""
LEVEL_50, LEVEL_90 = 0.5, 0.9
RATE = 0.02
"""Larger steps take the first receipts of a new engine, which are the early ones, for what is usual."""
Z50_MAX = 1.0
Z90_MAX = 3.0
GAP_MIN = 0.3
"""The .9 quantile stays as far above the median, in standard deviations."""

KEPT = 0.99
"""Share of the counts of receipts that a whole receipt leaves, so that they are of about the last 100."""

CALIBRATION = np.dtype(
    [
        ("z50", "f8"),
        ("z90", "f8"),
        ("receipts", "f8"),  # discounted number, and of these within the quantile as it was corrected
        ("within_50", "f8"),
        ("within_90", "f8"),
    ],
    align=True,
)
"""Correction of lanes without (0) and with (1) receipts."""


def uncalibrated() -> NDArray[Any]:
    """Corrections that change nothing."""
    calibration = np.zeros(2, CALIBRATION)
    calibration["z90"] = Z90
    return calibration


@kernel
def calibrate(
    calibration: NDArray[Any], known: int, log_mean: float, log_sd: float, log_days: float, share: float
) -> None:  # fmt: skip
    """Learn a receipt: ``share`` of a line came after ``log_days``, where mean and sd were expected at its placement.

    ``known`` is 1 if its lane had receipts then.
    """
    record = calibration[known]
    rate = RATE * share
    above_50 = 1.0 if log_days > log_mean + record.z50 * log_sd else 0.0
    above_90 = 1.0 if log_days > log_mean + record.z90 * log_sd else 0.0
    kept = KEPT**share
    record.receipts = kept * record.receipts + share
    record.within_50 = kept * record.within_50 + share * (1.0 - above_50)
    record.within_90 = kept * record.within_90 + share * (1.0 - above_90)
    z50 = record.z50 + rate * (above_50 - (1.0 - LEVEL_50))
    z90 = record.z90 + 2.0 * rate * (above_90 - (1.0 - LEVEL_90))  # it is rarely exceeded, so its steps are larger
    record.z50 = min(max(z50, -Z50_MAX), Z50_MAX)
    record.z90 = min(max(z90, record.z50 + GAP_MIN), Z90_MAX)


@lean_kernel
def corrected(calibration: NDArray[Any], known: int, log_mean: float, log_sd: float) -> tuple[float, float]:
    """Mean and sd in log days of the normal distribution that has the corrected median and .9 quantile."""
    record = calibration[known]
    return log_mean + record.z50 * log_sd, (record.z90 - record.z50) * log_sd / Z90


@kernel
def lead_times_in_days(
    calibration: NDArray[Any], log_mean: NDArray[np.float64], log_variance: NDArray[np.float64],
    known: NDArray[np.int64], out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill ``out`` (4, n) with mean, sd, .5 and .9 quantile in days of corrected lead times; none is over the maximum.

    Lead times are shifted log-normal: exp(X) - SHIFT_DAYS with X normal.
    """
    for i in range(log_mean.size):
        centre, spread = corrected(calibration, known[i], log_mean[i], math.sqrt(log_variance[i]))
        shifted = math.exp(centre + 0.5 * spread * spread)
        out[0, i] = shifted - SHIFT_DAYS
        out[1, i] = shifted * math.sqrt(math.expm1(spread * spread))
        out[2, i] = math.exp(centre) - SHIFT_DAYS
        out[3, i] = math.exp(centre + Z90 * spread) - SHIFT_DAYS
        for k in range(4):
            out[k, i] = min(max(out[k, i], 0.0), LEAD_TIME_DAYS_MAX)
