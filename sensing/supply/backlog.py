"""Open demand of a row by requested day: what was ordered and has not left yet.

Exact: ``open_total`` is the sum over lines. A ring holds the days from today on; of the rest, ``open_later`` is what
was requested beyond the ring when it was booked, and what remains, ``total - ring - later``, is overdue: owed now. A
line keeps one bit, whether it was booked within the ring's reach (overdue ones as well), because a later line's
quantity is not in the cell of its day when the ring comes round to it. Later lines are planned for at their mean
requested day.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.record import NO_DAY, THOUSANDTHS
from sensing.jit import kernel, lean_kernel
from sensing.supply.record import CELL_MAX, OPEN_DAYS, SPILLED

NEW_LINE = -1


@lean_kernel
def advance(supply: NDArray[Any], row: int, today: int) -> None:
    """Let the ring begin at local day ``today``; the days before it become overdue. It never goes back."""
    record = supply[row]
    if record.open_day == NO_DAY:
        record.open_day = today
    days = min(today - record.open_day, OPEN_DAYS)
    if days <= 0:
        return
    for i in range(days):
        record.open_ring[(record.open_day + i) % OPEN_DAYS] = 0
    record.open_day = today


@lean_kernel
def open_add(supply: NDArray[Any], row: int, today: int, requested_day: int, delta: int, booked: int) -> int:
    """Change the open quantity of one line by ``delta`` thousandths.

    Parameters
    ----------
    supply, row
        Record to change.
    today
        Local day by the clock.
    requested_day
        Local day the line was asked for; the same in all changes of a line (another day: take all out, book it as new).
    delta
        Thousandths, signed.
    booked
        NEW_LINE for a line that is not booked yet, else what this function returned for it.

    Returns
    -------
    int
        1: booked within the ring's reach, 0: later; to be kept with the line.
    """
    advance(supply, row, today)
    record = supply[row]
    if booked == NEW_LINE:
        booked = 1 if requested_day < record.open_day + OPEN_DAYS else 0
    record.open_total += delta
    if booked == 0:
        record.open_later += delta
        record.open_later_moment += delta * requested_day
    elif requested_day >= record.open_day:
        cell = requested_day % OPEN_DAYS
        value = record.open_ring[cell] + delta
        if record.open_ring[cell] != SPILLED:
            record.open_ring[cell] = value if abs(value) <= CELL_MAX else SPILLED
    return booked


@kernel
def open_by_day(
    supply: NDArray[Any], rows: NDArray[np.int64], first_day: int, by_day: NDArray[np.float64],
    overdue: NDArray[np.float64],
) -> None:  # fmt: skip
    """Open demand in units as of local day ``first_day``, after rolling the rings on to it.

    Fills ``by_day`` (n, h) for days ``first_day`` + 0 .. h - 1 and ``overdue`` (n,), owed now. Later lines stand at
    their mean requested day; beyond the h days they are in neither.
    """
    by_day[:] = 0.0
    for i in range(rows.size):
        advance(supply, rows[i], first_day)
        record = supply[rows[i]]
        rest = record.open_total - record.open_later
        for k in range(OPEN_DAYS):
            cell = record.open_ring[(record.open_day + k) % OPEN_DAYS]
            at = record.open_day + k - first_day
            if cell != SPILLED:
                rest -= cell
                if at < by_day.shape[1]:
                    by_day[i, at] += cell / THOUSANDTHS
        overdue[i] = rest / THOUSANDTHS
        if record.open_later > 0:
            at = record.open_later_moment // record.open_later - first_day
            if at < 0:
                overdue[i] += record.open_later / THOUSANDTHS
            elif at < by_day.shape[1]:
                by_day[i, at] += record.open_later / THOUSANDTHS
