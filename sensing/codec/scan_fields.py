"""Scanner kernels for known fields: read and store their values, and fill in defaults at the end of a message.

As in ``plain``, -1 means "not sure".
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec import plain_times
from sensing.codec.event_record import EVENT, PROMOTED, THOUSANDTHS
from sensing.codec.instants import INSTANT_MAX, INSTANT_MIN
from sensing.codec.plain_json import BLANK, NULL, QUOTE, byte_at, hash_text, number, text_end
from sensing.codec.scan_table import BITS, CURRENCY_BITS, FIRST_LETTER, LETTERS, TAG_WORDS, Rule
from sensing.codec.swar import WORD, Bytes, below, byte_of, whole, word_at
from sensing.jit import lean_kernel

Row = NDArray[np.uint64]
Wholes = NDArray[np.int64]
Reals = NDArray[np.float64]


def _place(field: str) -> tuple[int, int]:
    """Word of a column and the bit of the word at which it begins."""
    offset = EVENT.fields[field][1]  # type: ignore[index]  # EVENT is a record dtype, so it has fields
    return offset // WORD, offset % WORD * 8


(TIME_AT, _), (QUANTITY_AT, _), (PRICE_AT, _), (PARTY_AT, _), (OFFSET_AT, _), (UNIT_AT, _) = map(
    _place, ("time", "quantity", "price", "party", "offset", "unit")
)
(VERSION_AT, VERSION_BIT), (DAY_AT, DAY_BIT), (KIND_AT, KIND_BIT), (FLAGS_AT, FLAGS_BIT) = map(
    _place, ("version", "requested_day", "kind", "flags")
)
CURRENCY_AT, CURRENCY_BIT = _place("currency")
OPEN_AT, _ = _place("quantity_open")
CURRENCY_SHIFT = np.uint64(CURRENCY_BIT)
DAY_MASK = 0xFFFFFFFF

TIME, KEPT, UNIT, CURRENCY, CUSTOMER, PROMOTION, PRICE, OPEN, UNSURE = (
    int(rule)
    for rule in (
        *(Rule.TIME, Rule.TEXT, Rule.UNIT, Rule.CURRENCY),
        *(Rule.CUSTOMER, Rule.PROMOTION, Rule.PRICE, Rule.OPEN, Rule.UNSURE),
    )
)
ORDER_GIVEN, QUANTITY_GIVEN, VERSION_GIVEN = (BITS[name] for name in ("order_id", "quantity", "line_version"))
NOTHING = np.uint64(0)
POWERS = np.array([10**k for k in range(16)], np.int64)


@lean_kernel
def null_end(data: Bytes, at: int, end: int) -> int:
    """Return the end of ``null``, or -1."""
    return at + 4 if below(word_at(data, at, end), 4) == NULL else -1


@lean_kernel
def quantity_of(data: Bytes, at: int, end: int) -> tuple[int, int, float]:
    """End (or -1) of a number, its thousandths, half to even, and the number itself."""
    stop, value, decimals = number(data, at, end)
    if decimals <= 0:
        return stop, value * THOUSANDTHS, float(value)
    real = value / POWERS[decimals]
    if decimals <= 3:
        return stop, value * POWERS[3 - decimals], real
    scale = POWERS[decimals - 3]
    rounded = value // scale
    twice = 2 * (value - rounded * scale)
    if twice > scale or (twice == scale and rounded % 2 != 0):
        rounded += 1
    return stop, rounded, real


@lean_kernel
def integer_of(data: Bytes, at: int, end: int, least: int, most: int) -> tuple[int, int]:
    """End (or -1) and value of a whole number, written as one, within limits."""
    stop, value, decimals = number(data, at, end)
    if stop < 0 or decimals >= 0 or value < least or value > most:
        return -1, 0
    return stop, value


@lean_kernel
def kind_of(data: Bytes, at: int, end: int, kinds: NDArray[Any]) -> tuple[int, int]:
    """End (or -1) of an event type, and which of ``kinds`` it is."""
    if byte_at(data, at, end) != QUOTE:
        return -1, -1
    stop = text_end(data, at + 1, end)
    if stop < 0:
        return -1, -1
    for i in range(len(kinds)):
        tag = kinds[i]["tag"]
        rest = stop - at - 1
        same = rest <= TAG_WORDS * WORD
        for k in range(TAG_WORDS):
            word = NOTHING
            if rest > 0:
                word = word_at(data, at + 1 + 8 * k, end)
                word = below(word, rest) if rest < WORD else word
            same = same and word == tag[k]
            rest -= 8
        if same:
            return stop + 1, i
    return -1, -1


@lean_kernel
def date_of(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """End (or -1) and day number of a date."""
    if byte_at(data, at, end) != QUOTE:
        return -1, 0
    stop, day = plain_times.date(data, at + 1, end)
    return stop + 1 if stop >= 0 else -1, day


@lean_kernel
def code_of(data: Bytes, at: int, end: int, size: int) -> np.uint64:
    """A text of up to eight bytes as a word."""
    word = word_at(data, at, end)
    return below(word, size) if size < WORD else word


@lean_kernel
def is_currency(code: np.uint64) -> bool:
    """Whether a word holds the three letters of a currency."""
    first, second, third = (
        whole(byte_of(code, 0)) - FIRST_LETTER,
        whole(byte_of(code, 1)) - FIRST_LETTER,
        whole(byte_of(code, 2)) - FIRST_LETTER,
    )
    if min(first, second, third) < 0 or max(first, second, third) >= LETTERS:
        return False
    return bool(CURRENCY_BITS[first * LETTERS + second] >> np.uint32(third) & np.uint32(1))


@lean_kernel
def value(data: Bytes, at: int, end: int, field: Any, row: Row, wholes: Wholes, reals: Reals, spans: Wholes) -> int:
    """Read a value by the rule of its field and store it in the record or the spans; returns its end, or -1."""
    rule = field["rule"]
    text = byte_at(data, at, end) == QUOTE
    if rule == PRICE:
        stop, digits, decimals = number(data, at, end)
        real = digits / POWERS[max(decimals, 0)]
        if stop < 0 or real < field["least"] or real > field["most"]:
            return -1
        reals[PRICE_AT] = real + 0.0
        return stop
    if rule == OPEN:
        stop, quantity, real = quantity_of(data, at, end)
        if stop < 0 or real < field["least"] or real > field["most"]:
            return -1
        wholes[OPEN_AT] = quantity
        return stop
    if rule == TIME and not text:
        stop, digits, decimals = number(data, at, end)
        if stop < 0 or decimals >= 0 or digits < INSTANT_MIN or digits > INSTANT_MAX:
            return -1
        wholes[TIME_AT] = digits
        return stop
    if not text or rule == UNSURE:
        return -1
    at += 1
    if rule == TIME:
        stop, wholes[TIME_AT] = plain_times.time(data, at, end)
        return stop + 1 if stop >= 0 else -1
    if rule == CUSTOMER:
        stop, row[PARTY_AT] = hash_text(data, at, end)
    else:
        stop = text_end(data, at, end)
    if stop - at < field["least"] or stop - at > field["most"]:
        return -1
    if byte_at(data, at, end) == BLANK or byte_at(data, stop - 1, end) == BLANK:
        return -1
    if rule in (KEPT, CUSTOMER):
        spans[field["to"]] = at
        spans[field["to"] + 1] = stop - at
    elif rule == UNIT:
        row[UNIT_AT] = code_of(data, at, end, stop - at)
    elif rule == CURRENCY:
        code = code_of(data, at, end, stop - at)
        if not is_currency(code):
            return -1
        row[CURRENCY_AT] |= code << CURRENCY_SHIFT
    elif rule == PROMOTION:
        wholes[FLAGS_AT] |= PROMOTED << FLAGS_BIT
    return stop + 1


@lean_kernel
def finish(kind: Any, given: np.uint64, quantity: int, size: float, version: int, day: int, wholes: Wholes) -> bool:
    """Fill in defaults and fields that depend on the kind; False if the event may break a rule of its kind."""
    if kind["required"] & ~given or kind["foreign"] & given:
        return False  # A foreign field is in the record, and to events of this kind it is unknown.
    if not given & QUANTITY_GIVEN:
        quantity = kind["quantity"]
    elif not (size > kind["above"] and size >= kind["least"] and size <= kind["most"]):
        return False
    if not kind["version"] or not given & ORDER_GIVEN:
        version = 1
    elif not given & VERSION_GIVEN:
        version = kind["version"]
    wholes[QUANTITY_AT] = quantity
    wholes[VERSION_AT] |= version << VERSION_BIT
    wholes[DAY_AT] |= (day & DAY_MASK) << DAY_BIT
    wholes[KIND_AT] |= kind["kind"] << KIND_BIT
    return True
