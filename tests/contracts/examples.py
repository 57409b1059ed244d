"""One complete event of every type with all fields, and its required fields; all written by hand."""

from typing import Any

Event = dict[str, Any]

_ITEM = {"sku": "SKU-1", "location": "DC-1"}
_ORDER = _ITEM | {
    "order_id": "SO-1",
    "line": "10",
    "unit_of_measure": "CASE",
    "customer": "C-1",
    "channel": "web",
    "region": "north",
    "requested_date": "2026-01-12",
    "unit_price": 2.5,
    "currency": "EUR",
    "promotion": "P-1",
    "quantity": 12.5,
}
_SHIPMENT = _ITEM | {
    "quantity": 3,
    "shipment_id": "SH-1",
    "order_id": "SO-1",
    "line": "10",
    "unit_of_measure": "CASE",
}
_PURCHASE = _ITEM | {
    "po_id": "PO-1",
    "line": "10",
    "line_version": 2,
    "supplier": "SUP-1",
    "unit_of_measure": "CASE",
}
_SCHEDULED = _PURCHASE | {"schedule_line": "1"}
_PROMISED = {"promised_date": "2026-02-01"}

_FIELDS: dict[str, dict[str, Event]] = {
    "orders": {
        "order.placed": _ORDER | {"line_version": 1, "quantity_open": 7.5},
        "order.changed": _ORDER | {"line_version": 2, "quantity": 0, "quantity_open": 0},
        "order.cancelled": _ORDER | {"line_version": 3},
        "order.closed": _ORDER | {"line_version": 4},
        "order.returned": _ORDER | {"restocked": False, "reason": "broken"},
        "order.allocated": _ORDER,
        "order.lost": _ORDER | {"reason": "no stock"},
        "demand.daily": _ITEM | {
            "quantity": 40.5, "order_lines": 6, "largest_line": 12.5, "unit_of_measure": "CASE",
            "unit_price": 2.5, "currency": "EUR",
        },
    },
    "shipments": {
        "shipment.shipped": _SHIPMENT,
        "shipment.delayed": _SHIPMENT | {"expected_date": "2026-01-20", "reason": "snow"},
        "shipment.backordered": _SHIPMENT | {"expected_date": "2026-01-20"},
        "shipment.substituted": _SHIPMENT | {"substitute_sku": "SKU-2"},
        "shipment.transferred": _SHIPMENT | {"to_location": "DC-2", "expected_date": "2026-01-12"},
        "shipment.delivered": _SHIPMENT,
    },
    "suppliers": {
        "po.placed": _PURCHASE | _PROMISED | {"quantity": 100, "quantity_open": 60},
        "po.confirmed": _SCHEDULED | _PROMISED | {"quantity": 90},
        "po.delayed": _SCHEDULED | _PROMISED | {"reason": "strike"},
        "po.shipped": _SCHEDULED | _PROMISED | {"quantity": 90},
        "po.received": _SCHEDULED | {"quantity": 40, "last": True},
        "po.cancelled": _SCHEDULED,
        "supplier.disrupted": {
            "supplier": "SUP-1", "sku": "SKU-1", "location": "DC-1", "delay_days": 4.5, "until": "2026-03-01",
            "reason": "flood",
        },
    },
    "inventory": {
        "inventory.counted": _ITEM | {"quantity": 0, "unit_of_measure": "CASE"},
        "inventory.adjusted": _ITEM | {"quantity": -7.5, "unit_of_measure": "CASE", "reason": "damaged"},
    },
    "reference": {
        "item.updated": {
            "sku": "SKU-1", "name": "Pump", "family": "F-1", "category": "food", "base_unit": "EA",
            "units": {"CASE": 12, "PAL": 480}, "unit_cost": 1.25, "unit_price": 2.5, "currency": "EUR",
            "supplier": "SUP-1", "lead_time_days": 9,
            "order_quantity_min": 24, "order_quantity_multiple": 12, "shelf_life_days": 90, "service_target": 0.97,
            "steward": "ann", "strategic": True, "regulated": False, "parts": {"SKU-2": 2, "SKU-3": 0.5},
            "aliases": ["4711"], "end_of_life": "2027-03-31", "successor": "SKU-9",
            "successor_from": "2026-09-01T00:00:00+02:00",
        },
        "location.updated": {
            "location": "DC-1", "time_zone": "Europe/Berlin", "calendar": "DE", "region": "north", "steward": "ann",
            "shipments": False,
        },
        "supplier.updated": {"supplier": "SUP-1", "lead_time_days": 9, "region": "north", "buyer": "bob"},
        "customer.updated": {"customer": "C-1", "strategic": True, "segment": "hospitals", "region": "north"},
        "calendar.updated": {
            "calendar": "DE", "closed_weekdays": [5, 6],
            "holidays": [{"date": "2026-12-25", "name": "Christmas", "closed": True}, {"date": "2026-12-26"}],
        },
        "policy.updated": _ITEM | {
            "service_target": 0.98, "review_days": 1, "cover_days": 14, "order_cost": 30, "holding_rate_year": 0.2,
            "order_quantity_min": 24, "order_quantity_multiple": 12, "dead_band": 0.1, "base_currency": "EUR",
            "forecast_variance_share": 0.5, "forecast_variance_units": 20,
            "forecast_variance_money": 500, "exception_money_min": 25, "rates": {"USD": 0.9, "GBP": 1.15},
            "demand": "dependent", "count_tolerance": 0.1, "transfer_days_late": 3,
            "decimals": {"EA": 0, "KG": 2},
        },
        "plan.published": _ITEM | {"start": "2026-01-05", "days": 28, "quantity_per_day": 4.5},
        "parameters.in_force": _ITEM | {
            "safety_stock": 10, "reorder_point": 50, "order_up_to": 90, "order_quantity": 48, "lead_time_days": 9,
            "proposed_version": 3,
        },
        "promotion.approved": _ITEM | {
            "promotion": "P-1", "start": "2026-02-01", "end": "2026-02-14", "uplift": 0.5,
        },
        "signal.observed": _ITEM | {
            "signal": "S-1", "kind": "weather", "family": "F-1", "region": "north", "value": -3.5,
            "value_date": "2026-01-07", "probability": 0.6, "quantity": 200, "horizon_days": 10,
        },
    },
    "decisions": {
        "decision.made": {
            "subject": "SKU-1/DC-1", "exception_id": "surge:SKU-1|DC-1:20260105", "exception_version": 2,
            "parameters_version": 3, "decision": "override", "label": "new_trend", "decider": "ann", "role": "planner",
            "reason": "known", "field": "reorder_point", "value": 60, "until": "2026-02-01", "sku": "SKU-1",
        },
        "execution.confirmed": {
            "subject": "SKU-1/DC-1", "parameters_version": 3, "action_id": "A-1", "reference": "ERP 4711",
            "sku": "SKU-1",
        },
    },
}  # fmt: skip

EXAMPLES: list[tuple[str, Event]] = [
    (
        topic,
        {"event_id": f"E-{event_type}", "event_type": event_type, "event_time": "2026-01-05T09:30:00.125Z"} | fields,
    )
    for topic, types in _FIELDS.items()
    for event_type, fields in types.items()
]
"""Topic and event, one of every type."""

_LINE = ("sku", "location", "quantity")
REQUIRED: dict[str, tuple[str, ...]] = {
    "order.placed": _LINE,
    "order.changed": (*_LINE, "line_version"),
    "order.cancelled": ("sku", "location"),
    "order.closed": ("sku", "location"),
    "order.returned": _LINE,
    "order.allocated": _LINE,
    "order.lost": _LINE,
    "demand.daily": (*_LINE, "order_lines"),
    "shipment.shipped": _LINE,
    "shipment.delayed": (*_LINE, "expected_date"),
    "shipment.backordered": _LINE,
    "shipment.substituted": (*_LINE, "substitute_sku"),
    "shipment.transferred": (*_LINE, "to_location"),
    "shipment.delivered": _LINE,
    "po.placed": ("sku", "location", "po_id", "quantity"),
    "po.confirmed": ("sku", "location", "po_id", "promised_date"),
    "po.delayed": ("sku", "location", "po_id", "promised_date"),
    "po.shipped": ("sku", "location", "po_id"),
    "po.received": ("sku", "location", "po_id", "quantity"),
    "po.cancelled": ("sku", "location", "po_id"),
    "supplier.disrupted": ("supplier",),
    "inventory.counted": _LINE,
    "inventory.adjusted": _LINE,
    "item.updated": ("sku",),
    "location.updated": ("location",),
    "supplier.updated": ("supplier",),
    "customer.updated": ("customer",),
    "calendar.updated": ("calendar",),
    "policy.updated": (),
    "plan.published": ("sku", "location", "start", "quantity_per_day"),
    "parameters.in_force": ("sku", "location"),
    "promotion.approved": ("promotion", "sku", "start", "end"),
    "signal.observed": ("signal", "kind"),
    "decision.made": ("subject", "decision", "decider", "role"),
    "execution.confirmed": ("subject",),
}
"""Required fields besides ``event_id``, ``event_type`` and, except for reference records, ``event_time``."""


def minimal(topic: str, event: Event) -> Event:
    """The event with only its required fields."""
    always = ("event_id", "event_type", *(() if topic == "reference" else ("event_time",)))
    return {name: event[name] for name in (*always, *REQUIRED[event["event_type"]])}


def example(event_type: str) -> Event:
    """The complete event of a type."""
    return next(event for _, event in EXAMPLES if event["event_type"] == event_type)
