"""Quarantine of a shard: events whose item, location, supplier or unit is not named by master data (yet).

Invariants: every event in it waits for exactly one name. Names keep the order in which they were met, events the order
of arrival. At most ``events_max`` events are held; the caller refuses more. Names without waiting events (their events
became dead letters) are kept as well, at most ``REFUSED_NAMES_MAX``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT, InfrequentEvent
from sensing.codec.text_table import EventTexts
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.state.stored_batch import StoredEvent

REFUSED_NAMES_MAX = 1 << 16

RecordKey = tuple[str, str]
"""The record that a name waits for: kind (item, location or supplier) and key. A unit waits for its item."""


class HeldEvent(NamedTuple):
    """An event in quarantine: a record with its texts, or an infrequent event.

    ``record`` is an EVENT array of one. ``reported`` says that this shard has told the roll-up about the event.
    """

    record: NDArray[Any] | None
    texts: EventTexts | None
    infrequent: InfrequentEvent | None
    trace: str | None
    reported: bool


class WaitingName(msgspec.Struct):
    """An unknown name: numbers of the events that wait for it, and whether the roll-up was told about it."""

    numbers: list[int] = []
    reported: bool = False


class KeptEvent(msgspec.Struct):
    """A held event as it is stored, and its number."""

    number: int
    record: bytes
    texts: list[str]
    infrequent: StoredEvent | None
    trace: str | None
    reported: bool


class HandedEvent(msgspec.Struct):
    """A held event that is handed over, with the name that it waited for: the record's key, and a unit or none."""

    key: RecordKey
    unit: str
    kept: KeptEvent


class _Dump(msgspec.Struct):
    arrived: int
    names_refused: int
    events: list[KeptEvent]
    names: list[tuple[RecordKey, dict[str, WaitingName]]]


class Quarantine:
    """Held events by number of arrival, and the names that they wait for."""

    def __init__(self, events_max: int) -> None:
        self.events_max = events_max
        self.names_refused = 0
        self._arrived = 0
        self._events: dict[int, HeldEvent] = {}
        self._names: dict[RecordKey, dict[str, WaitingName]] = {}
        self._idle_names = 0

    def __len__(self) -> int:
        """Number of events."""
        return len(self._events)

    @property
    def full(self) -> bool:
        """Whether no more event may be held."""
        return len(self._events) >= self.events_max

    def hold(self, key: RecordKey, unit: str, event: HeldEvent, number: int | None = None) -> None:
        """Hold an event until ``key`` (and ``unit``, if not empty) is known; ``number`` if it was held before."""
        assert number is not None or not self.full, "the caller refuses events when it is full"
        if number is None:
            number = self._arrived
            self._arrived += 1
        units = self._names.setdefault(key, {})
        name = units.get(unit)
        if name is None:
            name = units[unit] = WaitingName()
        elif not name.numbers:
            self._idle_names -= 1
        name.numbers.append(number)
        name.reported |= event.reported
        self._events[number] = event

    def note_refused(self, key: RecordKey, unit: str) -> bool:
        """Remember a name whose event became a dead letter; False if there is no room, which is counted."""
        units = self._names.get(key, {})
        if unit not in units:
            if self._idle_names >= REFUSED_NAMES_MAX:
                self.names_refused += 1
                return False
            self._idle_names += 1
            units = self._names.setdefault(key, {})
            units[unit] = WaitingName()
        units[unit].reported = True
        return True

    def records(self) -> list[RecordKey]:
        """Records that names wait for, in order of first mention."""
        return list(self._names)

    def names_of(self, key: RecordKey) -> dict[str, WaitingName]:
        """Unknown names that wait for a record, by unit (empty: the name of the record itself)."""
        return dict(self._names.get(key, {}))

    def remove_name(self, key: RecordKey, unit: str) -> list[tuple[int, HeldEvent]]:
        """Remove a name that is known now; returns its events with their numbers, in order of arrival."""
        units = self._names[key]
        name = units.pop(unit)
        if not units:
            del self._names[key]
        if not name.numbers:
            self._idle_names -= 1
        return [(number, self._events.pop(number)) for number in sorted(name.numbers)]

    def remove_events(self, wanted: Callable[[HeldEvent], bool]) -> list[tuple[RecordKey, str, HeldEvent]]:
        """Remove events, in order of arrival, each with the name that it waits for; names stay."""
        found: list[tuple[int, RecordKey, str]] = []
        for key, units in self._names.items():
            for unit, name in units.items():
                taken = {number for number in name.numbers if wanted(self._events[number])}
                found += [(number, key, unit) for number in taken]
                name.numbers = [number for number in name.numbers if number not in taken]
                self._idle_names += bool(taken) and not name.numbers
        return [(key, unit, self._events.pop(number)) for number, key, unit in sorted(found)]

    def dump(self) -> bytes:
        """All events and names as bytes."""
        events = [kept(number, event) for number, event in self._events.items()]
        return pack({"quarantine": Encoded(_Dump(self._arrived, self.names_refused, events, list(self._names.items())),
                                           _Dump)})  # fmt: skip

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        dump: _Dump = unpack(block, {"quarantine": _Dump})["quarantine"]
        self._arrived, self.names_refused = dump.arrived, dump.names_refused
        self._events = {event.number: held(event) for event in dump.events}
        self._names = dict(dump.names)
        self._idle_names = sum(not name.numbers for units in self._names.values() for name in units.values())


def kept(number: int, event: HeldEvent) -> KeptEvent:
    """An event as it is stored."""
    record = b"" if event.record is None else event.record.tobytes()
    infrequent = None if event.infrequent is None else StoredEvent.of(0, event.infrequent)
    return KeptEvent(number, record, list(event.texts or ()), infrequent, event.trace, event.reported)


def held(stored: KeptEvent) -> HeldEvent:
    """The event again."""
    record = np.frombuffer(bytearray(stored.record), EVENT) if stored.record else None
    texts = EventTexts(*stored.texts) if stored.texts else None
    infrequent = None if stored.infrequent is None else stored.infrequent.infrequent()
    return HeldEvent(record, texts, infrequent, stored.trace, stored.reported)
