"""Scanner: the fast decoder. It fills event records directly from the bytes of plain messages.

A message is plain if it is a JSON object of a frequent kind with plain values only (see ``plain``). All other messages,
valid or not, are left to the careful decoder. So a block decodes to the same result with or without the scanner.
Kernels get the bounds of each message and never read outside them.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT, NO_DAY, NOT_GIVEN, Topic
from sensing.codec.identifiers import hash_span
from sensing.codec.keys import LOCATION, SPANS, enter
from sensing.codec.message_block import Block
from sensing.codec.plain_json import (
    CLOSE_OBJECT,
    COLON,
    COMMA,
    LETTER_N,
    OPEN_OBJECT,
    QUOTE,
    QUOTE_WORD,
    after_blanks,
    byte_at,
    hash_text,
    value_end,
)
from sensing.codec.scan_fields import (
    NOTHING,
    OFFSET_AT,
    PARTY_AT,
    Reals,
    Row,
    Wholes,
    date_of,
    finish,
    integer_of,
    kind_of,
    null_end,
    quantity_of,
    value,
)
from sensing.codec.scan_table import KEY_SEED, SLOT_SHIFT, Rule, Table
from sensing.codec.swar import WORD, Bytes, below, byte_of, first, specials, whole, word_at
from sensing.jit import lean_kernel

NAMES_MAX = 64
"""Messages with more fields that the topic does not have are left to the careful decoder."""

MESSAGE_BYTES_MAX = 1 << 16
"""Longer messages are left to the careful decoder: there are few, and some exceed the size limit."""

RECORD_WORDS = EVENT.itemsize // WORD
TYPE, QUANTITY, VERSION, DATE = int(Rule.TYPE), int(Rule.QUANTITY), int(Rule.VERSION), int(Rule.DATE)
NO_NAME = np.uint64(0xFFFFFFFFFFFFFFFF)


class Scanned(NamedTuple):
    """Which messages are plain, and their text entries: start of each, and all bytes."""

    plain: NDArray[np.bool_]
    starts: NDArray[np.uint32]
    texts: Bytes


def scan(block: Block, table: Table, place: tuple[int, int], records: NDArray[Any]) -> Scanned:
    """Fill the records of all plain messages of a block, each at the index of its message.

    Parameters
    ----------
    table
        Scan table of the topic.
    place
        Number of the topic, and partition.
    records
        EVENT, one per message, not initialised. Records of messages that are not plain have undefined content.
    """
    plain = np.zeros(len(block), np.bool_)
    empty = np.zeros(1, EVENT)
    empty["topic"], empty["partition"] = place
    empty["price"], empty["unit"], empty["quantity_open"] = np.nan, table.unit, NOT_GIVEN
    rows = records.view(np.uint64).reshape(len(block), RECORD_WORDS)
    data = block.data.view()
    data.flags.writeable = False  # One type for numba, so that it compiles once.
    starts, ends, offsets = map(np.ascontiguousarray, (block.starts, block.ends, block.offsets))
    entries = np.zeros(len(block), np.uint32)
    # An entry is shorter than its message, which names every text in quotes.
    texts = np.empty(int((ends - starts).sum()) + WORD, np.uint8)
    used = scan_block(
        data, starts, ends, offsets, table.fields, table.kinds, table.multiplier, place[0] != Topic.ORDERS,
        empty.view(np.uint64), rows, rows.view(np.int64), rows.view(np.float64), plain, np.zeros(SPANS, np.int64),
        np.zeros(NAMES_MAX, np.uint64), texts, entries,
    )  # fmt: skip
    return Scanned(plain, entries, texts[:used])


@lean_kernel
def scan_block(
    data: Bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], offsets: NDArray[np.int64], fields: NDArray[Any],
    kinds: NDArray[Any], multiplier: np.uint64, hash_location: bool, empty: Row, rows: NDArray[np.uint64],
    wholes: NDArray[np.int64], reals: NDArray[np.float64], plain: NDArray[np.bool_], spans: NDArray[np.int64],
    names: Row, texts: Bytes, entries: NDArray[np.uint32],
) -> int:  # fmt: skip
    """Scan all messages; returns the number of bytes used in ``texts``.

    ``empty`` is the initial record. ``rows``, ``wholes`` and ``reals`` are views of the same records as three types of
    words. ``hash_location`` says that the party of a record is its location. ``spans`` and ``names`` are scratch
    memory. ``entries`` is filled with the start of each plain message's text entry.
    """
    used = 0
    for i in range(len(starts)):
        for k in range(len(empty)):
            rows[i, k] = empty[k]
        wholes[i, OFFSET_AT] = offsets[i]
        plain[i] = scan_message(
            data, starts[i], ends[i], fields, kinds, multiplier, rows[i], wholes[i], reals[i], spans, names
        )
        if plain[i]:
            entries[i] = used
            used = enter(data, ends[i], spans, rows[i], texts, used)
            if hash_location:
                rows[i, PARTY_AT] = hash_span(data, spans[LOCATION], spans[LOCATION + 1], ends[i])
    return used


@lean_kernel
def scan_message(
    data: Bytes, at: int, end: int, fields: NDArray[Any], kinds: NDArray[Any], multiplier: np.uint64, row: Row,
    wholes: Wholes, reals: Reals, spans: Wholes, names: Row,
) -> bool:  # fmt: skip
    """Fill one record except its keys, and the spans of its texts; False if the message is not plain."""
    for k in range(len(spans)):
        spans[k] = 0
    if end - at < WORD or end - at > MESSAGE_BYTES_MAX:
        return False
    at = after_blanks(data, at, end)
    if byte_at(data, at, end) != OPEN_OBJECT:
        return False
    seen, given, kind, day = NOTHING, NOTHING, -1, NO_DAY
    quantity, size, version, others = 0, 0.0, 0, 0
    while True:
        at = after_blanks(data, at + 1, end)
        at, low, high = name(data, at, end)
        if at < 0:
            return False
        field = fields[slot(low, high, multiplier)]
        if field["bit"] == NOTHING or field["low"] != low or field["high"] != high:
            others = add_name(names, others, low, high)
            at = value_end(data, at, end) if others > 0 else -1
        elif seen & field["bit"]:
            return False
        else:
            seen |= field["bit"]
            rule = field["rule"]
            byte = byte_at(data, at, end)
            if byte == LETTER_N:  # A null or an empty text is an absent field.
                at = null_end(data, at, end)
            elif byte == QUOTE and byte_at(data, at + 1, end) == QUOTE:
                at += 2
            else:
                given |= field["bit"]
                if rule == QUANTITY:
                    at, quantity, size = quantity_of(data, at, end)
                elif rule == VERSION:
                    at, version = integer_of(data, at, end, field["least"], field["most"])
                elif rule == TYPE:
                    at, kind = kind_of(data, at, end, kinds)
                elif rule == DATE:
                    at, day = date_of(data, at, end)
                else:
                    at = value(data, at, end, field, row, wholes, reals, spans)
        if at < 0:
            return False
        at = after_blanks(data, at, end)
        byte = byte_at(data, at, end)
        if byte == CLOSE_OBJECT:
            break
        if byte != COMMA:
            return False
    if kind < 0 or after_blanks(data, at + 1, end) != end:
        return False
    return finish(kinds[kind], given, quantity, size, version, day, wholes)


@lean_kernel
def add_name(names: Row, count: int, low: np.uint64, high: np.uint64) -> int:
    """Add the name of a field to the first ``count`` ones; returns their number, -1 if it may be among them."""
    hashed = low ^ (high * KEY_SEED)
    if count == NAMES_MAX:
        return -1
    for k in range(count):
        if names[k] == hashed:
            return -1
    names[count] = hashed
    return count + 1


@lean_kernel
def slot(low: np.uint64, high: np.uint64, multiplier: np.uint64) -> int:
    """Slot of a field name."""
    return whole(((low ^ (high * KEY_SEED)) * multiplier) >> SLOT_SHIFT)


@lean_kernel
def name(data: Bytes, at: int, end: int) -> tuple[int, np.uint64, np.uint64]:
    """Start of the value (or -1) behind the field name at ``at``, and the name; a hash above 15 bytes."""
    if byte_at(data, at, end) != QUOTE:
        return -1, NOTHING, NOTHING
    at += 1
    low, high = word_at(data, at, end), NOTHING
    last, marks = low, specials(low)
    if marks:
        low = below(low, first(marks))
    else:
        at += 8
        high = word_at(data, at, end)
        last, marks = high, specials(high)
        if marks:
            high = below(high, first(marks))
        else:
            low = NO_NAME
            at, high = hash_text(data, at - 8, end)
            if at < 0:
                return -1, NOTHING, NOTHING
    if marks:
        if byte_of(last, first(marks)) != QUOTE_WORD:
            return -1, NOTHING, NOTHING
        at += first(marks)
    at = after_blanks(data, at + 1, end)
    if byte_at(data, at, end) != COLON:
        return -1, NOTHING, NOTHING
    return after_blanks(data, at + 1, end), low, high
