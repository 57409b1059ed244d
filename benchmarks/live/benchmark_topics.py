"""Topics of a benchmark: creates and fills them before the measurement and reads them afterwards."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

from confluent_kafka import Producer

from benchmarks import ndjson, workloads
from benchmarks.servers.use import Place
from benchmarks.workloads import Lines
from flows.service.kafka_topics import create
from sinks.kafka_client import PARTITIONER
from sinks.topic_tail import Record, Tail

FILLING: dict[str, Any] = {
    "linger.ms": 50,
    "batch.size": 512 << 10,
    "compression.type": "lz4",
    "queue.buffering.max.messages": 500_000,
    "queue.buffering.max.kbytes": 512 << 10,
    **PARTITIONER,
}
FLUSH_SECONDS = 120
ROWS_AT_ONCE = 16_384
READ_AT_ONCE = 5_000


def make(place: Place, partitions: int) -> None:
    """Make all topics, as `tidegauge topics create` does."""
    create({"bootstrap.servers": place.kafka}, place.prefix, partitions)


def fill_orders(place: Place, days: Iterable[Lines]) -> int:
    """Write order lines in the given order, keyed by SKU; returns their number."""
    producer = Producer({"bootstrap.servers": place.kafka, **FILLING})
    topic, count = f"{place.prefix}orders", 0
    for lines in days:
        for first in range(0, len(lines), ROWS_AT_ONCE):
            page = lines[first : first + ROWS_AT_ONCE]
            values = b"".join(workloads.order_lines(page)).splitlines()
            for value, key in zip(values, order_keys(page), strict=True):
                _produce(producer, topic, value, key)
            producer.poll(0)
            count += len(values)
    left = producer.flush(FLUSH_SECONDS)
    assert not left, f"{left} of {count} lines were not taken by {place.kafka}"
    return count


def fill(place: Place, topic: str, values: Iterable[bytes]) -> None:
    """Write messages without keys to an input topic."""
    producer = Producer({"bootstrap.servers": place.kafka, **FILLING})
    for value in values:
        _produce(producer, f"{place.prefix}{topic}", value, None)
    left = producer.flush(FLUSH_SECONDS)
    assert not left, f"{left} messages of {topic} were not taken by {place.kafka}"


def order_keys(lines: Lines) -> list[bytes]:
    """The SKU of every line."""
    return ndjson.lines([b"SKU", ndjson.digits(lines["sku"], 6)]).splitlines()


def _produce(producer: Producer, topic: str, value: bytes, key: bytes | None) -> None:
    while True:
        try:
            producer.produce(topic, value, key)
        except BufferError:
            producer.poll(0.1)
        else:
            return


def records(place: Place, topics: Sequence[str]) -> Iterator[Record]:
    """All records of some topics, up to their current ends."""
    tail = Tail({"bootstrap.servers": place.kafka}, place.prefix, topics)
    try:
        tail.start({topic: state.low for topic, state in tail.look().items()})
        while not tail.at_end:
            yield from tail.read(READ_AT_ONCE, 1.0)
    finally:
        tail.close()


def digest(place: Place, topics: Sequence[str]) -> str:
    """Hash of ids and data of all records of some topics, independent of their order."""
    seen = sorted(
        (record.topic, record.headers.get("ce_id", b""), record.key or b"", record.value or b"")
        for record in records(place, topics)
    )
    content = sha256()
    for topic, *parts in seen:
        for part in (topic.encode(), *parts):
            content.update(len(part).to_bytes(4, "little") + part)
    return content.hexdigest()
