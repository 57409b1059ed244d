"""Offset at which a saved run resumes."""

import pytest

from flows.input.kafka_source import resume_offset
from flows.input.source_group import GroupState
from flows.input.topic_partition import TopicPartition
from sinks.errors import TidegaugeError
from sinks.kafka_client import Log

LOG = Log("orders", "t.orders", 1, "one", 10, 20)


@pytest.mark.parametrize("offset", [10, 15, 20])
def test_a_saved_run_goes_on_where_it_was(offset: int) -> None:
    """At any offset that the log still has, its end included."""
    assert resume_offset(LOG, GroupState({TopicPartition("orders", 1): (offset, "one")}, 0, b"")) == offset


def test_what_a_saved_run_does_not_know_is_read_from_its_start() -> None:
    """A partition added since, and every partition where nothing was saved."""
    assert resume_offset(LOG, GroupState({TopicPartition("orders", 0): (12, "one")}, 0, b"")) == 10
    assert resume_offset(LOG, None) == 10


@pytest.mark.parametrize(
    ("offset", "topic_id", "told"),
    [
        (9, "one", "topic t.orders partition 1: required offset 9, got a log of offsets 10 to 20"),
        (21, "one", "topic t.orders partition 1: required offset 21, got a log of offsets 10 to 20"),
        (15, "zero", "topic t.orders: required the topic that was read so far (id zero), got another one"),
    ],
)
def test_a_saved_run_does_not_skip(offset: int, topic_id: str, told: str) -> None:
    """An offset that is gone, one that is not there yet, and another topic of the same name are refused."""
    with pytest.raises(TidegaugeError) as refused:
        resume_offset(LOG, GroupState({TopicPartition("orders", 1): (offset, topic_id)}, 0, b""))
    assert str(refused.value).startswith(told)
