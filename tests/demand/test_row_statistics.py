"""Statistics of a row besides its members, against plain floats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.demand import row_statistics
from sensing.demand.demand_record import DEMAND


@pytest.mark.parametrize(("exposure", "known"), [(0.0, False), (0.99, False), (1.0, True), (40.0, True)])
def test_a_level_is_known_after_a_day_in_all(exposure: float, known: bool) -> None:
    """A row has no errors before its exposure is at least one day."""
    found = np.zeros(1, DEMAND)
    found["exposure"] = exposure
    assert row_statistics.has_level(found, 0) is known


@given(series=st.lists(st.tuples(st.integers(0, 50).map(float), st.floats(0.0, 3.0)), max_size=120))
def test_count_day_counts_days_sales_and_silence(series: list[tuple[float, float]]) -> None:
    """Counts are exact, and exposure is the sum of the seasonal indices."""
    found = np.zeros(1, DEMAND)
    for units, seasonal_index in series:
        row_statistics.count_day(found, 0, units, seasonal_index)
    sold = [place for place, (units, _) in enumerate(series) if units > 0]
    assert found["days"][0] == len(series)
    assert found["sales"][0] == len(sold)
    assert found["silence"][0] == (len(series) - 1 - sold[-1] if sold else len(series))
    assert found["exposure"][0] == pytest.approx(sum(seasonal_index for _, seasonal_index in series), rel=1e-4)


def test_counts_have_a_ceiling() -> None:
    """Full counts stay full."""
    found = np.zeros(1, DEMAND)
    found["days"] = found["sales"] = found["silence"] = row_statistics.COUNT_MAX
    row_statistics.count_day(found, 0, 0.0, 1.0)
    assert found["silence"][0] == row_statistics.COUNT_MAX
    row_statistics.count_day(found, 0, 1.0, 1.0)
    assert (found["days"][0], found["sales"][0], found["silence"][0]) == (65535, 65535, 0)


@given(series=st.lists(st.integers(0, 9).map(float), max_size=60))
def test_learn_sizes_keeps_discounted_means(series: list[float]) -> None:
    """Sizes, their squares and intervals are plain means of the days with demand while these are few."""
    found = np.zeros(1, DEMAND)
    found["sale_rate"] = 0.5
    mean, square, interval, sales, silence = 0.0, 0.0, 0.0, 0, 0
    for units in series:
        row_statistics.learn_sizes(found, 0, units, 1.0, 1.0)
        row_statistics.count_day(found, 0, units, 1.0)
        silence += 1
        if units:
            sales += 1
            gain = max(row_statistics.CLASS_RATE, 1.0 / sales)
            mean += gain * (units - mean)
            square += gain * (units * units - square)
            interval += gain * (silence - interval)
            silence = 0
    assert found["size_mean"][0] == pytest.approx(mean, rel=1e-4)
    assert found["size_square"][0] == pytest.approx(square, rel=1e-4)
    assert found["interval"][0] == pytest.approx(interval, rel=1e-4)


@given(lines=st.lists(st.integers(0, 30), min_size=1, max_size=18))
def test_learn_lines_starts_as_the_mean(lines: list[int]) -> None:
    """The first days' level of lines is their mean."""
    demand = np.zeros(1, DEMAND)
    for at, count in enumerate(lines):
        demand["days"], demand["exposure"] = at, at
        row_statistics.learn_lines(demand, 0, float(count), 1.0, 1.0, 1.0)
    assert demand["lines_level"][0] == pytest.approx(np.mean(lines), rel=1e-4, abs=1e-4)
    assert demand["usual_lines"][0, 0] == pytest.approx(np.mean(lines), rel=1e-4, abs=1e-4)
    assert demand["lines_square"][0] >= 0.0


@given(days=st.lists(st.tuples(st.integers(0, 30), st.floats(0.2, 2.0), st.floats(0.0, 1.0)), min_size=3, max_size=60))
def test_usual_lines_are_those_of_two_closes_ago(days: list[tuple[int, float, float]]) -> None:
    """They learn each day with its weight, as do the squared errors around them, and are told two closes later."""
    demand, usual, square, exposure = np.zeros(1, DEMAND), [0.0], 0.0, 0.0
    for at, (lines, index, weight) in enumerate(days):
        demand["days"], demand["exposure"] = at, exposure
        row_statistics.learn_lines(demand, 0, float(lines), index, 1.0, weight)
        error = lines - index * usual[-1]
        usual.append(max(0.0, usual[-1] + weight * max(0.05, 1.0 / max(exposure + index, 0.5)) * error))
        if demand["exposure"][0] >= 1.0:
            square += weight * max(0.05, 1.0 / at) * (error * error - square)
        exposure += index
    assert row_statistics.usual_lines(demand, 0) == pytest.approx(usual[-3], rel=1e-3, abs=1e-4)
    assert demand["lines_square"][0] == pytest.approx(square, rel=1e-2, abs=1e-3)


@given(
    series=st.lists(st.tuples(st.integers(0, 1000).map(float), st.floats(0.0, 9.0)), max_size=30),
    size=st.floats(0.0, 100.0, width=32),
)
def test_a_day_teaches_a_bounded_quantity(series: list[tuple[float, float]], size: float) -> None:
    """Five times the usual day with demand, its forecast, or the day with demand before, whichever is most; the first
    day with demand teaches all.
    """
    found = np.zeros(1, DEMAND)
    found["size_mean"] = size
    sold: list[float] = []
    for units, mean in series:
        bound = max(5.0 * size, 5.0 * mean, sold[-1]) if sold else units
        assert row_statistics.taught_day(found, 0, units, mean) == min(units, bound)
        row_statistics.count_day(found, 0, units, 1.0)
        sold += [units] if units else []


def test_a_second_day_of_risen_demand_is_learned_whole() -> None:
    """From 2 a day to 400 a day: the first such day teaches ten units."""
    found = np.zeros(1, DEMAND)
    taught = []
    for units in [2.0] * 20 + [400.0] * 2:
        taught.append(row_statistics.taught_day(found, 0, units, 2.0))
        row_statistics.learn_sizes(found, 0, taught[-1], 1.0, 1.0)
        row_statistics.count_day(found, 0, taught[-1], 1.0)
    assert taught == [2.0] * 20 + [10.0, 400.0]


@given(square=st.floats(0.0, 100.0), level=st.floats(0.1, 50.0), days=st.floats(0.0, 60.0))
def test_shrunk_dispersion_counts_its_prior_as_twenty_days(square: float, level: float, days: float) -> None:
    """The ratio of each day and of the twenty days of the prior, on average, and at least 1."""
    mean = np.average([square / level, row_statistics.DISPERSION_PRIOR], weights=[days, 20.0])
    assert row_statistics.shrunk_dispersion(square, level, days) == pytest.approx(max(1.0, mean))


@given(exposure=st.floats(0.0, 200.0), seasonal_index=st.floats(0.0, 3.0))
def test_level_gain_is_that_of_a_mean_before_the_rate(exposure: float, seasonal_index: float) -> None:
    """One over the exposure with the day, of half a day at least, until that is less than the rate."""
    seen = exposure + seasonal_index
    expected = 0.05 if seen >= 20.0 else 1.0 / (seen if seen > 0.5 else 0.5)
    assert row_statistics.level_gain(0.05, exposure, seasonal_index) == pytest.approx(expected)
