"""Table of Kafka errors that end a run, with what was required and the fix.

Source and sinks use it. Transient errors are not in it: librdkafka retries them without limit.
"""

from typing import NamedTuple

from confluent_kafka import KafkaError

GONE = frozenset(
    {
        KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION,
        KafkaError.UNKNOWN_TOPIC_ID, KafkaError.TOPIC_EXCEPTION,
    }
)  # fmt: skip
MOVED = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})
"""The log does not have the next offset."""
TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})
CREDENTIALS = frozenset({KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError._SSL})
FORBIDDEN = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)


class _Kind(NamedTuple):
    codes: frozenset[int]
    required: str
    fix: str


_KINDS = (
    _Kind(GONE, "a topic that exists", "create it (tidegauge topics), or correct the prefix"),
    _Kind(
        TOO_LARGE,
        "a record that is small enough for the topic",
        "raise max.message.bytes of the topic, and message.max.bytes of the client where it is the smaller one",
    ),
    _Kind(
        frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED}),
        "the right to use the topic",
        "allow the user of the engine READ on inputs, WRITE on outputs and DESCRIBE on both",
    ),
    _Kind(
        frozenset({KafkaError.GROUP_AUTHORIZATION_FAILED}),
        "the right to use the consumer group",
        "allow the user of the engine READ on the group",
    ),
    _Kind(
        frozenset({KafkaError.CLUSTER_AUTHORIZATION_FAILED}),
        "the right to write idempotently",
        "allow the user of the engine IDEMPOTENT_WRITE on the cluster",
    ),
    _Kind(
        CREDENTIALS,
        "a login that the brokers take",
        "correct the credentials and certificates of the client settings",
    ),
    _Kind(
        frozenset({KafkaError.POLICY_VIOLATION, KafkaError.INVALID_RECORD, KafkaError.INVALID_TIMESTAMP}),
        "a record that the rules of the topic allow",
        "relax the topic's settings; the log of the broker says which rule it was",
    ),
    _Kind(
        frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}),
        "to be the only producer of its id",
        "end the other process, then start again",
    ),
)
_OTHER = _Kind(frozenset(), "a client that can go on", "start again: what was not delivered is produced again")


def refusal(where: str, error: KafkaError) -> str:
    """Error message: where it happened, what was required, what was got, and the fix."""
    kind = next((kind for kind in _KINDS if error.code() in kind.codes), _OTHER)
    return f"{where}: required {kind.required}, got {error.name()} ({error.str()}); {kind.fix}"


def is_final(error: KafkaError, *, proven: bool) -> bool:
    """Whether a connection error ends the run.

    ``proven`` says whether the login has worked before. Then a failed login means that the authentication service is
    down, which may pass.
    """
    return error.fatal() or error.code() in FORBIDDEN or (error.code() in CREDENTIALS and not proven)
