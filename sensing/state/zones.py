"""Time zones: UTC offsets of IANA zones as tables for kernels, and the instants at which local days end."""

import datetime as dt
import functools
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import EPOCH, day_number
from sensing.jit import kernel, lean_kernel
from sensing.machine_settings import DAY_MS, HOUR_MS, MINUTE_MS

FIRST_YEAR, LAST_YEAR = 1990, 2060
TRANSITIONS_MAX = 256


def _offset_ms(zone: ZoneInfo, instant: int) -> int:
    offset = (EPOCH + dt.timedelta(milliseconds=instant)).astimezone(zone).utcoffset()
    assert offset is not None, "a ZoneInfo always knows its offset"
    return round(offset.total_seconds() * 1000)


@functools.lru_cache(maxsize=64)  # Every shard asks for the same zones; finding the changes takes 4,000 look-ups.
def transitions(name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Instants (UTC ms) from which an offset holds, and the offsets (ms east of UTC), for the years 1990 to 2060.

    Raises
    ------
    ValueError
        When the time zone database does not know ``name``.
    """
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"time zone: required a name of the IANA database such as Europe/London, got {name!r}"
        raise ValueError(msg) from error
    first = day_number(dt.date(FIRST_YEAR, 1, 1)) * DAY_MS
    last = day_number(dt.date(LAST_YEAR, 1, 1)) * DAY_MS
    starts, offsets = [-(2**62)], [_offset_ms(zone, first)]
    # Zones keep an offset for at least some weeks, except in a few historic cases. So a probe every 7 days finds every
    # change.
    for probe in range(first, last, 7 * DAY_MS):
        if _offset_ms(zone, probe + 7 * DAY_MS) == offsets[-1]:
            continue
        low, high = probe, probe + 7 * DAY_MS
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset_ms(zone, middle) == offsets[-1] else (low, middle)
        starts.append(high)
        offsets.append(_offset_ms(zone, high))
    return np.array(starts, np.int64), np.array(offsets, np.int64)


@lean_kernel
def offset_at(starts: NDArray[np.int64], offsets: NDArray[np.int64], zone: int, instant: int) -> int:
    """Offset (ms east of UTC) of ``zone`` at ``instant``.

    ``starts`` and ``offsets`` are (zones, TRANSITIONS_MAX); unused starts are 2**62.
    """
    return int(offsets[zone, span_at(starts, zone, instant, 0)])


@lean_kernel
def span_at(starts: NDArray[np.int64], zone: int, instant: int, likely: int) -> int:
    """Number of the span of equal offset of ``zone`` that ``instant`` lies in. The ``likely`` one is tried first."""
    last = starts.shape[1] - 1
    if starts[zone, likely] <= instant and (likely == last or instant < starts[zone, likely + 1]):
        return likely
    low, high = 0, last
    while low < high:
        middle = (low + high + 1) // 2
        if starts[zone, middle] <= instant:
            low = middle
        else:
            high = middle - 1
    return low


@kernel
def first_at(starts: NDArray[np.int64], offsets: NDArray[np.int64], zone: int, local: int) -> int:
    """First instant at which the local clock shows ``local`` (ms since 1970-01-01T00 on that clock) or later."""
    at = 0
    while at + 1 < starts.shape[1] and starts[zone, at + 1] + offsets[zone, at] <= local:
        at += 1
    # If the clock is set forward over ``local``, the first instant is that of the change.
    return max(local - int(offsets[zone, at]), int(starts[zone, at]))


class Zones:
    """Time zones by number, in order of first use; zone 0 is the default zone."""

    def __init__(self, default: str) -> None:
        self.names: list[str] = []
        self.starts = np.empty((0, TRANSITIONS_MAX), np.int64)
        self.offsets = np.empty((0, TRANSITIONS_MAX), np.int64)
        self.number(default)

    def number(self, name: str) -> int:
        """Number of the zone ``name``; ValueError when there is no such zone."""
        if name in self.names:
            return self.names.index(name)
        found_starts, found_offsets = transitions(name)
        starts = np.full((1, TRANSITIONS_MAX), 2**62, np.int64)
        offsets = np.zeros((1, TRANSITIONS_MAX), np.int64)
        starts[0, : len(found_starts)] = found_starts
        offsets[0, : len(found_offsets)] = found_offsets
        self.starts = np.vstack((self.starts, starts))
        self.offsets = np.vstack((self.offsets, offsets))
        self.names.append(name)
        return len(self.names) - 1

    def local_hour(self, zone: int, instant: int) -> int:
        """Hours since 1970-01-01T00 on the local clock."""
        return int(instant + offset_at(self.starts, self.offsets, zone, instant)) // HOUR_MS

    def local_minute(self, zone: int, instant: int) -> int:
        """Minutes since 1970-01-01T00 on the local clock."""
        return int(instant + offset_at(self.starts, self.offsets, zone, instant)) // MINUTE_MS

    def day_end(self, zone: int, day: int) -> int:
        """UTC instant at which local ``day`` ends: the first one whose local day is later."""
        return int(first_at(self.starts, self.offsets, zone, (day + 1) * DAY_MS))
