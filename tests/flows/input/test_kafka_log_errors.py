"""Every error message with which the Kafka source ends a run."""

from flows.input.kafka_log_errors import log_moved, more_partitions, recreated, stepped_back
from sinks.kafka_client import Log

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
    log = Log("orders", "t.orders", 2, "id", 0, 9)
    assert str(stepped_back(log, 6, 4)) == (
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
