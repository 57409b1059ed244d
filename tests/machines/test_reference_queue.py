"""Reference records take effect at their event time."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import InfrequentEvent, Topic
from sensing.contracts.reference import LocationUpdated
from sensing.machines import reference_queue
from sensing.machines.close_schedule import NEVER
from sensing.machines.reference_queue import ReferenceQueue, is_reference

arrivals = st.lists(
    st.tuples(st.integers(0, 6), st.none() | st.integers(0, 20), st.booleans(), st.integers(0, 25)), max_size=20
)


def record(number: int, time: int | None) -> InfrequentEvent:
    """Reference record number ``number`` that takes effect at ``time``."""
    event = LocationUpdated(event_id=f"r{number}", event_time=time, location=f"L{number}")
    return InfrequentEvent(event, time or 0, 0, Topic.REFERENCE, 0, number)


@given(arrivals)
def test_records_come_in_the_order_of_their_time(steps: list[tuple[int, int | None, bool, int]]) -> None:
    """By time, then arrival, like a sorted list; repeats are told by id; a dump at any point changes nothing."""
    queue, waiting, seen = ReferenceQueue(), list[tuple[int, int, Any]](), set[int]()
    for arrived, (number, time, dumped, until) in enumerate(steps):
        item = record(number, time)
        assert queue.add(item) == (number not in seen)
        if number not in seen:
            waiting.append((-NEVER if time is None else time, arrived, item.event))
        seen.add(number)
        waiting.sort(key=lambda entry: entry[:2])
        if dumped:
            again = ReferenceQueue()
            again.load(queue.dump())
            assert again.dump() == queue.dump()
            queue = again
        assert queue.next_time() == (waiting[0][0] if waiting else NEVER)
        due = [entry for entry in waiting if entry[0] <= until - 5]
        waiting = waiting[len(due) :]
        assert queue.take(until - 5) == [(event, time) for time, _, event in due]


def test_a_record_without_time_is_in_force_at_once() -> None:
    """It is due before any instant."""
    queue = ReferenceQueue()
    queue.add(record(1, None))
    assert queue.next_time() == -NEVER
    assert [event.location for event, _ in queue.take(-NEVER)] == ["L1"]


def test_ids_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the bound the oldest id is forgotten, and a repeat of it would count as new."""
    monkeypatch.setattr(reference_queue, "IDS_MAX", 2)
    queue = ReferenceQueue()
    assert [queue.add(record(number, 5)) for number in (1, 2, 1, 3, 2, 1)] == [True, True, False, True, False, True]
    assert len(queue.ids) == 2


def test_what_is_reference() -> None:
    """The topic tells."""
    item = record(1, None)
    assert is_reference(item)
    assert not is_reference(item._replace(topic=Topic.SUPPLIERS))
