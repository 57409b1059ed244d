"""Tests that run on the event itself.

Does the trailing window now hold more order lines than its hours of the week explain?

A row keeps a floor per window, set when it is planned: no count below it can be a surge on the coming day. So nearly
every event costs two comparisons. On a day that the floors are not for, any count that is large enough at all is
tested.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.profile import expected_lines, weekday_factor
from sensing.detection.lines import line_dispersion
from sensing.detection.surge import FLOOR_NONE, LINES_MIN, is_surge, surge_floor
from sensing.jit import kernel, lean_kernel
from sensing.machines.tables import SURGE, Tables
from sensing.state.rows import DAYS_KEPT

AHEAD_HOURS = 24


@lean_kernel
def note(attention: NDArray[Any], noted: int, kind: int, row: int, quantity: float) -> int:
    """Write one thing for Python to look at; returns how many there are now."""
    entry = attention[noted]
    entry.kind = kind
    entry.row = row
    entry.quantity = quantity
    return noted + 1


@kernel
def surges_now(t: Tables, row: int, hours: int, observed: int) -> bool:
    """Whether a trailing window that ends with the row's newest hour is a surge."""
    record = t.hot[row]
    demand = t.demand[row]
    first, stop = record.hour - hours + 1, record.hour + 1
    expected = expected_lines(t.demand, row, t.pools, record.location, t.location_unobserved, first, stop)
    days = float(demand.days)
    dispersion = line_dispersion(demand.lines_square, demand.lines_level, days)
    return is_surge(float(observed), expected, demand.lines_level, dispersion, hours / 24.0, days)


@lean_kernel
def watch_surge(t: Tables, row: int, hour: int, attention: NDArray[Any], noted: int) -> int:
    """Note a surge after a line was booked in local ``hour``: a window's count has reached its floor and is a surge."""
    record = t.hot[row]
    if record.floors_day == (record.hour // 24) & 255:
        floor_24, floor_72 = np.int64(record.floor_24), np.int64(record.floor_72)
    else:
        floor_24 = floor_72 = np.int64(LINES_MIN)
    day_reached = hour > record.hour - 24 and record.window_24 >= floor_24
    if (day_reached and surges_now(t, row, 24, record.window_24)) or (
        record.window_72 >= floor_72 and surges_now(t, row, 72, record.window_72)
    ):
        noted = note(attention, noted, SURGE, row, np.nan)
    return noted


@kernel
def set_floors(t: Tables, rows: NDArray[np.int64], day: int) -> None:
    """Set both floors of rows that closed ``day``: no window that ends on the local day after is a surge below them."""
    hourly = np.empty(72 + AHEAD_HOURS)
    for row in rows:
        record = t.hot[row]
        demand = t.demand[row]
        record.floor_24 = FLOOR_NONE
        record.floor_72 = FLOOR_NONE
        record.floors_day = (day + 1) & 255
        days = float(demand.days)
        first = (day - 2) * 24
        for k in range(hourly.shape[0]):
            at = (first + k) // 24
            share = 1.0 / 24.0 + t.pools[record.location].share[(at + 3) % 7, (first + k) % 24]
            share *= 1.0 - t.location_unobserved[record.location, at % DAYS_KEPT]
            hourly[k] = (
                share * demand.lines_level * weekday_factor(t.demand, row, t.pools, record.location, (at + 3) % 7)
            )
        dispersion = line_dispersion(demand.lines_square, demand.lines_level, days)
        for hours in (24, 72):
            total = 0.0
            least = np.inf
            for k in range(hourly.shape[0]):
                total += hourly[k]
                if k >= hours:
                    total -= hourly[k - hours]
                if k >= 72:
                    least = min(least, total)
            # Rounding of the running sum must not lift the floor above a count that is a surge.
            floor = surge_floor(max(least - 1e-9, 0.0), demand.lines_level, dispersion, hours / 24.0, days)
            if hours == 24:
                record.floor_24 = floor
            else:
                record.floor_72 = floor
