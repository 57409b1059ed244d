"""Changed rows: the SKU-locations of a shard whose plan an event has changed, and when each is planned again.

A row is planned at once if it was not planned within the last ``PLAN_EVERY_MS`` of the shard's clock, or if its
severity has risen since; else at the end of that time, for all events in it. The clock is the watermark, which every
record and tick carries, so the instants do not depend on how the stream is cut. `sensing.machines.plan_on_event` plans
the rows.

Invariants
- A row waits once. Rows are taken in the order of (instant, row).
- At most ``CHANGED_MAX`` rows wait. Further ones are counted, and planned at their next day close.
"""

import heapq
from typing import NamedTuple

import msgspec

from sensing.contracts.parameters import Trigger
from sensing.machines.close_schedule import NEVER
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.supply.publication_causes import Causes

PLAN_EVERY_MS = 10_000
"""A row is planned on events at most once in this time, unless its severity rises."""
CHANGED_MAX = 16_384
NO_SEVERITY = -1


class ChangedRow(msgspec.Struct):
    """A row that waits: its instant (UTC ms), causes, newest event time, and the highest rank of a severity."""

    row: int
    instant: int
    causes: Causes
    event_time: int
    rank: int


class PlannedRow(NamedTuple):
    """When a row was planned on an event (UTC ms), and the highest rank of a severity that it was planned for."""

    row: int
    instant: int
    rank: int


class _Dump(msgspec.Struct):
    waiting: list[ChangedRow]
    planned: list[PlannedRow]
    refused: int


class ChangedRows:
    """Rows of a shard that wait to be planned on events, and those that were planned lately.

    Attributes
    ----------
    refused
        Rows that were not taken because the table was full.
    """

    def __init__(self) -> None:
        self.refused = 0
        self._waiting: dict[int, ChangedRow] = {}
        self._planned: dict[int, PlannedRow] = {}  # the one planned longest ago first
        self._due: list[tuple[int, int]] = []  # heap of (instant, row); an entry whose row has another instant is old

    @property
    def next_instant(self) -> int:
        """Instant of the next row, UTC ms; NEVER if none waits."""
        while self._due and not self._is_current(*self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else NEVER

    def mark(
        self, row: int, trigger: Trigger, event_id: str | None, event_time: int, clock: int, rank: int = NO_SEVERITY
    ) -> bool:
        """Let a row wait for its next plan; returns False if the table is full.

        Parameters
        ----------
        event_time, clock
            Time of the event, and the clock of the shard, UTC ms.
        rank
            Rank of the severity of what the event has opened or escalated.
        """
        found = self._waiting.get(row)
        if found is None:
            if len(self._waiting) >= CHANGED_MAX:
                self.refused += 1
                return False
            found = self._waiting[row] = ChangedRow(row, NEVER, Causes([]), event_time, NO_SEVERITY)
        found.causes.add(trigger, event_id)
        found.event_time = max(found.event_time, event_time)
        found.rank = max(found.rank, rank)
        instant = min(found.instant, self._instant(row, clock, found.rank))
        if instant != found.instant:
            found.instant = instant
            heapq.heappush(self._due, (instant, row))
        return True

    def take_due(self, clock: int, count: int) -> list[ChangedRow]:
        """Remove the rows that are due by ``clock`` (UTC ms), at most ``count``; they count as planned."""
        found: list[ChangedRow] = []
        while len(found) < count and self.next_instant <= clock:
            _, row = heapq.heappop(self._due)
            changed = self._waiting.pop(row)
            before = self._planned.pop(row, None)
            lately = before is not None and changed.instant < before.instant + PLAN_EVERY_MS
            rank = max(changed.rank, before.rank) if before is not None and lately else changed.rank
            self._planned[row] = PlannedRow(row, changed.instant, rank)
            found.append(changed)
        if found:
            self._forget(found[-1].instant)
        return found

    def end_waiting(self, clock: int) -> bool:
        """Let all rows be due at ``clock`` (UTC ms), since the input ends; returns whether any waits."""
        for changed in self._waiting.values():
            changed.instant = min(changed.instant, clock)
        self._due = sorted((changed.instant, changed.row) for changed in self._waiting.values())
        return bool(self._waiting)

    def causes(self, row: int) -> Causes | None:
        """Causes for which a row waits; None if it does not wait."""
        found = self._waiting.get(row)
        return None if found is None else found.causes

    def drop(self, row: int) -> None:
        """Let a row wait no longer: it was published for another reason, or it is gone."""
        self._waiting.pop(row, None)

    def dump(self) -> bytes:
        """All of it as bytes."""
        waiting = sorted(self._waiting.values(), key=lambda changed: changed.row)
        return pack({"changed": Encoded(_Dump(waiting, list(self._planned.values()), self.refused), _Dump)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        found: _Dump = unpack(block, {"changed": _Dump})["changed"]
        self.refused = found.refused
        self._waiting = {changed.row: changed for changed in found.waiting}
        self._planned = {planned.row: planned for planned in found.planned}
        self._due = sorted((changed.instant, changed.row) for changed in found.waiting)

    def _instant(self, row: int, clock: int, rank: int) -> int:
        planned = self._planned.get(row)
        if planned is None or rank > planned.rank:
            return clock
        return max(clock, planned.instant + PLAN_EVERY_MS)

    def _is_current(self, instant: int, row: int) -> bool:
        found = self._waiting.get(row)
        return found is not None and found.instant == instant

    def _forget(self, clock: int) -> None:
        """Forget rows that may be planned at once again, as of the instant of a row that was taken."""
        old = []
        for planned in self._planned.values():
            if planned.instant + PLAN_EVERY_MS > clock:
                break
            old.append(planned.row)
        for row in old:
            del self._planned[row]
