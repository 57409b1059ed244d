"""order_surge: the threshold, the cheap threshold before the full test, the finding and its sentences."""

from math import nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.detection.finding import Finding
from sensing.detection.order_size import RUN_MIN, run_chance
from sensing.detection.surge import (
    LIFT_MIN,
    ORDER_SURGE,
    PROBABILITY_MAX,
    RUN_CLEARED,
    THRESHOLD_NONE,
    WINDOWS_HOURS,
    SurgeEvidence,
    baseline_lines,
    is_surge,
    surge_probability,
    surge_step,
    surge_threshold,
)
from tests.detection import oracles
from tests.detection.contexts import NOW, context, details


def surge(
    observed: tuple[float, ...], expected: tuple[float, ...], level: float, price: float = nan, **more: Any
) -> Finding:
    """The finding about a row with 60 days of history."""
    evidence = SurgeEvidence(
        observed=observed, expected=expected, lines_level=level, dispersion=1.6, history_days=60.0, **more
    )
    return ORDER_SURGE.finding(context(price=price), evidence)


LEVELS = st.floats(0.0, 120.0)
DISPERSIONS = st.floats(1.0, 6.0)
WINDOWS = st.sampled_from([1.0, 3.0])
HISTORIES = st.floats(0.0, 200.0)


@given(st.integers(0, 400), LEVELS, st.floats(0.0, 2.0), DISPERSIONS, WINDOWS, HISTORIES)
def test_opening_threshold_is_the_stated_one(
    count: int, level: float, share: float, dispersion: float, window: float, history: float
) -> None:
    """A surge needs history, a minimum count, a lift and an unlikely count, nothing else."""
    expected = level * window * share
    baseline = baseline_lines(expected, level, window, history)
    chance = surge_probability(count, expected, level, dispersion, window, history)
    limit = PROBABILITY_MAX[0] if window == 1.0 else PROBABILITY_MAX[1]
    if abs(chance / limit - 1.0) < 1e-4 or abs(count - LIFT_MIN * baseline) < 1e-9:
        return

    wanted = oracles.is_surge(count, expected, level, dispersion, window, history)

    assert is_surge(count, expected, level, dispersion, window, history) == wanted


@given(LEVELS, st.floats(0.0, 2.0), st.floats(1.0, 3.0), DISPERSIONS, WINDOWS, st.floats(14.0, 200.0))
def test_floor_is_below_every_surge_of_the_day(
    level: float, share: float, more: float, dispersion: float, window: float, history: float
) -> None:
    """No count below the threshold of the day's quietest window is a surge in any busier window."""
    quietest = level * window * share

    threshold = surge_threshold(quietest, level, dispersion, window, history)

    assert is_surge(threshold, quietest, level, dispersion, window, history)
    for count in (threshold - 1, threshold - 2):
        assert not is_surge(count, quietest, level, dispersion, window, history)
        assert not is_surge(count, quietest * more, level, dispersion, window, history)


def test_no_floor_without_history() -> None:
    """A row of less than two weeks is not judged: its threshold is out of reach."""
    assert surge_threshold(1.0, 1.0, 1.6, 1.0, 13.0) == THRESHOLD_NONE
    assert not is_surge(500, 1.0, 1.0, 1.6, 1.0, 13.0)


def test_monday_morning_is_no_surge() -> None:
    """Fifteen lines by 9 a.m. are a surge where 2 are due in these hours, and none where the hours explain 8."""
    assert is_surge(15, 2.0, 5.0, 1.6, 1.0, 60.0)
    assert not is_surge(15, 8.0, 5.0, 1.6, 1.0, 60.0)


def test_one_order_on_a_closed_day_is_no_surge() -> None:
    """Where nothing is due, a window is judged against a quarter of an average one."""
    assert baseline_lines(0.0, 20.0, 1.0, 50.0) == pytest.approx(5.0 + 0.01)
    assert not is_surge(9, 0.0, 20.0, 1.6, 1.0, 60.0)


def test_step_asks_for_half_as_many_again() -> None:
    """An open surge is looked at again when its count has grown by half."""
    assert surge_step(11.0) == 17
    assert surge_step(65_000.0) == THRESHOLD_NONE


def test_crossing_line_opens_at_once() -> None:
    """The finding names the stronger window, its evidence, the money of the excess and the cause."""
    found = surge((18, 20), (3.2, 9.5), 3.5, 2.0, units_per_line=10.0)

    assert (found.exception_type, found.key, found.active, found.cleared) == ("order_surge", "85123A|UK", True, False)
    assert (found.observed, found.expected) == (18.0, 3.2)
    assert found.probability is not None
    assert found.probability < 3e-3
    assert (found.window_start, found.window_end) == (NOW - 24 * 3_600_000, NOW)
    assert found.money == pytest.approx((18 - 3.2) * 10 * 2.0)
    assert found.currency == "GBP"
    assert found.cause_event_ids == ("e1",)
    assert found.reason == (
        "18 order lines in the last 24 hours where 3.2 are usual for these hours, 5.61 times as many "
        f"(a chance of 1 in {round(1 / found.probability):,})."
    )


def test_longer_window_speaks_when_it_is_the_one_that_fired() -> None:
    """A surge spread over three days is seen in the window of 72 hours."""
    found = surge((9, 34), (4.0, 11.0), 4.0)

    assert found.active
    assert found.observed == 34.0
    assert details(found)["window_hours"] == WINDOWS_HOURS[1]
    assert found.money is None
    assert found.currency is None


@pytest.mark.parametrize(
    ("counts", "closing", "active", "cleared"),
    [
        ((18, 20), True, True, False),
        ((7, 14), True, False, False),  # between the thresholds
        ((4, 12), True, False, True),
        ((4, 12), False, False, False),  # only a close ends a surge
    ],
)
def test_lower_threshold_ends_a_surge(counts: tuple[int, int], closing: bool, active: bool, cleared: bool) -> None:
    """Between the two thresholds a surge stays as it is, below the lower one it ends at the day's close."""
    found = surge(counts, (3.2, 9.5), 3.5, closing=closing)

    assert (found.active, found.cleared) == (active, cleared)


def test_end_of_a_surge_says_so() -> None:
    """The resolving sentence repeats the numbers."""
    found = surge((3, 9), (3.2, 9.5), 3.5, closing=True)

    assert found.reason == (
        "The surge is over: 9 order lines in the last 72 hours where 9.5 are usual for these hours."
        if details(found)["window_hours"] == 72
        else "The surge is over: 3 order lines in the last 24 hours where 3.2 are usual for these hours."
    )


def test_lines_far_larger_than_usual_are_a_surge() -> None:
    """With the usual number of lines the sentence speaks of units; the money is that of the units beyond."""
    found = surge(
        (4, 10), (3.2, 9.5), 3.5, 2.0, units=(180.0, 240.0), usual_size=9.0, units_per_line=8.0, size_run=RUN_MIN
    )

    assert (found.active, found.cleared) == (True, False)
    assert details(found)["size_lift"] == pytest.approx(180.0 / 36.0)
    assert found.probability is not None
    assert found.probability == pytest.approx(run_chance(RUN_MIN))
    assert found.money == pytest.approx((180.0 - 3.2 * 9.0) * 2.0)
    assert found.reason == (
        "4 order lines in the last 24 hours where 3.2 are usual for these hours, of 180 units, 5 times the usual size "
        f"of a line (a chance of 1 in {round(1 / found.probability):,})."
    )


def test_more_and_larger_lines_are_one_surge() -> None:
    """Where lines are a surge by themselves, their number decides, and their size is told."""
    plain = surge((18, 20), (3.2, 9.5), 3.5, units=(810.0, 850.0), usual_size=9.0, units_per_line=8.0)
    found = surge((18, 20), (3.2, 9.5), 3.5, units=(810.0, 850.0), usual_size=9.0, units_per_line=8.0, size_run=RUN_MIN)

    assert (found.probability, found.severity_points) == (plain.probability, plain.severity_points)
    assert "size_lift" not in details(plain)
    assert ", of 810 units, 5 times the usual size of a line, 5.61 times as many" in found.reason


def test_a_surge_of_units_ends_when_lines_have_their_usual_size() -> None:
    """At a close, and not before the sum of deviations has fallen."""
    for run, cleared in ((RUN_CLEARED + 0.1, False), (RUN_CLEARED, True)):
        assert surge((3, 9), (3.2, 9.5), 3.5, closing=True, size_run=run).cleared is cleared
