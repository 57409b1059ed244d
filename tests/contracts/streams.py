"""Streams whose output records show all that the engine publishes. Checks of the published schemas use them."""

from collections.abc import Iterator
from functools import cache

import orjson

from sensing.codec.event_record import Reject
from sensing.machine_settings import Settings
from sensing.machines.ledger import put_dead_letter
from sensing.machines.outbox import Outbox
from sensing.outputs import OutputRecord
from tests.claims import at, in_order, orders
from tests.machines import contract_walk
from tests.machines.business import usual
from tests.machines.linked import Linked
from tests.machines.streams import Line, Result, Stream, line, run, topic_of

DAYS = 70
ROW = {"sku": "PUMP", "location": "LON"}
_DATE = contract_walk.date
SLIP = ROW | {
    "line": "1", "quantity": 2_000, "unit_price": 0.01, "currency": "EUR", "customer": "C1",
    "requested_date": _DATE(50),
}  # fmt: skip


def decide(day: float, subject: str, decision: str, /, role: str = "planner", **fields: object) -> Line:
    """A decision of a person."""
    return line("decision.made", f"{decision} {subject} {day}", at(day), subject=subject, decision=decision,
                decider="ann", role=role, **fields)  # fmt: skip


def decided() -> Stream:
    """What a business decides: proposals, held order lines, a large order; and decisions that cannot be read.

    The location falls silent at the end, another one does not.
    """
    held = {name: f"quality:PUMP|LON|{name}|1:{_DATE(day).replace('-', '')}" for name, day in (("S1", 40), ("S2", 41))}
    master = [
        line("item.updated", "i1", None, sku="PUMP", name="Pump", family="F", category="pumps", unit_cost=6,
             unit_price=10, currency="EUR", supplier="ACME", units={"CASE": 12}, steward="ann"),
        line("supplier.updated", "s1", None, supplier="ACME", lead_time_days=5, region="north", buyer="bob"),
        line("customer.updated", "c1", None, customer="C1", strategic=True, segment="shops", region="north"),
    ]  # fmt: skip
    broken = [
        Line("decisions", b'{"event_id":"bad","event_type":"decision.made","subject":"PUMP/LON","decider":"ann"}'),
        Line("decisions", b"no json"),
    ]
    lines = [
        *orders("p", range(45), 4.0, sku="PUMP", location="LON", unit_price=10, currency="EUR"),
        *orders("q", range(DAYS), 3.0, sku="PUMP", location="NYC"),
        line(
            "promotion.approved",
            "spring",
            at(15),
            promotion="SPRING",
            sku="PUMP",
            location="NYC",
            start=_DATE(20),
            end=_DATE(26),
            uplift=0.5,
        ),
        *orders("x", range(22, 24), 25.0, sku="PUMP", location="NYC"),
        *orders("l", range(30, 45), 1.0, sku="pump", location="LON"),
        line("order.placed", "s1", at(40, 9), order_id="S1", **SLIP),
        line("order.placed", "s2", at(41, 9), order_id="S2", **SLIP),
        line("order.placed", "large", at(42, 9), order_id="B", **ROW, quantity=900, requested_date=_DATE(44)),
        line("shipment.shipped", "out", at(43), order_id="B", **ROW, quantity=900),
        decide(40.5, held["S1"], "release", "data_steward", label="expected", reason="a new shop"),
        decide(41.5, held["S2"], "label", "data_steward", label="false_alarm"),
        decide(41.6, held["S2"], "reject", "data_steward", reason="asked them"),
        decide(43.2, "PUMP/LON", "reject", reason="wait"),
        decide(43.5, "PUMP/NYC", "approve"),
        decide(43.6, "PUMP/NYC", "override", field="lead_time_days", value=9, until=_DATE(46)),
        decide(43.7, "PUMP/NYC", "override", field="price", value=9),
        decide(43.8, "PUMP/NYC", "acknowledge"),
        decide(43.9, "PUMP/NYC", "approve", parameters_version=99),
    ]
    return Stream([*master, *in_order(lines)[:-100], *broken, *in_order(lines)[-100:]])


def walked() -> Iterator[Result]:
    """The scenarios of the contract walk, each as it is."""
    for scenarios in contract_walk.SCENARIOS.values():
        for scenario in scenarios:
            event = {"event_id": "E", "event_time": contract_walk.noon(contract_walk.DAY), **scenario.event}
            value = orjson.dumps({name: each for name, each in event.items() if each is not None})
            message = Line(topic_of(str(event["event_type"])), value)
            lines = in_order([*contract_walk.world(), *scenario.around, message])
            yield run(Linked(lines, end=at(contract_walk.END)), contract_walk.SETTINGS)


def refused() -> list[OutputRecord]:
    """The dead letter of a message with a key and headers, which lines of files have not."""
    headers = {"ce_id": b"7", "source": b"till"}
    reject = Reject(topic="orders", partition=3, offset=42, time=at(1), reason="not_json", field=None, required="JSON",
                    got="x", value=b"x", headers=headers, key=b"PUMP")  # fmt: skip
    outbox = Outbox(0)
    put_dead_letter(outbox, at(1), reject, original=True)
    return outbox.take()


@cache
def records() -> list[OutputRecord]:
    """Records of all streams."""
    results = (usual(), run(decided(), Settings(shards=2)), *walked())
    return [*(record for result in results for found in result.outputs for record in found), *refused()]
