"""Surge detection at an event: cheap thresholds that miss no surge, and the full test after them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.demand.seasonal_profile import line_index
from sensing.detection.surge import HISTORY_DAYS_MIN, THRESHOLD_NONE, is_surge
from sensing.detection.window_statistics import line_dispersion
from sensing.machines.kernel_tables import CALLBACK, CALLBACKS_MAX, SURGE
from sensing.machines.shard_state import ShardState
from sensing.machines.surge_thresholds import add_callback, check_surge, is_surge_now, set_surge_thresholds
from tests.demand.oracles import window_lines
from tests.machines.made_tables import DAY, one_row

seeds = st.integers(0, 10_000)
WINDOWS = (24, 72)


def learned(seed: int, days: int | None = None) -> ShardState:
    """One row with a random level, weekday profile and hours of the week."""
    rng = np.random.default_rng(seed)
    state = one_row()
    demand, pool = state.demand.demand[0], state.demand.pool[0]
    demand["usual_lines"][:-1] = rng.uniform(0.0, 900.0, len(demand["usual_lines"]) - 1)
    demand["usual_lines"][-1] = rng.choice([0.0, 0.05, 0.7, 3.0, 40.0, 200.0]) * rng.uniform(0.5, 1.5)
    demand["lines_square"] = demand["usual_lines"][-1] * rng.uniform(0.5, 5.0)
    demand["days"] = rng.integers(10, 400) if days is None else days
    demand["weekday_expected"] = rng.uniform(0.0, 200.0, 7)
    demand["weekday_quantity"] = demand["weekday_expected"] * rng.uniform(0.0, 3.0, 7)
    pool["weekday_index"] = rng.uniform(-0.9, 1.0, 7)
    pool["line_index"] = rng.uniform(-0.9, 1.0, 7)
    shares = rng.dirichlet(np.full(24, 0.2), 7)
    pool["share"] = shares - 1.0 / 24.0
    return state


def judged(state: ShardState, hours: int, observed: int) -> bool:
    """The full test by hand: expected lines hour by hour, then the threshold."""
    demand, pool = state.demand.demand, state.demand.pool
    last = int(state.rows.hot["hour"][0])
    factors = [line_index(demand, 0, pool, 0, weekday) for weekday in range(7)]
    level, days = float(demand["usual_lines"][0, -1]), float(demand["days"][0])
    expected = window_lines(level, factors, pool["share"][0] + 1.0 / 24.0, last - hours + 1, last + 1)
    dispersion = line_dispersion(demand["lines_square"][0], demand["usual_lines"][0, -1], days)
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
    assert is_surge_now(state.tables(), 0, hours, observed) == judged(state, hours, observed)


@given(seeds, st.integers(0, 23))
def test_no_surge_of_the_next_day_is_below_its_floor(seed: int, hour: int) -> None:
    """Whenever a count is a surge in a window that ends on the day after the close, it is at or above the threshold."""
    state = learned(seed)
    set_surge_thresholds(state.tables(), np.array([0]), DAY - 1)
    record = at_hour(state, hour)
    for hours in WINDOWS:
        threshold = int(record[f"surge_threshold_{hours}"])
        below = {threshold - 1, threshold - 2, threshold // 2, 5, 10} - {
            count for count in (5, 10) if count >= threshold
        }
        assert not any(is_surge_now(state.tables(), 0, hours, count) for count in sorted(below) if count >= 0)


@given(seeds)
def test_floors_are_no_lower_than_they_must_be(seed: int) -> None:
    """At its threshold a count is a surge at some hour of the day, and one line less at none."""
    state = learned(seed, days=100)
    set_surge_thresholds(state.tables(), np.array([0]), DAY - 1)
    for hours in WINDOWS:
        threshold = int(state.rows.hot[f"surge_threshold_{hours}"][0])
        if threshold == THRESHOLD_NONE:
            continue
        found = []
        for hour in range(24):
            at_hour(state, hour)
            found.append((judged(state, hours, threshold), judged(state, hours, threshold - 1)))
        assert any(at for at, _ in found)
        assert not any(below for _, below in found)


@given(
    seeds, st.integers(0, 23), st.integers(0, 300), st.integers(0, 60), st.integers(-1, 1), st.booleans(), st.booleans()
)
def test_every_surge_is_noted(
    seed: int, hour: int, window_24: int, more: int, floors_of: int, late: bool, larger: bool
) -> None:
    """Whether or not the thresholds are for this day, a window that is a surge is noted, and larger lines are, and
    nothing else; the day's window only for a line that is in it.
    """
    state = learned(seed)
    set_surge_thresholds(state.tables(), np.array([0]), DAY - 1 + floors_of)
    record = at_hour(state, hour, window_24, window_24 + more)
    callbacks = np.zeros(CALLBACKS_MAX, CALLBACK)
    added = check_surge(state.tables(), 0, int(record["hour"]) - (24 if late else 0), larger, callbacks, 1)
    expected = larger or (not late and judged(state, 24, window_24)) or judged(state, 72, window_24 + more)
    assert added == 1 + expected
    if expected:
        assert (callbacks["kind"][1], callbacks["row"][1]) == (SURGE, 0)
        assert np.isnan(callbacks["quantity"][1])


def test_rows_without_history_have_no_floor() -> None:
    """A row is not judged before its fourteenth day; its thresholds say so, and hold for the day after the close."""
    for days, expected in ((HISTORY_DAYS_MIN - 1, True), (HISTORY_DAYS_MIN, False)):
        state = learned(3, days=int(days))
        set_surge_thresholds(state.tables(), np.array([0]), DAY - 1)
        record = state.rows.hot[0]
        assert (record["surge_threshold_24"] == THRESHOLD_NONE, record["surge_threshold_72"] == THRESHOLD_NONE) == (
            expected,
            expected,
        )
        assert record["thresholds_day"] == DAY & 255


def test_monday_morning_is_no_surge() -> None:
    """Where 40 lines are due on Monday at 9, 40 lines are none, and at night they are."""
    state = one_row()
    demand, pool = state.demand.demand[0], state.demand.pool[0]
    demand["usual_lines"], demand["lines_square"], demand["days"] = 40.0, 60.0, 100
    share = np.full((7, 24), 0.001)
    share[:, 9] = 1.0 - 0.023
    pool["share"] = share - 1.0 / 24.0
    at_hour(state, 9)
    assert not is_surge_now(state.tables(), 0, 24, 40)
    pool["line_index"][:] = -0.95
    assert is_surge_now(state.tables(), 0, 24, 40)


@pytest.mark.parametrize("added", [0, 2])
def test_notes_are_written_one_after_the_other(added: int) -> None:
    """A note goes to the next place and is counted."""
    callbacks = np.zeros(CALLBACKS_MAX, CALLBACK)
    assert add_callback(callbacks, added, SURGE, 7, 2.5) == added + 1
    assert callbacks[added].tolist() == (SURGE, 7, 2.5)
    assert np.count_nonzero(callbacks["kind"]) == 1
