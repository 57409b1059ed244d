"""Windows of order lines that end with a closed day, day by day."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.demand.seasonal_profile import line_index
from sensing.detection.drop import expected_before, is_drop
from sensing.detection.window_statistics import line_dispersion
from sensing.machines.line_windows import EMPTY_DAYS_KEPT, SILENCE_DAYS_MAX, WINDOWS, read_windows
from sensing.machines.shard_state import ShardState
from sensing.state.rows import DAYS_KEPT
from tests.machines.made_tables import DAY, one_row


def learned(seed: int, newest: int, silence: int, share_idle: float) -> ShardState:
    """One row with random lines, profile and idle days, whose rings end with day ``newest``."""
    rng = np.random.default_rng(seed)
    state = one_row()
    hot, demand, pool = state.rows.hot[0], state.demand.demand[0], state.demand.pool[0]
    hot["day"], hot["hour"] = newest, newest * 24
    for back in range(DAYS_KEPT):
        hot["day_lines"][(newest - back) % DAYS_KEPT] = 0 if newest - back > DAY - silence else rng.poisson(2.0)
    demand["lines_level"], demand["days"], demand["silence"] = rng.uniform(0.0, 4.0), rng.integers(0, 200), silence
    demand["lines_square"] = rng.uniform(0.0, 8.0)
    demand["weekday_expected"] = rng.uniform(0.0, 90.0, 7)
    demand["weekday_quantity"] = demand["weekday_expected"] * rng.uniform(0.0, 2.0, 7)
    pool["weekday_index"] = rng.uniform(-0.9, 1.0, 7)
    pool["line_index"] = rng.uniform(-0.9, 1.0, 7)
    hot["empty_days"] = rng.choice([0, 1, 0b10110, 2**31 + 7, 2**32 - 1])
    state.locations.unobserved[0] = rng.uniform(0.0, 1.0, DAYS_KEPT) * (rng.uniform(0.0, 1.0, DAYS_KEPT) < share_idle)
    return state


def read(state: ShardState) -> NDArray[Any]:
    """The kernel's record of row 0."""
    found = np.zeros(1, WINDOWS)
    found["dropped"] = 9
    found["observed"] = found["expected"] = np.nan
    read_windows(
        state.rows.hot, state.demand.demand, state.demand.pool, state.locations.unobserved, np.array([0]), DAY, found
    )
    return found


def by_hand(state: ShardState, length: int) -> tuple[float, float]:
    """Lines and expected lines of a window of days that ends with DAY."""
    hot, demand, pool = state.rows.hot[0], state.demand.demand, state.demand.pool
    observed = expected = 0.0
    for back in range(length):
        day = DAY - back
        if hot["day"] - DAYS_KEPT < day <= hot["day"]:
            observed += float(hot["day_lines"][day % DAYS_KEPT])
        share = 1.0 - float(state.locations.unobserved[0, day % DAYS_KEPT]) if back < DAYS_KEPT else 1.0
        if back < EMPTY_DAYS_KEPT and int(hot["empty_days"]) >> back & 1:
            share = 0.0
        expected += share * float(demand["lines_level"][0]) * line_index(demand, 0, pool, 0, (day + 3) % 7)
    return observed, expected


@given(
    seed=st.integers(0, 10_000),
    ahead=st.integers(-30, 2),
    silence=st.one_of(st.integers(0, 30), st.sampled_from((59, 60, 61, 500))),
    idle=st.sampled_from((0.0, 0.2, 1.0)),
)
def test_windows_are_sums_of_days(seed: int, ahead: int, silence: int, idle: float) -> None:
    """Seven days, fourteen, those since the last line: lines of the ring, expected ones of what was observed."""
    state = learned(seed, DAY + ahead, silence, idle)
    found = read(state)[0]
    capped = min(silence, SILENCE_DAYS_MAX)
    expected = [by_hand(state, 7), by_hand(state, 14), (0.0, by_hand(state, capped)[1])]
    assert found["observed"].tolist() == [observed for observed, _ in expected]
    assert found["expected"].tolist() == pytest.approx([value for _, value in expected], rel=1e-6, abs=1e-9)
    assert found["silence_days"] == capped

    demand = state.demand.demand[0]
    level, days = float(demand["lines_level"]), float(demand["days"])
    assert found["dispersion"] == line_dispersion(demand["lines_square"], demand["lines_level"], days)
    drops = [
        is_drop(observed, expected_before(value, observed, level), float(found["dispersion"]), float(length), days)
        for (observed, _), value, length in zip(expected, found["expected"].tolist(), (7, 14, capped), strict=True)
        if length
    ]
    assert found["dropped"] == any(drops)


def busy(silent_days: int) -> ShardState:
    """A row of four lines a day that went silent so many days ago."""
    state = one_row()
    hot, demand = state.rows.hot[0], state.demand.demand[0]
    hot["day"] = DAY
    hot["day_lines"] = 4
    for back in range(silent_days):
        hot["day_lines"][(DAY - back) % DAYS_KEPT] = 0
    demand["lines_level"], demand["lines_square"], demand["days"] = 4.0 * 0.95**silent_days, 4.0, 200
    demand["silence"] = silent_days
    return state


def test_silence_after_steady_demand_is_a_drop() -> None:
    """A week without lines where four a day were usual is a drop; a day without is none."""
    assert read(busy(1))["dropped"].tolist() == [0]
    assert read(busy(7))["dropped"].tolist() == [1]


def test_idle_days_explain_silence() -> None:
    """The same week is not a drop if the location was closed or its source silent."""
    state = busy(7)
    for back in range(7):
        state.locations.unobserved[0, (DAY - back) % DAYS_KEPT] = 1.0
    assert read(state)["dropped"].tolist() == [0]
