"""Texts of event records: they stay with the block they came in, and are looked up where one is needed.

A record holds hashes of its texts. The texts of a block lie in one piece of memory, an entry per record: the length of
each text in bytes, then the texts. An entry is found by topic, partition and offset, so records are merged, cut and
split without it. Decoders make tables, batches carry them, machines ask them.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.words import Bytes
from sensing.jit import kernel

Place = tuple[int, int, int]
"""Topic (its number), partition and offset of a message."""


class EventTexts(NamedTuple):
    """Texts of one record, in the order of an entry; empty where the event has none."""

    sku: str
    location: str
    order_id: str
    line: str
    event_id: str

    @property
    def document(self) -> str:
        """The order that the line belongs to; an event that is its own line goes by its own id."""
        return self.order_id or self.event_id

    @property
    def line_or_sku(self) -> str:
        """The line within its order, which is the SKU where none was given."""
        return self.line or self.sku


HEAD = len(EventTexts._fields)
"""Bytes of an entry before its texts: one length each."""
ENTRY_BYTES_MAX = HEAD + 255 * HEAD

PLACE = np.dtype([("topic", "u1"), ("partition", "i8"), ("offset", "i8")])


class TextTable(NamedTuple):
    """Texts of records of one partition.

    Attributes
    ----------
    topic, partition
        Where all of them came from; the topic by its number.
    offsets
        int64 (n,), rising.
    starts
        uint32 (n,): where the entry of each begins in ``data``.
    data
        Entries, in any order.
    """

    topic: int
    partition: int
    offsets: NDArray[np.int64]
    starts: NDArray[np.uint32]
    data: Bytes

    def entry(self, offset: int) -> EventTexts | None:
        """Texts of the record at an offset; None where they are not in this table."""
        at = int(self.offsets.searchsorted(offset))
        if at == len(self.offsets) or self.offsets[at] != offset:
            return None
        start = int(self.starts[at])
        entry = self.data[start : start + ENTRY_BYTES_MAX].tobytes()
        texts, begin = [], HEAD
        for size in entry[:HEAD]:
            texts.append(entry[begin : begin + size].decode())
            begin += size
        return EventTexts(*texts)

    def only(self, records: NDArray[Any]) -> "TextTable":
        """The same table with nothing but the entries of some records (fields as PLACE), closely packed."""
        wanted = np.zeros(len(self.offsets), np.bool_)
        mark_entries(records, self.topic, self.partition, self.offsets, wanted)
        at = np.flatnonzero(wanted)
        starts = np.empty(len(at), np.uint32)
        data = np.empty(measure_entries(self.data, self.starts, at, starts), np.uint8)
        copy_entries(self.data, self.starts, at, data, starts)
        return TextTable(self.topic, self.partition, self.offsets[at], starts, data)


NO_TEXTS: tuple[TextTable, ...] = ()


@kernel
def mark_entries(
    records: NDArray[Any], topic: int, partition: int, offsets: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> None:
    """Mark in ``wanted`` those of some ``offsets`` of a partition, rising, that are of one of the records."""
    at = 0
    for k in range(records.shape[0]):
        record = records[k]
        if record.topic != topic or record.partition != partition:
            continue
        offset = record.offset
        if at > 0 and offsets[at - 1] >= offset:  # Records mostly come in the order of their offsets.
            at = 0
        while at < offsets.shape[0] and offsets[at] < offset:
            at += 1
        if at < offsets.shape[0] and offsets[at] == offset:
            wanted[at] = True


@kernel
def measure_entries(data: Bytes, starts: NDArray[np.uint32], at: NDArray[np.int64], to: NDArray[np.uint32]) -> int:
    """Bytes of the entries at some positions; where each begins when they are packed is put into ``to``."""
    size = 0
    for i in range(at.shape[0]):
        to[i] = size
        size += HEAD
        start = int(starts[at[i]])
        for k in range(HEAD):
            size += int(data[start + k])
    return size


@kernel
def copy_entries(
    data: Bytes, starts: NDArray[np.uint32], at: NDArray[np.int64], into: Bytes, to: NDArray[np.uint32]
) -> None:
    """Copy the entries at some positions, each to its place of ``to``; together they fill ``into``."""
    for i in range(at.shape[0]):
        start, first = int(starts[at[i]]), int(to[i])
        stop = int(to[i + 1]) if i + 1 < at.shape[0] else into.shape[0]
        for k in range(stop - first):
            into[first + k] = data[start + k]


def needed(tables: Iterable[TextTable], records: NDArray[Any]) -> tuple[TextTable, ...]:
    """The texts of some records (fields as PLACE) and no others, closely packed."""
    found = (table.only(records) for table in tables)
    return tuple(table for table in found if len(table.offsets))


class TextLookup:
    """Looks up texts of the records of one batch, and knows afterwards which were looked up."""

    def __init__(self, tables: tuple[TextTable, ...]) -> None:
        self._tables = tables
        self._used: dict[Place, EventTexts] = {}

    def one(self, record: Any) -> EventTexts:
        """Texts of a record.

        Raises
        ------
        ValueError
            No table has them.
        """
        return self._at((int(record["topic"]), int(record["partition"]), int(record["offset"])))

    def all(self, records: NDArray[Any]) -> list[EventTexts]:
        """Texts of every record; raises as :meth:`one` does."""
        columns = (records[name].tolist() for name in PLACE.names or ())
        return [self._at(place) for place in zip(*columns, strict=True)]

    def used(self) -> tuple[TextTable, ...]:
        """The texts that were looked up and no others: with them alone a machine does the same once more."""
        return needed(self._tables, np.array(list(self._used), PLACE))

    def _at(self, place: Place) -> EventTexts:
        known = self._used.get(place)
        if known is not None:
            return known
        topic, partition, offset = place
        for table in self._tables:
            if table.topic == topic and table.partition == partition:
                found = table.entry(offset)
                if found is not None:
                    self._used[place] = found
                    return found
        msg = f"texts: required those of topic {topic}, partition {partition}, offset {offset}, got none; give them"
        raise ValueError(msg)
