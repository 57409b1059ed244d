"""Order lines: what is open, cancelled, closed short, named twice or without a date, and who says what was shipped."""

from pathlib import Path

import orjson
import pytest

from benchmarks.case_results import CaseResult, run_case
from tests.cases.conftest import FOLDER, Case, lines_of
from tests.detection.contexts import details


def until(name: str, date: str, folder: Path) -> CaseResult:
    """Result of the events of a case before a date. Records without a time are in force from the beginning."""
    for path in (FOLDER / name).glob("*.ndjson"):
        events = [event for event in lines_of(name, path.stem) if str(event.get("event_time", "")) < date]
        (folder / path.name).write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    return run_case(folder)


@pytest.mark.parametrize(("date", "expected"), [("2026-01-22", 300.0), ("2026-03-01", 300.0), ("2026-03-22", 300.0)])
def test_an_order_for_may_stays_open(tmp_path: Path, date: str, expected: float) -> None:
    """300 ordered on 2026-01-21 for 2026-05-01 are open under that date, 60 days later as on the first."""
    stock = until("open-order-forgotten", date, tmp_path).row("P2", "WH").stock
    assert (stock.open_demand, stock.open_demand_by_day, stock.open) == (expected, {"2026-05-01": expected}, "known")
    assert (stock.owed, stock.free) == (0.0, stock.on_hand)


def test_its_cancellation_ends_it_and_is_no_demand(case: Case) -> None:
    """The cancellation of 2026-03-22 empties the backlog. The days around it have the demand of their own orders."""
    result = case("open-order-forgotten")
    stock = result.row("P2", "WH").stock
    assert (stock.open_demand, stock.open_demand_by_day, stock.on_hand) == (0.0, {}, 420.0)
    assert result.totals["orders"]["unknown_line"] == 0
    ordered: dict[str, float] = {}
    for event in lines_of("open-order-forgotten", "orders"):
        if event["event_type"] == "order.placed" and event["order_id"] != "PRE1":
            day = event["event_time"][:10]
            ordered[day] = ordered.get(day, 0.0) + event["quantity"]
    demand = result.rows["P2", "WH"].demand
    assert demand == {day: ordered[day] for day in demand}
    (life,) = result.of_type("large_order")
    assert (life[0].opened_at, details(life[0])["quantity"]) == ("2026-01-21T09:00:00.000Z", 300.0)
    assert (life[-1].status, details(life[-1])["units_open"]) == ("resolved", 0.0)


def test_one_order_names_an_item_twice(case: Case) -> None:
    """3 and 24 are two lines. A change that names neither is refused, and neither line changes."""
    result = case("same-item-twice")
    assert result.reasons() == {"ambiguous_line": 1}
    (letter,) = result.dead_letters
    assert (letter.offset, letter.field) == (31, "line")
    assert letter.required == "the line that is meant: order 900 has several lines of W"
    assert result.totals["orders"]["duplicate"] == 0
    assert result.rows["W", "SHOP"].demand["2026-01-20"] == 27.0
    placed = [event["quantity"] for event in lines_of("same-item-twice", "orders")[:-1]]
    stock = result.row("W", "SHOP").stock
    assert (stock.open_demand, stock.on_hand, stock.free, stock.cover_days) == (sum(placed), None, None, None)
    assert (stock.open, stock.shipments) == ("unknown", "not_heard")


def test_closed_short_after_a_part_delivery(case: Case) -> None:
    """6 of 10 were shipped and the rest is cancelled: demand 6, nothing open, 94 of 100 on hand."""
    result = case("cancelled-after-part-delivery")
    assert result.rows["B", "W"].demand == {"2026-02-09": 6.0}
    stock = result.row("B", "W").stock
    assert (stock.open_demand, stock.on_hand, stock.free) == (0.0, 94.0, 94.0)
    assert result.rows["A", "W"].parameters is not None
    assert result.row("A", "W").stock.open_demand == 0.0


def test_counts_settle_what_nobody_reports_as_shipped(case: Case) -> None:
    """Without any shipment only the orders after the last count are open, and no stock-out is seen all the while."""
    result = case("no-shipments-feed")
    assert result.exceptions == {}
    last_count = max(event["event_time"] for event in lines_of("no-shipments-feed", "inventory")
                     if event["event_type"] == "inventory.counted")  # fmt: skip
    later = [event["quantity"] for event in lines_of("no-shipments-feed", "orders") if event["event_time"] > last_count]
    stock = result.row("SH", "LOC").stock
    assert (stock.open_demand, stock.owed, stock.on_hand) == (sum(later), sum(later), 182.0) == (3, 3, 182.0)
    assert (stock.shipments, stock.open) == ("not_heard", "known")
    assert stock.stockout_date is None
    opened = [document.stock.open_demand for document in result.published["SH", "LOC"]]
    assert max(opened) <= 10.0


@pytest.mark.parametrize(
    ("date", "by_day", "owed"),
    [("2026-02-10", {"2026-03-02": 300.0}, 1.0), ("2026-03-02", {"2026-03-02": 300.0}, 1.0), ("2026-03-05", {}, 301.0)],
)
def test_the_year_9999_is_no_date(tmp_path: Path, date: str, by_day: dict[str, float], owed: float) -> None:
    """300 are open for 2026-03-02. The unit for 9999-12-31 has no date, so it is due since it was ordered."""
    stock = until("sentinel-date", date, tmp_path).row("P2", "WH").stock
    assert (stock.open_demand, stock.open_demand_by_day, stock.owed) == (301.0, by_day, owed)
    assert stock.on_hand is not None
    assert stock.free == stock.on_hand - owed


def test_the_order_of_a_month_ahead_leads_to_a_stockout(case: Case) -> None:
    """305 on hand against 301 owed are 4 free at the end: the stock-out is the next day's."""
    result = case("sentinel-date")
    (life,) = result.of_type("stockout_projected")
    assert (life[0].opened_at[:10], details(life[-1])["stockout_date"]) == ("2026-03-07", "2026-03-12")
    assert life[-1].reason.startswith("A stock-out is likely around 12 Mar (")
    stock = result.row("P2", "WH").stock
    assert (stock.on_hand, stock.owed, stock.free, stock.stockout_date) == (305.0, 301.0, 4.0, "2026-03-12")


def test_a_base_unit_that_changes(case: Case, tmp_path: Path) -> None:
    """From KG to GRAM: stock, demand and parameters in force are those of a case that stays in KG, times 1000.

    Forecasts come near only: what is learned after the change is weighed against prior quantities in base units.
    """
    name = "base-unit-changed"
    for path in (FOLDER / name).glob("*.ndjson"):
        events = [event for event in lines_of(name, path.stem) if event["event_id"] != "item.updated-2"]
        (tmp_path / path.name).write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    kept, converted = run_case(tmp_path), case(name)
    in_kg, in_gram = kept.row("U", "W"), converted.row("U", "W")
    assert in_kg.stock.on_hand == 426.0
    assert (in_gram.stock.on_hand, in_gram.stock.free, in_gram.stock.open_demand) == (426_000.0, 426_000.0, 0.0)
    demand = kept.rows["U", "W"].demand
    assert {day: 1000 * units for day, units in demand.items()} == converted.rows["U", "W"].demand
    assert in_gram.in_force is not None
    assert (in_gram.in_force.reorder_point, in_gram.in_force.safety_stock) == (60_000.0, 20_000.0)
    assert sum(in_gram.forecast.mean) == pytest.approx(1000 * sum(in_kg.forecast.mean), rel=0.1)
    assert in_gram.proposed.reorder_point == pytest.approx(1000 * in_kg.proposed.reorder_point, rel=0.1)
    (decision,) = [each for each in converted.decisions if each.rule == "convert_base_unit"]
    assert (decision.prior, decision.value) == ("KG", "GRAM")
    assert converted.exceptions == {} == kept.exceptions
