"""Rounding of published numbers to six significant digits, with the same result on every machine.

The number of decimals comes from comparisons with a table of powers of ten. A logarithm would not do, since its last
bit depends on the processor.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel

DIGITS = 6
_LOWEST, _HIGHEST = -12, 15
_POWERS = np.array([float(f"1e{k}") for k in range(_LOWEST, _HIGHEST + 1)])
_TENS = np.array([float(f"1e{k}") for k in range(DIGITS - _LOWEST + 1)])


@kernel
def decimals(value: float) -> int:
    """Decimals of a number with six significant digits (negative: zeros before the point); at most 18."""
    low, high = 0, _POWERS.size
    while low < high:
        middle = (low + high) // 2
        if _POWERS[middle] <= abs(value):
            low = middle + 1
        else:
            high = middle
    return DIGITS - _LOWEST - low


@kernel
def round_all(values: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Fill ``out`` (n,) with ``values`` (n,) to six digits."""
    for i in range(values.size):
        value = values[i]
        if value == 0.0 or not math.isfinite(value):
            out[i] = value
            continue
        places = decimals(value)
        if places >= 0:
            out[i] = np.rint(value * _TENS[places]) / _TENS[places]
        else:
            out[i] = np.rint(value / _TENS[-places]) * _TENS[-places]


def rounded(values: Any) -> NDArray[np.float64]:
    """Values to six significant digits, ties to even; NaN and infinity stay.

    The result is the float nearest to the decimal.
    """
    array = np.ascontiguousarray(values, np.float64)
    out = np.empty_like(array)
    round_all(array.reshape(-1), out.reshape(-1))
    return out.reshape(np.shape(values))
