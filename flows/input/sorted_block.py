"""Sorted block: decoded messages in event-time order. Partition buffers make blocks, the merge interleaves them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT, InfrequentEvent, Reject
from sensing.codec.text_table import NO_TEXTS, TextTable

RECORD, INFREQUENT, REJECT = 0, 1, 2
RAW = np.dtype((np.void, EVENT.itemsize))
"""A record as opaque bytes: moving it as one item is faster than field by field."""

Flags = NDArray[np.bool_]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class SortedBlock:
    """Messages in order. ``keys``, ``kinds``, ``sources`` and ``numbers`` have one entry per message.

    ``keys`` is the largest event time (UTC ms) up to and including the message; it never falls. ``kinds`` says whether
    ``records``, ``infrequent`` or ``rejects`` holds the message. ``sources`` is the number of its partition buffer,
    ``numbers`` its offset there. The three lists are in the order of the messages. ``texts`` has the texts of all
    records, and maybe of others.
    """

    keys: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    sources: NDArray[np.unsignedinteger[Any]]
    numbers: NDArray[np.int64]
    records: NDArray[Any]
    infrequent: list[InfrequentEvent]
    rejects: list[Reject]
    texts: tuple[TextTable, ...]

    def __len__(self) -> int:
        """Number of messages."""
        return len(self.keys)

    def cut(self, at: int) -> tuple["SortedBlock", "SortedBlock"]:
        """Split into the first ``at`` messages and the others."""
        records, infrequent, rejects = (int(count) for count in np.bincount(self.kinds[:at], minlength=3))
        head = (self.keys[:at], self.kinds[:at], self.sources[:at], self.numbers[:at])
        tail = (self.keys[at:], self.kinds[at:], self.sources[at:], self.numbers[at:])
        return (
            SortedBlock(
                *head, self.records[:records], self.infrequent[:infrequent], self.rejects[:rejects], self.texts
            ),
            SortedBlock(
                *tail, self.records[records:], self.infrequent[infrequent:], self.rejects[rejects:], self.texts
            ),
        )

    def refused(self, which: NDArray[np.bool_], reject: Callable[[int], Reject]) -> "SortedBlock":
        """The block with the messages flagged by ``which`` (n,) as rejects; ``reject`` makes the one at a position."""
        found = dict(zip(np.flatnonzero(self.kinds == REJECT).tolist(), self.rejects, strict=True))
        found |= {at: reject(at) for at in np.flatnonzero(which).tolist()}
        keep = ~which
        infrequent = [
            event for event, kept in zip(self.infrequent, keep[self.kinds == INFREQUENT].tolist(), strict=True) if kept
        ]
        records = take_records(self.records, np.flatnonzero(keep[self.kinds == RECORD]))
        kinds = np.where(which, REJECT, self.kinds).astype(np.uint8)
        rejects = [found[at] for at in sorted(found)]
        return SortedBlock(self.keys, kinds, self.sources, self.numbers, records, infrequent, rejects, self.texts)

    def placed(self) -> list[tuple[int, InfrequentEvent]]:
        """Infrequent events, each with the index of the record before which it stands."""
        if not self.infrequent:
            return []
        before = np.cumsum(self.kinds == RECORD)[self.kinds == INFREQUENT]
        return list(zip(before.tolist(), self.infrequent, strict=True))


def empty_block() -> SortedBlock:
    """A block without messages."""
    none = np.empty(0, np.int64)
    return SortedBlock(none, none.astype(np.uint8), none.astype(np.uint8), none, np.empty(0, EVENT), [], [], NO_TEXTS)


def interleave(blocks: list[SortedBlock]) -> SortedBlock:
    """Merge blocks into one, in order of (key, source, position in the source).

    ``blocks`` must be in the order of their sources, and those of one source in their own order.
    """
    blocks = [block for block in blocks if len(block)]
    if len(blocks) < 2:
        return blocks[0] if blocks else empty_block()
    keys = np.concatenate([block.keys for block in blocks])
    kinds = np.concatenate([block.kinds for block in blocks])
    order = np.argsort(keys, kind="stable")
    return SortedBlock(
        keys[order],
        kinds[order],
        np.concatenate([block.sources for block in blocks])[order],
        np.concatenate([block.numbers for block in blocks])[order],
        _records_in(order, kinds == RECORD, blocks),
        _listed_in(order, kinds == INFREQUENT, [event for block in blocks for event in block.infrequent]),
        _listed_in(order, kinds == REJECT, [reject for block in blocks for reject in block.rejects]),
        tuple(table for block in blocks for table in block.texts),
    )


def _records_in(order: NDArray[np.int64], mine: Flags, blocks: list[SortedBlock]) -> NDArray[Any]:
    """Records of all blocks in merge order; each is copied once."""
    count = int(np.count_nonzero(mine))
    # The target of each record is its rank among the records in merge order.
    rank = np.empty(len(order), np.int64)
    rank[order[mine[order]]] = np.arange(count)
    goes = rank[mine]
    merged = np.empty(count, EVENT)
    start = 0
    for block in blocks:
        stop = start + len(block.records)
        merged.view(RAW)[goes[start:stop]] = block.records.view(RAW)
        start = stop
    return merged


def _listed_in(order: NDArray[np.int64], mine: Flags, items: list[Item]) -> list[Item]:
    """Infrequent events, or rejects, of all blocks in merge order."""
    if not items:
        return items
    place = np.cumsum(mine) - 1
    return [items[i] for i in place[order[mine[order]]].tolist()]


def take_records(records: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """Records at ``places``, copied as bytes: copying fields is slower and skips padding."""
    return np.take(records.view(RAW), places).view(EVENT)
