"""Encoder of event records back to JSON, for rejects of machines, which no longer have the original message."""

import math
from typing import Any

import orjson

from sensing.codec.columns import KINDS, VERSIONED
from sensing.codec.event_record import NO_DAY, NOT_GIVEN, NOT_RESTOCKED, THOUSANDTHS, Kind, Topic
from sensing.codec.instants import date, rfc3339
from sensing.codec.text_table import EventTexts
from sensing.contracts.common import VERSION_LAST
from sensing.contracts.topic_spec import event_type

EVENT_TYPES = {kind: event_type(struct) for struct, kind in KINDS.items()}


def reencode(record: Any, texts: EventTexts) -> bytes:
    """JSON of the event of a record (one element of an EVENT array), with the fields that the record has.

    Channel, region, promotion, reason and unknown fields are lost. Decoding the result gives the same record except for
    the promotion.
    """
    kind = Kind(int(record["kind"]))
    event: dict[str, Any] = {
        "event_id": texts.event_id,
        "event_type": EVENT_TYPES[kind],
        "event_time": rfc3339(int(record["time"])),
        "sku": texts.sku,
        "location": texts.location,
        "quantity": _units(int(record["quantity"])),
        "unit_of_measure": bytes(record["unit"]).decode(),
    }
    line = "" if record["topic"] == Topic.INVENTORY or kind == Kind.DAILY else texts.line
    more = {"order_id": texts.order_id, "line": line, "currency": bytes(record["currency"]).decode()}
    more["customer"] = texts.customer
    event |= {name: text for name, text in more.items() if text}
    if kind in VERSIONED and record["version"] != VERSION_LAST:
        event["line_version"] = int(record["version"])
    if kind == Kind.DAILY:
        event["order_lines"] = int(record["version"])
    if record["flags"] & NOT_RESTOCKED:
        event["restocked"] = False
    if record["quantity_open"] != NOT_GIVEN:
        event["largest_line" if kind == Kind.DAILY else "quantity_open"] = _units(int(record["quantity_open"]))
    if record["requested_day"] != NO_DAY:
        event["requested_date"] = date(int(record["requested_day"])).isoformat()
    if not math.isnan(record["price"]):
        event["unit_price"] = float(record["price"])
    return orjson.dumps(event)


def _units(quantity: int) -> int | float:
    """Thousandths as the shortest JSON number. Up to 1e9 units a double is precise to three decimals."""
    whole, rest = divmod(quantity, THOUSANDTHS)
    return quantity / THOUSANDTHS if rest else whole
