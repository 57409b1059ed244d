"""Conversion of times and dates to integers and back. Integer arithmetic only: floats would round milliseconds."""

import datetime as dt
import functools
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY
from sensing.machine_settings import DAY_MS

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
EPOCH_ORDINAL = EPOCH.toordinal()
INSTANT_MAX = 253402300799999
"""Last millisecond of the year 9999."""
INSTANT_MIN = 631152000000
"""First millisecond of the year 1990. Nothing that happened before is an event. As a number it would be one of seconds:
those of the years since 1990 are milliseconds of January 1970. Reference records may hold from an earlier time on."""
DAY_MIN = dt.date.min.toordinal() - EPOCH_ORDINAL
DAY_MAX = dt.date.max.toordinal() - EPOCH_ORDINAL
"""First and last day of the calendar, in days since 1970-01-01. Sums of valid dates and durations may lie outside."""

Time = dt.datetime | int | None


def instant(time: Time) -> int:
    """UTC milliseconds of an event time, rounded down. None ("from the beginning") is 0."""
    if isinstance(time, dt.datetime):
        delta = time - EPOCH
        return delta.days * DAY_MS + delta.seconds * 1000 + delta.microseconds // 1000
    return time or 0


def instants(times: Sequence[Time]) -> NDArray[np.int64]:
    """UTC milliseconds of many event times; the same as ``instant`` for each."""
    count = len(times)
    if set(map(type, times)) == {dt.datetime}:
        deltas = [time - EPOCH for time in cast(Sequence[dt.datetime], times)]
        day = np.fromiter([delta.days for delta in deltas], np.int64, count)
        second = np.fromiter([delta.seconds for delta in deltas], np.int64, count)
        microsecond = np.fromiter([delta.microseconds for delta in deltas], np.int64, count)
        return day * DAY_MS + second * 1000 + microsecond // 1000
    return np.fromiter(map(instant, times), np.int64, count)


def day_number(date: dt.date) -> int:
    """Days since 1970-01-01."""
    return date.toordinal() - EPOCH_ORDINAL


def days(dates: Sequence[dt.date | None]) -> NDArray[np.int32]:
    """Days since 1970-01-01; ``NO_DAY`` for None."""
    values = (NO_DAY if date is None else day_number(date) for date in dates)
    return np.fromiter(values, np.int32, len(dates))


@functools.lru_cache(maxsize=1024)  # Outputs of one close share their time.
def rfc3339(time_ms: int) -> str:
    """An instant in UTC with milliseconds: ``2026-01-05T09:30:00.123Z``; after the year 9999 its last one."""
    return (
        (EPOCH + dt.timedelta(milliseconds=min(time_ms, INSTANT_MAX)))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


@functools.lru_cache(maxsize=8192)  # The same event times occur in the documents of many rows.
def rfc3339_seconds(seconds: int) -> str:
    """RFC 3339 in UTC, of whole seconds since 1970: ``2026-01-05T09:30:00Z``."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat().replace("+00:00", "Z")


def date(day: int) -> dt.date:
    """The date of a day since 1970-01-01; outside the calendar its first or last one."""
    return dt.date.fromordinal(EPOCH_ORDINAL + min(max(day, DAY_MIN), DAY_MAX))


@functools.lru_cache(maxsize=1024)
def local_date(day: int) -> str:
    """ISO date of a local day number."""
    return date(day).isoformat()
