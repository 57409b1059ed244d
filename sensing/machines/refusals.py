"""Refusals: why master data refuse an event, and its dead letter. Row lookup, infrequent events and the quarantine use
it.
"""

from typing import Any, NamedTuple

import msgspec

from sensing.codec.encode import reencode
from sensing.codec.event_record import BASE_UNIT, SUPERSEDED, THOUSANDTHS, TOPICS, InfrequentEvent, Reject
from sensing.codec.kit_parts import is_derived, message_offset
from sensing.codec.shard_split import sku_of_event
from sensing.codec.text_table import EventTexts
from sensing.contracts.common import DEFAULT_UNIT, PRICE_MAX, QUANTITY_MAX, ItemEvent
from sensing.contracts.dead_letters import Reason
from sensing.contracts.shipments import Substituted
from sensing.machines.item_units import unit_factor
from sensing.machines.kernel_tables import DEAD_LETTER
from sensing.machines.ledger import put_dead_letter
from sensing.machines.shard_state import ShardState

KNOWN_ITEM = "an item that an item.updated record names"
KNOWN_LOCATION = "a location that a location.updated record names"
KNOWN_SUPPLIER = "a supplier that a supplier.updated record names"

BASE_QUANTITY_MAX = round(QUANTITY_MAX * THOUSANDTHS)
"""Thousandths of the base unit. Sums of millions of such quantities fit 64 bits."""
BASE_QUANTITY_REQUIRED = f"at most {QUANTITY_MAX:.0f} in the base unit"
BASE_PRICE_REQUIRED = f"at most {PRICE_MAX:.0f} per base unit"


DESCRIBED: tuple[Reason, ...] = ("version_conflict", "ambiguous_line")
"""Reasons whose ``got`` is a description, not a value of the event."""


class Refusal(NamedTuple):
    """Why an event is refused: reason, field, required, got."""

    reason: Reason
    field: str
    required: str
    got: str

    @property
    def shown(self) -> str:
        """What was got, for a dead letter: a value in quotes and cut, a description as it is."""
        return self.got if self.reason in DESCRIBED else repr(self.got)[:80]


def version_conflict(line: str, differing: list[tuple[str, str, str]]) -> Refusal:
    """The refusal of a version of ``line`` that is known with other content: field, stored and received value of each
    difference.
    """
    stored = ", ".join(f"{field} {kept}" for field, kept, _ in differing)
    received = ", ".join(f"{field} {got}" for field, _, got in differing)
    fields = ",".join(field for field, *_ in differing)
    return Refusal("version_conflict", fields, f"{line}: {stored}, or a higher line_version", received)


def exact_units(quantity: int) -> str:
    """Text of thousandths that shows any difference."""
    return f"{quantity / THOUSANDTHS:.13g}"


def unknown_item(sku: str, field: str = "sku") -> Refusal:
    """The refusal of an item without a record."""
    return Refusal("unknown_item", field, KNOWN_ITEM, sku)


def unknown_location(location: str, field: str = "location") -> Refusal:
    """The refusal of a location without a record."""
    return Refusal("unknown_location", field, KNOWN_LOCATION, location)


def unknown_unit(s: ShardState, sku: str, unit: str) -> Refusal:
    """The refusal of a unit that the item's record does not name."""
    return Refusal("unknown_unit", "unit_of_measure", units_of(s, sku), unit)


def refusal_of(s: ShardState, message: InfrequentEvent) -> Refusal | None:
    """Why master data refuse an infrequent event; None if they accept it.

    An item is known only to its own shard, so each shard checks its items.
    """
    event = message.event
    if isinstance(event, ItemEvent):
        for field in ("sku", "substitute_sku"):
            sku = getattr(event, field, None)
            if sku is None or (isinstance(event, Substituted) and not s.owns(sku)):
                continue
            if not s.supply.master.accepts_item(sku):
                return unknown_item(sku, field)
    for field in ("location", "to_location"):
        location = getattr(event, field, None)
        if location is not None and not s.locations.is_accepted(location):
            return unknown_location(location, field)
    supplier = getattr(event, "supplier", None)
    if supplier is not None and not s.supply.master.accepts_supplier(supplier):
        return Refusal("unknown_supplier", "supplier", KNOWN_SUPPLIER, supplier)
    unit = getattr(event, "unit_of_measure", None)
    return None if unit is None else _refusal_of_quantity(s, event, unit, message.named[0])


def _refusal_of_quantity(s: ShardState, event: Any, unit: str, old: str) -> Refusal | None:
    factor, quantity = unit_factor(s, event.sku, unit, old), getattr(event, "quantity", None)
    if factor is None:
        return unknown_unit(s, event.sku, unit)
    if quantity is not None and exceeds_base_quantity(quantity * THOUSANDTHS, factor):
        return Refusal("out_of_range", "quantity", BASE_QUANTITY_REQUIRED, f"{quantity:.12g} {unit}")
    return None


def exceeds_base_quantity(quantity: float, factor: float) -> bool:
    """Whether a quantity in thousandths is too large in the base unit."""
    return abs(quantity * factor) > BASE_QUANTITY_MAX


def refusal_of_record(s: ShardState, record: Any, texts: EventTexts) -> Refusal | None:
    """The same for a record, checked one by one; `row_lookup` checks whole batches."""
    sku, old = item_of(s, record, texts)
    if not s.supply.master.accepts_item(sku):
        return unknown_item(sku)
    if not s.locations.is_accepted(texts.location):
        return unknown_location(texts.location)
    unit = bytes(record["unit"]).decode() or BASE_UNIT
    return unknown_unit(s, sku, unit) if unit_factor(s, sku, unit, old) is None else None


def item_of(s: ShardState, record: Any, texts: EventTexts) -> tuple[str, str]:
    """The item that a record is about, and the superseded item that it names, empty if it names the item itself."""
    if not record["flags"] & SUPERSEDED:
        return texts.sku, ""
    return s.hand_overs.successions.successor(texts.sku, int(record["watermark"])), texts.sku


def units_of(s: ShardState, sku: str) -> str:
    """Text for ``required``: the units that master data know for an item."""
    item = s.supply.master.item(sku)
    return "one of " + ", ".join([item.base_unit, *sorted(item.units)]) if item is not None else "any unit"


def answers_for(s: ShardState, event: Any) -> bool:
    """Whether this shard answers for an event: the shard of its SKU does, or the first one if it has no SKU."""
    sku = sku_of_event(event)
    return s.shard == 0 if sku is None else s.owns(sku)


def reject_infrequent(s: ShardState, message: InfrequentEvent, refusal: Refusal) -> int:
    """Put out an infrequent event as a dead letter, encoded again; returns the outcome to count."""
    # A kit's own event names the same location and is refused as well.
    if answers_for(s, message.event) and not (is_derived(message) and refusal.reason == "unknown_location"):
        reject = Reject(
            value=_encoded(s, message), headers={}, topic=TOPICS[message.topic], partition=message.partition,
            offset=message_offset(message.offset), time=message.time, reason=refusal.reason,
            field=refusal.field, required=refusal.required, got=refusal.shown,
        )  # fmt: skip
        put_dead_letter(s.outbox, s.clock, reject, original=False)
    return DEAD_LETTER


def _encoded(s: ShardState, message: InfrequentEvent) -> bytes:
    """An infrequent event as JSON; that of a kit's part names the part's base unit, if its record is known."""
    event = message.event
    if is_derived(message):
        item = s.supply.master.item(event.sku)
        event = msgspec.structs.replace(event, unit_of_measure=DEFAULT_UNIT if item is None else item.base_unit)
    return msgspec.json.encode(event)


def reject_record(s: ShardState, record: Any, texts: EventTexts, refusal: Refusal) -> None:
    """Put out a record as a dead letter, encoded again."""
    found = Reject(
        value=reencode(record, texts), headers={}, topic=TOPICS[record["topic"]], partition=int(record["partition"]),
        offset=message_offset(int(record["offset"])), time=int(record["time"]), reason=refusal.reason,
        field=refusal.field, required=refusal.required, got=refusal.shown,
    )  # fmt: skip
    put_dead_letter(s.outbox, s.clock, found, original=False)
