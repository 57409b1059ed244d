"""Backlog: open demand of a row (ordered, not yet shipped) by requested day. Booking kernels and plans call it.

``open_total`` is the exact sum over the open lines of a row. The lines themselves are a linked list through the line
table, from ``open_head`` of the row's supply record on. A line is linked when its open quantity rises above zero.
Whoever reads the list unlinks the lines that are not open any more, so each line is unlinked once. From ``late_head``
on stand the lines that were overdue when the list was last read by day: daily plans need only their sum. Where nobody
says what was shipped, these are many.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS
from sensing.jit import kernel, lean_kernel
from sensing.state.line_table import LIST_END, NOT_LINKED, open_quantity

LOW_BITS = 2**32 - 1


@lean_kernel
def link(supply: NDArray[Any], lines: NDArray[Any], slot: int) -> None:
    """Link a line to the list of its row, if it is not linked yet."""
    line = lines[slot]
    if line.next_open == NOT_LINKED:
        record = supply[line.row]
        line.next_open = record.open_head
        record.open_head = slot


@lean_kernel
def after(supply: NDArray[Any], lines: NDArray[Any], row: int, before: int) -> int:
    """Line of a row's list after the line ``before``, or the first one if that is LIST_END."""
    return int(supply[row].open_head if before == LIST_END else lines[before].next_open)


@lean_kernel
def unlink_after(supply: NDArray[Any], lines: NDArray[Any], row: int, before: int) -> None:
    """Unlink the line of a row's list after the line ``before``, or the first one if that is LIST_END."""
    slot = after(supply, lines, row, before)
    if slot == supply[row].late_head:
        supply[row].late_head = lines[slot].next_open
    if before == LIST_END:
        supply[row].open_head = lines[slot].next_open
    else:
        lines[before].next_open = lines[slot].next_open
    lines[slot].next_open = NOT_LINKED


@kernel
def unlink(supply: NDArray[Any], lines: NDArray[Any], slot: int) -> None:
    """Unlink one line from the list of its row."""
    row, before = lines[slot].row, LIST_END
    if lines[slot].next_open == NOT_LINKED:
        return
    at = after(supply, lines, row, before)
    while at != slot:
        before = at
        at = after(supply, lines, row, before)
    unlink_after(supply, lines, row, before)


@lean_kernel
def change_day(supply: NDArray[Any], lines: NDArray[Any], slot: int, day: int) -> None:
    """Change the requested local day of a line whose open quantity is not counted at present, and is linked again then.

    A line may stand among those overdue, so a later day takes it out of the list.
    """
    if day > lines[slot].requested_day and lines[slot].next_open != NOT_LINKED:
        unlink(supply, lines, slot)
    lines[slot].requested_day = day


@kernel
def prune(supply: NDArray[Any], lines: NDArray[Any], row: int) -> None:
    """Unlink the lines of a row that are not open any more."""
    before = LIST_END
    slot = after(supply, lines, row, before)
    while slot != LIST_END:
        if open_quantity(lines[slot]) == 0:
            unlink_after(supply, lines, row, before)
        else:
            before = slot
        slot = after(supply, lines, row, before)


@kernel
def open_by_day(
    supply: NDArray[Any], lines: NDArray[Any], rows: NDArray[np.int64], first_day: int, by_day: NDArray[np.float64],
    overdue: NDArray[np.float64],
) -> None:  # fmt: skip
    """Compute open demand of rows in units by requested day. ``first_day`` of a row never falls from call to call.

    Fills ``by_day`` (n, h) for local days ``first_day`` + 0 .. h - 1, and ``overdue`` (n,) with what was requested
    before. What is requested after the h days is in neither.
    """
    by_day[:] = 0.0
    for i in range(rows.size):
        overdue[i] = read_due(supply, lines, rows[i], first_day, by_day[i])
    by_day /= THOUSANDTHS
    overdue /= THOUSANDTHS


@kernel
def read_due(supply: NDArray[Any], lines: NDArray[Any], row: int, first_day: int, by_day: NDArray[np.float64]) -> int:
    """Add a row's open thousandths from ``first_day`` on to ``by_day`` (h,); returns those requested before.

    Lines requested before ``first_day`` move to the end of the list, where no later call reads them: what is overdue is
    what else is open. That end is pruned when its sum has changed.
    """
    record = supply[row]
    ahead, moved, late, before = 0, 0, record.late_head, LIST_END
    slot = record.open_head
    while slot != record.late_head:
        line = lines[slot]
        following, quantity = line.next_open, open_quantity(line)
        if quantity > 0 and line.requested_day >= first_day:
            ahead += quantity
            if line.requested_day - first_day < by_day.size:
                by_day[line.requested_day - first_day] += quantity
            before = slot
        else:
            unlink_after(supply, lines, row, before)
            if quantity > 0:
                moved += quantity
                line.next_open, late = late, slot
        slot = following
    overdue: int = record.open_total - ahead
    changed = (overdue - moved) & LOW_BITS != record.late_open
    if before == LIST_END:
        record.open_head = late
    else:
        lines[before].next_open = late
    record.late_head, record.late_open = late, np.uint32(overdue & LOW_BITS)
    if changed:
        prune(supply, lines, row)
    return overdue


@kernel
def open_lines(
    supply: NDArray[Any], lines: NDArray[Any], row: int, days: NDArray[np.int64], quantities: NDArray[np.int64]
) -> int:
    """Fill in requested day and open thousandths of the open lines of a row, up to the size of the arrays.

    Returns the number of open lines.
    """
    prune(supply, lines, row)
    count, slot = 0, supply[row].open_head
    while slot != LIST_END:
        if count < days.size:
            days[count], quantities[count] = lines[slot].requested_day, open_quantity(lines[slot])
        count += 1
        slot = lines[slot].next_open
    return count


def open_days(supply: NDArray[Any], lines: NDArray[Any], row: int) -> dict[int, float]:
    """Units open of a row by requested local day, rising, without a limit of days."""
    count = open_lines(supply, lines, row, np.empty(0, np.int64), np.empty(0, np.int64))
    days, quantities = np.empty((2, count), np.int64)
    open_lines(supply, lines, row, days, quantities)
    found: dict[int, int] = {}
    for day, quantity in zip(days.tolist(), quantities.tolist(), strict=True):
        found[day] = found.get(day, 0) + quantity
    return {day: found[day] / THOUSANDTHS for day in sorted(found)}
