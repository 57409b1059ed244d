"""Watermark tracker: combines the watermarks of several source groups into a machine's clock and buffers early batches.

The clock is the minimum of the latest watermarks of all groups. It never goes back. A batch is buffered until the
reference is read, and until it is at most ``GROUP_DRIFT_MS`` ahead of the progress of every other group. Batches of one
group keep their order. Batches carry everything that these rules need, so groups may run in other processes.
"""

import functools
import operator
from collections import deque
from typing import Any

import msgspec
import numpy as np

from sensing.codec.record import BEFORE_ALL, EVENT, TOPICS, Batch, Rare, Topic
from sensing.codec.text_table import Place, TextTable, needed
from sensing.contracts.topics import INPUTS
from sensing.settings import HOUR_MS
from sensing.state.snapshot import Encoded, pack, unpack

GROUP_DRIFT_MS = 6 * HOUR_MS
"""How far one group may be ahead of another in event time. Sources of one process keep to it as well."""


class WatermarkTracker:
    """Latest watermark and progress of every source group (UTC ms), and buffered batches."""

    def __init__(self, groups: int) -> None:
        self.latest = np.full(groups, BEFORE_ALL, np.int64)
        self.progress = np.full(groups, BEFORE_ALL, np.int64)
        self.reference_read = False
        self.waiting: list[deque[Batch]] = [deque() for _ in range(groups)]

    def admit(self, batch: Batch) -> list[Batch]:
        """Take in a batch; returns the batches that may be applied now, with watermarks that hold for all groups.

        With a single group this is the batch itself.
        """
        if len(self.latest) == 1:
            return [batch]
        self.waiting[batch.group].append(batch)
        self.progress[batch.group] = batch.progress
        self.reference_read |= batch.reference_read
        admitted: list[Batch] = []
        before = -1
        while len(admitted) > before:
            before = len(admitted)
            for group, waiting in enumerate(self.waiting):
                limit = int(np.delete(self.progress, group).min()) + GROUP_DRIFT_MS
                while waiting and self._is_due(waiting[0], limit):
                    admitted.append(self._merged(waiting.popleft()))
        return admitted

    def _is_due(self, batch: Batch, limit: int) -> bool:
        if not self.reference_read:
            return not len(batch.records) and all(item.topic == Topic.REFERENCE for _, item in batch.rare)
        return batch.reach <= limit

    def _merged(self, batch: Batch) -> Batch:
        others = int(np.delete(self.latest, batch.group).min())
        self.latest[batch.group] = max(self.latest[batch.group], batch.watermark)
        records = batch.records.copy()
        records["watermark"] = np.minimum(records["watermark"], others)
        rare = [(before, item._replace(watermark=min(item.watermark, others))) for before, item in batch.rare]
        return batch._replace(records=records, rare=rare, watermark=min(batch.watermark, others))

    def dump(self) -> bytes:
        """Watermarks, progress and buffered batches as bytes."""
        waiting = [_WaitingBatch.of(batch) for batches in self.waiting for batch in batches]
        state = _State(self.reference_read, waiting)
        return pack({"latest": self.latest, "progress": self.progress, "waiting": Encoded(state, _State)})

    def load(self, block: bytes) -> None:
        """Restore what :meth:`dump` wrote."""
        found = unpack(block, {"waiting": _State})
        self.latest[:], self.progress[:] = found["latest"], found["progress"]
        self.reference_read = found["waiting"].reference_read
        for kept in found["waiting"].waiting:
            self.waiting[kept.group].append(kept.batch())


class _WaitingEvent(msgspec.Struct):
    """A rare event of a buffered batch. The topic's number selects the types that ``event`` is decoded as."""

    before: int
    event: msgspec.Raw
    place: tuple[int, int, int, int, int]
    trace: str | None


class _WaitingTexts(msgspec.Struct):
    """Texts of one partition that a buffered batch needs."""

    topic: int
    partition: int
    offsets: bytes
    starts: bytes
    data: bytes

    @classmethod
    def of(cls, table: TextTable) -> "_WaitingTexts":
        """Convert a table to bytes."""
        arrays = (table.offsets.tobytes(), table.starts.tobytes(), table.data.tobytes())
        return cls(table.topic, table.partition, *arrays)

    def table(self) -> TextTable:
        """Convert back to a table."""
        offsets = np.frombuffer(bytearray(self.offsets), np.int64)
        starts = np.frombuffer(bytearray(self.starts), np.uint32)
        return TextTable(self.topic, self.partition, offsets, starts, np.frombuffer(bytearray(self.data), np.uint8))


class _WaitingBatch(msgspec.Struct):
    """A buffered batch in a dump. It is not the final batch, and there are several groups."""

    records: bytes
    rare: list[_WaitingEvent]
    watermark: int
    account: int
    group: int
    traces: list[tuple[Place, str]]
    progress: int
    reach: int
    reference_read: bool
    texts: list[_WaitingTexts]

    @classmethod
    def of(cls, batch: Batch) -> "_WaitingBatch":
        """Convert a batch to bytes."""
        rare = [
            _WaitingEvent(before, msgspec.Raw(msgspec.msgpack.encode(item.event)), item[1:6], item.trace)
            for before, item in batch.rare
        ]
        return cls(
            batch.records.tobytes(), rare, batch.watermark, batch.account, batch.group, list(batch.traces.items()),
            batch.progress, batch.reach, batch.reference_read,
            [_WaitingTexts.of(table) for table in needed(batch.texts, batch.records)],
        )  # fmt: skip

    def batch(self) -> Batch:
        """Convert back to a batch."""
        rare = [(kept.before, Rare(_decoded(kept), *kept.place, kept.trace)) for kept in self.rare]
        return Batch(
            np.frombuffer(bytearray(self.records), EVENT), rare, self.watermark, account=self.account,
            group=self.group, traces=dict(self.traces), progress=self.progress, reach=self.reach,
            reference_read=self.reference_read, texts=tuple(kept.table() for kept in self.texts),
        )  # fmt: skip


class _State(msgspec.Struct):
    """Whether the reference is read, and the buffered batches, oldest first within a group."""

    reference_read: bool
    waiting: list[_WaitingBatch]


def _decoded(kept: _WaitingEvent) -> Any:
    types: tuple[Any, ...] = INPUTS[TOPICS[kept.place[2]]]
    return msgspec.msgpack.decode(kept.event, type=functools.reduce(operator.or_, types))
