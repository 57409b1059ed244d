"""Field descriptions derived from the contract types: limits for the decoders, and texts for dead letters."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, get_type_hints

import msgspec
from msgspec import inspect

from sensing.contracts.common import SUBJECT_BYTES_MAX, EventTime
from sensing.contracts.currencies import CODES

TIME_REQUIRED = "RFC 3339 time with offset, or whole milliseconds since 1970-01-01T00:00:00Z; from 1990 to 9999"
TIME_OR_NONE_REQUIRED = f"{TIME_REQUIRED}, or none, 0 or an RFC 3339 time from 1970 on for a record of long standing"


class Field(NamedTuple):
    """One field of an event type."""

    name: str
    required: bool
    annotation: Any
    type: inspect.Type
    is_time: bool
    text: str
    """Requirement as text."""
    bytes_max: int | None
    """Limit of an identifier in bytes; None for other fields."""


@cache
def fields_of(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    """Fields of an event type in the order of the contract: identity and time first."""
    described = inspect.type_info(struct)
    assert isinstance(described, inspect.StructType)
    annotations = get_type_hints(struct, include_extras=True)
    return tuple(_field(field, annotations[field.name]) for field in described.fields)


def _field(field: inspect.Field, annotation: Any) -> Field:
    plain = unwrapped(field.type)
    is_time = annotation in (EventTime, EventTime | None)
    return Field(
        name=field.name,
        required=field.required,
        annotation=annotation,
        type=plain,
        is_time=is_time,
        text=in_words(plain) if not is_time else TIME_REQUIRED if field.required else TIME_OR_NONE_REQUIRED,
        bytes_max=bytes_max(plain),
    )


def unwrapped(described: inspect.Type) -> inspect.Type:
    """The type without descriptions and without "or null"."""
    while True:
        if isinstance(described, inspect.Metadata):
            described = described.type
        elif isinstance(described, inspect.UnionType):
            described = next(each for each in described.types if not isinstance(each, inspect.NoneType))
        else:
            return described


def bytes_max(described: inspect.Type) -> int | None:
    """Limit in bytes of an identifier. None for other types, and for free text, which is limited in characters."""
    most = described.max_length if isinstance(described, inspect.StrType) else None
    return most if most is not None and most <= SUBJECT_BYTES_MAX else None


def in_words(described: inspect.Type) -> str:
    """Requirement of a type, as text."""
    match unwrapped(described):
        case inspect.LiteralType(values=values) if set(values) == set(CODES):
            return "ISO 4217 code of a currency, such as EUR"
        case inspect.StrType(min_length=least, max_length=most) as text:
            span = f"{most}" if least == most else f"{least} to {most}" if least else f"at most {most}"
            return f"text of {span} {'bytes, no control characters' if bytes_max(text) else 'characters'}"
        case inspect.FloatType() | inspect.IntType() as number:
            return f"{'number' if isinstance(number, inspect.FloatType) else 'whole number'}{_bounds(number)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.DateType():
            return "date YYYY-MM-DD"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
        case inspect.ListType(item_type=item, max_length=most):
            return f"list{_at_most(most)}, each a {in_words(item)}"
        case inspect.DictType(key_type=key, value_type=value, max_length=most):
            return f"object{_at_most(most)} from {in_words(key)} to {in_words(value)}"
        case inspect.StructType(fields=fields):
            return f"object with {', '.join(field.name for field in fields)}"
        case other:
            msg = f"contract field: required a type that messages can hold, got {other!r}; add it to in_words"
            raise TypeError(msg)


def _at_most(most: int | None) -> str:
    return "" if most is None else f" of at most {most}"


def _bounds(number: inspect.FloatType | inspect.IntType) -> str:
    limits = {">": number.gt, ">=": number.ge, "<=": number.le}
    bounds = [f"{sign} {int(at) if at == int(at) else at}" for sign, at in limits.items() if at is not None]
    return f" {' and '.join(bounds)}" if bounds else ""


def at_path(described: inspect.Type, path: str) -> inspect.Type:
    """The type at a path such as ``[0].date`` or ``[...]`` below a type."""
    described = unwrapped(described)
    while path:
        if path.startswith("["):
            assert isinstance(described, inspect.ListType | inspect.DictType)
            path = path.partition("]")[2]
            inner = described.item_type if isinstance(described, inspect.ListType) else described.value_type
        else:
            assert isinstance(described, inspect.StructType)
            name = path[1:].partition(".")[0].partition("[")[0]
            path = path[1 + len(name) :]
            inner = next(field.type for field in described.fields if field.encode_name == name)
        described = unwrapped(inner)
    return described


def texts_in(described: inspect.Type, value: Any) -> Iterator[tuple[inspect.StrType, str]]:
    """All texts in a decoded value, keys of objects included, each with its type."""
    match unwrapped(described):
        case inspect.StrType() as text:
            if value is not None:
                yield text, value
        case inspect.ListType(item_type=item):
            for each in value or ():
                yield from texts_in(item, each)
        case inspect.DictType(key_type=key, value_type=inner):
            for name, each in (value or {}).items():
                yield from texts_in(key, name)
                yield from texts_in(inner, each)
        case inspect.StructType(fields=fields) if value is not None:
            for field in fields:
                yield from texts_in(field.type, getattr(value, field.name))
