"""Parses instants in command-line options and settings."""

import datetime as dt

INSTANT_TEXT = "a date or RFC 3339 with an offset, such as 2011-12-10T00:00:00Z"
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def read_instant(text: str, zone: dt.tzinfo) -> int | None:
    """Instant (UTC ms) of an RFC 3339 text with an offset, or of the start of a date in ``zone``; else None."""
    try:
        if len(text) == len("2011-12-10"):
            instant = dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), zone)
        else:
            instant = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if instant.tzinfo is None else (instant - EPOCH) // dt.timedelta(milliseconds=1)
