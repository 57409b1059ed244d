"""Locations that have been silent for long: what was planned from their events is stale.

Plans and day closes call it. A location is silent for long once its open days since the last order line are at least
STALE_DAYS and would usually have brought STALE_LINES lines, by its last four weeks with lines. That happens by chance
once in e^20 silences, so a location with few orders is given more days. Days on which its calendar is closed do not
count. A shard judges by the order lines of its own items.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.machines.shard_state import ShardState
from sensing.state.observed_hours import SILENT_LINES_MIN
from sensing.state.rows import DAYS_KEPT

STALE_DAYS = 14
STALE_LINES = SILENT_LINES_MIN
SILENCE_DAYS_MAX = 366
"""Days of silence that are looked at."""


def stale_rows(s: ShardState, rows: NDArray[np.int64], day: int) -> NDArray[np.bool_]:
    """(n,) whether the location of each row has been silent for long at the end of local ``day``."""
    lines = s.locations.lines[: len(s.locations.records)]
    silent = (day - lines["newest_hour"] // 24 >= STALE_DAYS) & (lines["first_hour"] > 0)
    for number in np.flatnonzero(silent).tolist():
        silent[number] = _is_silent(s, number, day)
    return np.asarray(silent[s.rows.hot["location"][rows]])


def _is_silent(s: ShardState, number: int, day: int) -> bool:
    """Whether a location without order lines for days has been silent for long."""
    record: Any = s.locations.lines[number]
    newest = int(record["newest_hour"]) // 24
    first = max(newest - DAYS_KEPT + 1, int(record["first_hour"]) // 24)
    until = min(day, newest + SILENCE_DAYS_MAX)
    calendar = s.locations.calendars[s.locations.calendar[number]]
    closed, _ = s.calendars.days(calendar, first, until + 1 - first)
    heard, silent = np.split(~np.asarray(closed, np.bool_), [newest + 1 - first])
    usual = float(record["hour_lines"].sum()) / max(int(heard.sum()), 1)
    return int(silent.sum()) >= STALE_DAYS and usual * float(silent.sum()) >= STALE_LINES
