"""Local day numbers (1970-01-01 is 0) and instants as texts."""

import datetime as dt

_EPOCH = dt.date(1970, 1, 1).toordinal()


def day_of(date: dt.date) -> int:
    """Day number of a date."""
    return date.toordinal() - _EPOCH


def day_text(day: int) -> str:
    """ISO date of a day number."""
    return dt.date.fromordinal(day + _EPOCH).isoformat()


def instant_text(seconds: int) -> str:
    """RFC 3339 text, UTC, of seconds since 1970."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat().replace("+00:00", "Z")
