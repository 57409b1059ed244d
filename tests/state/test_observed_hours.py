"""Observed hours of a location on a day, against a slow oracle on a dictionary of lines."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.state.observed_hours import (
    LOCATION_LINES,
    RING_HOURS,
    SILENCES_MAX,
    SILENT_LINES_MIN,
    SILENT_LOCATION_HOURS,
    USUAL_RATE,
    count_lines,
    learn_silences,
    learn_usual,
    lines_of_hour,
    note_sum,
    observed_hours,
)

MONDAY = 20_003
UNIFORM = np.full((1, 24), 1.0 / 24.0)
OPEN = np.zeros(1, np.bool_)
HERE = np.zeros(1, np.int64)


def location(*hours: int, first: int | None = None) -> NDArray[np.void]:
    """Lines of one location in local hours; ``first`` is its first hour where that is not the least of these."""
    found = np.zeros(1, LOCATION_LINES)
    for hour in hours if first is None else (first, *hours):
        count_lines(found, 0, hour, 1)
    return found


def observed(
    lines: NDArray[np.void], usual: float, day: int = MONDAY, shares: NDArray[np.float64] = UNIFORM
) -> list[int]:
    """Hours of a day that were observed where so many lines are usual on every weekday."""
    out = np.empty((1, 24), np.bool_)
    observed_hours(lines, np.full((1, 7), usual), shares, OPEN, day, out)
    return np.flatnonzero(out[0]).tolist()


@given(st.lists(st.tuples(st.integers(0, 2 * RING_HOURS), st.integers(1, 3)), max_size=40))
def test_lines_are_kept_as_far_as_the_ring_reaches(booked: list[tuple[int, int]]) -> None:
    """Each hour has its lines, in whatever order they come; an hour that the ring has left stays left."""
    start, lines, kept, newest = MONDAY * 24, np.zeros(1, LOCATION_LINES), Counter[int](), 0
    for hour, count in booked:
        count_lines(lines, 0, start + hour, count)
        newest = max(newest, start + hour)
        kept = Counter({at: n for at, n in (kept + Counter({start + hour: count})).items() if at > newest - RING_HOURS})
    for at in range(start - 3, start + 2 * RING_HOURS + 3):
        assert lines_of_hour(lines[0], at) == kept[at]
    assert lines["newest_hour"][0] == newest


def test_a_location_begins_with_its_first_line() -> None:
    """Hours before the first line are not observed, nor are days before; a late line moves it within its day only."""
    lines = location(MONDAY * 24 + 9, MONDAY * 24 + 7, MONDAY * 24 - 5)
    assert lines["first_hour"][0] == MONDAY * 24 + 7
    assert observed(lines, 0.0) == list(range(7, 24))
    assert observed(lines, 0.0, MONDAY - 1) == []
    assert observed(lines, 0.0, MONDAY + 1) == list(range(24))
    assert observed(location(), 0.0) == []


def test_a_location_begins_with_its_earliest_sum() -> None:
    """Days of sums were observed from their start, also those before the first one heard of; a line ends the sums."""
    lines = np.zeros(1, LOCATION_LINES)
    for day in (MONDAY - 1, MONDAY - 3, MONDAY):
        note_sum(lines, 0, day)
    assert (lines["first_hour"][0], lines["newest_hour"][0], lines["summed"][0]) == (MONDAY * 24 - 72, MONDAY * 24, 1)
    assert lines["hour_lines"].sum() == 0
    assert observed(lines, 0.0, MONDAY - 3) == list(range(24))
    assert observed(lines, 0.0, MONDAY - 4) == []
    count_lines(lines, 0, MONDAY * 24 + 30, -1)
    assert lines["summed"][0] == 1
    count_lines(lines, 0, MONDAY * 24 + 30, 1)
    assert lines["summed"][0] == 0


def test_a_cancelled_line_begins_nothing() -> None:
    """Taking a line away is no sign of life of the feed."""
    lines = np.zeros(1, LOCATION_LINES)
    count_lines(lines, 0, MONDAY * 24, -1)
    assert lines["first_hour"][0] == 0


def test_a_silent_afternoon_is_not_observed() -> None:
    """Empty hours in which twenty lines are usual are the feed's; where fewer are usual, they are demand's."""
    lines = location(*range(MONDAY * 24, MONDAY * 24 + 12), first=MONDAY * 24 - 240)
    assert observed(lines, 2.0 * SILENT_LINES_MIN) == list(range(12))
    assert observed(lines, 2.0 * SILENT_LINES_MIN - 0.1) == list(range(24))


def test_a_shop_is_not_silent_at_night() -> None:
    """What is usual goes by the hour: a night without lines is observed where lines come by day."""
    shares = np.zeros((1, 24))
    shares[0, 9:18] = 1.0 / 9.0
    lines = location(*range(MONDAY * 24 + 9, MONDAY * 24 + 14), first=MONDAY * 24 - 240)
    assert observed(lines, 1000.0, shares=shares) == list(range(14))
    assert observed(location(*range(MONDAY * 24 + 9, MONDAY * 24 + 18), first=1), 1000.0, shares=shares) == list(
        range(24)
    )


def test_closed_days_are_not_observed() -> None:
    """A day off teaches nothing, with lines or without."""
    out = np.empty((1, 24), np.bool_)
    observed_hours(location(MONDAY * 24), np.zeros((1, 7)), UNIFORM, np.ones(1, np.bool_), MONDAY, out)
    assert not out.any()


@given(
    filled=st.lists(st.booleans(), min_size=24, max_size=24), usual=st.floats(0.0, 200.0), seed=st.integers(0, 99),
    first=st.integers(-30, 25),
)  # fmt: skip
def test_hours_are_those_of_the_rule(filled: list[bool], usual: float, seed: int, first: int) -> None:
    """Runs of empty hours are silent where their usual lines come to twenty; what came before the first line is not."""
    shares = np.random.default_rng(seed).dirichlet(np.ones(24), 1)
    lines = location(*(MONDAY * 24 + h for h, one in enumerate(filled) if one), first=MONDAY * 24 - 400)
    lines["first_hour"] = MONDAY * 24 + first
    silent: set[int] = set()
    for start in range(24):
        for stop in range(start + 1, 25):
            run = range(start, stop)
            if not any(filled[h] for h in run) and usual * shares[0, start:stop].sum() >= SILENT_LINES_MIN - 1e-6:
                silent |= set(run)
    assert observed(lines, usual, shares=shares) == [h for h in range(24) if h not in silent and h >= first]


def test_what_is_silent_every_week_becomes_normal() -> None:
    """After two weeks a silent hour counts as observed, until lines come in it again; not where all are silent."""
    lines = np.zeros(1, LOCATION_LINES)
    for week in range(5):
        day = MONDAY + 7 * week
        for hour in range(day * 24 - 120, day * 24 + 12):
            count_lines(lines, 0, hour, 1)
        out = np.empty((1, 24), np.bool_)
        observed_hours(lines, np.full((1, 7), 100.0), UNIFORM, OPEN, day, out)
        assert out[0, 12:].any() == (week >= SILENCES_MAX)
        learn_silences(lines, HERE, day, out)
    for hour in range(12, 24):
        count_lines(lines, 0, (MONDAY + 35) * 24 + hour, 1)
    learn_silences(lines, HERE, MONDAY + 35, np.ones((1, 24), np.bool_))
    assert lines["silences"][0, 0, 12:].max() == 0

    silent = location(MONDAY * 24)
    for week in range(1, 5):
        learn_silences(silent, HERE, MONDAY + 7 * week, np.zeros((1, 24), np.bool_))
    assert SILENT_LOCATION_HOURS < 7 * 24
    assert not silent["silences"].any()


@pytest.mark.parametrize("part", [0, 12])
def test_usual_lines_follow_the_weekday(part: int) -> None:
    """Each weekday learns its mean, first at once, then by a fifth; empty or partly observed days teach nothing."""
    lines, usual, expected = np.zeros(1, LOCATION_LINES), np.zeros((1, 7)), 0.0
    for week, count in enumerate((40, 60, 0, 10)):
        day, seen = MONDAY + 7 * week, np.ones((1, 24), np.bool_)
        count_lines(lines, 0, day * 24 + 13, count)
        seen[0, :part] = week != 1
        learn_usual(lines, usual, HERE, day, seen)
        if count and (week != 1 or not part):
            expected = count if expected == 0.0 else expected + USUAL_RATE * (count - expected)
        assert usual[0, 0] == pytest.approx(expected)
    assert not usual[0, 1:].any()
