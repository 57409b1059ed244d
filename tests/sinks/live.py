"""Helpers for tests of sinks with a real Kafka: topics, a sink driven as by Bytewax, and a plain consumer."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from benchmarks.servers.kafka import admin
from flows.runtime.roles import machine_ids
from sensing.outputs import OutputRecord
from sinks.kafka_sink import KafkaPart, KafkaSink
from tests.produced import produced

KEYS = [machine.key for machine in machine_ids(16)]
RUN_ID = "019a00000001"
SECONDS_MAX = 60.0


class Told:
    """A status for tests. It keeps the last and all reports of every part; None stands for ok."""

    def __init__(self) -> None:
        self.now: dict[str, str | None] = {}
        self.history: list[tuple[str, str | None]] = []
        self.errors: set[tuple[str, str]] = set()
        self.pauses: list[tuple[str, float]] = []
        self.warnings: list[tuple[str, str, int]] = []

    def ok(self, part: str) -> None:
        """Record that a part works."""
        self._tell(part, None)

    def failing(self, part: str, problem: str) -> None:
        """Record the problem of a part."""
        self._tell(part, problem)

    def error(self, client: str, kind: str) -> None:
        """Record an error of a client."""
        self.errors.add((client, kind))

    def backoff(self, part: str, seconds: float) -> None:
        """Record a pause before a retry."""
        self.pauses.append((part, seconds))

    def warn(self, subject: str, sentence: str, count: int = 1) -> None:
        """Record a warning."""
        self.warnings.append((subject, sentence, count))

    def failed(self, part: str) -> list[str]:
        """All problems that a part has reported."""
        return [problem for of, problem in self.history if of == part and problem is not None]

    def _tell(self, part: str, problem: str | None) -> None:
        if part not in self.now or self.now[part] != problem:
            self.history.append((part, problem))
        self.now[part] = problem


def make_topics(address: str, *names: str, partitions: int = 1, **config: str) -> None:
    """Make topics; settings with ``_`` for a dot."""
    client = admin(address)
    settings = {name.replace("_", "."): value for name, value in config.items()}
    for done in client.create_topics([NewTopic(name, partitions, 1, config=settings) for name in names]).values():
        done.result(SECONDS_MAX)
    # A new topic has no leader yet, and not every client waits for one.
    places = [TopicPartition(name, partition) for name in names for partition in range(partitions)]
    until(lambda: _have_leaders(client, places), "leaders of all partitions")


def _have_leaders(client: AdminClient, places: list[TopicPartition]) -> bool:
    asked = client.list_offsets({place: OffsetSpec.latest() for place in places})
    return all(done.exception(SECONDS_MAX) is None for done in asked.values())


def remove_topics(address: str, *names: str) -> None:
    """Remove topics."""
    client = admin(address)
    for done in client.delete_topics(list(names)).values():
        done.result(SECONDS_MAX)


def messages(address: str, topic: str) -> list[Message]:
    """All messages of a topic, by partition and offset."""
    config = {"bootstrap.servers": address, "group.id": "tests", "enable.partition.eof": True, "log_level": 0}
    consumer = Consumer(config)
    count = len(consumer.list_topics(topic, timeout=SECONDS_MAX).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(count)])
    found, ended = [], 0
    while ended < count:
        message = consumer.poll(SECONDS_MAX)
        assert message is not None, "the broker does not answer"
        error = message.error()
        if error is None:
            found.append(message)
        else:
            assert error.code() == KafkaError._PARTITION_EOF, error
            ended += 1
    consumer.close()
    return sorted(found, key=lambda message: (message.partition(), message.offset()))


def headers_of(message: Message) -> list[tuple[str, bytes]]:
    """Headers as a consumer has them."""
    return cast(list[tuple[str, bytes]], message.headers() or [])


def sink_to(address: str, prefix: str, **options: Any) -> KafkaSink:
    """A sink, by default with one partition."""
    given: dict[str, Any] = {
        "machines": KEYS,
        "partitions": 1,
        "run_id": RUN_ID,
        "status": Told(),
        "stop": lambda: False,
    }
    client = {"bootstrap.servers": address, "topic.metadata.propagation.max.ms": 300} | options.pop("client", {})
    return KafkaSink(client, prefix=prefix, **(given | options))


@contextlib.contextmanager
def part_of(sink: KafkaSink, number: int = 0) -> Iterator[KafkaPart]:
    """One partition, built as Bytewax builds it."""
    with contextlib.closing(sink):
        yield sink.build_part("deliver", sink.list_parts()[number], None)


def publish(address: str, prefix: str, *records: OutputRecord, **options: Any) -> None:
    """Send records and wait until the broker has them."""
    with part_of(sink_to(address, prefix, **options)) as part:
        part.write_batch([produced(list(records))])
        part.snapshot()


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline, f"in {SECONDS_MAX:.0f} s never saw: {what}"
        time.sleep(0.02)
