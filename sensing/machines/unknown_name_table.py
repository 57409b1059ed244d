"""Unknown names of the roll-up: what all shards have reported about each, and the findings made of it.

A name is unknown while any shard that reported it has not reported that it is known. At most ``names_max`` names are
kept; messages about others are dropped and counted.
"""

import math
import zlib
from collections.abc import Sequence

import msgspec

from sensing.contracts.output_fields import CAUSES_MAX
from sensing.contracts.subjects import problem_key
from sensing.detection.finding import DetectionContext, Finding
from sensing.detection.lifecycle import Problems
from sensing.detection.master_data import MASTER_DATA, NamedEvents, UnknownName
from sensing.machine_settings import DAY_MS
from sensing.machines.machine_messages import NameKnown, RollUpMessage, UnknownEvent
from sensing.state.snapshot import Encoded, pack, unpack


class _Entry(msgspec.Struct):
    """One name: its events, and the shards for which it is unknown."""

    events: NamedEvents
    shards: set[int]


class _Dump(msgspec.Struct):
    refused: int
    entries: list[_Entry]


class UnknownNameTable:
    """All unknown names. ``refused`` counts messages that found no room."""

    def __init__(self, names_max: int) -> None:
        self.names_max = names_max
        self.refused = 0
        self._entries: dict[UnknownName, _Entry] = {}

    def fold(self, messages: Sequence[tuple[int, RollUpMessage]], instant: int) -> list[tuple[Finding, str | None]]:
        """Add the messages (shard, message) of one instant; returns a finding and a trace per name, in their order."""
        named = [
            (shard, message) for shard, message in messages if isinstance(message, (UnknownEvent, NameKnown))
        ]  # fmt: skip
        by_name: dict[UnknownName, list[UnknownEvent | NameKnown]] = {}
        for shard, message in sorted(named, key=lambda entry: entry[1].name):
            if self._add(shard, message):
                by_name.setdefault(message.name, []).append(message)
        return [self._finding(name, found, instant) for name, found in by_name.items()]

    def waiting(self, instant: int) -> list[Finding]:
        """Findings of the names for which events wait, in their order."""
        names = sorted(name for name, entry in self._entries.items() if entry.events.waiting)
        return [_finding(self._entries[name], instant, instant, ()) for name in names]

    def forget(self, problems: Problems) -> None:
        """Drop the names for which no event waits and whose problem has ended."""
        for name, entry in list(self._entries.items()):
            if not entry.events.waiting and not problems.is_tracked(MASTER_DATA.name, _key(entry)):
                del self._entries[name]

    def dump(self) -> bytes:
        """All names as bytes."""
        dump = _Dump(self.refused, list(self._entries.values()))
        return pack({"names": Encoded(dump, _Dump)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        dump: _Dump = unpack(block, {"names": _Dump})["names"]
        self.refused = dump.refused
        self._entries = {entry.events.name: entry for entry in dump.entries}

    def _add(self, shard: int, message: UnknownEvent | NameKnown) -> bool:
        """Add one message; False if its name is not kept."""
        entry = self._entries.get(message.name)
        if entry is None:
            if isinstance(message, NameKnown):  # its problem has expired
                return False
            if len(self._entries) >= self.names_max:
                self.refused += 1
                return False
            at = (message.time, message.event_id)
            entry = _Entry(NamedEvents(name=message.name, first=at, last=at), set())
            self._entries[message.name] = entry
        events = entry.events
        if isinstance(message, NameKnown):
            entry.shards.discard(shard)
            events.waiting -= message.released + message.moved
            events.released += message.released
            events.moved += message.moved
            return True
        entry.shards.add(shard)
        events.waiting += message.held
        events.refused += not message.held
        events.first = min(events.first, (message.time, message.event_id))
        events.last = max(events.last, (message.time, message.event_id))
        if message.quantity is not None:
            events.add_order(
                (message.sku or "", message.quantity_unit),
                message.quantity,
                message.money,
                message.currency,
                message.money_base,
            )
            events.base_currency = message.base_currency
        return True

    def _finding(
        self, name: UnknownName, messages: list[UnknownEvent | NameKnown], instant: int
    ) -> tuple[Finding, str | None]:
        entry = self._entries[name]
        entry.events.known = not entry.shards
        if entry.events.known:
            del self._entries[name]
            messages = [message for message in messages if isinstance(message, NameKnown)]
        causes = sorted((message.time, message.event_id, _trace(message)) for message in messages)
        ids = tuple(dict.fromkeys(event_id for _, event_id, _ in causes))
        return _finding(entry, instant, causes[-1][0], ids), causes[-1][2] or None


def _finding(entry: _Entry, instant: int, event_time: int, causes: tuple[str, ...]) -> Finding:
    events = entry.events
    sku, location = _context_names(events.name)
    # A number that is always the same for a name; its problem is found by its key.
    row = zlib.crc32(_key(entry).encode())
    rate = events.money_base / events.money if events.money and events.money_base is not None else math.nan
    context = DetectionContext(
        sku=sku, location=location, row=row, instant=instant, event_time=event_time, day=event_time // DAY_MS,
        price=1.0, rate=rate, base_currency=events.base_currency,
        currency=events.currency or None, cause_event_ids=causes[-CAUSES_MAX:],
    )  # fmt: skip
    return MASTER_DATA.finding(context, events)


def _trace(message: UnknownEvent | NameKnown) -> str:
    return (message.trace or "") if isinstance(message, UnknownEvent) else ""


def _context_names(name: UnknownName) -> tuple[str, str]:
    return (name.name if name.kind in ("item", "unit") else "", name.name if name.kind == "location" else "")


def _key(entry: _Entry) -> str:
    """Key of the name's problem."""
    names = [name for name in _context_names(entry.events.name) if name]
    return problem_key(*names, *MASTER_DATA.evaluate(entry.events).key)
