"""Booking of order lines into buckets and open demand, kernel by kernel. `test_absorb` tests them together.

Booking, eviction and large lines reach book_excess, evict_line and is_demand.
"""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import NO_DAY
from sensing.contracts.reference import LocationUpdated
from sensing.detection.order_size import learn_row_mode, learn_row_size, taught_quantity
from sensing.machine_settings import HOUR_MS
from sensing.machines import booking
from sensing.machines.row_lookup import resolve_records
from sensing.machines.shard_state import ShardState
from sensing.state.line_table import (
    BOOKED_DAY,
    CLOSED,
    COUNTED,
    EVICTED,
    EVICTED_OPEN,
    HELD,
    LARGE,
    TRACKED_OPEN,
    find_line,
)
from sensing.state.line_table import COUNT as COUNT_OF_LINES
from sensing.state.observed_hours import RING_HOURS
from sensing.state.rows import RECENT_DAYS
from sensing.supply.backlog import open_days
from sensing.supply.supply_record import INVENTORY, ORDERS
from tests.machines.made_tables import DAY, NOON, MadeTexts, events, one_row

HOUR = NOON // HOUR_MS
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def line(
    state: ShardState, number: int = 1, flags: int = TRACKED_OPEN, hour: int = HOUR, quantity: int = 0,
    shipped: int = 0, placed: int = 1,
) -> int:  # fmt: skip
    """Slot of a new line of row 0 that is not booked."""
    slot = booking.new_line(state.tables(), np.uint64(number), np.uint64(number << 7), 0, hour)
    found = state.lines.lines[slot]
    found["flags"], found["quantity"], found["shipped"], found["placed_tag"] = flags, quantity, shipped, placed
    found["requested_day"] = hour // 24
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
    booking.advance_row(state.tables(), 0, HOUR - 50)
    assert (hot["hour"], hot["first_hour"]) == (HOUR, HOUR)
    booking.advance_row(state.tables(), 0, HOUR + 24)
    assert (hot["hour"], hot["day"], hot["first_hour"], hot["closed_day"]) == (HOUR + 24, DAY + 1, HOUR, DAY - 1)


@given(st.lists(st.integers(HOUR - 60, HOUR + 60), min_size=1, max_size=6))
def test_a_row_is_reached_with_or_without_the_other_tables(hours: list[int]) -> None:
    """Purchase orders and movements, which need only its records, do to a row what orders do."""
    state, other = one_row(), one_row()
    for hour in hours:
        booking.advance_row(state.tables(), 0, hour)
        booking.advance_row_of(other.rows.hot, 0, hour)
    assert state.rows.hot.tobytes() == other.rows.hot.tobytes()


@pytest.mark.parametrize("requested", [NO_DAY, DAY - 3000, DAY, DAY + 13, DAY + 99, DAY + 3653])
@pytest.mark.parametrize("tracked", [0, TRACKED_OPEN])
@pytest.mark.parametrize("placed", [0, 1])
def test_what_is_booked_can_be_taken_out(requested: int, tracked: int, placed: int) -> None:
    """A booked line stands in its buckets and its location, if it was placed, and in open demand, if it is tracked.

    Taken out, nothing is left.
    """
    state = one_row()
    slot = line(state, flags=tracked, quantity=7000, placed=placed)
    t = state.tables()
    booking.request(t, slot, requested)
    booking.book_line(t, slot)
    found = state.lines.lines[slot]
    assert booked(state) == (7000 * placed, placed, placed, 7000 if tracked else 0)
    assert found["requested_day"] == (DAY if requested == NO_DAY else requested)
    assert bool(found["flags"] & BOOKED_DAY) == (requested == NO_DAY)
    assert bool(found["flags"] & COUNTED) == bool(placed)
    assert open_days(state.supply.supply, state.lines.lines, 0) == ({found["requested_day"]: 7.0} if tracked else {})
    booking.unbook(t, slot)
    assert booked(state) == (0, 0, 0, 0)
    assert found["flags"] & COUNTED == 0


def test_a_requested_day_replaces_the_booked_one() -> None:
    """A line that asks for a day is no longer due on its booked day, and again is if it asks for none."""
    state = one_row()
    slot = line(state)
    found = state.lines.lines[slot]
    for requested, expected in ((NO_DAY, DAY), (DAY + 5, DAY + 5), (NO_DAY, DAY)):
        booking.request(state.tables(), slot, requested)
        assert (found["requested_day"], bool(found["flags"] & BOOKED_DAY)) == (expected, requested == NO_DAY)


@pytest.mark.parametrize(("quantity", "shipped", "flags"), [(0, 0, 0), (0, 4000, 0), (5000, 0, CLOSED)])
def test_nothing_is_booked_for_nothing(quantity: int, shipped: int, flags: int) -> None:
    """A line without demand is no order line and does not bring its row to life."""
    state = one_row()
    booking.book_line(state.tables(), line(state, flags=TRACKED_OPEN | flags, quantity=quantity, shipped=shipped))
    assert booked(state) == (0, 0, 0, 0)
    assert state.rows.hot["active"][0] == 0


@pytest.mark.parametrize(("shipped", "demand"), [(2000, 2000), (9000, 9000)])
def test_what_was_shipped_of_an_ended_line_is_booked(shipped: int, demand: int) -> None:
    """The demand of a cancelled or closed line is what was shipped, more than was ordered included."""
    state = one_row()
    booking.book_line(state.tables(), line(state, flags=TRACKED_OPEN | CLOSED, quantity=5000, shipped=shipped))
    assert booked(state) == (demand, 1, 1, 0)


def test_open_changes_follow_the_line() -> None:
    """A change stands under the line's requested day; a line that rises above zero is linked and needs more stock."""
    state = one_row()
    state.rows.hot["stock_threshold"][0] = 1.0
    t = state.tables()
    first, second = (line(state, number, quantity=5000) for number in (1, 2))
    for slot in (first, second):
        booking.request(t, slot, DAY + 2)
        booking.change_open(t, slot, 5000)
    assert state.rows.hot["stock_threshold"][0] == 11.0
    state.lines.lines["shipped"][first] = 2000
    booking.change_open(t, first, -2000)
    booking.change_open(t, second, 0)
    assert state.supply.supply["open_total"][0] == 8000
    assert open_days(state.supply.supply, state.lines.lines, 0) == {DAY + 2: 8.0}
    assert state.rows.hot["stock_threshold"][0] == 11.0


def test_an_open_line_moves_to_another_row() -> None:
    """A line leaves the list of its row before it is booked in another."""
    state = one_row()
    resolve_records(state, events({"location": "M"}), MadeTexts())
    t = state.tables()
    slots = [line(state, number, quantity=1000 * number) for number in (1, 2, 3)]
    for slot in slots:
        booking.book_line(t, slot)
    for row in (0, 1):
        booking.unbook(t, slots[1])
        booking.move_line(t, slots[1], row)
        booking.book_line(t, slots[1])
    supply = state.supply.supply
    assert supply["open_total"].tolist() == [4000, 2000]
    assert [sum(open_days(supply, state.lines.lines, row).values()) for row in (0, 1)] == [4.0, 2.0]


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
def test_sizes_are_learned_by_row(quantities: list[int]) -> None:
    """Each line goes into the row's statistics and its most frequent size."""
    state = one_row()
    row: Any = (0.0, 0.0, 0.0, 0.0)
    mode = (0.0, 0.0)
    for quantity in quantities:
        booking.learn_sizes(state.tables(), 0, quantity)
        row = learn_row_size(row[0], row[1], row[2], row[3], quantity / 1000)
        row = tuple(float(np.float32(value)) for value in row)
        mode = learn_row_mode(*mode, quantity / 1000)
        mode = float(np.float32(mode[0])), float(np.float32(mode[1]))
    hot = state.rows.hot[0]
    assert [hot[f"size_{name}"] for name in ("count", "mean", "variance", "max")] == pytest.approx(
        row, rel=1e-5, abs=1e-5
    )
    assert (hot["size_mode"], hot["size_mode_lead"]) == pytest.approx(mode, rel=1e-5)


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=20))
def test_an_average_line_is_spread_and_no_usual_size(quantities: list[int]) -> None:
    """The spread is learned as from a line; the most frequent size stays."""
    by_line, by_average = one_row(), one_row()
    for quantity in quantities:
        booking.learn_sizes(by_line.tables(), 0, quantity)
        booking.learn_spread(by_average.rows.hot[0], quantity / 1000)
    for name in ("size_count", "size_mean", "size_variance", "size_max"):
        assert by_line.rows.hot[name][0] == by_average.rows.hot[name][0]
    assert by_average.rows.hot["size_mode"][0] == 0.0


@pytest.mark.parametrize(("until", "demand"), [(DAY - 1, 5000), (DAY, 0), (DAY + 1, 0)])
def test_a_line_within_the_sums_is_open_and_no_demand(until: int, demand: int) -> None:
    """The sums up to the line's local day have its demand in them."""
    state = one_row()
    state.summed_until[0] = state.newest_sum[0] = until
    t, slot = state.tables(), line(state, quantity=5000)
    assert booking.is_summed(t, t.lines[slot]) == (demand == 0)
    booking.book_line(t, slot)
    assert booked(state)[0] == demand
    assert booked(state)[3] == 5000
    booking.unbook(t, slot)
    assert booked(state) == (0, 0, 0, 0)


def test_models_do_not_learn_the_excess_of_a_large_line() -> None:
    """What a large line exceeds twice the row's largest by is kept under its day, and goes with the line."""
    state = one_row()
    state.rows.hot["size_max"][0] = np.log(10.0)
    t = state.tables()
    booking.book_line(t, line(state, 1, quantity=50_000))
    slot = line(state, 2, flags=TRACKED_OPEN | LARGE, quantity=100_000)
    booking.book_line(t, slot)
    excess = state.rows.hot["excess"][0]
    assert excess[DAY % RECENT_DAYS] == pytest.approx(100.0 - taught_quantity(np.log(10.0)), rel=1e-6)
    booking.unbook(t, slot)
    assert not excess.any()
    booking.book_line(t, line(state, 3, flags=TRACKED_OPEN | LARGE, quantity=100_000, hour=HOUR - 24 * RECENT_DAYS))
    assert not excess.any()


def test_hearing_never_goes_back() -> None:
    """The newest event time of each input is kept, in seconds."""
    state = one_row()
    for source, time in ((ORDERS, NOON), (ORDERS, NOON - 5000), (INVENTORY, 7999)):
        booking.mark_seen(state.tables(), 0, source, time)
    assert state.supply.supply["last_seen"][0].tolist() == [NOON // 1000, 7, 0]


def known(state: ShardState) -> list[int]:
    """Numbers of the lines in the table, as :func:`line` gave them."""
    return sorted(int(number) for number in state.lines.in_use()["key_hi"])


def test_a_full_table_evicts_finished_lines_first() -> None:
    """A finished line gives way however young it is; the hand goes round the table, so that each slot has its turn."""
    state = one_row(lines_max=4)
    for number, shipped in ((1, 0), (2, 5000), (3, 0), (4, 5000)):
        booking.book_line(state.tables(), line(state, number, quantity=5000, shipped=shipped, hour=HOUR + number))
    assert booked(state) == (20_000, 4, 4, 10_000)
    line(state, 5, quantity=5000)
    assert known(state) == [1, 3, 4, 5]
    line(state, 6, quantity=5000)
    assert known(state) == [1, 3, 5, 6]
    assert booked(state) == (20_000, 4, 4, 10_000)
    assert state.lines.state[[EVICTED, EVICTED_OPEN]].tolist() == [2, 0]


def test_a_table_full_of_open_lines_evicts_an_open_one_and_says_so() -> None:
    """It leaves open demand without what was shipped of it; its buckets stay, and its row's list goes on."""
    state = one_row(lines_max=3)
    t = state.tables()
    for number, shipped in ((1, 1000), (2, 0), (3, 0)):
        booking.book_line(t, line(state, number, quantity=5000, shipped=shipped))
    assert booked(state) == (15_000, 3, 3, 14_000)
    slot = line(state, 4)
    assert booked(state) == (15_000, 3, 3, 10_000)
    assert known(state) == [2, 3, 4]
    assert find_line(t.lines, t.line_index, np.uint64(4), np.uint64(4 << 7)) == slot
    assert state.lines.state[[EVICTED, EVICTED_OPEN]].tolist() == [0, 1]
    assert open_days(state.supply.supply, state.lines.lines, 0) == {DAY: 10.0}


def test_a_held_line_is_evicted_after_finished_ones() -> None:
    """A line whose version waits for a person is kept as long as a finished one can go."""
    state = one_row(lines_max=2)
    line(state, 1, flags=HELD, quantity=5000)
    line(state, 2, quantity=5000, shipped=5000)
    line(state, 3, quantity=5000, shipped=5000)
    line(state, 4, quantity=5000)
    assert known(state) == [1, 4]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=40), st.integers(1, 6))
def test_open_demand_is_that_of_the_lines_kept(arrivals: list[tuple[bool, int]], lines_max: int) -> None:
    """Whatever is evicted, the table never exceeds its bound and open demand is the sum of its open lines.

    An open line goes only if all are open.
    """
    state = one_row(lines_max=lines_max)
    for number, (is_open, units) in enumerate(arrivals, start=1):
        before = state.lines.in_use()
        finished = int((before["shipped"] == before["quantity"]).sum())
        evicted = state.lines.state[[EVICTED, EVICTED_OPEN]].tolist()
        quantity = 1000 * units
        booking.book_line(state.tables(), line(state, number, quantity=quantity, shipped=0 if is_open else quantity))
        full = len(before) == lines_max
        expected = [evicted[0] + (full and finished > 0), evicted[1] + (full and finished == 0)]
        assert state.lines.state[[EVICTED, EVICTED_OPEN]].tolist() == expected
        kept = state.lines.in_use()
        assert len(kept) == state.lines.state[COUNT_OF_LINES] == min(number, lines_max)
        assert number in kept["key_hi"]
        assert state.supply.supply["open_total"][0] == (kept["quantity"] - kept["shipped"]).sum()
        assert sum(open_days(state.supply.supply, state.lines.lines, 0).values()) * 1000 == pytest.approx(
            (kept["quantity"] - kept["shipped"]).sum()
        )
