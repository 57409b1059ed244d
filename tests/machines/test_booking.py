"""Booking of order lines into buckets and open demand, kernel by kernel. `test_absorb` tests them together."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import NO_DAY
from sensing.contracts.reference import LocationUpdated
from sensing.detection.quality import COUNT, SIZE_BINS, learn_row_size, learn_stream_size
from sensing.machine_settings import HOUR_MS
from sensing.machines import booking
from sensing.machines.shard_state import ShardState
from sensing.state.line_table import BOOKED_DAY, COUNTED, EVICTED, OPEN_IN_RING, TRACKED_OPEN, find_line
from sensing.state.observed_hours import RING_HOURS
from sensing.supply.supply_record import INVENTORY, OPEN_DAYS, ORDERS
from tests.machines.made_tables import DAY, NOON, one_row

HOUR = NOON // HOUR_MS
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def line(state: ShardState, number: int = 1, flags: int = TRACKED_OPEN, hour: int = HOUR) -> int:
    """Slot of a new line of row 0."""
    slot = booking.new_line(state.tables(), np.uint64(number), np.uint64(number << 7), 0, hour, 0)
    state.lines.lines["flags"][slot] = flags
    return slot


def booked(state: ShardState) -> tuple[int, int, int, int]:
    """Quantity and lines of row 0, lines of its location, open thousandths."""
    hot = state.rows.hot[0]
    return (
        int(hot["day_quantity"].sum()), int(hot["day_lines"].sum()), int(state.locations.lines["hour_lines"][0].sum()),
        int(state.supply.supply["open_total"][0]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def on_lord_howe() -> ShardState:
    """A row where the clock is changed by half an hour."""
    state = one_row()
    state.locations.apply(LocationUpdated(event_id="l", location="L", time_zone="Australia/Lord_Howe"))
    return state


@given(st.integers(NOON - 10**11, NOON + 10**11))
def test_local_hour_is_the_locations(on_lord_howe: ShardState, instant: int) -> None:
    """The hour that a clock at the row's location shows, summer time and half hours included."""
    offset = (EPOCH + dt.timedelta(milliseconds=instant)).astimezone(ZoneInfo("Australia/Lord_Howe")).utcoffset()
    assert offset is not None
    local = instant + round(offset.total_seconds() * 1000)
    assert booking.local_hour(on_lord_howe.tables(), 0, instant) == local // HOUR_MS


def test_the_first_event_starts_the_rings() -> None:
    """A row is born with its first absorbed event: its rings begin there and the day before counts as closed."""
    state = one_row()
    booking.advance_row(state.tables(), 0, HOUR)
    hot = state.rows.hot[0]
    assert (hot["active"], hot["hour"], hot["day"], hot["first_hour"], hot["closed_day"]) == (
        1,
        HOUR,
        DAY,
        HOUR,
        DAY - 1,
    )
    assert state.supply.supply["open_day"][0] == DAY
    booking.advance_row(state.tables(), 0, HOUR - 50)
    assert (hot["hour"], hot["first_hour"]) == (HOUR, HOUR)
    booking.advance_row(state.tables(), 0, HOUR + 24)
    assert (hot["hour"], hot["day"], hot["first_hour"], hot["closed_day"]) == (HOUR + 24, DAY + 1, HOUR, DAY - 1)
    assert state.supply.supply["open_day"][0] == DAY + 1


@given(st.lists(st.integers(HOUR - 60, HOUR + 60), min_size=1, max_size=6))
def test_a_row_is_reached_with_or_without_the_other_tables(hours: list[int]) -> None:
    """Purchase orders and movements, which need only its records, do to a row what orders do."""
    state, other = one_row(), one_row()
    for hour in hours:
        booking.advance_row(state.tables(), 0, hour)
        booking.advance_row_arrays(other.rows.hot, other.supply.supply, 0, hour)
    assert state.rows.hot.tobytes() == other.rows.hot.tobytes()
    assert state.supply.supply.tobytes() == other.supply.supply.tobytes()


@pytest.mark.parametrize(("quantity", "shipped", "expected"), [(5, 0, 5), (5, 5, 0), (5, 9, 0), (0, 3, 0)])
def test_open_is_ordered_and_not_shipped(quantity: int, shipped: int, expected: int) -> None:
    """A shipment of more than the ordered quantity does not make open demand negative."""
    state = one_row()
    slot = line(state)
    state.lines.lines["quantity"][slot], state.lines.lines["shipped"][slot] = quantity, shipped
    assert booking.open_quantity(state.lines.lines[slot]) == expected


@pytest.mark.parametrize("requested", [NO_DAY, DAY - 3, DAY, DAY + OPEN_DAYS - 1, DAY + OPEN_DAYS, DAY + 99])
@pytest.mark.parametrize("flags", [0, TRACKED_OPEN])
def test_what_is_booked_can_be_taken_out(requested: int, flags: int) -> None:
    """A booked line stands in its buckets, its location and, if tracked, in open demand; taken out, nothing is left."""
    state = one_row()
    slot = line(state, flags=flags)
    t = state.tables()
    booking.book_line(t, slot, 7000, requested)
    found = state.lines.lines[slot]
    assert booked(state) == (7000, 1, 1, 7000 if flags else 0)
    assert found["requested_day"] == (DAY if requested == NO_DAY else requested)
    assert bool(found["flags"] & BOOKED_DAY) == (requested == NO_DAY)
    near = flags and found["requested_day"] < DAY + OPEN_DAYS
    assert bool(found["flags"] & OPEN_IN_RING) == bool(near)
    assert booking.in_ring(found) == int(bool(near))
    booking.unbook(t, slot)
    booking.unbook(t, slot)
    assert booked(state) == (0, 0, 0, 0)
    assert (found["quantity"], found["flags"] & COUNTED) == (0, 0)
    assert not state.supply.supply["open_ring"].any()
    assert not state.supply.supply["open_later"].any()


def test_nothing_is_booked_for_nothing() -> None:
    """A line of quantity 0 is no order line and does not bring its row to life."""
    state = one_row()
    booking.book_line(state.tables(), line(state), 0, NO_DAY)
    assert booked(state) == (0, 0, 0, 0)
    assert state.rows.hot["active"][0] == 0


def test_open_changes_follow_the_line() -> None:
    """A change stands under the line's requested day; lines that are not tracked change nothing."""
    state = one_row()
    tracked, other = line(state, 1), line(state, 2, flags=0)
    t = state.tables()
    for slot in (tracked, other):
        booking.book_line(t, slot, 5000, DAY + 2)
        booking.change_open(t, slot, -2000, booking.in_ring(state.lines.lines[slot]))
        booking.change_open(t, slot, 0, 0)
    assert state.supply.supply["open_total"][0] == 3000
    assert state.supply.supply["open_ring"][0, (DAY + 2) % OPEN_DAYS] == 3000


def test_location_lines_are_counted_by_local_hour() -> None:
    """Lines are counted at the row's location; what its ring has left is not."""
    state = one_row()
    t = state.tables()
    for hour, lines in ((HOUR, 2), (HOUR - 5, 1), (HOUR - RING_HOURS, 9), (HOUR, -1)):
        booking.count_location(t, 0, hour, lines)
    record = state.locations.lines[0]
    assert {at: record["hour_lines"][at] for at in np.flatnonzero(record["hour_lines"])} == {
        HOUR % RING_HOURS: 1, (HOUR - 5) % RING_HOURS: 1,
    }  # fmt: skip


def test_a_row_begins_with_its_first_event() -> None:
    """Late events move the first hour back within its day only."""
    state = one_row()
    for hour, expected in ((HOUR, HOUR), (HOUR + 30, HOUR), (HOUR - 3, HOUR - 3), (HOUR - 24, HOUR - 3)):
        booking.advance_row(state.tables(), 0, hour)
        assert state.rows.hot["first_hour"][0] == expected


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=20))
def test_sizes_are_learned_by_row_and_stream(quantities: list[int]) -> None:
    """Each line goes into the row's statistics and, judged by the row before it, into the stream's."""
    state = one_row()
    state.sizes[:] = 0.0
    row: Any = (0.0, 0.0, 0.0, 0.0)
    stream = np.zeros(SIZE_BINS)
    for quantity in quantities:
        booking.learn_sizes(state.tables(), 0, quantity)
        learn_stream_size(stream, quantity / 1000, row[0], row[1])
        row = learn_row_size(row[0], row[1], row[2], row[3], quantity / 1000)
        row = tuple(float(np.float32(value)) for value in row)
    hot = state.rows.hot[0]
    assert [hot[f"size_{name}"] for name in ("count", "mean", "variance", "max")] == pytest.approx(
        row, rel=1e-5, abs=1e-5
    )
    np.testing.assert_allclose(state.sizes, stream, rtol=1e-5, atol=1e-5)
    assert state.sizes[COUNT] == len(quantities)


def test_hearing_never_goes_back() -> None:
    """The newest event time of each input is kept, in seconds."""
    state = one_row()
    for source, time in ((ORDERS, NOON), (ORDERS, NOON - 5000), (INVENTORY, 7999)):
        booking.mark_seen(state.tables(), 0, source, time)
    assert state.supply.supply["last_seen"][0].tolist() == [NOON // 1000, 7, 0]


def test_what_the_table_forgets_is_no_longer_open() -> None:
    """A line that gives way to a new one leaves open demand, what was shipped of it included; its buckets stay."""
    state = one_row(lines_max=2)
    t = state.tables()
    for number, shipped in ((1, 1000), (2, 0)):
        slot = line(state, number)
        booking.book_line(t, slot, 5000, DAY + 3)
        state.lines.lines["shipped"][slot] = shipped
        booking.change_open(t, slot, -shipped, 1)
    assert booked(state) == (10_000, 2, 2, 9000)
    slot = line(state, 3)
    assert booked(state) == (10_000, 2, 2, 5000)
    assert state.lines.ring[EVICTED] == 1
    assert find_line(t.lines, t.line_index, np.uint64(1), np.uint64(1 << 7)) == -1
    assert find_line(t.lines, t.line_index, np.uint64(3), np.uint64(3 << 7)) == slot


def test_old_lines_are_forgotten_two_at_a_time() -> None:
    """Behind the horizon at most two lines go for each that comes, so that no event pays for many."""
    state = one_row()
    for number in range(6):
        line(state, number, hour=HOUR + number)
    assert booking.new_line(state.tables(), np.uint64(9), np.uint64(9 << 7), 0, HOUR + 9, HOUR + 100) >= 0
    assert state.lines.in_order()["hour"].tolist() == [HOUR + 2, HOUR + 3, HOUR + 4, HOUR + 5, HOUR + 9]
    booking.new_line(state.tables(), np.uint64(8), np.uint64(8 << 7), 0, HOUR + 10, HOUR + 3)
    assert state.lines.in_order()["hour"].tolist() == [HOUR + 3, HOUR + 4, HOUR + 5, HOUR + 9, HOUR + 10]
