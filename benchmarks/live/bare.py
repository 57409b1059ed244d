"""Plain consumer, the fastest in Python: confluent-kafka reads a topic in a separate process and touches all values."""

import time
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition

from benchmarks.live.child_process import call_in_child
from benchmarks.servers.use import Place
from flows.input.kafka_reader import DEFAULTS

AT_ONCE = 10_000
SECONDS_MAX = 600


class Bare(NamedTuple):
    """Cost of reading alone. Processor seconds include librdkafka's threads."""

    messages: int
    bytes: int
    seconds: float
    cpu_seconds: float


def measure(place: Place, topic: str, count: int) -> Bare:
    """Read ``count`` messages of a topic in a process of its own."""
    return call_in_child(read, place.kafka, place.prefix + topic, count)


def read(bootstrap: str, topic: str, count: int) -> Bare:
    """Read ``count`` messages of a topic from its start."""
    own = {"bootstrap.servers": bootstrap, "group.id": "bench-bare", "enable.auto.commit": False}
    consumer = Consumer({**DEFAULTS, **own})
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    first = consumer.consume(1, 60)
    started, cpu = time.perf_counter(), time.process_time()
    found, size = len(first), 0
    while found < count and time.perf_counter() - started < SECONDS_MAX:
        messages = consumer.consume(AT_ONCE, 1.0)
        for message in messages:
            value = message.value()
            assert value is not None, "all messages were written with a value"
            size += len(value)
        found += len(messages)
    ended = time.perf_counter() - started, time.process_time() - cpu
    consumer.close()
    return Bare(found, size, *ended)
