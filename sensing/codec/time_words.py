"""What an implausible time looks like, in words for dead letters: another unit, digits of a date, another century.

The careful decoder and partition buffers call it.
"""

import datetime as dt
import re
from contextlib import suppress

from sensing.codec.instants import INSTANT_MIN, rfc3339

EPOCH_UNITS = (("seconds", 1), ("microseconds", 10**6), ("nanoseconds", 10**9))
"""Units of epoch times that are taken for milliseconds by mistake, with how many there are in a second."""
LOOKS_FROM, LOOKS_UNTIL = INSTANT_MIN // 1000, 4102444800
"""Years 1990 to 2099, in seconds since 1970: an epoch time in this range in one of these units looks like one."""
DAYS_FROM, DAYS_UNTIL = 7305, 73051
"""Days of the same years, since 1970 or, as of spreadsheets, since 1900."""
SECONDS_AS_MS = ("1970-01-08", "1970-02-17")
"""Dates that epoch seconds of these years become where they are read as milliseconds."""
PLACEHOLDERS = frozenset({"0001-01-01", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1970-01-01"})
PLACEHOLDERS |= {"2099-12-31", "9999-12-31"}
"""Dates that stand for "no date" in databases."""
PLACEHOLDER = "a placeholder for no date"
CENTURY = 100
CENTURY_FROM, CENTURY_UNTIL = 1990, 2050
"""A year of another century that is one of these in the present one."""
DIGITS = ("%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d%H%M%S%f")
_DATE = re.compile(r"(\d{4})-\d\d-\d\d")


def looks_like(given: object) -> str | None:
    """What an event time that is refused looks like; None if like nothing known."""
    if isinstance(given, str):
        return _number_like(int(given)) if given.isascii() and given.isdigit() else _date_like(given)
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    return _number_like(given)


def in_words(time_ms: int) -> str:
    """An event time that is refused as too far in the future, with what it looks like."""
    text = rfc3339(time_ms)
    found = _digits_like(time_ms) or _date_like(text)
    return text + (f", which looks like {found}" if found else "")


def _number_like(number: float) -> str | None:
    if number == 0:
        return PLACEHOLDER
    unit = next((name for name, per in EPOCH_UNITS if LOOKS_FROM * per <= number < LOOKS_UNTIL * per), None)
    return unit or ("a number of days" if DAYS_FROM <= number < DAYS_UNTIL else _digits_like(number))


def _digits_like(number: float) -> str | None:
    """Whether a number has the digits of a date of these years."""
    text = str(number)
    for form in DIGITS:
        with suppress(ValueError):
            if LOOKS_FROM <= dt.datetime.strptime(text, form).replace(tzinfo=dt.UTC).timestamp() < LOOKS_UNTIL:
                return "the digits of a date"
    return None


def _date_like(text: str) -> str | None:
    found = _DATE.match(text)
    if found is None:
        return None
    date, year = found[0], int(found[1])
    if date in PLACEHOLDERS:
        return PLACEHOLDER
    if SECONDS_AS_MS[0] <= date <= SECONDS_AS_MS[1]:
        return "seconds taken for milliseconds"
    if year < CENTURY:
        return "a year of two digits"
    if any(CENTURY_FROM <= year + shift < CENTURY_UNTIL for shift in (-CENTURY, CENTURY)):
        return "a date of another century"
    return None
