"""The table of currencies, and the scanner's form of it."""

import itertools
import string

import numpy as np

from sensing.codec.scan_fields import is_currency
from sensing.contracts.currencies import CODES
from tests.codec.blocks import decode_events
from tests.codec.careful import without_scanner
from tests.contracts.examples import example


def test_codes_are_codes() -> None:
    """Sorted, each once, three capitals; money of every kind and no metals."""
    assert list(CODES) == sorted(set(CODES))
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CODES)
    assert {"EUR", "USD", "JPY", "XOF", "XCG", "VES", "ZWG", "BGN"} <= set(CODES)
    assert not {"XTS", "XAU", "XDR", "DEM", "BTC"} & set(CODES)
    assert len(CODES) == 170


def test_the_scanner_knows_the_same_codes() -> None:
    """Of all texts of three capitals, and of some others."""
    texts = {"".join(letters) for letters in itertools.product(string.ascii_uppercase, repeat=3)}
    texts |= {"eur", "E R", "@@@", "[[[", "EU", "E", "", "12 "}
    found = {text for text in texts if is_currency(np.uint64(int.from_bytes(text.encode(), "little")))}
    assert found == set(CODES)


def test_all_paths_draw_the_same_line() -> None:
    """Orders by scanner and careful decoder; items, prices in a policy."""
    for code, rejects in (("CHF", 0), ("XYZ", 1)):
        event = example("order.placed") | {"currency": code}
        assert len(decode_events("orders", event).rejects) == rejects
        with without_scanner():
            assert len(decode_events("orders", event).rejects) == rejects
        assert len(decode_events("reference", example("item.updated") | {"currency": code}).rejects) == rejects
        policy = example("policy.updated") | {"base_currency": "EUR", "rates": {code: 1.5}}
        assert len(decode_events("reference", policy).rejects) == rejects
