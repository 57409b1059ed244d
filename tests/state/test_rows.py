"""Hot rows and their index."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.codec.record import EVENT
from sensing.state.rows import FULL, HOT, MISSING, SLOTS, Rows, find_row, find_rows, index_rows, row_home

# Low bits alike: preferred places clash in any table of a test.
clashing = st.tuples(
    st.integers(0, 2), st.sampled_from([low + (high << 40) for low in (0, 1, 255) for high in range(9)])
)


def records(keys: list[tuple[int, int]]) -> NDArray[Any]:
    """Event records with nothing but row keys."""
    found = np.zeros(len(keys), EVENT)
    found["row_hi"] = [hi for hi, _ in keys]
    found["row_lo"] = [lo for _, lo in keys]
    found["sku"] = b"S"
    return found


@given(st.lists(clashing, max_size=27), st.lists(clashing, max_size=40))
def test_index_is_a_dictionary(known: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    """Keys that clash in the index are found, and nothing else is, exactly as in a dictionary."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(known))}
    hot, index = np.zeros(len(numbers), HOT), np.full(64, MISSING, np.int32)
    hot["key_hi"] = [hi for hi, _ in numbers]
    hot["key_lo"] = [lo for _, lo in numbers]
    index_rows(hot, 0, len(numbers), index)
    asked_records = records(asked)
    out = np.empty(len(asked), np.int32)
    missing = find_rows(asked_records["row_hi"], asked_records["row_lo"], hot, index, out)

    assert out.tolist() == [numbers.get(key, MISSING) for key in asked]
    assert missing == sum(key not in numbers for key in asked)
    assert [find_row(hot, index, np.uint64(hi), np.uint64(lo)) for hi, lo in asked] == out.tolist()
    assert sorted(index[index >= 0].tolist()) == list(range(len(numbers)))


@given(st.lists(st.tuples(clashing, st.booleans()), max_size=30))
def test_rows_are_numbered_by_first_mention(steps: list[tuple[tuple[int, int], bool]]) -> None:
    """Row numbers are given in order of first mention and survive a dump at any point."""
    rows, numbers = Rows(1000), dict[tuple[int, int], int]()
    for key, dumped in steps:
        record = records([key])
        row = int(rows.find(record)[0])
        assert row == numbers.get(key, MISSING)
        if row == MISSING:
            numbers[key] = rows.add(record[0], 3)
        if dumped:
            again = Rows(1000)
            again.load(rows.dump())
            assert again.dump() == rows.dump()
            rows = again
    assert list(numbers.values()) == list(range(len(numbers))) == list(range(rows.count))


def test_home_spreads_rows_by_their_low_half() -> None:
    """A key's home is the low bits of its low half, within the index."""
    assert [row_home(np.uint64(lo), 7) for lo in (0, 5, 8, 2**64 - 1)] == [0, 5, 0, 7]


def test_many_rows() -> None:
    """Rows and index grow together; every key stays findable and every record as it was."""
    rows = Rows(5000)
    keys = [(number * 7919, number * 104729) for number in range(3000)]
    asked = records(keys)
    for record in asked:
        assert rows.add(record, 1) >= 0
    assert len(rows.index) >= 2 * rows.count
    assert rows.find(asked).tolist() == list(range(3000))
    assert rows.hot["slot"][:3000].tolist() == [hi % SLOTS for hi, _ in keys]

    again = Rows(5000)
    again.load(rows.dump())
    assert again.find(asked).tolist() == list(range(3000))
    assert again.add(records([(1, 1)])[0], 1) == 3000


def test_a_new_row_knows_nothing() -> None:
    """A row begins with its names and key; price and stock floor are unknown, and it takes no part yet."""
    rows = Rows(10)
    hot = rows.hot[rows.add(records([(61, 2)])[0], 7)]
    assert (hot["key_hi"], hot["key_lo"], hot["sku"], hot["location"], hot["slot"]) == (61, 2, b"S", 7, 1)
    assert np.isnan(hot["price"])
    assert np.isnan(hot["stock_floor"])
    assert (hot["born"], hot["day_quantity"].any(), hot["window_72"]) == (0, False, 0)


@pytest.mark.parametrize("bound", [1, 2, 64, 65])
def test_rows_are_bounded(bound: int) -> None:
    """At the bound no row is made and those there are stay."""
    rows = Rows(bound)
    keys = records([(number, number) for number in range(bound + 1)])
    assert [rows.add(record, 0) for record in keys] == [*range(bound), FULL]
    assert rows.find(keys).tolist() == [*range(bound), MISSING]


def test_no_rows() -> None:
    """A shard without rows dumps, loads, and finds nothing."""
    rows = Rows(10)
    rows.load(Rows(10).dump())
    assert rows.count == 0
    assert rows.find(records([(1, 2)])).tolist() == [MISSING]


def test_a_hot_row_keeps_to_its_size() -> None:
    """The hot part of a row has 560 of the 1,024 bytes."""
    assert HOT.itemsize == 560
