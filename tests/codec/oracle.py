"""The slow and obvious decoder: ``json.loads`` and a check per field, against tables written by hand from the contract.

It shares no code with the codec and knows nothing of msgspec. A verdict is (reason, field) or ("taken", values).
"""

import datetime as dt
import json
from fractions import Fraction
from typing import Any

from tests.codec.checks import (
    Check,
    aliases,
    cleaned,
    currency,
    date,
    flag,
    free_text,
    holidays,
    identifier,
    integer,
    number,
    one_of,
    parts,
    table,
    time,
    time_ms,
    time_of_standing,
    weekdays,
)


class Wrong(Exception):
    """A fault: its reason and its field."""

    def __init__(self, verdict: tuple[str, str | None]) -> None:
        super().__init__(verdict)
        self.verdict = verdict


_ID, _SKU, _LOCATION, _UNIT = identifier(128), identifier(64), identifier(40), identifier(8)
_SUBJECT = identifier(128)
_CURRENCY = currency
_QUANTITY, _OR_ZERO, _SIGNED = number(0.0005, 1e9, above=True), number(0, 1e9), number(-1e9, 1e9)
_PRICE, _DAYS, _SHARE, _VERSION = number(0, 1e12), number(0, 3660), number(0, 1), integer(1, 2**31 - 2)
_REVISION = integer(1, 2**31 - 2)

_EVENT: dict[str, Check] = {"event_id!": _ID, "event_time!": time}
_REFERENCE: dict[str, Check] = {"event_id!": _ID, "event_time": time_of_standing}
_ITEM = _EVENT | {"sku!": _SKU, "location!": _LOCATION}
_ORDER = _ITEM | {
    "order_id": _ID, "line": _SKU, "unit_of_measure=": _UNIT, "customer": _ID, "channel": _ID, "region": _ID,
    "requested_date": date, "unit_price": _PRICE, "currency": _CURRENCY, "promotion": _ID,
}  # fmt: skip
_SHIPMENT = _ITEM | {
    "quantity!": _QUANTITY,
    "shipment_id": _ID,
    "order_id": _ID,
    "line": _SKU,
    "unit_of_measure=": _UNIT,
}
_PURCHASE = _ITEM | {
    "po_id!": _ID, "line": _SKU, "line_version": _VERSION, "supplier": _ID, "unit_of_measure=": _UNIT,
}  # fmt: skip
_SCHEDULE: dict[str, Check] = {"schedule_line": _SKU}
_HERE: dict[str, Check] = {"sku!": _SKU, "location!": _LOCATION}
_ANYWHERE: dict[str, Check] = {"sku": _SKU, "location": _LOCATION}

# A field with "!" is required. One with "=" has a default that is not null. Of an optional field, null and (free text
# aside) an empty text mean that it is absent.
TYPES: dict[str, dict[str, dict[str, Check]]] = {
    "orders": {
        "order.placed": _ORDER | {"quantity!": _QUANTITY, "line_version=": _VERSION, "quantity_open": _OR_ZERO},
        "order.changed": _ORDER | {"quantity!": _OR_ZERO, "line_version!": _VERSION, "quantity_open": _OR_ZERO},
        "order.cancelled": _ORDER | {"quantity=": _OR_ZERO, "line_version": _VERSION},
        "order.closed": _ORDER | {"quantity=": _OR_ZERO, "line_version": _VERSION},
        "order.returned": _ORDER | {"quantity!": _QUANTITY, "restocked=": flag, "reason": free_text},
        "order.allocated": _ORDER | {"quantity!": _QUANTITY},
        "order.lost": _ORDER | {"quantity!": _QUANTITY, "reason": free_text},
        "demand.daily": _ITEM | {
            "quantity!": _QUANTITY, "order_lines!": integer(1, 100_000), "largest_line": _QUANTITY,
            "unit_of_measure=": _UNIT, "unit_price": _PRICE, "currency": _CURRENCY,
        },
    },
    "shipments": {
        "shipment.shipped": _SHIPMENT,
        "shipment.delayed": _SHIPMENT | {"expected_date!": date, "reason": free_text},
        "shipment.backordered": _SHIPMENT | {"expected_date": date},
        "shipment.substituted": _SHIPMENT | {"substitute_sku!": _SKU},
        "shipment.transferred": _SHIPMENT | {"to_location!": _LOCATION, "expected_date": date},
        "shipment.delivered": _SHIPMENT,
    },
    "suppliers": {
        "po.placed": _PURCHASE | {"quantity!": _QUANTITY, "promised_date": date, "quantity_open": _OR_ZERO},
        "po.confirmed": _PURCHASE | {"promised_date!": date, "quantity": _QUANTITY} | _SCHEDULE,
        "po.delayed": _PURCHASE | {"promised_date!": date, "reason": free_text} | _SCHEDULE,
        "po.shipped": _PURCHASE | {"promised_date": date, "quantity": _QUANTITY} | _SCHEDULE,
        "po.received": _PURCHASE | {"quantity!": _QUANTITY, "last=": flag} | _SCHEDULE,
        "po.cancelled": _PURCHASE | _SCHEDULE,
        "supplier.disrupted": _EVENT | {"supplier!": _ID} | _ANYWHERE | {
            "delay_days=": _DAYS, "until": date, "reason": free_text,
        },
    },
    "inventory": {
        "inventory.counted": _ITEM | {"quantity!": _OR_ZERO, "unit_of_measure=": _UNIT},
        "inventory.adjusted": _ITEM | {"quantity!": _SIGNED, "unit_of_measure=": _UNIT, "reason": free_text},
    },
    "reference": {
        "item.updated": _REFERENCE | {
            "sku!": _SKU, "name": free_text, "family": _ID, "category": _ID, "base_unit=": _UNIT,
            "units=": table((1, 8), number(0, 1e6, above=True)), "unit_cost": _PRICE, "unit_price": _PRICE,
            "currency": _CURRENCY,
            "supplier": _ID, "lead_time_days": _DAYS,
            "order_quantity_min": _OR_ZERO, "order_quantity_multiple": _OR_ZERO, "shelf_life_days": _DAYS,
            "service_target": _SHARE, "steward": _ID, "strategic=": flag, "regulated=": flag,
            "parts=": parts, "aliases=": aliases(_SKU), "end_of_life": date, "successor": _SKU,
            "successor_from": time_of_standing,
        },
        "location.updated": _REFERENCE | {
            "location!": _LOCATION, "time_zone=": _ID, "calendar": _ID, "region": _ID, "steward": _ID,
            "shipments": flag,
            "aliases=": aliases(_LOCATION),
        },
        "supplier.updated": _REFERENCE | {"supplier!": _ID, "lead_time_days": _DAYS, "region": _ID, "buyer": _ID},
        "customer.updated": _REFERENCE | {"customer!": _ID, "strategic=": flag, "segment": _ID, "region": _ID},
        "calendar.updated": _REFERENCE | {"calendar!": _ID, "closed_weekdays=": weekdays, "holidays=": holidays},
        "policy.updated": _REFERENCE | _ANYWHERE | {
            "service_target": _SHARE, "review_days": _DAYS, "cover_days": _DAYS, "order_cost": _PRICE,
            "holding_rate_year": number(0, 10, above=True), "order_quantity_min": _OR_ZERO,
            "order_quantity_multiple": _OR_ZERO, "dead_band": _SHARE, "count_tolerance": _SHARE,
            "transfer_days_late": _DAYS, "decimals=": table((1, 8), integer(0, 3)),
            "forecast_variance_share": number(0, 100), "forecast_variance_units": _OR_ZERO,
            "forecast_variance_money": _PRICE, "exception_money_min": _PRICE,
            "base_currency": _CURRENCY, "rates=": table((3, 3), number(0, 1e9, above=True), currency),
            "demand": one_of("independent", "dependent", "both"),
            "unknown_item": one_of("accept", "dead_letter", "quarantine"),
            "unknown_location": one_of("accept", "dead_letter", "quarantine"),
            "unknown_supplier": one_of("accept", "dead_letter", "quarantine"),
            "unknown_unit": one_of("dead_letter", "quarantine"),
        },
        "plan.published": _REFERENCE | _HERE | {
            "start!": date, "days=": integer(1, 366), "quantity_per_day!": _OR_ZERO,
        },
        "parameters.in_force": _REFERENCE | _HERE | {
            "safety_stock": _OR_ZERO, "reorder_point": _OR_ZERO, "order_up_to": _OR_ZERO, "order_quantity": _OR_ZERO,
            "lead_time_days": _DAYS, "proposed_version": _REVISION,
        },
        "promotion.approved": _REFERENCE | {
            "promotion!": _ID, "sku!": _SKU, "location": _LOCATION, "start!": date, "end!": date,
            "uplift": number(-1, 100),
        },
        "signal.observed": _REFERENCE | {"signal!": _ID, "kind!": _ID} | _ANYWHERE | {
            "family": _ID, "region": _ID, "value": _SIGNED, "value_date": date, "probability": _SHARE,
            "quantity": _OR_ZERO, "horizon_days": _DAYS,
        },
    },
    "decisions": {
        "decision.made": _EVENT | {
            "subject!": _SUBJECT, "exception_id": _SUBJECT, "exception_version": _REVISION,
            "parameters_version": _REVISION,
            "decision!": one_of("acknowledge", "approve", "reject", "override", "label", "release"),
            "label": one_of("confirmed", "expected", "false_alarm", "new_trend"),
            "decider!": _ID, "role!": _ID, "reason": free_text, "field": _ID, "value": _OR_ZERO,
            "until": date, "sku": _SKU,
        },
        "execution.confirmed": _EVENT | {
            "subject!": _SUBJECT, "parameters_version": _REVISION, "action_id": _ID, "reference": free_text,
            "sku": _SKU,
        },
    },
}  # fmt: skip


def deep(value: bytes) -> bool:
    """Whether brackets outside texts are nested more than 256 levels."""
    depth, inside, escaped = 0, False, False
    for byte in value:
        if inside:
            inside, escaped = byte != ord('"') or escaped, byte == ord("\\") and not escaped
        elif byte == ord('"'):
            inside = True
        elif byte in b"[{":
            depth += 1
            if depth > 256:
                return True
        elif byte in b"]}":
            depth -= 1
    return False


class Twice(dict[str, Any]):
    """An object with a name that it has twice."""

    name = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    found = Twice(pairs)
    found.name = next((name for name in names if names.count(name) > 1), "")
    return found if len(set(names)) < len(names) else dict(pairs)


def _no_repeats(value: Any, whole: bool) -> None:
    """Refuse an object with a repeated name; with ``whole`` also one within the value."""
    if isinstance(value, Twice):
        name = value.name
        raise Wrong(("duplicate_key", name if len(name) <= 80 else name[:77] + "..."))
    if whole and isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            _no_repeats(each, True)


def _no_constant(literal: str) -> Any:
    raise Wrong(("not_json", None))


def parsed(value: bytes) -> Any:
    """The message as plain objects."""
    if len(value) > 2**20 or deep(value):
        raise Wrong(("too_large", None))
    try:
        # Python refuses integers with too many digits. They are read as floats, which no field accepts either.
        return json.loads(
            value.decode("utf-8"),
            parse_constant=_no_constant,
            object_pairs_hook=_object,
            parse_int=lambda digits: int(digits) if len(digits) < 1000 else float(digits),
        )
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise Wrong(("not_json", None)) from None


def judge(topic: str, value: bytes, headers: dict[str, bytes] | None = None) -> tuple[str, Any]:
    """Reason and field of the first fault of a message, or "taken" and its event."""
    try:
        return "taken", _event(topic, value, headers or {})
    except Wrong as wrong:
        return wrong.verdict


def _event(topic: str, value: bytes, headers: dict[str, bytes]) -> dict[str, Any]:
    event = parsed(value)
    if not isinstance(event, dict):
        raise Wrong(("not_an_object", None))
    _no_repeats(event, False)
    for header, field in (("ce_type", "event_type"), ("ce_id", "event_id"), ("ce_time", "event_time")):
        if header in headers and event.get(field) in (None, ""):
            event[field] = headers[header].decode()
    types = TYPES[topic]
    if "event_type" not in event:
        raise Wrong(("missing_field", "event_type"))
    if not isinstance(event["event_type"], str):
        raise Wrong(("wrong_type", "event_type"))
    if event["event_type"] not in types:
        raise Wrong(("unknown_event_type", "event_type"))
    for marked, check in types[event["event_type"]].items():
        name = marked.rstrip("!=")
        if name not in event:
            if marked.endswith("!"):
                raise Wrong(("missing_field", name))
            continue
        _no_repeats(event[name], True)
        given, event[name] = event[name], cleaned(check, event[name])
        if isinstance(given, dict) and len(given) > len(event[name]):
            raise Wrong(("duplicate_key", name))
        if not marked.endswith("!") and (event[name] is None or (event[name] == "" and check is not free_text)):
            del event[name]
        elif wrong := check(event[name]):
            raise Wrong((wrong, name))
    return event


def thousandths(value: float) -> int:
    """Thousandths of ``value``, taken as its shortest decimal text, rounded half to even."""
    return round(Fraction(repr(value)) * 1000)


KINDS = (
    *("order.placed", "order.changed", "order.cancelled", "order.closed", "order.returned", "order.lost"),
    *("shipment.shipped", "inventory.counted", "inventory.adjusted", "demand.daily"),
)
"""Event types that become records; their kinds count from 1."""


def record(event: dict[str, Any]) -> dict[str, Any] | None:
    """Expected record of a good event, without keys and party; None if the event is infrequent."""
    event_type = event["event_type"]
    if event_type not in KINDS:
        return None
    daily = event_type == "demand.daily"
    order_id = None if daily else event.get("order_id")
    version = event["order_lines"] if daily else 1
    ends = event_type in ("order.cancelled", "order.closed")
    if (ends or event_type in ("order.placed", "order.changed")) and order_id:
        version = event.get("line_version") or (2**31 - 1 if ends else 1)
    requested, price = None if daily else event.get("requested_date"), event.get("unit_price")
    epoch = dt.date(1970, 1, 1)
    keyed = not event_type.startswith("inventory") and not daily
    is_order = event_type.startswith("order") or daily
    promoted = is_order and not daily and event.get("promotion") is not None
    scrapped = event_type == "order.returned" and event.get("restocked") is False
    no_line = keyed and bool(order_id) and not event.get("line")
    stated = event.get("quantity_open") if event_type in ("order.placed", "order.changed") else None
    if daily:
        stated = event.get("largest_line")
    return {
        "kind": 1 + KINDS.index(event_type),
        "time": time_ms(event["event_time"]),
        "quantity": thousandths(float(event.get("quantity", 0))),
        "version": version,
        "price": None if price is None or not is_order else float(price),
        "requested_day": (dt.date.fromisoformat(requested) - epoch).days if requested and is_order else -(2**31),
        "flags": promoted + 2 * no_line + 8 * scrapped,
        "quantity_open": -1 if stated is None else thousandths(float(stated)),
        "sku": event["sku"],
        "location": event["location"],
        "event_id": event["event_id"],
        "unit": event.get("unit_of_measure", "EA").encode(),
        "order_id": (order_id or "") if keyed else "",
        "line": (event.get("line") or "") if keyed else "",
        "currency": (event.get("currency") or "").encode() if is_order else b"",
    }
