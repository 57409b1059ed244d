"""The hot path: a kernel that applies frequent events to rows, line table and stock, in input order.

The shard calls it for the records before the next event-time timer.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY, THOUSANDTHS, Kind
from sensing.contracts.common import VERSION_LAST
from sensing.detection.quality import is_impossible
from sensing.jit import kernel, lean_kernel
from sensing.machine_settings import HOUR_MS
from sensing.machines.booking import (
    advance_row,
    book_line,
    change_open,
    in_ring,
    learn_sizes,
    local_hour,
    mark_seen,
    new_line,
    open_quantity,
    unbook,
)
from sensing.machines.kernel_tables import (
    ABSORBED,
    ABSORBED_LATE,
    DUPLICATE,
    HELD_BACK,
    IMPOSSIBLE,
    LOW_STOCK,
    RELEASE,
    RELEASED,
    SUPERSEDED,
    Tables,
)
from sensing.machines.memory_prefetch import prefetch_oldest_line, prefetch_record
from sensing.machines.surge_thresholds import add_callback, check_surge
from sensing.state.line_table import BOOKED_DAY, COUNT, COUNTED, HEAD, HELD, TRACKED_OPEN, find_line
from sensing.supply.stock_ledger import book_count, book_movement, on_hand
from sensing.supply.supply_record import INVENTORY, NEVER, ORDERS

CANCELLED = np.uint8(Kind.CANCELLED)
LOST = np.uint8(Kind.LOST)
SHIPPED = np.uint8(Kind.SHIPPED)
COUNTED_STOCK = np.uint8(Kind.COUNTED)
FORGOTTEN_MAX = 4
"""Lines that one record can evict from the table: two for every new line, and a shipment may add two lines."""
NOT_HELD = np.uint8(255 - HELD)


@lean_kernel
def set_line(t: Tables, slot: int, row: int, hour: int, quantity: int, requested_day: int) -> None:
    """Rebook a known line with ``quantity`` at ``row``, in the earliest local hour of any of its versions."""
    line = t.lines[slot]
    unbook(t, slot)
    line.row = row
    line.hour = min(line.hour, hour)
    book_line(t, slot, quantity, requested_day)


@lean_kernel
def rebook(t: Tables, slot: int, hour: int) -> None:
    """Move a line to local ``hour`` of an older version if that is earlier; the quantity stays."""
    line = t.lines[slot]
    if hour >= line.hour:
        return
    if line.flags & COUNTED:
        set_line(t, slot, line.row, hour, line.quantity, NO_DAY if line.flags & BOOKED_DAY else line.requested_day)
    else:
        line.hour = hour


@lean_kernel
def impossible(t: Tables, row: int, quantity: int) -> bool:
    """Whether a line of ``quantity`` thousandths is impossible and must be held."""
    record = t.hot[row]
    return is_impossible(
        quantity / THOUSANDTHS, record.size_count, record.size_mean, record.size_variance, record.size_max, t.sizes
    )


@lean_kernel
def apply_order(
    t: Tables, events: NDArray[Any], k: int, row: int, hour: int, oldest_hour: int, callbacks: NDArray[Any], added: int
) -> tuple[int, int]:
    """Apply one version of an order line, or a lost sale. Returns the outcome and the number of callback entries."""
    event = events[k]
    quantity = 0 if event.kind == CANCELLED else event.quantity
    key_hi = event.id_hi if event.kind == LOST else event.line_hi
    key_lo = event.id_lo if event.kind == LOST else event.line_lo
    slot = find_line(t.lines, t.line_index, key_hi, key_lo)
    if slot >= 0:
        line = t.lines[slot]
        if event.version == line.version:
            return DUPLICATE, added
        if event.version < line.version:
            rebook(t, slot, hour)
            return SUPERSEDED, added
        if line.version == 0:  # so far only a shipment named the line, and its hour is not that of the order
            line.hour = hour
    else:
        slot = new_line(t, key_hi, key_lo, row, hour, oldest_hour)
        if event.kind != LOST:
            t.lines[slot].flags |= TRACKED_OPEN
    line = t.lines[slot]
    line.version = event.version
    if quantity > line.quantity and impossible(t, row, quantity):
        if line.flags & COUNTED == 0:
            line.hour = min(line.hour, hour)
            line.row = row
        line.flags |= HELD
        return HELD_BACK, add_callback(callbacks, added, IMPOSSIBLE, row, quantity / THOUSANDTHS)
    if line.flags & HELD:
        line.flags &= NOT_HELD
        added = add_callback(callbacks, added, RELEASE, row, quantity / THOUSANDTHS)
        t.counts[event.topic, event.partition, RELEASED] += 1
    mark_seen(t, row, ORDERS, event.time)
    was_counted = line.flags & COUNTED != 0
    set_line(t, slot, row, hour, quantity, event.requested_day)
    record = t.hot[row]
    if line.flags & COUNTED and not was_counted:
        learn_sizes(t, row, quantity)
        age_days = record.day - line.hour // 24
        if event.promoted and 0 <= age_days < 8:
            record.promoted_days |= np.uint8(1 << age_days)
        if event.time >= record.last_order:
            record.last_order = event.time
            if not np.isnan(event.price):
                record.price = event.price
                record.currency = event.currency
        added = check_surge(t, row, hour, callbacks, added)
    return (ABSORBED_LATE if event.time < event.watermark else ABSORBED), added


@lean_kernel
def ship(t: Tables, event: Any, row: int, hour: int, oldest_hour: int) -> None:
    """Lower the open quantity of the order line that a shipment serves; the line's order may arrive later."""
    if event.line_hi == event.id_hi and event.line_lo == event.id_lo:
        return
    slot = find_line(t.lines, t.line_index, event.line_hi, event.line_lo)
    if slot < 0:
        slot = new_line(t, event.line_hi, event.line_lo, row, hour, oldest_hour)
        t.lines[slot].flags |= TRACKED_OPEN
    line = t.lines[slot]
    before = open_quantity(line)
    line.shipped += event.quantity
    change_open(t, slot, open_quantity(line) - before, in_ring(line))


@lean_kernel
def apply_movement(
    t: Tables, events: NDArray[Any], k: int, row: int, hour: int, oldest_hour: int, callbacks: NDArray[Any], added: int
) -> tuple[int, int]:
    """Apply a shipment, return, count or adjustment. Returns the outcome and the number of callback entries."""
    event = events[k]
    if find_line(t.lines, t.line_index, event.id_hi, event.id_lo) >= 0:
        return DUPLICATE, added
    slot = new_line(t, event.id_hi, event.id_lo, row, hour, oldest_hour)
    t.lines[slot].version = VERSION_LAST
    advance_row(t, row, hour)
    mark_seen(t, row, INVENTORY, event.time)
    if event.kind == SHIPPED:
        ship(t, event, row, hour, oldest_hour)
        book_movement(t.supply, row, event.time, -event.quantity)
    elif event.kind == COUNTED_STOCK:
        book_count(t.supply, row, event.time, event.quantity)
    else:
        book_movement(t.supply, row, event.time, event.quantity)
    stock = on_hand(t.supply, row) / THOUSANDTHS
    if stock < t.hot[row].stock_threshold and t.supply[row].count_time != NEVER:
        t.hot[row].stock_threshold = np.nan
        added = add_callback(callbacks, added, LOW_STOCK, row, stock)
    return (ABSORBED_LATE if event.time < event.watermark else ABSORBED), added


@kernel
def rows_changed(
    t: Tables, events: NDArray[Any], rows: NDArray[np.int32], lines_max: int, horizon_hours: int
) -> NDArray[np.int32]:
    """Rows that records may change: their own, those of the lines they name, and those of lines that they may evict."""
    count = rows.shape[0]
    found = np.empty((2 + FORGOTTEN_MAX) * count, np.int32)
    n = 0
    for k in range(count):
        found[n] = rows[k]
        slot = find_line(t.lines, t.line_index, events[k].line_hi, events[k].line_lo)
        found[n + 1] = t.lines[slot].row if slot >= 0 else -1
        n += 2
    if count == 0:
        return found
    may_go = FORGOTTEN_MAX * count
    oldest_hour = events[count - 1].watermark // HOUR_MS - horizon_hours
    has_room = t.line_ring[COUNT] + may_go <= lines_max
    for k in range(min(t.line_ring[COUNT], may_go)):
        line = t.lines[(t.line_ring[HEAD] + k) % t.lines.shape[0]]
        if has_room and line.hour >= oldest_hour:
            break
        found[n] = line.row
        n += 1
    return found[:n]


@lean_kernel
def absorb(
    t: Tables, events: NDArray[Any], rows: NDArray[np.int32], start: int, stop: int, horizon_hours: int,
    callbacks: NDArray[Any],
) -> tuple[int, int]:  # fmt: skip
    """Apply records from ``start`` on in order and count their outcomes, until ``stop`` or until one needs a callback.

    Parameters
    ----------
    rows
        (n,) row of each record; records with a negative row were refused and are skipped.
    horizon_hours
        Age behind the watermark from which the line table evicts lines.
    callbacks
        Output, ``CALLBACKS_MAX`` entries: the callbacks that one record raises.

    Returns
    -------
    tuple of int
        Index behind the last record applied, and the number of callback entries that it raised. The kernel stops
        there, so that a callback sees exactly the state that the record left.
    """
    for k in range(start, stop):
        row = rows[k]
        if row < 0:
            continue
        event = events[k]
        hour = local_hour(t, row, event.time)
        prefetch_record(t, events, rows, k, stop, hour)
        oldest_hour = event.watermark // HOUR_MS - horizon_hours
        prefetch_oldest_line(t, oldest_hour)
        if event.kind <= CANCELLED or event.kind == LOST:
            outcome, added = apply_order(t, events, k, row, hour, oldest_hour, callbacks, 0)
        else:
            outcome, added = apply_movement(t, events, k, row, hour, oldest_hour, callbacks, 0)
        t.counts[event.topic, event.partition, outcome] += 1
        if added:
            return k + 1, added
    return stop, 0
