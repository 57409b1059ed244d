"""The clock of a machine that is fed by several source groups: the minimum of the latest watermarks of all of them.

A group that was not heard of holds the clock at the beginning. Watermarks never go back.
"""

import numpy as np

from sensing.codec.record import BEFORE_ALL, Batch
from sensing.state.snapshot import pack, unpack


class Groups:
    """The latest watermark of every source group, UTC ms."""

    def __init__(self, count: int) -> None:
        self.latest = np.full(count, BEFORE_ALL, np.int64)

    def merged(self, batch: Batch) -> Batch:
        """The batch with watermarks that hold for all groups; the batch itself where there is only one group."""
        if len(self.latest) == 1:
            return batch
        others = int(np.delete(self.latest, batch.group).min())
        self.latest[batch.group] = max(self.latest[batch.group], batch.watermark)
        records = batch.records.copy()
        records["watermark"] = np.minimum(records["watermark"], others)
        rare = [(before, item._replace(watermark=min(item.watermark, others))) for before, item in batch.rare]
        return batch._replace(records=records, rare=rare, watermark=min(batch.watermark, others))

    def dump(self) -> bytes:
        """The latest watermarks as bytes."""
        return pack({"latest": self.latest})

    def load(self, block: bytes) -> None:
        """Take over the watermarks of :meth:`dump`."""
        self.latest[:] = unpack(block)["latest"]
