"""Kafka clients: topics with their offsets, missing topics, and invalid settings."""

import re
import socket
import time

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from benchmarks.servers.kafka import admin
from benchmarks.servers.process import HOST, free_port
from sinks import kafka_client
from sinks.errors import TidegaugeError, UsageError
from sinks.kafka_client import Cluster, find_logs
from tests.flows.kafka.places import logs_of, make_topics, produce


def test_logs_are_found_with_their_ids_and_offsets(kafka: str, topics: str) -> None:
    """All partitions of the inputs by topic and number; first offset there is, end of what is committed."""
    names = make_topics(kafka, topics, partitions=2)
    produce(kafka, names["orders"], [b"a", b"b", b"c"], partition=1)
    client, cut = admin(kafka), TopicPartition(names["orders"], 1, 2)
    client.delete_records([cut])[cut].result(30)
    open_one = Producer({"bootstrap.servers": kafka, "transactional.id": f"{topics}open", "log_level": 0})
    open_one.init_transactions()
    open_one.begin_transaction()
    open_one.produce(names["shipments"], b"not yet", partition=0)
    open_one.flush()
    logs = logs_of(kafka, names)
    open_one.abort_transaction()

    places = [("reference", 0)] + [(t, p) for t in names if t != "reference" for p in (0, 1)]
    assert [(log.topic, log.partition) for log in logs] == sorted(places)
    assert {log.name for log in logs} == set(names.values())
    found = {(log.topic, log.partition): (log.start, log.end) for log in logs}
    assert found.pop(("orders", 1)) == (2, 3)
    assert set(found.values()) == {(0, 0)}
    assert len({log.topic_id for log in logs}) == len(names)


def test_missing_topics_are_named(kafka: str, topics: str) -> None:
    """Inputs and outputs, all at once, and how to make them."""
    names = make_topics(kafka, topics)
    missing = {"orders": names["orders"], "inventory": f"{topics}no-inventory"}
    with pytest.raises(TidegaugeError) as refused:
        Cluster({"bootstrap.servers": kafka}).ask(
            lambda admin: find_logs(admin, missing, [f"{topics}audit", f"{topics}no-audit"])
        )
    assert str(refused.value) == (
        f"kafka topics: required {topics}no-inventory, {topics}no-audit, got none of that name; "
        "create with: tidegauge topics create"
    )


def test_a_broker_that_is_not_there_is_named_at_once() -> None:
    """A refused connection is said within three seconds, with what went wrong and what to do."""
    address = f"{HOST}:{free_port()}"
    begun = time.monotonic()
    with pytest.raises(TidegaugeError) as refused:
        Cluster({"bootstrap.servers": address}).ends(["orders"])
    assert time.monotonic() - begun < 3
    text = str(refused.value)
    assert text.startswith(f"kafka.bootstrap_servers {address}: required a broker that answers, got ")
    assert "Connection refused" in text
    assert text.endswith("; start it, or correct the address, rights or secrets")


def test_a_broker_that_says_nothing_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody listens and does not answer: one line after two seconds, and an error at the end of the wait."""
    monkeypatch.setattr(kafka_client, "ANSWER_SECONDS_MAX", 5.0)
    with socket.create_server((HOST, 0)) as silent:
        address = f"{HOST}:{silent.getsockname()[1]}"
        with pytest.raises(TidegaugeError, match="required a broker that answers, got "):
            Cluster({"bootstrap.servers": address}).ends(["orders"])
    [line] = caplog.messages
    assert line.startswith(f"kafka.bootstrap_servers {address}: no broker answers yet; trying for ")


def test_messages_ever_written_are_counted(kafka: str, topics: str) -> None:
    """All partitions together; a topic that is not there is named."""
    names = make_topics(kafka, topics, partitions=2)
    produce(kafka, names["orders"], [b"a", b"b"], partition=0)
    produce(kafka, names["orders"], [b"c"], partition=1)
    cluster = Cluster({"bootstrap.servers": kafka})
    assert cluster.ends([names["orders"], names["inventory"]]) == {names["orders"]: 3, names["inventory"]: 0}
    with pytest.raises(TidegaugeError, match=f"required {topics}none, got none of that name"):
        cluster.ends([f"{topics}none"])


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("no.such.setting", "1", "no.such.setting"),
        ("security.protocol", "none", "security.protocol"),
        ("linger.ms", "soon", "queue.buffering.max.ms"),
    ],
)
def test_settings_that_librdkafka_refuses_are_named(name: str, value: str, shown: str) -> None:
    """A setting that does not exist or has no legal value is named."""
    with pytest.raises(UsageError, match=rf'what librdkafka takes, got .*"{re.escape(shown)}"; correct the setting'):
        Cluster({"bootstrap.servers": "127.0.0.1:9", name: value})


def test_a_question_is_asked_again_where_that_may_help(kafka: str) -> None:
    """A partition without a leader gets one; a missing right is told at once."""
    cluster, asked = Cluster({"bootstrap.servers": kafka}), list[int]()

    def question(code: int) -> int:
        asked.append(code)
        if len(asked) < 3:
            raise KafkaException(KafkaError(code))
        return len(asked)

    assert cluster.ask(lambda _admin: question(KafkaError.LEADER_NOT_AVAILABLE)) == 3
    asked.clear()
    with pytest.raises(TidegaugeError, match="required a broker that answers, got "):
        cluster.ask(lambda _admin: question(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    assert len(asked) == 1
