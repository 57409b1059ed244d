"""A Kafka cluster as commands meet it: connected to, asked which topics it has, and why it does not answer."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ClusterMetadata, OffsetSpec

from sinks.errors import TidegaugeError, UsageError

ANSWER_SECONDS_MAX = 10.0
LOG_LEVEL_CRITICAL = 2
"""What librdkafka logs of its own accord, on standard error; failures come as exceptions, which say it better."""


class Cluster(NamedTuple):
    """A client of a cluster, its address, and its complaints, oldest first."""

    admin: AdminClient
    servers: str
    complaints: list[str]


def connect(client: Mapping[str, Any]) -> Cluster:
    """Make a client; nothing is asked yet.

    Parameters
    ----------
    client
        Settings of librdkafka, ``bootstrap.servers`` among them.

    Raises
    ------
    UsageError
        When librdkafka refuses a setting.
    """
    complaints: list[str] = []
    settings = {"log_level": LOG_LEVEL_CRITICAL, **client, "error_cb": lambda error: complaints.append(error.str())}
    try:
        return Cluster(AdminClient(settings), str(client["bootstrap.servers"]), complaints)
    except KafkaException as error:
        raise refused_settings(error) from error


def refused_settings(error: KafkaException) -> UsageError:
    """What to tell of settings that librdkafka refuses.

    Its texts name the setting, and show a value only where it is none of a list, as that of no secret is.
    """
    msg = f"kafka client settings: required what librdkafka takes, got {text_of(error)}; correct the setting"
    return UsageError(msg)


def metadata(cluster: Cluster) -> ClusterMetadata:
    """All topics of the cluster.

    Raises
    ------
    TidegaugeError
        When no broker answers within ``ANSWER_SECONDS_MAX``.
    """
    try:
        return cluster.admin.list_topics(timeout=ANSWER_SECONDS_MAX)
    except KafkaException as error:
        cluster.admin.poll(0)
        # The first complaint says what is wrong with one broker, later ones that there is no other.
        got = cluster.complaints[0] if cluster.complaints else text_of(error)
        msg = (
            f"kafka {cluster.servers}: required a broker that answers within {ANSWER_SECONDS_MAX:.0f} s, got {got}; "
            "start it, or correct the address or how clients log in"
        )
        raise TidegaugeError(msg) from error


def refuse_missing(cluster: Cluster, topics: list[str]) -> None:
    """Refuse to go on where a topic does not exist.

    Raises
    ------
    TidegaugeError
        Names all that are missing.
    """
    there = metadata(cluster).topics
    missing = [topic for topic in topics if topic not in there]
    if missing:
        msg = (
            f"kafka {cluster.servers}: required topics {', '.join(topics)}, got none named {', '.join(missing)}; "
            "run tidegauge topics create, with the same prefix"
        )
        raise TidegaugeError(msg)


def ends(cluster: Cluster, topics: list[str]) -> dict[str, int]:
    """How many messages were ever written to each of ``topics``, all partitions together.

    Raises
    ------
    TidegaugeError
        When one does not exist, or a broker does not answer for it, as for a while where it was made a moment ago.
    """
    there = metadata(cluster).topics
    latest = {
        TopicPartition(topic, partition): OffsetSpec.latest()
        for topic in topics
        if topic in there
        for partition in there[topic].partitions
    }
    futures = cluster.admin.list_offsets(latest, request_timeout=ANSWER_SECONDS_MAX) if latest else {}
    found = dict.fromkeys((partition.topic for partition in latest), 0)
    for partition, future in futures.items():
        try:
            found[partition.topic] += future.result().offset
        except KafkaException as error:
            raise _endless(cluster, partition.topic, text_of(error)) from error
    for topic in topics:
        if topic not in found:
            raise _endless(cluster, topic, "no such topic")
    return found


def _endless(cluster: Cluster, topic: str, got: str) -> TidegaugeError:
    msg = f"topic {topic}: required its offsets of {cluster.servers}, got {got}; look at the logs of the brokers"
    return TidegaugeError(msg)


def text_of(error: KafkaException) -> str:
    """What an exception of librdkafka says."""
    cause = error.args[0]
    return cause.str() if isinstance(cause, KafkaError) else str(cause)
