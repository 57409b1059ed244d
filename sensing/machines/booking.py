"""Booking: kernels that add order lines to buckets and open demand. A line's newest version replaces its earlier
booking.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY, THOUSANDTHS
from sensing.detection.order_size import learn_row_mode, learn_row_size, taught_quantity
from sensing.jit import kernel, lean_kernel
from sensing.machine_settings import HOUR_MS, MINUTE_MS
from sensing.machines.kernel_tables import Tables
from sensing.state.buckets import book, roll
from sensing.state.line_table import (
    ALL_OPEN,
    BOOKED_DAY,
    COUNTED,
    EVICTED,
    EVICTED_OPEN,
    HAND,
    LARGE,
    MOVED_DAY,
    TRANSFER,
    add_line,
    booked_day,
    booked_hour,
    demand_quantity,
    free_line,
    is_finished,
    is_full,
    open_quantity,
)
from sensing.state.observed_hours import count_lines
from sensing.state.rows import RECENT_DAYS
from sensing.state.zones import offset_at
from sensing.supply.backlog import change_day, link, unlink


@lean_kernel
def local_minute(t: Tables, row: int, time: int) -> int:
    """Local minute number of an instant at the row's location."""
    zone = t.location_zone[t.hot[row].location]
    return int((time + offset_at(t.zone_starts, t.zone_offsets, zone, time)) // MINUTE_MS)


@lean_kernel
def local_hour(t: Tables, row: int, time: int) -> int:
    """Local hour number of an instant at the row's location."""
    zone = t.location_zone[t.hot[row].location]
    return int((time + offset_at(t.zone_starts, t.zone_offsets, zone, time)) // HOUR_MS)


@lean_kernel
def advance_row(t: Tables, row: int, hour: int) -> None:
    """Advance a row to local ``hour`` of an absorbed event; see :func:`advance_row_of`."""
    advance_row_of(t.hot, row, hour)


@lean_kernel
def advance_row_of(hot: NDArray[Any], row: int, hour: int) -> None:
    """Advance a row to local ``hour`` of an absorbed event: its first event starts the rings, newer ones roll them."""
    record = hot[row]
    if record.active == 0:
        record.active = 1
        record.hour = hour
        record.day = hour // 24
        record.first_hour = hour
        record.closed_day = record.day - 1
    elif hour < record.first_hour and hour // 24 == record.first_hour // 24:
        record.first_hour = hour
    record.dirty = 1
    roll(hot, row, hour)


@lean_kernel
def change_open(t: Tables, slot: int, delta: int) -> None:
    """Change the open demand of a line's row by ``delta`` thousandths; the line must be linked while it is open."""
    if delta == 0:
        return
    row = t.lines[slot].row
    t.supply[row].open_total += delta
    if delta < 0:
        t.line_state[ALL_OPEN] = 0
    else:
        t.hot[row].stock_threshold += delta / THOUSANDTHS  # more open demand needs more stock
        link(t.supply, t.lines, slot)


@lean_kernel
def unbook(t: Tables, slot: int) -> None:
    """Take a line out of the buckets and out of open demand."""
    line = t.lines[slot]
    change_open(t, slot, -open_quantity(line))
    if line.flags & COUNTED and not is_summed(t, line):
        book(t.hot, line.row, booked_hour(line), -demand_quantity(line), -1)
        if line.flags & LARGE:
            book_excess(t, slot, -demand_quantity(line))
        count_location(t, line.row, booked_hour(line), -1)
    line.flags &= ~np.uint32(COUNTED)


@lean_kernel
def is_summed(t: Tables, line: Any) -> bool:
    """Whether a line was ordered up to the newest day whose demand its row has as a sum: the sums have it in them."""
    day = booked_day(line)
    return bool(day <= t.newest_sum[0] and day <= t.summed_until[line.row])


@lean_kernel
def is_demand(t: Tables, line: Any) -> bool:
    """Whether a line is demand of its row: at some rows only transfers are."""
    return bool(line.row >= t.ignores_orders.shape[0] or not t.ignores_orders[line.row] or line.flags & TRANSFER)


@lean_kernel
def book_line(t: Tables, slot: int) -> None:
    """Add an unbooked line to the buckets of its row and hour, if it was placed, and to open demand, if tracked."""
    line = t.lines[slot]
    quantity = demand_quantity(line)
    if line.placed_tag and quantity > 0 and is_demand(t, line) and not is_summed(t, line):
        advance_row(t, line.row, booked_hour(line))
        line.flags |= np.uint32(COUNTED)
        book(t.hot, line.row, booked_hour(line), quantity, 1)
        if line.flags & LARGE:
            book_excess(t, slot, quantity)
        count_location(t, line.row, booked_hour(line), 1)
    if is_finished(line):
        t.line_state[ALL_OPEN] = 0
    change_open(t, slot, open_quantity(line))


@lean_kernel
def request(t: Tables, slot: int, requested_day: int) -> None:
    """Set the requested local day of an unbooked line; NO_DAY: the day that it is booked on."""
    line = t.lines[slot]
    line.flags &= ~np.uint32(MOVED_DAY)
    if requested_day == NO_DAY:
        change_day(t.supply, t.lines, slot, booked_day(line))
        line.flags |= np.uint32(BOOKED_DAY)
    else:
        change_day(t.supply, t.lines, slot, requested_day)
        line.flags &= ~np.uint32(BOOKED_DAY)


@lean_kernel
def move_line(t: Tables, slot: int, row: int) -> None:
    """Move an unbooked line to another row."""
    line = t.lines[slot]
    if line.row != row:
        unlink(t.supply, t.lines, slot)
        line.row = row


@lean_kernel
def count_location(t: Tables, row: int, hour: int, lines: int) -> None:
    """Count order lines of a location's local hour; the counts tell a silent source from a row without orders."""
    count_lines(t.location_lines, t.hot[row].location, hour, lines)


@lean_kernel
def learn_sizes(t: Tables, row: int, quantity: int) -> None:
    """Add a line of ``quantity`` thousandths to the order sizes of the row."""
    record = t.hot[row]
    units = quantity / THOUSANDTHS
    record.size_mode, record.size_mode_lead = learn_row_mode(record.size_mode, record.size_mode_lead, units)
    learn_spread(record, units)


@lean_kernel
def learn_spread(record: Any, units: float) -> None:
    """Add a line to mean, variance and maximum of a row's order sizes."""
    count, mean, variance, largest = learn_row_size(
        record.size_count, record.size_mean, record.size_variance, record.size_max, units
    )
    record.size_count = count
    record.size_mean = mean
    record.size_variance = variance
    record.size_max = largest


@kernel
def book_excess(t: Tables, slot: int, quantity: int) -> None:
    """Add (signed) the part of a large line that models must not learn to its day, if that may still be open.

    ``quantity`` is the line's demand in thousandths. Taking a line out takes at most what the day has.
    """
    line = t.lines[slot]
    record = t.hot[line.row]
    day = booked_day(line)
    if day <= record.day - RECENT_DAYS:
        return
    units = quantity / THOUSANDTHS
    excess = record.excess[day % RECENT_DAYS]
    if units < 0.0:
        record.excess[day % RECENT_DAYS] = max(excess + units, 0.0)
    else:
        record.excess[day % RECENT_DAYS] = excess + max(units - taught_quantity(record.size_max), 0.0)


@lean_kernel
def mark_seen(t: Tables, row: int, source: int, time: int) -> None:
    """Note the newest event time (UTC ms) of a row in an input."""
    record = t.supply[row]
    record.last_seen[source] = max(record.last_seen[source], time // 1000)


@lean_kernel
def new_line(t: Tables, key_hi: np.uint64, key_lo: np.uint64, row: int, hour: int) -> int:
    """Slot for a new line. If the table is full, another line is evicted for it."""
    if is_full(t.lines, t.line_state):
        evict_line(t)
    slot = add_line(t.lines, t.line_index, t.line_state, key_hi, key_lo)
    line = t.lines[slot]
    line.row = row
    line.minute = 60 * hour
    line.touched = hour
    return slot


@kernel
def evict_line(t: Tables) -> None:
    """Evict a finished line of the full table or, if there is none, an open one, which leaves open demand.

    A line that leads to siblings goes last.
    """
    count = t.lines.shape[0]
    first = count if t.line_state[ALL_OPEN] else 0
    for step in range(first, 3 * count):
        slot = int(t.line_state[HAND] % count)
        t.line_state[HAND] = (slot + 1) % count
        line = t.lines[slot]
        finished = is_finished(line)
        if (finished or step >= count) and (line.siblings == 0 or step >= 2 * count):
            change_open(t, slot, -open_quantity(line))
            unlink(t.supply, t.lines, slot)
            free_line(t.lines, t.line_index, t.line_state, slot)
            t.line_state[EVICTED if finished else EVICTED_OPEN] += 1
            t.line_state[ALL_OPEN] = 0 if finished else 1
            return
