"""The shop's wall clock: local minutes of Europe/London in, RFC 3339 texts and UTC instants out.

A local minute is the number of minutes from 1970-01-01T00:00 to a wall-clock reading, as if the wall clock had no zone.
The shop never trades in the hour that a change of clocks skips or repeats.
"""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

ZONE_NAME = "Europe/London"
ZONE = ZoneInfo(ZONE_NAME)
DAY_MINUTES = 1440
EPOCH = dt.date(1970, 1, 1)
_EPOCH_LOCAL = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - a wall-clock reading has no zone until it is given one


def local_time(minute: int) -> dt.datetime:
    """Return the instant at which the shop's clock shows ``minute``, with its offset."""
    return (_EPOCH_LOCAL + dt.timedelta(minutes=minute)).replace(tzinfo=ZONE)


def date_of(day: int) -> dt.date:
    """Date of a local day number (days since 1970-01-01)."""
    return EPOCH + dt.timedelta(days=day)


def rfc3339(minutes: NDArray[np.int64]) -> list[str]:
    """RFC 3339 text with offset of each local minute; every distinct minute is formatted once."""
    distinct, inverse = np.unique(minutes, return_inverse=True)
    texts = [local_time(minute).isoformat() for minute in distinct.tolist()]
    return [texts[index] for index in inverse.tolist()]
