"""Exceptions of scripted scenarios: type, time of opening, text, and end."""

from typing import Any

import pytest

from tests.claims import at, count, orders, shipped, states, world
from tests.machines.streams import Line, line


def rush(days: range) -> list[Line]:
    """A wholesaler: two thirds of a week's lines come on Monday between 9 and 10, the others over the week."""
    monday = orders("m", [day for day in days if day % 7 == 0], 20.0, hours=(9,))
    return monday + orders("w", [day for day in days if day % 7 in (1, 2, 3, 4)], 2.5)


def test_the_monday_rush_is_no_surge() -> None:
    """After months of one hour-of-week pattern the rush of Monday 9 a.m. raises nothing; five times the rush does."""
    calm = rush(range(140))
    found = states(world(calm, 140), "order_surge")
    assert [state for state in found if state["opened_at"] >= "2026-03-30"] == []
    surge = orders("x", [140], 80.0, hours=(9,))
    states_of = states(world([*calm, *rush(range(140, 142)), *surge], 142), "order_surge")
    opened = [state for state in states_of if state["opened_at"] >= "2026-06-22"]
    assert opened[0]["status"] == "opened"
    assert opened[0]["opened_at"].startswith("2026-06-22T09:")


def test_a_real_surge_is_found_within_the_day_and_ends() -> None:
    """Five times the lines for three days: opened on the first day with its evidence, resolved when it is over."""
    usual = orders("u", range(84), 5.0, unit_price=10.0, currency="EUR")
    extra = orders("x", range(70, 73), 20.0, unit_price=10.0, currency="EUR")
    found = states(world([*usual, *extra], 84), "order_surge")
    opened, ended = found[0], found[-1]
    assert opened["opened_at"][:10] == "2026-04-13"
    assert (opened["status"], opened["route"], opened["details"]["window_hours"]) == ("opened", "planner", 24)
    assert opened["observed"] >= 2 * opened["expected"]
    assert opened["probability"] <= 3e-3
    assert opened["money"] > 0
    assert opened["currency"] == "EUR"
    assert opened["window_end"] == opened["opened_at"]
    assert "order lines in the last 24 hours where" in opened["reason"]
    assert opened["cause_event_ids"][0].startswith(("x70", "u70"))
    assert opened["deadline"] > opened["opened_at"]
    assert {state["exception_id"] for state in found} == {opened["exception_id"]}
    assert [state["version"] for state in found] == list(range(1, len(found) + 1))
    assert (ended["status"], ended["reason"][:18]) == ("resolved", "The surge is over:")
    assert "2026-04-16" <= ended["resolved_at"][:10] <= "2026-04-21"


def test_a_drop_is_found_and_ends_with_the_orders_return() -> None:
    """An item of six lines a day falls silent: a drop within a week, to planner and commercial; it ends on return."""
    before, after = orders("u", range(63), 6.0), orders("v", range(77, 105), 6.0)
    found = states(world([*before, *after, *orders("z", range(105), 3.0, sku="B")], 105), "demand_drop")
    opened, ended = found[0], found[-1]
    assert {state["sku"] for state in found} == {"A"}
    assert "2026-04-06" <= opened["opened_at"][:10] <= "2026-04-13"
    assert (opened["status"], opened["route"], opened["inform"]) == ("opened", "planner", ["commercial"])
    assert opened["observed"] <= 0.5 * opened["expected"]
    assert "order lines in the last" in opened["reason"]
    silent = [state for state in found if state["updated_at"] < "2026-04-20"]
    assert opened in silent
    for state in silent:  # the last order came on 5 April, day 62
        assert state["details"]["last_line_date"] == "2026-04-05"
        assert f"the last order line came {state['details']['silence_days']} day" in state["reason"]
    assert ended["status"] == "resolved"
    assert ended["resolved_at"][:10] >= "2026-04-20"


def purchase(event: str, day: float, **fields: Any) -> Line:
    """An event of purchase order P."""
    keys = {"po_id": "P", "sku": "A", "location": "L"}
    return line(f"po.{event}", f"po-{event}-{day}", at(day), **keys, **fields)


def test_a_delay_opens_grows_and_ends_with_the_receipt() -> None:
    """A later promise opens a delay with its line and money; a still later one updates it; the receipt ends it."""
    lines = [
        *orders("u", range(60), 4.0, unit_price=10.0, currency="EUR"),
        count(30, 40),
        purchase("placed", 41, quantity=100, supplier="ACME", promised_date="2026-03-22"),
        purchase("delayed", 43, promised_date="2026-03-25"),
        purchase("delayed", 44.5, promised_date="2026-04-02"),
        purchase("received", 55, quantity=100),
    ]
    found = states(world(lines, 60), "supplier_delay")
    opened, ended = found[0], found[-1]
    assert (opened["status"], opened["route"], opened["inform"]) == ("opened", "buyer", ["planner"])
    assert (opened["expected"], opened["observed"]) == (0, 3)
    assert (opened["money"], opened["currency"]) == (1000, "EUR")
    assert opened["opened_at"] == "2026-03-17T00:00:00.000Z"
    assert opened["reason"].startswith(
        "Line A of purchase order P from ACME comes 3 days late: 100, ordered for 22 Mar, are "
        "now promised for 25 Mar; up to 2 days late is usual; stock lasts "
    )
    assert opened["cause_event_ids"] == ["po-delayed-43"]
    assert opened["details"] | {"po_id": "P", "supplier": "ACME", "days_late": 3, "covered": False} == opened["details"]
    longer = next(state for state in found if state["observed"] == 11)
    assert longer["version"] > opened["version"]
    assert (longer["details"]["promised_date"], longer["details"]["expected_date"]) == ("2026-03-22", "2026-04-02")
    assert (ended["status"], ended["resolved_at"]) == ("resolved", "2026-03-29T00:00:00.000Z")
    assert (
        ended["reason"]
        == "Line A of purchase order P from ACME was received in full (100), 7 days after the ordered 22 Mar."
    )
    assert {state["exception_id"] for state in found} == {opened["exception_id"]}


def test_a_line_of_which_nothing_was_heard_is_overdue() -> None:
    """A promised day that passes in silence opens a delay when the silence is longer than usual."""
    lines = [*orders("u", range(60), 4.0), purchase("placed", 41, quantity=100, promised_date="2026-03-22")]
    found = states(world(lines, 60), "supplier_delay")
    assert found[0]["opened_at"][:10] == "2026-03-25"
    assert found[0]["observed"] == 3
    assert "is overdue by 3 days: 100, ordered for 22 Mar, are missing" in found[0]["reason"]
    assert found[-1]["status"] != "resolved"
    assert found[-1]["observed"] > 5


def test_a_stock_out_is_projected_and_ends_with_stock() -> None:
    """Stock for three days against a lead time of seven opens a stock-out with its date; a receipt ends it."""
    lines = [
        *shipped(orders("u", range(70), 5.0, unit_price=10.0, currency="EUR")),
        count(30, 56),
        count(400, 60),
    ]
    found = states(world(lines, 70), "stockout_projected")
    opened, ended = found[0], found[-1]
    assert (opened["status"], opened["route"], opened["inform"]) == ("opened", "buyer", ["planner"])
    assert opened["opened_at"][:10] in ("2026-03-30", "2026-03-31")
    assert opened["probability"] >= 0.5
    assert opened["expected"] == pytest.approx(70, rel=0.15)
    assert opened["money"] > 0
    assert "needed in the 7 days until goods ordered now can arrive" in opened["reason"]
    assert "2026-03-31" <= opened["details"]["stockout_date"] <= "2026-04-04"
    assert (ended["status"], ended["exception_id"]) == ("resolved", opened["exception_id"])
    assert ended["reason"].startswith("Stock is enough again, since free stock rose from ")
    assert "2026-04-03" <= ended["resolved_at"][:10] <= "2026-04-06"
