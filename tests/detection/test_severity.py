"""Grades are monotone, deadlines shorten with the grade."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.exceptions import SEVERITIES
from sensing.detection.delay import delay_points
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.severity import grade, lift_points, rank
from sensing.detection.stockout import stockout_points
from sensing.detection.surge import ORDER_SURGE
from sensing.machine_settings import DAY_MS, HOUR_MS

POINTS = st.floats(0.0, 4.0)
MONEY = st.floats(0.0, 1e7)
DAYS = st.floats(0.0, 100.0)


@pytest.mark.parametrize(
    ("severity_points", "money", "days", "expected"),
    [
        (0.0, None, 0.0, "low"),
        (1.0, 999.0, 2.9, "low"),
        (1.0, 1_000.0, 0.0, "medium"),
        (1.0, None, 3.0, "medium"),
        (2.0, 10_000.0, 0.0, "high"),
        (4.0, math.nan, 0.0, "high"),
        (3.0, 100_000.0, 0.0, "critical"),
        (4.0, 10_000.0, 0.0, "critical"),
    ],
)
def test_points_make_the_grade(severity_points: float, money: float | None, days: float, expected: str) -> None:
    """Strength, money and persistence add up; unknown money gives nothing."""
    assert grade(severity_points, money, days) == expected


@given(POINTS, POINTS, MONEY, MONEY, DAYS, DAYS)
def test_more_of_anything_never_lowers_a_grade(
    severity_points: float, extra: float, money: float, more: float, days: float, later: float
) -> None:
    """Grades are monotone in every part."""
    low = rank(grade(severity_points, money, days))

    assert rank(grade(severity_points + extra, money + more, days + later)) >= low
    assert rank(grade(severity_points, None, days)) <= low


@given(st.floats(1.0, 50.0), st.floats(0.0, 50.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_strengths_are_bounded_and_monotone(value: float, extra: float, p: float, q: float) -> None:
    """Zero to four points; more lift, later goods, a likelier stock-out are never weaker."""
    low, high = min(p, q), max(p, q)
    for weak, strong in [
        (lift_points(value, high), lift_points(value + extra, low)),
        (delay_points(value, covered=False), delay_points(value + extra, covered=False)),
        (delay_points(value, covered=True), delay_points(value, covered=False)),
        (stockout_points(low, value + extra, value), stockout_points(high, value, value + extra)),
    ]:
        assert 0.0 <= weak <= strong <= 4.0


def test_every_type_has_deadlines_that_shorten() -> None:
    """The graver, the sooner; every detector has its four."""
    for detector in DETECTORS.values():
        due = [detector.deadline(severity, 1_000) for severity in SEVERITIES]
        assert due == sorted(due, reverse=True)
        assert len(set(due)) == 4
    assert ORDER_SURGE.deadline("critical", 1_000) == 1_000 + 2 * 3_600_000


def test_deadlines_of_a_day_or_more_are_at_whole_hours() -> None:
    """Never before their time is over."""
    for since, due in ((0, DAY_MS), (1, DAY_MS + HOUR_MS), (HOUR_MS, DAY_MS + HOUR_MS)):
        assert ORDER_SURGE.deadline("medium", since) == due
    assert ORDER_SURGE.deadline("high", 1) == 8 * HOUR_MS + 1
