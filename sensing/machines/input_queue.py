"""Batches that a shard was given and has not applied to their end; the shard takes records and events from the head.

A batch has its position when it arrives. What it waits for is state, and so is how far it was applied.
"""

from collections import deque

from sensing.codec.event_record import Batch, InfrequentEvent
from sensing.codec.text_table import TextLookup
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.state.stored_batch import StoredBatch


class BatchCursor:
    """A batch, and how many of its records and infrequent events were applied.

    Attributes
    ----------
    records
        Records applied.
    texts
        Looks up the texts of the batch.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.records = 0
        self.texts = TextLookup(batch.texts)
        self._infrequent_applied = 0

    def infrequent(self) -> InfrequentEvent | None:
        """The infrequent event that comes next, if that is what comes next."""
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
        """Index of the record before which something else comes: an infrequent event, or the end of the batch."""
        infrequent = self.batch.infrequent
        return (
            infrequent[self._infrequent_applied][0]
            if self._infrequent_applied < len(infrequent)
            else len(self.batch.records)
        )

    def rest(self) -> Batch:
        """What was not applied yet."""
        infrequent = [
            (before - self.records, message) for before, message in self.batch.infrequent[self._infrequent_applied :]
        ]
        return self.batch._replace(records=self.batch.records[self.records :], infrequent=infrequent)


def _is_tick(batch: Batch) -> bool:
    """Whether a batch carries nothing but a watermark."""
    return not (len(batch.records) or batch.infrequent or batch.reconciliation or batch.final)


class InputQueue:
    """Batches in the order in which they are applied; the head may have been applied in part."""

    def __init__(self) -> None:
        self._cursors: deque[BatchCursor] = deque()

    def __len__(self) -> int:
        """Batches."""
        return len(self._cursors)

    @property
    def head(self) -> BatchCursor | None:
        """The batch that is applied now."""
        return self._cursors[0] if self._cursors else None

    @property
    def ends(self) -> bool:
        """Whether the last batch of the input is among them."""
        return bool(self._cursors) and self._cursors[-1].batch.final

    def add(self, batch: Batch) -> None:
        """Append a batch; of ticks that wait one behind the other the last one says all."""
        if self._cursors and _is_tick(self._cursors[-1].batch) and _is_tick(batch):
            self._cursors.pop()
        self._cursors.append(BatchCursor(batch))

    def remove_head(self) -> None:
        """Forget the head, which was applied to its end."""
        self._cursors.popleft()

    def dump(self) -> bytes:
        """Everything as bytes."""
        stored = [StoredBatch.of(cursor.rest()) for cursor in self._cursors]
        return pack({"batches": Encoded(stored, list[StoredBatch])})

    def load(self, block: bytes) -> None:
        """Take over what :meth:`dump` wrote."""
        for stored in unpack(block, {"batches": list[StoredBatch]})["batches"]:
            self.add(stored.batch())
