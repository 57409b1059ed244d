"""Kernels on eight bytes at a time, against byte-by-byte oracles."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.swar import (
    ZEROS,
    below,
    byte_of,
    first,
    leading_number,
    load,
    no_digits,
    put_word,
    specials,
    whole,
    word_at,
)

eight_bytes = st.binary(min_size=8, max_size=8)
near_digits = st.lists(st.sampled_from(b"0123456789/:.\x00\x7f\xff"), min_size=8, max_size=8).map(bytes)
near_texts = st.lists(st.sampled_from(b'aZ ~"\\\x1f\x7f\x80!#[]\x00\xff'), min_size=8, max_size=8).map(bytes)


def word(text: bytes) -> np.uint64:
    """A text as a word."""
    return np.uint64(int.from_bytes(text, "little"))


def memory(text: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Memory that holds nothing but a text."""
    return np.frombuffer(text, np.uint8)


@given(st.binary(min_size=8, max_size=30), st.data())
def test_a_word_holds_what_is_before_the_end(text: bytes, data: st.DataObject) -> None:
    """Eight bytes from any place on, zeros from the end on, whatever lies behind it."""
    start = data.draw(st.integers(0, len(text) - 8))
    end = data.draw(st.integers(start + 8, len(text)))
    at = data.draw(st.integers(start, end + 9))

    assert int(word_at(memory(text), at, end)) == int.from_bytes(text[:end][at : at + 8], "little")
    if at + 8 <= len(text):
        assert int(load(memory(text), at)) == int.from_bytes(text[at : at + 8], "little")


@given(st.binary(min_size=8, max_size=20), eight_bytes, st.data())
def test_a_word_is_written_as_its_bytes(before: bytes, text: bytes, data: st.DataObject) -> None:
    """Eight bytes anywhere, and none beside them."""
    at = data.draw(st.integers(0, len(before) - 8))
    written = memory(before).copy()
    put_word(written, at, word(text))
    assert written.tobytes() == before[:at] + text + before[at + 8 :]


@given(eight_bytes | near_texts)
def test_the_first_special_byte_is_found(text: bytes) -> None:
    """What ends or spoils a plain text is marked; the lowest mark is exact."""
    special = [byte < 0x20 or byte > 0x7E or byte in b'"\\' for byte in text]
    marks = np.uint64(specials(word(text)))

    assert bool(marks) == any(special)
    if any(special):
        assert first(marks) == special.index(True)


@given(eight_bytes | near_digits)
def test_the_first_byte_that_is_no_digit_is_found(text: bytes) -> None:
    """Digits are 0 to 9 and nothing else, and their value is that of the decimal number."""
    digit = [byte in b"0123456789" for byte in text]
    parts = word(text) ^ ZEROS
    marks = np.uint64(no_digits(parts))
    count = first(marks) if marks else 8

    assert count == (digit.index(False) if not all(digit) else 8)
    for length in range(1, count + 1):
        assert leading_number(parts, length) == int(text[:length])


@given(eight_bytes, st.integers(0, 7))
def test_parts_of_a_word(text: bytes, index: int) -> None:
    """Bytes by their place, those before a place, and the whole word as a signed number."""
    assert int(below(word(text), index)) == int.from_bytes(text[:index], "little")
    assert int(byte_of(word(text), index)) == text[index]
    assert whole(word(text)) == int.from_bytes(text, "little", signed=True)
