"""Instants as people give them, in options and settings."""

import datetime as dt

INSTANT_TEXT = "a date or RFC 3339 with an offset, such as 2011-12-10T00:00:00Z"
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def read_instant(text: str, zone: dt.tzinfo) -> int | None:
    """Instant in UTC ms of RFC 3339 with an offset, or of a date: its first one in ``zone``. None: it is neither."""
    try:
        if len(text) == len("2011-12-10"):
            instant = dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), zone)
        else:
            instant = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if instant.tzinfo is None else (instant - EPOCH) // dt.timedelta(milliseconds=1)
