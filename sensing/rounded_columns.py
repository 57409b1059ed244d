"""Rounding by column: numbers that many output records have alike, rounded before the records are made.

Results are equal to the bit to those of `sensing.published_numbers`, which rounds one record at a time: a kernel rounds
what it can round exactly, the few other numbers are rounded one by one. Documents of planning parameters use it.
"""

import functools
import math
from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.contracts.number_kinds import EXPECTATION_MORE
from sensing.jit import kernel
from sensing.published_numbers import Digits, fields_with_numbers, round_array, round_number

Floats = NDArray[np.float64]
Numbers = dict[str, list[float | None]]

_POWERS = np.array([float(f"1e{k}") for k in range(-9, 10)])
_TENS = np.array([float(f"1e{k}") for k in range(23)])
"""Powers of ten that a float holds exactly."""
_EXACT_MAX = 2.0**52
_HALF_ERROR = 2.0**-51
"""Relative error within which a product may seem to be, or not to be, a half."""


def round_columns(
    struct: type[msgspec.Struct], columns: Mapping[str, NDArray[np.generic]], decimals: NDArray[np.int64]
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Numbers of k structs, by field.

    Parameters
    ----------
    struct
        Type of the structs; none of its fields in ``columns`` is money.
    columns
        (k,) numbers of each field.
    decimals
        (k,) decimals of the units of the structs.

    Returns
    -------
    tuple
        Rounded numbers by field, None where one is not finite and may be null; (k,) whether all others are finite.
    """
    kinds = _kinds(struct, tuple(columns))
    values = np.array(list(columns.values()), np.float64)
    places = kinds.places + kinds.of_unit * decimals
    out, exact = np.empty_like(values), np.empty(values.shape, np.bool_)
    all_finite, all_exact = round_exactly(values, places, out, exact)
    if not all_exact:
        for i, k in np.argwhere(~exact).tolist():
            out[i, k] = round_number(float(values[i, k]), int(places[i, k]))
    numbers: Numbers = dict(zip(columns, out.tolist(), strict=True))
    if all_finite:
        return numbers, np.ones(decimals.size, np.bool_)
    finite = np.isfinite(out)
    for name in (name for name, may_be_null in zip(columns, kinds.may_be_null, strict=True) if may_be_null):
        numbers[name] = [value if value is not None and isfinite(value) else None for value in numbers[name]]
    return numbers, np.asarray(finite[~kinds.may_be_null].all(axis=0))


class _Kinds(NamedTuple):
    """Kinds of m fields: (m, 1) places, without those of the unit; (m, 1) 1 where these are added; (m,) may be null."""

    places: NDArray[np.int64]
    of_unit: NDArray[np.int64]
    may_be_null: NDArray[np.bool_]


@functools.cache
def _kinds(struct: type[msgspec.Struct], names: tuple[str, ...]) -> _Kinds:
    fields = fields_with_numbers(struct)
    at = [fields.names.index(name) for name in names]
    whole_units, tenths = Digits(0, EXPECTATION_MORE, 0, 0), Digits(1, EXPECTATION_MORE + 1, 0, 0)
    places = np.array([[whole_units[fields.positions[i]]] for i in at], np.int64)
    of_unit = np.array([[tenths[fields.positions[i]]] for i in at], np.int64) - places
    return _Kinds(places, of_unit, np.array([fields.may_be_null[i] for i in at], np.bool_))


def round_expectations(values: Floats, decimals: NDArray[np.int64]) -> tuple[Floats, NDArray[np.bool_]]:
    """Arrays of expectations of k rows (k, ...) for units with ``decimals`` (k,), and (k,) whether all are finite."""
    out, finite = np.empty(values.shape), np.empty(decimals.size, np.bool_)
    table = np.ascontiguousarray(values).reshape(decimals.size, math.prod(values.shape[1:]))
    round_rows_of(table, decimals + EXPECTATION_MORE, out.reshape(table.shape), finite)
    return out, finite


@kernel
def round_rows_of(values: Floats, places: NDArray[np.int64], out: Floats, finite: NDArray[np.bool_]) -> None:
    """Fill ``out`` (k, n) with ``values`` (k, n) to the decimals ``places`` (k,); ``finite`` (k,): all of a row are."""
    for k in range(values.shape[0]):
        finite[k] = round_array(values[k], places[k], out[k])


@kernel
def round_exactly(
    values: Floats, places: NDArray[np.int64], out: Floats, exact: NDArray[np.bool_]
) -> tuple[bool, bool]:
    """Fill ``out`` (m, k) with ``values`` (m, k) to ``places`` (m, k), see `published_numbers.round_number`.

    ``exact`` (m, k) says where that is certain: not for very large or small numbers, nor where the digits after the
    last one seem to be a half. Returns whether all numbers are finite, and whether all results are certain.
    """
    all_finite, all_exact = True, True
    for i in range(values.shape[0]):
        for k in range(values.shape[1]):
            value = values[i, k]
            size, digits = abs(value), places[i, k]
            if value % 1.0 == 0.0 or not np.isfinite(value):
                out[i, k], exact[i, k] = value + 0.0, True
                all_finite &= np.isfinite(value)
                continue
            if digits < 0:
                digits = -digits + 9 - np.searchsorted(_POWERS, size, "right")
            exact[i, k] = _POWERS[0] <= size < _POWERS[-1] and 0 <= digits < _TENS.size
            if exact[i, k]:
                scaled = size * _TENS[digits]
                rest = scaled - np.floor(scaled)
                exact[i, k] = scaled < _EXACT_MAX and abs(rest - 0.5) > scaled * _HALF_ERROR
                out[i, k] = np.copysign(np.rint(scaled) / _TENS[digits], value) + 0.0
            else:
                out[i, k] = value
            all_exact &= exact[i, k]
    return all_finite, all_exact
