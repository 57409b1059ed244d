"""Input queue of a shard: batches that were accepted and are not applied whole. The shard reads from the head.

A batch keeps its position from its arrival. The queue and the position within its head are part of the shard's state.
"""

import itertools
from collections import deque
from typing import Any

from numpy.typing import NDArray

from sensing.codec.event_record import Batch, InfrequentEvent
from sensing.codec.purchase_record import NO_PURCHASES
from sensing.codec.text_table import TextLookup
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.state.stored_batch import StoredBatch

_Queue = list[tuple[StoredBatch, bool]]


class BatchCursor:
    """A batch with the number of its records and infrequent events that were applied.

    Attributes
    ----------
    records
        Number of records applied.
    texts
        Lookup of the batch's texts.
    released
        Whether the batch holds events that left the quarantine, and is no input.
    """

    def __init__(self, batch: Batch, *, released: bool = False) -> None:
        self.batch = batch
        self.released = released
        self.records = 0
        self.texts = TextLookup(batch.texts)
        self._infrequent_applied = 0
        self._purchases = batch.purchases

    def take_purchases(self) -> NDArray[Any]:
        """The batch's purchase records at the first call, none afterwards."""
        taken, self._purchases = self._purchases, NO_PURCHASES
        return taken

    def infrequent(self) -> InfrequentEvent | None:
        """The infrequent event that is next; None if a record or the end of the batch is next."""
        if (
            self._infrequent_applied < len(self.batch.infrequent)
            and self.batch.infrequent[self._infrequent_applied][0] <= self.records
        ):
            return self.batch.infrequent[self._infrequent_applied][1]
        return None

    def mark_infrequent_applied(self) -> None:
        """Count the next infrequent event as applied."""
        self._infrequent_applied += 1

    def stop(self) -> int:
        """Index behind the records that are next: up to an infrequent event or the end of the batch."""
        infrequent = self.batch.infrequent
        return (
            infrequent[self._infrequent_applied][0]
            if self._infrequent_applied < len(infrequent)
            else len(self.batch.records)
        )

    def rest(self) -> Batch:
        """The part of the batch that is not applied yet."""
        infrequent = [
            (before - self.records, message) for before, message in self.batch.infrequent[self._infrequent_applied :]
        ]
        records = self.batch.records[self.records :]
        return self.batch._replace(records=records, infrequent=infrequent, purchases=self._purchases)


def _is_tick(batch: Batch) -> bool:
    """Whether a batch carries only a watermark."""
    has_events = len(batch.records) or batch.infrequent or len(batch.purchases)
    return not (has_events or batch.reconciliation or batch.final)


class InputQueue:
    """Batches in the order of application; the head may be applied in part."""

    def __init__(self) -> None:
        self._cursors: deque[BatchCursor] = deque()

    def __len__(self) -> int:
        """Number of batches."""
        return len(self._cursors)

    @property
    def head(self) -> BatchCursor | None:
        """The batch to apply; None if the queue is empty."""
        return self._cursors[0] if self._cursors else None

    @property
    def ends(self) -> bool:
        """Whether the queue holds the last batch of the input."""
        return bool(self._cursors) and self._cursors[-1].batch.final

    def add(self, batch: Batch) -> None:
        """Append a batch; a tick replaces a tick at the end of the queue, since only the newest watermark counts."""
        if self._cursors and _is_tick(self._cursors[-1].batch) and _is_tick(batch):
            self._cursors.pop()
        self._cursors.append(BatchCursor(batch))

    def add_released(self, batch: Batch) -> None:
        """Queue events that left the quarantine before all input, behind those that left it earlier."""
        at = sum(1 for _ in itertools.takewhile(lambda cursor: cursor.released, self._cursors))
        self._cursors.insert(at, BatchCursor(batch, released=True))

    def remove_head(self) -> None:
        """Remove the head, which is applied whole."""
        self._cursors.popleft()

    def dump(self) -> bytes:
        """The queued batches as bytes."""
        stored = [(StoredBatch.of(cursor.rest()), cursor.released) for cursor in self._cursors]
        return pack({"batches": Encoded(stored, _Queue)})

    def load(self, block: bytes) -> None:
        """Restore the batches of :meth:`dump`."""
        for stored, released in unpack(block, {"batches": _Queue})["batches"]:
            self._cursors.append(BatchCursor(stored.batch(), released=released))
