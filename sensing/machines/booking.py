"""Booking: kernels that add order lines to buckets and open demand. A line's newest version replaces its earlier
booking.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY, THOUSANDTHS
from sensing.detection.quality import learn_row_size, learn_stream_size
from sensing.jit import lean_kernel
from sensing.machine_settings import HOUR_MS
from sensing.machines.kernel_tables import Tables
from sensing.state.buckets import book, roll
from sensing.state.line_table import (
    BOOKED_DAY,
    COUNTED,
    OPEN_IN_RING,
    TRACKED_OPEN,
    evict_oldest,
    insert_line,
    oldest_to_evict,
)
from sensing.state.observed_hours import count_lines
from sensing.state.zones import offset_at
from sensing.supply.backlog import NEW_LINE, advance, open_add


@lean_kernel
def local_hour(t: Tables, row: int, time: int) -> int:
    """Local hour number of an instant at the row's location."""
    zone = t.location_zone[t.hot[row].location]
    return int((time + offset_at(t.zone_starts, t.zone_offsets, zone, time)) // HOUR_MS)


@lean_kernel
def advance_row(t: Tables, row: int, hour: int) -> None:
    """Advance a row to local ``hour`` of an absorbed event; see :func:`advance_row_arrays`."""
    advance_row_arrays(t.hot, t.supply, row, hour)


@lean_kernel
def advance_row_arrays(hot: NDArray[Any], supply: NDArray[Any], row: int, hour: int) -> None:
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
    advance(supply, row, record.day)


@lean_kernel
def open_quantity(line: Any) -> int:
    """Open quantity of a line in thousandths: ordered and not yet shipped."""
    return int(max(line.quantity - line.shipped, 0))


@lean_kernel
def change_open(t: Tables, slot: int, delta: int, booked: int) -> None:
    """Change the open quantity of a line by ``delta`` thousandths; ``booked`` as in :func:`open_add`."""
    line = t.lines[slot]
    if delta == 0 or line.flags & TRACKED_OPEN == 0:
        return
    if delta > 0:  # more open demand needs more stock
        t.hot[line.row].stock_threshold += delta / THOUSANDTHS
    if open_add(t.supply, line.row, t.hot[line.row].day, line.requested_day, delta, booked):
        line.flags |= OPEN_IN_RING
    else:
        line.flags &= np.uint8(255 - OPEN_IN_RING)


@lean_kernel
def in_ring(line: Any) -> int:
    """``booked`` of :func:`open_add` for a booked line: 1 if its open quantity is in the ring or overdue, else 0."""
    return 1 if line.flags & OPEN_IN_RING else 0


@lean_kernel
def unbook(t: Tables, slot: int) -> None:
    """Take a line out of the buckets and out of open demand."""
    line = t.lines[slot]
    if line.flags & COUNTED == 0:
        return
    book(t.hot, line.row, line.hour, -line.quantity, -1)
    count_location(t, line.row, line.hour, -1)
    change_open(t, slot, -open_quantity(line), in_ring(line))
    line.flags &= np.uint8(255 - COUNTED)
    line.quantity = 0


@lean_kernel
def book_line(t: Tables, slot: int, quantity: int, requested_day: int) -> None:
    """Add an unbooked line to the buckets of its row and hour and, if it is tracked, to open demand."""
    line = t.lines[slot]
    if quantity == 0:
        return
    advance_row(t, line.row, line.hour)
    line.quantity = quantity
    line.flags |= COUNTED
    if requested_day == NO_DAY:
        line.requested_day = line.hour // 24
        line.flags |= BOOKED_DAY
    else:
        line.requested_day = requested_day
        line.flags &= np.uint8(255 - BOOKED_DAY)
    book(t.hot, line.row, line.hour, quantity, 1)
    count_location(t, line.row, line.hour, 1)
    change_open(t, slot, open_quantity(line), NEW_LINE)


@lean_kernel
def count_location(t: Tables, row: int, hour: int, lines: int) -> None:
    """Count order lines of a location's local hour; the counts tell a silent source from a row without orders."""
    count_lines(t.location_lines, t.hot[row].location, hour, lines)


@lean_kernel
def learn_sizes(t: Tables, row: int, quantity: int) -> None:
    """Add a line of ``quantity`` thousandths to the order sizes of the row and of the stream."""
    record = t.hot[row]
    units = quantity / THOUSANDTHS
    learn_stream_size(t.sizes, units, record.size_count, record.size_mean)
    count, mean, variance, largest = learn_row_size(
        record.size_count, record.size_mean, record.size_variance, record.size_max, units
    )
    record.size_count = count
    record.size_mean = mean
    record.size_variance = variance
    record.size_max = largest


@lean_kernel
def mark_seen(t: Tables, row: int, source: int, time: int) -> None:
    """Note the newest event time (UTC ms) of a row in an input."""
    record = t.supply[row]
    record.last_seen[source] = max(record.last_seen[source], time // 1000)


@lean_kernel
def new_line(t: Tables, key_hi: np.uint64, key_lo: np.uint64, row: int, hour: int, oldest_hour: int) -> int:
    """Slot for a new line. Lines that are evicted for it leave open demand."""
    for _ in range(2):
        oldest = oldest_to_evict(t.lines, t.line_ring, oldest_hour)
        if oldest < 0:
            break
        change_open(t, oldest, -open_quantity(t.lines[oldest]), in_ring(t.lines[oldest]))
        evict_oldest(t.lines, t.line_index, t.line_ring)
    slot = insert_line(t.lines, t.line_index, t.line_ring, key_hi, key_lo)
    t.lines[slot].row = row
    t.lines[slot].hour = hour
    return slot
