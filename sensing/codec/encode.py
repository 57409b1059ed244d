"""An event record back to the JSON of its event, for rejects of machines, which no longer have the message."""

import math
from typing import Any

import orjson

from sensing.codec.columns import KINDS, VERSIONED
from sensing.codec.instants import date, rfc3339
from sensing.codec.record import NO_DAY, THOUSANDTHS, Kind
from sensing.contracts.common import VERSION_LAST
from sensing.contracts.topic_spec import event_type

EVENT_TYPES = {kind: event_type(struct) for struct, kind in KINDS.items()}


def reencode(record: Any) -> bytes:
    """JSON of the event that a record (one element of an EVENT array) was filled from, as far as the record keeps it.

    Customer, channel, region, promotion, reason and fields unknown to the contract are gone. Decoding the result gives
    the same record but for customer and promotion.
    """
    kind = Kind(int(record["kind"]))
    event: dict[str, Any] = {
        "event_id": _text(record, "event_id"),
        "event_type": EVENT_TYPES[kind],
        "event_time": rfc3339(int(record["time"])),
        "sku": _text(record, "sku"),
        "location": _text(record, "location"),
        "quantity": _units(int(record["quantity"])),
        "unit_of_measure": _text(record, "unit"),
    }
    event |= {name: _text(record, name) for name in ("order_id", "line", "currency") if record[name]}
    if kind in VERSIONED and record["version"] != VERSION_LAST:
        event["line_version"] = int(record["version"])
    if record["requested_day"] != NO_DAY:
        event["requested_date"] = date(int(record["requested_day"])).isoformat()
    if not math.isnan(record["price"]):
        event["unit_price"] = float(record["price"])
    return orjson.dumps(event)


def _text(record: Any, field: str) -> str:
    return bytes(record[field]).decode()


def _units(quantity: int) -> int | float:
    """Thousandths as the shortest number; up to 1e9 units a double holds three decimals exactly enough."""
    whole, rest = divmod(quantity, THOUSANDTHS)
    return quantity / THOUSANDTHS if rest else whole
