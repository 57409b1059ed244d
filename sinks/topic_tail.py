"""Topic reader: reads whole output topics from given offsets on. The view in Redis and exports use it.

It assigns all partitions itself and keeps its own offsets: it joins no consumer group and commits nothing. Aborted
transactions are not read.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from sinks.errors import TidegaugeError
from sinks.kafka_client import CONSUMER, QUIET, REQUEST_SECONDS, Cluster, find_logs, fixed, make_client
from sinks.kafka_errors import FORBIDDEN, GONE, MOVED, refusal

DEFAULTS: dict[str, Any] = {
    **QUIET,
    "reconnect.backoff.max.ms": 2_000,
    "fetch.wait.max.ms": 100,
    "fetch.error.backoff.ms": 100,
    # By default a consumer whose queue was full waits a second before it fetches again.
    "fetch.queue.backoff.ms": 20,
    # Topics share one queue. It is small, so that exceptions do not wait behind all parameters of a day's close.
    "queued.max.messages.kbytes": 256,
    "fetch.message.max.bytes": 32 << 10,
}
GROUP = "tidegauge-tail"
"""librdkafka requires a group name although no group is joined."""
_LOST = MOVED | {KafkaError.UNKNOWN_TOPIC_ID}


class Record(NamedTuple):
    """One record. ``topic`` is the name without prefix; ``value`` is None for a tombstone."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]


class TopicState(NamedTuple):
    """State of a topic: its id, which a re-created topic does not have, and first and next offset of each partition."""

    id: str
    low: list[int]
    high: list[int]


class TailLostError(Exception):
    """The log does not have the next offset: it was truncated, or the topic was created anew."""


class Tail:
    """Reads several topics together.

    Parameters
    ----------
    client
        Settings of librdkafka for any client.
    topics
        Topic names without ``prefix``.

    Attributes
    ----------
    prefix
        Prefix of the topic names.
    next
        Offset to read next, per topic and partition.
    trouble
        Last connection error of librdkafka; empty if something was read since.
    """

    def __init__(self, client: Mapping[str, Any], prefix: str, topics: Sequence[str]) -> None:
        self.next: dict[str, list[int]] = {}
        self.trouble = ""
        self.prefix = prefix
        self._topics = topics
        self._ended: set[tuple[str, int]] = set()
        own = {"group.id": GROUP, "error_cb": self._on_error}
        self._consumer = make_client(Consumer, {**DEFAULTS, **client, **fixed(CONSUMER), **own})
        self.cluster = Cluster(client)

    def look(self) -> dict[str, TopicState]:
        """Current state of the topics. May be called from any thread.

        Raises
        ------
        KafkaException
            The brokers do not answer.
        TidegaugeError
            A topic is missing, or reading it is not allowed.
        """
        logs = find_logs(self.cluster.admin, {topic: self.prefix + topic for topic in self._topics})
        found = {log.topic: TopicState(log.topic_id, [], []) for log in logs}
        for log in logs:
            found[log.topic].low.append(log.start)
            found[log.topic].high.append(log.end)
        return found

    def cluster_id(self) -> str:
        """Id of the Kafka cluster; raises as `look` does."""
        found = self.cluster.admin.list_topics(self.prefix + self._topics[0], REQUEST_SECONDS)
        return str(found.cluster_id)

    def start(self, offsets: Mapping[str, Sequence[int]]) -> None:
        """Read from these offsets on, one per partition. Earlier reads do not matter."""
        self.next = {topic: list(starts) for topic, starts in offsets.items()}
        self._ended = set()
        self._consumer.assign(
            [
                TopicPartition(self.prefix + topic, partition, offset)
                for topic, starts in offsets.items()
                for partition, offset in enumerate(starts)
            ]
        )

    def read(self, count: int, timeout_s: float) -> list[Record]:
        """At most ``count`` records. Waits up to ``timeout_s`` for the first one.

        Raises
        ------
        TailLostError
            The log does not have the next offset.
        TidegaugeError
            There is no such topic, or it must not be read.
        """
        messages = self._consumer.consume(1, timeout_s)
        if messages and count > 1:
            messages += self._consumer.consume(count - 1, 0)
        records = []
        for message in messages:
            error = message.error()
            if error is None:
                records.append(self._record(message))
            else:
                self._take_error(message, error)
        return records

    @property
    def at_end(self) -> bool:
        """Whether every partition was read to its last known end."""
        return len(self._ended) == sum(map(len, self.next.values()))

    def answers(self, timeout_s: float) -> bool:
        """Whether a broker answers. If so, ``trouble`` is cleared."""
        try:
            self._consumer.list_topics(self.prefix + self._topics[0], timeout_s)
        except KafkaException:
            return False
        self.trouble = ""
        return True

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def _record(self, message: Message) -> Record:
        topic, partition, offset = self._place(message)
        self.trouble = ""
        self.next[topic][partition] = offset + 1
        self._ended.discard((topic, partition))
        pairs = cast(list[tuple[str, bytes | None]], message.headers() or [])
        headers = {name: value for name, value in pairs if value is not None}
        return Record(topic, partition, offset, message.key(), message.value(), headers)

    def _take_error(self, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            topic, partition, offset = self._place(message)
            self.trouble = ""
            self.next[topic][partition] = offset
            self._ended.add((topic, partition))
        elif error.code() in _LOST:
            raise TailLostError(error.str())
        elif error.code() in GONE | FORBIDDEN:
            raise TidegaugeError(refusal(f"topic {message.topic()}", error))
        else:
            self.trouble = error.str()

    def _place(self, message: Message) -> tuple[str, int, int]:
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None
        assert partition is not None
        assert offset is not None
        return topic.removeprefix(self.prefix), partition, offset

    def _on_error(self, error: KafkaError) -> None:
        self.trouble = error.str()
