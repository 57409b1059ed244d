"""demand_drop: the level before the window, the thresholds, the end of an item, the sentences."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.detection.drop import DEMAND_DROP, DropEvidence, expected_before, is_drop, is_low
from sensing.detection.finding import Finding
from tests.detection import oracles
from tests.detection.contexts import context, details

TODAY = 15_300  # 2011-11-22
Windows = tuple[float, float, float]


def drop(
    observed: Windows, expected: Windows, silence: int, level: float, price: float = math.nan, **more: Any
) -> Finding:
    """The finding about a row with 100 days of history."""
    facts = {
        "dispersion": 1.6, "history_days": 100.0, "closed_day": TODAY, "last_line_day": TODAY - silence, **more,
    }  # fmt: skip
    evidence = DropEvidence(observed=observed, expected=expected, silence_days=silence, lines_level=level, **facts)
    return DEMAND_DROP.finding(context(price=price), evidence)


WEEK = (1.3, 1.2, 1.1, 1.2, 1.2, 0.0, 1.0)


@pytest.mark.parametrize("days", [7, 14, 30])
@pytest.mark.parametrize("rate", [0.0, 0.8])
def test_level_before_the_window_is_found_again(days: int, rate: float) -> None:
    """What smoothing made of the level in the window is undone, weekday profile included."""
    factors = [WEEK[day % 7] for day in range(days)]
    level = oracles.level_after(3.0, factors, rate)

    before = expected_before(level * sum(factors), rate * sum(factors), level)

    assert before == pytest.approx(3.0 * sum(factors), rel=0.05)


@given(st.floats(0.0, 1e4), st.floats(0.0, 1e4), st.floats(0.0, 1e3))
def test_expected_before_is_finite(expected: float, observed: float, level: float) -> None:
    """Whatever the window says, the expectation is a finite count."""
    before = expected_before(expected, observed, level)

    assert before >= 0.0
    assert math.isfinite(before)


def test_no_level_expects_nothing() -> None:
    """A row without a level, or a window without open days, expects no lines."""
    assert expected_before(5.0, 0.0, 0.0) == 0.0
    assert expected_before(0.0, 0.0, 2.0) == 0.0


@given(
    st.integers(0, 60), st.floats(0.0, 60.0), st.floats(1.0, 6.0), st.sampled_from([7.0, 14.0]), st.floats(1.0, 300.0)
)
def test_thresholds_are_the_stated_ones(
    count: int, expected: float, dispersion: float, window: float, history: float
) -> None:
    """A drop needs history, an expectation, half the lines and an unlikely count; every drop is low as well."""
    chance = 1.0
    if expected > 0.0:
        variance = oracles.variance(expected, dispersion, window, min(history, 39.0), 0.2)
        chance = 1.0 - oracles.count_tail(count + 1, expected, variance)
    if min(abs(chance - 3e-3), abs(chance - 0.03)) < 1e-7:
        return

    assert is_drop(count, expected, dispersion, window, history) == (
        history >= 28 and expected >= 4 and count <= expected / 2 and chance <= 3e-3
    )
    assert is_low(count, expected, dispersion, window, history) == (
        expected >= 4 and count <= 0.7 * expected and chance <= 0.03
    )


def test_silence_of_a_busy_item_opens() -> None:
    """Nothing in a week where 20 lines are usual is a drop, and the sentence says since when."""
    found = drop((0, 22, 0), (15.0, 30.0, 15.0), 7, 2.5, 3.0, units_per_line=4.0)

    assert found.active
    assert found.exception_type == "demand_drop"
    assert found.inform == ("commercial",)
    assert found.observed == 0.0
    assert found.expected == pytest.approx(20.4, abs=0.1)
    assert found.money == pytest.approx(20.4 * 12.0, abs=1.0)
    assert found.reason.startswith("No order lines in the last 7 days where 20.4 were usual before (a chance of 1 in ")
    assert found.reason.endswith("); the last order line came 7 days ago, on 15 Nov.")


def test_slow_mover_is_judged_by_its_silence() -> None:
    """An item of a line every four days is silent long before it is a drop, and then the silence is the window."""
    after = oracles.level_after(0.25, [1.0] * 50, 0.0)

    found = drop((0, 0, 0), (7 * after, 14 * after, 50 * after), 50, after, dispersion=1.3, history_days=200.0)

    assert found.active
    assert details(found)["window_days"] == 50
    assert found.expected == pytest.approx(12.5, rel=0.05)


def test_fewer_lines_are_counted_in_the_sentence() -> None:
    """A drop that is no silence names its lines; today's line is the last one."""
    found = drop((3, 6, 0), (24.0, 48.0, 0.0), 0, 4.0, dispersion=1.2)

    assert found.active
    assert "3 order lines in the last 7 days" in found.reason or "6 order lines in the last 14 days" in found.reason
    assert found.reason.endswith("the last order line came today.")


def test_one_silent_day_reads_as_one() -> None:
    """Singular where it is one day."""
    found = drop((9, 20, 0), (10.0, 20.0, 20.0), 1, 20.0, dispersion=1.0)

    assert found.reason == (
        "No order lines in the last day where 21.1 were usual before (a chance below 1 in 1,000,000); "
        "the last order line came 1 day ago, on 21 Nov."
    )


def test_days_that_were_not_observed_are_days_as_well() -> None:
    """Windows count what was observed; the day of the last line is that of the calendar."""
    found = drop((0, 0, 0), (15.0, 15.0, 15.0), 7, 2.5, last_line_day=TODAY - 12)

    assert found.reason.startswith("No order lines in the last 7 days where ")
    assert found.reason.endswith("; the last order line came 12 days ago, on 10 Nov.")
    assert (details(found)["silence_days"], details(found)["last_line_date"]) == (12, "2011-11-10")


def test_usual_week_clears() -> None:
    """Lines as expected end a drop, and the reason says so."""
    found = drop((17, 34, 0), (17.0, 34.0, 0.0), 0, 2.5)

    assert (found.active, found.cleared, found.final) == (False, True, False)
    assert found.reason == "Orders are back: 17 order lines in the last 7 days where 17 were usual before."


def test_an_end_without_orders_does_not_say_that_they_are_back() -> None:
    """Level or scatter have followed: the sentence says that orders stay low, and when the last one came."""
    few = drop((1, 1, 0), (0.6, 1.2, 0.3), 3, 0.08)
    assert few.cleared
    assert few.reason == (
        "Few orders are the new normal: the last order line came 3 days ago, on 19 Nov, and only 0.56 order lines a "
        "week were usual since."
    )
    wild = drop((0, 1, 0), (2.0, 4.5, 1.5), 5, 0.32, dispersion=12.0)
    assert wild.cleared
    assert wild.reason.startswith("Orders stay low but are not unusual any more: ")
    assert wild.reason.endswith("; the last order line came 5 days ago, on 17 Nov.")


def test_ending_item_has_a_new_normal() -> None:
    """An ending item ends its drop at once and opens no other."""
    found = drop((0, 0, 0), (15.0, 30.0, 30.0), 14, 2.5, ending=True)

    assert (found.active, found.cleared, found.final) == (False, False, True)
    assert found.reason.startswith("Demand for the item is ending, so few orders are normal now: no order lines in ")
