"""Messages of one poll, grouped by partition."""

from itertools import groupby
from typing import Any

from confluent_kafka import Message
from hypothesis import given
from hypothesis import strategies as st

from flows.input.kafka_reader import _by_partition, _headers


def message(topic: str, partition: int, headers: Any = None) -> Message:
    """A message as a poll gives it."""
    return Message(topic=topic, partition=partition, offset=7, value=b"{}", headers=headers)


@given(st.lists(st.tuples(st.sampled_from(["orders", "shipments"]), st.integers(0, 2)), max_size=12))
def test_messages_of_a_partition_stay_together(places: list[tuple[str, int]]) -> None:
    """Cut wherever the partition changes, in order, nothing left out: as a loop over the messages would."""
    messages = [message(*place) for place in places]
    expected = [
        (place, [found for _, found in group]) for place, group in groupby(zip(places, messages, strict=True), _first)
    ]
    assert list(_by_partition(messages)) == expected


def _first(pair: tuple[tuple[str, int], Message]) -> tuple[str, int]:
    return pair[0]


def test_headers_are_there_where_any_message_has_some() -> None:
    """None for a block without any; of one name the last counts, and a header without a value is empty."""
    plain, rich = message("orders", 0), message("orders", 0, [("a", b"1"), ("b", None), ("a", b"2")])
    assert _headers([plain, plain]) is None
    assert _headers([plain, rich]) == [None, {"a": b"2", "b": b""}]
