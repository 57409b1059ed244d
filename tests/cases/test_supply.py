"""Supply: confirmations of two dates, small receipts before a large order, sales after a purchase order."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks.case_results import CaseResult, run_case
from tests.cases.conftest import FOLDER, Case, lines_of
from tests.detection.contexts import details


def changed(name: str, folder: Path, **topics: list[dict[str, Any]]) -> CaseResult:
    """Result of a case with other events in some topics."""
    for path in (FOLDER / name).glob("*.ndjson"):
        events = topics.get(path.stem, lines_of(name, path.stem))
        (folder / path.name).write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    return run_case(folder)


def suppliers_of(name: str, kind: str) -> list[dict[str, Any]]:
    """Events of one type."""
    return [event for event in lines_of(name, "suppliers") if event["event_type"] == kind]


def both_dates(result: CaseResult) -> None:
    """60 arrived on their day, 40 are due on 2026-03-22 and late since their confirmation."""
    found = result.rows["E", "DC"]
    assert found.receipts == {"2026-03-22": 40.0}
    assert found.parameters is not None
    assert found.parameters.stock.on_order == 40.0
    (life,) = result.of_type("supplier_delay")
    assert not any("overdue" in state.reason for state in life)
    opened, latest = life[0], life[-1]
    assert opened.opened_at == "2026-02-11T09:00:01.000Z"
    assert latest.reason.startswith(
        "Line 00010 of purchase order 4500 from V comes 26 days late: 40 of 100, ordered for 24 Feb, are "
        "now promised for 22 Mar; "
    )
    assert details(latest) | {
        "schedule_quantity": 40.0, "units_late": 40.0, "promised_date": "2026-02-24",
        "promised_by": "order", "expected_date": "2026-03-22",
        "days_late": 26, "cause": "promise",
    } == details(latest)  # fmt: skip


def test_two_confirmations_are_schedule_lines(case: Case) -> None:
    """Both are due at their dates, and a receipt serves the first."""
    both_dates(case("confirmation-in-two-dates"))


def test_two_confirmations_with_names_or_in_another_order(tmp_path: Path) -> None:
    """Named schedule lines, and confirmations that arrive before the placement and the other way round."""
    placed, first, second, *rest = lines_of("confirmation-in-two-dates", "suppliers")
    second["event_time"] = first["event_time"] = placed["event_time"] = "2026-02-11T09:00:01Z"
    turned = [second, first, placed, *rest]
    (tmp_path / "turned").mkdir()
    both_dates(changed("confirmation-in-two-dates", tmp_path / "turned", suppliers=turned))
    first["schedule_line"], second["schedule_line"] = "0001", "0002"
    (tmp_path / "named").mkdir()
    named = changed("confirmation-in-two-dates", tmp_path / "named", suppliers=[placed, first, second, *rest])
    both_dates(named)
    assert details(named.of_type("supplier_delay")[0][-1])["schedule_line"] == "0002"


def test_a_part_that_is_not_confirmed(tmp_path: Path) -> None:
    """Only 60 of 100 are confirmed: at the day's close the buyer hears of 40 without a date. They stay on order."""
    placed, first, _, *rest = lines_of("confirmation-in-two-dates", "suppliers")
    result = changed("confirmation-in-two-dates", tmp_path, suppliers=[placed, first, *rest])
    (life,) = result.of_type("supplier_delay")
    assert life[0].opened_at[:10] == "2026-02-12"
    assert life[0].reason.startswith(
        "Line 00010 of purchase order 4500 from V: 40 of 100, ordered for 24 Feb, are not confirmed, "
        "and expected around 2"
    )
    assert result.row("E", "DC").stock.on_order == 40.0


@pytest.mark.parametrize(
    ("last", "reason", "on_order", "ended"),
    [
        (
            {"event_type": "po.received", "quantity": 50},
            "was delivered beyond its quantity: 110 received of 100 ordered, 10 more than ordered", 0.0,
            "was received in full (110), 2 days after the ordered 24 Feb",
        ),
        (
            {"event_type": "po.received", "quantity": 15, "last": True},
            "was closed short: 75 of 100 were received, 25 will not arrive", 0.0,
            "was closed: 75 of 100 arrived, 25 will not come",
        ),
        (
            {"event_type": "po.cancelled"}, "was cancelled: 40 will not arrive, 60 were received", 0.0,
            "was cancelled after 60 had arrived",
        ),
        (
            {"event_type": "po.cancelled", "schedule_line": "2"},
            "was cancelled in part (schedule line 2): 40 will not arrive, 60 were received", 0.0,
            "was received in full (60), 2 days after the ordered 24 Feb",
        ),
    ],
)  # fmt: skip
def test_how_a_line_ends(tmp_path: Path, last: dict[str, Any], reason: str, on_order: float, ended: str) -> None:
    """Beyond the order, short, or cancelled: an audit record says so, and the delay of the line ends."""
    events = lines_of("confirmation-in-two-dates", "suppliers")
    events[2]["schedule_line"] = "2"
    head = {key: events[0][key] for key in ("po_id", "line", "sku", "location", "supplier")}
    events.append({"event_id": "end", "event_time": "2026-02-26T09:00:00Z", **head, **last})
    result = changed("confirmation-in-two-dates", tmp_path, suppliers=events)
    (decision,) = [each for each in result.decisions if each.rule == "close_purchase_line"]
    assert decision.reason == f"Line 00010 of purchase order 4500 {reason}."
    assert (decision.prior, decision.value, decision.cause_event_ids) == (40.0, on_order, ["end"])
    assert result.row("E", "DC").stock.on_order == on_order
    (life,) = result.of_type("supplier_delay")
    assert life[-1].status == "resolved"
    assert life[-1].reason == f"Line 00010 of purchase order 4500 from V {ended}."


def test_a_large_order_beyond_small_receipts(case: Case) -> None:
    """400 are known on 2026-02-15 for 2026-03-12; 42 come every week; goods ordered now take 30 days."""
    (life,) = case("big-order-beyond-next-receipt").of_type("stockout_projected")
    opened = life[0]
    assert opened.opened_at[:10] == "2026-02-15"
    assert details(opened)["stockout_date"] == "2026-03-12"
    assert details(opened)["window_days"] in (30, 31)
    assert "168 due against" in opened.reason
    assert "days until goods ordered now can arrive" in opened.reason


def test_a_lead_time_beyond_the_forecast(tmp_path: Path) -> None:
    """The same with 45 days: the projection looks beyond the 28 days of the forecast."""
    name = "big-order-beyond-next-receipt"
    orders = lines_of(name, "orders")
    for event in orders:
        if event["order_id"] == "BIG":
            event["requested_date"] = "2026-03-26"
    item = lines_of(name, "reference")[0] | {"lead_time_days": 45}
    result = changed(name, tmp_path, orders=orders, reference=[item], suppliers=[])
    lives = [life for life in result.of_type("stockout_projected") if details(life[0])["window_days"] == 45]
    assert lives
    assert "45 days until goods ordered now can arrive" in lives[0][0].reason


def test_first_sales_beside_other_items_are_no_surge(tmp_path: Path) -> None:
    """Where the location sells other items meanwhile, so that its days count: the new item's history begins with its
    first sale.
    """
    orders = lines_of("launch-after-purchase-order", "orders")
    other = [
        {"event_id": f"o{day}.{hour}", "event_type": "order.placed", "sku": "OLD", "location": "L", "quantity": 1,
         "event_time": f"2026-{1 + day // 31:02}-{1 + day % 31:02}T{hour:02}:30:00Z"}
        for day in range(50) for hour in (9, 11, 14)
    ]  # fmt: skip
    together = sorted([*orders, *other], key=lambda event: str(event["event_time"]))
    result = changed("launch-after-purchase-order", tmp_path, orders=together)
    assert result.of_type("order_surge") == []
    found = result.row("L1", "L")
    assert found.demand_class == "new"
    assert 3.5 < sum(found.forecast.mean) / 28 < 5.0
