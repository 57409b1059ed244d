"""Rounding of output records: the one place that decides how many digits a published number has.

The outbox calls it for every record. The kind of each field (`sensing.contracts.number_kinds`) and the decimals and
currencies that the record states give its digits. What is not finite never leaves: it becomes null where the field may
be null, else the record is refused. Parts that many records have alike are rounded by column before
(`sensing.rounded_columns`), with the same result.
"""

import functools
import math
import operator
from collections.abc import Callable, Collection, Sequence
from math import floor, isfinite, log10
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import inspect
from numpy.typing import NDArray

from sensing.contracts.number_kinds import (
    DURATION_DECIMALS,
    EXACT,
    EXPECTATION_MORE,
    MEASURE_DIGITS,
    RATIO_DIGITS,
    currency_decimals,
)
from sensing.contracts.reference import DECIMALS_MAX
from sensing.jit import kernel

PLAIN = "expectation"
"""Kind of numbers without one."""


class NotFiniteError(ValueError):
    """A number that may not be null is NaN or infinite."""


class Digits(NamedTuple):
    """Decimals of the kinds of numbers in one record; negative: significant digits. Exact numbers are not rounded."""

    quantity: int
    expectation: int
    money: int
    base_money: int
    duration: int = DURATION_DECIMALS
    ratio: int = -RATIO_DIGITS
    measure: int = -MEASURE_DIGITS


Round = Callable[[Any, Digits], Any]


def digits_of(record: Any) -> Digits:
    """Digits of a record, from the decimals and the currencies that it states."""
    return _digits(
        getattr(record, "decimals", DECIMALS_MAX),
        getattr(record, "currency", None),
        getattr(record, "base_currency", None),
    )


@functools.lru_cache(256)
def _digits(unit: int, currency: str | None, base_currency: str | None) -> Digits:
    return Digits(unit, unit + EXPECTATION_MORE, currency_decimals(currency), currency_decimals(base_currency))


def round_record(record: msgspec.Struct, rounded: Collection[str] = ()) -> None:
    """Round all numbers of an output record in place; structs in it are replaced, not changed.

    ``rounded`` are fields whose numbers are rounded already.

    Raises
    ------
    NotFiniteError
        A number that may not be null is NaN or infinite.
    """
    for name, value in _changes(record, digits_of(record), rounded).items():
        setattr(record, name, value)


def round_number(value: float, places: int) -> float:
    """A finite number to ``places`` decimals or, if negative, significant digits. Zero has no sign."""
    if value % 1.0 == 0.0:
        return value + 0.0
    if places < 0:
        places = -places - 1 - floor(log10(abs(value)))
    return round(value, places) + 0.0


def round_rows(values: NDArray[np.float64], decimals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers of n rows, of one dimension or more, to the decimals (n,) of each row."""
    out = np.array(values, np.float64)
    for places in np.unique(decimals).tolist():
        of_places = decimals == places
        out[of_places] = np.round(out[of_places], int(places))
    return out


class Fields(NamedTuple):
    """Fields of a struct with numbers in them: those that are numbers, and the others with how they are rounded.

    Of numbers: names, positions of their kinds in `Digits`, whether each may be null, and the getter of all values.
    """

    names: tuple[str, ...]
    positions: tuple[int, ...]
    may_be_null: tuple[bool, ...]
    get: Callable[[msgspec.Struct], Sequence[Any]]
    others: tuple[tuple[str, Round], ...]


@functools.cache
def fields_with_numbers(struct: type[msgspec.Struct]) -> Fields:
    """Fields of a type of structs with numbers in them."""
    info: Any = inspect.type_info(struct)
    numbers: list[tuple[str, int, bool]] = []
    others: list[tuple[str, Round]] = []
    for field in info.fields:
        number = _number(field.type)
        if number is not None:
            kind, may_be_null = number
            numbers.append((field.name, Digits._fields.index(kind), may_be_null))
        elif (rounder := _rounder(field.type, PLAIN)) is not None:
            others.append((field.name, rounder))
    names, positions, null = (tuple(column) for column in zip(*numbers, strict=True)) if numbers else ((), (), ())
    return Fields(names, positions, null, _getter(list(names)), tuple(others))


def _getter(names: list[str]) -> Callable[[Any], Sequence[Any]]:
    """Getter of the values of fields."""
    if len(names) > 1:
        return operator.attrgetter(*names)
    return lambda value: [getattr(value, name) for name in names]


def _number(type_info: Any) -> tuple[str, bool] | None:
    """Kind of a number, and whether it may be null; None if the type is not a number."""
    kind, may_be_null = PLAIN, False
    while isinstance(type_info, inspect.Metadata | inspect.UnionType):
        if isinstance(type_info, inspect.Metadata):
            kind, type_info = (type_info.extra or {}).get("kind", kind), type_info.type
        elif type_info.includes_none and len(type_info.types) == 2:
            type_info = next(each for each in type_info.types if not isinstance(each, inspect.NoneType))
            may_be_null = True
        else:
            return None
    return (kind, may_be_null) if isinstance(type_info, inspect.FloatType) and kind != EXACT else None


def _changes(value: msgspec.Struct, digits: Digits, rounded_fields: Collection[str] = ()) -> dict[str, Any]:
    """Fields of a struct that rounding changes, and their new values; ``rounded_fields`` are left out."""
    names, positions, may_be_null, get, others = fields_with_numbers(type(value))
    changes: dict[str, Any] = {}
    for at, number in enumerate(get(value)):
        if number is None or (number % 1.0 == 0.0 and number != 0.0 and type(number) is float):
            continue  # most numbers are whole, and rounding would not change them
        if isfinite(number):
            rounded = round_number(float(number), digits[positions[at]])
            if rounded != number or type(number) is not float or rounded == 0.0:  # zero may have had a sign
                changes[names[at]] = rounded
        elif may_be_null[at]:
            changes[names[at]] = None
        else:
            raise NotFiniteError(names[at])
    for name, rounder in others:
        if name in rounded_fields:
            continue
        part = getattr(value, name)
        if part is not None:
            rounded = rounder(part, digits)
            if rounded is not part:
                changes[name] = rounded
    return changes


def _rounder(type_info: Any, kind: str) -> Round | None:
    """How values of a type are rounded; None if there are no numbers in them."""
    if isinstance(type_info, inspect.Metadata):
        return _rounder(type_info.type, (type_info.extra or {}).get("kind", kind))
    if isinstance(type_info, inspect.FloatType):
        return None if kind == EXACT else _float_rounder(kind)
    if isinstance(type_info, inspect.UnionType):
        return _union_rounder(type_info, kind)
    if isinstance(type_info, inspect.StructType):
        fields = fields_with_numbers(type_info.cls)
        return _round_struct if fields.names or fields.others else None
    if isinstance(type_info, inspect.ListType):
        of_item = _rounder(type_info.item_type, kind)
        return None if of_item is None else _list_rounder(of_item, type_info)
    if isinstance(type_info, inspect.DictType):
        of_value = _rounder(type_info.value_type, kind)
        if of_value is not None:
            return lambda values, digits: {key: of_value(value, digits) for key, value in values.items()} or values
    return None


def _float_rounder(kind: str) -> Round:
    position = Digits._fields.index(kind)

    def rounder(value: float, digits: Digits) -> float:
        if not isfinite(value):
            raise NotFiniteError(kind)
        return round_number(float(value), digits[position])

    return rounder


def _union_rounder(union: Any, kind: str) -> Round | None:
    """Rounder of a value that may be null, or of several types. If it may be null, what is not finite becomes null."""
    of_type: dict[type, Round] = {}
    for each in union.types:
        rounder = _rounder(each, kind)
        if rounder is not None:
            inner: Any = each.type if isinstance(each, inspect.Metadata) else each
            of_type[_TYPES[type(inner)]] = rounder
    if not of_type:
        return None
    may_be_null = union.includes_none  # looked up once: it searches all types

    def round_value(value: Any, digits: Digits) -> Any:
        if value is None or (may_be_null and isinstance(value, float) and not isfinite(value)):
            return None
        for of, rounder in of_type.items():
            if isinstance(value, of):
                return rounder(value, digits)
        return value

    return round_value


_TYPES: dict[type, type] = {
    inspect.FloatType: float, inspect.StructType: msgspec.Struct, inspect.ListType: list, inspect.DictType: dict,
}  # fmt: skip
"""Types of values in unions that have numbers in them."""


def _round_struct(value: msgspec.Struct, digits: Digits) -> msgspec.Struct:
    changes = _changes(value, digits)
    return msgspec.structs.replace(value, **changes) if changes else value


def _list_rounder(of_item: Round, type_info: Any) -> Round:
    """Rounder of a list. The engine keeps forecasts as arrays, of one or two dimensions, which stay arrays."""
    while isinstance(type_info, inspect.ListType):
        type_info = type_info.item_type
    kind = (type_info.extra or {}).get("kind", PLAIN) if isinstance(type_info, inspect.Metadata) else PLAIN
    position = Digits._fields.index(kind)

    def rounder(values: Any, digits: Digits) -> Any:
        if not isinstance(values, np.ndarray):
            return [of_item(value, digits) for value in values] or values
        out = np.empty_like(values)
        if not round_array(values.reshape(-1), digits[position], out.reshape(-1)):
            raise NotFiniteError(kind)
        return out

    return rounder


@kernel
def round_array(values: NDArray[np.float64], places: int, out: NDArray[np.float64]) -> bool:
    """Fill ``out`` (n,) with ``values`` (n,) to decimals of at least 0; whether all are finite. Zeros have no sign."""
    factor, finite = 1.0, True
    for _ in range(places):
        factor *= 10.0
    for i in range(values.size):
        finite &= math.isfinite(values[i])
        out[i] = np.rint(values[i] * factor) / factor + 0.0
    return finite
