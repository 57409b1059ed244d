"""Fulfilment: kernels for shipments that serve order lines, and for deliveries, delays and backorders of lines.

A delivery of goods whose shipment was not heard of ships them. If the shipment arrives later, what the delivery has
shipped ahead is not shipped again: an entry beside the line counts the thousandths delivered and those shipped ahead.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_LINE
from sensing.codec.keys import MULTIPLIER, OTHER_MULTIPLIER, absorb_word
from sensing.jit import kernel, lean_kernel
from sensing.machines.booking import book_line, change_open, new_line, unbook
from sensing.machines.kernel_tables import LARGE_LINE, Tables
from sensing.machines.surge_thresholds import add_callback
from sensing.machines.unnamed_lines import sibling
from sensing.state.line_table import AHEAD, CLOSED, LARGE, MOVED_DAY, find_line, open_quantity
from sensing.supply.backlog import change_day, link

DELIVERED = np.uint64(2**63)
"""Mixed into a line's key it gives the key of the entry of its deliveries."""


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
def serve_line(t: Tables, event: Any, row: int, hour: int, callbacks: NDArray[Any], added: int) -> tuple[int, int]:
    """Lower the open quantity of the order line that a record names; the line's order may arrive later.

    A record that names no line serves the oldest open line of its order and SKU first.

    Returns
    -------
    tuple of int
        Thousandths that were not shipped ahead by a delivery, so that they leave the stock, and the number of callback
        entries.
    """
    if event.line_hi == event.id_hi and event.line_lo == event.id_lo:
        return event.quantity, added
    slot = find_line(t.lines, t.line_index, event.line_hi, event.line_lo)
    if slot < 0:
        slot = new_line(t, event.line_hi, event.line_lo, row, hour)
    line = t.lines[slot]
    line.touched = max(line.touched, hour)
    moved = event.quantity
    if line.flags & AHEAD:
        moved -= take_shipped_ahead(t, slot, moved)
    quantity = moved
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
    return moved, added


@kernel
def serve(t: Tables, event: Any, row: int, hour: int, callbacks: NDArray[Any]) -> tuple[int, int]:
    """Same as :func:`serve_line`, for infrequent events."""
    return serve_line(t, event, row, hour, callbacks, 0)


@lean_kernel
def delivery_key(key_hi: np.uint64, key_lo: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Key of the entry of a line's deliveries."""
    return absorb_word(key_hi, DELIVERED, MULTIPLIER), absorb_word(key_lo, DELIVERED, OTHER_MULTIPLIER)


@kernel
def take_shipped_ahead(t: Tables, slot: int, quantity: int) -> int:
    """Thousandths of a shipment that a delivery of the line has shipped ahead; they are taken off its entry."""
    hi, lo = delivery_key(t.lines[slot].key_hi, t.lines[slot].key_lo)
    entry = find_line(t.lines, t.line_index, hi, lo)
    if entry < 0:
        return 0
    taken = int(min(quantity, t.lines[entry].shipped))
    t.lines[entry].shipped -= taken
    return taken


@kernel
def note_delivery(t: Tables, event: Any, row: int, hour: int) -> int:
    """Note delivered thousandths of the line that a record names; returns those that no shipment was heard of.

    The caller ships them.
    """
    slot = find_line(t.lines, t.line_index, event.line_hi, event.line_lo)
    shipped = 0
    if slot >= 0:
        for number in range(t.lines[slot].siblings + 1):
            at = slot if number == 0 else sibling(t, event.line_hi, event.line_lo, number)
            shipped += t.lines[at].shipped if at >= 0 else 0
    hi, lo = delivery_key(event.line_hi, event.line_lo)
    entry = find_line(t.lines, t.line_index, hi, lo)
    if entry < 0:
        entry = new_line(t, hi, lo, row, hour)
    t.lines[entry].touched = max(t.lines[entry].touched, hour)
    t.lines[entry].quantity += event.quantity
    return int(min(max(t.lines[entry].quantity - shipped, 0), event.quantity))


@kernel
def mark_shipped_ahead(t: Tables, event: Any, quantity: int) -> None:
    """Note on a line and on the entry of its deliveries that a delivery has shipped thousandths ahead."""
    slot = find_line(t.lines, t.line_index, event.line_hi, event.line_lo)
    hi, lo = delivery_key(event.line_hi, event.line_lo)
    t.lines[find_line(t.lines, t.line_index, hi, lo)].shipped += quantity
    t.lines[slot].flags |= np.uint32(AHEAD)


@kernel
def expect_later(t: Tables, slot: int, day: int) -> bool:
    """Owe what is open on a line on a later local ``day``; False if it is not later or nothing is open."""
    line = t.lines[slot]
    if open_quantity(line) == 0 or day <= line.requested_day:
        return False
    change_day(t.supply, t.lines, slot, day)
    link(t.supply, t.lines, slot)
    line.flags |= np.uint32(MOVED_DAY)
    return True
