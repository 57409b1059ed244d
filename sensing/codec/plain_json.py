"""Scanner kernels for plain JSON values. Each reads one value that begins at ``at`` and returns its end, or -1.

-1 means "not sure", never "wrong": the careful decoder then reads the message. Plain values are texts of printable
ASCII without escapes, and numbers of up to 15 digits without exponent.
"""

import numpy as np

from sensing.codec.keys import MULTIPLIER, SEED, absorb_word
from sensing.codec.swar import (
    ONE,
    ZEROS,
    Bytes,
    below,
    byte_of,
    first,
    leading_number,
    no_digits,
    specials,
    whole,
    word_at,
)
from sensing.jit import lean_kernel

DIGITS_MAX = 15
"""Different decimal numbers of so many digits are different doubles, in the same order."""

DEPTH_MAX = 32
"""Deepest nesting of a value that is skipped."""

BLANK, RETURN, NEWLINE, TAB = 0x20, 0x0D, 0x0A, 0x09
QUOTE, COMMA, COLON, MINUS, POINT, ZERO = 0x22, 0x2C, 0x3A, 0x2D, 0x2E, 0x30
OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST = 0x7B, 0x7D, 0x5B, 0x5D
LETTER_T, LETTER_F, LETTER_N = 0x74, 0x66, 0x6E
QUOTE_WORD = np.uint64(QUOTE)

TRUE, NULL, FALSE = (np.uint64(int.from_bytes(text, "little")) for text in (b"true", b"null", b"false"))


@lean_kernel
def byte_at(data: Bytes, at: int, end: int) -> int:
    """Return the byte at ``at``, 0 from ``end`` on."""
    return whole(np.uint64(data[np.uint64(at)])) if at < end else 0


@lean_kernel
def after_blanks(data: Bytes, at: int, end: int) -> int:
    """Return the next byte that is no blank between tokens, or ``end``."""
    while True:
        byte = byte_at(data, at, end)
        if byte > BLANK or (byte != BLANK and byte != NEWLINE and byte != RETURN and byte != TAB):
            return at
        at += 1


@lean_kernel
def text_end(data: Bytes, at: int, end: int) -> int:
    """Return the closing quote of a plain text whose first byte is ``at``, or -1."""
    while True:
        word = word_at(data, at, end)
        marks = specials(word)
        if marks:
            index = first(marks)
            return at + index if byte_of(word, index) == QUOTE_WORD else -1
        at += 8


@lean_kernel
def hash_text(data: Bytes, at: int, end: int) -> tuple[int, np.uint64]:
    """Closing quote of a plain text (or -1) and its hash, which is that of ``texts.text_hashes``."""
    state = SEED
    while True:
        word = word_at(data, at, end)
        marks = specials(word)
        if marks:
            break
        state = absorb_word(state, word, MULTIPLIER)
        at += 8
    index = first(marks)
    if byte_of(word, index) != QUOTE_WORD:
        return -1, state
    if index:
        state = absorb_word(state, below(word, index), MULTIPLIER)
    return at + index, max(absorb_word(state, SEED, MULTIPLIER), ONE)


@lean_kernel
def digits(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """End and value of up to 15 digits; the end is ``at`` where there are none, -1 where there are more."""
    word = word_at(data, at, end) ^ ZEROS
    marks = no_digits(word)
    if marks:
        count = first(marks)
        return at + count, leading_number(word, count) if count else 0
    high = leading_number(word, 8)
    word = word_at(data, at + 8, end) ^ ZEROS
    marks = no_digits(word)
    if not marks:
        return -1, 0
    count = first(marks)
    value = leading_number(word, count) if count else 0
    for _ in range(count):
        high *= 10
    return at + 8 + count, high + value


@lean_kernel
def number(data: Bytes, at: int, end: int) -> tuple[int, int, int]:
    """End (or -1), digits as a whole number with its sign, and how many of them are decimals (-1: no decimal point).

    Up to ``DIGITS_MAX`` digits are read. The sign of a zero is lost.
    """
    negative = byte_at(data, at, end) == MINUS
    if negative:
        at += 1
    stop, value = digits(data, at, end)
    length = stop - at
    if length < 1 or length > DIGITS_MAX or (length > 1 and byte_at(data, at, end) == ZERO):
        return -1, 0, 0
    decimals = -1
    if byte_at(data, stop, end) == POINT:
        at = stop + 1
        stop, fraction = digits(data, at, end)
        decimals = stop - at
        if decimals < 1 or length + decimals > DIGITS_MAX:
            return -1, 0, 0
        for _ in range(decimals):
            value *= 10
        value += fraction
    return stop, -value if negative else value, decimals


@lean_kernel
def literal_end(data: Bytes, at: int, end: int) -> int:
    """Return the end of ``true``, ``false`` or ``null``, or -1."""
    word = word_at(data, at, end)
    if below(word, 4) == TRUE or below(word, 4) == NULL:
        return at + 4
    return at + 5 if below(word, 5) == FALSE else -1


@lean_kernel
def scalar_end(data: Bytes, at: int, end: int) -> int:
    """Return the end of a plain text, number or literal, or -1."""
    byte = byte_at(data, at, end)
    if byte == QUOTE:
        stop = text_end(data, at + 1, end)
        return stop + 1 if stop >= 0 else -1
    if byte in (LETTER_T, LETTER_F, LETTER_N):
        return literal_end(data, at, end)
    return number(data, at, end)[0]


@lean_kernel
def after_key(data: Bytes, at: int, end: int) -> int:
    """Return where the value begins whose key begins at or behind ``at``, or -1."""
    at = after_blanks(data, at, end)
    if byte_at(data, at, end) != QUOTE:
        return -1
    at = text_end(data, at + 1, end)
    if at < 0:
        return -1
    at = after_blanks(data, at + 1, end)
    return after_blanks(data, at + 1, end) if byte_at(data, at, end) == COLON else -1


@lean_kernel
def value_end(data: Bytes, at: int, end: int) -> int:
    """Return the end of any plain value, nested up to ``DEPTH_MAX`` deep, or -1."""
    depth, objects = 0, np.uint64(0)  # Bit k: whether the k-th open bracket, from the innermost, is that of an object.
    while True:
        byte = byte_at(data, at, end)
        if byte in (OPEN_OBJECT, OPEN_LIST):
            if depth == DEPTH_MAX:
                return -1
            depth += 1
            objects = (objects << ONE) | np.uint64(byte == OPEN_OBJECT)
            at = after_blanks(data, at + 1, end)
            byte = byte_at(data, at, end)
            if byte != CLOSE_OBJECT and byte != CLOSE_LIST:
                at = after_key(data, at, end) if objects & ONE else at
                if at < 0:
                    return -1
                continue
        else:
            at = scalar_end(data, at, end)
            if at < 0:
                return -1
        while depth:
            at = after_blanks(data, at, end)
            byte = byte_at(data, at, end)
            if byte == COMMA:
                break
            if byte != (CLOSE_OBJECT if objects & ONE else CLOSE_LIST):
                return -1
            depth -= 1
            objects >>= ONE
            at += 1
        if not depth:
            return at
        at = after_key(data, at + 1, end) if objects & ONE else after_blanks(data, at + 1, end)
        if at < 0:
            return -1
