"""The least that a consumer in Python can do: a process that reads a topic with confluent-kafka and looks at values.

`python -m benchmarks.live.bare BOOTSTRAP TOPIC COUNT` prints JSON: seconds and processor seconds, librdkafka's threads
included, from the first message to the last.
"""

import subprocess
import sys
import time

import msgspec
from confluent_kafka import Consumer, TopicPartition

from benchmarks.servers.use import Place
from flows.sources.kafka.reader import DEFAULTS

AT_ONCE = 10_000
SECONDS_MAX = 600


class Bare(msgspec.Struct, frozen=True):
    """What reading alone took."""

    messages: int
    bytes: int
    seconds: float
    cpu_seconds: float


def measure(place: Place, topic: str, count: int) -> Bare:
    """Read ``count`` messages of a topic in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.live.bare", place.kafka, place.prefix + topic, str(count)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=SECONDS_MAX)
    return msgspec.json.decode(done.stdout, type=Bare)


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


def main() -> None:
    """Entry of the process."""
    bootstrap, topic, count = sys.argv[1:]
    sys.stdout.buffer.write(msgspec.json.encode(read(bootstrap, topic, int(count))))


if __name__ == "__main__":
    main()
