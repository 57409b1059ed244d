"""Dates and times by fixed positions, against the calendar of the standard library."""

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.plain_times import (
    NO_DATE,
    OFFSET,
    OFFSET_ABOVE,
    date,
    day_number,
    fits,
    fraction_ms,
    offset_ms,
    time,
    two_digits,
)
from tests.codec.checks import time_ms
from tests.codec.near import CLOCKS, DATES, FRACTIONS, OFFSETS
from tests.codec.test_swar import memory, word

EPOCH = dt.date(1970, 1, 1)


def day_by_hand(year: int, month: int, day: int) -> int:
    """Days since 1970, or NO_DATE."""
    try:
        return (dt.date(year, month, day) - EPOCH).days
    except ValueError:
        return NO_DATE


@given(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32))
def test_days_are_those_of_the_calendar(year: int, month: int, day: int) -> None:
    """Every date of the years 1 to 9999 has its day, and nothing else has one."""
    assert day_number(year, month, day) == day_by_hand(year, month, day)


@pytest.mark.parametrize("year", [1, 1600, 1900, 1999, 2000, 2024, 2100, 9999])
def test_all_days_of_a_year(year: int) -> None:
    """Leap days are where they are, in each kind of year."""
    for month in range(1, 13):
        for day in range(1, 32):
            assert day_number(year, month, day) == day_by_hand(year, month, day)


@given(st.sampled_from(DATES) | st.dates().map(str), st.sampled_from(['"', '" ', "x", ""]))
def test_dates(text: str, after: str) -> None:
    """A date is ten characters in quotes; what is not one, or has more, is not sure."""
    written = (text + after).encode()
    data = memory(b'"' + written + b'          "')
    good = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) and after.startswith('"')
    expected = day_by_hand(*map(int, text.split("-"))) if good else NO_DATE
    assert date(data, 1, len(data)) == ((11, expected) if expected != NO_DATE else (-1, 0))


times = st.tuples(
    st.sampled_from(DATES) | st.dates(dt.date(1969, 1, 1)).map(str),
    st.sampled_from("TTTTt "),
    st.sampled_from(CLOCKS) | st.times().map(lambda time: time.isoformat("seconds")),
    st.sampled_from(FRACTIONS) | st.integers(0, 10**7).map(lambda digits: f".{digits}"),
    st.sampled_from(OFFSETS),
).map("".join)


@given(times, st.sampled_from(['"', "x"]))
def test_times(text: str, after: str) -> None:
    """What is read is what a careful reader reads; common shapes are read, other ones may be left alone."""
    data = memory(f'"{text}{after}    '.encode())
    expected = time_ms(text)
    stop, found = time(data, 1, len(data))
    if stop >= 0:
        assert (stop, found, after) == (len(text) + 1, expected, '"')
    common = re.fullmatch(r"(199|2)[0-9]+-[0-9-]+T[0-9:]{8}(\.[0-9]{1,6}|\.[0-8]+)?(Z|[+-][0-9:]{5})", text)
    if common and expected is not None and not text.startswith("1990") and after == '"':
        assert stop == len(text) + 1


@given(st.integers(0, 99), st.integers(0, 99), st.sampled_from("+-Z"), st.sampled_from([":", "", "-"]))
def test_offsets(hours: int, minutes: int, sign: str, colon: str) -> None:
    """Hours and minutes with a colon, up to 23:59 on both sides; or Z."""
    written = f"{sign}{hours:02}{colon}{minutes:02}"
    data = memory(f"{written}        ".encode())
    ms = (hours * 60 + minutes) * 60_000 * (1 if sign == "+" else -1)
    if sign == "Z":
        assert offset_ms(data, 0, len(data)) == (1, 0)
    elif colon == ":" and hours < 24 and minutes < 60:
        assert offset_ms(data, 0, len(data)) == (6, ms)
    else:
        assert offset_ms(data, 0, len(data))[0] == -1


@given(st.text(st.sampled_from("0123456789"), max_size=20) | st.from_regex(r"[0-9]{0,3}999[0-9]{0,6}", fullmatch=True))
def test_fractions(digits: str) -> None:
    """Decimals count as milliseconds, cut off; where a seventh one may round them up, nothing is said."""
    data = memory(f".{digits}Z         ".encode())
    if digits and not (len(digits) > 6 and digits[3:6] == "999"):
        assert fraction_ms(data, 0, len(data)) == (len(digits) + 1, int(digits.ljust(3, "0")[:3]))
    else:
        assert fraction_ms(data, 0, len(data)) == (len(data), 0)
    assert fraction_ms(data, len(digits) + 1, len(data)) == (len(digits) + 1, 0)


@given(st.lists(st.sampled_from(b"0123456789:/"), min_size=5, max_size=5).map(bytes))
def test_patterns(text: bytes) -> None:
    """A word fits a pattern where it has digits and separators in their places; pairs of digits have their value."""
    parts = word(text) ^ OFFSET
    good = re.fullmatch(rb"[0-9]{2}:[0-9]{2}", text)
    assert fits(parts, OFFSET_ABOVE) is bool(good)
    if good:
        assert (two_digits(parts, 0), two_digits(parts, 3)) == (int(text[:2]), int(text[3:]))
