"""A closed day as the models see it, and the days to come as calendars know them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.record import THOUSANDTHS
from sensing.demand.inputs import DayInputs, Window
from sensing.demand.record import HORIZON
from sensing.jit import kernel
from sensing.machines.state import ShardState
from sensing.state.rows import DAYS_KEPT, HOURS_KEPT
from sensing.supply.moves import on_hand
from sensing.supply.record import NEVER


@kernel
def read_day(
    hot: NDArray[Any], supply: NDArray[Any], rows: NDArray[np.int64], day: int, quantity: NDArray[np.float64],
    lines: NDArray[np.float64], hours: NDArray[np.uint16], empty: NDArray[np.bool_], promoted: NDArray[np.float64],
) -> None:  # fmt: skip
    """Read a local day of n rows from their rings.

    Units, lines, lines per hour (n, 24), whether stock was known to be gone at its end, and whether an order named a
    promotion.

    Days and hours that a ring has not reached yet, or not any more, are zero.
    """
    for i in range(rows.shape[0]):
        record = hot[rows[i]]
        quantity[i] = 0.0
        lines[i] = 0.0
        if record.day - DAYS_KEPT < day <= record.day:
            quantity[i] = record.day_quantity[day % DAYS_KEPT] / THOUSANDTHS
            lines[i] = record.day_lines[day % DAYS_KEPT]
        for h in range(24):
            hour = day * 24 + h
            within = record.hour - HOURS_KEPT < hour <= record.hour
            hours[i, h] = record.hour_lines[hour % HOURS_KEPT] if within else 0
        age_days = record.day - day
        promoted[i] = (record.promoted_days >> age_days) & 1 if 0 <= age_days < 8 else 0
        empty[i] = supply[rows[i]].count_time != NEVER and on_hand(supply, rows[i]) <= 0


def idle_locations(s: ShardState, day: int) -> NDArray[np.bool_]:
    """(locations,) whether a local day teaches nothing: the location was closed, or the feed silent."""
    closed = [s.calendars.days(record.calendar, day, 1)[0][0] for record in s.locations.records]
    return np.array(closed, np.bool_) | s.locations.silent(day)


def inputs_of(s: ShardState, rows: NDArray[np.int64], day: int, idle: NDArray[np.bool_]) -> DayInputs:
    """What the demand models are told of a closed day.

    A row with order lines on an idle day learns them all the same.
    """
    n = len(rows)
    quantity, lines, hours = np.empty(n), np.empty(n), np.empty((n, 24), np.uint16)
    empty, named = np.empty(n, np.bool_), np.empty(n)
    hot = s.rows.hot
    read_day(hot, s.supply.supply, rows, day, quantity, lines, hours, empty, named)
    location = hot["location"][rows]
    _, holiday, known = known_days(s, rows, day, 1)
    promoted = np.maximum(named, known[:, 0])
    return DayInputs(
        day, quantity, lines, hours, location, idle[location] & (lines == 0), empty, holiday[:, 0], promoted
    )


def window_of(s: ShardState, rows: NDArray[np.int64], day: int) -> Window:
    """What calendars and promotions say of the 28 days after ``day``."""
    closed, holiday, promoted = known_days(s, rows, day + 1, HORIZON)
    return Window(closed, holiday, promoted)


def known_days(
    s: ShardState, rows: NDArray[np.int64], first: int, count: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Closed days, holidays and promoted days, (n, count) each, from local day ``first`` on."""
    locations = [s.calendars.days(record.calendar, first, count) for record in s.locations.records]
    of_row = s.rows.hot["location"][rows]
    closed = np.array([days[0] for days in locations])[of_row]
    holiday = np.array([days[1] for days in locations])[of_row]
    return closed, holiday, _promoted(s, rows, first, count)


def _promoted(s: ShardState, rows: NDArray[np.int64], first: int, count: int) -> NDArray[np.float64]:
    promoted = np.zeros((len(rows), count))
    if s.calendars.promotions:
        for i, row in enumerate(rows.tolist()):
            days = s.calendars.promoted(*s.names_of(row), first, count)
            if days is not None:
                promoted[i] = days
    return promoted
