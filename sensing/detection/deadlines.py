"""Deadlines of open problems in the order of their instants. `Problems` keeps one.

A deadline is not removed when it moves or its problem ends: `Problems` tells by the problem whether it still holds.
"""

import heapq
from collections.abc import Callable, Iterable

NEVER = 2**62
SPARE = 64
"""Entries that do not hold any more are removed once they outnumber the others by this many."""

Entry = tuple[int, str]
"""Deadline (UTC ms) and name of a problem."""


class Deadlines:
    """A heap of deadlines; ``holds`` says whether an entry is the present deadline of a problem that waits for it."""

    def __init__(self, holds: Callable[[Entry], bool]) -> None:
        self._holds = holds
        self._heap: list[Entry] = []

    def put(self, deadline: int, name: str, problems: int) -> None:
        """Add the deadline of a problem; ``problems`` is the number of problems, which bounds the entries."""
        heapq.heappush(self._heap, (deadline, name))
        if len(self._heap) > 2 * problems + SPARE:
            self.rebuild(self._heap)

    def rebuild(self, entries: Iterable[Entry]) -> None:
        """Keep exactly those entries that hold, each once."""
        self._heap = sorted({entry for entry in entries if self._holds(entry)})

    def next(self) -> int:
        """The earliest deadline that holds; NEVER if there is none."""
        heap = self._heap
        while heap and not self._holds(heap[0]):
            heapq.heappop(heap)
        return heap[0][0] if heap else NEVER

    def take(self, instant: int) -> list[str]:
        """Remove the deadlines that have passed at an instant; returns the names of their problems, in order."""
        names = []
        while self.next() <= instant:
            names.append(heapq.heappop(self._heap)[1])
        return list(dict.fromkeys(names))
