"""The Kafka reader: polls one consumer for all partitions of a source group and fills their buffers. It never waits.

Fields of messages are read column by column, with methods mapped over all messages: a Python loop around each message
would cost more than fetching and decoding it.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from operator import itemgetter, ne
from typing import Any

import numpy as np
import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Assigned
from numpy.typing import NDArray

from flows.input.input_observer import InputObserver
from flows.input.kafka_brokers import Brokers
from flows.input.kafka_log_errors import log_moved, stepped_back
from flows.input.ordered_merge import BATCH_MESSAGES
from flows.input.partition_buffer import PartitionBuffer
from flows.input.topic_guard import TopicGuard
from flows.input.topic_partition import TopicPartition
from sensing.codec.message_block import Block
from sinks.errors import TidegaugeError
from sinks.kafka_client import logged, make_client
from sinks.kafka_errors import MOVED, is_final, refusal

PART = "kafka-consumer"
STATISTICS = {"statistics.interval.ms": 1000}
DEFAULTS = {
    "fetch.wait.max.ms": 20,
    # After its queue was full, the consumer fetches again at once; the default waits one second.
    "fetch.queue.backoff.ms": 20,
    "queued.max.messages.kbytes": 32768,
    "fetch.message.max.bytes": 4194304,
    "reconnect.backoff.max.ms": 2000,
}
BUFFER_MAX, BUFFER_RESUME = 200_000, 50_000
"""Messages in one buffer: above the first limit its partition is paused, below the second it is resumed."""
ALL_BYTES_MAX, PARTITION_BYTES_MIN = 64 << 20, 4 << 20
"""Limits in bytes: if all buffers together hold more than the first, partitions that hold more than the second pause.

There is no even share per partition: most partitions hold nothing most of the time, so a busy topic would pause all
the time, and a pause discards the messages that were fetched ahead.
"""
ASK_SECONDS = 5.0
POLL_GAP_SECONDS = 0.5
"""Count a partition as silent only if polls came at least this often and were not full."""
HUNG_SECONDS = 3
"""A broker that owes an answer and has given none for this long counts as hanging."""
REPORT_SECONDS = 1.0
AWAY_LOOKS = 5
"""A partition is reported as away after so many statistics, which come once a second."""
CLOSE_SECONDS_MAX = 5.0

Key = tuple[str, int]
_TIME = itemgetter(1)


class KafkaReader:
    """The consumer of one source group.

    Parameters
    ----------
    config
        librdkafka settings of a consumer, including those of `sinks.kafka_client.CONSUMER`.
    clock
        Monotonic clock, seconds.
    guard
        Checks every few seconds that the topics are still those found at the start; only one group of a run has it.
    shared
        Topics that another group reads as well, reports and commits.
    """

    def __init__(
        self, config: Mapping[str, Any], buffers: Sequence[PartitionBuffer], observer: InputObserver,
        clock: Callable[[], float] = time.monotonic, *, guard: TopicGuard | None = None,
        shared: Collection[str] = (),
    ) -> None:  # fmt: skip
        self._buffers = {(buffer.log.name, buffer.log.partition): buffer for buffer in buffers}
        self._names = {buffer.partition: key for key, buffer in self._buffers.items()}
        self._ends = {key: buffer.log.end for key, buffer in self._buffers.items()}
        self._begins = {key: buffer.log.start for key, buffer in self._buffers.items()}
        self._busy = {key: (buffer.position, False) for key, buffer in self._buffers.items()}
        self._committed = {key: buffer.position for key, buffer in self._buffers.items()}
        self._commits = 0
        self._observer = observer
        self._clock = clock
        self._guard = guard
        self._shared = shared
        self._polled = self._reported = clock()
        self._paused: set[Key] = set()
        self._brokers = Brokers(HUNG_SECONDS + int(config.get("fetch.wait.max.ms", 0)) // 1000)
        self._away: dict[Key, bool] = {}
        self._away_for: dict[Key, int] = {}
        self._proven = self._troubled = False
        self._failure: TidegaugeError | None = None
        callbacks = {
            "error_cb": self._on_error, "stats_cb": self._on_statistics, "on_commit": self._on_commit,
        }  # fmt: skip
        self._consumer = make_client(Consumer, {**DEFAULTS, **logged(config), **STATISTICS, **callbacks})

    def start(self, buffers: Sequence[PartitionBuffer]) -> None:
        """Read these partitions from now on, each from its position."""
        self._consumer.assign(
            [Assigned(buffer.log.name, buffer.log.partition, buffer.position) for buffer in buffers]
        )  # fmt: skip

    def poll(self) -> None:
        """Add the messages that are available, at most ``BATCH_MESSAGES``, to the buffers.

        Raises
        ------
        TidegaugeError
            When a log was truncated, stepped back or may not be read, or a topic was recreated.
        """
        if self._guard is not None:
            self._guard.look()
        messages = self._consumer.consume(BATCH_MESSAGES, 0)
        if self._failure is not None:
            raise self._failure
        self._note_silence(full=len(messages) >= BATCH_MESSAGES)
        for key, together in _by_partition(messages):
            self._add(self._buffers[key], together)
        self._pause_and_resume()

    def commit(self, consumed: Sequence[tuple[TopicPartition, int]]) -> None:
        """Commit consumed offsets to the broker, for lag tools only; the engine never reads them back."""
        by_key = {self._names[place]: offset for place, offset in consumed if place.topic not in self._shared}
        news = [Assigned(*key, offset) for key, offset in by_key.items() if offset != self._committed[key]]
        if not news:
            return
        try:
            self._consumer.commit(offsets=news, asynchronous=True)
        except KafkaException as error:
            self._observer.error(PART, error.args[0].name())
            return
        self._committed |= by_key
        self._commits += 1

    def is_away(self, buffer: PartitionBuffer) -> bool:
        """Whether the partition cannot be reached at present."""
        return (buffer.log.name, buffer.log.partition) in self._away

    def report(self, _watermark: int, *, last: bool) -> None:
        """Report the position of every partition once a second, and at the last call."""
        now = self._clock()
        if not last and now - self._reported < REPORT_SECONDS:
            return
        self._reported = now
        for key, buffer in self._buffers.items():
            if buffer.log.topic in self._shared:
                continue
            end = max(self._ends[key], buffer.position)
            self._observer.partition(
                *buffer.partition, buffer.position, end, buffer.watermark, at_end=buffer.at_end
            )  # fmt: skip

    def finish(self) -> None:
        """Stop reading and commit the last consumed offsets; waits at most ``ASK_SECONDS`` for the broker."""
        self._consumer.unassign()
        self.commit([(buffer.partition, buffer.consumed) for buffer in self._buffers.values()])
        deadline = self._clock() + ASK_SECONDS
        while self._commits and self._clock() < deadline:
            self._consumer.consume(1, 0.05)

    def close(self) -> None:
        """Close the consumer.

        Closing may block for ever if a broker is away, so a daemon thread does it and is abandoned after
        ``CLOSE_SECONDS_MAX``.
        """
        closing = threading.Thread(target=self._consumer.close, name="kafka-close", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS_MAX)

    def _note_silence(self, *, full: bool) -> None:
        """Count a partition as silent only if polls were frequent and not full, and it was not paused."""
        now = self._clock()
        missed = full or now - self._polled > POLL_GAP_SECONDS
        self._polled = now
        for key in self._buffers if missed else self._paused:
            self._buffers[key].last_seen = now

    def _add(self, buffer: PartitionBuffer, messages: list[Any]) -> None:
        """Add messages of one partition in order; errors and end-of-partition events are among them."""
        errors = list(map(Message.error, messages))
        done = 0
        if any(errors):
            for at in [at for at, error in enumerate(errors) if error is not None]:
                self._add_messages(buffer, messages[done:at])
                self._note_event(buffer, messages[at].offset(), errors[at])
                done = at + 1
        self._add_messages(buffer, messages[done:])

    def _note_event(self, buffer: PartitionBuffer, offset: int, error: Any) -> None:
        """Handle an error or end-of-partition event among the messages of a partition."""
        if error.code() == KafkaError._PARTITION_EOF:
            buffer.end(offset, self._clock())
            key = (buffer.log.name, buffer.log.partition)
            self._ends[key] = max(self._ends[key], offset)
            self._answered(buffer)
        elif error.code() in MOVED:
            raise self._moved(buffer)
        else:
            self._on_error(error)

    def _add_messages(self, buffer: PartitionBuffer, messages: list[Any]) -> None:
        if not messages:
            return
        self._answered(buffer)
        offsets = np.fromiter(map(Message.offset, messages), np.int64, len(messages))
        if offsets[0] < buffer.position or (np.diff(offsets) <= 0).any():
            raise stepped_back(buffer.log, buffer.position, int(offsets[0]))
        values: list[Any] = list(map(Message.value, messages))
        if None in values:
            # A message without a value is a tombstone of its key. It is no event.
            filled = [at for at, value in enumerate(values) if value is not None]
            if buffer.log.topic not in self._shared:
                self._observer.tombstones(buffer.log.topic, len(values) - len(filled))
            self._add_block(buffer, [messages[at] for at in filled], [values[at] for at in filled], offsets[filled])
            buffer.skip(int(offsets[-1]), self._clock())
        else:
            self._add_block(buffer, messages, values, offsets)

    def _add_block(
        self, buffer: PartitionBuffer, messages: list[Any], values: list[bytes], offsets: NDArray[np.int64]
    ) -> None:
        if not messages:
            return
        times = np.fromiter(map(_TIME, map(Message.timestamp, messages)), np.int64, len(messages))
        keys: list[Any] = list(map(Message.key, messages))
        block = Block.of(values, offsets, times, _headers(messages), keys)
        if buffer.log.topic not in self._shared:
            self._observer.read(buffer.log.topic, len(messages), len(block.data))
        buffer.add(block, self._clock())

    def _moved(self, buffer: PartitionBuffer) -> TidegaugeError:
        """Error for an offset that the broker does not have; asks the broker which offsets it has."""
        key = (buffer.log.name, buffer.log.partition)
        try:
            start, end = self._consumer.get_watermark_offsets(Assigned(*key), timeout=ASK_SECONDS)
        except KafkaException:
            start, end = buffer.log.start, self._ends[key]  # The last known values.
        return log_moved(*key, buffer.position, start, end)

    def _pause_and_resume(self) -> None:
        """Pause partitions with full buffers and resume those that have drained, so that buffers are bounded."""
        sizes = {key: buffer.size_bytes for key, buffer in self._buffers.items()}
        held = sum(sizes.values())
        for key, buffer in self._buffers.items():
            if key not in self._paused:
                if len(buffer) > BUFFER_MAX or (held > ALL_BYTES_MAX and sizes[key] > PARTITION_BYTES_MIN):
                    self._paused.add(key)
                    self._consumer.pause([Assigned(*key)])
                    buffer.lose()
            elif len(buffer) < BUFFER_RESUME and (held < ALL_BYTES_MAX // 2 or sizes[key] < PARTITION_BYTES_MIN // 4):
                self._paused.remove(key)
                self._consumer.resume([Assigned(*key)])

    def _answered(self, buffer: PartitionBuffer) -> None:
        """Note that a partition can be reached."""
        self._away.pop((buffer.log.name, buffer.log.partition), None)
        self._proven = True

    def _on_error(self, error: KafkaError) -> None:
        self._troubled = True
        if is_final(error, proven=self._proven):
            self._failure = self._failure or TidegaugeError(refusal("kafka consumer", error))
        self._observer.error(PART, error.name())
        self._observer.failing(PART, error.str())

    def _on_commit(self, error: KafkaError | None, _offsets: list[Assigned]) -> None:
        self._commits -= 1
        if error is not None:
            self._observer.error(PART, error.name())

    def _on_statistics(self, statistics: str) -> None:
        """Once a second: update the ends of logs, and find partitions without a leader that answers."""
        parsed = orjson.loads(statistics)
        answering = self._brokers.answering(parsed["brokers"].values())
        for topic, of_topic in parsed["topics"].items():
            for name, of_partition in of_topic["partitions"].items():
                key = (topic, int(name))
                if key not in self._buffers:
                    continue
                if of_partition["leader"] in answering:
                    self._reachable(key, of_partition)
                else:
                    self._away[key] = True
                    self._buffers[key].lose()
        self._report_health()

    def _reachable(self, key: Key, statistics: Mapping[str, Any]) -> None:
        """Update a partition whose leader answers; only an end-of-partition event says that it is read to its end."""
        buffer = self._buffers[key]
        if self._away.get(key) and key not in self._paused:
            self._away[key] = False
            # Pause and resume make librdkafka report end-of-partition again without moving the position.
            self._consumer.pause([Assigned(*key)])
            self._consumer.resume([Assigned(*key)])
        if statistics["lo_offset"] > self._begins[key]:
            self._begins[key] = statistics["lo_offset"]
            self._observer.log_begins(*buffer.partition, self._begins[key])
        end = statistics["ls_offset"] if statistics["ls_offset"] >= 0 else statistics["hi_offset"]
        if end >= 0 and key not in self._away and key not in self._paused:
            # Without new messages since the last statistics, wait for its end-of-partition event.
            before, busy_before = self._busy[key]
            busy = buffer.position >= self._ends[key] and buffer.position > before
            buffer.current = buffer.at_end or (busy and busy_before)
            self._busy[key] = (buffer.position, busy)
            self._ends[key] = end

    def _report_health(self) -> None:
        """Report the consumer's health: ok if every partition answers and no error came since the last statistics."""
        # Brokers that have just started, or are busy, answer after a few seconds.
        self._away_for = {key: self._away_for.get(key, 0) + 1 for key, away in self._away.items() if away}
        lasting = [key for key, looks in self._away_for.items() if looks >= AWAY_LOOKS]
        if lasting:
            topic, partition = min(lasting)
            self._observer.failing(
                PART, f"{len(lasting)} partitions have no leader that answers: {topic} {partition}, ..."
            )
        elif self._proven and not self._away and not self._troubled:
            self._observer.ok(PART)
        self._troubled = False


def _by_partition(messages: list[Any]) -> Iterator[tuple[Key, list[Any]]]:
    """Runs of consecutive messages of one partition, with its name and number."""
    count = len(messages)
    topics: list[Any] = list(map(Message.topic, messages))
    partitions: list[Any] = list(map(Message.partition, messages))
    cuts = [0, count] if count else []
    if count and not topics.count(topics[0]) == partitions.count(partitions[0]) == count:
        partitions_of = list(zip(topics, partitions, strict=True))
        cuts[1:1] = [at for at, other in enumerate(map(ne, partitions_of, partitions_of[1:]), 1) if other]
    for start, end in pairwise(cuts):
        yield (topics[start], partitions[start]), messages[start:end]


def _headers(messages: list[Any]) -> list[dict[str, bytes] | None] | None:
    """Headers of every message; None if no message has any. The last of several headers with one name counts."""
    if not any(map(Message.headers, messages)):
        return None
    found = [message.headers() for message in messages]
    return [None if headers is None else {name: value or b"" for name, value in headers} for headers in found]
