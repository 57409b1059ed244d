"""What implausible event times look like."""

import datetime as dt

import pytest

from sensing.codec.time_words import in_words, looks_like
from tests.codec.blocks import decode_events
from tests.contracts.examples import example


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1735718400, "seconds"),
        (1735718400.5, "seconds"),
        (1735718400 * 10**6, "microseconds"),
        (1735718400 * 10**9, "nanoseconds"),
        ("1735718400", "seconds"),
        (20454, "a number of days"),  # since 1970
        (46027, "a number of days"),  # of a spreadsheet
        (20260105, "the digits of a date"),
        (20260105093000, "the digits of a date"),
        ("20260105093000123", "the digits of a date"),
        (20261305, None),
        (0, "a placeholder for no date"),
        ("0001-01-01T00:00:00Z", "a placeholder for no date"),
        ("9999-12-31T23:59:59-00:01", "a placeholder for no date"),
        ("1970-01-21T02:08:38Z", "seconds taken for milliseconds"),
        ("0026-01-05T09:30:00Z", "a year of two digits"),
        ("1926-01-05T09:30:00Z", "a date of another century"),
        ("1985-01-05T09:30:00Z", None),
        ("05.01.2026", None),
        (-5, None),
        (5, None),
        (1e400, None),
        (float("nan"), None),
        (True, None),
        (None, None),
        ([1735718400], None),
    ],
)
def test_what_a_refused_time_looks_like(given: object, expected: str | None) -> None:
    """A unit, digits of a date, a placeholder, another century; or nothing known."""
    assert looks_like(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2212-01-06T03:51:33.000Z", "2212-01-06T03:51:33.000Z"),
        ("2126-01-05T09:30:00.000Z", "2126-01-05T09:30:00.000Z, which looks like a date of another century"),
        ("2099-12-31T00:00:00.000Z", "2099-12-31T00:00:00.000Z, which looks like a placeholder for no date"),
    ],
)
def test_what_a_time_in_the_future_looks_like(given: str, expected: str) -> None:
    """The time itself, and what it looks like if that is known."""
    assert in_words(round(dt.datetime.fromisoformat(given).timestamp() * 1000)) == expected


def test_digits_that_are_read_as_milliseconds() -> None:
    """The digits of a time of day are a number of milliseconds far in the future."""
    assert in_words(20260105093000).endswith("Z, which looks like the digits of a date")


def test_the_dead_letter_says_it() -> None:
    """In what it has got."""
    [reject] = decode_events("orders", example("order.placed") | {"event_time": 20454}).rejects
    assert (reject.reason, reject.got) == ("bad_time", "20454, which looks like a number of days")
