"""What Kafka refuses for good, in words."""

import pytest
from confluent_kafka import KafkaError

from sinks.refusals import refusal

KINDS = [
    (KafkaError.UNKNOWN_TOPIC_OR_PART, "required a topic that exists, got UNKNOWN_TOPIC_OR_PART", "tidegauge topics"),
    (KafkaError._UNKNOWN_TOPIC, "required a topic that exists", "create it"),
    (KafkaError.MSG_SIZE_TOO_LARGE, "required a record that is small enough", "raise max.message.bytes of the topic"),
    (KafkaError.TOPIC_AUTHORIZATION_FAILED, "required the right to write", "allow the user of the engine WRITE"),
    (KafkaError.CLUSTER_AUTHORIZATION_FAILED, "the right to write idempotently", "IDEMPOTENT_WRITE on the cluster"),
    (KafkaError._AUTHENTICATION, "required a login that the brokers take", "mend the credentials"),
    (KafkaError._SSL, "required a login that the brokers take", "certificates"),
    (KafkaError.POLICY_VIOLATION, "that the rules of the topic allow", "relax the topic's settings"),
    (KafkaError.INVALID_RECORD, "that the rules of the topic allow", "the log of the broker says"),
    (KafkaError._FENCED, "required to be the only producer of its id", "end the other process"),
    (KafkaError.INVALID_PRODUCER_EPOCH, "required to be the only producer of its id", "start again"),
    (
        KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
        "required an acknowledgement",
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
