"""Backlog: open demand of a row (ordered, not yet shipped) by requested day. Booking kernels and plans call it.

``open_total`` is the exact sum over lines. A ring has one cell per day from today on. ``open_later`` is the quantity
whose requested day was beyond the ring when it was booked. The rest, ``open_total - ring - open_later``, is overdue.
Each line stores one bit: 1 if it was booked in the ring or as overdue, 0 if it was booked as later. The bit is needed,
since the quantity of a later line stays in ``open_later`` when the ring reaches its day. Plans place later lines at
their mean requested day.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY, THOUSANDTHS
from sensing.jit import kernel, lean_kernel
from sensing.supply.supply_record import CELL_MAX, OPEN_DAYS, SPILLED

NEW_LINE = -1


@lean_kernel
def advance(supply: NDArray[Any], row: int, today: int) -> None:
    """Advance the ring to start at local day ``today``. Earlier days become overdue. The ring never goes back."""
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
        Requested local day. It must be the same in all changes of a line; for another day, remove and book it anew.
    delta
        Thousandths, signed.
    booked
        NEW_LINE for a line that is not booked yet, else the last result of this function for the line.

    Returns
    -------
    int
        1: booked in the ring or overdue, 0: later. The caller stores it with the line.
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
    """Advance the rings to local day ``first_day`` and compute open demand in units.

    Fills ``by_day`` (n, h) for days ``first_day`` + 0 .. h - 1, and ``overdue`` (n,). Later lines count at their mean
    requested day; beyond the h days they are left out.
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
