"""What the source says when it has to end: every text, word by word."""

import numpy as np
import pytest
from confluent_kafka import KafkaError

from flows.sources.kafka.errors import log_moved, more_partitions, must_end, recreated, stepped_back
from flows.sources.kafka.feed import Feed
from flows.sources.kafka.survey import Log
from sensing.codec.block import Block
from sensing.settings import Settings
from tests.flows.events import MONDAY, order

WAYS_OUT = (
    " Ways out: restore what is missing in the topic; or start anew, which reads every topic from its first message on "
    "and publishes what follows from that"
)


def test_a_log_without_the_offset_names_topic_partition_and_offsets() -> None:
    """Cut off in front, or shorter than it was, and the ways out."""
    assert str(log_moved("t.orders", 3, 7, 10, 20)) == (
        "topic t.orders partition 3: required offset 7, got a log of offsets 10 to 20 "
        "(the log was cut off before it was read)." + WAYS_OUT
    )
    assert str(log_moved("t.orders", 3, 27, 10, 20)) == (
        "topic t.orders partition 3: required offset 27, got a log of offsets 10 to 20 "
        "(the log is shorter than it was)." + WAYS_OUT
    )


def test_a_log_that_stepped_back_names_what_was_required() -> None:
    """The next offset is required, an earlier one came."""
    feed = Feed(0, Log("orders", "t.orders", 2, "id", 0, 9), 5, Settings())
    feed.take(Block.of([order(1, MONDAY)], np.array([5]), np.array([MONDAY])), 0.0)
    assert str(stepped_back(feed, 4)) == (
        "topic t.orders partition 2: required offset 6 or later, got 4 (the log stepped back)." + WAYS_OUT
    )


def test_a_topic_that_is_another_names_both_ids() -> None:
    """Made anew, or gone."""
    assert str(recreated("t.orders", "one", "two")) == (
        "topic t.orders: required the topic that was read so far (id one), got another one of that name (id two): "
        "it was deleted." + WAYS_OUT
    )
    assert str(recreated("t.orders", "one", None)) == (
        "topic t.orders: required the topic that was read so far (id one), got no topic of that name: it was deleted."
        + WAYS_OUT
    )
    assert str(more_partitions("t.orders", 3, 6)) == (
        "topic t.orders: required the 3 partitions that are read, got 6; start again, then all of them are read"
    )


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "TOPIC_AUTHORIZATION_FAILED"),
        (KafkaError.SASL_AUTHENTICATION_FAILED, "SASL_AUTHENTICATION_FAILED"),
        (KafkaError._AUTHENTICATION, "_AUTHENTICATION"),
        (KafkaError._SSL, "_SSL"),
    ],
)
def test_what_may_not_be_read_ends_the_run(code: int, name: str) -> None:
    """Rights and secrets do not mend themselves."""
    failure = must_end(KafkaError(code, "no"), proven=False)
    assert str(failure) == (
        f"kafka consumer: required the right to read, got {name}: no; mend the rights or the secrets"
    )


def test_a_login_that_worked_may_work_again() -> None:
    """Whoever checks logins may be away; a right that was taken away is another matter."""
    assert must_end(KafkaError(KafkaError._AUTHENTICATION, "no"), proven=True) is None
    assert must_end(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "no"), proven=True) is not None


def test_a_fatal_error_ends_the_run_and_others_may_pass() -> None:
    """The client says which of its errors it does not recover from."""
    fatal = must_end(KafkaError(KafkaError._FATAL, "gone", True), proven=True)
    assert str(fatal) == "kafka consumer: required a client that can go on, got _FATAL: gone; start again"
    assert must_end(KafkaError(KafkaError._ALL_BROKERS_DOWN, "down"), proven=False) is None
