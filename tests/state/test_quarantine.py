"""The quarantine against a plain list of events and the names they wait for."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import EVENT, InfrequentEvent, Topic
from sensing.codec.text_table import EventTexts
from sensing.contracts.suppliers import SupplierDisrupted
from sensing.state import quarantine
from sensing.state.quarantine import HeldEvent, Quarantine, RecordKey

KEYS: list[tuple[RecordKey, str]] = [
    (("location", "X"), ""), (("item", "A"), ""), (("item", "A"), "CASE"), (("item", "A"), "BOX"),
]  # fmt: skip


def held(number: int) -> HeldEvent:
    """A record for even numbers, else an infrequent event."""
    if number % 2:
        event = SupplierDisrupted(event_id=f"e{number}", event_time=number, supplier="S")
        return HeldEvent(None, None, InfrequentEvent(event, number, 0, Topic.SUPPLIERS, 1, number, "t"), "t", False)
    record = np.zeros(1, EVENT)
    record["offset"] = number
    return HeldEvent(record, EventTexts("A", "X", "o", "", f"e{number}"), None, None, True)


def plain(events: list[tuple[int, HeldEvent]]) -> list[Any]:
    """Events as values that compare."""
    return [
        (number, event.record.tobytes() if event.record is not None else None, event[1:]) for number, event in events
    ]


def test_its_bound_counts_events() -> None:
    """Full is full, until a name is known."""
    full = Quarantine(2)
    seen = []
    for number, at in enumerate((0, 1)):
        seen.append(full.full)
        full.hold(*KEYS[at], held(number))
    assert [*seen, full.full] == [False, False, True]
    assert len(full) == 2
    assert [number for number, _ in full.remove_name(*KEYS[0])] == [0]
    assert (full.full, full.records()) == (False, [("item", "A")])


def test_refused_names_have_a_bound_of_their_own(monkeypatch: Any) -> None:
    """Beyond it a name is not remembered, which is counted; names with waiting events always have room."""
    monkeypatch.setattr(quarantine, "REFUSED_NAMES_MAX", 1)
    found = Quarantine(10)
    assert found.note_refused(*KEYS[0])
    assert found.note_refused(*KEYS[0])
    assert not found.note_refused(*KEYS[1])
    assert found.names_refused == 1
    found.hold(*KEYS[1], held(0))
    assert found.note_refused(*KEYS[1])
    # A name that gets a waiting event leaves its room to another.
    found.hold(*KEYS[0], held(2))
    assert found.note_refused(*KEYS[2])
    assert not found.note_refused(*KEYS[3])
    assert found.remove_name(*KEYS[2]) == []
    assert found.note_refused(*KEYS[3])


ACTIONS = st.lists(st.tuples(st.sampled_from(("hold", "refuse", "know", "restart")), st.integers(0, 3)), max_size=30)


@given(ACTIONS)
def test_it_is_a_list_of_events_by_name(actions: list[tuple[str, int]]) -> None:
    """Events of a name leave in the order of their arrival, whatever came between, and after any restart."""
    found = Quarantine(100)
    names: dict[int, list[tuple[int, HeldEvent]]] = {}
    told: set[int] = set()
    arrived = 0
    for action, at in actions:
        key, unit = KEYS[at]
        if action == "hold":
            found.hold(key, unit, held(arrived))
            names.setdefault(at, []).append((arrived, held(arrived)))
            told |= {at} if held(arrived).reported else set()
            arrived += 1
        elif action == "refuse":
            assert found.note_refused(key, unit)
            names.setdefault(at, [])
            told.add(at)
        elif action == "know" and at in names:
            assert found.names_of(key)[unit].reported == (at in told)
            assert plain(found.remove_name(key, unit)) == plain(names.pop(at))
            told.discard(at)
        elif action == "restart":
            block = found.dump()
            found = Quarantine(100)
            found.load(block)
            assert found.dump() == block
    assert len(found) == sum(map(len, names.values()))
    assert {(key, unit) for key in found.records() for unit in found.names_of(key)} == {KEYS[at] for at in names}
