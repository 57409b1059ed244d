"""Hour and day buckets of a row, called by the kernels of `sensing.machines.booking`.

Both are rings. They roll forward with the row's newest event. Late events correct the buckets that are still in them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import lean_kernel
from sensing.state.rows import DAYS_KEPT, HOURS_KEPT, RECENT_DAYS

LINES_MAX = 65535


@lean_kernel
def roll(hot: NDArray[Any], row: int, hour: int) -> None:
    """Advance the rings of ``row`` to local ``hour``; new buckets are empty. An older hour changes nothing.

    Lines that are now older than 24 or 72 hours leave the counts of the trailing windows.
    """
    record = hot[row]
    if hour <= record.hour:
        return
    steps = min(hour - record.hour, HOURS_KEPT)
    if steps == HOURS_KEPT:
        record.hour_lines[:] = 0
        record.window_24 = 0
        record.window_72 = 0
    else:
        for h in range(record.hour + 1, record.hour + steps + 1):
            record.window_72 -= record.hour_lines[h % HOURS_KEPT]
            record.window_24 -= record.hour_lines[(h - 24) % HOURS_KEPT]
            record.hour_lines[h % HOURS_KEPT] = 0
    record.hour = hour
    day = hour // 24
    if day > record.day:
        for d in range(max(record.day + 1, day - DAYS_KEPT + 1), day + 1):
            record.day_quantity[d % DAYS_KEPT] = 0
            record.day_lines[d % DAYS_KEPT] = 0
            record.excess[d % RECENT_DAYS] = 0.0
            record.customers[d % RECENT_DAYS] = 0
        record.promoted_days = (np.int64(record.promoted_days) << min(day - record.day, 8)) & 255
        record.day = day


@lean_kernel
def book(hot: NDArray[Any], row: int, hour: int, quantity: int, lines: int) -> None:
    """Add ``quantity`` (thousandths) and ``lines`` (both signed) to the buckets of local ``hour``.

    Buckets that have left the rings are skipped. The line count of a bucket stays between 0 and 65,535.
    """
    record = hot[row]
    day = hour // 24
    if day > record.day - DAYS_KEPT:
        record.day_quantity[day % DAYS_KEPT] += quantity
        record.day_lines[day % DAYS_KEPT] = min(max(record.day_lines[day % DAYS_KEPT] + lines, 0), LINES_MAX)
    if hour > record.hour - HOURS_KEPT:
        before = record.hour_lines[hour % HOURS_KEPT]
        after = min(max(before + lines, 0), LINES_MAX)
        record.hour_lines[hour % HOURS_KEPT] = after
        record.window_72 += after - before
        if hour > record.hour - 24:
            record.window_24 += after - before
