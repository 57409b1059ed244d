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
from tests.machines.linked import Linked
from tests.machines.streams import Line, line, run, topic_of

Event = dict[str, Any]
DAY = 21
END = 34
ROW: Event = {"sku": "A", "location": "L"}
SETTINGS = Settings(shards=2, dead_band=0.0)
NONE: Event = {}


class Scenario(NamedTuple):
    """An event without its id, the lines around it, and values of fields that no rule makes."""

    event: Event
    around: tuple[Line, ...] = ()
    others: Event = NONE


def noon(day: float) -> int:
    """UTC ms of noon of a day."""
    return at(day, 12)


def world() -> list[Line]:
    """A row with its master data and five weeks of orders, and an event and a record with the id TWIN.

    An override near the end publishes the parameters of the rows, with their stock and open demand.
    """
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
        *(line("decision.made", f"look {row}", noon(END - 1), subject=row, decision="override", decider="ann",
               role="planner", field="order_quantity", value=50) for row in ("A/L", "A/M")),
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
    return run(Linked(in_order([*world(), *scenario.around, message]), end=at(END)), SETTINGS).plain()


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
GIANT = ORDER | {"quantity": 90_000}
SLIP = ORDER | {"quantity": 2_000, "unit_price": 0.01}
BULK = ORDER | {"quantity": 60}
"""Lines: usual, large, one that is held, and one that matters to a projection."""
PO = ROW | {"po_id": "P", "line": "1", "supplier": "S"}
SHIPMENT = ROW | {"order_id": "X", "line": "1", "quantity": 3}
TRANSFER = ROW | {"shipment_id": "T", "to_location": "M", "quantity": 8}

CASE: Event = {"unit_of_measure": "CASE"}
PALLET: Event = {"unit_of_measure": "PALLET"}
"""Units: one that the item has, and one that is refused."""
FIRST: Event = {"line_version": 1}
MINIMUM: Event = {"order_quantity_min": 500}
HELD_ID = f"quality:A|L|X|1:{date(DAY - 1).replace('-', '')}"
"""Id of the exception of SLIP_BEFORE."""

PLACED = line("order.placed", "placed", noon(DAY - 1), **ORDER)
CHANGED = line("order.changed", "two", noon(DAY + 1), **ORDER | {"quantity": 9}, line_version=2)
GIANT_BEFORE = line("order.placed", "placed", noon(DAY - 1), **GIANT)
SLIP_BEFORE = line("order.placed", "placed", noon(DAY - 1), **SLIP)
SLIP_LATER = line("order.placed", "slip", noon(DAY + 1), **SLIP | {"order_id": "Z"})
BULK_SOON = line("order.placed", "placed", noon(DAY - 1), **BULK, requested_date=date(DAY + 2))
BULK_FAR = line("order.placed", "placed", noon(DAY - 1), **BULK, requested_date=date(DAY + 20))
GIANT_LATER = line("order.placed", "giant", noon(DAY + 1), **GIANT | {"order_id": "Y"})
UNPRICED = line("order.placed", "big", at(END - 1, 22), **ROW, order_id="Y", quantity=900)
ELSEWHERE = line("order.placed", "m", noon(DAY), **ORDER | {"order_id": "M", "location": "M"})
LATE_IN_THE_DAY = line("order.placed", "late", at(END - 2, 23), **ORDER)
IN_CASES = line("order.placed", "case", noon(DAY), **ORDER | CASE)
OTHER_SYSTEM = line("order.placed", "k", noon(DAY), **ORDER | {"order_id": "K", "sku": "K", "location": "K"})
LINKED: Event = {"parts": {"B": 2}, "aliases": ["K"], "successor": "B", "successor_from": noon(DAY + 2)}
"""Values of the fields that link an item to others."""
NAMELESS = (
    line("order.placed", "n1", noon(DAY), **ORDER | {"order_id": "N", "sku": "NONE"}),
    line("order.placed", "n2", noon(DAY), **ORDER | {"order_id": "N", "location": "NONE"}),
    line("order.placed", "n3", noon(DAY), **ORDER | {"order_id": "N"} | {"unit_of_measure": "PALLET"}),
    line("po.placed", "n4", noon(DAY), **ROW, po_id="N", supplier="NONE", quantity=5),
)
NAMED_LATER = line("order.placed", "later", noon(DAY + 3), **ROW, order_id="N", quantity=30, promotion="flyer")
COSTS = line("policy.updated", "costs", None, order_cost=40, holding_rate_year=0.2)
FEW_LEFT = line("inventory.counted", "low", noon(DAY - 1), quantity=5, **ROW)
SOME_LEFT = line("inventory.counted", "some", noon(DAY - 1), quantity=110, **ROW)
SHIPPED_ONCE = line("shipment.shipped", "once", noon(DAY - 6), quantity=1, **ROW)
COUNTED_LATER = line("inventory.counted", "again", noon(DAY + 1), quantity=40, **ROW)
PO_PLACED = line("po.placed", "po2", noon(DAY - 2), **PO, quantity=60, promised_date=date(DAY + 2))
PO_CONFIRMED = line("po.confirmed", "po3", noon(DAY + 1), **PO, promised_date=date(DAY + 8), line_version=2)
PO_CONFIRMED_BEFORE = line("po.confirmed", "po3", noon(DAY - 1), **PO, promised_date=date(DAY + 8), line_version=2)
PO_PLACED_AGAIN = line("po.placed", "po5", noon(DAY + 1), **PO, quantity=30, line_version=2)
PO_NOW, PO_LATER = (
    line("po.confirmed", f"po {name}", noon(DAY - 1), **PO, quantity=30, promised_date=date(day), schedule_line=name)
    for name, day in (("NOW", DAY + 2), ("OTHER", DAY + 8))
)
PO_DELAYED = line("po.delayed", "po4", noon(DAY + 1), **PO, promised_date=date(DAY + 9))
SENT = line("shipment.transferred", "sent", noon(DAY - 1), **TRANSFER, expected_date=date(DAY + 6))
LARGER = tuple(orders("large", range(28, 31), 4.0, sku="A", location="L", quantity=60))
"""Usual numbers of lines that are thirty times as large."""
SOLD_AT_M = tuple(orders("m", range(END), 3.0, sku="A", location="M"))
"""They have the parameters of M published, with what is in transit to it."""
ARRIVED_IN_PART = line("shipment.delivered", "in", noon(DAY + 2), sku="A", location="M", shipment_id="T", quantity=1)
LOCATION_SHUT = line("location.updated", "l9", None, location="L", calendar="shut")
CALENDAR_SHUT = line("calendar.updated", "shut", None, calendar="shut", closed_weekdays=[0, 1, 2])
PLANNED = line("plan.published", "plan", noon(DAY - 5), **ROW, start=date(DAY), quantity_per_day=40)
OTHER_SIGNAL = line("signal.observed", "deal", noon(DAY - 6), **ROW, signal="OTHER", kind="opportunity",
                    probability=0.3, quantity=20)  # fmt: skip
WEATHER: Event = {"sku": "A", "location": "M", "family": "F", "region": "R", "signal": "heat", "kind": "weather"}
DRIVEN_BY_WEATHER = (
    line("item.updated", "i9", None, sku="A", family="F"),
    line("location.updated", "l8", None, location="M", region="R"),
    *(
        line(
            "signal.observed",
            f"w{day}",
            at(day - 1, 20),
            **WEATHER,
            value=14 + 12 * (day % 3 == 1),
            value_date=date(day),
        )
        for day in range(-45, DAY - 5)
    ),
    *(
        line("order.placed", f"hot{day}", at(day, 9), sku="A", location="M", quantity=10 + 20 * (day % 3 == 1))
        for day in range(-45, END)
    ),
)
"""Seven weeks in which three times as much is sold on hot days, so that the signal is in force."""
OTHER_PROMOTION = line(
    "promotion.approved", "p2", None, promotion="OTHER", sku="A", start=date(DAY + 3), end=date(DAY + 8)
)


def scenario(event_type: str, /, *around: Line, others: Event = NONE, **fields: Any) -> Scenario:
    """A scenario of an event at noon of DAY."""
    return Scenario({"event_type": event_type, **fields}, around, others)


def record(event_type: str, /, *around: Line, others: Event = NONE, **fields: Any) -> Scenario:
    """A scenario of a reference record that takes effect some days before."""
    return scenario(event_type, *around, others=others, event_time=noon(DAY - 5), **fields)


SCENARIOS: dict[str, list[Scenario]] = {
    "order.placed": [
        scenario("order.placed", CHANGED, others=CASE, **ORDER),
        scenario("order.placed", CHANGED, **GIANT),
        scenario("order.placed", CHANGED, **SLIP),
        scenario("order.placed", CHANGED, others={"quantity_open": 1}, **ORDER, quantity_open=2),
        scenario("order.placed", **ROW, quantity=4),
        scenario("order.placed", *LARGER, **ROW, quantity=4),
        scenario("order.placed", NAMED_LATER, **ORDER | {"quantity": 20}),
    ],
    "order.changed": [
        scenario("order.changed", PLACED, others=CASE | FIRST, **ORDER, line_version=2),
        scenario("order.changed", PLACED, **GIANT, line_version=2),
        scenario("order.changed", others={"quantity_open": 1}, **ORDER, line_version=2, quantity_open=2),
        scenario("order.changed", NAMED_LATER, **ORDER | {"quantity": 20}, line_version=1),
    ],
    "order.cancelled": [
        scenario("order.cancelled", PLACED, CHANGED, others=PALLET | FIRST, **ORDER),
        scenario("order.cancelled", GIANT_BEFORE, GIANT_LATER, **ORDER),
        scenario("order.cancelled", SLIP_BEFORE, SLIP_LATER, **ORDER),
    ],
    "order.closed": [
        scenario("order.closed", PLACED, CHANGED, others=PALLET | FIRST, **ORDER),
        scenario("order.closed", GIANT_BEFORE, GIANT_LATER, **ORDER),
        scenario("order.closed", SLIP_BEFORE, SLIP_LATER, **ORDER),
    ],
    "demand.daily": [
        scenario("demand.daily", UNPRICED, others=CASE, event_time=at(END - 1, 21), **ROW, quantity=40, order_lines=8,
                 unit_price=10, currency="EUR"),
    ],
    "order.returned": [scenario("order.returned", GIANT_LATER, others=CASE, **ORDER, restocked=True)],
    "order.allocated": [scenario("order.allocated", SOME_LEFT, BULK_FAR, others=CASE, **BULK | {"quantity": 50})],
    "order.lost": [
        scenario("order.lost", others=CASE, **ORDER),
        scenario("order.lost", **SLIP),
        scenario("order.lost", NAMED_LATER, **ORDER | {"quantity": 20}),
    ],
    "shipment.shipped": [scenario("shipment.shipped", PLACED, others=CASE, **SHIPMENT)],
    "shipment.delayed": [
        scenario("shipment.delayed", SOME_LEFT, BULK_SOON, others=PALLET, **SHIPMENT, expected_date=date(DAY + 20)),
        scenario("shipment.delayed", SENT, *SOLD_AT_M, sku="A", location="M", shipment_id="T", quantity=1,
                 expected_date=date(DAY + 16)),
    ],
    "shipment.backordered": [
        scenario("shipment.backordered", SOME_LEFT, BULK_SOON, others=PALLET, **SHIPMENT, expected_date=date(DAY + 20)),
    ],
    "shipment.substituted": [
        scenario("shipment.substituted", others=CASE, **SHIPMENT | {"sku": "B"}, substitute_sku="A"),
        scenario("shipment.substituted", COUNTED_LATER, **SHIPMENT | {"sku": "B"}, substitute_sku="A"),
        scenario("shipment.substituted", PLACED, **SHIPMENT, substitute_sku="B"),
    ],
    "shipment.transferred": [
        scenario("shipment.transferred", others=CASE, **SHIPMENT, to_location="M"),
        scenario("shipment.transferred", ARRIVED_IN_PART, *SOLD_AT_M, **TRANSFER, expected_date=date(DAY + 16)),
    ],
    "shipment.delivered": [
        scenario("shipment.delivered", PLACED, others=CASE, **SHIPMENT),
        scenario("shipment.delivered", SENT, *SOLD_AT_M, sku="A", location="M", shipment_id="T", quantity=1),
    ],
    "po.placed": [
        scenario("po.placed", PO_CONFIRMED, others=CASE | {"line_version": 3}, **PO, quantity=60,
                 promised_date=date(DAY + 2)),
        scenario("po.placed", PO_PLACED_AGAIN, others={"line_version": 3}, **PO, quantity=60),
    ],
    "po.confirmed": [
        scenario("po.confirmed", PO_PLACED, PO_CONFIRMED, others=CASE | {"line_version": 3}, **PO, quantity=50,
                 promised_date=date(DAY + 4)),
        scenario("po.confirmed", PO_PLACED, PO_NOW, PO_LATER, **PO, quantity=20, promised_date=date(DAY + 4),
                 schedule_line="NOW"),
    ],
    "po.delayed": [
        scenario("po.delayed", PO_PLACED, PO_CONFIRMED, others=PALLET | {"line_version": 3}, **PO,
                 promised_date=date(DAY + 30)),
    ],
    "po.shipped": [
        scenario("po.shipped", PO_PLACED, PO_CONFIRMED, others=PALLET | {"line_version": 3}, **PO,
                 promised_date=date(DAY + 30)),
    ],
    "po.received": [
        scenario("po.received", PO_PLACED, others=CASE, **PO, quantity=20),
        scenario("po.received", PO_PLACED, PO_NOW, PO_LATER, **PO, quantity=20, schedule_line="NOW"),
    ],
    "po.cancelled": [scenario("po.cancelled", PO_PLACED, PO_CONFIRMED_BEFORE, others=PALLET | FIRST, **PO)],
    "supplier.disrupted": [scenario("supplier.disrupted", PO_PLACED, supplier="S", delay_days=6)],
    "inventory.counted": [scenario("inventory.counted", others=CASE, **ROW, quantity=40)],
    "inventory.adjusted": [scenario("inventory.adjusted", others=CASE, **ROW, quantity=40)],
    "item.updated": [
        record("item.updated", FEW_LEFT, GIANT_LATER, SLIP_LATER, others=MINIMUM | {"units": {"CASE": 6}} | LINKED,
               sku="A", name="Pump", units={"CASE": 12}, unit_cost=6, unit_price=10, currency="EUR", supplier="S"),
        record("item.updated", IN_CASES, others={"units": {"CASE": 6}} | LINKED, sku="A", units={"CASE": 12}),
        record("item.updated", OTHER_SYSTEM, others={"units": {"CASE": 6}} | LINKED, sku="A"),
        record("item.updated", others={"units": {"CASE": 6}} | LINKED | {"successor": "D"}, sku="A", successor="B",
               successor_from=noon(DAY)),
        record("item.updated", COSTS, ELSEWHERE, others={"units": {"CASE": 6}} | LINKED, sku="A", unit_price=10,
               currency="EUR", supplier="S"),
    ],
    "location.updated": [
        record("location.updated", CALENDAR_SHUT, SLIP_LATER, COUNTED_LATER, LATE_IN_THE_DAY, location="L",
               region="north", others={"time_zone": "Asia/Kathmandu", "calendar": "shut", "aliases": ["K"]}),
        record("location.updated", OTHER_SYSTEM, location="L", others={"aliases": ["K"]}),
    ],
    "supplier.updated": [
        record("supplier.updated", PO_PLACED, PO_DELAYED, supplier="S", lead_time_days=5, buyer="bob"),
    ],
    "customer.updated": [
        record("customer.updated", GIANT_LATER, customer="C", strategic=True, segment="shops", region="south"),
    ],
    "calendar.updated": [
        record("calendar.updated", LOCATION_SHUT, calendar="shut", closed_weekdays=[6],
               others={"closed_weekdays": [0, 1], "holidays": [{"date": date(DAY + 1)}, {"date": date(DAY + 2)}]}),
    ],
    "policy.updated": [
        record("policy.updated", order_cost=40, holding_rate_year=0.2, dead_band=0.05,
               others=MINIMUM | {"base_currency": "GBP", "rates": {"EUR": 2.0}, "decimals": {"EA": 1}}),
        record("policy.updated", GIANT_LATER, base_currency="USD", rates={"EUR": 1.1},
               others={"rates": {"EUR": 3.0}, "exception_money_min": 1e8}),
        record("policy.updated", sku="A", location="L", service_target=0.5, others={"rates": {"EUR": 3.0}}),
        record("policy.updated", SHIPPED_ONCE, COUNTED_LATER, count_tolerance=1.0),
        record("policy.updated", SENT, *SOLD_AT_M, transfer_days_late=3),
        record("policy.updated", PLANNED, forecast_variance_share=2.0, forecast_variance_units=0, others={
            "forecast_variance_share": 0.1}),
        record("policy.updated", PLANNED, forecast_variance_units=50_000, others={"forecast_variance_units": 1}),
        record("policy.updated", PLANNED, forecast_variance_money=1e6, others={"forecast_variance_money": 1}),
        record("policy.updated", *NAMELESS, unknown_item="accept", unknown_location="accept",
               unknown_supplier="accept", unknown_unit="quarantine", demand="both"),
    ],
    "plan.published": [record("plan.published", **ROW, start=date(DAY), days=28, quantity_per_day=4)],
    "parameters.in_force": [
        record("parameters.in_force", **ROW, safety_stock=5, reorder_point=60, order_up_to=90, order_quantity=48,
               lead_time_days=9),
    ],
    "promotion.approved": [
        record("promotion.approved", OTHER_PROMOTION, sku="A", promotion="P", start=date(DAY - 3), end=date(DAY - 1),
               others={"location": "M", "start": date(DAY - 9), "end": date(DAY + 1)}),
    ],
    "signal.observed": [
        record("signal.observed", OTHER_SIGNAL, **ROW, signal="deal", kind="opportunity", probability=0.5, quantity=90,
               horizon_days=30),
        record("signal.observed", *DRIVEN_BY_WEATHER, **WEATHER, value=26, value_date=date(DAY - 5), horizon_days=2),
    ],
    "decision.made": [
        scenario("decision.made", subject="A/L", decision="override", decider="ann", role="planner",
                 field="reorder_point", value=60, reason="known",
                 others={"field": "order_quantity", "sku": "B", "until": date(DAY + 3), "parameters_version": 1}),
        scenario("decision.made", SLIP_BEFORE, subject=HELD_ID, decision="acknowledge", decider="ann",
                 role="data_steward", others={"sku": "B", "exception_version": 99}),
    ],
    "execution.confirmed": [
        scenario("execution.confirmed", subject="A/L", others={"sku": "B", "parameters_version": 1}),
    ],
}  # fmt: skip
"""By event type: its scenarios. A field is read if another value changes the outputs of at least one."""
