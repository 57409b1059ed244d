"""Each kernel of the demand models against its oracle, and properties for any input."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.demand import calibration, combination, demand_class, seasonal_profile
from sensing.demand.demand_record import CLASSES, DEMAND, GRID, POOL
from tests.demand import oracles

counts = st.integers(0, 50).map(float)
UNOBSERVED = np.zeros((1, 28), np.float32)


def row() -> NDArray[Any]:
    """One row that has seen nothing."""
    return np.zeros(1, DEMAND)


def pool() -> NDArray[Any]:
    """One pool that has seen nothing."""
    return np.zeros(1, POOL)


@given(errors=st.lists(st.floats(0.0, 1e6), min_size=2, max_size=6), seen=st.integers(0, 1000))
def test_weights_are_the_oracles(errors: list[float], seen: int) -> None:
    """Weights add to one, the smaller error never weighs less, and they are the tempered likelihoods."""
    out = np.zeros(len(errors))
    combination.weigh(np.array(errors), float(seen), out)
    expected = oracles.weights(errors, seen, combination.TEMPER, 1.0 / (1.0 - combination.DISCOUNT))
    assert out == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert out.sum() == pytest.approx(1.0)
    assert np.all(np.diff(out[np.argsort(errors)]) <= 1e-12)


def test_nothing_judged_weighs_the_same() -> None:
    """Without a judged day all forecasts weigh the same."""
    out = np.zeros(4)
    combination.weigh(np.array([1.0, 9.0, 4.0, 0.5]), 0.0, out)
    assert out == pytest.approx(np.full(4, 0.25))


@pytest.mark.parametrize(
    ("seen", "sales", "silence", "interval", "square", "name"),
    [
        (15, 15, 0, 1.0, 1.0, "new"),
        (16, 16, 0, 1.0, 1.0, "smooth"),
        (16, 3, 9, 1.0, 1.0, "intermittent"),
        (16, 1, 15, 1.0, 1.6, "lumpy"),
        (57, 1, 55, 1.0, 1.0, "intermittent"),
        (57, 1, 56, 1.0, 1.0, "ending"),
        (400, 3, 0, 1.0, 1.0, "intermittent"),
        (32, 4, 28, 1.0, 1.0, "ending"),
        (14, 14, 0, 1.0, 1.0, "new"),
        (56, 4, 0, 1.31, 1.48, "smooth"),
        (56, 4, 0, 1.33, 1.48, "intermittent"),
        (56, 4, 0, 1.31, 1.50, "erratic"),
        (56, 4, 0, 1.33, 1.50, "lumpy"),
        (56, 4, 28, 3.4, 1.0, "ending"),
        (56, 4, 28, 3.6, 1.0, "intermittent"),
        (56, 4, 27, 1.0, 1.0, "smooth"),
    ],
)
def test_demand_class(seen: int, sales: int, silence: int, interval: float, square: float, name: str) -> None:
    """The bounds are 1.32 days and .49; new and ending come before."""
    found = row()
    found["days"], found["sales"], found["silence"], found["interval"] = seen, sales, silence, interval
    found["size_mean"], found["size_square"] = 1.0, square
    assert name == CLASSES[demand_class.demand_class(found, 0)]


@given(units=st.lists(counts, min_size=7, max_size=7), level=st.floats(0.1, 50.0), weeks=st.integers(1, 30))
def test_pool_factors_average_one(units: list[float], level: float, weeks: int) -> None:
    """Weekday factors of a pool are never negative and average one."""
    found = pool()
    for day in range(7 * weeks):
        found["day_quantity"], found["day_level"] = units[day % 7], level
        seasonal_profile.aggregate_weekday(found, 0, day % 7)
    factors = 1.0 + found["weekday_index"][0]
    assert factors.min() >= 0.0
    assert factors.mean() == pytest.approx(1.0)


@given(lines=st.lists(counts, min_size=7, max_size=7), level=st.floats(0.1, 50.0), weeks=st.integers(1, 30))
def test_lines_have_a_profile_of_their_own(lines: list[int], level: float, weeks: int) -> None:
    """It averages one, and is that of plain discounted sums, whatever the units."""
    found = pool()
    for day in range(7 * weeks):
        found["day_quantity"], found["day_level"] = 1e6 * (day % 7), level
        found["day_lines"], found["day_lines_level"] = lines[day % 7], level
        seasonal_profile.aggregate_weekday(found, 0, day % 7)
        assert (found["day_lines"][0], found["day_lines_level"][0]) == (0.0, 0.0)
    kept = sum(seasonal_profile.POOL_DISCOUNT**week for week in range(weeks))
    ratio = (10.0 + kept * np.array(lines)) / (10.0 + kept * level)
    assert 1.0 + found["line_index"][0] == pytest.approx(ratio / ratio.mean())
    index = np.empty(7)
    seasonal_profile.fill_indices(kept * np.array(lines, float), np.full(7, kept * level), index)
    assert index == pytest.approx(found["line_index"][0])


def test_a_row_differs_from_its_pool_in_lines_as_in_units() -> None:
    """A row that sells twice as much as its pool on a weekday has twice the lines, unless the pool is closed."""
    found, of = row(), pool()
    of["weekday_index"][0], of["line_index"][0] = [0.5, 0, 0, 0, 0, 0, -1.0], [0.2, 0, 0, 0, 0, 0, -0.9]
    assert seasonal_profile.line_index(found, 0, of, 0, 0) == pytest.approx(1.2)
    found["weekday_quantity"][0, 0], found["weekday_expected"][0, 0] = 3e6, 1e6
    found["weekday_quantity"][0, 6], found["weekday_expected"][0, 6] = 3e6, 1e6
    assert seasonal_profile.line_index(found, 0, of, 0, 0) == pytest.approx(2.4, rel=1e-3)
    assert seasonal_profile.line_index(found, 0, of, 0, 6) == pytest.approx(0.1)


def test_row_factor_goes_from_pool_to_own() -> None:
    """A row that has seen nothing has the pool's factor; one that has seen much has its own."""
    found, of = row(), pool()
    of["weekday_index"][0, 2] = 0.5
    assert seasonal_profile.weekday_index(found, 0, of, 0, 2) == pytest.approx(1.5)
    for _ in range(200):
        seasonal_profile.learn_row_profile(found, 0, 2, 400.0, 200.0)
    assert seasonal_profile.weekday_index(found, 0, of, 0, 2) == pytest.approx(2.0, rel=0.01)


@given(square=st.floats(0.0, 1e12), expected=st.floats(0.0, 1e9))
def test_own_dispersion_is_the_oracles(square: float, expected: float) -> None:
    """Variance over mean, of at least a thousandth of a unit a day; a row without data has none."""
    found = row()
    found["square"], found["expected"] = square, expected
    square, expected = float(found["square"][0]), float(found["expected"][0])
    want = square / max(expected, 1e-3) if expected > 0.0 else 0.0
    assert seasonal_profile.own_dispersion(found, 0) == pytest.approx(want, rel=1e-6)


def test_a_sale_after_years_of_silence_is_no_endless_dispersion() -> None:
    """A mean that has fallen to nothing leaves ratio and weekday index finite."""
    found, of = row(), pool()
    found["square"], found["expected"], found["days"] = 0.08, 1e-45, 9000
    assert seasonal_profile.dispersion(found, 0, of, 0) < 100.0
    assert np.isfinite(seasonal_profile.weekday_index(found, 0, of, 0, 3))


def test_christmas_is_left_out_and_a_closed_weekday_is_learned() -> None:
    """A weekday without sales is left out of the profile twice in a row, then it is the profile."""
    found = pool()
    for _ in range(6):
        found["day_quantity"], found["day_level"], found["day_expected"] = 100.0, 100.0, 100.0
        seasonal_profile.aggregate_weekday(found, 0, 4)
    kept = found["quantity"][0, 4]
    for _ in range(seasonal_profile.SHOCKS_MAX):
        found["day_quantity"], found["day_level"], found["day_expected"] = 0.0, 100.0, 100.0
        seasonal_profile.aggregate_weekday(found, 0, 4)
    assert kept == found["quantity"][0, 4]
    for _ in range(40):
        found["day_quantity"], found["day_level"], found["day_expected"] = 0.0, 100.0, 100.0
        seasonal_profile.aggregate_weekday(found, 0, 4)
    assert found["quantity"][0, 4] < 0.5 * kept


def test_holiday_index_learns_holidays() -> None:
    """Holidays that sell three times as much go to a factor of three; other days stay one."""
    found = pool()
    for _ in range(60):
        found["day_holiday"][0] = 300.0, 100.0
        seasonal_profile.aggregate_weekday(found, 0, 0)
    assert seasonal_profile.holiday_index(found, 0, 1.0) == pytest.approx(3.0, rel=0.02)
    assert seasonal_profile.holiday_index(found, 0, 0.0) == 1.0


@given(seed=st.integers(0, 1000), start=st.integers(0, 400), length=st.integers(0, 100))
def test_expected_lines_are_the_oracles(seed: int, start: int, length: int) -> None:
    """Lines of a window are those of its hours; before anything is known the hours are uniform."""
    rng = np.random.default_rng(seed)
    found, of = row(), pool()
    found["usual_lines"][0, -1] = 3.0
    assert seasonal_profile.expected_lines(found, 0, of, 0, UNOBSERVED, start, start + 24) == pytest.approx(3.0)
    kept = np.zeros((7, 24))
    for day in range(20):
        counted = rng.poisson(rng.uniform(0.0, 20.0, 24)).astype(float)
        of["day_hours"][0] = counted
        seasonal_profile.aggregate_hours(of, 0, day % 7)
        kept[day % 7] = seasonal_profile.HOURS_DISCOUNT * kept[day % 7] + counted
        assert not of["day_hours"].any()
    of["line_index"][0] = rng.uniform(-0.5, 0.5, 7)
    shares = oracles.hour_shares(kept, seasonal_profile.HOURS_PRIOR)
    factors = [seasonal_profile.line_index(found, 0, of, 0, weekday) for weekday in range(7)]
    expected = oracles.window_lines(3.0, factors, shares, start, start + length)
    assert seasonal_profile.expected_lines(found, 0, of, 0, UNOBSERVED, start, start + length) == pytest.approx(
        expected
    )
    assert shares.sum(axis=1) == pytest.approx(np.ones(7))


@given(level=st.floats(0.0, 1.0), low=st.floats(0.0, 0.98), width=st.floats(1e-6, 0.02))
def test_below_is_the_oracles(level: float, low: float, width: float) -> None:
    """An atom is below a level by the share of it that is."""
    assert calibration.below(level, low, low + width) == pytest.approx(
        oracles.atom_below(level, low, low + width), abs=1e-9
    )


def test_stated_level_reads_backwards() -> None:
    """If level .99 covered .95 of the days, the nominal level for .95 is .99; calibrated levels stay."""
    found = pool()
    assert calibration.nominal_level(found, 0, 1, 0.95) == pytest.approx(0.95)
    found["rows"] = 1e9
    found["below"][0, 1] = 1e9 * np.array(GRID) ** 4
    found["below"][0, 2] = 1e9 * np.array(GRID)
    assert calibration.nominal_level(found, 0, 1, 0.99**4) == pytest.approx(0.99)
    assert calibration.nominal_level(found, 0, 2, 0.9921) == pytest.approx(0.9921, abs=1e-4)


@given(seed=st.integers(0, 10_000), first=st.floats(0.0, 1.0), second=st.floats(0.0, 1.0))
def test_stated_level_never_falls(seed: int, first: float, second: float) -> None:
    """A higher wanted level never states a lower one, whatever was seen."""
    rng = np.random.default_rng(seed)
    found = pool()
    for _ in range(50):
        low = float(rng.beta(0.5, 0.5)) * 0.99
        calibration.count_below(found, 0, 3, low, low + 0.01)
    calibration.aggregate_calibration(found, 0)
    low, high = sorted((first, second))
    assert calibration.nominal_level(found, 0, 3, low) <= calibration.nominal_level(found, 0, 3, high)
