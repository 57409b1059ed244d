"""Kernels that read plain JSON values, against Python's parser. They must leave unsure values alone."""

import json
import re
from decimal import Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from sensing.codec.plain_json import (
    after_blanks,
    after_key,
    byte_at,
    digits,
    hash_text,
    literal_end,
    number,
    scalar_end,
    text_end,
    value_end,
)
from tests.codec.test_numbers import hash_by_hand
from tests.codec.test_swar import memory

PADDING = b'"},        '  # A message goes on behind a value, and has eight bytes at least.
PLAIN_TEXT = re.compile(rb"[ !#-\[\]-~]*")
NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?")

texts = st.text(st.sampled_from('abcdefgh "\\\x1f\x7f\x80~'), max_size=30).map(lambda text: text.encode())
plain_texts = st.text(st.sampled_from("abcdefgh {}:,~"), max_size=70).map(lambda text: text.encode())
number_texts = st.text(st.sampled_from("0123456789.-e"), max_size=20) | st.decimals(-(10**9), 10**9, places=4).map(str)


def padded(text: bytes) -> tuple[Any, int, int]:
    """Memory with a text and padding behind it, the text's first byte, and the end."""
    whole = text + PADDING
    return memory(whole), 0, len(whole)


@given(st.binary(min_size=8, max_size=12), st.integers(0, 14))
def test_bytes_and_blanks(text: bytes, at: int) -> None:
    """Behind the end there is nothing; the four blanks of JSON are skipped, no other."""
    data, end = memory(text), len(text)
    assert byte_at(data, at, end) == (text[at] if at < end else 0)
    if at <= end:
        assert after_blanks(data, at, end) == end - len(text[at:].lstrip(b" \t\r\n"))


@given(texts | plain_texts)
def test_texts_end_at_their_quote(text: bytes) -> None:
    """A plain text ends at the first quote if nothing before it is special; its hash is that of its bytes."""
    data, _, end = padded(text)
    inside = (text + PADDING).partition(b'"')[0]
    expected = len(inside) if PLAIN_TEXT.fullmatch(inside) else -1

    assert text_end(data, 0, end) == expected
    stop, found = hash_text(data, 0, end)
    assert stop == expected
    if expected > 0:
        assert int(found) == hash_by_hand(inside.decode())


def test_a_text_without_an_end_is_not_sure() -> None:
    """A text that the message does not close has no end."""
    data = memory(b'"abcdefghijklmnop')
    assert text_end(data, 1, len(data)) == -1
    assert hash_text(data, 1, len(data))[0] == -1


@given(number_texts)
@example("123456789012345")
@example("1234567890123456")
@example("12345678.1234567")
@example("0.12345678901234")
@example("12345678901234567")
@example("-0.0")
@example("00")
@example("1.")
def test_numbers_are_their_decimals(text: str) -> None:
    """Numbers of up to 15 digits are read exactly, with their decimals; of others nothing is said."""
    data, _, end = padded(text.encode())
    found = NUMBER.match(text)
    more = "0123456789" if found and found[3] else "0123456789."
    plain = found and len(found[2] + (found[3] or "")) <= 15 and not text[found.end() :].startswith(tuple(more))
    stop, value, decimals = number(data, 0, end)

    if not plain:
        assert stop == -1
        return
    assert found
    assert stop == found.end()
    assert decimals == (len(found[3]) if found[3] else -1)
    assert Decimal(value).scaleb(-max(decimals, 0)) == Decimal(found[0])
    assert scalar_end(data, 0, end) == stop


@given(st.text(st.sampled_from("0123456789x"), max_size=20))
def test_runs_of_digits(text: str) -> None:
    """Up to 15 digits have a value, more than that have none."""
    run = re.match("[0-9]*", text)
    assert run
    expected = (run.end(), int(run[0] or "0")) if run.end() <= 15 else (-1, 0)
    assert digits(*padded(text.encode())) == expected


@given(st.sampled_from(["true", "false", "null", "tru", "nul1", "fals", "True", "trueish", "t"]))
def test_literals(text: str) -> None:
    """The three literals and what begins with one; what may follow is for others to say."""
    data, _, end = padded(text.encode())
    expected = next((len(each) for each in ("true", "false", "null") if text.startswith(each)), -1)
    assert literal_end(data, 0, end) == expected
    if text[0] in "tfn":
        assert scalar_end(data, 0, end) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**14), 10**14) | st.text(st.sampled_from("ab {}[]:,"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab", max_size=20), inner, max_size=4),
    max_leaves=20,
)
separators = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: "), (" , ", " :")])


@given(json_values, separators)
def test_values_are_skipped_whole(value: Any, written: tuple[str, str]) -> None:
    """Any value of plain texts, numbers and literals ends where it ends."""
    text = json.dumps(value, separators=written).encode()
    assert value_end(*padded(text)) == len(text)


@given(json_values, separators, st.data())
def test_no_value_is_skipped_that_is_none(value: Any, written: tuple[str, str], data: st.DataObject) -> None:
    """With bytes changed or cut out, what is skipped is JSON still, or nothing is skipped."""
    text = bytearray(json.dumps([value], separators=written).encode())
    at = data.draw(st.integers(0, len(text) - 1))
    text[at : at + data.draw(st.integers(0, 2))] = data.draw(
        st.sampled_from([b"", b",", b":", b'"', b"]", b"}", b"{", b"0"])
    )
    stop = value_end(*padded(bytes(text)))
    if stop >= 0:
        json.loads((bytes(text) + PADDING)[:stop])


def test_deep_values_are_not_sure() -> None:
    """Up to 32 levels are followed, objects and lists in any order."""
    for depth, expected in ((32, True), (33, False)):
        text = b'[{"a":' * (depth // 2) + b"[" * (depth % 2) + b"1" + b"]" * (depth % 2) + b"}]" * (depth // 2)
        assert (value_end(*padded(text)) == len(text)) is expected


@given(st.sampled_from([b'"a":1', b' "a" : 1', b'"a"1', b"a:1", b'"a', b'"\\u0061":1', b'"":1', b'"a":']))
def test_keys(text: bytes) -> None:
    """A key is a plain text with a colon; its value begins behind the blanks after it."""
    data, _, end = padded(text)
    found = re.match(rb'\s*"[^"\\]*"\s*:\s*', text + PADDING)
    assert after_key(data, 0, end) == (found.end() if found else -1)
