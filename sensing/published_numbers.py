"""Rounding of output records: the one place that decides how many digits a published number has.

The outbox calls it for every record. The kind of each field (`sensing.contracts.number_kinds`) and the decimals and
currencies that the record states give its digits. What is not finite never leaves: it becomes null where the field may
be null, else the record is refused.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import inspect
from numpy.typing import NDArray

from sensing.contracts.number_kinds import (
    DURATION_DECIMALS,
    EXPECTATION_MORE,
    MEASURE_DIGITS,
    RATIO_DIGITS,
    currency_decimals,
)
from sensing.contracts.reference import DECIMALS_MAX

PLAIN = "expectation"
"""Kind of numbers without one."""


class NotFiniteError(ValueError):
    """A number that may not be null is NaN or infinite."""


class Digits(NamedTuple):
    """Decimals of the kinds of numbers in one record; negative: significant digits; None: as they are."""

    quantity: int
    expectation: int
    money: int
    base_money: int
    duration: int = DURATION_DECIMALS
    ratio: int = -RATIO_DIGITS
    measure: int = -MEASURE_DIGITS
    exact: int | None = None


Round = Callable[[Any, Digits], Any]


def digits_of(record: Any) -> Digits:
    """Digits of a record, from the decimals and the currencies that it states."""
    unit = getattr(record, "decimals", DECIMALS_MAX)
    money, base_money = (currency_decimals(getattr(record, name, None)) for name in ("currency", "base_currency"))
    return Digits(unit, unit + EXPECTATION_MORE, money, base_money)


def round_record(record: msgspec.Struct) -> None:
    """Round all numbers of an output record in place; structs in it are replaced, not changed.

    Raises
    ------
    NotFiniteError
        A number that may not be null is NaN or infinite.
    """
    digits = digits_of(record)
    for name, rounder in _fields(type(record)):
        setattr(record, name, rounder(getattr(record, name), digits))


def round_number(value: float, places: int | None) -> float:
    """A finite number to ``places`` decimals or, if negative, significant digits; None: as it is. Zero has no sign."""
    if places is not None and not value.is_integer():
        if places < 0:
            places = -places - 1 - math.floor(math.log10(abs(value)))
        value = round(value, places)
    return value + 0.0


def round_rows(values: NDArray[np.float64], decimals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers of n rows, of one dimension or more, to the decimals (n,) of each row."""
    out = np.array(values, np.float64)
    for places in np.unique(decimals).tolist():
        of_places = decimals == places
        out[of_places] = np.round(out[of_places], int(places))
    return out


@functools.cache
def _fields(struct: type[msgspec.Struct]) -> tuple[tuple[str, Round], ...]:
    """Fields of a struct that have numbers in them, and how each is rounded."""
    info: Any = inspect.type_info(struct)
    found = ((field.name, _rounder(field.type, PLAIN)) for field in info.fields)
    return tuple((name, rounder) for name, rounder in found if rounder is not None)


def _rounder(type_info: Any, kind: str) -> Round | None:
    """How values of a type are rounded; None if there are no numbers in them."""
    if isinstance(type_info, inspect.Metadata):
        return _rounder(type_info.type, (type_info.extra or {}).get("kind", kind))
    if isinstance(type_info, inspect.FloatType):
        return _float_rounder(kind)
    if isinstance(type_info, inspect.UnionType):
        return _union_rounder(type_info, kind)
    if isinstance(type_info, inspect.StructType):
        return _round_struct if _fields(type_info.cls) else None
    if isinstance(type_info, inspect.ListType):
        of_item = _rounder(type_info.item_type, kind)
        return None if of_item is None else _list_rounder(of_item, type_info)
    if isinstance(type_info, inspect.DictType):
        of_value = _rounder(type_info.value_type, kind)
        if of_value is not None:
            return lambda values, digits: {key: of_value(value, digits) for key, value in values.items()}
    return None


def _float_rounder(kind: str) -> Round:
    position = Digits._fields.index(kind)

    def rounder(value: float, digits: Digits) -> float:
        if not math.isfinite(value):
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
        if value is None or (may_be_null and isinstance(value, float) and not math.isfinite(value)):
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
    changed = {name: rounder(getattr(value, name), digits) for name, rounder in _fields(type(value))}
    return msgspec.structs.replace(value, **changed)


def _list_rounder(of_item: Round, type_info: Any) -> Round:
    """Rounder of a list. The engine keeps forecasts as arrays, of one or two dimensions, which stay arrays."""
    while isinstance(type_info, inspect.ListType):
        type_info = type_info.item_type
    kind = (type_info.extra or {}).get("kind", PLAIN) if isinstance(type_info, inspect.Metadata) else PLAIN
    position = Digits._fields.index(kind)

    def rounder(values: Any, digits: Digits) -> Any:
        if not isinstance(values, np.ndarray):
            return [of_item(value, digits) for value in values]
        if not np.isfinite(values).all():
            raise NotFiniteError(kind)
        places = digits[position]
        return values if places is None else np.round(values, places) + 0.0

    return rounder
