"""Daily demand: a kernel that books the demand of a day before the engine began, given as a sum.

The kernel of `sensing.machines.absorb` calls it. Nobody knows in which hours the lines came, so they are spread evenly
over the day: they teach level, weekdays and sizes, and an even share of every hour. They are never open and raise no
alarm.
"""

from typing import Any

import numpy as np

from sensing.contracts.common import VERSION_LAST
from sensing.jit import kernel
from sensing.machine_settings import DAY_MINUTES
from sensing.machines.booking import advance_row, count_location, learn_sizes, mark_seen, new_line
from sensing.machines.kernel_tables import ABSORBED, ABSORBED_LATE, DUPLICATE, Tables
from sensing.state.buckets import book
from sensing.state.line_table import ALL_OPEN, find_line
from sensing.supply.supply_record import ORDERS

SIZES_MAX = 8
"""A day's average line teaches the order sizes as at most this many lines."""


@kernel
def lines_in_hour(lines: int, hour: int, first: int) -> int:
    """Lines of a day that fall into one of its hours (0 to 23), spread evenly from hour ``first`` on."""
    at = (hour - first) % 24
    return (at + 1) * lines // 24 - at * lines // 24


@kernel
def apply_daily(t: Tables, event: Any, row: int, minute: int) -> int:
    """Book a daily sum on the local day of its event time; returns the outcome."""
    if find_line(t.lines, t.line_index, event.id_hi, event.id_lo) >= 0:
        return DUPLICATE
    day = minute // DAY_MINUTES
    slot = new_line(t, event.id_hi, event.id_lo, row, day * 24)
    t.lines[slot].version = VERSION_LAST
    t.line_state[ALL_OPEN] = 0
    lines = event.version
    first = int(event.id_lo % np.uint64(24))
    advance_row(t, row, day * 24)
    advance_row(t, row, day * 24 + 23)
    book(t.hot, row, day * 24, event.quantity, 0)
    for hour in range(24):
        here = lines_in_hour(lines, hour, first)
        if here > 0:
            book(t.hot, row, day * 24 + hour, 0, here)
            count_location(t, row, day * 24 + hour, here)
    for _ in range(min(lines, SIZES_MAX)):
        learn_sizes(t, row, max(event.quantity // lines, 1))
    mark_seen(t, row, ORDERS, event.time)
    record = t.hot[row]
    if event.time >= record.last_order:
        record.last_order = event.time
        if not np.isnan(event.price):
            record.price = event.price
            record.currency = event.currency
    return ABSORBED_LATE if event.time < event.watermark else ABSORBED
