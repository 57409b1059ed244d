"""Ended problems: those that are still in the compacted topic, and the versions of those that are not any more.

`Problems` keeps one. An episode may begin again under its id long after its end, such as the delay of a purchase-order
line that is promised once more. Its versions then go on where they ended.
"""

import msgspec

from sensing.machine_settings import DAY_MS
from sensing.state.snapshot import Encoded, pack, unpack

TOMBSTONE_AFTER_MS = 8 * DAY_MS
"""Time that an ended problem stays in the compacted topic. It is longer than any cool-down."""


class EndedProblem(msgspec.Struct, frozen=True, array_like=True):
    """An ended problem in the compacted topic: its latest version, and when (UTC ms) its tombstone is due."""

    version: int
    due: int


class _Dump(msgspec.Struct):
    pending: dict[str, EndedProblem]
    forgotten: dict[str, int]
    evicted: int


class EndedProblems:
    """Ended problems by id.

    At most ``problems_max`` tombstones are pending; beyond that the oldest are due early. As many versions of forgotten
    problems are kept; beyond that the oldest are dropped and counted in ``evicted``.
    """

    def __init__(self, problems_max: int) -> None:
        self._problems_max = problems_max
        self._pending: dict[str, EndedProblem] = {}
        self._forgotten: dict[str, int] = {}
        self.evicted = 0

    def __len__(self) -> int:
        """Number of pending tombstones."""
        return len(self._pending)

    def __contains__(self, exception_id: str) -> bool:
        """Whether a problem of this id has ended."""
        return exception_id in self._pending or exception_id in self._forgotten

    def add(self, exception_id: str, version: int, instant: int) -> None:
        """Add a problem that was published as ended."""
        self._pending[exception_id] = EndedProblem(version, instant + TOMBSTONE_AFTER_MS)

    def take(self, exception_id: str) -> int:
        """Remove a problem that begins again; returns its latest version, 0 if it is not known."""
        ended = self._pending.pop(exception_id, None)
        if ended is not None:
            return ended.version
        return self._forgotten.pop(exception_id, 0)

    def take_tombstones(self, instant: int) -> list[tuple[str, int]]:
        """Ids and versions of the tombstones that are due. Called once a day."""
        over = max(len(self._pending) - self._problems_max, 0)
        due = [
            (exception_id, ended.version + 1)
            for place, (exception_id, ended) in enumerate(self._pending.items())
            if place < over or ended.due <= instant
        ]
        for exception_id, version in due:
            del self._pending[exception_id]
            self._forgotten[exception_id] = version
        while len(self._forgotten) > self._problems_max:
            del self._forgotten[next(iter(self._forgotten))]
            self.evicted += 1
        return due

    def dump(self) -> bytes:
        """All ended problems as bytes."""
        return pack({"ended": Encoded(_Dump(self._pending, self._forgotten, self.evicted), _Dump)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        found: _Dump = unpack(block, {"ended": _Dump})["ended"]
        self._pending, self._forgotten, self.evicted = found.pending, found.forgotten, found.evicted
