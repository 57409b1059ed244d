"""What a record will touch is asked for some records before its turn, so that memory is not waited for.

An order touches seven places that may be anywhere in memory: its cell of the line index; of its row the newest values
and the cells of its day and hour; of its row's supply open demand and the cell of the day. Day and hour are guessed
to be those of the record at hand, as orders come nearly in order of time; a wrong guess costs no more than the wait.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT, Kind
from sensing.jit import lean_kernel
from sensing.machines.kernel_tables import Tables
from sensing.memory import prefetch
from sensing.state.line_table import HEAD, home_position, oldest_to_evict
from sensing.state.rows import DAYS_KEPT, HOT, HOURS_KEPT, row_home
from sensing.supply.supply_record import OPEN_DAYS, SUPPLY

PREFETCH_DISTANCE = 16
"""Records. Of 8, 16 and 32 hardly different; none cost half as much again."""
CANCELLED = np.uint8(Kind.CANCELLED)


def _at(dtype: np.dtype[np.void], field: str) -> int:
    """Byte of a record at which a field begins."""
    place: int = dtype.fields[field][1]  # type: ignore[index]  # a record dtype has fields
    return place


ROW_KEY, LINE_KEY, EVENT_KIND = _at(EVENT, "row_lo"), _at(EVENT, "line_lo"), _at(EVENT, "kind")
NEWEST = _at(HOT, "window_72")
DAY_QUANTITY, DAY_LINES, HOUR_LINES = _at(HOT, "day_quantity"), _at(HOT, "day_lines"), _at(HOT, "hour_lines")
OPEN, OPEN_RING, MOVEMENTS = _at(SUPPLY, "open_total"), _at(SUPPLY, "open_ring"), _at(SUPPLY, "movement_quantity")


@lean_kernel
def prefetch_row(events: NDArray[Any], hot: NDArray[Any], index: NDArray[np.int32], k: int) -> None:
    """Ask for the keys of a record after record ``k``, and of the row that a nearer one is most likely of."""
    for byte in (ROW_KEY, EVENT_KIND):
        prefetch(events, k + 2 * PREFETCH_DISTANCE, byte)
    if k + PREFETCH_DISTANCE // 2 < events.shape[0]:
        prefetch(hot, index[row_home(events[k + PREFETCH_DISTANCE // 2].row_lo, index.shape[0] - 1)], 0)


@lean_kernel
def prefetch_record(t: Tables, events: NDArray[Any], rows: NDArray[np.int32], k: int, stop: int, hour: int) -> None:
    """Ask for what a record after record ``k`` will touch, if it is an order of the same local ``hour``."""
    for byte in (0, LINE_KEY, EVENT_KIND):
        prefetch(events, k + 2 * PREFETCH_DISTANCE, byte)
    if k + PREFETCH_DISTANCE >= stop or rows[k + PREFETCH_DISTANCE] < 0:
        return
    event, row, day = events[k + PREFETCH_DISTANCE], rows[k + PREFETCH_DISTANCE], hour // 24
    mask = t.line_index.shape[0] - 1
    prefetch(t.line_index, home_position(event.line_lo, mask), 0)
    if event.kind > CANCELLED:
        prefetch(t.line_index, home_position(event.id_lo, mask), 0)
        prefetch(t.supply, row, MOVEMENTS)
    prefetch(t.hot, row, 0)
    prefetch(t.hot, row, NEWEST)
    prefetch(t.hot, row, DAY_LINES + 2 * (day % DAYS_KEPT))
    prefetch(t.hot, row, HOUR_LINES + 2 * (hour % HOURS_KEPT))
    prefetch(t.hot, row, DAY_QUANTITY + 8 * (day % DAYS_KEPT))
    prefetch(t.supply, row, OPEN)
    prefetch(t.supply, row, OPEN_RING + 4 * (day % OPEN_DAYS))


@lean_kernel
def prefetch_oldest_line(t: Tables, oldest_hour: int) -> None:
    """Ask for what forgetting a line will touch, where lines are forgotten: the cell of the index and open demand."""
    if oldest_to_evict(t.lines, t.line_ring, oldest_hour) < 0:
        return
    line = t.lines[(t.line_ring[HEAD] + PREFETCH_DISTANCE) % t.lines.shape[0]]
    prefetch(t.line_index, home_position(line.key_lo, t.line_index.shape[0] - 1), 0)
    prefetch(t.hot, line.row, NEWEST)
    prefetch(t.supply, line.row, OPEN)
    prefetch(t.supply, line.row, OPEN_RING + 4 * (line.requested_day % OPEN_DAYS))
    # The run of index entries behind that of a line that goes sooner: they may move, which is told by their lines.
    mask = t.line_index.shape[0] - 1
    at = home_position(t.lines[(t.line_ring[HEAD] + PREFETCH_DISTANCE // 2) % t.lines.shape[0]].key_lo, mask)
    while t.line_index[at] >= 0:
        prefetch(t.lines, t.line_index[at] & mask, 0)
        at = (at + 1) & mask
