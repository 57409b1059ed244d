"""Which rows close when: every row in the minute of its slot after its local day's end, pools when the hour is over.

Rows of one zone whose instants lie between two records close together; the order within is that of (instant, row), so that neither blocks nor
heartbeats show in the results.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.settings import MINUTE_MS
from sensing.state.rows import SLOTS
from sensing.state.zones import Zones

NEVER = 2**62


class Due(NamedTuple):
    """Rows of one zone that close local ``day``, in order of (instant, row); ``fold`` when the hour is over after them."""

    zone: int
    day: int
    rows: NDArray[np.int64]
    instants: NDArray[np.int64]
    fold: bool


class Schedule:
    """Position of every zone in its closes: the local day to close next and the next minute of it (SLOTS: the fold)."""

    def __init__(self, zones: Zones) -> None:
        self.zones = zones
        self.positions: dict[int, tuple[int, int]] = {}
        self.slots: dict[int, list[list[int]]] = {}
        self.next_instant = NEVER

    def open(self, zone: int, clock: int) -> None:
        """Let the closes of ``zone`` begin with the local day that ``clock`` lies in, unless they have begun.

        Zones open when the clock starts or when they are first heard of, not with their first row: how far records may be absorbed before the next
        effect of time must not hang on rows that are made on the way.
        """
        if zone not in self.positions:
            self.positions[zone] = (self.zones.local_hour(zone, clock) // 24, 0)
            self.slots[zone] = [[] for _ in range(SLOTS)]
            self.next_instant = min(self.next_instant, self._instant(zone))

    def add(self, zone: int, slot: int, row: int, clock: int) -> None:
        """Let ``row`` close with ``zone``; where it is the first to do so, from the local day that ``clock`` lies in."""
        self.open(zone, clock)
        self.slots[zone][slot].append(row)

    def move(self, row: int, slot: int, old: int, new: int, clock: int) -> None:
        """Let ``row`` close with zone ``new`` instead of ``old``."""
        self.slots[old][slot].remove(row)
        self.add(new, slot, row, clock)
        self.slots[new][slot].sort()

    def restore(self, positions: dict[int, tuple[int, int]]) -> None:
        """Go on at the positions of a dump; the rows have been added."""
        self.positions = dict(positions)
        for zone in positions:  # a zone may have lost all its rows to others
            self.slots.setdefault(zone, [[] for _ in range(SLOTS)])
        self.next_instant = min((self._instant(zone) for zone in self.positions), default=NEVER)

    def _instant(self, zone: int) -> int:
        day, minute = self.positions[zone]
        return self.zones.day_end(zone, day) + minute * MINUTE_MS

    def take(self, limit: int, *, final: bool) -> Due | None:
        """The next closes at or before ``limit``, or None. At the end of the input the slots of days that have ended by then count as reached."""
        if not final and self.next_instant > limit:
            return None
        ended = [zone for zone, (day, _) in self.positions.items() if not final or self.zones.day_end(zone, day) <= limit]
        instants = sorted((self._instant(zone), zone) for zone in ended)
        if not instants:
            return None
        zone = instants[0][1]
        others = instants[1][0] if len(instants) > 1 else NEVER
        day, minute = self.positions[zone]
        end = self.zones.day_end(zone, day)
        if final:
            limit = NEVER
        stop = minute + 1
        while stop <= SLOTS and end + stop * MINUTE_MS <= limit and end + stop * MINUTE_MS < others:
            stop += 1
        fold = stop > SLOTS
        rows: list[int] = []
        minutes: list[int] = []
        for m in range(minute, min(stop, SLOTS)):
            rows += self.slots[zone][m]
            minutes += [m] * len(self.slots[zone][m])
        self.positions[zone] = (day + 1, 0) if fold else (day, stop)
        self.next_instant = min(self._instant(other) for other in self.positions)
        return Due(zone, day, np.array(rows, np.int64), end + np.array(minutes, np.int64) * MINUTE_MS, fold)
