"""Classification of Kafka errors: permanent ones with their text, and temporary ones."""

import pytest
from confluent_kafka import KafkaError

from sinks.kafka_errors import is_final, refusal

KINDS = [
    (KafkaError.UNKNOWN_TOPIC_OR_PART, "required a topic that exists, got UNKNOWN_TOPIC_OR_PART", "tidegauge topics"),
    (KafkaError._UNKNOWN_TOPIC, "required a topic that exists", "create it"),
    (KafkaError.MSG_SIZE_TOO_LARGE, "required a record that is small enough", "raise max.message.bytes of the topic"),
    (KafkaError.TOPIC_AUTHORIZATION_FAILED, "required the right to use the topic", "READ on inputs, WRITE"),
    (KafkaError.GROUP_AUTHORIZATION_FAILED, "the right to use the consumer group", "READ on the group"),
    (KafkaError.CLUSTER_AUTHORIZATION_FAILED, "the right to write idempotently", "IDEMPOTENT_WRITE on the cluster"),
    (KafkaError._AUTHENTICATION, "required a login that the brokers take", "correct the credentials"),
    (KafkaError._SSL, "required a login that the brokers take", "certificates"),
    (KafkaError.POLICY_VIOLATION, "that the rules of the topic allow", "relax the topic's settings"),
    (KafkaError.INVALID_RECORD, "that the rules of the topic allow", "the log of the broker says"),
    (KafkaError._FENCED, "required to be the only producer of its id", "end the other process"),
    (KafkaError.INVALID_PRODUCER_EPOCH, "required to be the only producer of its id", "start again"),
    (
        KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
        "required a client that can go on",
        "what was not delivered is produced again",
    ),
]


@pytest.mark.parametrize(("code", "required", "fix"), KINDS)
def test_a_refusal_says_where_required_got_and_fix(code: int, required: str, fix: str) -> None:
    """Every kind of refusal names the place, what was required, Kafka's own words, and what to do."""
    error = KafkaError(code)
    text = refusal("output deliver-00, topic audit, record a/1", error)

    assert text.startswith("output deliver-00, topic audit, record a/1: required ")
    assert required in text
    assert f", got {error.name()} ({error.str()}); " in text
    assert text.index(fix) > text.index(required)


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,
    ],
)
def test_rights_and_logins_do_not_mend_themselves(code: int) -> None:
    """A client that may not do what it does ends the run."""
    assert is_final(KafkaError(code, "no"), proven=False)


def test_a_login_that_worked_may_work_again() -> None:
    """Whoever checks logins may be away; a right that was taken away is another matter."""
    assert not is_final(KafkaError(KafkaError._AUTHENTICATION, "no"), proven=True)
    assert is_final(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "no"), proven=True)


def test_a_fatal_error_ends_the_run_and_others_may_pass() -> None:
    """The client says which of its errors it does not recover from."""
    assert is_final(KafkaError(KafkaError._FATAL, "gone", True), proven=True)
    assert not is_final(KafkaError(KafkaError._ALL_BROKERS_DOWN, "down"), proven=False)
