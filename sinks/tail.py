"""Reads whole topics of ours from Kafka, from given offsets on: for the view in Redis, and for exports.

Partitions are assigned by number and offsets are the reader's own business; no consumer group is joined and nothing is
committed. Transactions that were taken back are not read.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from sinks.errors import TidegaugeError
from sinks.refusals import refusal
from sinks.status import QUIET

DEFAULTS: dict[str, Any] = {
    **QUIET,
    "reconnect.backoff.max.ms": 2_000,
    "fetch.wait.max.ms": 100,
    "fetch.error.backoff.ms": 100,
    # Else a reader that caught its breath waits a second for more.
    "fetch.queue.backoff.ms": 20,
    # Topics share one queue: a small one, so that an exception does not wait behind all parameters of a day's close.
    "queued.max.messages.kbytes": 256,
    "fetch.message.max.bytes": 32 << 10,
}
FIXED: dict[str, Any] = {
    "auto.offset.reset": "error",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    "allow.auto.create.topics": False,
}
GROUP = "tidegauge-tail"
"""librdkafka wants a group's name even where none is joined."""
REQUEST_SECONDS = 5.0
_LOST = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError.UNKNOWN_TOPIC_ID})
_GONE = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION})


class Record(NamedTuple):
    """One record; ``topic`` is without prefix, ``value`` None a tombstone."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]


class TopicState(NamedTuple):
    """A topic as it is now: its id, which a re-created one has not, and first and next offset of every partition."""

    id: str
    low: list[int]
    high: list[int]


class TailLostError(Exception):
    """The log does not have the offsets that are to be read: it was cut, or is another one."""


class Tail:
    """Some topics, read together.

    Parameters
    ----------
    client
        Settings of librdkafka for any client.
    topics
        Their names without ``prefix``.

    Attributes
    ----------
    next
        Offset to read next, per topic and partition; behind the end of a partition that is read to its end.
    trouble
        What librdkafka last said of its connections; empty when something was read since.
    """

    def __init__(self, client: Mapping[str, Any], prefix: str, topics: Sequence[str]) -> None:
        self.next: dict[str, list[int]] = {}
        self.trouble = ""
        self._prefix = prefix
        self._topics = topics
        self._ended: set[tuple[str, int]] = set()
        own = {"group.id": GROUP, "error_cb": self._on_error}
        try:
            self._consumer = Consumer({**DEFAULTS, **client, **FIXED, **own})
            self._admin = AdminClient({**QUIET, **client})
        except KafkaException as error:
            msg = f"kafka: required settings that librdkafka takes, got {error.args[0].str()}; mend them"
            raise TidegaugeError(msg) from error

    def look(self) -> dict[str, TopicState]:
        """The topics as they are now; may be called from any thread.

        Raises
        ------
        KafkaException
            The brokers do not answer.
        TidegaugeError
            There is no such topic, or it must not be read.
        """
        names = [self._prefix + topic for topic in self._topics]
        asked = self._admin.describe_topics(TopicCollection(names), request_timeout=REQUEST_SECONDS)
        described = [self._of_topic(name, asked[name]) for name in names]
        partitions = [TopicPartition(about.name, at) for about in described for at in range(len(about.partitions))]
        low = self._offsets(partitions, OffsetSpec.earliest())
        high = self._offsets(partitions, OffsetSpec.latest())
        found = {}
        for topic, about in zip(self._topics, described, strict=True):
            places = [(about.name, at) for at in range(len(about.partitions))]
            found[topic] = TopicState(str(about.topic_id), [low[p] for p in places], [high[p] for p in places])
        return found

    def start(self, offsets: Mapping[str, Sequence[int]]) -> None:
        """Read from these offsets on, one per partition, whatever was read before."""
        self.next = {topic: list(starts) for topic, starts in offsets.items()}
        self._ended = set()
        self._consumer.assign(
            [
                TopicPartition(self._prefix + topic, partition, offset)
                for topic, starts in offsets.items()
                for partition, offset in enumerate(starts)
            ]
        )

    def read(self, count: int, timeout_s: float) -> list[Record]:
        """At most ``count`` records; what is there at once, else what comes first within ``timeout_s``.

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
        """Whether every partition was read to its end, as far as is known."""
        return len(self._ended) == sum(map(len, self.next.values()))

    def answers(self, timeout_s: float) -> bool:
        """Whether a broker answers; if so, what librdkafka said before is no trouble any more."""
        try:
            self._consumer.list_topics(self._prefix + self._topics[0], timeout_s)
        except KafkaException:
            return False
        self.trouble = ""
        return True

    def close(self) -> None:
        """Leave the brokers."""
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
        elif error.code() in _GONE or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise TidegaugeError(refusal(f"topic {message.topic()}", error))
        else:
            self.trouble = error.str()

    def _place(self, message: Message) -> tuple[str, int, int]:
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None
        assert partition is not None
        assert offset is not None
        return topic.removeprefix(self._prefix), partition, offset

    def _offsets(self, partitions: list[TopicPartition], spec: OffsetSpec) -> dict[tuple[str, int], int]:
        asked = self._admin.list_offsets(
            dict.fromkeys(partitions, spec),
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=REQUEST_SECONDS,
        )
        return {(place.topic, place.partition): self._of_topic(place.topic, asked[place]).offset for place in asked}

    def _of_topic(self, name: str, asked: Any) -> Any:
        try:
            return asked.result(2 * REQUEST_SECONDS)  # The client answers by itself in half the time.
        except KafkaException as error:
            if error.args[0].code() in _GONE:
                raise TidegaugeError(refusal(f"topic {name}", error.args[0])) from error
            raise

    def _on_error(self, error: KafkaError) -> None:
        self.trouble = error.str()
