"""Open purchase-order lines by row, against an oracle on plain lists."""

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import NO_DAY, THOUSANDTHS
from sensing.machine_settings import DAY_MS
from sensing.supply.open_table import (
    NONE,
    OPEN_LINE,
    Key,
    OpenTable,
    any_overdue,
    chain,
    count_open,
    fill,
    places_of,
    read_open,
    unchain,
)
from sensing.supply.purchase_line import PurchaseLine

TODAY = 20_000
ROWS = np.arange(4)
MEAN_DAYS = np.array([3.5, 4.5, 7.0, 40.0])
DELAYS = np.array([0.0, 2.5])

steps = st.lists(
    st.tuples(
        st.integers(0, 11),  # line; its row is the number modulo 4
        st.booleans(),  # whether it ends
        st.integers(1, 5),
        st.none() | st.integers(-20, 20),
        st.none() | st.integers(-30, 0),
        st.integers(0, 1),
    ),
    max_size=60,
)


def due_day(row: int, line: PurchaseLine, expected: int, age: float) -> int:
    """When a line is due, by the words of `Purchases.open_lines`."""
    due = expected
    if due == NO_DAY:
        due = TODAY + (round(MEAN_DAYS[row] - age) if line.placed else 0)
    if due < TODAY:
        due = max(TODAY + 1, due + round(DELAYS[line.supplier]))
    return due


@given(steps)
def test_the_table_is_lists_by_row(told: list[Any]) -> None:
    """Opened, changed and ended in any order, every question is answered as from lists in order of opening."""
    table, lists = OpenTable(), dict[Key, tuple[PurchaseLine, int]]()
    for number, ends, units, expected, placed, supplier in told:
        key = (f"P{number}", "1")
        if ends:
            if key in lists:
                del lists[key]
                table.remove(key)
            continue
        time = {} if placed is None else {"placed_time": (TODAY + placed) * DAY_MS + 1}
        line = PurchaseLine(number % 4, supplier, number % 3 - 1, ordered=8 * THOUSANDTHS, **time)
        line.received = (8 - units) * THOUSANDTHS
        day = NO_DAY if expected is None else TODAY + expected
        lists[key] = (line, day)
        table.put(key, line, day)

    now = TODAY * DAY_MS
    rows = ROWS[::-1].copy()
    lines = [(at, *entry) for at, row in enumerate(rows.tolist()) for entry in lists.values() if entry[0].row == row]
    ages = [max(now - line.placed_time, 0) / DAY_MS if line.placed else math.nan for _, line, _ in lines]
    integers, floats = table.read(rows, TODAY, now, MEAN_DAYS[rows], DELAYS)
    assert integers.T.tolist() == [
        [at, due_day(line.row, line, day, age), line.lane] for (at, line, day), age in zip(lines, ages, strict=True)
    ]
    np.testing.assert_array_equal(floats[0], [line.open / THOUSANDTHS for _, line, _ in lines])
    np.testing.assert_array_equal(floats[1], ages)
    np.testing.assert_array_equal(floats[2], [line.open / line.ordered for _, line, _ in lines])

    by_row = {row: [(key, *entry) for key, entry in lists.items() if entry[0].row == row] for row in ROWS.tolist()}
    others = [("P4", "1"), ("P11", "1"), ("P99", "1")]
    for row, found in by_row.items():
        assert table.of_row(row) == [key for key, _, _ in found]
        late = [key for key, _, day in found if day != NO_DAY and (day <= TODAY or key in others)]
        assert table.late(row, TODAY, others) == late
        overdue = any(NO_DAY < day <= TODAY for _, _, day in found)
        assert table.overdue(np.array([row]), TODAY).tolist() == [overdue]
    assert table.of_supplier(1) == [key for key, (line, day) in lists.items() if line.supplier == 1 and day != NO_DAY]


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2)), max_size=40))
def test_chains_are_lists(steps: list[tuple[int, int]]) -> None:
    """Places that enter and leave the chains of rows, in any order, stand there as in lists."""
    table, first, last = np.zeros(8, OPEN_LINE), np.full(3, NONE, np.int32), np.full(3, NONE, np.int32)
    lists: list[list[int]] = [[], [], []]
    for place, row in steps:
        holder = next((each for each in lists if place in each), None)
        if holder is None:
            fill(table, place, 500 + place, 1000, 5, TODAY, 1, 2)
            chain(table, last, first, place, row)
            lists[row].append(place)
        else:
            unchain(table, last, first, place)
            holder.remove(place)
    for row, expected in enumerate(lists):
        found = np.empty(8, np.int64)
        count = places_of(table, int(first[row]), TODAY, found)
        assert found[:count].tolist() == expected
        assert last[row] == (expected[-1] if expected else NONE)
        assert [table[place].item()[:3] for place in expected] == [(500 + place, 1000, 5) for place in expected]
        assert [table["before"][place] for place in expected] == [NONE, *expected][: len(expected)]


def test_chains_are_read_as_written_down_by_hand() -> None:
    """Two lines of row 0, the second overdue and without a placement; none of row 1."""
    table, first = np.zeros(2, OPEN_LINE), np.array([1, NONE], np.int32)
    table[1] = (500, 1000, (TODAY - 2) * DAY_MS, 0, 0, NO_DAY, 0, 5, NONE, 0)
    table[0] = (2000, 2000, -(2**62), 1, 0, TODAY - 1, 1, 6, 1, NONE)
    rows = np.array([1, 0])
    assert count_open(table, first, rows) == 2
    integers, floats = np.empty((3, 2), np.int64), np.empty((3, 2))
    read_open(table, first, rows, TODAY, TODAY * DAY_MS, np.array([9.0, 9.0]), DELAYS, integers, floats)
    assert integers.tolist() == [[1, 1], [TODAY + 7, TODAY + 1], [5, 6]]
    assert floats[[0, 2]].tolist() == [[0.5, 2.0], [0.5, 1.0]]
    assert (floats[1, 0], math.isnan(floats[1, 1])) == (2.0, True)

    out = np.empty(2, np.bool_)
    any_overdue(table, first, rows, TODAY, out)
    assert out.tolist() == [False, True]
    places = np.empty(2, np.int64)
    assert (places_of(table, 1, TODAY - 2, places), places[0]) == (1, 1)
