"""Giant orders: slips are held before they are booked, and released by a cancellation or correction, without a trace.
Large orders are real.
"""

from typing import Any

import pytest

from tests.claims import at, orders, states, world
from tests.machines.streams import Line, Result, line

DAYS = 70


def shop() -> list[Line]:
    """Six items, some large, some small, with prices."""
    found = []
    for number, per_day in enumerate((6.0, 4.0, 3.0, 2.0, 1.0, 0.3)):
        price: dict[str, Any] = {"unit_price": 4.0 + number, "currency": "EUR"}
        found += orders(f"s{number}.", range(DAYS), per_day, sku=f"S{number}", quantity=1 + number, **price)
    return found


def giant(event: str, day: float, hour: float, sku: str = "S0", **fields: Any) -> Line:
    """An event of the giant order's only line, at the price of one unit for a thousand."""
    keys = {"order_id": "giant", "sku": sku, "location": "L", "unit_price": 0.004, "currency": "EUR"}
    return line(f"order.{event}", f"giant-{event}-{day}-{hour}", at(day, hour), **(keys | fields))


def held_of(found: Result) -> dict[str, int]:
    """Books of the orders."""
    return next(data for data in found.data("audit") if data.get("topic") == "orders")


@pytest.mark.parametrize(("sku", "quantity", "held"), [("S0", 1_000, 1), ("S5", 6_000, 1), ("NEW", 5_000, 0)])
def test_a_cancelled_giant_leaves_no_trace(sku: str, quantity: float, held: int) -> None:
    """A thousand times the usual quantity, cancelled minutes later: all parameters are those of a run without the pair.

    Only the row that exists through the pair alone may be one more: nothing is usual there, so nothing is held.
    """
    pair = [giant("placed", 40, 10, sku, quantity=quantity), giant("cancelled", 40, 10.2, sku)]
    found, clean = world([*shop(), *pair], DAYS), world(shop(), DAYS)
    with_pair, without = found.table(), clean.table()
    assert {key: row for key, row in with_pair.items() if key in without} == without
    assert set(with_pair) - set(without) <= {("NEW", "L")}
    books = held_of(found)
    assert (books["held"], books["released"]) == (held, held)


def test_a_giant_is_told_with_its_steward() -> None:
    """The problem names order, quantity and money, goes to the data steward, and ends with the cancellation."""
    pair = [giant("placed", 40, 10, quantity=1_000), giant("cancelled", 40, 10.2)]
    opened, ended = states(world([*shop(), *pair], DAYS), "data_quality")
    assert (opened["status"], opened["version"], opened["severity"]) == ("opened", 1, "medium")
    assert (opened["route"], opened["inform"]) == ("data_steward", ["planner"])
    assert (opened["observed"], opened["money"], opened["currency"]) == (1000, 4, "EUR")
    assert opened["expected"] == pytest.approx(1.0)
    assert opened["opened_at"] == "2026-03-14T10:00:00.000Z"
    assert opened["deadline"] == "2026-03-14T18:00:00.000Z"
    assert opened["cause_event_ids"] == ["giant-placed-40-10"]
    assert opened["reason"].startswith(
        "Line S0 of order giant asks for 1,000 of S0 at L, which looks like a slip: usual lines are around 1"
    )
    assert opened["details"] | {"order_id": "giant", "line": "S0", "quantity": 1000} == opened["details"]
    assert (ended["status"], ended["version"], ended["exception_id"]) == ("resolved", 2, opened["exception_id"])
    assert ended["resolved_at"] == "2026-03-14T10:12:00.000Z"
    assert ended["reason"] == "Held line S0 of order giant (1,000 of S0) was cancelled: it never counted."
    assert ended["cause_event_ids"] == ["giant-placed-40-10", "giant-cancelled-40-10.2"]


def test_a_large_order_is_compared_with_what_was_usual_before_it() -> None:
    """The line itself is not among the usual ones, also in what is said of it later."""
    lines = [giant("placed", 40, 10, quantity=437), giant("cancelled", 45, 10)]
    found = states(world([*shop(), *lines], DAYS), "large_order")
    assert len(found) >= 2
    assert {state["details"]["largest_usual"] for state in found} == {1.0}
    assert "usual lines are around 1, the largest usual one was about 1;" in found[0]["reason"]


def test_both_decisions_about_a_giant_are_audited() -> None:
    """Holding and releasing are automatic decisions, each with its rule, value and cause."""
    pair = [giant("placed", 40, 10, quantity=1_000), giant("cancelled", 40, 10.2)]
    audit = world([*shop(), *pair], DAYS).data("audit")
    decisions = [data for data in audit if data.get("rule") not in (None, "publish_parameters")]
    assert [(data["rule"], data["subject"], data["prior"], data["value"]) for data in decisions] == [
        ("hold_impossible_quantity", "S0/L", None, 1000), ("release_held_line", "S0/L", 1000, 0),
    ]  # fmt: skip
    assert [data["cause_event_ids"] for data in decisions] == [["giant-placed-40-10"], ["giant-cancelled-40-10.2"]]


def test_a_corrected_giant_counts_as_corrected() -> None:
    """A giant that is changed to a sane quantity is released, and counts like any other line of its first hour."""
    wrong = [giant("placed", 40, 10, quantity=1_000), giant("changed", 40, 11, quantity=5, line_version=2)]
    right = [giant("placed", 40, 10, quantity=5)]
    found, clean = world([*shop(), *wrong], 41), world([*shop(), *right], 41)
    hot, expected = found.shards[0].state.rows.hot[0], clean.shards[0].state.rows.hot[0]
    for ring in ("day_quantity", "day_lines", "hour_lines"):
        assert hot[ring].tolist() == expected[ring].tolist()
    assert {state["status"]: state["details"].get("outcome") for state in states(found, "data_quality")} == {
        "opened": None, "resolved": "changed",
    }  # fmt: skip
    ended = states(found, "data_quality")[-1]
    assert ended["reason"] == "Held line S0 of order giant (1,000 of S0) was changed to 5, which counts."


def test_a_giant_that_stays_does_not_move_the_forecast() -> None:
    """While nobody has judged it, a held line is in no bucket, in no open demand, and in no forecast."""
    found, clean = world([*shop(), giant("placed", 40, 10, quantity=1_000)], 60), world(shop(), 60)
    assert found.table() == clean.table()
    assert states(found, "data_quality")[-1]["status"] != "resolved"
    totals = [int(result.shards[0].state.supply.supply["open_total"].sum()) for result in (found, clean)]
    assert totals[0] == totals[1]


def test_a_held_change_keeps_what_counted_before() -> None:
    """A sane line that is changed to a giant keeps counting as it was, until it is cancelled."""
    first = giant("placed", 40, 10, quantity=3, unit_price=4.0)
    change = giant("changed", 40, 11, quantity=3_000, line_version=2)
    found, clean = world([*shop(), first, change], 60), world([*shop(), first], 60)
    assert found.table() == clean.table()
    gone = world([*shop(), first, change, giant("cancelled", 40, 12)], 41).shards[0].state.rows.hot
    never = world(shop(), 41).shards[0].state.rows.hot
    assert gone["day_quantity"].tolist() == never["day_quantity"].tolist()


def test_a_large_order_is_open_at_once_and_hardly_moves_the_forecast() -> None:
    """At its usual price it is project business: planner and customer service hear of it, and it counts as open."""
    usual = 4.0
    found = world([*shop(), giant("placed", 40, 10, quantity=1_000, unit_price=usual)], 60)
    clean = world(shop(), 60)
    opened, unread = states(found, "large_order")
    assert (opened["route"], opened["inform"]) == ("planner", ["customer_service"])
    assert (opened["opened_at"], opened["observed"], opened["money"]) == ("2026-03-14T10:00:00.000Z", 1_000, 4_000)
    assert (opened["status"], opened["deadline"]) == ("opened", unread["updated_at"])
    assert (unread["status"], unread["overdue"], unread["money"]) == ("escalated", True, 4_000)
    assert held_of(found)["held"] == 0
    totals = [int(result.shards[0].state.supply.supply["open_total"].sum()) for result in (found, clean)]
    assert totals[0] - totals[1] == 1_000_000
    means = [sum(result.table()["S0", "L"]["forecast_mean"]) for result in (found, clean)]
    assert means[0] == pytest.approx(means[1], rel=0.05)
