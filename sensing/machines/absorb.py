"""The hot path: frequent events into rows, line table and stock.

They go in reading order, until the next effect of time is due.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.record import NO_DAY, THOUSANDTHS, Kind
from sensing.contracts.common import VERSION_LAST
from sensing.detection.quality import is_impossible
from sensing.jit import kernel, lean_kernel
from sensing.machines.ahead import read_ahead, read_ahead_oldest
from sensing.machines.booking import (
    book_line,
    change_open,
    hear,
    in_ring,
    learn_sizes,
    local_hour,
    new_line,
    open_quantity,
    reach,
    unbook,
)
from sensing.machines.tables import (
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
from sensing.machines.watch import note, watch_surge
from sensing.settings import HOUR_MS
from sensing.state.lines import BOOKED_DAY, COUNT, COUNTED, HEAD, HELD, TRACKED_OPEN, find_line
from sensing.supply.moves import count, move, on_hand
from sensing.supply.record import INVENTORY, NEVER, ORDERS

CANCELLED = np.uint8(Kind.CANCELLED)
LOST = np.uint8(Kind.LOST)
SHIPPED = np.uint8(Kind.SHIPPED)
COUNTED_STOCK = np.uint8(Kind.COUNTED)
FORGOTTEN_MAX = 4
"""Lines that one record can push out of the table: two for every new one, and a shipment may make two."""
NOT_HELD = np.uint8(255 - HELD)


@lean_kernel
def set_line(t: Tables, slot: int, row: int, hour: int, quantity: int, requested_day: int) -> None:
    """Let a known line read ``quantity`` at ``row``, booked at the earliest event time any version had."""
    line = t.lines[slot]
    unbook(t, slot)
    line.row = row
    line.hour = min(line.hour, hour)
    book_line(t, slot, quantity, requested_day)


@lean_kernel
def rebook(t: Tables, slot: int, hour: int) -> None:
    """An older version tells that the line was first booked earlier: move it there."""
    line = t.lines[slot]
    if hour >= line.hour:
        return
    if line.flags & COUNTED:
        set_line(t, slot, line.row, hour, line.quantity, NO_DAY if line.flags & BOOKED_DAY else line.requested_day)
    else:
        line.hour = hour


@lean_kernel
def impossible(t: Tables, row: int, quantity: int) -> bool:
    """Whether a line of ``quantity`` thousandths is to be held."""
    record = t.hot[row]
    return is_impossible(
        quantity / THOUSANDTHS, record.size_count, record.size_mean, record.size_variance, record.size_max, t.sizes
    )


@lean_kernel
def take_order(
    t: Tables, events: NDArray[Any], k: int, row: int, hour: int, oldest_hour: int, attention: NDArray[Any], noted: int
) -> tuple[int, int]:
    """One version of an order line, or a lost sale. Returns the outcome and how many things were noted."""
    event = events[k]
    quantity = 0 if event.kind == CANCELLED else event.quantity
    key_hi = event.id_hi if event.kind == LOST else event.line_hi
    key_lo = event.id_lo if event.kind == LOST else event.line_lo
    slot = find_line(t.lines, t.line_index, key_hi, key_lo)
    if slot >= 0:
        line = t.lines[slot]
        if event.version == line.version:
            return DUPLICATE, noted
        if event.version < line.version:
            rebook(t, slot, hour)
            return SUPERSEDED, noted
        if line.version == 0:  # so far only a shipment named the line, which is no time of order
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
        return HELD_BACK, note(attention, noted, IMPOSSIBLE, row, quantity / THOUSANDTHS)
    if line.flags & HELD:
        line.flags &= NOT_HELD
        noted = note(attention, noted, RELEASE, row, quantity / THOUSANDTHS)
        t.counts[event.topic, event.partition, RELEASED] += 1
    hear(t, row, ORDERS, event.time)
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
        noted = watch_surge(t, row, hour, attention, noted)
    return (ABSORBED_LATE if event.time < event.watermark else ABSORBED), noted


@lean_kernel
def ship(t: Tables, event: Any, row: int, hour: int, oldest_hour: int) -> None:
    """Goods leave: lower what is open of the order line they serve, which may not have been seen yet."""
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
def take_movement(
    t: Tables, events: NDArray[Any], k: int, row: int, hour: int, oldest_hour: int, attention: NDArray[Any], noted: int
) -> tuple[int, int]:
    """A shipment, return, count or adjustment. Returns the outcome and how many things were noted."""
    event = events[k]
    if find_line(t.lines, t.line_index, event.id_hi, event.id_lo) >= 0:
        return DUPLICATE, noted
    slot = new_line(t, event.id_hi, event.id_lo, row, hour, oldest_hour)
    t.lines[slot].version = VERSION_LAST
    reach(t, row, hour)
    hear(t, row, INVENTORY, event.time)
    if event.kind == SHIPPED:
        ship(t, event, row, hour, oldest_hour)
        move(t.supply, row, event.time, -event.quantity)
    elif event.kind == COUNTED_STOCK:
        count(t.supply, row, event.time, event.quantity)
    else:
        move(t.supply, row, event.time, event.quantity)
    stock = on_hand(t.supply, row) / THOUSANDTHS
    if stock < t.hot[row].stock_floor and t.supply[row].count_time != NEVER:
        t.hot[row].stock_floor = np.nan
        noted = note(attention, noted, LOW_STOCK, row, stock)
    return (ABSORBED_LATE if event.time < event.watermark else ABSORBED), noted


@kernel
def rows_changed(
    t: Tables, events: NDArray[Any], rows: NDArray[np.int32], lines_max: int, horizon_hours: int
) -> NDArray[np.int32]:
    """Rows that records may change: their own, those of the lines they name, and those of lines forgotten for them."""
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
    attention: NDArray[Any],
) -> tuple[int, int]:  # fmt: skip
    """Apply records from ``start`` on in order and count their outcomes, until ``stop`` or until one needs attention.

    Parameters
    ----------
    rows
        (n,) row of each record; negative ones were dealt with elsewhere.
    horizon_hours
        Age, behind the watermark, from which the line table forgets.
    attention
        Room for what one record can give rise to, ``ATTENTION_MAX`` entries.

    Returns
    -------
    tuple of int
        Index behind the last record applied, and the number of attention entries it gave rise to. Stopping there lets
        Python look at exactly the state that the record left.
    """
    for k in range(start, stop):
        row = rows[k]
        if row < 0:
            continue
        event = events[k]
        hour = local_hour(t, row, event.time)
        read_ahead(t, events, rows, k, stop, hour)
        oldest_hour = event.watermark // HOUR_MS - horizon_hours
        read_ahead_oldest(t, oldest_hour)
        if event.kind <= CANCELLED or event.kind == LOST:
            outcome, noted = take_order(t, events, k, row, hour, oldest_hour, attention, 0)
        else:
            outcome, noted = take_movement(t, events, k, row, hour, oldest_hour, attention, 0)
        t.counts[event.topic, event.partition, outcome] += 1
        if noted:
            return k + 1, noted
    return stop, 0
