"""The hot path: a kernel that applies frequent events to rows, line table and stock, in input order.

The shard calls it for the records before the next event-time timer.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT, NO_LINE, Kind
from sensing.codec.swar import WORD
from sensing.contracts.common import VERSION_LAST
from sensing.jit import kernel, lean_kernel
from sensing.machines.booking import advance_row, book_line, change_open, local_minute, mark_seen, new_line, unbook
from sensing.machines.kernel_tables import (
    ABSORBED,
    ABSORBED_LATE,
    DUPLICATE,
    LARGE_LINE,
    LOW_STOCK,
    TO_JUDGE,
    UNJUDGED,
    Tables,
)
from sensing.machines.memory_prefetch import prefetch_record
from sensing.machines.order_lines import apply_order, is_order, tally
from sensing.machines.settlement import settle_due_lines
from sensing.machines.surge_thresholds import add_callback
from sensing.machines.unnamed_lines import sibling
from sensing.state.line_table import ALL_OPEN, CLOSED, LARGE, find_line, open_quantity
from sensing.supply.stock_ledger import book_count, book_movement, refresh_stock
from sensing.supply.supply_record import INVENTORY

SHIPPED = np.uint8(Kind.SHIPPED)
COUNTED_STOCK = np.uint8(Kind.COUNTED)
EVENT_WORDS = EVENT.itemsize // WORD


@kernel
def ship_closed_line(t: Tables, slot: int, quantity: int) -> None:
    """Add shipped thousandths to a cancelled or closed line, which has them as its demand."""
    unbook(t, slot)
    t.lines[slot].shipped += quantity
    book_line(t, slot)


@kernel
def ship_siblings(t: Tables, slot: int, quantity: int) -> int:
    """Serve the open lines of an order and SKU whose events name no line, the oldest first; returns what is left."""
    line = t.lines[slot]
    for number in range(line.siblings + 1):
        at = slot if number == 0 else sibling(t, line.key_hi, line.key_lo, number)
        served = min(quantity, open_quantity(t.lines[at])) if at >= 0 else 0
        if served > 0:
            t.lines[at].shipped += served
            change_open(t, at, -served)
            quantity -= served
    return quantity


@lean_kernel
def ship(t: Tables, event: Any, row: int, hour: int, callbacks: NDArray[Any], added: int) -> int:
    """Lower the open quantity of the order line that a shipment serves; the line's order may arrive later.

    A shipment that names no line serves the oldest open line of its order and SKU first. Returns the number of callback
    entries.
    """
    if event.line_hi == event.id_hi and event.line_lo == event.id_lo:
        return added
    slot = find_line(t.lines, t.line_index, event.line_hi, event.line_lo)
    if slot < 0:
        slot = new_line(t, event.line_hi, event.line_lo, row, hour)
    line = t.lines[slot]
    line.touched = max(line.touched, hour)
    quantity = event.quantity
    if event.flags & NO_LINE and line.siblings > 0:
        quantity = ship_siblings(t, slot, quantity)
    before = open_quantity(line)
    if line.flags & CLOSED:
        ship_closed_line(t, slot, quantity)
    else:
        line.shipped += quantity
        change_open(t, slot, open_quantity(line) - before)
    if line.flags & LARGE and before > 0 and open_quantity(line) == 0:
        added = add_callback(callbacks, added, LARGE_LINE, line.row, slot)
    return added


@lean_kernel
def apply_movement(t: Tables, event: Any, row: int, hour: int, callbacks: NDArray[Any]) -> tuple[int, int]:
    """Apply a shipment, return, count or adjustment. Returns the outcome and the number of callback entries."""
    if find_line(t.lines, t.line_index, event.id_hi, event.id_lo) >= 0:
        return DUPLICATE, 0
    added = 0
    slot = new_line(t, event.id_hi, event.id_lo, row, hour)
    t.lines[slot].version = VERSION_LAST
    t.line_state[ALL_OPEN] = 0
    advance_row(t, row, hour)
    mark_seen(t, row, INVENTORY, event.time)
    if event.kind == SHIPPED:
        added = ship(t, event, row, hour, callbacks, added)
        book_movement(t.supply, row, event.time, -event.quantity)
    elif event.kind == COUNTED_STOCK:
        book_count(t.supply, row, event.time, event.quantity)
        if t.supply[row].count_time == event.time and not t.location_ships[t.hot[row].location]:
            settle_due_lines(t, row, event.time)
    else:
        book_movement(t.supply, row, event.time, event.quantity)
    refresh_stock(t.hot, t.supply, row)
    if t.hot[row].stock < t.hot[row].stock_threshold:
        t.hot[row].stock_threshold = np.nan
        added = add_callback(callbacks, added, LOW_STOCK, row, t.hot[row].stock)
    return (ABSORBED_LATE if event.time < event.watermark else ABSORBED), added


@kernel
def rows_changed(t: Tables, events: NDArray[Any], rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """Rows that records may change: their own, and those of the lines they name or mean."""
    found = [rows[k] for k in range(rows.shape[0])]
    for k in range(rows.shape[0]):
        event = events[k]
        slot = find_line(t.lines, t.line_index, event.line_hi, event.line_lo)
        if slot < 0:
            continue
        found.append(t.lines[slot].row)
        for number in range(1, t.lines[slot].siblings + 1 if event.flags & NO_LINE else 1):
            other = sibling(t, event.line_hi, event.line_lo, number)
            if other >= 0:
                found.append(t.lines[other].row)
    return np.array(found, np.int32)


@lean_kernel
def absorb(
    t: Tables, events: NDArray[Any], words: NDArray[np.uint64], rows: NDArray[np.int32], start: int, stop: int,
    horizon_days: int, callbacks: NDArray[Any], verdict: int,
) -> tuple[int, int]:  # fmt: skip
    """Apply records from ``start`` on in order and count their outcomes, until ``stop`` or until one needs a callback.

    Parameters
    ----------
    words
        (n, EVENT_WORDS) the records as words.
    rows
        (n,) row of each record; records with a negative row were refused and are skipped.
    horizon_days
        A line first heard of at a higher version is open if its requested day is at most this old.
    callbacks
        Output, ``CALLBACKS_MAX`` entries: the callbacks that one record raises.
    verdict
        Verdict on the quantity of the first record: UNJUDGED, JUDGED_LARGE or JUDGED_IMPOSSIBLE.

    Returns
    -------
    tuple of int
        Index behind the last record applied, and the number of callback entries that it raised. The kernel stops
        there, so that a callback sees exactly the state that the record left. TO_JUDGE instead of a number says that
        the record at the index is not applied: its quantity must be judged first.
    """
    for k in range(start, stop):
        row = rows[k]
        if row < 0:
            continue
        event = events[k]
        minute = local_minute(t, row, event.time)
        hour = minute // 60
        prefetch_record(t, events, rows, k, stop, hour)
        if is_order(event.kind):
            outcome, added = apply_order(t, event, words[k], row, minute, horizon_days, verdict, callbacks)
            if outcome == TO_JUDGE:
                return k, TO_JUDGE
            verdict = UNJUDGED
        else:
            outcome, added = apply_movement(t, event, row, hour, callbacks)
        if outcome >= 0:
            tally(t, event, outcome)
        if added:
            return k + 1, added
    return stop, 0
