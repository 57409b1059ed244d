"""The order of open exceptions."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.exceptions import SEVERITIES, Severity
from sinks.priority import priority

Problem = tuple[Severity, float | None, dt.datetime | None]

MONEY = st.none() | st.floats(-1e3, 1e15)
SECONDS = st.integers(-300_000_000, 253_370_764_800)
INSTANTS = st.none() | SECONDS.map(lambda seconds: dt.datetime.fromtimestamp(seconds, dt.UTC))
PROBLEMS = st.tuples(st.sampled_from(SEVERITIES), MONEY, INSTANTS)


def text(instant: dt.datetime | None) -> str | None:
    """An instant as records have it."""
    return None if instant is None else instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@given(PROBLEMS, PROBLEMS)
def test_severity_then_money_then_deadline(one: Problem, two: Problem) -> None:
    """A clear difference in severity, else in money, else in deadline decides; nothing else does."""
    (severity, money, due), (severity2, money2, due2) = one, two
    first, second = priority(severity, money, text(due)), priority(severity2, money2, text(due2))

    amount, amount2 = max(money or 0.0, 0.0) + 1, max(money2 or 0.0, 0.0) + 1
    epoch, never = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC)
    until, until2 = max(due or never, epoch), max(due2 or never, epoch)
    if severity != severity2:
        assert (first > second) == (SEVERITIES.index(severity) > SEVERITIES.index(severity2))
    elif max(amount, amount2) > 1.002 * min(amount, amount2):
        assert (first > second) == (amount > amount2)
    elif amount == amount2 and abs(until - until2) >= dt.timedelta(minutes=1):
        assert (first > second) == (until < until2)


@given(PROBLEMS)
def test_a_priority_is_exact_as_a_float(problem: Problem) -> None:
    """Redis keeps scores as floats of 53 bits; priorities are whole and have 50."""
    severity, money, due = problem
    found = priority(severity, money, text(due))

    assert 0 <= found < 1 << 50
    assert int(float(found)) == found


def test_amounts_that_are_as_good_as_equal_are_told_apart_by_deadline() -> None:
    """A cent more does not outweigh a day less."""
    today, tomorrow = "2026-01-05T08:00:00Z", "2026-01-06T08:00:00Z"

    assert priority("high", 10_000.00, today) > priority("high", 10_000.01, tomorrow)
    assert priority("high", 10_020.00, tomorrow) > priority("high", 10_000.00, today)


def test_what_is_not_known_comes_last() -> None:
    """Without money after all with, without a deadline after all with."""
    assert priority("low", 0.01, None) > priority("low", None, "2026-01-05T08:00:00Z")
    assert priority("low", None, "9998-12-31T23:59:00Z") > priority("low", None, None)


def test_a_deadline_that_is_none_is_refused() -> None:
    """A text that is no RFC 3339 is no deadline."""
    with pytest.raises(ValueError, match="Invalid isoformat"):
        priority("low", None, "soon")
