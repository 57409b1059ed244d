"""All topics, in and out: how they must be, how they are made, and what is wrong with those that are there.

Inputs are kept for ever: a restart reads them from their start, so that what retention has removed would be missing
from the state. Reference is kept whole, not compacted: its records are effective from a date on, and the latest of a
key would hide those before it.
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import ConfigResource, NewTopic

from sensing.contracts.topic_spec import TopicSpec
from sensing.contracts.topics import SPECS
from sinks.errors import TidegaugeError
from sinks.kafka_client import Cluster, Described, describe, text_of

PARTITIONS = 4
DAY_MS = 86_400_000
REQUEST_SECONDS_MAX = 30.0

KEPT = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
DELETED = {"cleanup.policy": "delete"}
COMPACTED = {"cleanup.policy": "compact"}


class Plan(NamedTuple):
    """How a topic must be.

    Attributes
    ----------
    name
        Without prefix.
    partitions
        How many it must have; None: as many as its owner likes.
    required
        Settings without which the engine does not keep its promises.
    initial
        Settings it is made with, which its owner may change.
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
        # A subscriber that was away for a day still sees every step of a problem, not only where it ended.
        return Plan(spec.name, spec.partitions, COMPACTED, {"min.compaction.lag.ms": _days(1)})
    if spec.retention_days is None:
        return Plan(spec.name, spec.partitions, KEPT, {})
    return Plan(spec.name, spec.partitions, DELETED, {"retention.ms": _days(spec.retention_days)})


class Difference(NamedTuple):
    """One way in which a topic is not as it must be."""

    topic: str
    required: str
    got: str
    fix: str

    def __str__(self) -> str:
        return f"{self.topic}: required {self.required}, got {self.got}; {self.fix}"


class Outcome(NamedTuple):
    """Topics that were made, and what is wrong with those that were there before."""

    created: list[str]
    differences: list[Difference]


def create(client: Mapping[str, Any], prefix: str = "", partitions: int | None = None) -> Outcome:
    """Make all topics that are not there, and check the others, which are left as they are.

    Parameters
    ----------
    client
        Settings of librdkafka, ``bootstrap.servers`` among them.
    prefix
        Put before every name.
    partitions
        How many a topic has unless its plan says so; None: ``PARTITIONS``, and others are right as well.

    The replication factor is the broker's default.

    Raises
    ------
    UsageError
        When librdkafka refuses a setting.
    TidegaugeError
        When the cluster does not answer or does not let us.
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
    """What is not as it must be; parameters and errors as of :func:`create`."""
    return _differences(Cluster(client), prefix, partitions)


def _there(cluster: Cluster, prefix: str) -> dict[str, Described]:
    names = [prefix + plan.name for plan in plans()]
    return cluster.ask(lambda admin: describe(admin, names, missing_ok=True))


def _make(cluster: Cluster, wanted: list[NewTopic]) -> list[str]:
    """Names of the topics made; one that somebody else makes meanwhile is none of them."""
    created = []
    futures = cluster.admin.create_topics(wanted, request_timeout=REQUEST_SECONDS_MAX) if wanted else {}
    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                msg = (
                    f"topic {name}: required that {cluster.servers} makes it, got {text_of(error)}; let it, or make it"
                )
                raise TidegaugeError(msg) from error
        else:
            created.append(name)
    return created


def _wait_for(cluster: Cluster, names: list[str]) -> None:
    """Wait until every partition of topics that are being made is there: brokers do that after they have confirmed."""
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
    """A number of partitions cannot be lowered, and raising it moves keys from one to another."""
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
        msg = f"topic {name}: required its settings of {cluster.servers}, got {text_of(error)}; let us describe topics"
        raise TidegaugeError(msg) from error
