"""Close schedule of a shard: when rows close their local day, and when pools are aggregated. `sensing.machines.shard`
asks it.

The hour after a local day's end has one slot per minute. Every row closes in the minute of its slot; the pools are
aggregated when the hour is over. Rows that are due between two records close together, in order of (instant, row). So
results do not depend on how the input was cut into batches, nor on ticks.
"""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.machine_settings import MINUTE_MS
from sensing.state.rows import SLOTS
from sensing.state.zones import Zones

NEVER = 2**62


class DueCloses(NamedTuple):
    """Rows that close local ``day``, in order of (instant, row).

    ``zones`` are the time zones whose day ended at ``end`` (UTC ms). ``aggregate`` says that the hour after the day's
    end is over behind these rows, so their pools are aggregated.
    """

    zones: tuple[int, ...]
    day: int
    end: int
    rows: NDArray[np.int64]
    instants: NDArray[np.int64]
    aggregate: bool


class CloseSchedule:
    """Position of every time zone: the local day to close next, and its next minute (SLOTS: the aggregation)."""

    def __init__(self, zones: Zones) -> None:
        self.zones = zones
        self.positions: dict[int, tuple[int, int]] = {}
        self.slots: dict[int, list[list[int]]] = {}
        self.ends: dict[int, tuple[int, int]] = {}
        self._packed: dict[int, _RowsByMinute] = {}
        self.next_instant = NEVER

    def open(self, zone: int, clock: int) -> None:
        """Start the closes of ``zone`` with the local day of ``clock``, unless they have started.

        A zone opens when the clock starts or when a location first names it, not with its first row. Records are
        absorbed up to the next timer, and rows that they create must not move that timer.
        """
        if zone not in self.positions:
            self.positions[zone] = (self.zones.local_hour(zone, clock) // 24, 0)
            self.slots[zone] = [[] for _ in range(SLOTS)]
            self.next_instant = min(self.next_instant, self._instant(zone))

    def add(self, zone: int, slot: int, row: int, clock: int) -> None:
        """Let ``row`` close in ``slot`` of ``zone``; a new zone starts with the local day of ``clock``."""
        self.open(zone, clock)
        self.slots[zone][slot].append(row)
        self._packed.pop(zone, None)

    def move(self, rows: NDArray[np.int64], slots: NDArray[np.uint8], old: int, new: int, clock: int) -> None:
        """Move ``rows`` (n,) with their ``slots`` (n,) from zone ``old`` to zone ``new``."""
        self.open(new, clock)
        for slot in np.unique(slots).tolist():
            moved = rows[slots == slot].tolist()
            gone = set(moved)
            self.slots[old][slot] = [row for row in self.slots[old][slot] if row not in gone]
            self.slots[new][slot] = sorted(self.slots[new][slot] + moved)
        self._packed.clear()

    def restore(self, positions: dict[int, tuple[int, int]]) -> None:
        """Restore the positions of a dump; all rows must have been added."""
        self.positions = dict(positions)
        for zone in positions:  # all rows of a zone may have moved to other zones
            self.slots.setdefault(zone, [[] for _ in range(SLOTS)])
        self.next_instant = min((self._instant(zone) for zone in self.positions), default=NEVER)

    def _end(self, zone: int) -> int:
        """End (UTC ms) of the local day that a zone closes next."""
        day = self.positions[zone][0]
        kept = self.ends.get(zone)
        if kept is None or kept[0] != day:
            kept = self.ends[zone] = (day, self.zones.day_end(zone, day))
        return kept[1]

    def _instant(self, zone: int) -> int:
        return self._end(zone) + self.positions[zone][1] * MINUTE_MS

    def take(self, limit: int, *, final: bool) -> DueCloses | None:
        """Take the next closes at or before ``limit`` (UTC ms); None if there are none.

        At the end of the input (``final``) a day that has ended by ``limit`` closes in all its minutes, also those
        after ``limit``.
        """
        if not final and self.next_instant > limit:
            return None
        waiting = [zone for zone in self.positions if not final or self._end(zone) <= limit]
        if not waiting:
            return None
        first = min((self._instant(zone), zone) for zone in waiting)[1]
        end, position = self._end(first), self.positions[first]
        # Zones whose days end at the same instant close together, as one zone would.
        together = [zone for zone in waiting if self._end(zone) == end and self.positions[zone] == position]
        others = min((self._instant(zone) for zone in waiting if zone not in together), default=NEVER)
        last = others - 1 if final else min(limit, others - 1)
        day, minute = position
        stop = min(max((last - end) // MINUTE_MS, minute), SLOTS) + 1
        rows, minutes = self._of_minutes(together, minute, min(stop, SLOTS))
        aggregate = stop > SLOTS
        for zone in together:
            self.positions[zone] = (day + 1, 0) if aggregate else (day, stop)
        self.next_instant = min(self._instant(zone) for zone in self.positions)
        return DueCloses(tuple(together), day, end, rows, end + minutes * MINUTE_MS, aggregate)

    def _of_minutes(self, zones: list[int], first: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of some zones that close in minutes ``first`` to ``stop`` (exclusive), and their minutes, in order."""
        parts = []
        for zone in zones:
            packed = self._packed.get(zone)
            if packed is None:
                packed = self._packed[zone] = _RowsByMinute.of(self.slots[zone])
            part = slice(packed.starts[first], packed.starts[stop])
            parts.append((packed.rows[part], packed.minutes[part]))
        if len(parts) == 1:
            return parts[0]
        rows, minutes = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.lexsort((rows, minutes))
        return rows[order], minutes[order]


class _RowsByMinute(NamedTuple):
    """Rows of a zone in order of (minute, row), their minutes, and the start index of every minute; the end is last."""

    rows: NDArray[np.int64]
    minutes: NDArray[np.int64]
    starts: list[int]

    @classmethod
    def of(cls, slots: list[list[int]]) -> "_RowsByMinute":
        """Pack the rows of all minutes; ``add`` and ``move`` keep the rows of a minute rising."""
        sizes = list(map(len, slots))
        rows = np.fromiter(itertools.chain.from_iterable(slots), np.int64, sum(sizes))
        return cls(rows, np.repeat(np.arange(len(slots)), sizes), [0, *itertools.accumulate(sizes)])
