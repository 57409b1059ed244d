"""Rows of a SKU and of a location."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.state.row_index import (
    NONE,
    RowIndex,
    chain,
    chain_locations,
    chain_skus,
    newest_of_sku,
    sku_cell,
)
from sensing.state.rows import HOT

SKUS = (1, 2, 3, 257, 2**63 + 1, 2**64 - 1)
pairs = st.lists(st.tuples(st.sampled_from(SKUS), st.integers(0, 20)), max_size=150)


@given(pairs, st.lists(st.integers(0, 150), max_size=5))
def test_the_index_finds_what_a_scan_finds(rows: list[tuple[int, int]], stops: list[int]) -> None:
    """Entered one by one or many at once, every SKU and location has its rows, rising, and no others."""
    hot = np.zeros(max(len(rows), 1), HOT)
    hot["key_hi"][: len(rows)] = np.array([sku for sku, _ in rows], np.uint64)
    hot["location"][: len(rows)] = [location for _, location in rows]
    index = RowIndex()
    for stop in sorted({min(stop, len(rows)) for stop in stops} | {len(rows)}):
        index.extend(hot, stop)

    for sku in (*SKUS, 4, 513):
        assert index.of_sku(hot, np.uint64(sku)).tolist() == [row for row, pair in enumerate(rows) if pair[0] == sku]
    for location in range(NONE, 25):
        assert index.of_location(location).tolist() == [row for row, pair in enumerate(rows) if pair[1] == location]


def of_skus(*skus: int) -> NDArray[np.void]:
    """Rows of SKUs, by their hashes."""
    hot = np.zeros(len(skus), HOT)
    hot["key_hi"] = np.array(skus, np.uint64)
    return hot


def test_skus_whose_cells_are_taken_go_on_to_the_next() -> None:
    """In a table of two cells two SKUs have one each, whatever they hash to."""
    hot, newest = of_skus(2, 4), np.full(2, NONE, np.int32)
    for row in range(2):
        newest[sku_cell(hot, newest, hot["key_hi"][row])] = row
    assert newest.tolist() == [0, 1]


def test_chains_hold_the_rows_of_each_key() -> None:
    """Every row names the one before it of its SKU and of its location, as written down by hand."""
    hot = of_skus(7, 23, 7, 7, 9)
    newest, before = np.full(16, NONE, np.int32), np.full(5, NONE, np.int32)
    chain_skus(hot, 0, 5, newest, before)
    assert before.tolist() == [NONE, NONE, 0, 2, NONE]
    assert [newest_of_sku(hot, newest, np.uint64(sku)) for sku in (7, 23, 9, 25)] == [3, 1, 4, NONE]
    assert chain(before, 3).tolist() == [0, 2, 3]
    assert chain(before, NONE).tolist() == []

    newest_at, before_at = np.full(3, NONE, np.int32), np.full(5, NONE, np.int32)
    chain_locations(np.array([2, 0, 2, 2, 0], np.int32), 0, 5, newest_at, before_at)
    assert (newest_at.tolist(), before_at.tolist()) == ([4, NONE, 3], [NONE, NONE, 0, 2, 1])
