"""Watermark tracker: combines the watermarks of several source groups into a machine's clock and buffers early batches.

The clock is the minimum of the latest watermarks of all groups. It never goes back. A batch is buffered until the
reference topic is read, and until it is at most ``GROUP_DRIFT_MS`` ahead of the progress of every other group. Batches
of one group keep their order. Batches carry everything that these rules need, so groups may run in other processes.
"""

from collections import deque

import msgspec
import numpy as np

from sensing.codec.event_record import BEFORE_ALL, Batch, Topic
from sensing.machine_settings import HOUR_MS
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.state.stored_batch import StoredBatch

GROUP_DRIFT_MS = 6 * HOUR_MS
"""Event time by which one group may be ahead of another, ms. Sources of one process use the same limit."""


class WatermarkTracker:
    """Latest watermark and progress of every source group (UTC ms), and buffered batches."""

    def __init__(self, groups: int) -> None:
        self.latest = np.full(groups, BEFORE_ALL, np.int64)
        self.progress = np.full(groups, BEFORE_ALL, np.int64)
        self.reference_read = False
        self.waiting: list[deque[Batch]] = [deque() for _ in range(groups)]

    def admit(self, batch: Batch) -> list[Batch]:
        """Add a batch; returns the batches that may be applied now. Their watermarks hold for all groups.

        With a single group it returns the batch itself.
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
            if len(batch.records) or len(batch.purchases):
                return False
            return all(item.topic == Topic.REFERENCE for _, item in batch.infrequent)
        return batch.newest_time <= limit

    def _merged(self, batch: Batch) -> Batch:
        others = int(np.delete(self.latest, batch.group).min())
        self.latest[batch.group] = max(self.latest[batch.group], batch.watermark)
        records, purchases = batch.records.copy(), batch.purchases.copy()
        for each in (records, purchases):
            each["watermark"] = np.minimum(each["watermark"], others)
        infrequent = [
            (before, item._replace(watermark=min(item.watermark, others))) for before, item in batch.infrequent
        ]
        watermark = min(batch.watermark, others)
        return batch._replace(records=records, infrequent=infrequent, watermark=watermark, purchases=purchases)

    def dump(self) -> bytes:
        """Watermarks, progress and buffered batches as bytes."""
        waiting = [StoredBatch.of(batch) for batches in self.waiting for batch in batches]
        state = _State(self.reference_read, waiting)
        return pack({"latest": self.latest, "progress": self.progress, "waiting": Encoded(state, _State)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        found = unpack(block, {"waiting": _State})
        self.latest[:], self.progress[:] = found["latest"], found["progress"]
        self.reference_read = found["waiting"].reference_read
        for kept in found["waiting"].waiting:
            self.waiting[kept.group].append(kept.batch())


class _State(msgspec.Struct):
    """Whether the reference topic is read, and the buffered batches, oldest first within a group."""

    reference_read: bool
    waiting: list[StoredBatch]
