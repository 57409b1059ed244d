"""Fixed-point quantities: integers in thousandths of the unit of measure.

A quantity is the decimal number as written; more precisely, the shortest decimal that reads as the same double, which
is the same for up to 15 digits. It is rounded half to even at the third decimal: 0.0015 and 0.0025 both become 0.002.
Multiplying by 1000 and rounding is not exact: the product 1.0005 * 1000 is below the half that was written.
"""

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS

NEAR_HALF = 0.499
"""Quantities are at most 1e9, so their product with 1000 has an error below 0.0003. Below this, rounding is exact."""


def thousandths(quantities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Thousandths of finite quantities of up to 1e9 in size, rounded half to even on the decimal value."""
    scaled = quantities * THOUSANDTHS
    rounded = np.rint(scaled)
    result = rounded.astype(np.int64)
    for i in np.flatnonzero(np.abs(scaled - rounded) > NEAR_HALF):
        result[i] = exact_thousandths(float(quantities[i]))
    return result


def exact_thousandths(quantity: float) -> int:
    """The same for one quantity, by decimal arithmetic."""
    return int((Decimal(repr(quantity)) * THOUSANDTHS).to_integral_value(ROUND_HALF_EVEN))
