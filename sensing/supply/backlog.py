"""Backlog: open demand of a row (ordered, not yet shipped) by requested day. Booking kernels and plans call it.

``open_total`` is the exact sum over the open lines of a row. The lines themselves are a linked list through the line
table, from ``open_head`` of the row's supply record on. A line is linked when its open quantity rises above zero.
Whoever reads the list unlinks the lines that are not open any more, so each line is unlinked once.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS
from sensing.jit import kernel, lean_kernel
from sensing.state.line_table import LIST_END, NOT_LINKED, open_quantity


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
    """Compute open demand of rows in units by requested day.

    Fills ``by_day`` (n, h) for local days ``first_day`` + 0 .. h - 1, and ``overdue`` (n,) with what was requested
    before. What is requested after the h days is in neither.
    """
    by_day[:] = 0.0
    overdue[:] = 0.0
    for i in range(rows.size):
        prune(supply, lines, rows[i])
        slot = supply[rows[i]].open_head
        while slot != LIST_END:
            line = lines[slot]
            at = line.requested_day - first_day
            if at < 0:
                overdue[i] += open_quantity(line)
            elif at < by_day.shape[1]:
                by_day[i, at] += open_quantity(line)
            slot = line.next_open
    by_day /= THOUSANDTHS
    overdue /= THOUSANDTHS


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
