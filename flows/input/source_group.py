"""Source group: a fixed set of topic-partitions as one source partition of Bytewax. The file source has one group, the
Kafka source has ``source_groups``.

Reader -> partition buffers (decode, validate timestamps) -> ordered merge -> router. Files and Kafka share this path.
They differ in the reader, in what moves the watermark (`OrderedMerge`), and in the end: an input that ends has an
`EndOfInput`; otherwise the group runs until the run context stops it.

The group reads the reference topic to its end before any other topic; its batches say when that is done. The first
batch of every epoch ticks every machine. A group sends a bounded number of messages per epoch. Bytewax asks a source
for the next epoch only when the whole epoch before has left the flow. Both together bound the messages in flight.
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
from sensing.codec.event_record import AFTER_ALL, BEFORE_ALL, TOPICS, Batch, InfrequentEvent, Topic, history_notices
from sensing.codec.instants import rfc3339
from sensing.contracts.reference import LocationUpdated
from sensing.machine_settings import Settings
from sensing.machines.machine_messages import LedgerBatch
from sinks.errors import UsageError

REFERENCE = TOPICS[Topic.REFERENCE]
EPOCH_ROWS_MAX = 1_000_000
"""Approximate number of messages that a group sends in one epoch; then it waits for the next epoch."""
EPOCH_CATCH_UP_MAX = 100
"""Steps of the watermark without messages in one epoch; each of them may close a day in every machine."""
RECONCILE_SECONDS, PUBLISH_SECONDS = 2.0, 60.0


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
        """Add the messages that are available to the buffers; a file adds some at every call until its end."""
        ...

    def report(self, watermark: int, *, last: bool) -> None:
        """Report the position and the watermark (UTC ms), if a report is due."""
        ...

    def commit(self, consumed: Sequence[tuple[TopicPartition, int]]) -> None:
        """Commit consumed offsets whose epoch is durable."""
        ...


@dataclass(frozen=True)
class GroupState:
    """Saved state of a group: consumed offset and topic id by partition, the watermark (UTC ms), and what its router
    has learned.
    """

    offsets: dict[TopicPartition, tuple[int, str]]
    watermark: int
    learned: bytes


class EndOfInput(NamedTuple):
    """An input that ends: the watermark then advances to ``until`` (UTC ms); None: the end of the last event's day."""

    until: int | None = None


class Milestones(NamedTuple):
    """Functions that a group calls: when the reference is read, all groups have caught up, an epoch is durable (with
    its seconds).
    """

    reference_read: Callable[[], None] = lambda: None
    caught_up: Callable[[], None] = lambda: None
    epoch: Callable[[float], None] = lambda _seconds: None


class SourceGroup(StatefulSourcePartition[Item, GroupState]):
    """One source group.

    Parameters
    ----------
    number
        Number of the group.
    buffers
        Buffers of the group's partitions. Every group reads the reference topic, since the split needs its aliases and
        kits; only group 0 sends it to the machines and counts it.
    end
        How the input ends; None: it goes on until the run is stopped.
    learned
        What the router of a saved state had learned.
    notices
        Notices for the machines that come before all messages.
    has_metrics
        Whether metrics show control totals, so that they are made every few seconds.
    """

    def __init__(
        self, number: int, buffers: Sequence[PartitionBuffer], reader: Reader, merge: OrderedMerge, settings: Settings,
        context: RunContext, progress: GroupProgress, *, end: EndOfInput | None = None, clocks: Clocks = CLOCKS,
        milestones: Milestones | None = None, learned: bytes = b"", notices: Sequence[InfrequentEvent] = (),
        has_metrics: bool = False,
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
        self._router = Router(settings.shards, settings.lateness_ms)
        if learned:
            self._router.load(learned)
        self._newest = BEFORE_ALL
        self._notices = list(notices)
        self._locations: dict[str, InfrequentEvent] = {}
        self._started = self._ended = False
        self._new_epoch = self._tick_due = True
        self._rows = self._catch_up_steps = 0
        self._epoch_began = self._reconciled_at = self._published_at = clocks.monotonic()
        self._has_metrics = has_metrics
        self._reconciliation = 0
        self._last_items: list[Item] = []
        self._snapshot: GroupState | None = None
        self._finished: GroupState | None = None
        self._sends_reference = number == 0 and bool(self._reference)
        progress.join(number, reads_reference=self._sends_reference)
        if self._reference:
            reader.start(self._reference)

    def next_batch(self) -> list[Item]:
        """Poll the reader and send the messages that may leave; nothing once the epoch's bounds are reached."""
        if self._ended:
            raise StopIteration
        if self._new_epoch:
            self._begin_epoch()
        items = self._handed_over()
        if self._last_items:
            items += self._take_last_items()
        elif self._rows >= EPOCH_ROWS_MAX or self._catch_up_steps >= EPOCH_CATCH_UP_MAX:
            return items
        else:
            self._ended = self._context.stopping
            self._reader.poll()
            items += self._merged() if self._started else self._first()
        self._reader.report(self.merge.watermark, last=self._ended)
        self._note_caught_up()
        return items

    def next_awake(self) -> None:
        """At once."""
        return None

    def snapshot(self) -> GroupState:
        """Consumed offsets and watermark at the end of an epoch."""
        self._new_epoch = self._tick_due = True
        buffers = (*self._reference, *self._events)
        offsets = {buffer.partition: (buffer.consumed, buffer.log.topic_id) for buffer in buffers}
        self._snapshot = GroupState(offsets, self.merge.watermark, self._router.dump())
        return self._snapshot

    def close(self) -> None:
        """Do nothing: Bytewax calls this at the end of the input, while the last epoch is still in the flow."""

    def epoch_durable(self) -> None:
        """Commit the offsets consumed in the epoch before this one; called when a sink reports it as durable."""
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
        """Send the reference up to its end, before any other message; then start to read all other topics."""
        # Reference records leave as they come: there may be more of them than the buffers may hold.
        items = self._noticed() + self._reference_items()
        read = all(buffer.at_end or buffer.position >= buffer.log.end for buffer in self._reference)
        if self._sends_reference:
            self._progress.reference_read = read
        if not self._ended and not (read and self._progress.reference_read):
            return items
        # The ledger now knows every partition, and this tick creates every machine.
        self._started = True
        if self._sends_reference and read:
            self._milestones.reference_read()
        partitions = [
            (*buffer.partition, 0) for buffer in (*(self._reference if self._sends_reference else ()), *self._events)
        ]
        items += self._routed(empty_block(), tick=True, read=partitions)
        if not self._ended:
            self._reader.start([*self._reference, *self._events])
        return items

    def _noticed(self) -> list[Item]:
        """Items for the notices that come before all messages; nothing once they are sent."""
        if not self._notices:
            return []
        placed = [(0, notice) for notice in self._notices]
        self._notices = []
        batch = Batch(
            empty_block().records, placed, self.merge.watermark, group=self._number, progress=self.merge.progress
        )
        return self._router.to_shards(batch, tick=False)

    def _merged(self) -> list[Item]:
        """New reference records, and the messages that the merge lets leave."""
        items = self._reference_items()
        others = self._progress.others(self._number)
        block = self.merge.take(self._clocks.wall_ms(), self._clocks.monotonic(), others)
        self.merge.release()
        self._progress.set(self._number, self.merge.progress)
        notices: list[InfrequentEvent] = []
        if len(block):
            if self._newest == BEFORE_ALL:
                notices = history_notices(buffer.history_until for buffer in self._events)
            self._newest = int(block.keys[-1])
            self._check_end(block)
        elif self._end is not None and self.merge.over:
            return [*items, *self._final(self._end)]
        self._catch_up_steps += self.merge.catching_up
        tick = self._tick_due or self.merge.catching_up or self._ended
        if len(block) or tick:
            items += self._routed(block, tick=tick, read=self._read_counts(block), notices=notices)
        return items

    def _routed(
        self, block: SortedBlock, *, tick: bool, read: list[tuple[str, int, int]],
        notices: Sequence[InfrequentEvent] = (),
    ) -> list[Item]:  # fmt: skip
        """Split a block for the machines, ``notices`` before it; with ``tick`` every machine gets an item."""
        number, publish = self._next_reconciliation() if tick else (0, False)
        self._tick_due = self._tick_due and not tick
        progress = AFTER_ALL if self._ended else self.merge.progress
        batch = Batch(
            block.records, [*((0, notice) for notice in notices), *block.placed()], self.merge.watermark,
            reconciliation=number, group=self._number,
            traces={place: trace for buffer in self._events for place, trace in buffer.traces().items()},
            progress=progress, newest_time=int(block.keys[-1]) if len(block) else BEFORE_ALL,
            reference_read=self._sends_reference, texts=block.texts,
        )  # fmt: skip
        items = self._router.to_shards(batch, tick=tick)
        if read or tick:
            self._count(len(block))
            load = LedgerBatch(block.rejects, read, self.merge.watermark, number, self._number, publish)
            items.append(self._router.to_ledger(load))
        return items

    def _reference_items(self) -> list[Item]:
        """Items for new reference records, which do not depend on the watermark."""
        blocks = [block for buffer in self._reference for block in buffer.take(AFTER_ALL)]
        if not blocks:
            return []
        counts = [(*buffer.partition, sum(len(block) for block in blocks if block.sources[0] == buffer.number))
                  for buffer in self._reference]  # fmt: skip
        infrequent = [event._replace(watermark=BEFORE_ALL) for block in blocks for event in block.infrequent]
        infrequent = self._router.learn(infrequent, self.merge.watermark)
        rejects = [reject for block in blocks for reject in block.rejects]
        # The end of the input needs only the time zones, so one location of each zone is kept.
        self._locations |= {
            event.event.time_zone: event for event in infrequent if isinstance(event.event, LocationUpdated)
        }
        for buffer in self._reference:
            buffer.release()
        if not self._sends_reference:
            self._count(sum(map(len, blocks)))
            return []
        batch = Batch(
            empty_block().records, [(0, event) for event in infrequent], self.merge.watermark, group=self._number,
            progress=self.merge.progress,
        )  # fmt: skip
        self._count(sum(map(len, blocks)))
        return [
            *self._router.to_shards(batch, tick=False),
            self._router.to_ledger(LedgerBatch(rejects, counts, self.merge.watermark, group=self._number)),
        ]

    def _handed_over(self) -> list[Item]:
        """Items for what has come back from the shards of superseded items."""
        if self._number != 0:
            return []
        waiting = self._context.way_back
        return [self._router.to_successor(waiting.popleft()) for _ in range(len(waiting))]

    def _final(self, end: EndOfInput) -> list[Item]:
        """The final batch: it advances the watermark to the end of the input.

        Before it, all that items hand over until then must have come back.
        """
        until = end.until
        if until is None:
            until = end_of_last_day(self._newest, self._settings.time_zone, self._locations.values())
        if self._router.superseded.is_pending(until):
            # A busy shard rests at the end of an epoch until its next batch, so every epoch needs a tick.
            due, self._tick_due = self._tick_due, False
            tick = Batch(empty_block().records, [], until, group=self._number, progress=AFTER_ALL)
            return self._router.to_shards(tick, tick=True) if due else []
        number = self._reconciliation + 1
        batch = Batch(
            empty_block().records, [], until, final=True, reconciliation=number, group=self._number, progress=AFTER_ALL
        )
        self._last_items = [
            *self._router.to_shards(batch, tick=True),
            self._router.to_ledger(LedgerBatch([], [], until, number, self._number)),
        ]
        return self._take_last_items()

    def _take_last_items(self) -> list[Item]:
        """The final item of one machine, and ticks for the machines that end later.

        A machine's final output grows with its rows; the final outputs of all machines may not fit into memory at once.
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

    def _next_reconciliation(self) -> tuple[int, bool]:
        """Number of the reconciliation that is due (0: none), and whether its control totals are published.

        It is due every ``RECONCILE_SECONDS`` for metrics; every ``PUBLISH_SECONDS`` and at a stop it is published. An
        input that ends publishes once, with its final batch: other totals would depend on how long the run takes.
        """
        now = self._clocks.monotonic()
        publish = self._ended or (self._end is None and now - self._published_at >= PUBLISH_SECONDS)
        if not publish and (not self._has_metrics or now - self._reconciled_at < RECONCILE_SECONDS):
            return 0, False
        self._reconciled_at = now
        self._published_at = now if publish else self._published_at
        self._reconciliation += 1
        return self._reconciliation, publish

    def _note_caught_up(self) -> None:
        """Note that the group has reached the end of all its partitions; the last group calls ``caught_up``."""
        behind = self._progress.behind
        if not self._started or self._number not in behind or self.merge.catching_up:
            return
        if all(buffer.current and not len(buffer) for buffer in self._events):
            behind.remove(self._number)
            if not behind:
                self._milestones.caught_up()
