"""Memory prefetch: kernels request the memory of a record some records ahead of its turn, so they need not wait for it.

An order touches six places anywhere in memory: its cell of the line index; its row's newest values and the cells of its
day and hour; its row's open demand. Orders arrive nearly in order of time, so the
day and hour are assumed to be those of the current record. A wrong guess costs only the wait.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT, Kind
from sensing.jit import lean_kernel
from sensing.machines.kernel_tables import Tables
from sensing.memory import prefetch
from sensing.state.line_table import home_position, tag_of_key
from sensing.state.rows import DAYS_KEPT, HOT, HOURS_KEPT, RECENT_DAYS, row_home
from sensing.supply.supply_record import SUPPLY

PREFETCH_DISTANCE = 16
"""Records ahead. Distances 8, 16 and 32 perform alike; no prefetch costs +50 %."""
CLOSED = np.uint8(Kind.CLOSED)


def _at(dtype: np.dtype[np.void], field: str) -> int:
    """Offset of a field in its record, in bytes."""
    place: int = dtype.fields[field][1]  # type: ignore[index]  # a record dtype has fields
    return place


ROW_KEY, LINE_KEY, EVENT_KIND = _at(EVENT, "row_lo"), _at(EVENT, "line_lo"), _at(EVENT, "kind")
NEWEST = _at(HOT, "window_72")
DAY_QUANTITY, DAY_LINES, HOUR_LINES = _at(HOT, "day_quantity"), _at(HOT, "day_lines"), _at(HOT, "hour_lines")
CUSTOMERS = _at(HOT, "customers")
OPEN, SEEN, MOVEMENTS = _at(SUPPLY, "open_total"), _at(SUPPLY, "last_seen"), _at(SUPPLY, "movement_quantity")


@lean_kernel
def prefetch_row(events: NDArray[Any], hot: NDArray[Any], index: NDArray[np.int32], k: int) -> None:
    """Prefetch the keys of a record well after record ``k``, and the likely row of a nearer record."""
    for byte in (ROW_KEY, EVENT_KIND):
        prefetch(events, k + 2 * PREFETCH_DISTANCE, byte)
    if k + PREFETCH_DISTANCE // 2 < events.shape[0]:
        prefetch(hot, index[row_home(events[k + PREFETCH_DISTANCE // 2].row_lo, index.shape[0] - 1)], 0)


@lean_kernel
def prefetch_record(t: Tables, events: NDArray[Any], rows: NDArray[np.int32], k: int, stop: int, hour: int) -> None:
    """Prefetch the memory of a record after record ``k``, as if it were an order of the same local ``hour``."""
    for byte in (0, LINE_KEY, EVENT_KIND):
        prefetch(events, k + 2 * PREFETCH_DISTANCE, byte)
    if k + PREFETCH_DISTANCE >= stop or rows[k + PREFETCH_DISTANCE] < 0:
        return
    event, row, day = events[k + PREFETCH_DISTANCE], rows[k + PREFETCH_DISTANCE], hour // 24
    size = t.line_index.shape[0]
    prefetch(t.line_index, home_position(tag_of_key(event.line_lo), size), 0)
    if event.kind > CLOSED:
        prefetch(t.line_index, home_position(tag_of_key(event.id_lo), size), 0)
        prefetch(t.supply, row, MOVEMENTS)
    prefetch(t.hot, row, 0)
    prefetch(t.hot, row, NEWEST)
    prefetch(t.hot, row, DAY_LINES + 2 * (day % DAYS_KEPT))
    prefetch(t.hot, row, HOUR_LINES + 2 * (hour % HOURS_KEPT))
    prefetch(t.hot, row, DAY_QUANTITY + 8 * (day % DAYS_KEPT))
    prefetch(t.hot, row, CUSTOMERS + 8 * (day % RECENT_DAYS))
    prefetch(t.supply, row, OPEN)
    prefetch(t.supply, row, SEEN)
