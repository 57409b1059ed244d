"""Daily demand: kernels that book the demand of a day before the engine began, given as a sum.

The kernel of `sensing.machines.absorb` calls them. A sum teaches level, weekdays and order sizes, but no hours of the
day: nobody knows in which hours its lines came. It is never open and raises no alarm. It has in it all order lines of
its row up to its day, so such a line teaches no demand, whether it arrives before the sum or after it.
"""

import math
from typing import Any

import numpy as np

from sensing.codec.event_record import NOT_GIVEN, THOUSANDTHS
from sensing.contracts.common import VERSION_LAST
from sensing.detection.order_size import is_far_outside, learn_row_mode, taught_quantity
from sensing.jit import kernel
from sensing.machine_settings import DAY_MINUTES
from sensing.machines.booking import advance_row, learn_spread, mark_seen, new_line
from sensing.machines.kernel_tables import ABSORBED, ABSORBED_LATE, DUPLICATE, Tables
from sensing.state.buckets import LINES_MAX
from sensing.state.line_table import ALL_OPEN, find_line
from sensing.state.observed_hours import note_sum
from sensing.state.rows import DAYS_KEPT, RECENT_DAYS
from sensing.supply.supply_record import ORDERS

SIZES_MAX = 8
"""The lines of a day teach the order sizes as at most this many lines."""


@kernel
def book_sum(t: Tables, row: int, day: int, quantity: int, lines: int) -> None:
    """Add a sum to its local day; the first sum of a new day replaces what single lines have booked."""
    record = t.hot[row]
    at = day % DAYS_KEPT
    if day > record.day - DAYS_KEPT:
        if day > t.summed_until[row]:
            record.day_quantity[at] = 0
            record.day_lines[at] = 0
            record.excess[day % RECENT_DAYS] = 0.0
        record.day_quantity[at] += quantity
        record.day_lines[at] = min(np.int64(record.day_lines[at]) + lines, LINES_MAX)
    t.summed_until[row] = max(t.summed_until[row], day)
    t.newest_sum[0] = max(t.newest_sum[0], day)


@kernel
def learn_sum_sizes(t: Tables, row: int, day: int, quantity: int, lines: int, largest: int) -> None:
    """Learn the order sizes of a sum from its average line and its largest line.

    The largest line may be NOT_GIVEN: then it may be as large as the sum. One far outside the row's sizes teaches sizes
    and level a capped quantity, as a single line would.
    """
    record = t.hot[row]
    units = quantity / THOUSANDTHS
    if lines == 1:
        largest = quantity
    elif largest == NOT_GIVEN:
        for _ in range(min(lines, SIZES_MAX)):
            learn_spread(record, units / lines)
        record.size_max = max(record.size_max, math.log(units))
        return
    most = min(largest, quantity) / THOUSANDTHS
    rest = (units - most) / max(lines - 1, 1)
    if is_far_outside(most, record.size_count, record.size_mean, record.size_variance, record.size_max):
        taught = taught_quantity(record.size_max)
        if day > record.day - RECENT_DAYS:
            record.excess[day % RECENT_DAYS] += most - taught
        most = taught
    if lines == 1:
        record.size_mode, record.size_mode_lead = learn_row_mode(record.size_mode, record.size_mode_lead, most)
        learn_spread(record, most)
        return
    for _ in range(min(lines, SIZES_MAX) - 1):
        if rest > 0.0:
            learn_spread(record, rest)
    learn_spread(record, most)


@kernel
def apply_daily(t: Tables, event: Any, row: int, minute: int) -> int:
    """Book a daily sum on the local day of its event time; returns the outcome."""
    if find_line(t.lines, t.line_index, event.id_hi, event.id_lo) >= 0:
        return DUPLICATE
    day = minute // DAY_MINUTES
    slot = new_line(t, event.id_hi, event.id_lo, row, day * 24)
    t.lines[slot].version = VERSION_LAST
    t.line_state[ALL_OPEN] = 0
    advance_row(t, row, day * 24)
    book_sum(t, row, day, event.quantity, event.version)
    note_sum(t.location_lines, t.hot[row].location, day)
    learn_sum_sizes(t, row, day, event.quantity, event.version, event.quantity_open)
    mark_seen(t, row, ORDERS, event.time)
    record = t.hot[row]
    if event.time >= record.last_order:
        record.last_order = event.time
        if not np.isnan(event.price):
            record.price = event.price
            record.currency = event.currency
    return ABSORBED_LATE if event.time < event.watermark else ABSORBED
