"""Topics are created as the engine needs them on a real broker. Differences are reported with their fix."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from benchmarks.servers.kafka import admin, java_command
from benchmarks.servers.process import free_port
from flows.cli.main import main
from flows.service import kafka_topics as service
from flows.service.kafka_topics import Difference, check, create, plans
from sensing.contracts.topic_registry import INPUTS, SPECS
from sinks import kafka_client
from sinks.errors import TidegaugeError
from sinks.kafka_client import Cluster

NAMES = [plan.name for plan in plans()]


def call(*arguments: object) -> Any:
    """Result of a command."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def settings_of(client: AdminClient, name: str) -> dict[str, str | None]:
    """Settings of a topic, defaults included."""
    (future,) = client.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name)]).values()
    return {setting: entry.value for setting, entry in future.result(30).items()}


def make(client: AdminClient, name: str, partitions: int, **config: str) -> None:
    """Make a topic as somebody else would."""
    settings = {setting.replace("_", "."): value for setting, value in config.items()}
    client.create_topics([NewTopic(name, partitions, config=settings)])[name].result(30)


def test_every_topic_has_a_plan() -> None:
    """All inputs and outputs of the contracts are there, and actions, which have no contract yet; none twice."""
    assert list(SPECS) == NAMES


def test_topics_are_made_as_planned(kafka: str, topics: str) -> None:
    """Inputs are kept for ever; compacted are those that the contracts say; reference has one partition."""
    client = {"bootstrap.servers": kafka}

    outcome = create(client, topics, partitions=3)

    assert outcome == ([topics + name for name in NAMES], [])
    there = (clients := admin(kafka)).list_topics(timeout=30).topics
    for name in NAMES:
        settings = settings_of(clients, topics + name)
        assert len(there[topics + name].partitions) == (1 if name == "reference" else 3)
        assert settings["cleanup.policy"] == ("compact" if SPECS[name].compacted else "delete")
        if name in INPUTS:
            assert (settings["retention.ms"], settings["retention.bytes"]) == ("-1", "-1")
        elif SPECS[name].compacted:
            assert settings["min.compaction.lag.ms"] == "86400000"
        else:
            assert int(settings["retention.ms"] or 0) >= 30 * 86_400_000


def test_making_twice_changes_nothing(kafka: str, topics: str) -> None:
    """What is there as it must be is left alone, and any number of partitions is right where none was asked for."""
    client = {"bootstrap.servers": kafka}
    create(client, topics, partitions=2)

    assert create(client, topics) == ([], [])
    assert check(client, topics) == []
    assert check(client, topics, partitions=2) == []


def test_two_that_make_at_once_do_not_fail(kafka: str, topics: str) -> None:
    """Of two that make the topics at the same time each is told of those it made itself, and both succeed."""
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: create({"bootstrap.servers": kafka}, topics), range(2)))

    assert [outcome.differences for outcome in both] == [[], []]
    assert sorted(name for outcome in both for name in outcome.created) == sorted(topics + name for name in NAMES)


def test_what_differs_is_told_and_left(kafka: str, topics: str) -> None:
    """A topic made otherwise is reported with required, got and fix, stays as it is, and its settings' fix mends it."""
    client = {"bootstrap.servers": kafka}
    make(clients := admin(kafka), f"{topics}exceptions", 2, cleanup_policy="compact,delete")
    make(clients, f"{topics}orders", 2, retention_ms="3600000")
    make(clients, f"{topics}reference", 3, retention_ms="-1")

    created, differences = create(client, topics)

    assert len(created) == len(NAMES) - 3
    assert [(found.topic.removeprefix(topics), found.required, found.got) for found in differences] == [
        ("orders", "retention.ms=-1", "3600000"),
        ("reference", "1 partitions", "3"),
        ("exceptions", "cleanup.policy=compact", "compact,delete"),
    ]
    assert settings_of(clients, f"{topics}orders")["retention.ms"] == "3600000"

    script = differences[0].fix.removeprefix("fix: kafka-configs.sh ")
    subprocess.run(java_command("kafka.admin.ConfigCommand", *script.split()), check=True, capture_output=True)
    assert check(client, topics) == differences[1:]
    assert differences[1].fix == "fix: while nothing is in it, delete it and run tidegauge topics create"


def test_missing_topics_and_other_partitions_are_told(kafka: str, topics: str) -> None:
    """A check names topics that do not exist, and those with another number of partitions than asked for."""
    client = {"bootstrap.servers": kafka}
    missing = check(client, topics)
    assert [(found.topic, found.got) for found in missing] == [(topics + name, "none") for name in NAMES]

    create(client, topics, partitions=2)
    (first, *_) = others = check(client, topics, partitions=5)
    assert len(others) == len(NAMES) - 1
    assert (first.required, first.got) == ("5 partitions", "2")
    assert first.fix.endswith("delete it and run tidegauge topics create; else keep it, with --partitions 2")


def test_a_broker_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an answer the error says where, what came instead, and what to do."""
    monkeypatch.setattr(kafka_client, "ANSWER_SECONDS_MAX", 1.0)
    address = f"127.0.0.1:{free_port()}"

    with pytest.raises(
        TidegaugeError, match=rf"kafka.bootstrap_servers {address}: required a broker .* got .*Connection refused.*; st"
    ):
        check({"bootstrap.servers": address})


def test_a_topic_that_the_broker_refuses_is_named(kafka: str) -> None:
    """Where the broker does not make a topic the error says which and why."""
    with pytest.raises(TidegaugeError, match=r"topic no such name decisions: required .* creates it, got .*invalid"):
        create({"bootstrap.servers": kafka}, "no such name ")


def test_a_topic_that_does_not_come_to_be_is_named(kafka: str, topics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A topic that nobody can write to in time ends the wait with its name."""
    monkeypatch.setattr(service, "REQUEST_SECONDS_MAX", 0.2)
    found = Cluster({"bootstrap.servers": kafka})
    with pytest.raises(TidegaugeError, match=f"kafka topics: required {topics}orders, got none of that name"):
        service._wait_for(found, [f"{topics}orders"])


def test_a_topic_that_cannot_be_described_is_named(kafka: str, topics: str) -> None:
    """Where the broker does not tell a topic's settings the error says which and why."""
    found = Cluster({"bootstrap.servers": kafka})
    with pytest.raises(TidegaugeError, match=rf"topic {topics}orders: required its settings .* got .*Unknown topic"):
        service._settings(found, f"{topics}orders")


def test_the_commands(kafka: str, topics: str) -> None:
    """``create`` lists what it made, ``check`` is content; with differences both list them and end with code 1."""
    where = ("--bootstrap-servers", kafka, "--prefix", topics)
    missing = call("topics", "check", *where)
    assert (missing.exit_code, missing.stdout) == (4, "")
    assert missing.stderr.startswith(f"Error: 11 differences:\n  {topics}decisions: required a topic, got none; fix: ")

    made = call("topics", "create", "--partitions", 2, *where)
    assert (made.exit_code, made.stderr) == (0, "")
    assert made.stdout.splitlines() == [*(f"{topics}{name}: created" for name in NAMES),
                                        "11 topics created, 0 were there"]  # fmt: skip

    checked = call("topics", "check", *where)
    assert (checked.exit_code, checked.output) == (0, "11 topics are as they must be\n")

    other = call("topics", "create", "--partitions", 3, *where)
    assert other.exit_code == 4
    assert other.stdout == "0 topics created, 11 were there\n"
    assert "required 3 partitions, got 2" in other.stderr


def test_a_difference_reads_as_a_sentence() -> None:
    """Where, required, got, fix: in one line."""
    assert (
        str(Difference("orders", "a topic", "none", "fix: make it"))
        == "orders: required a topic, got none; fix: make it"
    )
