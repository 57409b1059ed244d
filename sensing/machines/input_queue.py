"""Batches that a shard was given and has not applied to their end; the shard takes records and events from the head.

A batch has its position when it arrives. What it waits for is state, and so is how far it was applied.
"""

from collections import deque

from sensing.codec.record import Batch, Rare
from sensing.codec.text_table import TextLookup
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.state.stored_batch import StoredBatch


class BatchCursor:
    """A batch, and how many of its records and rare events were applied.

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
        self._rare = 0

    def rare(self) -> Rare | None:
        """The rare event that comes next, if that is what comes next."""
        if self._rare < len(self.batch.rare) and self.batch.rare[self._rare][0] <= self.records:
            return self.batch.rare[self._rare][1]
        return None

    def take_rare(self) -> None:
        """Count the next rare event as applied."""
        self._rare += 1

    def stop(self) -> int:
        """Index of the record before which something else comes: a rare event, or the end of the batch."""
        rare = self.batch.rare
        return rare[self._rare][0] if self._rare < len(rare) else len(self.batch.records)

    def rest(self) -> Batch:
        """What was not applied yet."""
        rare = [(before - self.records, item) for before, item in self.batch.rare[self._rare :]]
        return self.batch._replace(records=self.batch.records[self.records :], rare=rare)


def _is_tick(batch: Batch) -> bool:
    """Whether a batch carries nothing but a watermark."""
    return not (len(batch.records) or batch.rare or batch.account or batch.final)


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
