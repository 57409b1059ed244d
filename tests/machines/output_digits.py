"""Checker of output records: which numbers have more digits than their unit, currency or kind carries.

It walks a record by its contract. It counts the decimals that are written, so it does not share the engine's rounding.
"""

import typing
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import orjson

from sensing.contracts.topic_registry import published
from sensing.outputs import OutputRecord

MORE = {"quantity": 0, "expectation": 3}
DECIMALS = {"duration": 2, "exact": 3}
DIGITS = {"ratio": 4, "measure": 6}
CURRENCIES = {"JPY": 0, "KRW": 0, "KWD": 3}
STRUCTS = {name: struct for spec in published() for name, struct in spec.sent.items()}


def excess_of(records: Iterable[OutputRecord]) -> set[str]:
    """Fields of records, and a value of each, that have too many digits."""
    found: dict[str, str] = {}
    for record in records:
        if record.data:
            document = orjson.loads(record.data)
            found.update(excess_digits(STRUCTS[record.type], document))
    return {f"{path} = {value}" for path, value in found.items()}


def excess_digits(struct: type[msgspec.Struct], document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Paths and values of the numbers of a document that have too many digits."""
    unit = document.get("decimals", 3)
    money = {name: CURRENCIES.get(document.get(of) or "", 2)
             for name, of in (("money", "currency"), ("base_money", "base_currency"))}  # fmt: skip
    yield from _walk(struct.__name__, struct, "expectation", document, unit, money)


def _walk(path: str, hint: Any, kind: str, value: Any, unit: int, money: dict[str, int]) -> Iterator[tuple[str, str]]:
    if typing.get_origin(hint) is typing.Annotated:
        of, *metas = typing.get_args(hint)
        kinds = [meta.extra["kind"] for meta in metas if isinstance(meta, msgspec.Meta) and meta.extra]
        yield from _walk(path, of, kinds[-1] if kinds else kind, value, unit, money)
    elif isinstance(value, dict) and (struct := _struct_of(hint, value)) is not None:
        hints = typing.get_type_hints(struct, include_extras=True)
        for name, each in value.items():
            yield from _walk(f"{path}.{name}", hints.get(name, str), "expectation", each, unit, money)
    elif isinstance(value, float):
        # A union of kinds gives the kind of its number.
        yield from _excess(path, _kind_in(hint) or kind, value, unit, money)
    elif isinstance(value, dict | list):
        of = next((each for each in (hint, *typing.get_args(hint)) if typing.get_origin(each) is type(value)), None)
        inner = Any if of is None else typing.get_args(of)[-1]
        for each in value.values() if isinstance(value, dict) else value:
            yield from _walk(path, inner, kind, each, unit, money)


def _struct_of(hint: Any, value: dict[str, Any]) -> type[msgspec.Struct] | None:
    """The struct of a value that may be one of several: the one that has all its fields."""
    for each in (hint, *typing.get_args(hint)):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            config = each.__struct_config__
            names = {*each.__struct_encode_fields__, config.tag_field}
            if value.keys() <= names and value.get(config.tag_field or "", config.tag) == config.tag:
                return each
    return None


def _kind_in(hint: Any) -> str | None:
    for each in typing.get_args(hint):
        for meta in typing.get_args(each)[1:] if typing.get_origin(each) is typing.Annotated else ():
            if isinstance(meta, msgspec.Meta) and meta.extra:
                return str(meta.extra["kind"])
    return None


def _excess(path: str, kind: str, value: float, unit: int, money: dict[str, int]) -> Iterator[tuple[str, str]]:
    written = Decimal(repr(value)).normalize()
    exponent = int(written.as_tuple().exponent)
    digits = len(written.as_tuple().digits)
    if kind in DIGITS:
        allowed = exponent >= 0 or digits <= DIGITS[kind]
    else:
        most = unit + MORE[kind] if kind in MORE else money[kind] if kind in money else DECIMALS[kind]
        allowed = -exponent <= most
    if not allowed:
        yield f"{path} ({kind})", repr(value)
