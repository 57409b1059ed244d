"""One Kafka partition in the live flow: its messages decoded and keyed, waiting to be handed on, and how far it is."""

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flows.sources.judge import Flags, Times, running_max
from flows.sources.kafka.waiting import Waiting
from flows.sources.run import RARE, RECORD, REJECT, Run
from sensing.codec.block import Block, Message
from sensing.codec.cloudevents import traceparent_of
from sensing.codec.decode import Decoded, decode
from sensing.codec.instants import rfc3339
from sensing.codec.record import BEFORE_ALL, TOPICS, Reject
from sensing.contracts.dead_letters import Reason
from sensing.settings import Settings
from sinks.kafka_client import Log

FAR = 2**62
"""Later than all events, UTC ms."""


class Place(NamedTuple):
    """A partition of a topic of the contracts."""

    topic: str
    partition: int


class Chunk(NamedTuple):
    """A decoded block: what each message is, and its event time (UTC ms, BEFORE_ALL for rejects)."""

    block: Block
    decoded: Decoded
    kinds: NDArray[np.uint8]
    times: Times


class Feed:
    """What was read of one partition and not handed on yet; dates are judged by the broker's timestamps.

    ``position`` is the next offset to be read. ``reached`` is the event time (UTC ms) up to which the partition is
    known: what comes later is not earlier than that, late events aside. It never goes back; while the partition is read
    to its end it is the wall clock, which the group sees to. ``current`` says whether it is read to its end, or so busy
    that it is never seen there, and all is read that was there about a second ago. ``heard`` is when the partition last
    said anything, or could not, on the monotonic clock, seconds.
    """

    def __init__(self, source: int, log: Log, offset: int, settings: Settings) -> None:
        self.source = source
        self.log = log
        self.place = Place(log.topic, log.partition)
        self.position = offset
        self.reached = BEFORE_ALL
        self.at_end = self.current = False
        self.heard = 0.0
        self._settings = settings
        self._newest = BEFORE_ALL
        self._waiting = Waiting()
        self._blocks: deque[Block] = deque()
        self._traces: dict[int, str] = {}

    def __len__(self) -> int:
        """Messages that wait."""
        return len(self._waiting)

    @property
    def size_bytes(self) -> int:
        """Values of the messages that wait, and of those around them that came together with them."""
        return sum(block.data.nbytes for block in self._blocks)

    @property
    def handed(self) -> int:
        """Offset to go on from: that of the first message which waits, else the next one."""
        return self._waiting.first_number if len(self._waiting) else self.position

    @property
    def watermark(self) -> int | None:
        """The partition's own watermark, UTC ms; None before the first event, and where all is known at once."""
        return None if self.reached in (BEFORE_ALL, FAR) else self.reached - self._settings.lateness_ms

    def take(self, block: Block, now: float) -> None:
        """Decode messages that follow on those before, and key them by the largest event time so far.

        A date ahead of the record's timestamp says nothing of what is still to come, so it counts as the timestamp.
        """
        assert block.times is not None, "Kafka messages have timestamps"
        self.at_end = False
        chunk = self._decode(block, now)
        future = chunk.times > block.times + self._settings.skew_ms
        self._key(chunk, np.minimum(chunk.times, block.times), future)

    def end(self, offset: int, now: float) -> None:
        """The end of the partition was reached; it is at this offset, perhaps behind records that are no messages."""
        self.position = max(self.position, offset)
        self.at_end = self.current = True
        self.heard = now

    def passed(self, offset: int, now: float) -> None:
        """Messages that are no events were passed over, the last one at this offset."""
        self.position = offset + 1
        self.at_end, self.heard = False, now

    def lose(self) -> None:
        """The partition cannot be reached, or is not read: what lies behind its last message is not known any more."""
        self.at_end = self.current = False

    def _decode(self, block: Block, now: float) -> Chunk:
        decoded = decode(self.log.topic, self.log.partition, block)
        kinds = np.full(len(block), REJECT, np.uint8)
        kinds[decoded.positions] = RECORD
        kinds[decoded.rare_positions] = RARE
        times = np.full(len(block), BEFORE_ALL, np.int64)
        times[decoded.positions] = decoded.records["time"]
        times[decoded.rare_positions] = [event.time for _, event in decoded.rare]
        self._blocks.append(block)
        for offset, headers in zip(block.offsets.tolist(), block.headers or (), strict=False):
            if headers and (trace := traceparent_of(headers)):
                self._traces[offset] = trace
        self.position = int(block.offsets[-1]) + 1
        self.heard = now
        return Chunk(block, decoded, kinds, times)

    def _key(self, chunk: Chunk, known: Times, future: Flags) -> None:
        """Let a chunk wait to be handed on; what lies too far in the future is refused and moves nothing.

        ``known`` is, per message, the event time (UTC ms) up to which the partition is known by it.
        """
        kinds, times, offsets = chunk.kinds, chunk.times, chunk.block.offsets
        keys = running_max(known, (kinds != REJECT) & ~future, self._newest)
        sources = np.full(len(kinds), self.source, np.uint16)
        rare = [event._replace(trace=self._traces.get(event.offset)) for _, event in chunk.decoded.rare]
        decoded = chunk.decoded
        run = Run(keys, kinds, sources, offsets, decoded.records, rare, decoded.rejects, (decoded.texts,))
        if future.any():
            run = run.refused(future, lambda at: self.refuse(int(offsets[at]), "far_future", int(times[at]), 0))
        self._waiting.add(run)
        self._newest = int(keys[-1])
        self.reached = max(self.reached, self._newest)

    def hand(self, until: int, *, inclusive: bool = True) -> list[Run]:
        """The waiting messages with keys up to ``until`` (or below it), in order; they count as handed on."""
        # Keys are whole milliseconds.
        return self._waiting.take(until + 1 if inclusive else until)

    def settled(self) -> None:
        """What was handed on is dealt with: its bytes are no longer needed."""
        while self._blocks and int(self._blocks[0].offsets[-1]) < self.handed:
            self._blocks.popleft()

    def traces(self) -> dict[tuple[int, int, int], str]:
        """Trace contexts of the messages handed on since the last call: by topic number, partition and offset."""
        topic = TOPICS.index(self.log.topic)
        handed = [offset for offset in self._traces if offset < self.handed]
        return {(topic, self.log.partition, offset): self._traces.pop(offset) for offset in handed}

    def key_of(self, count: int) -> int:
        """Key of the ``count``-th message that waits."""
        return self._waiting.key_of(count)

    def bound(self) -> int:
        """Event time (UTC ms) that nothing which is still to come from here undercuts, late events aside."""
        return self._waiting.first_key if len(self._waiting) else self.reached

    def refuse(self, offset: int, reason: Reason, time: int, watermark: int) -> Reject:
        """A message that is valid but far ahead of the broker's clock, or too far behind the watermark."""
        message = self._message(offset)
        if reason == "far_future":
            required = f"at most {self._settings.skew_ms} ms ahead of {self._ahead_of(message)}"
        else:
            required = f"at most {self._settings.horizon_ms} ms behind the watermark {rfc3339(watermark)}"
        return Reject(
            value=message.value,
            headers=message.headers or {},
            key=message.key,
            topic=self.log.topic,
            partition=self.log.partition,
            offset=offset,
            time=time,
            reason=reason,
            field="event_time",
            required=required,
            got=rfc3339(time),
        )

    def _ahead_of(self, message: Message) -> str:
        """What a date is judged by, in words."""
        return f"the record's timestamp {rfc3339(message.time or 0)}"

    def _message(self, offset: int) -> Message:
        for block in self._blocks:
            at = int(np.searchsorted(block.offsets, offset))
            if at < len(block) and int(block.offsets[at]) == offset:
                return block.message(at)
        msg = f"offset {offset} of {self.place} is no longer held"
        raise AssertionError(msg)


class ReferenceFeed(Feed):
    """A feed of reference records, which may take effect at any time to come: their dates are not judged."""

    @property
    def watermark(self) -> int | None:
        """None: master data are outside every watermark."""
        return None

    def take(self, block: Block, now: float) -> None:
        """Decode messages that follow on those before."""
        self.at_end = False
        chunk = self._decode(block, now)
        self._key(chunk, chunk.times, np.zeros(len(chunk.kinds), np.bool_))
