"""Identifiers are trimmed and normalised, or refused by policy, on every path of the decoder."""

import json
import unicodedata

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.clean_keys import BLANKS, CLEAN, INVISIBLE, clean
from sensing.codec.decode import Block, Decoded, decode
from sensing.codec.decode_options import DecodeOptions
from tests.codec.blocks import decode_events, texts_of
from tests.contracts.examples import example

COMPOSED, DECOMPOSED = "CAF\N{LATIN CAPITAL LETTER E WITH ACUTE}", "CAFE\N{COMBINING ACUTE ACCENT}"
UNCLEAN = [
    ("SKU-1 ", "SKU-1"),
    ("  SKU-1", "SKU-1"),
    ("\N{ZERO WIDTH NO-BREAK SPACE}SKU-1", "SKU-1"),
    ("SKU\N{ZERO WIDTH SPACE}-1\N{RIGHT-TO-LEFT MARK}", "SKU-1"),
    ("\N{NO-BREAK SPACE}SKU-1\N{IDEOGRAPHIC SPACE}", "SKU-1"),
    (DECOMPOSED, COMPOSED),
]


def refusing(topic: str, event: dict[str, object]) -> Decoded:
    """Decode an event where unclean identifiers are refused."""
    return decode(topic, 0, Block.of([orjson.dumps(event)], np.zeros(1, np.int64)), DecodeOptions("refuse"))


@pytest.mark.parametrize(("given_text", "expected"), UNCLEAN)
@pytest.mark.parametrize("field", ["sku", "location", "order_id", "line", "event_id", "customer"])
def test_identifiers_of_records_are_cleaned(field: str, given_text: str, expected: str) -> None:
    """Keys and texts are those of the clean identifier."""
    unclean, proper = (decode_events("orders", example("order.placed") | {field: text})
                       for text in (given_text, expected))  # fmt: skip
    assert texts_of(unclean) == texts_of(proper)
    assert unclean.records.tobytes() == proper.records.tobytes()


@pytest.mark.parametrize(("given_text", "expected"), UNCLEAN)
def test_identifiers_of_infrequent_events_are_cleaned(given_text: str, expected: str) -> None:
    """In fields, in lists and as names in objects."""
    patch = {"sku": given_text, "aliases": [given_text], "parts": {given_text: 2.0}, "name": given_text}
    [(_, message)] = decode_events("reference", example("item.updated") | patch).infrequent
    item = message.event
    assert (item.sku, item.aliases, item.parts) == (expected, [expected], {expected: 2.0})
    assert item.name == given_text  # free text stays as it is


@pytest.mark.parametrize(("given_text", "expected"), UNCLEAN)
def test_by_policy_they_are_refused(given_text: str, expected: str) -> None:
    """The dead letter says what is required and shows what cannot be seen."""
    [reject] = refusing("orders", example("order.placed") | {"sku": given_text}).rejects
    assert (reject.reason, reject.field) == ("bad_text", "sku")
    assert reject.required == f"text of 1 to 64 bytes, no control characters, {CLEAN}"
    assert reject.got == json.dumps(given_text)
    assert not refusing("orders", example("order.placed") | {"sku": expected}).rejects
    assert refusing("suppliers", example("po.placed") | {"po_id": given_text}).rejects


def test_a_blank_is_nothing() -> None:
    """A blank optional field is absent, a blank required one is refused."""
    blank, absent = (decode_events("orders", example("order.placed") | {"order_id": text}) for text in (" ", None))
    assert texts_of(blank) == texts_of(absent)
    [reject] = decode_events("orders", example("order.placed") | {"sku": "  "}).rejects
    assert (reject.reason, reject.field) == ("bad_text", "sku")


def test_attributes_in_headers_are_cleaned() -> None:
    """The id of a CloudEvent is an identifier as well."""
    event = example("po.placed")
    value = orjson.dumps({name: each for name, each in event.items() if name not in ("event_id", "event_type")})
    headers = {"ce_id": b" po-1 ", "ce_type": b"po.placed"}
    [(_, message)] = decode("suppliers", 0, Block.of([value], np.zeros(1, np.int64), headers=[headers])).infrequent
    assert message.event.event_id == "po-1"


@given(st.text())
def test_clean_is_a_projection(text: str) -> None:
    """What is clean stays; it has no mark, no blank at an end, and is in NFC."""
    found = clean(text)
    assert clean(found) == found
    assert not INVISIBLE.search(found)
    assert found == found.strip(BLANKS)
    assert unicodedata.is_normalized("NFC", found)


def test_blanks_are_all_of_unicode() -> None:
    """The list of blanks is the category of space separators."""
    assert set(BLANKS) == {chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Zs"}
