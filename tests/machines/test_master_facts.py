"""Facts of master data in records: importance, names and groups, regions, owners, customers."""

from typing import Any

import pytest

from sensing.outputs import EXCEPTIONS, PARAMETERS
from tests.claims import at, count, orders, states, world
from tests.machines.streams import Line, Result, line

DAYS = 70
ROW: dict[str, Any] = {"sku": "A", "location": "L"}
ITEM: dict[str, Any] = {"sku": "A", "name": "Pump", "family": "pumps", "category": "spares", "supplier": "S"}
PRICED: dict[str, Any] = {"unit_price": 1.0, "currency": "EUR"}
PRICE = 3.0
GIANT = line(
    "order.placed", "giant", at(60, 12), order_id="G", quantity=2_000, unit_price=PRICE / 1_000, customer="C", **ROW
)
"""A slip: a thousand times the usual quantity at a thousandth of the usual price."""
FACTS = ("item_name", "family", "category", "strategic", "regulated", "region", "owner")


def weeks() -> list[Line]:
    """Ten weeks of one row."""
    return orders("u", range(DAYS), 5.0, unit_price=PRICE)


def item(**fields: Any) -> Line:
    """The item from the beginning."""
    return line("item.updated", "i", None, **(ITEM | fields))


def location(**fields: Any) -> Line:
    """The location from the beginning."""
    return line("location.updated", "l", None, location="L", **fields)


def customer(**fields: Any) -> Line:
    """The customer from the beginning."""
    return line("customer.updated", "c", None, customer="C", **fields)


def held(*lines: Line) -> dict[str, Any]:
    """First state of the giant."""
    return states(world([*weeks(), GIANT, *lines], DAYS), "data_quality")[0]


def test_an_exception_states_its_item_and_location() -> None:
    """Name, groups, importance and region; data quality belongs to the steward of the item."""
    state = held(item(strategic=True, steward="ann"), location(region="north", steward="lea"))
    assert [state[name] for name in FACTS] == ["Pump", "pumps", "spares", True, False, "north", "ann"]


def test_the_steward_of_the_location_stands_in() -> None:
    """For an item that names none; without either nobody owns it."""
    assert held(item(), location(steward="lea"))["owner"] == "lea"
    assert held(item(), location())["owner"] is None
    assert held()["owner"] is None


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({}, "medium"),
        ({"strategic": True}, "high"),
        ({"regulated": True}, "high"),
    ],
)
def test_importance_raises_severity(facts: dict[str, bool], severity: str) -> None:
    """Three points of evidence are medium; one of importance makes it high."""
    state = held(item(**facts))
    assert state["severity"] == severity
    assert ("The item is" in state["reason"]) == bool(facts)


def test_a_strategic_customer_raises_severity_and_commercial_is_informed() -> None:
    """The record of the customer is stated, strategic or not."""
    strategic = held(item(), customer(strategic=True, segment="shops", region="south"))
    assert (strategic["severity"], strategic["inform"]) == ("high", ["planner", "commercial"])
    names = ("customer", "customer_strategic", "customer_segment", "customer_region")
    assert [strategic[name] for name in names] == ["C", True, "shops", "south"]
    assert strategic["reason"].endswith(" Customer C is strategic.")
    usual = held(item(), customer(segment="shops"))
    assert (usual["severity"], usual["inform"]) == ("medium", ["planner"])
    assert [usual[name] for name in names] == ["C", False, "shops", None]
    assert [held(item())[name] for name in names] == [None, False, None, None]


def test_a_surge_keeps_the_strategic_customer_whose_line_raised_it() -> None:
    """Closes have no customer; the severity stays, and so does who is informed."""
    extra = orders("x", range(63, 66), 20.0, customer="C")
    strategic = states(world([*weeks(), *extra, customer(strategic=True)], DAYS), "order_surge")
    plain = states(world([*weeks(), *extra, customer()], DAYS), "order_surge")
    assert {state["customer"] for state in strategic} == {state["customer"] for state in plain} == {"C"}
    assert all("commercial" in state["inform"] for state in strategic if state["status"] != "resolved")
    assert (plain[0]["severity"], strategic[0]["severity"]) == ("low", "medium")


def test_a_delay_states_region_and_buyer_of_its_supplier() -> None:
    """Whichever supplier the item has: that of the purchase order counts."""
    suppliers = [
        line("supplier.updated", "s", None, supplier="S", buyer="bob", region="east"),
        line("supplier.updated", "t", None, supplier="T", buyer="tim", region="west"),
    ]
    keys = {"po_id": "P", "supplier": "T", **ROW}
    late = [
        line("po.placed", "p1", at(50), **keys, quantity=10, promised_date="2026-03-27"),
        line("po.delayed", "p2", at(51), **keys, promised_date="2026-04-20"),
    ]
    found = world([item(), *suppliers, *weeks(), *late], DAYS)
    state = states(found, "supplier_delay")[0]
    assert (state["route"], state["owner"], state["details"]["supplier_region"]) == ("buyer", "tim", "west")
    assert headers(found, EXCEPTIONS)[0]["owner"] == "tim"


def test_a_stock_out_belongs_to_the_buyer_of_the_item() -> None:
    """Where no purchase order names another supplier."""
    supplier = line("supplier.updated", "s", None, supplier="S", buyer="bob")
    state = states(world([item(), supplier, *weeks(), count(10, 60)], DAYS), "stockout_projected")[0]
    assert (state["route"], state["owner"]) == ("buyer", "bob")


def test_planning_parameters_state_item_location_and_supplier() -> None:
    """As far as master data know them."""
    facts = [
        item(strategic=True),
        location(region="north"),
        line("supplier.updated", "s", None, supplier="S", buyer="bob"),
    ]
    found = world([*facts, *weeks()], DAYS)
    names = ("item_name", "family", "category", "strategic", "regulated", "region", "supplier", "buyer")
    assert [found.data(PARAMETERS)[-1][name] for name in names] == [
        "Pump", "pumps", "spares", True, False, "north", "S", "bob",
    ]  # fmt: skip
    assert headers(found, PARAMETERS)[-1]["region"] == "north"
    plain = world(weeks(), DAYS).data(PARAMETERS)[-1]
    assert [plain[name] for name in names] == [None, None, None, False, False, None, None, None]


def headers(found: Result, topic: str) -> list[dict[str, str]]:
    """Attributes of all outputs to a topic."""
    return [record.attributes for machine in found.outputs for record in machine if record.topic == topic]


def test_facts_are_those_in_force_when_the_record_is_published() -> None:
    """A later name is in later records only."""
    renamed = line("item.updated", "i2", at(60, 12.5), **ITEM | {"name": "Pump II"})
    cancelled = line("order.cancelled", "gone", at(60, 15), order_id="G", **ROW)
    found = world([item(), *weeks(), GIANT, renamed, cancelled], DAYS)
    assert [state["item_name"] for state in states(found, "data_quality")] == ["Pump", "Pump II"]
