"""A small made-up business that uses the rarer features, so that the warm-up compiles their kernels as well.

It sells a kit, an item under an alias, at an alias of the location, an item that is superseded and one whose base unit
changes. One order line is held, and a proposal is approved; goods are backordered, delayed, substituted and
transferred. Order lines come all night, so that some pass a day close that is under way.
"""

import datetime as dt
from pathlib import Path
from typing import Any

import orjson

START = dt.datetime(2026, 1, 5, 8, tzinfo=dt.UTC)
DAYS = 24
NIGHT_ITEMS = 24
CHANGE_DAY = 15
HELD = 1_000

Event = tuple[dt.datetime, str, dict[str, Any]]


def write_rare_events(folder: Path) -> None:
    """Write the event files of the business to ``folder``, which must exist."""
    files: dict[str, list[bytes]] = {}
    events = sorted([*_reference(), *_trade(), *_nights(), *_rarities()], key=lambda event: event[0])
    for number, (time, kind, fields) in enumerate(events):
        topic = _TOPICS[kind.partition(".")[0]]
        common = {"event_id": f"{kind}-{number}", "event_type": kind, "event_time": time.isoformat()}
        files.setdefault(topic, []).append(orjson.dumps(common | fields, option=orjson.OPT_APPEND_NEWLINE))
    for topic, lines in files.items():
        (folder / f"{topic}.ndjson").write_bytes(b"".join(lines))


_TOPICS = {
    "order": "orders", "shipment": "shipments", "inventory": "inventory", "item": "reference", "location": "reference",
    "decision": "decisions",
}  # fmt: skip


def _day(day: int, hour: float = 0.0) -> dt.datetime:
    return START + dt.timedelta(days=day, hours=hour)


def _reference() -> list[Event]:
    items: list[dict[str, Any]] = [
        {"sku": "KIT", "parts": {"PART": 2}},
        {"sku": "PART"},
        {"sku": "OLD", "aliases": ["OLD-2"], "successor": "NEW", "successor_from": _day(CHANGE_DAY).isoformat()},
        {"sku": "NEW"},
        {"sku": "ITEM", "units": {"BOX": 10}, "unit_price": 2.5, "currency": "EUR"},
    ]
    return [
        (_day(0), "location.updated", {"location": "L", "aliases": ["L-2"], "shipments": True}),
        (_day(0), "location.updated", {"location": "M", "shipments": True}),
        *((_day(0), "item.updated", item) for item in items),
        (_day(CHANGE_DAY), "item.updated", {"sku": "ITEM", "base_unit": "BOX", "units": {"EA": 0.1}}),
    ]


def _trade() -> list[Event]:
    events: list[Event] = [
        (_day(0, 0.5), "inventory.counted", {"sku": sku, "location": "L", "quantity": 500})
        for sku in ("PART", "OLD", "ITEM")
    ]
    for day in range(DAYS):
        for number, (sku, location) in enumerate((("KIT", "L"), ("OLD-2", "L-2"), ("ITEM", "L"), ("ITEM", "L"))):
            fields = {
                "order_id": f"{day}-{number}", "line": "1", "sku": sku, "location": location, "quantity": 3,
                "unit_of_measure": "EA", "unit_price": 2.5, "currency": "EUR",
            }  # fmt: skip
            shipped = {name: fields[name] for name in ("order_id", "line", "sku", "location", "quantity")}
            events.append((_day(day, 1 + number), "order.placed", fields))
            if day % 3:
                events.append((_day(day, 6 + number), "shipment.shipped", shipped | {"unit_of_measure": "EA"}))
    return events


def _nights() -> list[Event]:
    """Two order lines at once of an item every few minutes of the hour in which the engine closes a day."""
    return [
        (_day(day, 17.0 + number / NIGHT_ITEMS), "order.placed",
         {"order_id": f"{day}-night-{number}", "line": line, "sku": f"NIGHT-{number}", "location": "L", "quantity": 1})
        for day in range(DAYS) for number in range(NIGHT_ITEMS) for line in ("1", "2")
    ]  # fmt: skip


def _rarities() -> list[Event]:
    line = {"order_id": "3-2", "line": "1", "sku": "ITEM", "location": "L"}
    held = {"order_id": "held", "line": "1", "sku": "ITEM", "location": "L", "unit_price": 2.5, "currency": "EUR"}
    soon = str(_day(6).date())
    return [
        (_day(3, 7), "shipment.backordered", line | {"quantity": 2, "expected_date": soon}),
        (_day(3, 8), "shipment.delayed", line | {"quantity": 2, "expected_date": soon}),
        (_day(3, 9), "shipment.substituted", line | {"quantity": 1, "substitute_sku": "PART"}),
        (_day(4, 9), "shipment.transferred", {"sku": "ITEM", "location": "L", "to_location": "M", "quantity": 5}),
        (_day(10, 9), "order.placed", held | {"quantity": HELD}),
        (_day(20, 9), "decision.made", {"subject": "ITEM/L", "decision": "approve", "decider": "A", "role": "planner"}),
    ]
