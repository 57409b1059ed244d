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
"""Records of one item or alias that are kept; the oldest go first, and the oldest kept one then holds from the
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
_Aliases = dict[str, list[tuple[int, str | None]]]


class _State(msgspec.Struct):
    kits: _Kits
    items: _Aliases
    locations: _Aliases


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
        self._named: dict[tuple[bool, str], tuple[str, ...]] = {}
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
        return _at(self._state.items.get(sku), time) or sku

    def location(self, location: str, time: int) -> str:
        """The location that an event of ``time`` means by a location."""
        return _at(self._state.locations.get(location), time) or location

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
        for sku, editions in self._state.items.items():
            self.item_hashes.add(item_hash(sku))
            self._recall(sku, editions, items=True)
        for location, editions in self._state.locations.items():
            self.location_hashes.add(int(text_hashes([location])[0]))
            self._recall(location, editions, items=False)

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

    def _name(self, aliases: _Aliases, name: str, given: list[str], time: int, *, items: bool) -> None:
        """Let ``given`` mean ``name`` from ``time`` on, and earlier aliases of ``name`` mean themselves again."""
        before = self._named.get((items, name), ())
        if not given and not before:
            return
        wanted = [alias for alias in given if alias != name]
        for alias in dict.fromkeys([*wanted, *before]):
            editions = aliases.setdefault(alias, [])
            if alias in wanted or _at(editions, time) == name:
                _put(editions, time, name if alias in wanted else None)
            hashes, value = (
                (self.item_hashes, item_hash(alias)) if items
                else (self.location_hashes, int(text_hashes([alias])[0]))
            )  # fmt: skip
            hashes.add(value)
        self._named[items, name] = tuple(dict.fromkeys([*before, *wanted]))
        self._dump = None

    def _recall(self, alias: str, editions: list[tuple[int, str | None]], *, items: bool) -> None:
        for _, name in editions:
            if name is not None:
                known = self._named.get((items, name), ())
                self._named[items, name] = tuple(dict.fromkeys([*known, alias]))


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


def _at(editions: list[tuple[int, Any]] | None, time: int) -> Any:
    """The newest edition that holds at a time; None if there is none."""
    if editions is None:
        return None
    return next((value for since, value in reversed(editions) if since <= time), None)
