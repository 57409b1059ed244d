"""Partition buffer: messages of one topic-partition that were read and not sent yet, decoded, validated and sorted.

Readers (`flows.input.file_source`, `flows.input.kafka_reader`) add blocks of raw messages and note the end of the
partition. The ordered merge of the source group takes sorted blocks out.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from flows.input.block_queue import BlockQueue
from flows.input.decoding import decode_block
from flows.input.skipping import NO_SKIPS, Skips
from flows.input.sorted_block import INFREQUENT, RECORD, REJECT, SortedBlock
from flows.input.timestamps import Chunk, NoTimestamps, Validated, running_max
from flows.input.topic_partition import TopicPartition
from sensing.codec.careful_decoder import read_json
from sensing.codec.cloudevents import traceparent_of
from sensing.codec.debezium import snapshot_time
from sensing.codec.decode import Decoded
from sensing.codec.decode_options import DecodeOptions
from sensing.codec.event_record import AFTER_ALL, BEFORE_ALL, TOPICS, Reject
from sensing.codec.instants import rfc3339
from sensing.codec.message_block import Block, Message
from sensing.codec.table_mapping import read_mappings
from sensing.codec.time_words import in_words
from sensing.contracts.dead_letters import Reason
from sensing.machine_settings import Settings
from sensing.machines.failure import EventPlace
from sinks.kafka_client import Log


class PartitionBuffer:
    """Messages of one partition between its reader and the merge.

    A message's key is the largest event time of its partition so far; keys never fall.

    Parameters
    ----------
    number
        Position of the partition in the merge of its source group.
    offset
        The next offset to be read.
    timestamps
        Validates event times.
    bounded
        Whether the input ends at ``log.end``; later messages are ignored.
    skips
        Positions of messages that become dead letters without being decoded.

    Attributes
    ----------
    position
        The next offset to be read.
    watermark_time
        The partition's watermark without the lateness: the event time (UTC ms) up to which the partition is known.
        Later messages have later event times, except late events. It never goes back. While the partition is read to
        its end, the merge sets it to the wall clock.
    at_end
        Whether the partition is read to its end.
    current
        Whether the partition is read to its end, or is too busy to be seen there but all its messages of about a
        second ago are read.
    history_until
        Time of the snapshot with which the partition begins (UTC ms), BEFORE_ALL if it begins with none.
    last_seen
        Monotonic clock (seconds) when the partition last gave anything, or when polls could not tell that it was
        silent.
    """

    def __init__(
        self, number: int, log: Log, offset: int, settings: Settings, timestamps: NoTimestamps, *,
        bounded: bool = False, skips: Skips = NO_SKIPS,
    ) -> None:  # fmt: skip
        self.number = number
        self.log = log
        self.partition = TopicPartition(log.topic, log.partition)
        self.position = offset
        self.watermark_time = BEFORE_ALL
        self.at_end = self.current = bounded and offset >= log.end
        self.last_seen = 0.0
        self._bounded = bounded
        self._skipped = np.array(sorted(skips.get(self.partition, ())), np.int64)
        self._settings = settings
        self._options = options_of(settings)
        self._timestamps = timestamps
        self._newest = BEFORE_ALL
        self._at_start = offset == log.start
        self.history_until = BEFORE_ALL
        self._queue = BlockQueue()
        self._raw: deque[Block] = deque()
        self._traces: dict[int, str] = {}

    def __len__(self) -> int:
        """Number of messages that can be taken."""
        return len(self._queue)

    @property
    def size_bytes(self) -> int:
        """Raw bytes of the blocks whose messages can be taken.

        Blocks that wait for validation do not count: they can be validated only if reading goes on.
        """
        waiting = sum(chunk.block.data.nbytes for chunk in self._timestamps.waiting)
        return sum(block.data.nbytes for block in self._raw) - waiting

    @property
    def consumed(self) -> int:
        """Consumed offset, at which to resume: that of the first message in the buffer, else the next one to read."""
        if len(self._queue):
            return self._queue.first_number
        waiting = self._timestamps.waiting
        return int(waiting[0].block.offsets[0]) if waiting else self.position

    @property
    def watermark(self) -> int | None:
        """The partition's watermark (UTC ms); None before the first event, and at the end of an input that ends."""
        unknown = self.watermark_time in (BEFORE_ALL, AFTER_ALL)
        return None if unknown else self.watermark_time - self._settings.lateness_ms

    def add(self, block: Block, now: float) -> None:
        """Add the next messages of the partition; ``now`` is the monotonic clock in seconds."""
        last = int(block.offsets[-1])
        if self._bounded:
            block = _up_to(block, self.log.end)
        else:
            self.at_end = False
        if len(block):
            if self._at_start and self._options.tables:
                first = read_json(block.values(slice(0, 1))[0])
                self.history_until = snapshot_time(first, self.log.topic) or BEFORE_ALL
            self._at_start = False
            for validated in self._timestamps.add(self._decode(block)):
                self._sort(validated)
        self._read_to(last + 1, now)

    def skip(self, offset: int, now: float) -> None:
        """Note that tombstones were skipped, the last one at ``offset``."""
        if not self._bounded:
            self.at_end = False
        self._read_to(offset + 1, now)

    def end(self, offset: int, now: float) -> None:
        """Note the end of the partition at ``offset``; it may lie behind records that are no messages."""
        self._read_to(offset, now)
        if not self._bounded:
            self.at_end = self.current = True
            self._validate_rest()

    def lose(self) -> None:
        """Note that the partition cannot be reached or is paused: whether it has more messages is not known."""
        if not self._bounded:
            self.at_end = self.current = False

    def take(self, until: int, *, inclusive: bool = True) -> list[SortedBlock]:
        """Take out the messages with keys up to ``until`` (below it if not ``inclusive``), in order."""
        # Keys are whole milliseconds.
        return self._queue.take(until + 1 if inclusive else until)

    def release(self) -> None:
        """Free the raw bytes of messages that were taken; they were needed only to make rejects."""
        while self._raw and int(self._raw[0].offsets[-1]) < self.consumed:
            self._raw.popleft()

    def traces(self) -> dict[tuple[int, int, int], str]:
        """Trace contexts of the messages taken since the last call, by topic number, partition and offset."""
        topic, consumed = TOPICS.index(self.log.topic), self.consumed
        taken = [offset for offset in self._traces if offset < consumed]
        return {(topic, self.log.partition, offset): self._traces.pop(offset) for offset in taken}

    def key_of(self, count: int) -> int:
        """Key of the ``count``-th message in the buffer."""
        return self._queue.key_of(count)

    def next_time(self) -> int:
        """Event time (UTC ms) before which this partition has no further event, except late ones."""
        return self._queue.first_key if len(self._queue) else self.watermark_time

    def values(self, offsets: NDArray[np.int64]) -> list[bytes]:
        """Raw bytes of messages that are not released yet; ``offsets`` rise."""
        found: list[bytes] = []
        for block in self._raw:
            mine = offsets[len(found) : int(np.searchsorted(offsets, block.offsets[-1], "right"))]
            found += block.values(np.searchsorted(block.offsets, mine))
        return found

    def message(self, offset: int) -> Message:
        """The message at ``offset``, which must not be released yet."""
        for block in self._raw:
            at = int(np.searchsorted(block.offsets, offset))
            if at < len(block) and int(block.offsets[at]) == offset:
                return block.message(at)
        msg = f"offset {offset} of {self.partition} is no longer held"
        raise AssertionError(msg)

    def refuse(self, offset: int, reason: Reason, time: int, watermark: int) -> Reject:
        """The reject of a valid message that is too far in the future or too far behind the watermark."""
        message = self.message(offset)
        if reason == "far_future":
            required = f"at most {self._settings.skew_ms} ms ahead of {self._timestamps.limit(message)}"
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
            got=in_words(time) if reason == "far_future" else rfc3339(time),
        )

    def _read_to(self, offset: int, now: float) -> None:
        self.position = max(self.position, min(offset, self.log.end) if self._bounded else offset)
        self.last_seen = now
        if self._bounded:
            self.at_end = self.current = offset >= self.log.end
            if self.at_end:
                self._validate_rest()

    def _validate_rest(self) -> None:
        for validated in self._timestamps.end():
            self._sort(validated)

    def _decode(self, block: Block) -> Chunk:
        decoded = self._decoded(block)
        self._raw.append(block)
        for offset, headers in zip(block.offsets.tolist(), block.headers or (), strict=False):
            if headers and (trace := traceparent_of(headers)):
                self._traces[offset] = trace
        count = len(block)
        if len(decoded.records) == count:
            times = decoded.records["time"].copy()
            return Chunk(block, decoded, np.full(count, RECORD, np.uint8), np.ones(count, np.bool_), times)
        kinds = np.full(count, REJECT, np.uint8)
        kinds[decoded.positions] = RECORD
        kinds[decoded.infrequent_positions] = INFREQUENT
        times = np.full(count, BEFORE_ALL, np.int64)
        times[decoded.positions] = decoded.records["time"]
        times[decoded.infrequent_positions] = [event.time for _, event in decoded.infrequent]
        return Chunk(block, decoded, kinds, kinds != REJECT, times)

    def _decoded(self, block: Block) -> Decoded:
        skipped = np.isin(block.offsets, self._skipped) if len(self._skipped) else None
        if skipped is None or not skipped.any():
            return decode_block(self.log.topic, self.log.partition, block, self._options)
        # Without bytes a message is a reject, whatever it holds.
        decoded = decode_block(self.log.topic, self.log.partition, block.emptied(skipped), self._options)
        places = enumerate(decoded.reject_positions)
        rejects = [self._skip(block.message(at)) if skipped[at] else decoded.rejects[k] for k, at in places]
        return decoded._replace(rejects=rejects)

    def _skip(self, message: Message) -> Reject:
        position = EventPlace(*self.partition, message.offset).position
        return Reject(
            value=message.value, headers=message.headers or {}, key=message.key, topic=self.log.topic,
            partition=self.log.partition, offset=message.offset, time=message.time or 0, reason="skipped", field=None,
            required="an event that engine.skip does not name", got=position,
        )  # fmt: skip

    def _sort(self, validated: Validated) -> None:
        """Append a chunk to the queue; far-future messages are refused and do not move the partition's event time."""
        chunk, known, future = validated
        offsets, times = chunk.block.offsets, chunk.times
        keys = running_max(known, chunk.valid & ~future, self._newest)
        numbers = np.full(len(keys), self.number, np.uint16)
        infrequent = [event for _, event in chunk.decoded.infrequent]
        if self._traces:
            infrequent = [event._replace(trace=self._traces.get(event.offset)) for event in infrequent]
        decoded = chunk.decoded
        block = SortedBlock(
            keys, chunk.kinds, numbers, offsets, decoded.records, infrequent, decoded.rejects, (decoded.texts,)
        )
        if future.any():
            block = block.refused(future, lambda at: self.refuse(int(offsets[at]), "far_future", int(times[at]), 0))
        self._queue.add(block)
        self._newest = int(keys[-1])
        self.watermark_time = max(self.watermark_time, self._newest)


def options_of(settings: Settings) -> DecodeOptions:
    """Options of the decoder."""
    return DecodeOptions(settings.unclean_keys, read_mappings(settings.tables))


def _up_to(block: Block, end: int) -> Block:
    """Messages of a block below an offset, without the broker's timestamps: they say when a history was loaded."""
    count = int(np.searchsorted(block.offsets, end))
    headers = None if block.headers is None else block.headers[:count]
    keys = None if block.keys is None else block.keys[:count]
    return Block(block.data, block.starts[:count], block.ends[:count], block.offsets[:count], None, headers, keys)
