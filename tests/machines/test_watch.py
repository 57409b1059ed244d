"""Surges on the event itself: floors that no surge is below, and the full test behind them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.demand.profile import weekday_factor
from sensing.detection.lines import line_dispersion
from sensing.detection.surge import FLOOR_NONE, HISTORY_DAYS_MIN, is_surge
from sensing.machines.state import ShardState
from sensing.machines.tables import ATTENTION, ATTENTION_MAX, SURGE
from sensing.machines.watch import note, set_floors, surges_now, watch_surge
from tests.demand.oracles import window_lines
from tests.machines.tables import DAY, one_row

seeds = st.integers(0, 10_000)
WINDOWS = (24, 72)


def learned(seed: int, days: int | None = None) -> ShardState:
    """One row with a random level, weekday profile and hours of the week."""
    rng = np.random.default_rng(seed)
    state = one_row()
    demand, pool = state.demand.demand[0], state.demand.pool[0]
    demand["lines_level"] = rng.choice([0.0, 0.05, 0.7, 3.0, 40.0, 900.0]) * rng.uniform(0.5, 1.5)
    demand["lines_square"] = demand["lines_level"] * rng.uniform(0.5, 5.0)
    demand["days"] = rng.integers(10, 400) if days is None else days
    demand["own_expected"] = rng.uniform(0.0, 200.0, 7)
    demand["own"] = demand["own_expected"] * rng.uniform(0.0, 3.0, 7)
    pool["factor"] = rng.uniform(-0.9, 1.0, 7)
    shares = rng.dirichlet(np.full(24, 0.2), 7)
    pool["share"] = shares - 1.0 / 24.0
    return state


def judged(state: ShardState, hours: int, observed: int) -> bool:
    """The full test by hand: expected lines hour by hour, then the threshold."""
    demand, pool = state.demand.demand, state.demand.pool
    last = int(state.rows.hot["hour"][0])
    factors = [weekday_factor(demand, 0, pool, 0, weekday) for weekday in range(7)]
    level, days = float(demand["lines_level"][0]), float(demand["days"][0])
    expected = window_lines(level, factors, pool["share"][0] + 1.0 / 24.0, last - hours + 1, last + 1)
    dispersion = line_dispersion(demand["lines_square"][0], demand["lines_level"][0], days)
    return is_surge(float(observed), expected, level, dispersion, hours / 24.0, days)


def at_hour(state: ShardState, hour: int, window_24: int = 0, window_72: int = 0) -> Any:
    """Let the row's windows end with ``hour`` of the tests' day and hold so many lines."""
    hot = state.rows.hot
    hot["hour"][0], hot["day"][0] = DAY * 24 + hour, DAY
    hot["window_24"][0], hot["window_72"][0] = window_24, window_72
    return hot[0]


@given(seeds, st.integers(0, 23), st.integers(0, 3000), st.sampled_from(WINDOWS))
def test_surges_are_judged_by_the_hours_of_the_window(seed: int, hour: int, observed: int, hours: int) -> None:
    """The kernel's answer is that of expected lines summed hour by hour."""
    state = learned(seed)
    at_hour(state, hour)
    assert surges_now(state.tables(), 0, hours, observed) == judged(state, hours, observed)


@given(seeds, st.integers(0, 23))
def test_no_surge_of_the_next_day_is_below_its_floor(seed: int, hour: int) -> None:
    """Whenever a count is a surge in a window that ends on the day after the close, it is at or above the floor."""
    state = learned(seed)
    set_floors(state.tables(), np.array([0]), DAY - 1)
    record = at_hour(state, hour)
    for hours in WINDOWS:
        floor = int(record[f"floor_{hours}"])
        below = {floor - 1, floor - 2, floor // 2, 5, 10} - {count for count in (5, 10) if count >= floor}
        assert not any(surges_now(state.tables(), 0, hours, count) for count in sorted(below) if count >= 0)


@given(seeds)
def test_floors_are_no_lower_than_they_must_be(seed: int) -> None:
    """At its floor a count is a surge at some hour of the day, and one line less at none."""
    state = learned(seed, days=100)
    set_floors(state.tables(), np.array([0]), DAY - 1)
    for hours in WINDOWS:
        floor = int(state.rows.hot[f"floor_{hours}"][0])
        if floor == FLOOR_NONE:
            continue
        found = []
        for hour in range(24):
            at_hour(state, hour)
            found.append((judged(state, hours, floor), judged(state, hours, floor - 1)))
        assert any(at for at, _ in found)
        assert not any(below for _, below in found)


@given(seeds, st.integers(0, 23), st.integers(0, 300), st.integers(0, 60), st.integers(-1, 1), st.booleans())
def test_every_surge_is_noted(seed: int, hour: int, window_24: int, more: int, floors_of: int, late: bool) -> None:
    """Whether or not the floors are for this day, a window that is a surge is noted, and nothing else; the day's window
    only for a line that is in it.
    """
    state = learned(seed)
    set_floors(state.tables(), np.array([0]), DAY - 1 + floors_of)
    record = at_hour(state, hour, window_24, window_24 + more)
    attention = np.zeros(ATTENTION_MAX, ATTENTION)
    noted = watch_surge(state.tables(), 0, int(record["hour"]) - (24 if late else 0), attention, 1)
    expected = (not late and judged(state, 24, window_24)) or judged(state, 72, window_24 + more)
    assert noted == 1 + expected
    if expected:
        assert (attention["kind"][1], attention["row"][1]) == (SURGE, 0)
        assert np.isnan(attention["quantity"][1])


def test_rows_without_history_have_no_floor() -> None:
    """A row is not judged before its fourteenth day; its floors say so, and hold for the day after the close."""
    for days, expected in ((HISTORY_DAYS_MIN - 1, True), (HISTORY_DAYS_MIN, False)):
        state = learned(3, days=int(days))
        set_floors(state.tables(), np.array([0]), DAY - 1)
        record = state.rows.hot[0]
        assert (record["floor_24"] == FLOOR_NONE, record["floor_72"] == FLOOR_NONE) == (expected, expected)
        assert record["floors_day"] == DAY & 255


def test_monday_morning_is_no_surge() -> None:
    """Where 40 lines are due on Monday at 9, 40 lines are none, and at night they are."""
    state = one_row()
    demand, pool = state.demand.demand[0], state.demand.pool[0]
    demand["lines_level"], demand["lines_square"], demand["days"] = 40.0, 60.0, 100
    share = np.full((7, 24), 0.001)
    share[:, 9] = 1.0 - 0.023
    pool["share"] = share - 1.0 / 24.0
    at_hour(state, 9)
    assert not surges_now(state.tables(), 0, 24, 40)
    pool["factor"][:] = -0.95
    demand["own_expected"] = 0.0
    assert surges_now(state.tables(), 0, 24, 40)


@pytest.mark.parametrize("noted", [0, 2])
def test_notes_are_written_one_after_the_other(noted: int) -> None:
    """A note goes to the next place and is counted."""
    attention = np.zeros(ATTENTION_MAX, ATTENTION)
    assert note(attention, noted, SURGE, 7, 2.5) == noted + 1
    assert attention[noted].tolist() == (SURGE, 7, 2.5)
    assert np.count_nonzero(attention["kind"]) == 1
