"""Row history: adds the rings and order sizes of one row to those of another. Hand-overs to a successor call it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel
from sensing.state.buckets import LINES_MAX, roll
from sensing.state.rows import DAYS_KEPT, HOURS_KEPT, RECENT_DAYS

OWN = ("key_hi", "key_lo", "location", "slot", "stock", "out_of_sync")
"""Fields of a row that another row's history does not change."""
SIZES = ("size_count", "size_mean", "size_variance", "size_max", "size_mode", "size_mode_lead")


def add_history(hot: NDArray[Any], row: int, given: Any) -> None:
    """Add the history of a row, the record ``given``, to that of ``row``.

    A row without events takes it as it is. Else buckets are added, and the order sizes are those of the row that has
    learned more lines; the price is the row's own, if it has one.
    """
    record = hot[row]
    if not record["active"]:
        for name in hot.dtype.names or ():
            if name not in OWN:
                record[name] = given[name]
        return
    one = np.array([given], hot.dtype)
    add_rings(hot, row, one)
    if record["size_count"] < given["size_count"]:
        for name in SIZES:
            record[name] = given[name]
    if np.isnan(record["price"]):
        record["price"], record["currency"] = given["price"], given["currency"]
    record["last_order"] = max(int(record["last_order"]), int(given["last_order"]))
    record["first_hour"] = min(int(record["first_hour"]), int(given["first_hour"]))
    # Counts and stock have changed, so that both are tested again at the next event.
    record["thresholds_day"] = (int(record["day"]) - 1) & 255
    record["dirty"] = 1


@kernel
def add_rings(hot: NDArray[Any], row: int, given: NDArray[Any]) -> None:
    """Add the buckets of the record ``given`` (1,) to those of ``row``, whose rings advance to the newer hour."""
    other = given[0]
    roll(hot, row, other.hour)
    record = hot[row]
    for day in range(max(other.day, record.day) - DAYS_KEPT + 1, other.day + 1):
        at = day % DAYS_KEPT
        record.day_quantity[at] += other.day_quantity[at]
        record.day_lines[at] = min(record.day_lines[at] + other.day_lines[at], LINES_MAX)
        if day > max(other.day, record.day) - RECENT_DAYS:
            record.excess[day % RECENT_DAYS] += other.excess[day % RECENT_DAYS]
            record.customers[day % RECENT_DAYS] |= other.customers[day % RECENT_DAYS]
    for hour in range(max(other.hour, record.hour) - HOURS_KEPT + 1, other.hour + 1):
        before = record.hour_lines[hour % HOURS_KEPT]
        after = min(before + other.hour_lines[hour % HOURS_KEPT], LINES_MAX)
        record.hour_lines[hour % HOURS_KEPT] = after
        record.window_72 += after - before
        if hour > record.hour - 24:
            record.window_24 += after - before
    age_days = record.day - other.day
    if age_days < 8:
        record.promoted_days |= (np.int64(other.promoted_days) << age_days) & 255
