"""Polls one consumer for all partitions of a group, without ever waiting, and hands messages to their feeds."""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import orjson
from confluent_kafka import Consumer, KafkaError, TopicPartition
from numpy.typing import NDArray

from flows.sources.kafka.errors import MOVED, log_moved, must_end, stepped_back
from flows.sources.kafka.feed import Feed
from flows.sources.kafka.survey import quiet
from flows.sources.kafka.watch import Watch
from sensing.codec.block import Block

PART = "kafka-consumer"
STATISTICS = {"statistics.interval.ms": 1000}
DEFAULTS = {"fetch.wait.max.ms": 20, "queued.max.messages.kbytes": 32768, "fetch.message.max.bytes": 4194304}
WAITING_MAX, WAITING_RESUME = 200_000, 50_000
"""Messages of one partition that wait for others to catch up: beyond the first it is paused, below the second not."""
ASK_SECONDS = 5.0

Key = tuple[str, int]


class LogReader:
    """The consumer of one source group.

    Parameters
    ----------
    config
        librdkafka settings of a consumer, with all that the source's guarantees rest on (`flows.service.fixed`).
    clock
        Monotonic clock, seconds.
    """

    def __init__(
        self, config: Mapping[str, Any], feeds: Sequence[Feed], watch: Watch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._feeds = {(feed.log.name, feed.log.partition): feed for feed in feeds}
        self._ends = {key: feed.log.end for key, feed in self._feeds.items()}
        self._watch = watch
        self._clock = clock
        self._paused: set[Key] = set()
        self._away: set[Key] = set()
        self._failure: KafkaError | None = None
        callbacks = {"error_cb": self._on_error, "stats_cb": self._on_statistics}
        self._consumer = Consumer({**DEFAULTS, **quiet(config), **STATISTICS, **callbacks})

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
        if self._failure is not None and (failure := must_end(self._failure)) is not None:
            raise failure
        for (topic, partition), group in groupby(messages, _place):
            self._take(self._feeds[topic, partition], list(group))
        self._pace()
        return len(messages)

    def commit(self) -> None:
        """Tell the broker, for lag tools, what was handed on; the engine never reads it."""
        offsets = [
            TopicPartition(feed.log.name, feed.log.partition, feed.handed)
            for feed in self._feeds.values()
            if feed.handed > feed.log.start
        ]
        if offsets:
            self._consumer.commit(offsets=offsets, asynchronous=True)

    def is_away(self, feed: Feed) -> bool:
        """Whether the partition cannot be reached at present."""
        return (feed.log.name, feed.log.partition) in self._away

    def report(self) -> None:
        """Tell how far every partition is."""
        for key, feed in self._feeds.items():
            end = max(self._ends[key], feed.position)
            self._watch.partition(*feed.place, feed.position, end, feed.watermark, at_end=feed.at_end)

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _take(self, feed: Feed, messages: list[Any]) -> None:
        """Messages of one partition, in its order; errors and ends stand among them."""
        data = []
        for message in messages:
            error = message.error()
            if error is None:
                data.append(message)
                continue
            self._put(feed, data)
            data = []
            if error.code() == KafkaError._PARTITION_EOF:
                feed.end(message.offset(), self._clock())
                self._ends[feed.log.name, feed.log.partition] = message.offset()
                self._recovered(feed)
            elif error.code() in MOVED:
                low, high = self._consumer.get_watermark_offsets(
                    TopicPartition(feed.log.name, feed.log.partition), timeout=ASK_SECONDS
                )
                raise log_moved(feed.log.name, feed.log.partition, feed.position, low, high)
            else:
                self._on_error(error)
        self._put(feed, data)

    def _put(self, feed: Feed, messages: list[Any]) -> None:
        if not messages:
            return
        self._recovered(feed)
        offsets = np.fromiter([message.offset() for message in messages], np.int64, len(messages))
        if offsets[0] < feed.position or (np.diff(offsets) <= 0).any():
            raise stepped_back(feed, int(offsets[0]))
        values = [message.value() for message in messages]
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
        times = np.fromiter([message.timestamp()[1] for message in messages], np.int64, len(messages))
        block = Block.of(values, offsets, times, _headers(messages), [message.key() for message in messages])
        self._watch.read(feed.log.topic, len(messages), len(block.data))
        feed.take(block, self._clock())

    def _pace(self) -> None:
        """Pause partitions that are far ahead of the others, so that what waits is bounded."""
        for key, feed in self._feeds.items():
            if (len(feed) > WAITING_MAX) and key not in self._paused:
                self._paused.add(key)
                self._consumer.pause([TopicPartition(*key)])
            elif len(feed) < WAITING_RESUME and key in self._paused:
                self._paused.remove(key)
                self._consumer.resume([TopicPartition(*key)])

    def _recovered(self, feed: Feed) -> None:
        """A partition answered."""
        self._away.discard((feed.log.name, feed.log.partition))
        if self._failure is not None:
            self._failure = None
            self._watch.ok(PART)

    def _on_error(self, error: KafkaError) -> None:
        self._failure = error
        self._watch.error(PART, error.name())
        self._watch.failing(PART, error.str())

    def _on_statistics(self, statistics: str) -> None:
        """Once a second: how far logs reach, and which partitions have no leader that answers."""
        told = orjson.loads(statistics)
        up = {broker["nodeid"] for broker in told["brokers"].values() if broker["state"] == "UP"}
        for topic, of_topic in told["topics"].items():
            for name, of_partition in of_topic["partitions"].items():
                key = (topic, int(name))
                if key not in self._feeds:
                    continue
                if of_partition["leader"] not in up:
                    self._away.add(key)
                    self._feeds[key].lose()
                    continue
                end = of_partition["ls_offset"] if of_partition["ls_offset"] >= 0 else of_partition["hi_offset"]
                self._ends[key] = max(end, 0)
                if key in self._away and of_partition["next_offset"] >= end >= 0:
                    # An end that was told before the broker went away is not told again.
                    self._feeds[key].end(end, self._clock())
                    self._recovered(self._feeds[key])


def _place(message: Any) -> Key:
    return message.topic(), message.partition()


def _headers(messages: list[Any]) -> list[dict[str, bytes] | None] | None:
    """Headers of every message; None where none has any. Of headers of one name the last counts."""
    found = [message.headers() for message in messages]
    if not any(found):
        return None
    return [None if headers is None else {name: value or b"" for name, value in headers} for headers in found]
