"""A batch as it is stored in a snapshot: watermark tracker and input queue keep batches that wait."""

import functools
import operator
from typing import Any

import msgspec
import numpy as np

from sensing.codec.record import EVENT, TOPICS, Batch, Rare
from sensing.codec.text_table import Place, TextTable, needed
from sensing.contracts.topics import INPUTS


class _StoredEvent(msgspec.Struct):
    """A rare event; the topic's number says of which types ``event`` may be."""

    before: int
    event: msgspec.Raw
    place: tuple[int, int, int, int, int]
    trace: str | None


class _StoredTexts(msgspec.Struct):
    """The texts that a batch needs of one partition."""

    topic: int
    partition: int
    offsets: bytes
    starts: bytes
    data: bytes

    @classmethod
    def of(cls, table: TextTable) -> "_StoredTexts":
        """Take a table apart."""
        arrays = (table.offsets.tobytes(), table.starts.tobytes(), table.data.tobytes())
        return cls(table.topic, table.partition, *arrays)

    def table(self) -> TextTable:
        """Put the table together."""
        offsets = np.frombuffer(bytearray(self.offsets), np.int64)
        starts = np.frombuffer(bytearray(self.starts), np.uint32)
        return TextTable(self.topic, self.partition, offsets, starts, np.frombuffer(bytearray(self.data), np.uint8))


class StoredBatch(msgspec.Struct):
    """A batch that is not final."""

    records: bytes
    rare: list[_StoredEvent]
    watermark: int
    account: int
    group: int
    traces: list[tuple[Place, str]]
    progress: int
    reach: int
    reference_read: bool
    texts: list[_StoredTexts]

    @classmethod
    def of(cls, batch: Batch) -> "StoredBatch":
        """Take a batch apart."""
        rare = [
            _StoredEvent(before, msgspec.Raw(msgspec.msgpack.encode(item.event)), item[1:6], item.trace)
            for before, item in batch.rare
        ]
        return cls(
            batch.records.tobytes(), rare, batch.watermark, batch.account, batch.group, list(batch.traces.items()),
            batch.progress, batch.reach, batch.reference_read,
            [_StoredTexts.of(table) for table in needed(batch.texts, batch.records)],
        )  # fmt: skip

    def batch(self) -> Batch:
        """Put the batch together."""
        rare = [(kept.before, Rare(_decoded(kept), *kept.place, kept.trace)) for kept in self.rare]
        return Batch(
            np.frombuffer(bytearray(self.records), EVENT), rare, self.watermark, account=self.account,
            group=self.group, traces=dict(self.traces), progress=self.progress, reach=self.reach,
            reference_read=self.reference_read, texts=tuple(kept.table() for kept in self.texts),
        )  # fmt: skip


def _decoded(kept: _StoredEvent) -> Any:
    types: tuple[Any, ...] = INPUTS[TOPICS[kept.place[2]]]
    return msgspec.msgpack.decode(kept.event, type=functools.reduce(operator.or_, types))
