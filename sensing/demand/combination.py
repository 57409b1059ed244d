"""Combination weights of several forecasts of one day, from their recent errors. The mixture calls it.

The weight of a forecast is (smallest squared error / its squared error) ** (TEMPER * days scored / 2). This is the
likelihood of normal errors of unknown variance. The temper flattens it, since the errors of members correlate.

Source: Vovk (1990) and Yamanishi (1998) for weights by accumulated loss; the temper was measured on M5.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel

TEMPER = 0.1
ERROR_MIN = 1e-12
"""Added to squared errors, so that those of zero have a weight; thousandths of a unit squared are larger."""
DISCOUNT = 0.995
_DAYS_MAX = 1.0 / (1.0 - DISCOUNT)


@kernel
def error_gain(days: float) -> float:
    """Gain of the discounted mean of errors for the error of day number ``days``, counted from 1."""
    return max(1.0 - DISCOUNT, 1.0 / days)


@kernel
def weigh(errors: NDArray[Any], days: float, out: NDArray[np.float64]) -> None:
    """Fill ``out`` with weights that add up to 1. Without scored days the weights are equal.

    Parameters
    ----------
    errors
        Discounted mean squared error of each forecast.
    days
        Days scored. At most 1 / (1 - DISCOUNT) of them count.
    """
    least = errors[0]
    for member in range(1, errors.size):
        least = min(least, errors[member])
    power = 0.5 * TEMPER * min(days, _DAYS_MAX)
    total = 0.0
    for member in range(errors.size):
        out[member] = ((least + ERROR_MIN) / (errors[member] + ERROR_MIN)) ** power
        total += out[member]
    for member in range(errors.size):
        out[member] /= total
