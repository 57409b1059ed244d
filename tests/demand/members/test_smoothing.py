"""The smoothing members against their oracle."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.demand.demand_record import DEMAND
from sensing.demand.members.smoothing import PROFILE_LEVEL, RATES, SMOOTHING, level_field
from sensing.demand.row_statistics import count_day
from tests.demand import oracles

days = st.lists(st.tuples(st.integers(0, 50).map(float), st.floats(0.0, 3.0)), max_size=80)


def learned(series: list[tuple[float, float]]) -> NDArray[Any]:
    """A row whose members have learned days of units and seasonal index."""
    found = np.zeros(1, DEMAND)
    for units, seasonal_index in series:
        for member in SMOOTHING:
            member.learn(found, 0, units, seasonal_index, 1.0, 1.0)
        count_day(found, 0, units, seasonal_index)
    return found


def levels(found: NDArray[Any]) -> list[float]:
    """What each member predicts for an average day."""
    return [member.predict(found, 0, 1.0) for member in SMOOTHING]


@given(series=days)
def test_levels_are_the_oracles(series: list[tuple[float, float]]) -> None:
    """Every level is the weighted mean first and the smoothed level afterwards, to single precision."""
    expected = [oracles.levels([u for u, _ in series], [f for _, f in series], rate) for rate in RATES]
    assert levels(learned(series)) == pytest.approx(expected, rel=1e-3, abs=1e-2)


@given(series=days, size=st.floats(0.1, 50.0), share=st.floats(0.1, 1.0), prior=st.floats(1.0, 6.0))
def test_a_started_row_has_days_of_the_prior(
    series: list[tuple[float, float]], size: float, share: float, prior: float
) -> None:
    """The level is as if it had been learned from so many days of it before."""
    found = np.zeros(1, DEMAND)
    for member in SMOOTHING:
        member.start(found, 0, size, share)
    assert levels(found) == pytest.approx([size * share] * len(RATES), rel=1e-6)
    found["prior_days"] = prior
    for units, seasonal_index in series:
        for member in SMOOTHING:
            member.learn(found, 0, units, seasonal_index, 1.0, 1.0)
        count_day(found, 0, units, seasonal_index)
    seen = [(prior * size * share, prior), *series]
    expected = [oracles.levels([u for u, _ in seen], [f for _, f in seen], rate) for rate in RATES]
    assert levels(found) == pytest.approx(expected, rel=1e-3, abs=1e-2)


@given(units=st.floats(0.0, 1e6), length=st.integers(1, 100))
def test_constant_demand_is_its_own_level(units: float, length: int) -> None:
    """A constant series has that level at every rate, from the first day on."""
    assert levels(learned([(units, 1.0)] * length)) == pytest.approx([units] * len(RATES), rel=1e-5)


def test_a_day_of_index_zero_does_not_lower_the_level() -> None:
    """A day of seasonal index 0 without demand leaves the levels alone."""
    assert levels(learned([(5.0, 1.0), (0.0, 0.0)])) == pytest.approx([5.0] * len(RATES))


def test_nothing_seen_is_no_level() -> None:
    """A day of no weight is not taken for a mean."""
    assert levels(learned([(5.0, 0.0), (5.0, 1e-4)])) == [0.0] * len(RATES)


def test_forecasts_are_proportional_to_the_seasonal_index() -> None:
    """The level is the member's own field, times the index."""
    found = np.zeros(1, DEMAND)
    found[level_field(PROFILE_LEVEL.rate)] = 4.0
    assert PROFILE_LEVEL.predict(found, 0, 1.5) == 6.0
    assert level_field(0.04) == "level_0_04"
