"""Large orders in a whole machine: what their exceptions say of the line, also when another event ends it."""

from typing import Any

import pytest

from tests.claims import at, orders, states, world
from tests.machines.streams import Line, line

DAYS = 40
LINE: dict[str, Any] = {"order_id": "big", "line": "7", "sku": "A", "location": "L"}
FACTS = {"requested_date": "2026-03-20", "unit_price": 3.5, "customer": "ACME-1"}
OTHER = {"requested_date": "2026-04-01", "unit_price": 9.0, "customer": "ACME-2", "currency": "USD"}


def life(*ending: Line) -> list[dict[str, Any]]:
    """States of the large order of day 30, which ``ending`` ends."""
    usual = orders("u", range(DAYS), 4.0, unit_price=2.0, currency="CHF")
    giant = line("order.placed", "giant", at(30.5), quantity=500, currency="EUR", **LINE, **FACTS)
    return states(world([*usual, giant, *ending], DAYS), "large_order")


ENDINGS = {
    "cancelled": [line("order.cancelled", "c", at(31.5), **LINE)],
    "cancelled with other facts": [line("order.cancelled", "c", at(31.5), **LINE, **OTHER)],
    "closed": [line("order.closed", "c", at(31.5), **LINE)],
    "changed": [line("order.changed", "c", at(31.5), quantity=4, line_version=2, **LINE, **OTHER)],
    "shipped": [line("shipment.shipped", "s", at(31.5), quantity=500, **LINE)],
    "substituted": [line("shipment.substituted", "s", at(31.5), quantity=500, substitute_sku="B", **LINE)],
    "delivered": [line("shipment.delivered", "s", at(31.5), quantity=500, **LINE)],
}


@pytest.mark.parametrize("ending", list(ENDINGS))
def test_its_end_states_the_facts_of_the_line_that_opened_it(ending: str) -> None:
    """Customer as text, requested date and price of the line, and its money, whatever event ends it."""
    opened, *_, ended = life(*ENDINGS[ending])
    assert {name: opened["details"][name] for name in FACTS} == FACTS
    assert (opened["money"], opened["currency"]) == (1_750.0, "EUR")
    assert ended["status"] == "resolved"
    assert {name: ended["details"][name] for name in FACTS} == FACTS
    units = 4 if ending == "changed" else 500
    assert (ended["money"], ended["currency"]) == (3.5 * units, "EUR")


def test_a_change_to_another_large_quantity_states_its_own_facts() -> None:
    """The newest version holds; a customer that it does not repeat stays."""
    changed = line("order.changed", "c", at(31.5), quantity=700, line_version=2, unit_price=4.0, currency="EUR", **LINE)
    *_, last = life(changed)
    assert (last["status"], last["observed"], last["money"]) == ("escalated", 700.0, 2_800.0)
    assert {name: last["details"][name] for name in FACTS} == {
        "requested_date": None, "unit_price": 4.0, "customer": "ACME-1",
    }  # fmt: skip


@pytest.mark.parametrize("quantity", [500, 450])
def test_another_price_or_date_of_a_large_line_ends_nothing(quantity: int) -> None:
    """It is as large as before: the exception stays open with the facts of the newest version, and none else opens."""
    changed = line("order.changed", "c", at(31.5), quantity=quantity, line_version=2, **LINE, **OTHER)
    found = life(changed)
    assert {state["exception_id"] for state in found} == {found[0]["exception_id"]}
    assert (found[-1]["status"], found[-1]["details"]["units_open"]) == ("escalated", quantity)
    assert (found[-1]["currency"], found[-1]["money"]) == ("USD", 9.0 * quantity)
    gone = line("order.cancelled", "x", at(32.5), **LINE)
    assert [state["status"] for state in life(changed, gone)][-1] == "resolved"


def test_without_a_customer_none_is_stated() -> None:
    """Blank fields are null."""
    usual = orders("u", range(DAYS), 4.0)
    opened, *_ = states(world([*usual, line("order.placed", "g", at(30.5), quantity=500, **LINE)], DAYS), "large_order")
    assert {name: opened["details"][name] for name in FACTS} == dict.fromkeys(FACTS)
