"""Rejects of purchase-order lines: versions in conflict with what is known of a line.

`sensing.machines.infrequent_events` calls it. The event becomes a dead letter that names the line and every differing
field.
"""

from typing import Any

from sensing.codec.event_record import NO_DAY
from sensing.codec.instants import local_date
from sensing.machines.refusals import Refusal, exact_units, version_conflict
from sensing.machines.shard_state import ShardState
from sensing.supply.lanes import UNKNOWN
from sensing.supply.purchases import Conflict, line_key
from sensing.supply.schedule_lines import CANCELLED, CONFIRMED, DELAYED, PLACED, SHIPPED, UNTOLD, LineEvent

EVENT_TYPES = {
    PLACED: "po.placed", CONFIRMED: "po.confirmed", DELAYED: "po.delayed", SHIPPED: "po.shipped",
    CANCELLED: "po.cancelled",
}  # fmt: skip


def purchase_conflict(s: ShardState, event: Any, conflict: Conflict) -> Refusal:
    """Refusal of an event whose version of a line is known with other content."""
    po_id, line = line_key(event)
    named = f"line {line} of purchase order {po_id}, version {conflict.received.version} (event {event.event_id})"
    return version_conflict(named, _differences(s, conflict))


def _differences(s: ShardState, conflict: Conflict) -> list[tuple[str, str, str]]:
    """Fields in which an event differs from the one of its version: name, stored value, received value."""
    stored, received = conflict.stored, conflict.received
    (sku, location), (other_sku, other_location) = s.names_of(conflict.stored_row), s.names_of(conflict.received_row)
    names = [("sku", sku, other_sku), ("location", location, other_location)]
    if stored.kind != received.kind:
        pairs = [("event_type", EVENT_TYPES[stored.kind], EVENT_TYPES[received.kind]), *names]
    else:
        pairs = [
            ("quantity", _units(stored), _units(received)),
            *names,
            ("supplier", _supplier(s, stored, received), _supplier(s, received, stored)),
            ("promised_date", _day(stored), _day(received)),
        ]
    return [pair for pair in pairs if pair[1] != pair[2]]


def _units(event: LineEvent) -> str:
    return "none" if event.quantity == UNTOLD else exact_units(event.quantity)


def _day(event: LineEvent) -> str:
    return "none" if event.day == NO_DAY else local_date(event.day)


def _supplier(s: ShardState, event: LineEvent, other: LineEvent) -> str:
    """Supplier of an event; one that does not name it has that of the other."""
    return s.supply.lanes.names[other.supplier if event.supplier == UNKNOWN else event.supplier]
