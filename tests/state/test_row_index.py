"""Rows of a SKU and of a location."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.state.row_index import (
    NONE,
    RowIndex,
    chain,
    chain_locations,
    chain_skus,
    newest_of_sku,
    sku_cell,
    text_hash,
)
from sensing.state.rows import HOT

SKUS = ("A", "B", "AB", "BA", "\u00e4", "S" * 39, "S" * 40)
pairs = st.lists(st.tuples(st.sampled_from(SKUS), st.integers(0, 20)), max_size=150)


@given(pairs, st.lists(st.integers(0, 150), max_size=5))
def test_the_index_finds_what_a_scan_finds(rows: list[tuple[str, int]], stops: list[int]) -> None:
    """Entered one by one or many at once, every SKU and location has its rows, rising, and no others."""
    hot = np.zeros(max(len(rows), 1), HOT)
    hot["sku"][: len(rows)] = [sku.encode() for sku, _ in rows]
    hot["location"][: len(rows)] = [location for _, location in rows]
    index = RowIndex()
    for stop in sorted({min(stop, len(rows)) for stop in stops} | {len(rows)}):
        index.extend(hot, stop)

    for sku in (*SKUS, "C", "S" * 41):
        assert index.of_sku(hot, sku).tolist() == [row for row, pair in enumerate(rows) if pair[0] == sku]
    for location in range(NONE, 25):
        assert index.of_location(location).tolist() == [row for row, pair in enumerate(rows) if pair[1] == location]


def test_texts_whose_cells_are_taken_go_on_to_the_next() -> None:
    """In a table of two cells two SKUs have one each, whatever they hash to, and the padding is no part of a text."""
    texts = np.frombuffer(b"Q\0\0R\0\0", np.uint8).reshape(2, 3)
    newest = np.full(2, NONE, np.int32)
    for row in range(2):
        newest[sku_cell(texts, newest, texts, row)] = row
    assert sorted(newest.tolist()) == [0, 1]
    assert text_hash(texts, 0) == text_hash(texts[:, :1].copy(), 0) != text_hash(texts, 1)


def test_chains_hold_the_rows_of_each_key() -> None:
    """Every row names the one before it of its SKU and of its location, as written down by hand."""
    texts = np.frombuffer(b"ABAAC", np.uint8).reshape(5, 1)
    newest, before = np.full(16, NONE, np.int32), np.full(5, NONE, np.int32)
    chain_skus(texts, 0, 5, newest, before)
    assert before.tolist() == [NONE, NONE, 0, 2, NONE]
    sought = np.frombuffer(b"ABCD", np.uint8).reshape(4, 1)
    assert [newest_of_sku(texts, newest, sought[i : i + 1]) for i in range(4)] == [3, 1, 4, NONE]
    assert chain(before, 3).tolist() == [0, 2, 3]
    assert chain(before, NONE).tolist() == []

    newest_at, before_at = np.full(3, NONE, np.int32), np.full(5, NONE, np.int32)
    chain_locations(np.array([2, 0, 2, 2, 0], np.int32), 0, 5, newest_at, before_at)
    assert (newest_at.tolist(), before_at.tolist()) == ([4, NONE, 3], [NONE, NONE, 0, 2, 1])


@pytest.mark.parametrize("text", [b"", b"a", b"foobar"])
def test_the_hash_is_fnv(text: bytes) -> None:
    """FNV-1a of 64 bits, folded to 31, as computed by hand."""
    value = 0xCBF29CE484222325
    for byte in text:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    texts = np.frombuffer(text + b"\0", np.uint8).reshape(1, -1)
    assert text_hash(texts, 0) == (value ^ value >> 32) & 0x7FFFFFFF
