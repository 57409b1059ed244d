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
    any_late,
    chain,
    count_open,
    fill,
    places_of,
    read_open,
    unchain,
)
from sensing.supply.purchase_line import PurchaseLine
from sensing.supply.schedule_lines import PROMISED, UNCONFIRMED, ScheduleLine
from sensing.supply.supply_record import NEVER
from tests.supply import oracles

TODAY = 20_000
ROWS = np.arange(4)
MEAN_DAYS = np.array([3.5, 4.5, 7.0, 40.0])
DELAYS = np.array([0.0, 2.5]), np.array([1.0, 6.0])
"""Mean and variance of each supplier's delays."""

parts = st.tuples(
    st.integers(1, 5), st.none() | st.integers(-20, 20), st.none() | st.integers(-40, 0), st.integers(0, 2),
    st.integers(0, 3),
)  # fmt: skip
"""Units, expected day, instant from which it waits, source, and days after the first day."""
steps = st.lists(
    st.tuples(
        st.integers(0, 11),  # line; its row is the number modulo 4
        st.lists(parts, max_size=3),  # its open schedule lines; none: it ends
        st.none() | st.integers(-30, 0),
        st.integers(0, 1),
    ),
    max_size=60,
)


def made(part: Any) -> ScheduleLine:
    """A schedule line of a step."""
    units, day, since, source, later = part
    return ScheduleLine(
        units * THOUSANDTHS, NO_DAY if day is None else TODAY + day, NO_DAY if day is None else TODAY + day - later,
        source=source, since=NEVER if since is None else (TODAY + since) * DAY_MS + 1,
    )  # fmt: skip


def due_day(row: int, line: PurchaseLine, part: ScheduleLine) -> int:
    """When a schedule line is due, by the words of `Purchases.open_lines`."""
    due = part.expected
    mean, variance = (column[line.supplier] for column in DELAYS)
    if due == NO_DAY:
        mean = 0.0
        waited = max(TODAY * DAY_MS - part.since, 0) / DAY_MS
        due = TODAY + (0 if part.since == NEVER else round(MEAN_DAYS[row] - waited))
    if due < TODAY:
        mean = oracles.truncated_normal_moments(mean, variance, TODAY - due)[0]
        return max(TODAY + 1, due + round(float(mean)))
    return due + round(float(mean))


def known_days(line: PurchaseLine, part: ScheduleLine) -> float:
    """Age of a line or, if longer, the lead time that a later promise announces."""
    if not line.placed:
        return math.nan
    announced = 0
    if part.source == PROMISED and part.day > part.first_day:
        announced = part.day - line.placed_day
    return max(max(TODAY * DAY_MS - line.placed_time, 0) / DAY_MS, announced)


@given(steps)
def test_the_table_is_lists_by_row(told: list[Any]) -> None:
    """Opened, changed and ended in any order, every question is answered as from lists in order of opening."""
    table, lists = OpenTable(), dict[Key, PurchaseLine]()
    for number, schedule, placed, supplier in told:
        key = (f"P{number}", "1")
        if not schedule:
            if key in lists:
                del lists[key]
                table.remove(key)
            continue
        line = PurchaseLine(number % 4, supplier, number % 3 - 1, total=8 * THOUSANDTHS)
        if placed is not None:
            line.placed_time, line.placed_day = (TODAY + placed) * DAY_MS + 1, TODAY + placed
        line.schedule = [made(part) for part in schedule]
        lists[key] = line
        table.put(key, line)

    rows = ROWS[::-1].copy()
    found = [
        (at, line, part)
        for at, row in enumerate(rows.tolist())
        for line in lists.values() if line.row == row
        for part in line.schedule
    ]  # fmt: skip
    integers, floats = table.read(rows, TODAY, TODAY * DAY_MS, MEAN_DAYS[rows], DELAYS)
    assert integers.T.tolist() == [[at, due_day(line.row, line, part), line.lane] for at, line, part in found]
    np.testing.assert_array_equal(floats[0], [part.quantity / THOUSANDTHS for _, _, part in found])
    np.testing.assert_array_equal(floats[1], [known_days(line, part) for _, line, part in found])
    np.testing.assert_array_equal(floats[2], [part.quantity / (8 * THOUSANDTHS) for _, _, part in found])

    others = [("P4", "1"), ("P11", "1"), ("P99", "1")]
    for row in ROWS.tolist():
        of_row = {key: line for key, line in lists.items() if line.row == row}
        late = [
            key
            for key, line in of_row.items()
            if any(NO_DAY < part.expected <= TODAY or part.source == UNCONFIRMED for part in line.schedule)
        ]
        assert table.of_row(row) == list(of_row)
        assert table.late(row, TODAY, others) == [key for key in of_row if key in late or key in others]
        assert table.late_rows(np.array([row]), TODAY).tolist() == [bool(late)]
    assert table.of_supplier(1) == [key for key, line in lists.items() if line.supplier == 1]


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2), st.integers(0, 8)), max_size=40))
def test_chains_are_lists(steps: list[tuple[int, int, int]]) -> None:
    """Places that enter and leave the chains of rows, in any order and position, stand there as in lists."""
    table, first, last = np.zeros(8, OPEN_LINE), np.full(3, NONE, np.int32), np.full(3, NONE, np.int32)
    lists: list[list[int]] = [[], [], []]
    for place, row, position in steps:
        holder = next((each for each in lists if place in each), None)
        if holder is None:
            at = min(position, len(lists[row]))
            fill(table, place, (500 + place, 1000), (5, 6), (TODAY, 7.0), 1, 2, 0)
            chain(table, last, first, place, row, lists[row][at - 1] if at else NONE)
            lists[row].insert(at, place)
        else:
            unchain(table, last, first, place)
            holder.remove(place)
    for row, expected in enumerate(lists):
        found = np.empty(8, np.int64)
        count = places_of(table, int(first[row]), TODAY, found)
        assert found[:count].tolist() == expected
        assert last[row] == (expected[-1] if expected else NONE)
        assert [table[place].item()[:4] for place in expected] == [(500 + place, 1000, 5, 6) for place in expected]
        assert [table["before"][place] for place in expected] == [NONE, *expected][: len(expected)]


def test_chains_are_read_as_written_down_by_hand() -> None:
    """Two lines of row 0, the second overdue, not confirmed and without a placement; none of row 1."""
    table, first = np.zeros(2, OPEN_LINE), np.array([1, NONE], np.int32)
    placed = (TODAY - 2) * DAY_MS
    table[1] = (500, 1000, placed, placed, 0, 3.0, 0, NO_DAY, 0, 5, NONE, 0, 0)
    table[0] = (2000, 2000, NEVER, NEVER, 1, 0.0, 0, TODAY - 1, 1, 6, 1, NONE, 1)
    rows = np.array([1, 0])
    assert count_open(table, first, rows) == 2
    integers, floats = np.empty((3, 2), np.int64), np.empty((3, 2))
    read_open(table, first, rows, TODAY, TODAY * DAY_MS, np.array([9.0, 9.0]), DELAYS, integers, floats)
    assert integers.tolist() == [[1, 1], [TODAY + 7, TODAY + 3], [5, 6]]
    assert floats[[0, 2]].tolist() == [[0.5, 2.0], [0.5, 1.0]]
    assert (floats[1, 0], math.isnan(floats[1, 1])) == (3.0, True)

    out = np.empty(2, np.bool_)
    any_late(table, first, rows, TODAY, out)
    assert out.tolist() == [False, True]
    places = np.empty(2, np.int64)
    assert (places_of(table, 1, TODAY - 2, places), places[0]) == (1, 0)
