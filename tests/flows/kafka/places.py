"""Topics, messages and notes for tests of the Kafka source."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic

from benchmarks.servers.kafka import admin
from flows.service.kafka_settings import KafkaSettings
from flows.service.kafka_topics import KEPT
from sensing.codec.event_record import TOPICS
from sensing.contracts.topic_registry import published
from sinks.kafka_client import Cluster, Log, find_logs


def make_topics(address: str, prefix: str, partitions: int = 1) -> dict[str, str]:
    """Make all topics and return the names of the inputs by topic."""
    names = {topic: prefix + topic for topic in TOPICS}
    new = [NewTopic(name, 1 if topic == "reference" else partitions, 1, config=KEPT) for topic, name in names.items()]
    new += [NewTopic(prefix + spec.name, 1, 1) for spec in published()]
    client = admin(address)
    for made in client.create_topics(new).values():
        made.result(30)
    await_leaders(address, [prefix + topic for topic in (*TOPICS, *(spec.name for spec in published()))], client)
    return names


def await_leaders(address: str, names: Iterable[str], client: Any = None) -> None:
    """Wait until every partition of some topics has a leader."""
    client = client or admin(address)
    wanted = set(names)
    for _ in range(200):
        found = client.list_topics(timeout=10).topics
        if wanted <= set(found) and all(
            partition.leader >= 0 for name in wanted for partition in found[name].partitions.values()
        ):
            return
        time.sleep(0.05)
    msg = f"no leaders of {sorted(wanted)}"
    raise AssertionError(msg)


def produce(address: str, topic: str, values: Iterable[bytes | None], **more: Any) -> None:
    """Send messages to a topic and wait until the broker has them."""
    producer = Producer({"bootstrap.servers": address, "linger.ms": 5, "log_level": 0})
    for value in values:
        producer.produce(topic, value, **more)
        producer.poll(0)
    assert producer.flush(30) == 0


class Notes:
    """Records all calls of the source to its status and metrics."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        """Return a method that records its call."""
        return lambda *values, **more: self.calls.append((name, *values, *more.values()))

    def named(self, name: str) -> list[tuple[Any, ...]]:
        """Arguments of all calls of a method."""
        return [values for call, *values in self.calls if call == name]  # type: ignore[misc]  # star of a tuple


def settings_of(address: str, prefix: str, **kafka: Any) -> KafkaSettings:
    """Settings of clients for the topics of a prefix."""
    return KafkaSettings(bootstrap_servers=address, topic_prefix=prefix, group_id=f"{prefix}group", **kafka)


def logs_of(address: str, names: dict[str, str], *topics: str) -> list[Log]:
    """All partitions of some topics, as found at the start of a run."""
    wanted = {topic: name for topic, name in names.items() if topic in topics or not topics}
    return Cluster({"bootstrap.servers": address}).ask(lambda admin: find_logs(admin, wanted))


def until(
    done: Callable[[], object], act: Callable[[], object] = lambda: time.sleep(0.02), seconds: float = 30
) -> None:
    """Call ``act`` until ``done`` is true."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it took too long"
        act()
