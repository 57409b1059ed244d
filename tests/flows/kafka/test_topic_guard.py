"""The topic guard: a run fails if its topics are changed or recreated."""

from collections.abc import Callable

import pytest
from confluent_kafka.admin import NewPartitions, NewTopic

from benchmarks.servers.kafka import admin
from benchmarks.servers.process import HOST, free_port
from flows.input.topic_guard import ASK_EVERY_SECONDS, TopicGuard
from sinks.errors import TidegaugeError
from sinks.kafka_client import Log
from tests.flows.kafka.places import await_leaders, logs_of, settings_of, until


class Guarded:
    """A guard whose clock the test moves."""

    def __init__(self, address: str, logs: list[Log]) -> None:
        self.now = 0.0
        self.guard = TopicGuard(settings_of(address, "").client_config(), logs, lambda: self.now)

    def ask(self) -> None:
        """Let it ask, and wait until it has looked at the answer."""
        self.now += ASK_EVERY_SECONDS
        self.guard.look()
        until(lambda: not self.guard.asked, self.guard.look)


@pytest.fixture
def make(kafka: str, topics: str) -> Callable[[], Guarded]:
    """Makes a topic of two partitions, and its guard."""

    def made() -> Guarded:
        name = f"{topics}orders"
        client = admin(kafka)
        client.create_topics([NewTopic(name, 2, 1)])[name].result(30)
        await_leaders(kafka, [name], client)
        return Guarded(kafka, logs_of(kafka, {"orders": name}))

    return made


def delete(kafka: str, name: str) -> None:
    """Delete a topic and wait until it is gone."""
    client = admin(kafka)
    client.delete_topics([name])[name].result(30)
    until(lambda: name not in client.list_topics(timeout=10).topics)


def test_topics_that_stay_the_same_are_no_news(make: Callable[[], Guarded]) -> None:
    """However often it asks; and it asks only now and then."""
    guarded = make()
    guarded.guard.look()
    assert not guarded.guard.asked
    for _ in range(3):
        guarded.ask()


def test_a_topic_made_anew_ends_the_run(kafka: str, topics: str, make: Callable[[], Guarded]) -> None:
    """It has the old name and another id."""
    guarded = make()
    guarded.ask()
    delete(kafka, f"{topics}orders")
    again = make()
    with pytest.raises(TidegaugeError, match="got another one of that name"):
        guarded.ask()
    again.ask()


def test_a_topic_that_is_gone_ends_the_run(kafka: str, topics: str, make: Callable[[], Guarded]) -> None:
    """Told twice: a broker that has just started may not know its topics yet."""
    guarded = make()
    delete(kafka, f"{topics}orders")
    guarded.ask()
    with pytest.raises(TidegaugeError, match="got no topic of that name"):
        guarded.ask()


def test_partitions_that_nobody_reads_end_the_run(kafka: str, topics: str, make: Callable[[], Guarded]) -> None:
    """They were added while it ran."""
    guarded = make()
    name = f"{topics}orders"
    client = admin(kafka)
    client.create_partitions([NewPartitions(name, 3)])[name].result(30)
    until(lambda: len(logs_of(kafka, {"orders": name})) == 3)
    with pytest.raises(TidegaugeError, match="required the 2 partitions that are read, got 3"):
        guarded.ask()


def test_a_broker_that_does_not_answer_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is for the consumer to tell; the guard asks again."""
    monkeypatch.setattr("sinks.kafka_client.REQUEST_SECONDS", 0.2)
    guarded = Guarded(f"{HOST}:{free_port()}", [Log("orders", "orders", 0, "one", 0, 0)])
    for _ in range(2):
        guarded.ask()
