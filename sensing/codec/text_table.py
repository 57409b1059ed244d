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

    def positions(self, records: NDArray[Any]) -> NDArray[np.int64]:
        """Positions in this table of those records (fields as PLACE) that have their texts here, rising."""
        if not len(self.offsets):
            return np.empty(0, np.int64)
        mine = (records["topic"] == self.topic) & (records["partition"] == self.partition)
        offsets = records["offset"][mine]
        at = np.searchsorted(self.offsets, offsets)
        here = self.offsets[np.minimum(at, len(self.offsets) - 1)] == offsets
        return np.unique(at[here])

    def entry(self, offset: int) -> EventTexts | None:
        """Texts of the record at an offset; None where they are not in this table."""
        at = int(self.offsets.searchsorted(offset))
        if at == len(self.offsets) or int(self.offsets[at]) != offset:
            return None
        start = int(self.starts[at])
        sizes = self.data[start : start + HEAD].tolist()
        texts = []
        start += HEAD
        for size in sizes:
            texts.append(self.data[start : start + size].tobytes().decode())
            start += size
        return EventTexts(*texts)

    def only(self, at: NDArray[np.int64]) -> "TextTable":
        """The same table with nothing but the entries at some positions, closely packed."""
        starts = self.starts[at].astype(np.int64)
        sizes = HEAD + self.data[starts[:, None] + np.arange(HEAD)].sum(axis=1, dtype=np.int64)
        ends = np.cumsum(sizes)
        data = np.empty(int(sizes.sum()), np.uint8)
        copy_entries(self.data, starts, data, ends, sizes)
        return TextTable(self.topic, self.partition, self.offsets[at], (ends - sizes).astype(np.uint32), data)


NO_TEXTS: tuple[TextTable, ...] = ()


@kernel
def copy_entries(
    data: Bytes, starts: NDArray[np.int64], into: Bytes, ends: NDArray[np.int64], sizes: NDArray[np.int64]
) -> None:
    """Copy entries of ``sizes`` bytes from ``starts`` on; each ends at its place of ``ends``."""
    for i in range(starts.shape[0]):
        start, to = starts[i], ends[i] - sizes[i]
        for k in range(sizes[i]):
            into[to + k] = data[start + k]


def needed(tables: Iterable[TextTable], records: NDArray[Any]) -> tuple[TextTable, ...]:
    """The texts of some records (fields as PLACE) and no others, closely packed."""
    found = ((table, table.positions(records)) for table in tables)
    return tuple(table.only(at) for table, at in found if len(at))


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
