"""Fulfilment: kernels for shipments that serve order lines, and for deliveries, delays and backorders of lines.

The same goods may be reported several times: as shipped, as delivered, and, for the part of a kit, by the kit's
shipments as well as by its own. What has left the stock for a line is the largest of these totals, in whatever order
they arrive. While a line has only shipments of its own, its shipped quantity is their total. Else two entries beside
the line have the totals: one of its own reports, one of those of its kit.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import DERIVED, NO_LINE
from sensing.codec.keys import MULTIPLIER, OTHER_MULTIPLIER, absorb_word
from sensing.jit import kernel, lean_kernel
from sensing.machines.booking import book_line, change_open, new_line, unbook
from sensing.machines.kernel_tables import LARGE_LINE, Tables
from sensing.machines.surge_thresholds import add_callback
from sensing.machines.unnamed_lines import sibling
from sensing.state.line_table import CLOSED, LARGE, MOVED_DAY, REPORTED, find_line, open_quantity
from sensing.supply.backlog import change_day, link

OWN, BY_KIT = np.uint64(2**63), np.uint64(2**63 + 1)
"""Mixed into a line's key they give the keys of the entries of its own reports and of those of its kit."""


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
        Thousandths that leave the stock, without those that had been reported in another way, and the number of
        callback entries.
    """
    if event.line_hi == event.id_hi and event.line_lo == event.id_lo:
        return event.quantity, added
    slot = line_of(t, event, row, hour)
    moved = event.quantity
    if t.lines[slot].flags & REPORTED or event.flags & DERIVED:
        moved = add_report(t, event, slot, row, hour, False)
    return moved, ship_line(t, event, slot, moved, callbacks, added)


@lean_kernel
def line_of(t: Tables, event: Any, row: int, hour: int) -> int:
    """Slot of the order line that a record names, made if it is new."""
    slot = find_line(t.lines, t.line_index, event.line_hi, event.line_lo)
    if slot < 0:
        slot = new_line(t, event.line_hi, event.line_lo, row, hour)
    t.lines[slot].touched = max(t.lines[slot].touched, hour)
    return slot


@lean_kernel
def ship_line(t: Tables, event: Any, slot: int, moved: int, callbacks: NDArray[Any], added: int) -> int:
    """Ship thousandths of a line or of its siblings; returns the number of callback entries."""
    line, quantity = t.lines[slot], moved
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


@kernel
def serve(
    t: Tables, event: Any, row: int, hour: int, callbacks: NDArray[Any], delivered: bool
) -> tuple[int, int]:  # fmt: skip
    """Same as :func:`serve_line`, for infrequent events; also of goods ``delivered``, shipped or not."""
    if not delivered:
        return serve_line(t, event, row, hour, callbacks, 0)
    slot = line_of(t, event, row, hour)
    moved = add_report(t, event, slot, row, hour, True)
    return moved, ship_line(t, event, slot, moved, callbacks, 0)


@lean_kernel
def entry_key(key_hi: np.uint64, key_lo: np.uint64, of: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Key of the entry of a line's reports: OWN or BY_KIT."""
    return absorb_word(key_hi, of, MULTIPLIER), absorb_word(key_lo, of, OTHER_MULTIPLIER)


@lean_kernel
def reported_total(t: Tables, entry: int) -> int:
    """What has left by the reports of an entry: the larger of shipped and delivered thousandths; 0 without entry."""
    return int(max(t.lines[entry].quantity, t.lines[entry].shipped)) if entry >= 0 else 0


@kernel
def add_report(t: Tables, event: Any, slot: int, row: int, hour: int, delivered: bool) -> int:
    """Add a report about a line to its totals; returns the thousandths that leave the stock by it."""
    own_hi, own_lo = entry_key(event.line_hi, event.line_lo, OWN)
    kit_hi, kit_lo = entry_key(event.line_hi, event.line_lo, BY_KIT)
    if find_line(t.lines, t.line_index, own_hi, own_lo) < 0:
        shipped = t.lines[slot].shipped
        for number in range(1, t.lines[slot].siblings + 1):
            at = sibling(t, event.line_hi, event.line_lo, number)
            shipped += t.lines[at].shipped if at >= 0 else 0
        t.lines[new_line(t, own_hi, own_lo, row, hour)].shipped = shipped
    if event.flags & DERIVED and find_line(t.lines, t.line_index, kit_hi, kit_lo) < 0:
        new_line(t, kit_hi, kit_lo, row, hour)
    own = find_line(t.lines, t.line_index, own_hi, own_lo)
    kit = find_line(t.lines, t.line_index, kit_hi, kit_lo)
    at = kit if event.flags & DERIVED else own
    if at < 0 or find_line(t.lines, t.line_index, event.line_hi, event.line_lo) != slot:
        return int(event.quantity)  # evicted just now: the table is full of open lines
    t.lines[slot].flags |= np.uint32(REPORTED)
    before = max(reported_total(t, own), reported_total(t, kit))
    if delivered:
        t.lines[at].quantity += event.quantity
    else:
        t.lines[at].shipped += event.quantity
    t.lines[at].touched = max(t.lines[at].touched, hour)
    return int(max(reported_total(t, own), reported_total(t, kit)) - before)


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
