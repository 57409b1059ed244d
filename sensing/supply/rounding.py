"""Published numbers have six significant digits.

More than any of them is known to, and the same bytes on every machine.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

DIGITS = 6
_LOWEST, _HIGHEST = -12, 15
_POWERS = np.array([float(f"1e{k}") for k in range(_LOWEST, _HIGHEST + 1)])
_TENS = np.array([float(f"1e{k}") for k in range(DIGITS - _LOWEST + 1)])


def decimals(largest: Any) -> NDArray[np.int64]:
    """Decimals that six significant digits of a number have (negative: zeros before the point); at most 12 + 6."""
    return DIGITS - _LOWEST - np.searchsorted(_POWERS, np.abs(np.asarray(largest, np.float64)), side="right")


def rounded(values: Any) -> NDArray[np.float64]:
    """Values to six significant digits, ties to even.

    NaN and infinity stay. The result is the float nearest to the decimal.
    """
    array = np.asarray(values, np.float64)
    places = np.where(np.isfinite(array), decimals(array), 0)
    up = _TENS[np.maximum(places, 0)]
    down = _TENS[np.maximum(-places, 0)]
    return np.asarray(np.rint(array * up / down) * down / up)
