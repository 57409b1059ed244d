"""Observed hours of a local day, by location. Kernels count lines here as they book them; closes read the hours.

A location is observed from its first order line on. Hours without lines are not observed if many lines are usual in
them: the feed was down, not the demand. A silence that recurs every week counts as the new normal, for example when a
shop closes earlier from now on.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel, lean_kernel
from sensing.state.rows import DAYS_KEPT

RING_HOURS = 24 * DAYS_KEPT
LINES_MAX = 30_000
SILENT_LINES_MIN = 20.0
"""A run of empty hours is a silence from this many usual order lines on. By chance it happens once in e^20 runs."""
SILENCES_MAX = 2
"""After this many silent weeks in a row an hour of the week counts as observed."""
SILENT_LOCATION_HOURS = 6 * 24
"""A location without lines for longer than this is silent as a whole, however many weeks that lasts."""

USUAL_RATE = 0.2

LOCATION_LINES = np.dtype(
    [
        ("first_hour", "i4"),  # local hour of the first order line; 0: none yet
        ("summed", "i4"),  # 1: the newest demand heard of was a daily sum, from before the location is live
        ("newest_hour", "i4"),  # newest local hour in the ring
        ("silences", "u1", (7, 24)),  # weeks in a row in which an hour of the week was silent
        ("hour_lines", "i2", (RING_HOURS,)),  # order lines per local hour, ring by hour number
    ],
    align=True,
)


@lean_kernel
def count_lines(location_lines: NDArray[Any], location: int, hour: int, lines: int) -> None:
    """Add order lines to a local hour if it is still in the ring. A newer hour rolls the ring forward.

    A late line moves the first hour back only within the same day. One straggler does not show that the location was
    observed the whole day before.
    """
    record = location_lines[location]
    if hour > record.newest_hour:
        for entered in range(max(record.newest_hour + 1, hour - RING_HOURS + 1), hour + 1):
            record.hour_lines[entered % RING_HOURS] = 0
        record.newest_hour = hour
    if hour > record.newest_hour - RING_HOURS:
        counted = record.hour_lines[hour % RING_HOURS] + lines
        record.hour_lines[hour % RING_HOURS] = min(max(counted, -LINES_MAX), LINES_MAX)
    if lines > 0:
        record.summed = 0
        if record.first_hour == 0 or (hour < record.first_hour and hour // 24 == record.first_hour // 24):
            record.first_hour = hour


@lean_kernel
def note_sum(location_lines: NDArray[Any], location: int, day: int) -> None:
    """Note that demand of a local day was given as a sum: the location was observed from that day on.

    The sum counts no lines of hours, since nobody knows the hours: they would look evenly spread, and later nights like
    silences.
    """
    count_lines(location_lines, location, day * 24, 0)
    record = location_lines[location]
    record.summed = 1
    if record.first_hour == 0 or day * 24 < record.first_hour:
        record.first_hour = day * 24


@lean_kernel
def lines_of_hour(record: Any, hour: int) -> int:
    """Order lines of a local hour; 0 if the hour is not in the ring."""
    if record.newest_hour - RING_HOURS < hour <= record.newest_hour:
        return int(record.hour_lines[hour % RING_HOURS])
    return 0


@kernel
def observed_hours(
    location_lines: NDArray[Any], usual: NDArray[np.float64], shares: NDArray[np.float64], closed: NDArray[np.bool_],
    day: int, out: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Fill ``out`` (locations, 24) with the hours of local ``day`` in which each location was observed.

    Parameters
    ----------
    usual
        (locations, 7) order lines that a weekday usually has.
    shares
        (locations, 24) share of the day's lines in each hour.
    closed
        (locations,) days off, which are not observed.
    """
    weekday = (day + 3) % 7
    for location in range(out.shape[0]):
        record = location_lines[location]
        start, missed = 0, 0.0
        for h in range(25):
            empty = False
            if h < 24:
                hour = day * 24 + h
                out[location, h] = not closed[location] and 0 < record.first_hour <= hour
                empty = lines_of_hour(record, hour) <= 0 and record.silences[weekday, h] < SILENCES_MAX
            if empty:
                missed += usual[location, weekday] * shares[location, h]
                continue
            if missed >= SILENT_LINES_MIN - 1e-6:  # shares add to one but for rounding
                out[location, start:h] = False
            start, missed = h + 1, 0.0


@kernel
def learn_silences(
    location_lines: NDArray[Any], numbers: NDArray[np.int64], day: int, observed: NDArray[np.bool_]
) -> None:
    """Count consecutive silent weeks of each hour of local ``day``, for locations that had lines recently.

    ``observed`` has the hours of the locations ``numbers`` from :func:`observed_hours`.
    """
    weekday = (day + 3) % 7
    for i in range(numbers.shape[0]):
        record = location_lines[numbers[i]]
        if record.newest_hour < day * 24 - SILENT_LOCATION_HOURS or record.first_hour == 0:
            continue
        for h in range(24):
            if observed[i, h]:
                if lines_of_hour(record, day * 24 + h) > 0:
                    record.silences[weekday, h] = 0
            elif record.first_hour <= day * 24 + h:
                record.silences[weekday, h] = min(record.silences[weekday, h] + 1, SILENCES_MAX)


@kernel
def learn_usual(
    location_lines: NDArray[Any], usual: NDArray[np.float64], numbers: NDArray[np.int64], day: int,
    observed: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Update the usual number of order lines of the weekday of local ``day``.

    Days that were not fully observed are skipped. So are days without lines: these are days off or feed outages.
    """
    weekday = (day + 3) % 7
    for i in range(numbers.shape[0]):
        lines = 0.0
        for h in range(24):
            if not observed[i, h]:
                lines = 0.0
                break
            lines += lines_of_hour(location_lines[numbers[i]], day * 24 + h)
        if lines > 0.0:
            before = usual[numbers[i], weekday]
            usual[numbers[i], weekday] = lines if before == 0.0 else before + USUAL_RATE * (lines - before)
