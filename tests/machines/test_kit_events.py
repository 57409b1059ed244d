"""Events of kits beside their orders: returns, fulfilment, transfers; shipments reported twice; refused parts."""

import base64
import itertools
from typing import Any

import orjson
import pytest

from sensing.machine_settings import DAY_MS, HOUR_MS
from sensing.supply.stock_ledger import on_hand
from tests.machines.streams import MONDAY, Line, Result, line, sums
from tests.machines.test_kit_lines import NOON, PARTS, SHARDS, TODAY, after, booked, item, order, rows, shipment

pytestmark = pytest.mark.compiled

COUNTS = [line("inventory.counted", f"c{sku}", MONDAY, sku=sku, location="L", quantity=50) for sku in PARTS]
POLICY = {"unknown_location": "quarantine", "unknown_item": "quarantine"}
LATER = NOON + 2 * HOUR_MS


def stock(result: Result, location: str = "L") -> dict[str, float]:
    """Units on hand by SKU, of the parts."""
    return {
        s.sku_of(row): on_hand(s.supply.supply, row) / 1000
        for s in (machine.state for machine in result.shards)
        for row in range(s.rows.count)
        if s.names_of(row)[1] == location and s.sku_of(row) in PARTS
    }


def opened(result: Result) -> dict[str, int]:
    """Open thousandths by SKU."""
    return {sku: row.open for sku, row in rows(result).items()}


def demand(result: Result, location: str = "L") -> dict[str, dict[int, int]]:
    """Thousandths of demand by day, of the parts."""
    found = {name: row.quantity for machine in result.shards for name, row in sums(machine).items()}
    return {sku: days for (sku, at), days in found.items() if at == location and sku in PARTS}


def kit(event_type: str, event_id: str = "x", time: int = LATER, **fields: Any) -> Line:
    """An event about the kit's line."""
    keys = {"order_id": "k", "line": "1", "location": "L", "sku": "KIT", "quantity": 2}
    return line(event_type, event_id, time, **(keys | fields))


@pytest.mark.parametrize("shards", SHARDS)
@pytest.mark.parametrize(("restocked", "expected"), [(None, {"A": 54, "B": 51}), (False, {"A": 50, "B": 50})])
def test_a_return_of_a_kit_brings_back_its_parts(
    shards: int, restocked: bool | None, expected: dict[str, float]
) -> None:
    """Unless they are not restocked; a repeat is a duplicate."""
    back = kit("order.returned", restocked=restocked)
    assert stock(after(item(), *COUNTS, order(), back, back, shards=shards)) == expected


@pytest.mark.parametrize("shards", SHARDS)
def test_an_allocation_of_a_kit_reserves_its_parts(shards: int) -> None:
    """As much as is open, and once."""
    allocated = kit("order.allocated")
    result = after(item(), *COUNTS, order(requested_date="2026-03-01"), allocated, allocated, shards=shards)
    found: dict[str, int] = {}
    for s in (machine.state for machine in result.shards):
        for row in range(s.rows.count):
            entries = s.allocations.of_row(row, s.lines.lines, s.lines.index)
            if entries:
                found[s.sku_of(row)] = sum(quantity for _, quantity in entries)
    assert found == {"A": 4_000, "B": 1_000}


@pytest.mark.parametrize("shards", SHARDS)
@pytest.mark.parametrize("kind", ["shipment.backordered", "shipment.delayed"])
def test_a_later_day_of_a_kit_is_that_of_its_parts(shards: int, kind: str) -> None:
    """What is open of the parts is owed then."""
    result = after(item(), order(), kit(kind, expected_date="2026-02-20"), shards=shards)
    days = {s.sku_of(row): s.open_days(row) for s in (m.state for m in result.shards) for row in range(s.rows.count)}
    assert {sku: found for sku, found in days.items() if found} == {"A": {TODAY + 18: 6.0}, "B": {TODAY + 18: 1.5}}


@pytest.mark.parametrize("shards", SHARDS)
def test_a_delivery_of_a_kit_ships_its_parts(shards: int) -> None:
    """If their shipment was not heard of; it is counted once, and its repeat is a duplicate."""
    delivered = kit("shipment.delivered")
    result = after(item(), *COUNTS, order(), delivered, delivered, shards=shards)
    assert stock(result) == {"A": 46, "B": 49}
    assert opened(result) == {"KIT": 0, "A": 2_000, "B": 500}
    totals = [counts for total in result.totals for topic, _, counts in total.counts if topic == "shipments"]
    assert sum(sum(counts) for counts in totals) == 2


REPORTS = {
    "kit shipped": [kit("shipment.shipped", "a", quantity=3)],
    "kit delivered": [kit("shipment.delivered", "b", quantity=3)],
    "parts shipped": [shipment("A", 6, "c", LATER), shipment("B", 1.5, "d", LATER)],
    "parts delivered": [
        line("shipment.delivered", f"e{sku}", LATER, order_id="k", line="1", sku=sku, location="L", quantity=units)
        for sku, units in (("A", 6), ("B", 1.5))
    ],
}  # fmt: skip


@pytest.mark.parametrize("shards", SHARDS)
@pytest.mark.parametrize("names", list(itertools.permutations(REPORTS, 2)))
def test_goods_reported_as_kit_and_as_parts_leave_the_stock_once(shards: int, names: tuple[str, str]) -> None:
    """Whichever is heard of first, and also if all are."""
    reports = [report for name in names for report in REPORTS[name]]
    result = after(item(), *COUNTS, order(), *reports, shards=shards)
    assert stock(result) == {"A": 44, "B": 48.5}
    assert opened(result) == {"KIT": 0, "A": 0, "B": 0}
    everything = [report for name in (*names, *REPORTS) for report in REPORTS[name]]
    assert stock(after(item(), *COUNTS, order(), *everything, shards=shards)) == {"A": 44, "B": 48.5}


def test_what_the_parts_report_beyond_the_kit_leaves_as_well() -> None:
    """The larger total counts."""
    result = after(item(), *COUNTS, order(), shipment("A", 2, "a"), kit("shipment.shipped"), shipment("A", 5, "b"))
    assert stock(result) == {"A": 43, "B": 49}


@pytest.mark.parametrize("shards", SHARDS)
def test_a_transfer_of_a_kit_moves_its_parts(shards: int) -> None:
    """At once, or in transit until the kit's shipment is delivered; two parts of one shard are two lines."""
    bare: dict[str, Any] = {"order_id": None, "line": None, "to_location": "M"}
    at_once = kit("shipment.transferred", **bare)
    result = after(item(), *COUNTS, at_once, at_once, shards=shards)
    assert stock(result) == {"A": 46, "B": 49}
    assert stock(result, "M") == {"A": 4, "B": 1}
    assert demand(result) == {"A": {TODAY: 4_000}, "B": {TODAY: 1_000}}
    sent = kit("shipment.transferred", shipment_id="S", expected_date="2026-02-20", **bare)
    arrived = kit("shipment.delivered", "y", LATER + HOUR_MS, order_id=None, line=None, shipment_id="S", location="M")
    assert stock(after(item(), *COUNTS, sent, shards=shards), "M") == {"A": 0, "B": 0}
    assert stock(after(item(), *COUNTS, sent, arrived, shards=shards), "M") == {"A": 4, "B": 1}


@pytest.mark.parametrize("shards", SHARDS)
def test_a_substitute_serves_the_lines_of_the_parts(shards: int) -> None:
    """The parts stay in stock, and the substitute leaves it once."""
    count = line("inventory.counted", "cs", MONDAY, sku="SUB", location="L", quantity=50)
    result = after(item(), *COUNTS, count, order(), kit("shipment.substituted", substitute_sku="SUB"), shards=shards)
    assert opened(result) == {"KIT": 0, "A": 2_000, "B": 500, "SUB": 0}
    assert stock(result) == {"A": 50, "B": 50}
    left = [on_hand(s.supply.supply, row) for s in (m.state for m in result.shards)
            for row in range(s.rows.count) if s.sku_of(row) == "SUB"]  # fmt: skip
    assert left == [48_000]


def located(name: str = "L", time: int | None = None) -> Line:
    """A location."""
    return line("location.updated", f"l{name}", time, location=name)


@pytest.mark.parametrize("shards", SHARDS)
def test_parts_of_a_held_kit_wait_with_it(shards: int) -> None:
    """One event is held and released, and then all parts have their demand; one name is reported, by the kit."""
    events = [order(), kit("shipment.delivered", quantity=1), kit("order.returned", "r", quantity=1)]
    held = after(item(), located("M"), *events, shards=shards)
    assert booked(held) == {}
    later = order("placed", "m", NOON + 2 * DAY_MS, location="M", order_id="m")
    released = after(item(), located("M"), *events, located("L", NOON + DAY_MS), later, shards=shards)
    assert demand(released) == {"A": {TODAY: 6_000}, "B": {TODAY: 1_500}}
    assert demand(released, "M") == {"A": {TODAY + 2: 6_000}, "B": {TODAY + 2: 1_500}}
    assert stock(released) == {"A": 0, "B": 0}
    rules = [data["rule"] for data in released.data("audit") if "rule" in data]
    assert (rules.count("quarantine_event"), rules.count("release_quarantined_event")) == (3, 3)


@pytest.mark.parametrize("shards", SHARDS)
@pytest.mark.parametrize("action", ["quarantine", "dead_letter"])
def test_an_unknown_part_is_seen(shards: int, action: str) -> None:
    """Its event waits or is a dead letter beside the kit's outcome, and its name is reported."""
    policy = line("policy.updated", "p", None, unknown_item=action)
    known = item("A", "a", parts={})
    result = after(policy, item(), known, order(), kit("shipment.delivered"), shards=shards)
    assert set(booked(result)) == {"KIT", "A"}
    assert {state["sku"] for state in result.data("exceptions") if state["exception_type"] == "master_data"} == {"B"}
    letters = result.data("dead-letters")
    if action == "quarantine":
        assert letters == []
        released = after(policy, item(), known, order(), item("B", "b", NOON + HOUR_MS, parts={}), order(
            "placed", "z", NOON + DAY_MS, order_id="z"), shards=shards)  # fmt: skip
        assert booked(released)["B"][0] == {TODAY: 1_500, TODAY + 1: 1_500}
        return
    assert [(each["reason"], each["got"], each["offset"]) for each in letters] == [
        ("unknown_item", "'B'", 0), ("unknown_item", "'B'", 0)
    ]  # fmt: skip
    values = [orjson.loads(base64.b64decode(each["value_base64"])) for each in letters]
    assert [(value["sku"], value["quantity"]) for value in values] == [("B", 1.5), ("B", 1.0)]


@pytest.mark.parametrize("shards", SHARDS)
def test_a_refused_location_is_one_dead_letter(shards: int) -> None:
    """The kit's event is the dead letter; those of its parts add none."""
    policy = line("policy.updated", "p", None, unknown_location="dead_letter")
    result = after(policy, item(), located("M"), order(), kit("shipment.delivered"), shards=shards)
    assert booked(result) == {}
    values = [orjson.loads(base64.b64decode(each["value_base64"])) for each in result.data("dead-letters")]
    assert [value["sku"] for value in values] == ["KIT", "KIT"]


def test_a_kit_in_an_unknown_unit_never_waits() -> None:
    """Its parts could not be made when it is released, so it is a dead letter, to be sent again after the record."""
    events = [order(unit_of_measure="BOX"), kit("shipment.delivered", unit_of_measure="BOX")]
    result = after(item(), *events, item("KIT", "i2", NOON + DAY_MS, units={"BOX": 4}), order(
        "placed", "z", NOON + 2 * DAY_MS, order_id="z"))  # fmt: skip
    assert [each["reason"] for each in result.data("dead-letters")] == ["unknown_unit", "unknown_unit"]
    assert booked(result)["A"][0] == {TODAY + 2: 6_000}


def test_part_quantities_stay_within_their_limit() -> None:
    """Kits of kits of kits multiply beyond any number; the part has the largest quantity that an event may have."""
    levels = [item(f"K{n}", f"i{n}", parts={f"K{n + 1}": 1e6}) for n in range(7)]
    huge: dict[str, Any] = {"sku": "K0", "quantity": 1e9}
    result = after(*levels, order(**huge), kit("shipment.delivered", **huge), kit("order.allocated", "y", **huge))
    assert rows(result)["K7"].quantity == {TODAY: 10**12}
