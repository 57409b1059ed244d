"""Events under other systems' ids in real shards: one row, one line, one name."""

from typing import Any

import pytest

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.supply.stock_ledger import on_hand
from tests.machines.linked import Linked
from tests.machines.streams import MONDAY, Line, Result, line, run, sums

pytestmark = pytest.mark.compiled

NOON = MONDAY + 12 * HOUR_MS
TODAY = MONDAY // DAY_MS
MASTER = [
    line("item.updated", "i", None, sku="PUMP", aliases=["4711", "P-1"]),
    line("location.updated", "l", None, location="LON", aliases=["WH7"]),
    line("location.updated", "n", None, location="NYC", aliases=["WH8"]),
]
OWN: dict[str, Any] = {"sku": "PUMP", "location": "LON"}
ALIAS: dict[str, Any] = {"sku": "4711", "location": "WH7"}


def after(*lines: Line, master: list[Line] = MASTER, shards: int = 3) -> Result:
    """The lines in one block."""
    return run(Linked([*master, *lines]), Settings(shards=shards))


def booked(result: Result) -> dict[tuple[str, str], tuple[dict[int, int], int]]:
    """Thousandths of demand by day, and open, by row."""
    return {name: (row.quantity, row.open) for machine in result.shards for name, row in sums(machine).items()}


def order(kind: str, event_id: str, quantity: float, time: int = NOON, **fields: Any) -> Line:
    """An event of one order line."""
    return line(f"order.{kind}", event_id, time, order_id="o", quantity=quantity, **fields)


@pytest.mark.parametrize("line_id", ["1", None])
def test_versions_under_several_ids_are_one_line(line_id: str | None) -> None:
    """Placed under one id, changed under another, shipped under a third."""
    result = after(
        order("placed", "a", 2, line=line_id, **ALIAS),
        order("changed", "b", 5, NOON + HOUR_MS, line=line_id, line_version=2, **OWN),
        line(
            "shipment.shipped", "c", NOON + 2 * HOUR_MS, order_id="o", line=line_id, sku="P-1", location="WH7",
            quantity=4,
        ),
    )  # fmt: skip
    assert booked(result) == {("PUMP", "LON"): ({TODAY: 5_000}, 1_000)}


def test_stock_transfers_and_purchases_land_on_the_own_row() -> None:
    """Counts, transfers between aliases, purchase orders and parameters in force."""
    result = after(
        line("inventory.counted", "a", NOON, quantity=50, **ALIAS),
        line("shipment.transferred", "b", NOON + HOUR_MS, quantity=4, to_location="WH8", **ALIAS),
        line("po.placed", "c", NOON, po_id="p", quantity=9, supplier="ACME", promised_date="2026-02-20", **ALIAS),
        line("po.received", "d", NOON + 2 * HOUR_MS, po_id="p", quantity=3, sku="PUMP", location="WH7"),
        line("parameters.in_force", "e", NOON, reorder_point=7, **ALIAS),
    )
    assert set(booked(result)) == {("PUMP", "LON"), ("PUMP", "NYC")}
    (s,) = [machine.state for machine in result.shards if machine.state.rows.count]
    stock = {s.location_of(row): on_hand(s.supply.supply, row) for row in range(2)}
    assert stock["LON"] == 49_000
    lon = next(row for row in range(2) if s.location_of(row) == "LON")
    assert s.supply.supply["on_order"][lon] == 6_000
    assert s.supply.master.in_force("PUMP", "LON") is not None
    assert result.data("dead-letters") == []


def test_outputs_name_the_own_ids() -> None:
    """A dead letter of a conflict, and the answer to a decision about parameters under the alias."""
    result = after(
        order("placed", "a", 2, line="1", line_version=1, **OWN),
        order("placed", "b", 3, NOON + HOUR_MS, line="1", line_version=1, **ALIAS),
        line("decision.made", "c", NOON, subject="4711/WH7", decision="approve", decider="ann", role="planner"),
    )
    (letter,) = result.data("dead-letters")
    assert letter["reason"] == "version_conflict"
    (answer,) = [answer for answer in result.data("audit") if answer.get("decision_id") or "subject" in answer]
    assert answer["subject"] == "PUMP/LON"


def test_an_alias_holds_from_its_event_time_and_until_it_is_dropped() -> None:
    """Before, the id is an item of its own; of two items that name it, the later one has it until it drops it."""
    day = DAY_MS
    master = [
        line("item.updated", "i1", NOON + day, sku="PUMP", aliases=["X"]),
        line("item.updated", "i2", NOON + 2 * day, sku="HOSE", aliases=["X"]),
        line("item.updated", "i3", NOON + 3 * day, sku="HOSE"),
    ]
    orders = [
        line("order.placed", f"o{at}", NOON + at * day + HOUR_MS, sku="X", location="L", quantity=1) for at in range(4)
    ]
    found = {sku: set(row[0]) for (sku, _), row in booked(after(*orders, master=master)).items()}
    assert found == {"X": {TODAY}, "PUMP": {TODAY + 1, TODAY + 3}, "HOSE": {TODAY + 2}}


def test_without_a_match_a_batch_stays_as_it_is() -> None:
    """Records and texts of a batch without aliases are passed on, not copied."""
    stream = Linked([*MASTER, order("placed", "a", 1, sku="BOLT", location="NYC")])
    batch = stream.cut(0, len(stream))
    assert batch.texts is stream.texts
    assert booked(run(stream, Settings(shards=1))) == {("BOLT", "NYC"): ({TODAY: 1_000}, 1_000)}
