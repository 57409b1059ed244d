"""The live Kafka source: a Bytewax partition per source group, each a fixed set of Kafka partitions.

A group reads the reference topic to its end before anything else (group 0 does; the others wait for it), then merges
its partitions (`flows.sources.kafka.group`). It never waits in a poll. The first batch of every epoch ticks every
machine. A snapshot holds numeric offsets of what was handed on; a run without saved state starts at the first message
of every topic. When the run is stopped, group 0 is the last to end: its account closes the books of all.

With ``until_end`` there is one group, events alone move the clock, and the present ends of the topics are the end of
the input: what comes out is what a replay of the same lines puts out.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from flows.addresses import Item, machine_keys, to_ledger, to_shards
from flows.control import Control
from flows.sources.end import end_of_last_day
from flows.sources.kafka.errors import log_moved, recreated
from flows.sources.kafka.feed import FAR, Feed, Place, ReferenceFeed
from flows.sources.kafka.group import HAND_MESSAGES, GroupClock, Peers
from flows.sources.kafka.guard import TopicGuard
from flows.sources.kafka.history import HistoryFeed
from flows.sources.kafka.reader import LogReader
from flows.sources.kafka.watch import Watch
from flows.sources.run import Run, empty_run
from sensing.codec.record import BEFORE_ALL, TOPICS, Batch, Rare, Topic
from sensing.contracts.reference import LocationUpdated
from sensing.machines.messages import LedgerBatch
from sensing.settings import Settings
from sinks.kafka_client import Log

REFERENCE = TOPICS[Topic.REFERENCE]
ACCOUNT_SECONDS = 60.0
REPORT_SECONDS = 1.0


class Clocks(NamedTuple):
    """The clocks of the outside world: wall (UTC ms) and monotonic (seconds)."""

    wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    monotonic: Callable[[], float] = time.monotonic


CLOCKS = Clocks()


@dataclass(frozen=True)
class LiveState:
    """Where a group goes on: next offset and topic id by place, and the watermark (UTC ms)."""

    offsets: dict[Place, tuple[int, str]]
    watermark: int


class LiveSource(FixedPartitionedSource[Item, LiveState]):
    """Reads input topics as they grow.

    Parameters
    ----------
    consumer, admin
        librdkafka settings of consumers and of admin clients.
    logs
        All partitions of the input topics, in the order of `survey`.
    """

    def __init__(
        self, consumer: Mapping[str, Any], admin: Mapping[str, Any], logs: Sequence[Log], settings: Settings,
        control: Control, watch: Watch, *, until_end: bool = False, clocks: Clocks = CLOCKS,
    ) -> None:  # fmt: skip
        assert not until_end or settings.source_groups == 1, "one merge needs all heads"
        self._until_end = until_end
        self._consumer = consumer
        self._admin = admin
        self._logs = logs
        self._settings = settings
        self._control = control
        self._watch = watch
        self._clocks = clocks
        self._peers = Peers(settings.source_groups)
        self._built: list[LiveGroup] = []

    def list_parts(self) -> list[str]:
        """The groups."""
        return [f"group-{group:02d}" for group in range(self._settings.source_groups)]

    def build_part(self, step_id: str, for_part: str, resume_state: LiveState | None) -> "LiveGroup":
        """Connect a group, where need be behind what was handed on before."""
        number = self.list_parts().index(for_part)
        logs = [log for log in self._logs if _group_of(log, self._settings.source_groups) == number]
        feeds = [self._feed(source, log, resume_offset(log, resume_state)) for source, log in enumerate(logs)]
        guard = None if number else TopicGuard(self._admin, self._logs, self._clocks.monotonic)
        reader = LogReader(self._consumer, feeds, self._watch, self._clocks.monotonic)
        part = LiveGroup(
            number, feeds, reader, guard, self._settings, self._control, self._watch, self._clocks, self._peers,
            until_end=self._until_end,
        )  # fmt: skip
        if resume_state is not None:
            part.clock.watermark = resume_state.watermark
        self._built.append(part)
        return part

    def _feed(self, source: int, log: Log, offset: int) -> Feed:
        if log.topic == REFERENCE:
            return ReferenceFeed(source, log, offset, self._settings)
        return (HistoryFeed if self._until_end else Feed)(source, log, offset, self._settings)

    def finish(self) -> None:
        """After the end of a run, when all that was handed on is dealt with: commit it."""
        for part in self._built:
            part.reader.finish()

    def close(self) -> None:
        """Leave the broker."""
        for part in self._built:
            part.reader.close()


def _group_of(log: Log, groups: int) -> int:
    """Partitions of one number are in one group; the reference is in the first."""
    return 0 if log.topic == REFERENCE else log.partition % groups


def resume_offset(log: Log, state: LiveState | None) -> int:
    """The offset to go on from.

    Raises
    ------
    TidegaugeError
        When the topic is another one than that of the state, or no longer holds the offset.
    """
    if state is None:
        return log.start
    # A partition that the state does not know was added since: it is read from its start.
    offset, topic_id = state.offsets.get(Place(log.topic, log.partition), (log.start, log.topic_id))
    if topic_id != log.topic_id:
        raise recreated(log.name, topic_id, log.topic_id)
    if not log.start <= offset <= log.end:
        raise log_moved(log.name, log.partition, offset, log.start, log.end)
    return offset


class LiveGroup(StatefulSourcePartition[Item, LiveState]):
    """One source group."""

    def __init__(
        self, number: int, feeds: list[Feed], reader: LogReader, guard: TopicGuard | None, settings: Settings,
        control: Control, watch: Watch, clocks: Clocks, peers: Peers, *, until_end: bool,
    ) -> None:  # fmt: skip
        self._until_end = until_end
        self._number = number
        self._reference = [feed for feed in feeds if feed.log.topic == REFERENCE]
        self._events = [feed for feed in feeds if feed.log.topic != REFERENCE]
        self.reader = reader
        self._guard = guard
        self._settings = settings
        self._control = control
        self._watch = watch
        self._clocks = clocks
        self._peers = peers
        self._keys = machine_keys(settings.shards)
        self.clock = GroupClock(self._events, settings, reader.is_away, event_time=until_end)
        self._newest = BEFORE_ALL
        self._locations: dict[str, Rare] = {}
        self._started = self._ended = False
        self._new_epoch = self._tick_due = True
        self._epoch_began = self._reported = self._accounted = clocks.monotonic()
        self._account = 0
        if self._reference:
            reader.assign(self._reference)

    def next_batch(self) -> list[Item]:
        """What came since the last call; nothing while machines are behind."""
        now = self._clocks.monotonic()
        if self._ended or (self._control.stopping and not self._started):
            self._peers.going.discard(self._number)
            raise StopIteration
        if self._new_epoch:
            self._begin_epoch(now)
        if self._control.full:
            return []
        if self._guard is not None:
            self._guard.look()
        self.reader.poll(HAND_MESSAGES)
        items = self._items(now) if self._started else self._first()
        self._control.sent(len(items))
        self._report(now)
        return items

    def next_awake(self) -> None:
        """At once."""
        return None

    def snapshot(self) -> LiveState:
        """Offsets behind what was handed on; the epoch ends here."""
        self._new_epoch = self._tick_due = True
        offsets = {feed.place: (feed.handed, feed.log.topic_id) for feed in (*self._reference, *self._events)}
        return LiveState(offsets, self.clock.watermark)

    def close(self) -> None:
        """Nothing yet: Bytewax calls this at the end of the input, when its last epoch is still under way."""

    def _begin_epoch(self, now: float) -> None:
        """That this is called says that the epoch before is over: machines have applied it, sinks have written it."""
        self._new_epoch = False
        self._watch.epoch(now - self._epoch_began)
        self._epoch_began = now
        self.reader.commit()

    def _first(self) -> list[Item]:
        """The whole reference, before any other message; then the partitions of all other topics are read as well."""
        # It leaves as it comes: there may be more of it than may wait.
        items = self._reference_items() if any(len(feed) for feed in self._reference) else []
        if not all(feed.at_end or feed.position >= feed.log.end for feed in self._reference):
            return items
        if not self._reference and not self._control.reference_given:
            return []
        self._started = True
        if self._reference:
            self._control.reference_given = True
            self._watch.reference_read()
        # From now on every partition is in the books, and every machine has begun.
        places = [(*feed.place, 0) for feed in (*self._reference, *self._events)]
        tick = Batch(empty_run().records, [], self.clock.watermark, group=self._number)
        items += to_shards(tick, self._keys, everyone=True)
        items.append(to_ledger(LedgerBatch([], places, self.clock.watermark), self._keys))
        self.reader.assign([*self._reference, *self._events])
        return items

    def _items(self, now: float) -> list[Item]:
        items = self._reference_items() if any(len(feed) for feed in self._reference) else []
        run = self.clock.hand(self._clocks.wall_ms(), now, self._peers.others(self._number))
        self._peers.fronts[self._number] = self.clock.front
        if len(run):
            self._newest = int(run.keys[-1])
        elif self._until_end and self.clock.over:
            return [*items, *self._end()]
        tick, self._tick_due = self._tick_due or self.clock.leaping, False
        account = self._next_account(now) if tick else 0
        if not len(run) and not tick:
            return items
        traces = {place: trace for feed in self._events for place, trace in feed.traces().items()}
        batch = Batch(
            run.records, run.placed(), self.clock.watermark, account=account, group=self._number, traces=traces,
            texts=run.texts,
        )  # fmt: skip
        items += to_shards(batch, self._keys, everyone=tick)
        counts = [
            (*feed.place, int(count)) for feed, count in zip(self._events, self._counts(run), strict=True) if count
        ]
        if counts or account:
            items.append(to_ledger(LedgerBatch(run.rejects, counts, self.clock.watermark, account), self._keys))
        self._control.lines += len(run)
        return items

    def _end(self) -> list[Item]:
        """Run the clock on to the end of the last event's local day."""
        self._ended = True
        end = end_of_last_day(self._newest, self._settings.time_zone, self._locations.values())
        account = self._account + 1
        return [
            *to_shards(Batch(empty_run().records, [], end, final=True, account=account), self._keys, everyone=True),
            to_ledger(LedgerBatch([], [], end, account), self._keys),
        ]

    def _counts(self, run: Run) -> list[int]:
        found = np.bincount(run.sources, minlength=max(feed.source for feed in self._events) + 1 if self._events else 0)
        return [int(found[feed.source]) for feed in self._events]

    def _reference_items(self) -> list[Item]:
        """Reference records, which are outside every watermark."""
        counts = [(*feed.place, len(feed)) for feed in self._reference]
        runs = [run for feed in self._reference for run in feed.hand(FAR)]
        rare = [event._replace(watermark=BEFORE_ALL) for run in runs for event in run.rare]
        rejects = [reject for run in runs for reject in run.rejects]
        # One location of each zone says all that the end of the input needs.
        self._locations |= {event.event.time_zone: event for event in rare if isinstance(event.event, LocationUpdated)}
        for feed in self._reference:
            feed.settled()
        watermark = self.clock.watermark
        batch = Batch(empty_run().records, [(0, event) for event in rare], watermark, group=self._number)
        self._control.lines += sum(map(len, runs))
        return [
            *to_shards(batch, self._keys, everyone=False),
            to_ledger(LedgerBatch(rejects, counts, watermark), self._keys),
        ]

    def _next_account(self, now: float) -> int:
        """Number of the account that is due, 0 for none. The last one is due when the run is stopped."""
        # Only one group may ask: shards answer per place in its stream. It asks when the others have said all.
        self._ended = self._control.stopping and (self._number > 0 or self._peers.going == {0})
        if self._number or not (self._ended or now - self._accounted >= ACCOUNT_SECONDS):
            return 0
        self._accounted = now
        self._account += 1
        return self._account

    def _report(self, now: float) -> None:
        if now - self._reported < REPORT_SECONDS:
            return
        self._reported = now
        self.reader.report()
        at_ends = all(feed.current and not len(feed) for feed in self._events)
        caught_up = self._started and at_ends and not self.clock.leaping
        if caught_up and self._number in self._peers.behind:
            self._peers.behind.remove(self._number)
            if not self._peers.behind:
                self._watch.inputs_read()
