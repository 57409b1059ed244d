"""SWAR (SIMD within a register): reads text eight bytes at a time as 64-bit words. Scanner kernels call it.

The first byte is the lowest one (little-endian). Functions that mark bytes are exact for the lowest marked byte only: a
borrow or carry may mark bytes above it, never below it. Source: H. S. Warren, Hacker's Delight, 2nd ed., section 6-1.
"""

import numpy as np
from numpy.typing import NDArray

from sensing.jit import lean_kernel

WORD = 8
Bytes = NDArray[np.uint8]

ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN, EIGHT = (np.uint64(number) for number in range(1, 9))
TEN, SIXTEEN, HALF, LAST_BYTE = np.uint64(10), np.uint64(16), np.uint64(32), np.uint64(56)
BYTE = np.uint64(0xFF)
ONES = np.uint64(0x0101010101010101)
HIGHS = np.uint64(0x8080808080808080)
QUOTES = np.uint64(0x2222222222222222)
BACKSLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)
BLANKS = np.uint64(0x2020202020202020)
ZEROS = np.uint64(0x3030303030303030)
ABOVE_NINE = np.uint64(0x7676767676767676)  # Added to a byte it reaches 0x80 from ten on.
INDICES = np.uint64(0x0001020304050607)
PAIRS = np.uint64(0x000000FF000000FF)
HIGH_PAIRS = np.uint64(100 + (1_000_000 << 32))
LOW_PAIRS = np.uint64(1 + (10_000 << 32))


@lean_kernel
def whole(word: np.uint64) -> int:
    """A word as a signed integer: numba converts mixed signed and unsigned operands to floats."""
    return np.int64(word)  # type: ignore[return-value]  # an integer to numba


@lean_kernel
def word_at(data: Bytes, at: int, end: int) -> np.uint64:
    """Eight bytes from ``at`` on; bytes from ``end`` on are 0.

    It reads only between ``end - 8`` and ``end``, or from ``at`` on. So it stays inside a message of at least eight
    bytes that ends at ``end``.
    """
    if at + 8 <= end:
        return load(data, at)
    if at >= end:
        return np.uint64(0)
    return load(data, end - 8) >> np.uint64(8 * (at + 8 - end))


@lean_kernel
def load(data: Bytes, at: int) -> np.uint64:
    """The eight bytes from ``at`` on; compiles to one instruction."""
    i = np.uint64(at)  # Unsigned, so that numba generates no code for negative indices.
    word = np.uint64(data[i]) | np.uint64(data[i + ONE]) << EIGHT
    word |= np.uint64(data[i + TWO]) << SIXTEEN | np.uint64(data[i + THREE]) << np.uint64(24)
    word |= np.uint64(data[i + FOUR]) << HALF | np.uint64(data[i + FIVE]) << np.uint64(40)
    return word | np.uint64(data[i + SIX]) << np.uint64(48) | np.uint64(data[i + SEVEN]) << LAST_BYTE


@lean_kernel
def put_word(data: Bytes, at: int, word: np.uint64) -> None:
    """Write a word as the eight bytes from ``at`` on; compiles to one instruction."""
    i = np.uint64(at)
    data[i], data[i + ONE] = word & BYTE, word >> EIGHT & BYTE
    data[i + TWO], data[i + THREE] = word >> SIXTEEN & BYTE, word >> np.uint64(24) & BYTE
    data[i + FOUR], data[i + FIVE] = word >> HALF & BYTE, word >> np.uint64(40) & BYTE
    data[i + SIX], data[i + SEVEN] = word >> np.uint64(48) & BYTE, word >> LAST_BYTE


@lean_kernel
def specials(word: np.uint64) -> np.uint64:
    """Mark bytes that end a plain text or are not allowed in it: quotes, backslashes, controls, non-ASCII."""
    quote, backslash = word ^ QUOTES, word ^ BACKSLASHES
    found = (word - BLANKS) & ~word
    found |= (quote - ONES) & ~quote
    found |= (backslash - ONES) & ~backslash
    return (found | word | (word + ONES)) & HIGHS


@lean_kernel
def first(marks: np.uint64) -> int:
    """Index of the lowest marked byte; at least one byte must be marked."""
    return whole(((marks & (~marks + ONE)) >> SEVEN) * INDICES >> LAST_BYTE)


@lean_kernel
def below(word: np.uint64, index: int) -> np.uint64:
    """The bytes before ``index`` (0 to 7); the others are 0."""
    return word & ((ONE << np.uint64(8 * index)) - ONE)


@lean_kernel
def byte_of(word: np.uint64, index: int) -> np.uint64:
    """Byte ``index`` (0 to 7) of a word."""
    return (word >> np.uint64(8 * index)) & BYTE


@lean_kernel
def no_digits(word: np.uint64) -> np.uint64:
    """Mark the bytes of ``word ^ ZEROS`` that are not digits."""
    return (word | (word + ABOVE_NINE)) & HIGHS


@lean_kernel
def leading_number(digits: np.uint64, count: int) -> int:
    """Value of the first ``count`` (1 to 8) digits of ``word ^ ZEROS``. The other bytes are ignored.

    Source: D. Lemire, "Quickly parsing eight digits", 2018.
    """
    digits = digits << np.uint64(8 * (8 - count))
    pairs = digits * TEN + (digits >> EIGHT)
    high, low = (pairs & PAIRS) * HIGH_PAIRS, ((pairs >> SIXTEEN) & PAIRS) * LOW_PAIRS
    return whole((high + low) >> HALF)
