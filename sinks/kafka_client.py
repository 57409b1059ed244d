"""Kafka clients: fixed settings, connecting, describing topics, and offsets.

The source, the sinks, the commands and the benchmarks use it. It exists because confluent-kafka returns one future per
topic and partition: these functions wait for all of them, name missing topics, and raise errors that tell the fix.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import stamina
from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from sinks.errors import RefusedError, TidegaugeError, UsageError
from sinks.kafka_errors import CREDENTIALS, GONE

# Commands report an error once, not for every attempt.
stamina.instrumentation.set_on_retry_hooks(())

_LOG = logging.getLogger("tidegauge")

Answer = TypeVar("Answer")
Key = tuple[str, int]
"""Topic and partition."""

ANSWER_SECONDS_MAX = 10.0
"""How long to retry until a broker answers."""
PROBE_SECONDS = 2.0
"""How long the first contact may take before somebody is told."""
GRACE_SECONDS = 0.7
"""How long to wait once every address was tried: a name may have another one, such as localhost of both IP versions."""
REQUEST_SECONDS = 5.0
"""librdkafka's limit for one request. Waits for futures last twice as long."""
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 0.1, 2.0

QUIET: dict[str, Any] = {"log_level": 2}
"""Without it librdkafka logs every connection attempt to standard error. Errors also come as callbacks."""

# Settings of every consumer and producer that override those of the user, each with the reason.
CONSUMER: dict[str, tuple[str, str]] = {
    "auto.offset.reset": ("error", "an offset that the log does not have is refused, never skipped"),
    "enable.auto.commit": ("false", "the engine keeps its own offsets, and commits them for lag tools only"),
    "enable.auto.offset.store": ("false", "the engine keeps its own offsets"),
    "enable.partition.eof": ("true", "the engine's clock must know when a partition is read to its end"),
    "isolation.level": ("read_committed", "what was taken back must not be read"),
    "allow.auto.create.topics": ("false", "a topic with a misspelt name must not come to be"),
}
PRODUCER: dict[str, tuple[str, str]] = {
    "enable.idempotence": ("true", "a repeated send must not be a repeated record"),
    "acks": ("all", "what one broker alone knows can be lost"),
}
PARTITIONER = {"partitioner": "murmur2_random"}
"""Same partitioner as Kafka's Java clients, so that consumers can join topics by partition."""


def fixed(table: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Settings of ``CONSUMER`` or ``PRODUCER`` without the reasons."""
    return {name: value for name, (value, _reason) in table.items()}


def logged(client: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a client whose log lines go to the logger ``librdkafka`` instead of standard error."""
    return {"log_level": 6, **client, "logger": logging.getLogger("librdkafka")}


def make_client(make: Callable[[dict[str, Any]], Answer], settings: Mapping[str, Any]) -> Answer:
    """Make a client.

    Raises
    ------
    UsageError
        librdkafka refuses a setting. Its text names the setting. It shows a value only for settings with a fixed list
        of values, and no secret is one of these.
    """
    try:
        return make(dict(settings))
    except KafkaException as error:
        msg = f"kafka client settings: required what librdkafka takes, got {text_of(error)}; correct the setting"
        raise UsageError(msg) from error


class Described(NamedTuple):
    """Id and number of partitions of a topic."""

    id: str
    partitions: int


class Log(NamedTuple):
    """State of one partition.

    ``topic`` is the name in the contracts, ``name`` the name on the broker (with a prefix). ``start`` is the first
    available offset, ``end`` the offset behind the last committed message.
    """

    topic: str
    name: str
    partition: int
    topic_id: str
    start: int
    end: int


def ask_topics(admin: AdminClient, names: Iterable[str]) -> dict[str, Any]:
    """Request descriptions of topics without waiting; `described` reads the answers."""
    return admin.describe_topics(TopicCollection(list(names)), request_timeout=REQUEST_SECONDS)


def described(future: Any) -> Described | None:
    """Wait for the description of one topic; None if there is no such topic.

    Raises
    ------
    KafkaException
        When the broker does not answer or refuses.
    """
    try:
        answer = future.result(2 * REQUEST_SECONDS)
    except KafkaException as error:
        if error.args[0].code() in GONE:
            return None
        raise
    return Described(str(answer.topic_id), len(answer.partitions))


def describe(admin: AdminClient, names: Sequence[str], *, missing_ok: bool = False) -> dict[str, Described]:
    """Describe topics: id and number of partitions of each.

    Raises
    ------
    TidegaugeError
        Names all topics that are missing, unless ``missing_ok``: then they are left out.
    KafkaException
        When the broker does not answer or refuses.
    """
    asked = ask_topics(admin, names)
    answers = {name: described(asked[name]) for name in names}
    found = {name: answer for name, answer in answers.items() if answer is not None}
    missing = ", ".join(name for name in names if name not in found)
    if missing and not missing_ok:
        msg = f"kafka topics: required {missing}, got none of that name; create with: tidegauge topics create"
        raise RefusedError(msg)
    return found


def find_logs(admin: AdminClient, names: Mapping[str, str], others: Sequence[str] = ()) -> list[Log]:
    """All partitions of some topics, by topic and number.

    Parameters
    ----------
    names
        Name on the broker by topic of the contracts.
    others
        Names of topics that must exist as well.

    Raises
    ------
    TidegaugeError
        When a topic is missing.
    KafkaException
        When a broker does not answer or refuses.
    """
    found = describe(admin, [*names.values(), *others])
    keys = [(name, partition) for name in names.values() for partition in range(found[name].partitions)]
    starts, ends = (offsets(admin, keys, spec) for spec in (OffsetSpec.earliest(), OffsetSpec.latest()))
    return [
        Log(topic, name, at, found[name].id, starts[name, at], ends[name, at])
        for topic, name in sorted(names.items())
        for at in range(found[name].partitions)
    ]


def offsets(admin: AdminClient, keys: Iterable[Key], spec: OffsetSpec) -> dict[Key, int]:
    """First or next offset of every partition. Messages in open transactions do not count."""
    asked = admin.list_offsets(
        {TopicPartition(*key): spec for key in keys},
        isolation_level=IsolationLevel.READ_COMMITTED,
        request_timeout=REQUEST_SECONDS,
    )
    return {(at.topic, at.partition): int(future.result(2 * REQUEST_SECONDS).offset) for at, future in asked.items()}


class Cluster:
    """Admin client with retries, used by commands and by the engine at its start.

    Parameters
    ----------
    client
        Settings of librdkafka for any client, ``bootstrap.servers`` among them.

    Raises
    ------
    UsageError
        When librdkafka refuses a setting.
    """

    def __init__(self, client: Mapping[str, Any]) -> None:
        self.servers = str(client["bootstrap.servers"])
        self._complaints: list[KafkaError] = []
        self._reached = False
        self.admin = make_client(AdminClient, {**QUIET, **client, "error_cb": self._complaints.append})

    def problem(self) -> str | None:
        """Why no broker answers; None if one does. It takes at most about ``PROBE_SECONDS``.

        Raises
        ------
        TidegaugeError
            The brokers refuse the login; waiting does not help.
        """
        del self._complaints[:]
        asked = self.admin.describe_cluster(request_timeout=PROBE_SECONDS)
        started = time.monotonic()
        deadline = started + PROBE_SECONDS + 1
        while not asked.done() and time.monotonic() < deadline:
            self.admin.poll(0.05)
            if any(complaint.code() == KafkaError._ALL_BROKERS_DOWN for complaint in self._complaints):
                deadline = min(deadline, started + GRACE_SECONDS)
        error = asked.exception(0) if asked.done() else KafkaException(KafkaError(KafkaError._TIMED_OUT))
        # A broker that refuses to describe the cluster has answered; codes below 0 are those of the client itself.
        if error is None or (isinstance(error, KafkaException) and error.args[0].code() > 0):
            self._reached = True
            return None
        self.admin.poll(0)
        if any(complaint.code() in CREDENTIALS for complaint in self._complaints):
            raise self._unanswered(error)
        return str(self._unanswered(error))

    def ask(self, question: Callable[[AdminClient], Answer], seconds_max: float | None = None) -> Answer:
        """Run a request and retry errors that may pass, for at most ``ANSWER_SECONDS_MAX`` by default.

        Raises
        ------
        TidegaugeError
            When no broker can be connected to, none answers in time, or it refuses.
        """
        deadline = time.monotonic() + (seconds_max or ANSWER_SECONDS_MAX)
        self._reach(deadline)
        attempts = stamina.retry_context(
            on=_may_pass, attempts=None, timeout=max(deadline - time.monotonic(), RETRY_SECONDS_MIN),
            wait_initial=RETRY_SECONDS_MIN, wait_max=RETRY_SECONDS_MAX,
        )  # fmt: skip
        try:
            for attempt in attempts:
                with attempt:
                    return question(self.admin)
        except KafkaException as error:
            raise self._unanswered(error) from error
        msg = "stamina ends with an answer or an exception"
        raise AssertionError(msg)

    def _reach(self, deadline: float) -> None:
        """Wait for the first answer of a broker; a connection that is refused ends the wait at once."""
        told = False
        while not self._reached:
            problem = self.problem()
            if problem is None:
                return
            if self._complaints or time.monotonic() >= deadline:
                raise TidegaugeError(problem)
            if not told:
                told = True
                left = deadline - time.monotonic()
                _LOG.warning("kafka.bootstrap_servers %s: no broker answers yet; trying for %.0f s", self.servers, left)

    def ends(self, names: Sequence[str]) -> dict[str, int]:
        """Sum of the end offsets of each topic; raises as `ask` and `describe` do."""
        return self.ask(lambda admin: _ends(admin, names))

    def _unanswered(self, error: BaseException) -> TidegaugeError:
        self.admin.poll(0)
        # The first error names the problem with a broker. Later ones only say that all brokers are down.
        got = self._complaints[0].str() if self._complaints else "no answer"
        if not self._complaints and isinstance(error, KafkaException):
            got = text_of(error)
        return TidegaugeError(
            f"kafka.bootstrap_servers {self.servers}: required a broker that answers, got {got}; "
            "start it, or correct the address, rights or secrets"
        )


def _ends(admin: AdminClient, names: Sequence[str]) -> dict[str, int]:
    found = dict.fromkeys(names, 0)
    for log in find_logs(admin, dict(zip(names, names, strict=True))):
        found[log.topic] += log.end
    return found


def _may_pass(error: Exception) -> bool:
    """Whether a retry may help. It does not help against missing rights."""
    if not isinstance(error, KafkaException):
        return False
    cause: KafkaError = error.args[0]
    return not cause.fatal() and "AUTHORIZATION" not in cause.name()


def text_of(error: KafkaException) -> str:
    """Text of an exception of librdkafka."""
    cause = error.args[0]
    return cause.str() if isinstance(cause, KafkaError) else str(cause)
