"""Source group: a fixed set of topic-partitions as one partition of Bytewax. Files are one group; Kafka has some.

Reader -> partition buffers (decode, validate timestamps) -> ordered merge -> router. The path is the same for files
and Kafka. They differ in the reader, in what moves the watermark (`OrderedMerge`), and in the end: `EndOfInput` for an
input that ends, an order to stop otherwise.

The reference is read to its end before anything else; the group that reads it says so in its batches. The first batch
of every epoch ticks every machine. What a group sends in one epoch is bounded, which with Bytewax's barrier between
epochs bounds what is under way: a source is asked for the next epoch only when all of the one before has left the flow.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from bytewax.inputs import StatefulSourcePartition

from flows.input.end_of_day import end_of_last_day
from flows.input.group_progress import GroupProgress
from flows.input.ordered_merge import OrderedMerge
from flows.input.partition_buffer import PartitionBuffer
from flows.input.routing import Router
from flows.input.sorted_block import SortedBlock, empty_block
from flows.input.topic_partition import TopicPartition
from flows.runtime.context import RunContext
from flows.runtime.roles import Item
from sensing.codec.event_record import AFTER_ALL, BEFORE_ALL, TOPICS, Batch, InfrequentEvent, Topic
from sensing.codec.instants import rfc3339
from sensing.contracts.reference import LocationUpdated
from sensing.machine_settings import Settings
from sensing.machines.machine_messages import LedgerBatch
from sinks.errors import UsageError

REFERENCE = TOPICS[Topic.REFERENCE]
EPOCH_ROWS_MAX = 1_000_000
"""Messages that a group sends in one epoch, about; then it waits for the next one."""
EPOCH_CATCH_UP_MAX = 100
"""The same for steps of the watermark without messages, each of which may close a day in every machine."""
RECONCILIATION_SECONDS = 60.0


class Clocks(NamedTuple):
    """The clocks of the outside world: wall (UTC ms) and monotonic (seconds)."""

    wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    monotonic: Callable[[], float] = time.monotonic


CLOCKS = Clocks()


class Reader(Protocol):
    """Reads topic-partitions into their buffers, in blocks of raw messages."""

    def start(self, buffers: Sequence[PartitionBuffer]) -> None:
        """Read these partitions from now on, each from its position."""
        ...

    def poll(self) -> None:
        """Add what is there to the buffers; of files something, as long as there is anything."""
        ...

    def report(self, watermark: int, *, last: bool) -> None:
        """Tell how far it is, if that is due."""
        ...

    def commit(self, consumed: Sequence[tuple[TopicPartition, int]]) -> None:
        """Take note of consumed offsets whose epoch is durable."""
        ...


@dataclass(frozen=True)
class GroupState:
    """Where a group goes on: consumed offset and topic id by partition, and the watermark (UTC ms)."""

    offsets: dict[TopicPartition, tuple[int, str]]
    watermark: int


class EndOfInput(NamedTuple):
    """An input that ends: the watermark runs on to ``until`` (UTC ms), or to the end of the last event's local day."""

    until: int | None = None


class Milestones(NamedTuple):
    """Who is told what a group has reached: reference read, all groups caught up, an epoch durable (its seconds)."""

    reference_read: Callable[[], None] = lambda: None
    caught_up: Callable[[], None] = lambda: None
    epoch: Callable[[float], None] = lambda _seconds: None


class SourceGroup(StatefulSourcePartition[Item, GroupState]):
    """One source group.

    Parameters
    ----------
    number
        Its number among all groups.
    buffers
        Its partitions. Those of the reference are in one group only.
    end
        Where the input ends; None: it goes on until the run is stopped.
    """

    def __init__(
        self, number: int, buffers: Sequence[PartitionBuffer], reader: Reader, merge: OrderedMerge, settings: Settings,
        context: RunContext, progress: GroupProgress, *, end: EndOfInput | None = None, clocks: Clocks = CLOCKS,
        milestones: Milestones | None = None,
    ) -> None:  # fmt: skip
        self.merge = merge
        self._number = number
        self._reference = [buffer for buffer in buffers if buffer.log.topic == REFERENCE]
        self._events = [buffer for buffer in buffers if buffer.log.topic != REFERENCE]
        self._reader = reader
        self._settings = settings
        self._context = context
        self._progress = progress
        self._end = end
        self._clocks = clocks
        self._milestones = milestones or Milestones()
        self._router = Router(settings.shards)
        self._newest = BEFORE_ALL
        self._locations: dict[str, InfrequentEvent] = {}
        self._started = self._ended = False
        self._new_epoch = self._tick_due = True
        self._rows = self._catch_up_steps = 0
        self._epoch_began = self._reconciled_at = clocks.monotonic()
        self._reconciliation = 0
        self._last_items: list[Item] = []
        self._snapshot: GroupState | None = None
        self._finished: GroupState | None = None
        progress.join(number, reads_reference=bool(self._reference))
        if self._reference:
            reader.start(self._reference)

    def next_batch(self) -> list[Item]:
        """Read, and send what may be sent; nothing more in an epoch that is full."""
        if self._ended:
            raise StopIteration
        if self._new_epoch:
            self._begin_epoch()
        if self._last_items:
            items = self._take_last_items()
        elif self._rows >= EPOCH_ROWS_MAX or self._catch_up_steps >= EPOCH_CATCH_UP_MAX:
            return []
        else:
            self._ended = self._context.stopping
            self._reader.poll()
            items = self._merged() if self._started else self._first()
        self._reader.report(self.merge.watermark, last=self._ended)
        self._note_caught_up()
        return items

    def next_awake(self) -> None:
        """At once."""
        return None

    def snapshot(self) -> GroupState:
        """Consumed offsets; the epoch ends here."""
        self._new_epoch = self._tick_due = True
        buffers = (*self._reference, *self._events)
        offsets = {buffer.partition: (buffer.consumed, buffer.log.topic_id) for buffer in buffers}
        self._snapshot = GroupState(offsets, self.merge.watermark)
        return self._snapshot

    def close(self) -> None:
        """Nothing yet: Bytewax calls this at the end of the input, when its last epoch is still under way."""

    def epoch_durable(self) -> None:
        """Commit what was consumed up to the end of the epoch before this one: a sink says that it is durable."""
        if self._finished is None:
            return
        finished, self._finished = self._finished, None
        now = self._clocks.monotonic()
        self._milestones.epoch(now - self._epoch_began)
        self._epoch_began = now
        self._reader.commit([(partition, offset) for partition, (offset, _) in finished.offsets.items()])

    def _begin_epoch(self) -> None:
        self._new_epoch = False
        self._rows = self._catch_up_steps = 0
        self._finished, self._snapshot = self._snapshot, None

    def _first(self) -> list[Item]:
        """The whole reference, before any other message; then the partitions of all other topics are read as well."""
        # It leaves as it comes: there may be more of it than may be buffered.
        items = self._reference_items()
        read = all(buffer.at_end or buffer.position >= buffer.log.end for buffer in self._reference)
        if self._reference:
            self._progress.reference_read = read
        if not self._ended and not (read and self._progress.reference_read):
            return items
        # From now on every partition is in the books, and every machine has begun.
        self._started = True
        if self._reference and read:
            self._milestones.reference_read()
        partitions = [(*buffer.partition, 0) for buffer in (*self._reference, *self._events)]
        items += self._routed(empty_block(), tick=True, read=partitions)
        if not self._ended:
            self._reader.start([*self._reference, *self._events])
        return items

    def _merged(self) -> list[Item]:
        """Reference records that came meanwhile, and what the merge lets go."""
        items = self._reference_items()
        others = self._progress.others(self._number)
        block = self.merge.take(self._clocks.wall_ms(), self._clocks.monotonic(), others)
        self.merge.release()
        self._progress.set(self._number, self.merge.progress)
        if len(block):
            self._newest = int(block.keys[-1])
            self._check_end(block)
        elif self._end is not None and self.merge.over:
            return [*items, *self._final(self._end)]
        self._catch_up_steps += self.merge.catching_up
        tick = self._tick_due or self.merge.catching_up or self._ended
        if len(block) or tick:
            items += self._routed(block, tick=tick, read=self._read_counts(block))
        return items

    def _routed(self, block: SortedBlock, *, tick: bool, read: list[tuple[str, int, int]]) -> list[Item]:
        """A block split for the machines, after the reference; ``tick`` gives each of them a part."""
        reconciliation = self._next_reconciliation() if tick else 0
        self._tick_due = self._tick_due and not tick
        progress = AFTER_ALL if self._ended else self.merge.progress
        batch = Batch(
            block.records, block.placed(), self.merge.watermark, reconciliation=reconciliation, group=self._number,
            traces={place: trace for buffer in self._events for place, trace in buffer.traces().items()},
            progress=progress, newest_time=int(block.keys[-1]) if len(block) else BEFORE_ALL,
            reference_read=bool(self._reference), texts=block.texts,
        )  # fmt: skip
        items = self._router.to_shards(batch, tick=tick)
        if read or tick:
            self._count(len(block))
            load = LedgerBatch(block.rejects, read, self.merge.watermark, reconciliation, self._number)
            items.append(self._router.to_ledger(load))
        return items

    def _reference_items(self) -> list[Item]:
        """Reference records, which are outside every watermark."""
        blocks = [block for buffer in self._reference for block in buffer.take(AFTER_ALL)]
        if not blocks:
            return []
        counts = [(*buffer.partition, sum(len(block) for block in blocks if block.sources[0] == buffer.number))
                  for buffer in self._reference]  # fmt: skip
        infrequent = [event._replace(watermark=BEFORE_ALL) for block in blocks for event in block.infrequent]
        rejects = [reject for block in blocks for reject in block.rejects]
        # One location of each zone says all that the end of the input needs.
        self._locations |= {
            event.event.time_zone: event for event in infrequent if isinstance(event.event, LocationUpdated)
        }
        for buffer in self._reference:
            buffer.release()
        batch = Batch(
            empty_block().records, [(0, event) for event in infrequent], self.merge.watermark, group=self._number,
            progress=self.merge.progress,
        )  # fmt: skip
        self._count(sum(map(len, blocks)))
        return [
            *self._router.to_shards(batch, tick=False),
            self._router.to_ledger(LedgerBatch(rejects, counts, self.merge.watermark, group=self._number)),
        ]

    def _final(self, end: EndOfInput) -> list[Item]:
        """Run the watermark on to its end."""
        until = end.until
        if until is None:
            until = end_of_last_day(self._newest, self._settings.time_zone, self._locations.values())
        batch = Batch(
            empty_block().records, [], until, final=True, reconciliation=1, group=self._number, progress=AFTER_ALL
        )
        self._last_items = [
            *self._router.to_shards(batch, tick=True),
            self._router.to_ledger(LedgerBatch([], [], until, 1, self._number)),
        ]
        return self._take_last_items()

    def _take_last_items(self) -> list[Item]:
        """The last item of one machine, and ticks for those whose turn comes later.

        What a machine puts out at its end is as much as it has rows; that of all at once may not fit into memory.
        """
        items, self._last_items = self._last_items[:1], self._last_items[1:]
        self._ended = not self._last_items
        later = {machine for machine, _ in self._last_items}
        watermark = self.merge.watermark
        tick = Batch(empty_block().records, [], watermark, group=self._number, progress=self.merge.progress)
        ticks = [*self._router.to_shards(tick, tick=True), self._router.to_ledger(LedgerBatch([], [], watermark))]
        return [*items, *(item for item in ticks if item[0] in later)]

    def _check_end(self, block: SortedBlock) -> None:
        until = self._end.until if self._end is not None else None
        if until is None or self._newest < until:
            return
        at = int(np.searchsorted(block.keys, until))
        log = next(buffer.log for buffer in self._events if buffer.number == block.sources[at])
        msg = (
            f"until {rfc3339(until)}: required an instant after the last event, got an event at "
            f"{rfc3339(int(block.keys[at]))} in line {block.numbers[at]} of {log.name}; "
            "give a later one, or none to end with the last event's day"
        )
        raise UsageError(msg)

    def _count(self, messages: int) -> None:
        self._rows += messages
        self._context.lines += messages

    def _read_counts(self, block: SortedBlock) -> list[tuple[str, int, int]]:
        found = np.bincount(block.sources, minlength=1 + max((buffer.number for buffer in self._events), default=0))
        counts = [(*buffer.partition, int(found[buffer.number])) for buffer in self._events]
        return [counted for counted in counts if counted[-1]]

    def _next_reconciliation(self) -> int:
        """Number of the account that is due, 0 for none. One is due now and then, and when the run is stopped.

        An input that ends has one account, with its final batch: others would depend on how long a run takes.
        """
        now = self._clocks.monotonic()
        if not self._ended and (self._end is not None or now - self._reconciled_at < RECONCILIATION_SECONDS):
            return 0
        self._reconciled_at = now
        self._reconciliation += 1
        return self._reconciliation

    def _note_caught_up(self) -> None:
        """Note that the group is at the end of all its partitions; when all groups were, that is told."""
        behind = self._progress.behind
        if not self._started or self._number not in behind or self.merge.catching_up:
            return
        if all(buffer.current and not len(buffer) for buffer in self._events):
            behind.remove(self._number)
            if not behind:
                self._milestones.caught_up()
