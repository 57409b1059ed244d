"""Orders of kits in real shards: demand, open quantity and stock of the parts."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensing.machine_settings import DAY_MS, HOUR_MS, MINUTE_MS, Settings
from sensing.supply.stock_ledger import on_hand
from tests.machines.linked import Linked
from tests.machines.streams import MONDAY, Line, Result, Sums, line, run, sums
from tests.searches import examples

pytestmark = pytest.mark.compiled

NOON = MONDAY + 12 * HOUR_MS
TODAY = MONDAY // DAY_MS
SHARDS = (1, 5)
PARTS = {"A": 2, "B": 0.5}


def item(sku: str = "KIT", event_id: str = "i", time: int | None = None, **fields: Any) -> Line:
    """An item, by default the kit."""
    return line("item.updated", event_id, time, sku=sku, **({"parts": PARTS} | fields))


def order(kind: str = "placed", event_id: str = "o", time: int = NOON, **fields: Any) -> Line:
    """An event of an order line of the kit."""
    keys = {"order_id": "k", "line": "1", "sku": "KIT", "location": "L", "quantity": 3}
    return line(f"order.{kind}", event_id, time, **(keys | fields))


def shipment(sku: str, quantity: float, event_id: str, time: int = NOON + HOUR_MS, **fields: Any) -> Line:
    """A shipment for the kit's line."""
    keys = {"order_id": "k", "line": "1", "location": "L", "sku": sku, "quantity": quantity}
    return line("shipment.shipped", event_id, time, **(keys | fields))


def after(*lines: Line, shards: int = 1) -> Result:
    """The lines in one block."""
    return run(Linked(lines), Settings(shards=shards))


def rows(result: Result) -> dict[str, Sums]:
    """Demand, lines and open quantity by SKU."""
    return {sku: found for machine in result.shards for (sku, _), found in sums(machine).items()}


def booked(result: Result) -> dict[str, tuple[dict[int, int], int]]:
    """Thousandths of demand by day, and open, by SKU; rows without either are left out."""
    return {sku: (row.quantity, row.open) for sku, row in rows(result).items() if row.quantity or row.open}


@pytest.mark.parametrize("shards", SHARDS)
def test_an_order_of_a_kit_is_demand_for_its_parts(shards: int) -> None:
    """In the parts' base units; what is open is open of the parts, and one message is counted once."""
    result = after(item(), order(), shards=shards)
    assert booked(result) == {"KIT": ({TODAY: 3_000}, 0), "A": ({TODAY: 6_000}, 6_000), "B": ({TODAY: 1_500}, 1_500)}
    assert sum(counts[0] for total in result.totals for topic, _, counts in total.counts if topic == "orders") == 1


@pytest.mark.parametrize("shards", SHARDS)
@pytest.mark.parametrize("line_id", ["1", None])
def test_later_events_of_the_kit_carry_over(shards: int, line_id: str | None) -> None:
    """A change, a repeat and a cancellation, with and without a line; a conflict is reported once, by the kit."""
    changed = order("changed", "c", NOON + HOUR_MS, quantity=5, line_version=2, line=line_id)
    placed = order(line_version=1, line=line_id)
    result = after(item(), placed, placed, changed, changed, shards=shards)
    assert booked(result) == {
        "KIT": ({TODAY: 5_000}, 0), "A": ({TODAY: 10_000}, 10_000), "B": ({TODAY: 2_500}, 2_500)
    }  # fmt: skip
    other = order("changed", "other", NOON + HOUR_MS, quantity=7, line_version=2, line=line_id)
    conflict = after(item(), placed, changed, other, shards=shards)
    assert booked(conflict) == booked(result)
    assert [letter["reason"] for letter in conflict.data("dead-letters")] == ["version_conflict"]
    gone = order("cancelled", "x", NOON + 2 * HOUR_MS, line=line_id)
    assert booked(after(item(), placed, changed, gone, shards=shards)) == {}


@pytest.mark.parametrize("shards", SHARDS)
def test_shipments_of_parts_serve_their_lines(shards: int) -> None:
    """They name order and line of the kit; the kit's own line is never open."""
    result = after(item(), order(), shipment("A", 6, "s1"), shipment("B", 1, "s2"), shards=shards)
    assert {sku: row.open for sku, row in rows(result).items()} == {"KIT": 0, "A": 0, "B": 500}


@pytest.mark.parametrize("shards", SHARDS)
def test_a_shipment_of_the_kit_ships_its_parts(shards: int) -> None:
    """It lowers open demand and stock of the parts."""
    counts = [line("inventory.counted", f"c{sku}", MONDAY, sku=sku, location="L", quantity=50) for sku in PARTS]
    result = after(item(), *counts, order(), shipment("KIT", 2, "s"), shards=shards)
    assert {sku: row.open for sku, row in rows(result).items()} == {"KIT": 0, "A": 2_000, "B": 500}
    found = {
        s.sku_of(row): on_hand(s.supply.supply, row)
        for s in (machine.state for machine in result.shards) for row in range(s.rows.count)
    }  # fmt: skip
    assert (found["A"], found["B"]) == (46_000, 49_000)


def test_units_of_the_kit_and_of_the_part() -> None:
    """The kit's unit converts; the part's base unit is what the quantity of a part means."""
    lines = (item(units={"BOX": 4}), item("A", "a", base_unit="M", units={"EA": 9}, parts={}))
    result = after(*lines, order(quantity=1, unit_of_measure="BOX"))
    assert booked(result)["A"] == ({TODAY: 8_000}, 8_000)
    refusing = line("policy.updated", "p", None, unknown_unit="dead_letter")
    refused = after(refusing, *lines, order(unit_of_measure="TON"))
    assert booked(refused) == {}
    assert [letter["reason"] for letter in refused.data("dead-letters")] == ["unknown_unit"]


def test_a_lost_sale_and_an_order_without_id_are_demand_for_the_parts() -> None:
    """Though their lines have the key of the event's id, kit and parts are lines of their own, also in one shard."""
    lost = line("order.lost", "x", NOON, sku="KIT", location="L", quantity=1)
    anonymous = order("placed", "y", order_id=None, line=None, quantity=1)
    for shards in SHARDS:
        result = after(item(), lost, lost, anonymous, anonymous, shards=shards)
        assert booked(result) == {"KIT": ({TODAY: 2_000}, 0), "A": ({TODAY: 4_000}, 2_000),
                                  "B": ({TODAY: 1_000}, 500)}  # fmt: skip


def test_kits_of_kits() -> None:
    """Quantities multiply and add up, a kit within a kit has demand and nothing open, and a cycle ends."""
    lines = (item(parts={"SUB": 2, "A": 1}), item("SUB", "s", parts={"A": 3, "KIT": 1}))
    assert booked(after(*lines, order(quantity=1))) == {
        "KIT": ({TODAY: 1_000}, 0), "SUB": ({TODAY: 2_000}, 0), "A": ({TODAY: 7_000}, 7_000)
    }  # fmt: skip


def test_parts_hold_from_their_event_time() -> None:
    """Orders before the record have no parts, later ones the newest parts, also if the record takes them back."""
    lines = (
        item("KIT", "i1", NOON + DAY_MS), item("KIT", "i2", NOON + 2 * DAY_MS, parts={"C": 1}),
        item("KIT", "i3", NOON + 3 * DAY_MS, parts={}),
    )  # fmt: skip
    placed = [order("placed", f"o{day}", NOON + day * DAY_MS + HOUR_MS, order_id=f"k{day}") for day in range(4)]
    found = booked(after(*lines, *placed))
    assert found["A"][0] == {TODAY + 1: 6_000}
    assert found["C"][0] == {TODAY + 2: 3_000}
    assert found["KIT"] == ({TODAY + day: 3_000 for day in range(4)}, 6_000)


@pytest.mark.parametrize(("kind", "new"), [("cancelled", 0), ("closed", 0), ("changed", 5_000)])
def test_a_part_that_a_kit_no_longer_has_ends_with_the_next_version(kind: str, new: int) -> None:
    """The kit's line was placed with other parts: its next version ends theirs, and opens the new parts if it is one.

    The new part is first heard of at version 2: it is open, and teaches no demand.
    """
    lines = (item(), item("KIT", "i2", NOON + DAY_MS, parts={"B": 0.5, "C": 1}))
    later = order(kind, "o2", NOON + DAY_MS + HOUR_MS, quantity=5, line_version=2, requested_date="2026-01-20")
    found = rows(after(*lines, order(), later))
    assert found["A"].open == 0
    assert found["B"].open == new // 2
    assert found["C"].open == new
    assert not found["C"].quantity


def test_a_row_of_a_part_has_the_name_of_the_part_after_a_restart() -> None:
    """The first event of a part is a derived record: its texts are stored with the batch."""
    lines = [item(), order()]
    stream = Linked([*lines, order("placed", "later", NOON + DAY_MS, order_id="k2")])
    calm = run(stream, Settings(shards=2))
    assert run(stream, Settings(shards=2), [1, 2], restarts=[1, 2]).plain() == calm.plain()
    assert {name for machine in calm.shards for name in sums(machine)} == {("KIT", "L"), ("A", "L"), ("B", "L")}


def stream_of(seed: int) -> Linked:
    """A few days of orders of kits, parts and others, under own ids and aliases, with changes and shipments."""
    r = random.Random(seed)
    lines = [
        item(aliases=["K-77"]), item("SUB", "sub", MONDAY + DAY_MS, parts={"B": 2, "C": 1}),
        item("BIG", "big", None, parts={"KIT": 2, "SUB": 1}, units={"BOX": 4}),
        line("location.updated", "l", None, location="L", aliases=["7001"]),
        line("location.updated", "m", None, location="M"),
        item("A", "a", MONDAY + 2 * DAY_MS, parts={}, aliases=["A-77"]),
    ]  # fmt: skip
    for number in range(120):
        time = MONDAY + number * 50 * MINUTE_MS + r.randrange(HOUR_MS)
        keys: dict[str, Any] = {
            "order_id": f"o{r.randrange(40)}",
            "line": r.choice(("1", None)),
            "location": r.choice(("L", "7001", "M")),
            "sku": r.choice(("KIT", "K-77", "BIG", "SUB", "A", "A-77", "Z")),
            "quantity": r.randrange(1, 9),
        }
        kind = r.choice(("order.placed", "order.placed", "order.changed", "order.cancelled", "order.lost",
                         "shipment.shipped", "shipment.transferred", "inventory.counted", "shipment.delivered",
                         "order.returned", "order.allocated", "shipment.delayed", "shipment.substituted"))  # fmt: skip
        more: dict[str, Any] = {"to_location": "M"} if kind == "shipment.transferred" else {}
        if kind == "shipment.delayed":
            more = {"expected_date": "2026-02-20"}
        if kind == "shipment.substituted":
            more = {"substitute_sku": r.choice("AZ")}
        if kind == "order.changed":
            more = {"line_version": r.randrange(1, 4)}
        lines.append(line(kind, f"e{number}", time, **keys, **more))
        if r.random() < 0.1:
            lines.append(r.choice(lines))
    return Linked(lines)


@given(st.integers(0, 10**6), st.sets(st.integers(1, 120), max_size=4), st.sampled_from((2, 5, 16)))
@settings(max_examples=examples(4))
def test_results_do_not_depend_on_cuts_and_shards(seed: int, cuts: set[int], shards: int) -> None:
    """Cuts and restarts give the same bytes; another number of shards the same sums."""
    stream = stream_of(seed)
    whole = run(stream, Settings(shards=2))
    stops = sorted(cuts)
    assert run(stream, Settings(shards=2), stops, restarts=stops[:2]).plain() == whole.plain()
    other = run(stream, Settings(shards=shards), stops)
    found = [{name: row for machine in result.shards for name, row in sums(machine).items()}
             for result in (whole, other)]  # fmt: skip
    assert found[0] == found[1]
