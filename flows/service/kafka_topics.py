"""Kafka topics of the engine: required settings, creation, and checks. ``tidegauge topics`` calls it.

Inputs are kept for ever: a restart reads them from their start, so that what retention has removed would be missing
from the state. Reference is kept whole, not compacted: its records are effective from a date on, and the latest of a
key would hide those before it.
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import ConfigResource, NewTopic

from sensing.contracts.topic_registry import SPECS
from sensing.contracts.topic_spec import TopicSpec
from sinks.errors import TidegaugeError
from sinks.kafka_client import Cluster, Described, describe, text_of

PARTITIONS = 4
DAY_MS = 86_400_000
REQUEST_SECONDS_MAX = 30.0

KEPT = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
DELETED = {"cleanup.policy": "delete"}
COMPACTED = {"cleanup.policy": "compact"}


class Plan(NamedTuple):
    """Required and initial settings of a topic.

    Attributes
    ----------
    name
        Without prefix.
    partitions
        Required number; None: any number.
    required
        Settings that the engine relies on.
    initial
        Settings at creation; the owner of the topic may change them.
    """

    name: str
    partitions: int | None
    required: dict[str, str]
    initial: dict[str, str]


def _days(count: int) -> str:
    return str(count * DAY_MS)


def plans() -> list[Plan]:
    """All topics, inputs first."""
    return [_plan(spec) for spec in SPECS.values()]


def _plan(spec: TopicSpec) -> Plan:
    if spec.compacted:
        # A subscriber that was down for a day still sees every change of a problem, not only the last one.
        return Plan(spec.name, spec.partitions, COMPACTED, {"min.compaction.lag.ms": _days(1)})
    if spec.retention_days is None:
        return Plan(spec.name, spec.partitions, KEPT, {})
    return Plan(spec.name, spec.partitions, DELETED, {"retention.ms": _days(spec.retention_days)})


class Difference(NamedTuple):
    """One difference between a topic and its plan."""

    topic: str
    required: str
    got: str
    fix: str

    def __str__(self) -> str:
        return f"{self.topic}: required {self.required}, got {self.got}; {self.fix}"


class Outcome(NamedTuple):
    """Created topics, and differences of topics that existed before."""

    created: list[str]
    differences: list[Difference]


def create(client: Mapping[str, Any], prefix: str = "", partitions: int | None = None) -> Outcome:
    """Create missing topics and check existing ones. Existing topics are not changed.

    Parameters
    ----------
    client
        Settings of librdkafka, ``bootstrap.servers`` among them.
    prefix
        Prefix of every name.
    partitions
        Number of partitions for topics whose plan has none. None: create with ``PARTITIONS``, accept any number.

    The replication factor is the broker's default.

    Raises
    ------
    UsageError
        When librdkafka refuses a setting.
    TidegaugeError
        The cluster does not answer, or rights are missing.
    """
    cluster = Cluster(client)
    there = _there(cluster, prefix)
    wanted = [
        NewTopic(
            prefix + plan.name, plan.partitions or partitions or PARTITIONS, config={**plan.required, **plan.initial}
        )
        for plan in plans()
        if prefix + plan.name not in there
    ]
    created = _make(cluster, wanted)
    if wanted:
        _wait_for(cluster, [prefix + plan.name for plan in plans()])
    return Outcome(created, _differences(cluster, prefix, partitions))


def check(client: Mapping[str, Any], prefix: str = "", partitions: int | None = None) -> list[Difference]:
    """Differences of existing topics; parameters and errors as in :func:`create`."""
    return _differences(Cluster(client), prefix, partitions)


def _there(cluster: Cluster, prefix: str) -> dict[str, Described]:
    names = [prefix + plan.name for plan in plans()]
    return cluster.ask(lambda admin: describe(admin, names, missing_ok=True))


def _make(cluster: Cluster, wanted: list[NewTopic]) -> list[str]:
    """Create topics and return their names. A topic that somebody else created meanwhile is not among them."""
    created = []
    futures = cluster.admin.create_topics(wanted, request_timeout=REQUEST_SECONDS_MAX) if wanted else {}
    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                msg = (
                    f"topic {name}: required that {cluster.servers} creates it, got {text_of(error)}; "
                    "grant the right, or create it"
                )
                raise TidegaugeError(msg) from error
        else:
            created.append(name)
    return created


def _wait_for(cluster: Cluster, names: list[str]) -> None:
    """Wait until every partition of new topics exists: brokers create them after they confirmed the topic."""
    end = time.monotonic() + REQUEST_SECONDS_MAX
    while True:
        try:
            cluster.ends(names)
        except TidegaugeError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def _differences(cluster: Cluster, prefix: str, partitions: int | None) -> list[Difference]:
    there = _there(cluster, prefix)
    found = []
    for plan in plans():
        name = prefix + plan.name
        if name not in there:
            found.append(Difference(name, "a topic", "none", "fix: tidegauge topics create, with the same prefix"))
            continue
        found += _partition_difference(name, plan.partitions or partitions, there[name].partitions, plan)
        settings = _settings(cluster, name)
        for setting, value in plan.required.items():
            if settings.get(setting) != value:
                fix = (
                    f"fix: kafka-configs.sh --bootstrap-server {cluster.servers} --entity-type topics "
                    f"--entity-name {name} --alter --add-config {setting}={value}"
                )
                found.append(Difference(name, f"{setting}={value}", f"{settings.get(setting)}", fix))
    return found


def _partition_difference(name: str, required: int | None, got: int, plan: Plan) -> list[Difference]:
    """Difference in the number of partitions. It cannot be lowered, and raising it moves keys to other partitions."""
    if required is None or got == required:
        return []
    fix = "fix: while nothing is in it, delete it and run tidegauge topics create"
    if plan.partitions is None:
        fix += f"; else keep it, with --partitions {got}"
    return [Difference(name, f"{required} partitions", str(got), fix)]


def _settings(cluster: Cluster, name: str) -> dict[str, str | None]:
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    (future,) = cluster.admin.describe_configs([resource], request_timeout=REQUEST_SECONDS_MAX).values()
    try:
        return {setting: entry.value for setting, entry in future.result().items()}
    except KafkaException as error:
        msg = (
            f"topic {name}: required its settings of {cluster.servers}, got {text_of(error)}; "
            "grant the right to describe topics"
        )
        raise TidegaugeError(msg) from error
