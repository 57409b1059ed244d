"""Daily sums of demand from before the engine began, against plain sums and single lines."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import NO_DAY, NOT_GIVEN, THOUSANDTHS, Kind
from sensing.detection.order_size import is_far_outside, learn_row_size, taught_quantity
from sensing.machine_settings import DAY_MS
from sensing.machines.daily_demand import apply_daily, book_sum, learn_sum_sizes
from sensing.machines.kernel_tables import ABSORBED, ABSORBED_LATE, DUPLICATE
from sensing.machines.shard_state import ShardState, dump_state, load_state
from sensing.state.observed_hours import lines_of_hour
from sensing.state.rows import DAYS_KEPT, RECENT_DAYS
from tests.machines.made_tables import DAY, NOON, events, one_row, take


def summed(state: ShardState, number: int, back: int = 0, quantity: int = 40_000, lines: int = 8, **more: int) -> int:
    """Apply a sum of a day some days before DAY; returns the outcome."""
    time = NOON - back * DAY_MS
    keys = {"kind": Kind.DAILY, "event_id": f"d{number}", "time": time, "watermark": NOON - 2 * DAY_MS}
    (event,) = events({**keys, "quantity": quantity, "version": lines, **more})
    state.lines.ensure(4)
    return int(apply_daily(state.tables(), event, 0, time // 60_000))


def day_of(state: ShardState, day: int) -> tuple[int, int]:
    """Quantity and lines of a local day."""
    hot = state.rows.hot[0]
    return int(hot["day_quantity"][day % DAYS_KEPT]), int(hot["day_lines"][day % DAYS_KEPT])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 10**6), st.integers(1, 90)), max_size=8), st.booleans())
def test_days_are_booked_as_their_sums(days: list[tuple[int, int, int]], repeated: bool) -> None:
    """Quantity and lines of a day add up, a repeat changes nothing, nothing is open, and no hour has lines."""
    state = one_row()
    quantities, counts = Counter[int](), Counter[int]()
    for number, (back, quantity, lines) in enumerate(days):
        assert summed(state, number, back, quantity, lines) == (ABSORBED_LATE if back > 2 else ABSORBED)
        if repeated:
            assert summed(state, number, back, quantity, lines) == DUPLICATE
        quantities[DAY - back] += quantity
        counts[DAY - back] += lines
    hot, of_location = state.rows.hot[0], state.locations.lines[0]
    for day in quantities:
        assert day_of(state, day) == (quantities[day], counts[day])
        assert sum(lines_of_hour(of_location, day * 24 + hour) for hour in range(24)) == 0
    assert state.supply.supply["open_total"][0] == 0
    assert hot["hour_lines"].sum() == hot["window_72"] == 0
    assert state.summed_until[0] == state.newest_sum[0] == max(quantities, default=NO_DAY)
    assert of_location["summed"] == bool(days)
    assert of_location["first_hour"] == 24 * min(quantities, default=0)


def test_many_lines_stay_within_their_column() -> None:
    """The line count of a day ends at its largest value."""
    state = one_row()
    summed(state, 0, lines=60_000)
    book_sum(state.tables(), 0, DAY, 1, 60_000)
    assert day_of(state, DAY) == (40_001, 65_535)


@pytest.mark.parametrize("order", ["line first", "sum first"])
def test_a_sum_has_the_lines_of_its_day(order: str) -> None:
    """A line of a day with a sum is open and no demand of its own; its change and its end leave the day alone."""
    state = one_row()
    keys = {"order_id": "O", "time": NOON, "watermark": NOON}
    placed = events({**keys, "quantity": 9000, "quantity_open": 4000})
    if order == "sum first":
        summed(state, 0)
    take(state, placed)
    if order == "line first":
        summed(state, 0)
    assert day_of(state, DAY) == (40_000, 8)
    assert state.supply.supply["open_total"][0] == 4000
    take(state, events({**keys, "kind": Kind.CHANGED, "version": 2, "quantity": 10_000, "event_id": "v2"}))
    assert day_of(state, DAY) == (40_000, 8)
    assert state.supply.supply["open_total"][0] == 5000
    take(state, events({**keys, "kind": Kind.CANCELLED, "event_id": "gone"}))
    assert day_of(state, DAY) == (40_000, 8)
    assert state.supply.supply["open_total"][0] == 0


def test_lines_after_the_newest_sum_are_demand() -> None:
    """Lines of the day after the sums teach, and make the location live."""
    state = one_row()
    summed(state, 0, back=1)
    take(state, events({"order_id": "O", "quantity": 3000}))
    assert day_of(state, DAY) == (3000, 1)
    assert day_of(state, DAY - 1) == (40_000, 8)
    assert state.rows.hot["window_24"][0] == 1
    assert state.locations.lines["summed"][0] == 0


Sum = tuple[int, int, int | None]
"""Thousandths, lines, largest line."""


def expected_sizes(sums: list[Sum]) -> tuple[tuple[float, ...], float]:
    """Order sizes after sums of one day, taught line by line, and the excess of the day."""
    sizes, excess = (0.0, 0.0, 0.0, 0.0), 0.0
    for quantity, lines, largest in sums:
        units = quantity / THOUSANDTHS
        if lines > 1 and largest is None:
            for _ in range(min(lines, 8)):
                sizes = learn_row_size(*sizes, units / lines)
            sizes = (*sizes[:3], max(sizes[3], math.log(units)))
            continue
        most = units if lines == 1 or largest is None else min(largest, quantity) / THOUSANDTHS
        rest = [(units - most) / (lines - 1)] * (min(lines, 8) - 1) if lines > 1 and most < units else []
        if is_far_outside(most, *sizes):
            excess += most - taught_quantity(sizes[3])
            most = taught_quantity(sizes[3])
        for each in [*rest, most]:
            sizes = learn_row_size(*sizes, each)
    return sizes, excess


sums = st.tuples(st.integers(1, 10**6), st.integers(1, 20), st.none() | st.integers(1, 10**6))


@given(st.lists(sums, max_size=30))
def test_sums_teach_sizes_as_their_average_and_largest_lines(given_sums: list[Sum]) -> None:
    """The average line and the largest one are learned; a largest line far outside is capped, the rest is excess."""
    state = one_row()
    state.rows.hot["day"][0] = DAY
    for quantity, lines, largest in given_sums:
        learn_sum_sizes(state.tables(), 0, DAY, quantity, lines, NOT_GIVEN if largest is None else largest)
    hot = state.rows.hot[0]
    sizes, excess = expected_sizes(given_sums)
    found = [float(hot[name]) for name in ("size_count", "size_mean", "size_variance", "size_max")]
    assert found == pytest.approx(sizes, rel=1e-3, abs=2e-3)
    assert float(hot["excess"][DAY % RECENT_DAYS]) == pytest.approx(excess, rel=2e-2, abs=1e-2)


def test_averages_are_no_usual_sizes() -> None:
    """Only the line of a day with one line is a size that customers order."""
    state = one_row()
    summed(state, 0, back=1, quantity=12_000, lines=5)
    assert state.rows.hot["size_mode"][0] == 0.0
    summed(state, 1, quantity=12_000, lines=1)
    assert state.rows.hot["size_mode"][0] == 12.0


def test_sums_survive_a_restart() -> None:
    """A restored shard knows up to which day the sums of a row go."""
    state = one_row()
    summed(state, 0)
    again = ShardState(0, state.settings)
    load_state(again, dump_state(state, b""))
    assert again.summed_until[:2].tolist() == [DAY, NO_DAY]
    assert again.newest_sum[0] == DAY
    assert again.locations.are_summed(again.rows.hot["location"][:1]).tolist() == [True]
