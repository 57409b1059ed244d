"""What the broker has of the topics when a run starts: their ids, partitions, and first and last offsets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import stamina
from confluent_kafka import IsolationLevel, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from flows.service.logs import librdkafka_logger
from sinks.errors import TidegaugeError

Answer = TypeVar("Answer")

CONNECT_SECONDS_MAX = 30.0
REQUEST_SECONDS = 10.0
RETRY_SECONDS_MAX = 2.0


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


def survey(config: Mapping[str, Any], names: Mapping[str, str], outputs: Sequence[str] = ()) -> list[Log]:
    """Look at the input topics; waits up to half a minute for a broker that is not there yet.

    Parameters
    ----------
    config
        librdkafka settings of an admin client.
    names
        Name on the broker of every topic of the contracts.
    outputs
        Names of topics that have to be there as well.

    Returns
    -------
    list
        All partitions of the input topics, by topic and number.

    Raises
    ------
    TidegaugeError
        When no broker answers, or a topic is missing.
    """
    complaints: list[str] = []
    callback: dict[str, Any] = {"error_cb": lambda error: complaints.append(error.str())}
    admin = AdminClient(quiet(config) | callback)
    asker = _Asker(admin, config["bootstrap.servers"], complaints)
    wanted = [*names.values(), *outputs]
    found = asker.ask(lambda: topic_ids(admin, wanted))
    missing = ", ".join(name for name in wanted if name not in found)
    if missing:
        msg = f"kafka topics: required {missing}, got none of that name; create with: tidegauge topics create"
        raise TidegaugeError(msg)
    places = {
        TopicPartition(name, partition): topic
        for topic, name in names.items()
        for partition in range(found[name].partitions)
    }
    starts = asker.ask(lambda: _offsets(admin, places, OffsetSpec.earliest()))
    ends = asker.ask(lambda: _offsets(admin, places, OffsetSpec.latest()))
    logs = [
        Log(topic, place.topic, place.partition, found[place.topic].id, starts[place], ends[place])
        for place, topic in places.items()
    ]
    return sorted(logs, key=lambda log: (log.topic, log.partition))


def quiet(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a client whose log lines go to a logger of ours instead of the terminal."""
    return {**config, "logger": librdkafka_logger()}


class Described(NamedTuple):
    """Id and number of partitions of a topic."""

    id: str
    partitions: int


def topic_ids(admin: AdminClient, names: Sequence[str]) -> dict[str, Described]:
    """The topics that exist, of some names.

    Raises
    ------
    KafkaException
        When the broker does not answer or refuses.
    """
    asked = admin.describe_topics(TopicCollection(list(names)), request_timeout=REQUEST_SECONDS)
    answers = {name: told(asked[name]) for name in names}
    return {name: described for name, described in answers.items() if described is not None}


def told(future: Any) -> Described | None:
    """What the answer about one topic says; None where there is no such topic.

    Raises
    ------
    KafkaException
        When the broker does not answer or refuses.
    """
    try:
        description = future.result()
    except KafkaException as error:
        if error.args[0].name() in ("UNKNOWN_TOPIC_OR_PART", "UNKNOWN_TOPIC_ID"):
            return None
        raise
    return Described(str(description.topic_id), len(description.partitions))


def _offsets(admin: AdminClient, places: Mapping[Any, str], spec: Any) -> dict[Any, int]:
    asked = admin.list_offsets(
        dict.fromkeys(places, spec), isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=REQUEST_SECONDS
    )
    return {place: int(future.result().offset) for place, future in asked.items()}


class _Asker(NamedTuple):
    """Asks until it is answered, but not for ever."""

    admin: AdminClient
    servers: str
    complaints: list[str]

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Ask again and again where that may help."""
        try:
            for attempt in stamina.retry_context(
                on=_may_pass, attempts=None, timeout=CONNECT_SECONDS_MAX, wait_max=RETRY_SECONDS_MAX
            ):
                with attempt:
                    return question()
        except KafkaException as error:
            self.admin.poll(0)
            # What is wrong with a connection says more than that there was no answer in time.
            got = self.complaints[0] if self.complaints else error.args[0].str()
            where = f"kafka.bootstrap_servers {self.servers}"
            msg = (
                f"{where}: required a broker that answers, got {got}; start it, or mend the address, rights or secrets"
            )
            raise TidegaugeError(msg) from error
        raise AssertionError


def _may_pass(error: Exception) -> bool:
    """Whether asking again may help: not where the broker says that we may not."""
    if not isinstance(error, KafkaException):
        return False
    return not error.args[0].fatal() and "AUTHORIZATION" not in error.args[0].name()
