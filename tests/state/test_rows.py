"""Hot rows and their index."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.state.rows import FULL, HOT, MISSING, Rows, find_row, index_rows, row_home

# Low bits alike: preferred places clash in any table of a test.
clashing = st.tuples(
    st.integers(0, 2), st.sampled_from([low + (high << 40) for low in (0, 1, 255) for high in range(9)])
)


def find(rows: Rows, keys: list[tuple[int, int]]) -> list[int]:
    """Rows of keys."""
    return [rows.find((np.uint64(hi), np.uint64(lo))) for hi, lo in keys]


@given(st.lists(clashing, max_size=27), st.lists(clashing, max_size=40))
def test_index_is_a_dictionary(known: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    """Keys that clash in the index are found, and nothing else is, exactly as in a dictionary."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(known))}
    hot, index = np.zeros(len(numbers), HOT), np.full(64, MISSING, np.int32)
    hot["key_hi"] = [hi for hi, _ in numbers]
    hot["key_lo"] = [lo for _, lo in numbers]
    index_rows(hot, 0, len(numbers), index)
    found = [find_row(hot, index, np.uint64(hi), np.uint64(lo)) for hi, lo in asked]
    assert found == [numbers.get(key, MISSING) for key in asked]
    assert sorted(index[index >= 0].tolist()) == list(range(len(numbers)))


@given(st.lists(st.tuples(clashing, st.booleans()), max_size=30))
def test_rows_are_numbered_by_first_mention(steps: list[tuple[tuple[int, int], bool]]) -> None:
    """Row numbers are given in order of first mention and survive a dump at any point."""
    rows, numbers = Rows(1000), dict[tuple[int, int], int]()
    for key, dumped in steps:
        (row,) = find(rows, [key])
        assert row == numbers.get(key, MISSING)
        if row == MISSING:
            numbers[key] = rows.add(key, f"S{len(numbers)}", 3, 0)
        if dumped:
            again = Rows(1000)
            again.load(rows.dump())
            assert again.dump() == rows.dump()
            rows = again
    assert list(numbers.values()) == list(range(len(numbers))) == list(range(rows.count))
    assert [rows.sku_of(row) for row in range(rows.count)] == [f"S{row}" for row in range(rows.count)]


def test_home_spreads_rows_by_their_low_half() -> None:
    """A key's home is the low bits of its low half, within the index."""
    assert [row_home(np.uint64(lo), 7) for lo in (0, 5, 8, 2**64 - 1)] == [0, 5, 0, 7]


def test_many_rows() -> None:
    """Rows and index grow together; every key stays findable and every record as it was."""
    rows = Rows(5000)
    keys = [(number * 7919, number * 104729) for number in range(3000)]
    for number, key in enumerate(keys):
        assert rows.add(key, "\N{POUND SIGN}" * (number % 9), 1, number % 60) == number
    assert len(rows.index) >= 2 * rows.count
    assert find(rows, keys) == list(range(3000))
    assert rows.hot["slot"][:3000].tolist() == [number % 60 for number in range(3000)]

    again = Rows(5000)
    again.load(rows.dump())
    assert find(again, keys) == list(range(3000))
    assert again.add((1, 1), "last", 1, 0) == 3000
    assert [again.sku_of(row) for row in (0, 1, 8, 9, 3000)] == ["", "\xa3", "\xa3" * 8, "", "last"]
    assert again.dump() != rows.dump()


def test_a_new_row_knows_nothing() -> None:
    """A row begins with its names and key; price and stock are unknown, and it takes no part yet."""
    rows = Rows(10)
    hot = rows.hot[rows.add((61, 2), "S", 7, 1)]
    assert (hot["key_hi"], hot["key_lo"], hot["location"], hot["slot"]) == (61, 2, 7, 1)
    assert rows.sku_of(0) == "S"
    assert np.isnan(hot["price"])
    assert np.isnan(hot["stock"])
    assert hot["stock_threshold"] == 0.0
    assert (hot["active"], hot["day_quantity"].any(), hot["window_72"]) == (0, False, 0)


@pytest.mark.parametrize("bound", [1, 2, 64, 65])
def test_rows_are_bounded(bound: int) -> None:
    """At the bound no row is made and those there are stay."""
    rows = Rows(bound)
    keys = [(number, number) for number in range(bound + 1)]
    assert [rows.add(key, "S", 0, 0) for key in keys] == [*range(bound), FULL]
    assert find(rows, keys) == [*range(bound), MISSING]


def test_no_rows() -> None:
    """A shard without rows dumps, loads, and finds nothing."""
    rows = Rows(10)
    rows.load(Rows(10).dump())
    assert rows.count == 0
    assert find(rows, [(1, 2)]) == [MISSING]


def test_a_hot_row_keeps_to_its_size() -> None:
    """The hot part of a row has 592 of the 1,024 bytes; its SKU is kept beside it."""
    assert HOT.itemsize == 592
