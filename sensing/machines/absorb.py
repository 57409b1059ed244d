"""The hot path: a kernel that applies frequent events to rows, line table and stock, in input order.

The shard calls it for the records before the next event-time timer.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT, NO_LINE, NOT_RESTOCKED, THOUSANDTHS, Kind
from sensing.codec.swar import WORD
from sensing.contracts.common import VERSION_LAST
from sensing.jit import kernel, lean_kernel
from sensing.machine_settings import MINUTE_MS
from sensing.machines.booking import advance_row, mark_seen, new_line
from sensing.machines.daily_demand import apply_daily
from sensing.machines.fulfilment import serve_line
from sensing.machines.kernel_tables import (
    ABSORBED,
    ABSORBED_LATE,
    COUNT_DRIFT,
    DUPLICATE,
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
from sensing.state.line_table import ALL_OPEN, find_line
from sensing.state.zones import span_at
from sensing.supply.stock_ledger import book_count, book_movement, mark_fractional, refresh_stock
from sensing.supply.supply_record import INVENTORY

SHIPPED = np.uint8(Kind.SHIPPED)
COUNTED_STOCK = np.uint8(Kind.COUNTED)
DAILY = np.uint8(Kind.DAILY)
EVENT_WORDS = EVENT.itemsize // WORD


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
        moved, added = serve_line(t, event, row, hour, callbacks, added)
        book_movement(t.supply, row, event.time, -moved)
    elif event.kind == COUNTED_STOCK:
        drift, _ = book_count(t.supply, row, event.time, event.quantity)
        location = t.hot[row].location
        if t.location_ships[location]:
            if t.location_lines[location].summed:
                pass  # movements from before the location is live are not heard of
            elif drift != 0 or t.hot[row].out_of_sync:
                added = add_callback(callbacks, added, COUNT_DRIFT, row, drift / THOUSANDTHS)
        elif t.supply[row].count_time == event.time:
            settle_due_lines(t, row, event.time)
    elif event.flags & NOT_RESTOCKED == 0:
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
    span = 0
    for k in range(start, stop):
        row: Any = np.int64(rows[k])  # as other callers have it, so that what it calls is compiled once
        if row < 0:
            continue
        event = events[k]
        zone = t.location_zone[t.hot[row].location]
        span = span_at(t.zone_starts, zone, event.time, span)  # most often that of the record before
        minute = (event.time + t.zone_offsets[zone, span]) // MINUTE_MS
        hour = minute // 60
        prefetch_record(t, events, rows, k, stop, hour)
        if is_order(event.kind):
            outcome, added = apply_order(t, event, words[k], row, minute, horizon_days, verdict, callbacks)
            if outcome == TO_JUDGE:
                return k, TO_JUDGE
            verdict = UNJUDGED
        elif event.kind == DAILY:
            outcome, added = apply_daily(t, event, row, minute), 0
        else:
            outcome, added = apply_movement(t, event, row, hour, callbacks)
        if outcome >= 0:
            tally(t, event, outcome)
            if outcome <= ABSORBED_LATE:
                mark_fractional(t.supply, row, event.quantity)
        if added:
            return k + 1, added
    return stop, 0
