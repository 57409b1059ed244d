"""Row history: rings of two rows added, against dictionaries of buckets."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.state.buckets import LINES_MAX, book, roll
from sensing.state.row_history import OWN, SIZES, add_history, add_rings
from sensing.state.rows import DAYS_KEPT, HOT, HOURS_KEPT, RECENT_DAYS

FIRST = 20_000 * 24
Booked = list[tuple[int, int, int]]
BOOKED = st.lists(st.tuples(st.integers(0, 900), st.integers(1, 50), st.integers(1, 3)), max_size=20)


def filled(booked: Booked) -> NDArray[Any]:
    """A hot record (1,) after bookings of hour, quantity and lines, rising by hour."""
    hot = np.zeros(1, HOT)
    hot[0]["hour"], hot[0]["day"], hot[0]["active"] = FIRST, FIRST // 24, 1
    for hour, quantity, lines in sorted(booked):
        roll(hot, 0, FIRST + hour)
        book(hot, 0, FIRST + hour, quantity, lines)
        hot[0]["excess"][(FIRST + hour) // 24 % RECENT_DAYS] += 1.0
        hot[0]["customers"][(FIRST + hour) // 24 % RECENT_DAYS] |= np.uint64(1 << lines % 64)
    return hot


def buckets(booked: Booked, newest: int) -> dict[str, dict[int, float]]:
    """The same, as sums by day and hour, without those that have left the rings at hour ``newest``."""
    found: dict[str, dict[int, float]] = {"day_quantity": {}, "day_lines": {}, "hour_lines": {}, "excess": {}}
    for hour, quantity, lines in booked:
        day = (FIRST + hour) // 24
        if day > newest // 24 - DAYS_KEPT:
            found["day_quantity"][day] = found["day_quantity"].get(day, 0) + quantity
            found["day_lines"][day] = found["day_lines"].get(day, 0) + lines
        if day > newest // 24 - RECENT_DAYS:
            found["excess"][day] = found["excess"].get(day, 0) + 1.0
        if FIRST + hour > newest - HOURS_KEPT:
            found["hour_lines"][FIRST + hour] = found["hour_lines"].get(FIRST + hour, 0) + lines
    return found


def read(record: Any, name: str, newest: int) -> dict[int, float]:
    """Buckets of a ring without zeros."""
    ring = record[name]
    at = range(newest - len(ring) + 1, newest + 1)
    return {place: float(ring[place % len(ring)]) for place in at if ring[place % len(ring)]}


@given(BOOKED, BOOKED)
def test_rings_add_up(own: Booked, other: Booked) -> None:
    """Every bucket that is within the rings is the sum of both."""
    hot, given_ = filled(own), filled(other)
    add_rings(hot, 0, given_)
    newest = FIRST + max([0, *(hour for hour, _, _ in (*own, *other))])
    wanted, record = buckets([*own, *other], newest), hot[0]
    assert (record["hour"], record["day"]) == (newest, newest // 24)
    for name, at in (("day_quantity", newest // 24), ("day_lines", newest // 24), ("excess", newest // 24)):
        assert read(record, name, at) == wanted[name], name
    assert read(record, "hour_lines", newest) == wanted["hour_lines"]
    assert record["window_72"] == sum(wanted["hour_lines"].values())
    assert record["window_24"] == sum(lines for hour, lines in wanted["hour_lines"].items() if hour > newest - 24)
    seen = {1 << lines for hour, _, lines in (*own, *other) if (FIRST + hour) // 24 == newest // 24}
    assert int(record["customers"][newest // 24 % RECENT_DAYS]) == sum(seen)


def test_lines_stay_within_their_type() -> None:
    """A bucket of both rows is cut at the most that it can hold."""
    hot, other = filled([(0, 1, LINES_MAX)]), filled([(0, 1, 5)])
    add_rings(hot, 0, other)
    assert hot[0]["day_lines"][FIRST // 24 % DAYS_KEPT] == hot[0]["window_72"] == LINES_MAX


def test_a_row_without_events_takes_the_whole_history() -> None:
    """All fields but those that are the row's own."""
    hot, other = np.zeros(1, HOT), filled([(5, 3, 1)])
    hot[0]["key_hi"], hot[0]["slot"], hot[0]["location"] = 7, 8, 9
    other[0]["size_count"], other[0]["closed_day"] = 4.0, 11
    add_history(hot, 0, other[0])
    for name in HOT.names or ():
        same = np.array_equal(hot[0][name], other[0][name], equal_nan=hot[0][name].dtype.kind == "f")
        assert same or name in OWN, name
    assert (hot[0]["key_hi"], hot[0]["slot"], hot[0]["location"]) == (7, 8, 9)


@pytest.mark.parametrize(("own", "other"), [(2.0, 5.0), (5.0, 2.0)])
def test_sizes_are_those_of_the_row_with_more_lines(own: float, other: float) -> None:
    """A price and an order time are the row's own, if it has them."""
    hot, given_ = filled([(1, 1, 1)]), filled([(2, 1, 1)])
    for record, count in ((hot[0], own), (given_[0], other)):
        for name in SIZES:
            record[name] = count
        record["price"], record["last_order"] = count, count
    hot[0]["price"] = math.nan
    given_[0]["currency"] = b"EUR"
    add_history(hot, 0, given_[0])
    assert all(hot[0][name] == 5.0 for name in SIZES)
    assert (hot[0]["price"], hot[0]["currency"], hot[0]["last_order"]) == (other, b"EUR", 5)
