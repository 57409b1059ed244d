"""Text tables: the texts of event records, looked up only when needed.

A record has hashes of its texts. The texts of a block are in one buffer with an entry per record: the length of each
text in bytes, then the texts. An entry is found by topic, partition and offset, so records can be merged, cut and split
without their texts. Decoders make tables, batches carry them, machines look texts up.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.swar import Bytes
from sensing.jit import kernel

TopicPartitionOffset = tuple[int, int, int]
"""Topic (its number), partition and offset of a message."""


class EventTexts(NamedTuple):
    """Texts of one record, in the order of an entry. A missing text is empty."""

    sku: str
    location: str
    order_id: str
    line: str
    event_id: str
    customer: str = ""

    @property
    def document(self) -> str:
        """Id of the line's order. An event without an order has its own id."""
        return self.order_id or self.event_id

    @property
    def line_or_sku(self) -> str:
        """Line within its order; by default the SKU."""
        return self.line or self.sku


HEAD = len(EventTexts._fields)
"""Bytes of an entry before its texts: one length each."""
ENTRY_BYTES_MAX = HEAD + 255 * HEAD

TOPIC_PARTITION_OFFSET = np.dtype([("topic", "u1"), ("partition", "i8"), ("offset", "i8")])


class TextTable(NamedTuple):
    """Texts of records of one partition.

    Attributes
    ----------
    topic, partition
        Origin of all records; the topic by its number.
    offsets
        int64 (n,), rising.
    starts
        uint32 (n,): start of each entry in ``data``.
    data
        Entries, in any order.
    """

    topic: int
    partition: int
    offsets: NDArray[np.int64]
    starts: NDArray[np.uint32]
    data: Bytes

    def entry(self, offset: int) -> EventTexts | None:
        """Texts of the record at an offset; None if they are not in this table."""
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

    @classmethod
    def of(cls, places: Sequence[TopicPartitionOffset], texts: Sequence[EventTexts]) -> tuple["TextTable", ...]:
        """Tables of the texts of some records at distinct places, one per topic and partition."""
        by_partition: dict[tuple[int, int], list[tuple[int, EventTexts]]] = {}
        for (topic, partition, offset), entry in zip(places, texts, strict=True):
            by_partition.setdefault((topic, partition), []).append((offset, entry))
        return tuple(cls._of(*key, sorted(entries)) for key, entries in by_partition.items())

    @classmethod
    def _of(cls, topic: int, partition: int, entries: list[tuple[int, EventTexts]]) -> "TextTable":
        parts = [[text.encode() for text in texts] for _, texts in entries]
        encoded = [bytes(map(len, part)) + b"".join(part) for part in parts]
        starts = np.cumsum([0, *map(len, encoded)])[:-1].astype(np.uint32)
        offsets = np.array([offset for offset, _ in entries], np.int64)
        return cls(topic, partition, offsets, starts, np.frombuffer(b"".join(encoded), np.uint8))

    def only(self, records: NDArray[Any]) -> "TextTable":
        """A compact copy with only the entries of some records (fields as in PLACE)."""
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
    """Mark in ``wanted`` the ``offsets`` (rising) of a partition that belong to one of the records."""
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
    """Total bytes of the entries at some positions; ``to`` is filled with their starts in a compact copy."""
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
    """Copy the entries at some positions to their starts ``to`` in ``into``, which they fill."""
    for i in range(at.shape[0]):
        start, first = int(starts[at[i]]), int(to[i])
        stop = int(to[i + 1]) if i + 1 < at.shape[0] else into.shape[0]
        for k in range(stop - first):
            into[first + k] = data[start + k]


def needed(tables: Iterable[TextTable], records: NDArray[Any]) -> tuple[TextTable, ...]:
    """Compact tables with only the texts of some records (fields as in PLACE)."""
    found = (table.only(records) for table in tables)
    return tuple(table for table in found if len(table.offsets))


class TextLookup:
    """Looks up texts of the records of one batch and remembers which were looked up."""

    def __init__(self, tables: tuple[TextTable, ...]) -> None:
        self._tables = tables
        self._used: dict[TopicPartitionOffset, EventTexts] = {}

    def one(self, record: Any) -> EventTexts:
        """Texts of a record.

        Raises
        ------
        ValueError
            No table has the texts.
        """
        return self._at((int(record["topic"]), int(record["partition"]), int(record["offset"])))

    def all(self, records: NDArray[Any]) -> list[EventTexts]:
        """Texts of every record; raises as :meth:`one` does."""
        columns = (records[name].tolist() for name in TOPIC_PARTITION_OFFSET.names or ())
        return [self._at(position) for position in zip(*columns, strict=True)]

    def used(self) -> tuple[TextTable, ...]:
        """Tables with only the texts that were looked up. A replay of the batch needs no others."""
        return needed(self._tables, np.array(list(self._used), TOPIC_PARTITION_OFFSET))

    def _at(self, position: TopicPartitionOffset) -> EventTexts:
        known = self._used.get(position)
        if known is not None:
            return known
        topic, partition, offset = position
        for table in self._tables:
            if table.topic == topic and table.partition == partition:
                found = table.entry(offset)
                if found is not None:
                    self._used[position] = found
                    return found
        msg = f"texts: required those of topic {topic}, partition {partition}, offset {offset}, got none; give them"
        raise ValueError(msg)
