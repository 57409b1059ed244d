"""Scan tables: fields and kinds of each topic as arrays for the scanner, generated from the contract types.

Messages with a field that has no rule are left to the careful decoder. So a contract may get new fields without a
change here.
"""

from enum import IntEnum
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import inspect
from numpy.typing import NDArray

from sensing.codec.columns import KINDS, VERSIONED
from sensing.codec.contract_fields import Field, fields_of
from sensing.codec.swar import WORD
from sensing.codec.text_table import EventTexts
from sensing.codec.thousandths import exact_thousandths
from sensing.contracts.common import VERSION_LAST
from sensing.contracts.currencies import CODES
from sensing.contracts.orders import DemandDaily
from sensing.contracts.topic_registry import INPUTS
from sensing.contracts.topic_spec import event_type

NAME_BYTES_MAX = 15
"""Names are read as two words, including the closing quote."""

TAG_WORDS = 3
TEXT_BYTES_MAX = 1 << 16
SLOTS = 64
SLOT_SHIFT = np.uint64(58)
KEY_SEED = np.uint64(0x9E3779B97F4A7C15)
MULTIPLIERS_MAX = 10_000


SCANNED = tuple(struct for struct in KINDS if struct is not DemandDaily)
"""Types that the scanner takes. Daily sums are read once, in an opening state; the careful decoder reads them."""


class Rule(IntEnum):
    """What the scanner does with the value of a field."""

    UNSURE = 0
    TYPE = 1
    TIME = 2
    TEXT = 3  # a text of the record's entry
    CURRENCY = 4
    CUSTOMER = 5  # a text of the record's entry that is hashed as well
    PROMOTION = 6  # a text; the record only stores whether it was given
    CHECKED = 7  # a text that is not stored
    QUANTITY = 8
    PRICE = 9
    VERSION = 10
    DATE = 11
    UNIT = 12
    OPEN = 13


TEXT, REAL, WHOLE, DATE = inspect.StrType, inspect.FloatType, inspect.IntType, inspect.DateType
RULES: dict[str, tuple[Rule, type[inspect.Type]]] = {
    "event_time": (Rule.TIME, inspect.DateTimeType),
    "event_id": (Rule.TEXT, TEXT),
    "sku": (Rule.TEXT, TEXT),
    "location": (Rule.TEXT, TEXT),
    "order_id": (Rule.TEXT, TEXT),
    "line": (Rule.TEXT, TEXT),
    "unit_of_measure": (Rule.UNIT, TEXT),
    "quantity": (Rule.QUANTITY, REAL),
    "unit_price": (Rule.PRICE, REAL),
    "quantity_open": (Rule.OPEN, REAL),
    "line_version": (Rule.VERSION, WHOLE),
    "requested_date": (Rule.DATE, DATE),
    "customer": (Rule.CUSTOMER, TEXT),
    "promotion": (Rule.PROMOTION, TEXT),
    "currency": (Rule.CURRENCY, inspect.LiteralType),
}
"""Fields that records store: their rule, and the type that the rule requires."""

BITS = {name: np.uint64(1 << at) for at, name in enumerate(("event_type", *RULES))}
"""A bit for every field that records store. A topic's other fields have the bits after them."""

FIELD = np.dtype(
    [
        ("low", "u8"),  # the name's first eight bytes, zero-padded
        ("high", "u8"),  # the eight bytes after them
        ("bit", "u8"),
        ("rule", "i8"),
        ("least", "i8"),  # of a text in bytes, of a number in units
        ("most", "i8"),
        ("to", "i8"),  # of a text in the record's entry: where its span is
    ]
)
KIND = np.dtype(
    [
        ("tag", "u8", (TAG_WORDS,)),  # the event type, zero-padded
        ("kind", "i8"),
        ("required", "u8"),  # bits of the fields
        ("above", "f8"),  # limits of the quantity
        ("least", "f8"),
        ("most", "f8"),
        ("quantity", "i8"),  # thousandths where none is given
        ("version", "i8"),  # where none is given; 0: always 1
        ("foreign", "u8"),  # bits of stored fields that the kind does not have
    ]
)

CODE_BYTES = 3
"""Length of a currency code."""
LETTERS = 26
FIRST_LETTER = ord("A")


def _currency_bits() -> NDArray[np.uint32]:
    bits = np.zeros(LETTERS**2, np.uint32)
    for code in CODES:
        first, second, third = (ord(letter) - FIRST_LETTER for letter in code)
        bits[first * LETTERS + second] |= np.uint32(1 << third)
    return bits


CURRENCY_BITS = _currency_bits()
"""By the first two letters of a currency code: a bit for each third letter."""


class Table(NamedTuple):
    """Scan table of one topic.

    Attributes
    ----------
    fields
        FIELD (``SLOTS``,), each at the slot of its name; unused slots are zero.
    kinds
        KIND, one for every frequent kind.
    multiplier
        Hash multiplier that gives every name its own slot.
    unit
        Default unit of measure.
    """

    fields: NDArray[Any]
    kinds: NDArray[Any]
    multiplier: np.uint64
    unit: bytes


def table_of(topic: str) -> Table | None:
    """Scan table of a topic; None if it has no frequent kinds.

    Raises
    ------
    TypeError
        A stored field has a type that the scanner cannot read, or kinds differ in a field's type.
    """
    structs = [struct for struct in INPUTS[topic] if struct in SCANNED]
    if not structs:
        return None
    named: dict[str, list[tuple[Field, inspect.Field]]] = {}
    for struct in structs:
        for field, described in _fields(struct):
            named.setdefault(field.name, []).append((field, described))
    words = {name: name_words(name) for name in ("event_type", *named)}
    multiplier = _multiplier(list(words.values()))
    bits = BITS | {name: np.uint64(1 << len(BITS) + at) for at, name in enumerate(sorted(named.keys() - BITS.keys()))}
    fields = np.zeros(SLOTS, FIELD)
    for name, (low, high) in words.items():
        rest = _rest(name, named[name]) if name in named else (Rule.TYPE, 1, TEXT_BYTES_MAX, 0)
        fields[slot_of(low, high, multiplier)] = (low, high, bits[name], *rest)
    units = {described.default for _, described in named["unit_of_measure"]}
    kinds = np.array([_kind(struct, bits) for struct in structs], KIND)
    return Table(fields, kinds, multiplier, units.pop().encode())


def name_words(name: str) -> tuple[np.uint64, np.uint64]:
    """The name of a field as two zero-padded words.

    Raises
    ------
    TypeError
        It is longer than ``NAME_BYTES_MAX``.
    """
    low, high = _padded_words(name, NAME_BYTES_MAX, 2)
    return low, high


def _padded_words(text: str, bytes_max: int, count: int) -> tuple[np.uint64, ...]:
    encoded = text.encode()
    if len(encoded) > bytes_max:
        msg = f"scanner: required names of at most {bytes_max} bytes, got {text!r}; give its table more words"
        raise TypeError(msg)
    padded = encoded.ljust(count * WORD, b"\0")
    return tuple(np.uint64(int.from_bytes(padded[at : at + WORD], "little")) for at in range(0, len(padded), WORD))


def slot_of(low: np.uint64, high: np.uint64, multiplier: np.uint64) -> int:
    """Slot of a name given as two words; the kernel ``scan.slot`` in plain integers."""
    return (int(low) ^ int(high) * int(KEY_SEED)) * int(multiplier) % 2**64 >> int(SLOT_SHIFT)


def _multiplier(names: list[tuple[np.uint64, np.uint64]]) -> np.uint64:
    """An odd number that gives each name its own slot."""
    for at in range(1, MULTIPLIERS_MAX):
        multiplier = np.uint64(int(KEY_SEED) * (2 * at + 1) % 2**64)
        if len({slot_of(low, high, multiplier) for low, high in names}) == len(names):
            return multiplier
    msg = f"scanner: required slots for {len(names)} names, got none in {MULTIPLIERS_MAX} tries; raise SLOTS"
    raise TypeError(msg)


def _fields(struct: type[msgspec.Struct]) -> list[tuple[Field, inspect.Field]]:
    """Fields as described by the codec and by msgspec."""
    described = inspect.type_info(struct)
    assert isinstance(described, inspect.StructType)
    return list(zip(fields_of(struct), described.fields, strict=True))


def _rest(name: str, alike: list[tuple[Field, inspect.Field]]) -> tuple[int, ...]:
    """Values of FIELD from ``rule`` on, for a field that is the same in all kinds that have it."""
    found = {_of_one(field) for field, _ in alike}
    if len(found) != 1:
        msg = (
            f"scanner: required one type of {name} for all frequent kinds of a topic, got {len(found)}; split its rule"
        )
        raise TypeError(msg)
    return found.pop()


def _of_one(field: Field) -> tuple[int, ...]:
    other = Rule.CHECKED if isinstance(field.type, TEXT) else Rule.UNSURE
    rule, required = RULES.get(field.name, (other, inspect.Type))
    if not isinstance(field.type, required):
        msg = f"scanner: required {field.name} of type {required.__name__}, got {field.type!r}; change its rule"
        raise TypeError(msg)
    if any(getattr(field.type, limit, None) is not None for limit in ("pattern", "lt", "multiple_of")):
        rule = Rule.UNSURE  # Limits that the scanner does not know.
    least, most = (0, 0) if rule in (Rule.UNSURE, Rule.QUANTITY) else _limits(field.type)
    to = 2 * EventTexts._fields.index(field.name) if rule in (Rule.TEXT, Rule.CUSTOMER) else 0
    return rule, least, most, to


def _limits(described: inspect.Type) -> tuple[int, int]:
    """Minimum and maximum of a field. Limits of quantities depend on the kind and are not here."""
    match described:
        case inspect.StrType(min_length=least, max_length=most):
            return least or 0, TEXT_BYTES_MAX if most is None else most
        case inspect.LiteralType():  # a currency
            return CODE_BYTES, CODE_BYTES
        case inspect.FloatType(gt=None, ge=least, le=most) | inspect.IntType(gt=None, ge=least, le=most):
            if least is not None and most is not None and least == int(least) and most == int(most):
                return int(least), int(most)
            msg = f"scanner: required whole limits >= and <= of a number, got {described!r}; give it a rule of its own"
            raise TypeError(msg)
    return 0, 0


def _kind(struct: type[msgspec.Struct], bits: dict[str, np.uint64]) -> tuple[Any, ...]:
    """Values of KIND."""
    fields = {field.name: (field, described) for field, described in _fields(struct)}
    required = sum(int(bits[name]) for name, (field, _) in fields.items() if field.required)
    quantity, described = fields["quantity"]
    assert isinstance(quantity.type, inspect.FloatType)
    limits = [
        missing if limit is None else limit
        for limit, missing in ((quantity.type.gt, -np.inf), (quantity.type.ge, -np.inf), (quantity.type.le, np.inf))
    ]
    version = 0
    if KINDS[struct] in VERSIONED:
        default = fields["line_version"][1].default
        version = default if isinstance(default, int) else VERSION_LAST
    tag = _padded_words(event_type(struct), TAG_WORDS * WORD, TAG_WORDS)
    assumed = 0 if quantity.required else exact_thousandths(float(described.default))
    foreign = sum(int(bits[name]) for name in RULES if name not in fields)
    return tag, KINDS[struct], required, *limits, assumed, version, foreign
