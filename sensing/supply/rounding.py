"""Rounding of numbers that people act on: to six significant digits, and to whole steps of a unit of measure.

Plans and their documents call it. Which decimals a unit has is decided in `sensing.supply.unit_decimals`; how many
digits leave with each field of an output is decided in `sensing.published_numbers`.

The number of decimals comes from comparisons with a table of powers of ten. A logarithm would not do, since its last
bit depends on the processor.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS
from sensing.jit import kernel

DIGITS = 6
_LOWEST, _HIGHEST = -12, 15
_POWERS = np.array([float(f"1e{k}") for k in range(_LOWEST, _HIGHEST + 1)])
_TENS = np.array([float(f"1e{k}") for k in range(DIGITS - _LOWEST + 1)])

LAST_MAX = 8e6
"""Last decimals in a rounded quantity: as many as a float32, as in a row's record, can tell apart."""
_EXACT_MAX = 1e15
_WHOLE = 1e-9
"""Relative tolerance. A number above a step by no more than this is rounded down to the step."""


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


@kernel
def step_of(unit_decimals: float, multiple: float) -> tuple[int, int]:
    """Thousandths in the last decimal of a unit, and in a step: its least common multiple with an order multiple.

    Without a multiple (NaN or 0) both are the same. A multiple below a thousandth counts as one.
    """
    last = 1
    for _ in range(3 - int(unit_decimals)):
        last *= 10
    if not multiple > 0.0:
        return last, last
    whole = max(int(np.rint(multiple * THOUSANDTHS)), 1)
    a, b = whole, last
    while b:
        a, b = b, a % b
    return last, whole // a * last


@kernel
def to_steps(value: float, unit_decimals: float, multiple: float, up: bool) -> float:
    """A quantity of at least 0 in whole steps: rounded up, or to the nearest one, see :func:`step_of`.

    Where the result has more than LAST_MAX last decimals, step and last decimal grow tenfold. The result is the float
    nearest to the decimal, and the nearest rounding of its float32, without the multiple, gives it back. NaN, infinity
    and what is too large for exact thousandths stay.
    """
    thousandths = value * THOUSANDTHS
    if not thousandths < _EXACT_MAX:
        return value
    last, step = step_of(unit_decimals, multiple)
    unit, length = float(last), float(step)
    while True:
        steps = thousandths / length
        steps = math.ceil(steps * (1.0 - _WHOLE)) if up else np.rint(steps)
        # Of a step that alone has too many last decimals, whole steps are all there can be.
        if steps * length <= LAST_MAX * unit or length > LAST_MAX * unit:
            return steps * length / THOUSANDTHS
        unit *= 10.0
        length *= 10.0


@kernel
def steps_of_all(
    values: NDArray[np.float64], unit_decimals: NDArray[np.float64], multiple: NDArray[np.float64], up: bool,
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill ``out`` (n,) with ``values`` (n,) in steps of ``unit_decimals`` (n,) and ``multiple`` (n,)."""
    for i in range(values.size):
        out[i] = to_steps(values[i], unit_decimals[i], multiple[i], up)


def in_units(values: Any, unit_decimals: Any, *, up: bool = False, multiple: Any = math.nan) -> NDArray[np.float64]:
    """Quantities at the decimals of their units, in steps of an order multiple if there is one; all of one shape."""
    given = np.ascontiguousarray(values, np.float64)
    places, steps = (_of_shape(each, given.shape) for each in (unit_decimals, multiple))
    out = np.empty_like(given)
    steps_of_all(given.reshape(-1), places.reshape(-1), steps.reshape(-1), up, out.reshape(-1))
    return out.reshape(np.shape(values))


def _of_shape(values: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Values, or one value, as an array of a shape."""
    array = np.ascontiguousarray(values, np.float64)
    return array if array.shape == shape else np.full(shape, array)
