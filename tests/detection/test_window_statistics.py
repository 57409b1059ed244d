"""Expected counts of order lines: variance, shrinkage and the lower tail."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.detection.window_statistics import (
    few_probability,
    line_dispersion,
    reported_window,
    window_variance,
)
from tests.detection import oracles

MEANS = st.floats(0.01, 300.0)
DISPERSIONS = st.floats(1.0, 8.0)
WINDOWS = st.sampled_from([1.0, 3.0, 7.0, 14.0])
HISTORIES = st.floats(1.0, 400.0)


@pytest.mark.parametrize(
    ("square", "level", "days", "expected"),
    [
        (8.0, 2.0, 20.0, (20 * 4.0 + 20 * 1.6) / 40),  # as much evidence as prior
        (8.0, 2.0, 0.0, 1.6),
        (8.0, 2.0, 1000.0, (39 * 4.0 + 20 * 1.6) / 59),  # the level never knows more than 39 days
        (0.1, 2.0, 1000.0, 1.0),  # a count is never judged as less than Poisson
        (0.0, 0.0, 30.0, 1.6),
        (math.nan, math.nan, 30.0, 1.6),
    ],
)
def test_dispersion_is_shrunk(square: float, level: float, days: float, expected: float) -> None:
    """A row's variance-to-mean ratio counts for its days, the usual one for twenty."""
    assert line_dispersion(square, level, days) == pytest.approx(expected)


@given(MEANS, DISPERSIONS, WINDOWS, HISTORIES, st.floats(0.0, 0.5))
def test_variance_adds_three_parts(mean: float, dispersion: float, window: float, history: float, drift: float) -> None:
    """Scatter, open level and drift add up."""
    expected = oracles.variance(mean, dispersion, window, history, drift)

    assert window_variance(mean, dispersion, window, history, drift) == pytest.approx(expected)


@given(st.integers(0, 500), MEANS, DISPERSIONS, WINDOWS, HISTORIES)
def test_the_lower_tail_is_scipys(count: int, mean: float, dispersion: float, window: float, history: float) -> None:
    """It agrees with scipy."""
    few = few_probability(count, mean, dispersion, window, history)

    variance = oracles.variance(mean, dispersion, window, min(history, 39.0), 0.2)
    assert few == pytest.approx(1.0 - oracles.count_tail(count + 1, mean, variance), abs=1e-4)


@pytest.mark.parametrize(
    ("hits", "chances", "expected"),
    [([True, True], [0.2, 0.1], 1), ([True, False], [0.2, 0.1], 0), ([False, False, False], [0.3, 0.1, 0.1], 1)],
)
def test_the_window_that_fired_speaks(hits: list[bool], chances: list[float], expected: int) -> None:
    """One that fired goes before one that only looks unlikely, then the less likely, then the first."""
    assert reported_window(hits, chances) == expected


def test_silence_is_no_news_where_nothing_is_due() -> None:
    """Nothing observed, nothing expected: certain; an unknown count as well."""
    assert few_probability(0.0, 0.0, 1.6, 7.0, 30.0) == 1.0
    assert few_probability(math.nan, 3.0, 1.6, 7.0, 30.0) == 1.0
