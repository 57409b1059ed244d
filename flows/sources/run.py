"""A run: consecutive messages with what became of each, ready to be merged, cut and handed on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.record import EVENT, Rare, Reject

RECORD, RARE, REJECT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Run:
    """Messages in order, one entry each in ``keys``, ``kinds``, ``sources`` and ``numbers``.

    ``keys`` is the largest event time up to and including the message (UTC ms, never falling), ``kinds`` says which
    of the three lists below holds it, ``sources`` which input it came from, ``numbers`` its line there. The lists are
    in the order of the messages.
    """

    keys: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    sources: NDArray[np.unsignedinteger[Any]]
    numbers: NDArray[np.int64]
    records: NDArray[Any]
    rare: list[Rare]
    rejects: list[Reject]

    def __len__(self) -> int:
        """Messages, not fields."""
        return len(self.keys)

    def cut(self, at: int) -> tuple["Run", "Run"]:
        """The first ``at`` messages, and the others."""
        records, rare, rejects = (int(count) for count in np.bincount(self.kinds[:at], minlength=3))
        head = (self.keys[:at], self.kinds[:at], self.sources[:at], self.numbers[:at])
        tail = (self.keys[at:], self.kinds[at:], self.sources[at:], self.numbers[at:])
        return (
            Run(*head, self.records[:records], self.rare[:rare], self.rejects[:rejects]),
            Run(*tail, self.records[records:], self.rare[rare:], self.rejects[rejects:]),
        )

    def refused(self, which: NDArray[np.bool_], reject: Callable[[int], Reject]) -> "Run":
        """The run with the messages ``which`` (n,) turned into rejects; ``reject`` makes that of the message at a
        position.
        """
        found = dict(zip(np.flatnonzero(self.kinds == REJECT).tolist(), self.rejects, strict=True))
        found |= {at: reject(at) for at in np.flatnonzero(which).tolist()}
        keep = ~which
        rare = [event for event, kept in zip(self.rare, keep[self.kinds == RARE].tolist(), strict=True) if kept]
        records = take_records([self.records], np.flatnonzero(keep[self.kinds == RECORD]))
        kinds = np.where(which, REJECT, self.kinds).astype(np.uint8)
        rejects = [found[at] for at in sorted(found)]
        return Run(self.keys, kinds, self.sources, self.numbers, records, rare, rejects)

    def placed(self) -> list[tuple[int, Rare]]:
        """Rare events, each with the index of the record it comes before."""
        if not self.rare:
            return []
        before = np.cumsum(self.kinds == RECORD)[self.kinds == RARE]
        return list(zip(before.tolist(), self.rare, strict=True))


def empty_run() -> Run:
    """No messages."""
    none = np.empty(0, np.int64)
    return Run(none, none.astype(np.uint8), none.astype(np.uint8), none, np.empty(0, EVENT), [], [])


def interleave(runs: list[Run]) -> Run:
    """One run of several, by (key, source, position in its source).

    ``runs`` come in the order of their sources, and those of one source in its order.
    """
    runs = [run for run in runs if len(run)]
    if len(runs) < 2:
        return runs[0] if runs else empty_run()
    keys = np.concatenate([run.keys for run in runs])
    order = np.argsort(keys, kind="stable")
    kinds = np.concatenate([run.kinds for run in runs])
    place = np.empty(len(keys), np.int64)
    for kind in (RECORD, RARE, REJECT):
        mine = kinds == kind
        place[mine] = np.arange(np.count_nonzero(mine))
    kinds, place = kinds[order], place[order]
    rare = [event for run in runs for event in run.rare]
    rejects = [reject for run in runs for reject in run.rejects]
    return Run(
        keys[order],
        kinds,
        np.concatenate([run.sources for run in runs])[order],
        np.concatenate([run.numbers for run in runs])[order],
        take_records([run.records for run in runs], place[kinds == RECORD]),
        [rare[i] for i in place[kinds == RARE].tolist()],
        [rejects[i] for i in place[kinds == REJECT].tolist()],
    )


def take_records(parts: list[NDArray[Any]], places: NDArray[np.int64]) -> NDArray[Any]:
    """Records at ``places`` of all ``parts`` together, moved as words: field by field is slower and skips padding."""
    words = np.concatenate([part.view(np.uint64).reshape(len(part), EVENT.itemsize // 8) for part in parts])
    return np.take(words, places, axis=0).view(EVENT).reshape(-1)
