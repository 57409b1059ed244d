"""Hour and day buckets: rings that roll, accept corrections within their range, and keep window sums."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.state.buckets import LINES_MAX, book, roll
from sensing.state.rows import DAYS_KEPT, HOT, HOURS_KEPT
from tests.state.oracles import Buckets

START = 20_000 * 24 + 7

hours_on = st.one_of(
    st.integers(-40 * 24, 30), st.integers(-80, 80), st.sampled_from((23, 24, 25, 71, 72, 73, 24 * 28))
)
bookings = st.tuples(
    hours_on, st.integers(-(10**9), 10**9), st.one_of(st.sampled_from((1, -1)), st.integers(-9, 70_000))
)


def row() -> NDArray[Any]:
    """One row whose rings begin at START."""
    hot = np.zeros(1, HOT)
    hot["hour"], hot["day"] = START, START // 24
    return hot


def assert_equal(hot: NDArray[Any], expected: Buckets) -> None:
    """Compare every bucket that the rings reach, and both windows."""
    record = hot[0]
    assert (record["hour"], record["day"]) == (expected.hour, expected.day)
    hours = range(expected.hour - HOURS_KEPT + 1, expected.hour + 1)
    found = [int(record["hour_lines"][at % HOURS_KEPT]) for at in hours]
    assert found == [expected.hour_lines.get(at, 0) for at in hours]
    days = range(expected.day - DAYS_KEPT + 1, expected.day + 1)
    assert [record["day_lines"][at % DAYS_KEPT] for at in days] == [expected.day_lines.get(at, 0) for at in days]
    assert [record["day_quantity"][at % DAYS_KEPT] for at in days] == [expected.day_quantity.get(at, 0) for at in days]
    assert record["window_24"] == expected.window(24) == sum(found[-24:])
    assert record["window_72"] == expected.window(72) == sum(found)
    assert {expected.day - back for back in range(8) if record["promoted_days"] >> back & 1} == expected.promoted


@given(st.lists(st.tuples(bookings, st.booleans()), max_size=40))
def test_rings_are_dictionaries_of_buckets(events: list[tuple[tuple[int, int, int], bool]]) -> None:
    """Any sequence of bookings and rolls leaves what dictionaries would hold, as far as the rings reach."""
    hot, expected = row(), Buckets(START, HOURS_KEPT, DAYS_KEPT)
    for (later, quantity, lines), promoted in events:
        hour = expected.hour + later
        roll(hot, 0, hour)
        expected.roll(hour)
        book(hot, 0, hour, quantity, lines)
        expected.book(hour, quantity, lines, LINES_MAX)
        if promoted:
            hot["promoted_days"][0] |= 1
            expected.promoted.add(expected.day)
        assert_equal(hot, expected)


@given(st.lists(st.tuples(st.integers(0, 71), st.integers(1, 10**6)), min_size=1, max_size=20), st.randoms())
def test_order_of_bookings_does_not_matter(events: list[tuple[int, int]], random: Any) -> None:
    """Bookings within reach of the newest hour leave the same buckets in any order."""
    found = []
    for _ in range(2):
        hot = row()
        for later, quantity in events:
            roll(hot, 0, START + later)
            book(hot, 0, START + later, quantity, 1)
        found.append(hot.tobytes())
        random.shuffle(events)
    assert found[0] == found[1]


@given(st.lists(st.integers(-200, 0), max_size=20))
def test_taking_out_what_was_booked_leaves_nothing(hours: list[int]) -> None:
    """A booking and its opposite cancel, in reach or beyond."""
    hot = row()
    for later in hours:
        book(hot, 0, START + later, 5000, 1)
    for later in hours:
        book(hot, 0, START + later, -5000, -1)
    assert hot.tobytes() == row().tobytes()


def test_older_hours_roll_nothing() -> None:
    """Rings never go back."""
    hot = row()
    book(hot, 0, START, 1000, 1)
    before = hot.tobytes()
    roll(hot, 0, START)
    roll(hot, 0, START - 500)
    assert hot.tobytes() == before


def test_counts_stop_at_their_ends() -> None:
    """Line counts neither wrap at 65,535 nor fall below 0; quantities go on."""
    hot = row()
    book(hot, 0, START, 1, LINES_MAX)
    book(hot, 0, START, 1, 1)
    assert hot["day_lines"].max() == hot["hour_lines"].max() == hot["window_24"][0] == LINES_MAX
    book(hot, 0, START, 1, -2 * LINES_MAX)
    assert hot["day_lines"].max() == hot["hour_lines"].max() == hot["window_72"][0] == 0
    assert hot["day_quantity"].sum() == 3
