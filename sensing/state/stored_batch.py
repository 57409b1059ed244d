"""A batch as it is stored in a snapshot: watermark tracker and input queue keep batches that wait."""

import functools
import operator
from typing import Any

import msgspec
import numpy as np

from sensing.codec.event_record import (
    EVENT,
    TOPICS,
    Batch,
    CurrencyHeard,
    ExceptionPublished,
    HistoryHeard,
    InfrequentEvent,
    LocationHeard,
    SuccessionHeard,
)
from sensing.codec.purchase_record import PURCHASE
from sensing.codec.text_table import TextTable, TopicPartitionOffset, needed
from sensing.contracts.topic_registry import INPUTS


class StoredEvent(msgspec.Struct):
    """An infrequent event as it is stored; the topic's number says of which types ``event`` may be."""

    before: int
    event: msgspec.Raw
    place: tuple[int, int, int, int, int]
    trace: str | None
    named: tuple[str, str]

    @classmethod
    def of(cls, before: int, item: InfrequentEvent) -> "StoredEvent":
        """Take an event apart; ``before`` is the index of the record that it precedes."""
        return cls(before, msgspec.Raw(msgspec.msgpack.encode(item.event)), item[1:6], item.trace, item.named)

    def infrequent(self) -> InfrequentEvent:
        """Put the event together."""
        notices = (CurrencyHeard, ExceptionPublished, HistoryHeard, LocationHeard, SuccessionHeard)
        types: tuple[Any, ...] = (*INPUTS[TOPICS[self.place[2]]], *notices)
        event = msgspec.msgpack.decode(self.event, type=functools.reduce(operator.or_, types))
        return InfrequentEvent(event, *self.place, self.trace, self.named)


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
    infrequent: list[StoredEvent]
    watermark: int
    reconciliation: int
    group: int
    traces: list[tuple[TopicPartitionOffset, str]]
    progress: int
    newest_time: int
    reference_read: bool
    texts: list[_StoredTexts]
    purchases: bytes

    @classmethod
    def of(cls, batch: Batch) -> "StoredBatch":
        """Take a batch apart."""
        infrequent = [StoredEvent.of(before, item) for before, item in batch.infrequent]
        return cls(
            batch.records.tobytes(), infrequent, batch.watermark, batch.reconciliation, batch.group,
            list(batch.traces.items()), batch.progress, batch.newest_time, batch.reference_read,
            [_StoredTexts.of(table) for table in needed(batch.texts, batch.records)], batch.purchases.tobytes(),
        )  # fmt: skip

    def batch(self) -> Batch:
        """Put the batch together."""
        infrequent = [(kept.before, kept.infrequent()) for kept in self.infrequent]
        return Batch(
            np.frombuffer(bytearray(self.records), EVENT), infrequent, self.watermark,
            reconciliation=self.reconciliation, group=self.group, traces=dict(self.traces), progress=self.progress,
            newest_time=self.newest_time, reference_read=self.reference_read,
            texts=tuple(kept.table() for kept in self.texts),
            purchases=np.frombuffer(bytearray(self.purchases), PURCHASE),
        )  # fmt: skip
