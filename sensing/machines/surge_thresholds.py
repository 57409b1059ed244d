"""Surge thresholds: the kernel's test on every order line whether a trailing window (24 h, 72 h) is an order surge.

Planning sets one threshold per window and row: no line count below it can be a surge on the next local day. So nearly
every event costs two comparisons. On other days every count from ``LINES_MIN`` on is tested.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.row_statistics import usual_lines
from sensing.demand.seasonal_profile import expected_lines, line_index
from sensing.detection.surge import HISTORY_DAYS_MIN, LINES_MIN, THRESHOLD_NONE, is_surge, surge_threshold
from sensing.detection.window_statistics import line_dispersion
from sensing.jit import kernel, lean_kernel
from sensing.machines.kernel_tables import SURGE, Tables
from sensing.state.rows import DAYS_KEPT

AHEAD_HOURS = 24


@lean_kernel
def add_callback(callbacks: NDArray[Any], added: int, kind: int, row: int, quantity: float) -> int:
    """Write one callback entry, if there is room; returns the number of entries."""
    if added == callbacks.shape[0]:
        return added
    entry = callbacks[added]
    entry.kind = kind
    entry.row = row
    entry.quantity = quantity
    return added + 1


@kernel
def is_surge_now(t: Tables, row: int, hours: int, observed: int) -> bool:
    """Whether a trailing window that ends with the row's newest hour is a surge."""
    record = t.hot[row]
    demand = t.demand[row]
    first, stop = record.hour - hours + 1, record.hour + 1
    expected = expected_lines(t.demand, row, t.pools, record.location, t.location_unobserved, first, stop)
    usual, days = usual_lines(t.demand, row), float(demand.days)
    dispersion = line_dispersion(demand.lines_square, usual, days)
    return is_surge(float(observed), expected, usual, dispersion, hours / 24.0, days)


@lean_kernel
def check_surge(t: Tables, row: int, hour: int, larger: bool, callbacks: NDArray[Any], added: int) -> int:
    """Add a SURGE callback if, after a line was booked in local ``hour``, a window has reached its threshold and is a
    surge, or if ``larger`` lines are one. Returns the number of callback entries.
    """
    record = t.hot[row]
    if record.thresholds_day == (record.hour // 24) & 255:
        surge_threshold_24, surge_threshold_72 = (
            np.int64(record.surge_threshold_24),
            np.int64(record.surge_threshold_72),
        )
    else:
        surge_threshold_24 = surge_threshold_72 = np.int64(LINES_MIN)
    day_reached = hour > record.hour - 24 and record.window_24 >= surge_threshold_24
    if (
        larger
        or (day_reached and is_surge_now(t, row, 24, record.window_24))
        or (record.window_72 >= surge_threshold_72 and is_surge_now(t, row, 72, record.window_72))
    ):
        added = add_callback(callbacks, added, SURGE, row, np.nan)
    return added


@kernel
def set_surge_thresholds(t: Tables, rows: NDArray[np.int64], day: int) -> None:
    """Set both thresholds of rows that closed ``day``, for windows that end on the next local day."""
    days_read = (72 + AHEAD_HOURS) // 24
    hourly = np.empty(24 * days_read)
    for row in rows:
        record = t.hot[row]
        demand = t.demand[row]
        record.surge_threshold_24 = THRESHOLD_NONE
        record.surge_threshold_72 = THRESHOLD_NONE
        record.thresholds_day = (day + 1) & 255
        days = float(demand.days)
        if days < HISTORY_DAYS_MIN:
            continue  # no count is a surge
        usual = usual_lines(t.demand, row)
        for k in range(days_read):
            at = day - 2 + k
            weekday = (at + 3) % 7
            observed = 1.0 - t.location_unobserved[record.location, at % DAYS_KEPT]
            index = line_index(t.demand, row, t.pools, record.location, weekday)
            for hour in range(24):
                share = (1.0 / 24.0 + t.pools[record.location].share[weekday, hour]) * observed
                hourly[24 * k + hour] = share * usual * index
        dispersion = line_dispersion(demand.lines_square, usual, days)
        for hours in (24, 72):
            total = 0.0
            least = np.inf
            for k in range(hourly.shape[0]):
                total += hourly[k]
                if k >= hours:
                    total -= hourly[k - hours]
                if k >= 72:
                    least = min(least, total)
            # Rounding of the running sum must not lift the threshold above a count that is a surge.
            threshold = surge_threshold(max(least - 1e-9, 0.0), usual, dispersion, hours / 24.0, days)
            if hours == 24:
                record.surge_threshold_24 = threshold
            else:
                record.surge_threshold_72 = threshold
