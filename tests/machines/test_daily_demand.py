"""Daily sums of demand from before the engine began, against plain sums."""

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import Kind
from sensing.machine_settings import DAY_MINUTES, DAY_MS
from sensing.machines.daily_demand import apply_daily, lines_in_hour
from sensing.machines.kernel_tables import ABSORBED, ABSORBED_LATE, DUPLICATE
from sensing.state.observed_hours import lines_of_hour
from tests.machines.made_tables import DAY, NOON, events, one_row


@given(st.integers(1, 100_000), st.integers(0, 23))
def test_lines_are_spread_evenly(lines: int, first: int) -> None:
    """Each hour has the whole numbers within its 24th of the lines; the hours begin with ``first``."""
    found = [lines_in_hour(lines, hour, first) for hour in range(24)]
    ordered = found[first:] + found[:first]
    ends = [int(Fraction(number * lines, 24)) for number in range(25)]
    assert ordered == [end - begin for begin, end in pairwise(ends)]
    assert sum(found) == lines


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 10**6), st.integers(1, 90)), max_size=8), st.booleans())
def test_days_are_booked_as_their_sums(days: list[tuple[int, int, int]], repeated: bool) -> None:
    """Quantity and lines of a day add up, a repeat changes nothing, and nothing is open."""
    state = one_row()
    expected: dict[int, tuple[int, int]] = {}
    for number, (back, quantity, lines) in enumerate(days):
        time = NOON - back * DAY_MS
        keys = {"kind": Kind.DAILY, "event_id": f"d{number}", "time": time, "watermark": NOON - 2 * DAY_MS}
        (event,) = events({**keys, "quantity": quantity, "version": lines})
        minute = time // 60_000
        state.lines.ensure(4)
        outcome = apply_daily(state.tables(), event, 0, minute)
        assert outcome == (ABSORBED_LATE if back > 2 else ABSORBED)
        if repeated:
            assert apply_daily(state.tables(), event, 0, minute) == DUPLICATE
        day = minute // DAY_MINUTES
        before = expected.get(day, (0, 0))
        expected[day] = (before[0] + quantity, before[1] + lines)
    hot, of_location = state.rows.hot, state.locations.lines[0]
    for day, (quantity, lines) in expected.items():
        assert hot["day_quantity"][0][day % hot["day_quantity"].shape[1]] == quantity
        assert hot["day_lines"][0][day % hot["day_lines"].shape[1]] == lines
        assert sum(lines_of_hour(of_location, day * 24 + hour) for hour in range(24)) == lines
    assert state.supply.supply["open_total"][0] == 0
    assert DAY in expected or all(back for back, _, _ in days)
