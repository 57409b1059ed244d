"""Polls one consumer for all partitions of a group, without ever waiting, and hands messages to their feeds.

Messages are looked at column by column, by methods mapped over all of them: a loop in Python around each message would
cost more than to fetch and decode it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from operator import itemgetter, ne
from typing import Any

import numpy as np
import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from numpy.typing import NDArray

from flows.sources.kafka.brokers import Brokers
from flows.sources.kafka.errors import log_moved, stepped_back
from flows.sources.kafka.feed import Feed
from flows.sources.kafka.watch import Watch
from sensing.codec.block import Block
from sinks.errors import TidegaugeError
from sinks.kafka_client import logged, make_client
from sinks.kafka_errors import MOVED, is_final, refusal

PART = "kafka-consumer"
STATISTICS = {"statistics.interval.ms": 1000}
DEFAULTS = {
    "fetch.wait.max.ms": 20,
    # A reader that had too much waiting goes on as soon as it has not, instead of a second later.
    "fetch.queue.backoff.ms": 20,
    "queued.max.messages.kbytes": 32768,
    "fetch.message.max.bytes": 4194304,
    "reconnect.backoff.max.ms": 2000,
}
WAITING_MAX, WAITING_RESUME = 200_000, 50_000
"""Messages of one partition that wait for others to catch up: beyond the first it is paused, below the second not."""
WAITING_BYTES_MAX, PARTITION_BYTES_MIN = 64 << 20, 4 << 20
"""The same in bytes: when all partitions together hold more than the first, those with more than the second are paused.

Most partitions hold nothing at most times, so an even share of the whole would pause those of a busy topic all the
time, and a pause throws away what was fetched ahead.
"""
ASK_SECONDS = 5.0
DEAF_SECONDS = 0.5
"""After so long without a poll, that nothing was heard of a partition does not mean that it was silent."""
HUNG_SECONDS = 3
"""A broker that owes an answer and has given none for so long does not answer."""
CLOSE_SECONDS_MAX = 5.0

Key = tuple[str, int]
_TIME = itemgetter(1)


class LogReader:
    """The consumer of one source group.

    Parameters
    ----------
    config
        librdkafka settings of a consumer, those of `sinks.kafka_client.CONSUMER` among them.
    clock
        Monotonic clock, seconds.
    """

    def __init__(
        self, config: Mapping[str, Any], feeds: Sequence[Feed], watch: Watch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._feeds = {(feed.log.name, feed.log.partition): feed for feed in feeds}
        self._ends = {key: feed.log.end for key, feed in self._feeds.items()}
        self._busy = {key: (feed.position, False) for key, feed in self._feeds.items()}
        self._committed = {key: feed.position for key, feed in self._feeds.items()}
        self._commits = 0
        self._watch = watch
        self._clock = clock
        self._polled = clock()
        self._paused: set[Key] = set()
        self._brokers = Brokers(HUNG_SECONDS + int(config.get("fetch.wait.max.ms", 0)) // 1000)
        self._away: dict[Key, bool] = {}
        self._away_before: set[Key] = set()
        self._proven = self._troubled = False
        self._failure: TidegaugeError | None = None
        callbacks = {
            "error_cb": self._on_error, "stats_cb": self._on_statistics, "on_commit": self._on_commit,
        }  # fmt: skip
        self._consumer = make_client(Consumer, {**DEFAULTS, **logged(config), **STATISTICS, **callbacks})

    def assign(self, feeds: Sequence[Feed]) -> None:
        """Read these partitions from now on, each from its position."""
        self._consumer.assign([TopicPartition(feed.log.name, feed.log.partition, feed.position) for feed in feeds])

    def poll(self, count: int) -> int:
        """Hand what is there, at most ``count`` messages, to the feeds; returns how many came.

        Raises
        ------
        TidegaugeError
            When a log was cut, stepped back or may not be read.
        """
        messages = self._consumer.consume(count, 0)
        if self._failure is not None:
            raise self._failure
        self._listened(all_heard=len(messages) < count)
        for place, run in _by_place(messages):
            self._take(self._feeds[place], run)
        self._pace()
        return len(messages)

    def commit(self) -> None:
        """Tell the broker, for lag tools, what was handed on since the last time; the engine never reads it."""
        handed = {key: feed.handed for key, feed in self._feeds.items()}
        news = [TopicPartition(*key, offset) for key, offset in handed.items() if offset != self._committed[key]]
        if not news:
            return
        try:
            self._consumer.commit(offsets=news, asynchronous=True)
        except KafkaException as error:
            self._watch.error(PART, error.args[0].name())
            return
        self._committed = handed
        self._commits += 1

    def is_away(self, feed: Feed) -> bool:
        """Whether the partition cannot be reached at present."""
        return (feed.log.name, feed.log.partition) in self._away

    def report(self) -> None:
        """Tell how far every partition is."""
        for key, feed in self._feeds.items():
            end = max(self._ends[key], feed.position)
            self._watch.partition(*feed.place, feed.position, end, feed.watermark, at_end=feed.at_end)

    def finish(self) -> None:
        """Commit what was handed on in the end, if the broker takes it within ``ASK_SECONDS``; nothing more is read."""
        self._consumer.unassign()
        self.commit()
        deadline = self._clock() + ASK_SECONDS
        while self._commits and self._clock() < deadline:
            self._consumer.consume(1, 0.05)

    def close(self) -> None:
        """Leave the broker.

        A client that waits for a broker which is away could take for ever, so after a while it is left to itself.
        """
        closing = threading.Thread(target=self._consumer.close, name="kafka-close", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS_MAX)

    def _listened(self, *, all_heard: bool) -> None:
        """Silence means something only of partitions that could be heard: polled often, with nothing before them."""
        now = self._clock()
        deaf = not all_heard or now - self._polled > DEAF_SECONDS
        self._polled = now
        for key in self._feeds if deaf else self._paused:
            self._feeds[key].heard = now

    def _take(self, feed: Feed, messages: list[Any]) -> None:
        """Messages of one partition, in its order; errors and ends stand among them."""
        errors = list(map(Message.error, messages))
        done = 0
        if any(errors):
            for at in [at for at, error in enumerate(errors) if error is not None]:
                self._put(feed, messages[done:at])
                self._notice(feed, messages[at].offset(), errors[at])
                done = at + 1
        self._put(feed, messages[done:])

    def _notice(self, feed: Feed, offset: int, error: Any) -> None:
        """An error or an end that stands among the messages of a partition."""
        if error.code() == KafkaError._PARTITION_EOF:
            feed.end(offset, self._clock())
            key = (feed.log.name, feed.log.partition)
            self._ends[key] = max(self._ends[key], offset)
            self._answered(feed)
        elif error.code() in MOVED:
            raise self._moved(feed)
        else:
            self._on_error(error)

    def _put(self, feed: Feed, messages: list[Any]) -> None:
        if not messages:
            return
        self._answered(feed)
        offsets = np.fromiter(map(Message.offset, messages), np.int64, len(messages))
        if offsets[0] < feed.position or (np.diff(offsets) <= 0).any():
            raise stepped_back(feed, int(offsets[0]))
        values: list[Any] = list(map(Message.value, messages))
        if None in values:
            # A message without a value says that its key is no longer needed. It is no event.
            filled = [at for at, value in enumerate(values) if value is not None]
            self._watch.tombstones(feed.log.topic, len(values) - len(filled))
            self._hand_over(feed, [messages[at] for at in filled], [values[at] for at in filled], offsets[filled])
            feed.passed(int(offsets[-1]), self._clock())
        else:
            self._hand_over(feed, messages, values, offsets)

    def _hand_over(self, feed: Feed, messages: list[Any], values: list[bytes], offsets: NDArray[np.int64]) -> None:
        if not messages:
            return
        times = np.fromiter(map(_TIME, map(Message.timestamp, messages)), np.int64, len(messages))
        keys: list[Any] = list(map(Message.key, messages))
        block = Block.of(values, offsets, times, _headers(messages), keys)
        self._watch.read(feed.log.topic, len(messages), len(block.data))
        feed.take(block, self._clock())

    def _moved(self, feed: Feed) -> TidegaugeError:
        """The log does not have the position of a feed: what has it?"""
        key = (feed.log.name, feed.log.partition)
        try:
            start, end = self._consumer.get_watermark_offsets(TopicPartition(*key), timeout=ASK_SECONDS)
        except KafkaException:
            start, end = feed.log.start, self._ends[key]  # As it was known last.
        return log_moved(*key, feed.position, start, end)

    def _pace(self) -> None:
        """Pause partitions that are far ahead of the others, so that what waits is bounded."""
        sizes = {key: feed.size_bytes for key, feed in self._feeds.items()}
        held = sum(sizes.values())
        for key, feed in self._feeds.items():
            if key not in self._paused:
                if len(feed) > WAITING_MAX or (held > WAITING_BYTES_MAX and sizes[key] > PARTITION_BYTES_MIN):
                    self._paused.add(key)
                    self._consumer.pause([TopicPartition(*key)])
                    feed.lose()
            elif len(feed) < WAITING_RESUME and (
                held < WAITING_BYTES_MAX // 2 or sizes[key] < PARTITION_BYTES_MIN // 4
            ):
                self._paused.remove(key)
                self._consumer.resume([TopicPartition(*key)])

    def _answered(self, feed: Feed) -> None:
        """A partition answered."""
        self._away.pop((feed.log.name, feed.log.partition), None)
        self._proven = True

    def _on_error(self, error: KafkaError) -> None:
        self._troubled = True
        if is_final(error, proven=self._proven):
            self._failure = self._failure or TidegaugeError(refusal("kafka consumer", error))
        self._watch.error(PART, error.name())
        self._watch.failing(PART, error.str())

    def _on_commit(self, error: KafkaError | None, _offsets: list[TopicPartition]) -> None:
        self._commits -= 1
        if error is not None:
            self._watch.error(PART, error.name())

    def _on_statistics(self, statistics: str) -> None:
        """Once a second: how far logs reach, and which partitions have no leader that answers."""
        told = orjson.loads(statistics)
        answering = self._brokers.answering(told["brokers"].values())
        for topic, of_topic in told["topics"].items():
            for name, of_partition in of_topic["partitions"].items():
                key = (topic, int(name))
                if key not in self._feeds:
                    continue
                if of_partition["leader"] in answering:
                    self._reachable(key, of_partition)
                else:
                    self._away[key] = True
                    self._feeds[key].lose()
        self._tell()

    def _reachable(self, key: Key, told: Mapping[str, Any]) -> None:
        """A partition has a leader that answers; whether it is still at its end, it has to say itself."""
        feed = self._feeds[key]
        if self._away.get(key) and key not in self._paused:
            self._away[key] = False
            # An end that was told before is told again only to one who begins anew, which does not touch the position.
            self._consumer.pause([TopicPartition(*key)])
            self._consumer.resume([TopicPartition(*key)])
        end = told["ls_offset"] if told["ls_offset"] >= 0 else told["hi_offset"]
        if end >= 0 and key not in self._away and key not in self._paused:
            # One that has got no more since the last time is about to be seen at its end: that is waited for.
            before, busy_before = self._busy[key]
            busy = feed.position >= self._ends[key] and feed.position > before
            feed.current = feed.at_end or (busy and busy_before)
            self._busy[key] = (feed.position, busy)
            self._ends[key] = end

    def _tell(self) -> None:
        """Say how the consumer is: it works where every partition answers and no error came since the last time."""
        lasting = self._away_before & self._away.keys()
        if lasting:
            topic, partition = min(lasting)
            self._watch.failing(
                PART, f"{len(lasting)} partitions have no leader that answers: {topic} {partition}, ..."
            )
        elif self._proven and not self._away and not self._troubled:
            self._watch.ok(PART)
        self._away_before, self._troubled = set(self._away), False


def _by_place(messages: list[Any]) -> Iterator[tuple[Key, list[Any]]]:
    """Messages that stand together and are of one partition, with its place."""
    count = len(messages)
    topics: list[Any] = list(map(Message.topic, messages))
    partitions: list[Any] = list(map(Message.partition, messages))
    cuts = [0, count] if count else []
    if count and not topics.count(topics[0]) == partitions.count(partitions[0]) == count:
        places = list(zip(topics, partitions, strict=True))
        cuts[1:1] = [at for at, other in enumerate(map(ne, places, places[1:]), 1) if other]
    for start, end in pairwise(cuts):
        yield (topics[start], partitions[start]), messages[start:end]


def _headers(messages: list[Any]) -> list[dict[str, bytes] | None] | None:
    """Headers of every message; None where none has any. Of headers of one name the last counts."""
    if not any(map(Message.headers, messages)):
        return None
    found = [message.headers() for message in messages]
    return [None if headers is None else {name: value or b"" for name, value in headers} for headers in found]
