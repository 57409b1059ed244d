"""Item links: what master data say that crosses SKUs or names: parts of kits, and aliases of items and locations.

Source state: a source group learns it from the reference records that it reads, and the split uses it (see
`sensing.codec.aliases` and `sensing.codec.kit_parts`). A record of an item or location replaces its earlier ones from
its own event time on, so what an event means does not depend on when the record was read, if that was before the event.
"""

from typing import Any, NamedTuple

import msgspec

from sensing.codec.event_record import InfrequentEvent
from sensing.codec.hash_set import HashSet
from sensing.codec.identifiers import text_hashes
from sensing.codec.keys import row_key
from sensing.contracts.reference import ItemUpdated, LocationUpdated

FROM_THE_BEGINNING = -1
"""Effective time of records without one, before all events."""
EDITIONS_MAX = 16
"""Records of one item or location that are kept; the oldest go first, and the oldest kept one then holds from the
beginning."""
DEPTH_MAX = 8
"""Levels of kits within kits; parts further down are not resolved."""
PARTS_OF_KIT_MAX = 1000
"""Different parts of a kit over all levels; further ones are left out."""


class Part(NamedTuple):
    """A part of a kit, over all levels: base units in one base unit of the kit, and whether it is a kit itself."""

    sku: str
    quantity: float
    is_kit: bool


class _Kit(msgspec.Struct, frozen=True):
    """What one record of an item says of its parts and units."""

    parts: dict[str, float]
    base_unit: str
    units: dict[str, float]


_Kits = dict[str, list[tuple[int, _Kit]]]
_Names = dict[str, list[tuple[int, list[str]]]]
"""Aliases by own id."""


class _State(msgspec.Struct):
    kits: _Kits
    items: _Names
    locations: _Names


class ItemLinks:
    """Parts of kits and aliases, each with the times from which it holds.

    Attributes
    ----------
    kit_hashes, item_hashes, location_hashes
        Hashes of SKUs that ever were kits, and of aliases of items (as high halves of row keys) and locations (as
        `text_hashes`), for one test per batch.
    """

    def __init__(self) -> None:
        self._state = _State({}, {}, {})
        self._owners: dict[tuple[bool, str], set[str]] = {}  # own ids that ever had an alias, of items or locations
        self._dump: bytes | None = None  # of the present state
        self.kit_hashes, self.item_hashes, self.location_hashes = HashSet(), HashSet(), HashSet()

    def learn(self, message: InfrequentEvent) -> None:
        """Take in a reference record; those of other types are ignored."""
        event = message.event
        time = FROM_THE_BEGINNING if getattr(event, "event_time", None) is None else message.time
        if isinstance(event, ItemUpdated):
            if event.parts or event.sku in self._state.kits:
                kit = _Kit(dict(event.parts), event.base_unit, dict(event.units))
                _put(self._state.kits.setdefault(event.sku, []), time, kit)
                self.kit_hashes.add(item_hash(event.sku))
                self._dump = None
            self._name(self._state.items, event.sku, event.aliases, time, items=True)
        elif isinstance(event, LocationUpdated):
            self._name(self._state.locations, event.location, event.aliases, time, items=False)

    def item(self, sku: str, time: int) -> str:
        """The SKU that an event of ``time`` (UTC ms) means by a SKU."""
        return self._own(self._state.items, sku, time, items=True)

    def location(self, location: str, time: int) -> str:
        """The location that an event of ``time`` means by a location."""
        return self._own(self._state.locations, location, time, items=False)

    def is_kit(self, sku: str, time: int) -> bool:
        """Whether an item is a kit for events of ``time``."""
        kit = _at(self._state.kits.get(sku), time)
        return kit is not None and bool(kit.parts)

    def unit_factor(self, sku: str, unit: str, time: int) -> float | None:
        """Base units in one ``unit`` of a kit; None if its record does not have the unit."""
        kit = _at(self._state.kits.get(sku), time)
        if kit is None or unit == kit.base_unit:
            return 1.0
        found: float | None = kit.units.get(unit)
        return found

    def parts(self, sku: str, time: int) -> tuple[Part, ...]:
        """Parts of a kit for events of ``time``, of all levels, in the order of the records; empty if it is no kit."""
        found: dict[str, float] = {}
        self._add_parts(found, (sku,), 1.0, time)
        return tuple(Part(part, quantity, self.is_kit(part, time)) for part, quantity in found.items())

    def former_parts(self, sku: str, time: int) -> tuple[Part, ...]:
        """Parts that a kit had before ``time`` and has no longer, each with the quantity 0."""
        now = {part.sku for part in self.parts(sku, time)}
        found: dict[str, Part] = {}
        for since, _ in self._state.kits.get(sku, []):
            if since <= time:
                found |= {part.sku: part._replace(quantity=0.0) for part in self.parts(sku, since)}
        return tuple(part for name, part in found.items() if name not in now)

    def dump(self) -> bytes:
        """The whole state as bytes."""
        if self._dump is None:
            self._dump = msgspec.msgpack.encode(self._state)
        return self._dump

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        self._state = msgspec.msgpack.decode(block, type=_State)
        self._dump = None
        for sku in self._state.kits:
            self.kit_hashes.add(item_hash(sku))
        for names, items in ((self._state.items, True), (self._state.locations, False)):
            for name, editions in names.items():
                self._index(name, [alias for _, given in editions for alias in given], items=items)

    def _add_parts(self, found: dict[str, float], path: tuple[str, ...], quantity: float, time: int) -> None:
        kit = _at(self._state.kits.get(path[-1]), time)
        if kit is None or len(path) > DEPTH_MAX:
            return
        for part, each in kit.parts.items():
            sku = self.item(part, time)
            if sku in path or (sku not in found and len(found) == PARTS_OF_KIT_MAX):
                continue  # An item cannot be a part of itself.
            found[sku] = found.get(sku, 0.0) + quantity * each
            self._add_parts(found, (*path, sku), quantity * each, time)

    def _name(self, names: _Names, name: str, given: list[str], time: int, *, items: bool) -> None:
        """Let ``given`` mean ``name`` from ``time`` on, and no other alias."""
        if given or name in names:
            _put(names.setdefault(name, []), time, list(given))
            self._index(name, given, items=items)
            self._dump = None

    def _index(self, name: str, given: list[str], *, items: bool) -> None:
        for alias in given:
            self._owners.setdefault((items, alias), set()).add(name)
            if items:
                self.item_hashes.add(item_hash(alias))
            else:
                self.location_hashes.add(int(text_hashes([alias])[0]))

    def _own(self, names: _Names, alias: str, time: int, *, items: bool) -> str:
        """The id that has an alias at ``time`` by its newest record: of several the one with the newest record."""
        found = (FROM_THE_BEGINNING - 1, alias)
        for name in self._owners.get((items, alias), ()):
            since, given = _edition(names[name], time) or (0, [])
            if alias in given and alias != name:
                found = max(found, (since, name))
        return found[1]


def item_hash(sku: str) -> int:
    """Hash of a SKU: the high half of its rows' keys."""
    return int(row_key(sku, "")[0])


def _put(editions: list[tuple[int, Any]], time: int, value: Any) -> None:
    """Add an edition; of equal times the one added last holds."""
    at = len(editions)
    while at > 0 and editions[at - 1][0] > time:
        at -= 1
    if at > 0 and editions[at - 1][0] == time:
        editions[at - 1] = (time, value)
    else:
        editions.insert(at, (time, value))
    if len(editions) > EDITIONS_MAX:
        del editions[0]
        editions[0] = (FROM_THE_BEGINNING, editions[0][1])


def _edition(editions: list[tuple[int, Any]], time: int) -> tuple[int, Any] | None:
    """The newest edition that holds at a time, with the time from which it holds."""
    return next((edition for edition in reversed(editions) if edition[0] <= time), None)


def _at(editions: list[tuple[int, Any]] | None, time: int) -> Any:
    """What the newest edition that holds at a time says; None if there is none."""
    found = _edition(editions or [], time)
    return None if found is None else found[1]
