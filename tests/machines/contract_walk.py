"""Scenarios of the contract walk: for every event type small streams in which each of its fields matters.

The walk replays a scenario with the event as it is, and once for every field with another value in it. To extend it,
add the field with a value to a scenario's event, or a scenario to its type. A value that `other_value` cannot make is
given in ``others``.
"""

import datetime as dt
from typing import Any, NamedTuple

import orjson
from msgspec import inspect

from sensing.codec.contract_fields import Field, unwrapped
from sensing.machine_settings import DAY_MS, Settings
from tests.claims import at, in_order, orders
from tests.machines.streams import Line, Stream, line, run, topic_of

Event = dict[str, Any]
DAY = 30
END = 44
ROW = {"sku": "A", "location": "L"}
SETTINGS = Settings(shards=2, dead_band=0.0)


class Scenario(NamedTuple):
    """An event without its id, the lines around it, and values of fields that no rule makes."""

    event: Event
    around: tuple[Line, ...] = ()
    others: Event = {}


def noon(day: float) -> int:
    """UTC ms of noon of a day."""
    return at(day, 12)


def world() -> list[Line]:
    """A row with its master data and six weeks of orders, and an event and a record with the id TWIN."""
    return [
        line("item.updated", "i1", None, sku="A", units={"CASE": 12}, unit_price=10, unit_cost=6, currency="EUR",
             supplier="S"),
        line("location.updated", "l1", None, location="L"),
        line("location.updated", "l2", None, location="M"),
        line("supplier.updated", "s1", None, supplier="S", lead_time_days=5),
        line("customer.updated", "c1", None, customer="C", strategic=True, segment="hospitals", region="north"),
        line("calendar.updated", "TWIN", None, calendar="other"),
        line("inventory.adjusted", "TWIN", at(2), quantity=1, **ROW),
        line("inventory.counted", "count", at(2, 1), quantity=500, **ROW),
        line("po.placed", "po0", at(3), po_id="P0", quantity=50, supplier="S", promised_date=date(9), **ROW),
        line("po.received", "po1", at(10), po_id="P0", quantity=50, **ROW),
        *orders("u", range(END), 5.0, sku="A", location="L", unit_price=10, currency="EUR"),
    ]  # fmt: skip


def date(day: int) -> str:
    """ISO date of a day; day 0 is a Monday."""
    return (dt.date(2026, 2, 2) + dt.timedelta(days=day)).isoformat()


def outputs(scenario: Scenario, changed: Event) -> Any:
    """All outputs, outcomes and parameters of a scenario whose event has some other values."""
    event = {"event_id": "E", "event_time": noon(DAY), **scenario.event, **changed}
    event = {name: value for name, value in event.items() if value is not None}
    message = Line(topic_of(event["event_type"]), orjson.dumps(event))
    return run(Stream(in_order([*world(), *scenario.around, message]), end=at(END)), SETTINGS).plain()


def other_value(field: Field, event: Event, given: Event) -> Any:
    """A value of a field that the event does not have: one that is given, or one made by its type."""
    if field.name in given:
        return given[field.name]
    now = event.get(field.name)
    if field.name == "event_id":
        return "TWIN"
    if field.name == "event_time":
        return noon(DAY) + 2 * DAY_MS
    match unwrapped(field.type):
        case inspect.StrType(max_length=most):
            return "OTHER" if most is None or most >= len("OTHER") else "USD"[:most]
        case inspect.BoolType():
            return not now
        case inspect.DateType():
            return date(DAY + 9)
        case inspect.IntType():
            return (now or 1) + 1
        case inspect.FloatType(le=most):
            return 0.75 if most == 1 else (now or 3) + 4
        case inspect.LiteralType(values=values):
            return next(value for value in values if value != now)
        case wanted:
            msg = f"contract walk: required a value of {field.name} in others, got none for {wanted!r}; give one"
            raise TypeError(msg)


ORDER = ROW | {"order_id": "X", "line": "1", "quantity": 4, "unit_price": 10, "currency": "EUR", "customer": "C"}
HELD = ORDER | {"quantity": 90_000}
TWO = line("order.changed", "two", noon(DAY + 1), **ROW, order_id="X", line="1", quantity=9, line_version=2)
PLACED = line("order.placed", "placed", noon(DAY - 1), **ORDER)
FLYERS = tuple(
    line("order.placed", f"f{k}", noon(DAY) + k, **ROW, quantity=20, promotion="flyer") for k in range(1, 4)
)
CASE = {"unit_of_measure": "CASE"}


def _order(kind: str, *around: Line, **fields: Any) -> list[Scenario]:
    """An order line as usual, and one that is held."""
    usual = {"event_type": kind, **ORDER, **fields}
    held = {"event_type": kind, **HELD, **fields}
    return [Scenario(usual, around, CASE), Scenario(held, around, CASE)]


_PO = ROW | {"po_id": "P", "line": "1", "supplier": "S"}
_PO_PLACED = line("po.placed", "po2", noon(DAY - 2), **_PO, quantity=60, promised_date=date(DAY + 2))
_SHIPMENT = ROW | {"order_id": "X", "line": "1", "quantity": 3}
_STOCKOUT = line("inventory.counted", "low", noon(DAY - 1), quantity=5, **ROW)
_GIANT = line("order.placed", "giant", noon(DAY + 1), **HELD)


def _reference(event_type: str, /, *around: Line, time: int | None = noon(DAY - 5), others: Event | None = None,
               **fields: Any) -> Scenario:  # fmt: skip
    return Scenario({"event_type": event_type, "event_time": time, **fields}, around, others or {})


SCENARIOS: dict[str, list[Scenario]] = {
    "order.placed": [
        *_order("order.placed", TWO),
        Scenario({"event_type": "order.placed", **ROW, "quantity": 4}),
        Scenario({"event_type": "order.placed", **ORDER, "quantity": 20}, FLYERS),
    ],
    "order.changed": [*_order("order.changed", PLACED, line_version=2), *_order("order.changed", PLACED, TWO, line_version=3)],
    "order.cancelled": [
        Scenario({"event_type": "order.cancelled", **ORDER}, (PLACED, TWO), CASE | {"line_version": 1}),
    ],
    "order.returned": [Scenario({"event_type": "order.returned", **ORDER}, (), CASE)],
    "order.allocated": [Scenario({"event_type": "order.allocated", **ORDER}, (), {})],
    "order.lost": _order("order.lost"),
    "shipment.shipped": [Scenario({"event_type": "shipment.shipped", **_SHIPMENT}, (PLACED,), CASE)],
    "shipment.delayed": [Scenario({"event_type": "shipment.delayed", **_SHIPMENT, "expected_date": date(40)}, (PLACED,))],
    "shipment.backordered": [Scenario({"event_type": "shipment.backordered", **_SHIPMENT}, (PLACED,))],
    "shipment.substituted": [
        Scenario({"event_type": "shipment.substituted", **_SHIPMENT, "sku": "B", "substitute_sku": "A"}, (), CASE),
    ],
    "shipment.transferred": [Scenario({"event_type": "shipment.transferred", **_SHIPMENT, "to_location": "M"}, (), CASE)],
    "shipment.delivered": [Scenario({"event_type": "shipment.delivered", **_SHIPMENT}, (PLACED,))],
    "po.placed": [
        Scenario({"event_type": "po.placed", **_PO, "quantity": 60, "promised_date": date(DAY + 2)}, (
            line("po.confirmed", "po3", noon(DAY + 1), **_PO, promised_date=date(DAY + 6), line_version=2),
        ), CASE | {"line_version": 3}),
    ],
    "po.confirmed": [
        Scenario({"event_type": "po.confirmed", **_PO, "promised_date": date(DAY + 4), "quantity": 50}, (
            _PO_PLACED, line("po.delayed", "po4", noon(DAY + 1), **_PO, promised_date=date(DAY + 8), line_version=2),
        ), CASE | {"line_version": 3}),
    ],
    "po.delayed": [
        Scenario({"event_type": "po.delayed", **_PO, "promised_date": date(DAY + 6)}, (
            _PO_PLACED, line("po.confirmed", "po4", noon(DAY + 1), **_PO, promised_date=date(DAY + 8), line_version=2),
        ), CASE | {"line_version": 3}),
    ],
    "po.shipped": [
        Scenario({"event_type": "po.shipped", **_PO, "promised_date": date(DAY + 6)}, (
            _PO_PLACED, line("po.confirmed", "po4", noon(DAY + 1), **_PO, promised_date=date(DAY + 8), line_version=2),
        ), CASE | {"line_version": 3}),
    ],
    "po.received": [Scenario({"event_type": "po.received", **_PO, "quantity": 20}, (_PO_PLACED,), CASE)],
    "po.cancelled": [
        Scenario({"event_type": "po.cancelled", **_PO}, (
            _PO_PLACED, line("po.confirmed", "po4", noon(DAY - 1), **_PO, promised_date=date(DAY + 8), line_version=2),
        ), CASE | {"line_version": 1}),
    ],
    "supplier.disrupted": [
        Scenario({"event_type": "supplier.disrupted", "supplier": "S", "delay_days": 6, "until": date(DAY + 20)},
                 (_PO_PLACED,), {"until": date(DAY - 9)}),
    ],
    "inventory.counted": [Scenario({"event_type": "inventory.counted", **ROW, "quantity": 40}, (), CASE)],
    "inventory.adjusted": [Scenario({"event_type": "inventory.adjusted", **ROW, "quantity": 40}, (), CASE)],
    "item.updated": [
        _reference(
            "item.updated", _STOCKOUT, _GIANT, sku="A", units={"CASE": 12}, unit_cost=6, unit_price=10,
            currency="EUR", supplier="S", others={"units": {"CASE": 6}},
        ),
        _reference(
            "item.updated", line("order.placed", "case", noon(DAY), **ORDER, unit_of_measure="CASE"), sku="A",
            units={"CASE": 12}, others={"units": {"CASE": 6}},
        ),
        _reference(
            "item.updated", line("location.updated", "l9", None, location="N"),
            line("order.placed", "n", noon(DAY + 1), order_id="N", sku="N", location="N", quantity=3),
            line("inventory.counted", "nc", noon(DAY - 1), sku="N", location="N", quantity=1),
            line("order.placed", "n2", noon(DAY + 1), order_id="N2", sku="N", location="N", quantity=80_000),
            sku="N", unit_price=10, currency="EUR",
            others={"units": {"CASE": 6}},
        ),
    ],
    "location.updated": [
        _reference("location.updated", _GIANT, location="L", others={"time_zone": "Asia/Kathmandu", "calendar": "shut"}),
        _reference(
            "location.updated", line("calendar.updated", "shut", None, calendar="shut", closed_weekdays=[0, 1, 2]),
            location="L", others={"time_zone": "Asia/Kathmandu", "calendar": "shut"},
        ),
    ],
    "supplier.updated": [_reference("supplier.updated", _STOCKOUT, _PO_PLACED, line(
        "po.delayed", "late", noon(DAY), **_PO, promised_date=date(DAY + 9)), supplier="S", lead_time_days=5)],
    "customer.updated": [_reference("customer.updated", _GIANT, customer="C", strategic=True, segment="shops", region="south")],
    "calendar.updated": [
        _reference(
            "calendar.updated", line("location.updated", "l9", None, location="L", calendar="shut"), calendar="shut",
            closed_weekdays=[6],
            others={"closed_weekdays": [0, 1], "holidays": [{"date": date(DAY + 1)}, {"date": date(DAY + 2)}]},
        ),
    ],
    "policy.updated": [
        _reference("policy.updated", order_cost=40, holding_rate_year=0.2, dead_band=0.05, others={"base_currency": "GBP", "rates": {"EUR": 2.0}}),
        _reference("policy.updated", _GIANT, order_cost=40, base_currency="USD", rates={"EUR": 1.1}, others={"rates": {"EUR": 3.0}}),
        _reference("policy.updated", sku="A", location="L", service_target=0.5, others={"rates": {"EUR": 3.0}}),
    ],
    "plan.published": [_reference("plan.published", **ROW, start=date(DAY), days=28, quantity_per_day=4)],
    "parameters.in_force": [_reference("parameters.in_force", **ROW, safety_stock=5, reorder_point=60, order_up_to=90,
                                       order_quantity=48, lead_time_days=9)],
    "promotion.approved": [_reference("promotion.approved", sku="A", promotion="P", start=date(DAY - 3), end=date(DAY - 1),
                                      others={"location": "M", "start": date(DAY - 9), "end": date(DAY + 1)})],
    "signal.observed": [_reference("signal.observed", signal="rain", kind="weather", value=3)],
    "decision.made": [
        Scenario({"event_type": "decision.made", "subject": "A/L", "decision": "override", "decider": "ann",
                  "role": "planner", "field": "reorder_point", "value": 60, "reason": "known"}, (), {
                      "field": "order_quantity", "sku": "B", "until": date(DAY + 3), "parameters_version": 1}),
    ],
    "execution.confirmed": [
        Scenario({"event_type": "execution.confirmed", "subject": "A/L"}, (), {"sku": "B", "parameters_version": 1}),
    ],
}  # fmt: skip
"""By event type: its scenarios. A field is read if another value changes the outputs of at least one."""
