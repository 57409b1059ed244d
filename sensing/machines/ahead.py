"""What a record will touch is asked for some records before its turn, so that memory is not waited for.

An order touches seven places that may be anywhere in memory: its cell of the line index; of its row the newest values
and the cells of its day and hour; of its row's supply open demand and the cell of the day. Day and hour are guessed
to be those of the record at hand, as orders come nearly in order of time; a wrong guess costs no more than the wait.
"""

import numpy as np

from sensing.jit import inlined_kernel
from sensing.machines.tables import Tables
from sensing.memory import prefetch
from sensing.state.lines import home
from sensing.state.rows import DAYS_KEPT, HOT, HOURS_KEPT
from sensing.supply.record import OPEN_DAYS, SUPPLY

AHEAD = 16
"""Records."""


def _at(dtype: np.dtype[np.void], field: str) -> int:
    """Byte of a record at which a field begins."""
    place: int = dtype.fields[field][1]  # type: ignore[index]  # a record dtype has fields
    return place


NEWEST = _at(HOT, "window_72")
DAY_QUANTITY, DAY_LINES, HOUR_LINES = _at(HOT, "day_quantity"), _at(HOT, "day_lines"), _at(HOT, "hour_lines")
OPEN, OPEN_RING = _at(SUPPLY, "open_total"), _at(SUPPLY, "open_ring")


@inlined_kernel
def read_ahead(t: Tables, row: int, key_lo: np.uint64, hour: int) -> None:
    """Ask for what an order of ``row`` in local ``hour`` will touch; ``key_lo`` is of its line."""
    day = hour // 24
    prefetch(t.line_index, home(key_lo, t.line_index.shape[0] - 1), 0)
    prefetch(t.hot, row, 0)
    prefetch(t.hot, row, NEWEST)
    prefetch(t.hot, row, DAY_LINES + 2 * (day % DAYS_KEPT))
    prefetch(t.hot, row, HOUR_LINES + 2 * (hour % HOURS_KEPT))
    prefetch(t.hot, row, DAY_QUANTITY + 8 * (day % DAYS_KEPT))
    prefetch(t.supply, row, OPEN)
    prefetch(t.supply, row, OPEN_RING + 4 * (day % OPEN_DAYS))
