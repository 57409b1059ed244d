"""What the broker has of the input topics when a run starts: their ids, partitions, and first and last offsets."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import stamina
from confluent_kafka import IsolationLevel, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from flows.errors import TidegaugeError
from flows.service.logs import librdkafka_logger

Answer = TypeVar("Answer")

CONNECT_SECONDS_MAX = 30.0
REQUEST_SECONDS = 10.0


class Log(NamedTuple):
    """One partition of an input topic, as it was found.

    ``topic`` is the name in the contracts, ``name`` the one on the broker (with a prefix). ``start`` is the first
    offset there is, ``end`` the one behind the last committed message.
    """

    topic: str
    name: str
    partition: int
    topic_id: str
    start: int
    end: int


def survey(config: Mapping[str, Any], names: Mapping[str, str]) -> list[Log]:
    """Look at the input topics; waits up to half a minute for a broker that is not there yet.

    Parameters
    ----------
    config
        librdkafka settings of an admin client.
    names
        Name on the broker of every topic of the contracts.

    Returns
    -------
    list
        All partitions, by topic and number.

    Raises
    ------
    TidegaugeError
        When no broker answers, or a topic is missing.
    """
    admin = AdminClient(quiet(config))
    ids = _reached(lambda: topic_ids(admin, names), config)
    missing = sorted(topic for topic in names if topic not in ids)
    if missing:
        wanted = ", ".join(names[topic] for topic in missing)
        msg = f"kafka topics: required {wanted}, got none of that name; create with: tidegauge topics create"
        raise TidegaugeError(msg)
    places = {
        TopicPartition(names[topic], partition): topic
        for topic, (_, partitions) in ids.items()
        for partition in range(partitions)
    }
    starts = _reached(lambda: _offsets(admin, places, OffsetSpec.earliest()), config)
    ends = _reached(lambda: _offsets(admin, places, OffsetSpec.latest()), config)
    logs = [
        Log(topic, place.topic, place.partition, ids[topic][0], starts[place], ends[place])
        for place, topic in places.items()
    ]
    return sorted(logs, key=lambda log: (log.topic, log.partition))


def quiet(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a client whose log lines go to a logger of ours instead of the terminal."""
    return {**config, "logger": librdkafka_logger()}


def topic_ids(admin: AdminClient, names: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    """Id and number of partitions of the topics that exist.

    Raises
    ------
    KafkaException
        When the broker does not answer or refuses.
    """
    found = {}
    asked = admin.describe_topics(TopicCollection(list(names.values())), request_timeout=REQUEST_SECONDS)
    for topic, name in names.items():
        described = told(asked[name])
        if described is not None:
            found[topic] = described
    return found


def told(future: Any) -> tuple[str, int] | None:
    """Id and number of partitions from the answer about one topic; None where there is no such topic."""
    try:
        description = future.result()
    except KafkaException as error:
        if error.args[0].name() in ("UNKNOWN_TOPIC_OR_PART", "UNKNOWN_TOPIC_ID"):
            return None
        raise
    return str(description.topic_id), len(description.partitions)


def _offsets(admin: AdminClient, places: Mapping[Any, str], spec: Any) -> dict[Any, int]:
    asked = admin.list_offsets(
        dict.fromkeys(places, spec), isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=REQUEST_SECONDS
    )
    return {place: int(future.result().offset) for place, future in asked.items()}


def _reached(ask: Callable[[], Answer], config: Mapping[str, Any]) -> Answer:
    try:
        for attempt in stamina.retry_context(on=_may_pass, attempts=None, timeout=CONNECT_SECONDS_MAX, wait_max=2.0):
            with attempt:
                return ask()
    except KafkaException as error:
        where = f"kafka.bootstrap_servers {config['bootstrap.servers']}"
        msg = f"{where}: required a broker that answers, got {error.args[0].str()}; start it, or name another one"
        raise TidegaugeError(msg) from error
    raise AssertionError


def _may_pass(error: Exception) -> bool:
    """Whether asking again may help: not where the broker says that we may not."""
    if not isinstance(error, KafkaException):
        return False
    return not error.args[0].fatal() and "AUTHORIZATION" not in error.args[0].name()
