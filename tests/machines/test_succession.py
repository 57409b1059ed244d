"""Items with successors in real shards: what passes over, when, and that nothing else shows it."""

from typing import Any

import numpy as np
import orjson
import pytest

from sensing.codec.keys import row_key
from sensing.codec.shard_split import shard_of
from sensing.machine_settings import DAY_MS, HOUR_MS, MINUTE_MS, Settings
from sensing.machines.call_budget import CallBounds
from sensing.machines.shard import ShardMachine
from sensing.supply.stock_ledger import on_hand
from tests.machines.linked import Arriving, Linked
from tests.machines.streams import MONDAY, Line, Result, Run, line, run, sizes, sums

pytestmark = pytest.mark.compiled

OLD, NEW, LAST = "OLD", "NEWEST", "LAST"
DAYS, SWITCH = 70, 60
SWITCH_AT = MONDAY + SWITCH * DAY_MS
SETTINGS = Settings(shards=4)
assert len({shard_of(sku, 4) for sku in (OLD, NEW, LAST)}) == 3, "the items are in different shards"


def at(day: float, hour: float = 0) -> int:
    """Instant, days and hours after the first Monday."""
    return MONDAY + int(day * DAY_MS + hour * HOUR_MS)


def master(event_id: str = "m", time: int | None = None, sku: str = OLD, **fields: Any) -> Line:
    """A record of an item."""
    return line("item.updated", event_id, time, sku=sku, **{"lead_time_days": 5, "unit_price": 4.0} | fields)


SUCCESSOR = master(successor=NEW, successor_from=SWITCH_AT)


def order(kind: str, event_id: str, time: int, order_id: str, quantity: float = 3, **fields: Any) -> Line:
    """An event of one order line."""
    given: dict[str, Any] = {"order_id": order_id, "line": "1", "quantity": quantity, "sku": OLD, "location": "L"}
    return line(f"order.{kind}", event_id, time, **given | fields)


def shipped(event_id: str, time: int, order_id: str, quantity: float = 3, **fields: Any) -> Line:
    """A shipment of an order line."""
    given: dict[str, Any] = {"order_id": order_id, "line": "1", "quantity": quantity, "sku": OLD, "location": "L"}
    return line("shipment.shipped", event_id, time, **given | fields)


def counted(event_id: str, time: int, quantity: float, sku: str = OLD) -> Line:
    """A stock count."""
    return line("inventory.counted", event_id, time, sku=sku, location="L", quantity=quantity)


def business(*more: Line, days: int = DAYS, master: Line = SUCCESSOR, varied: bool = False) -> list[Line]:
    """Four lines of three a day, or about three, shipped two hours later, all under the old name; and more lines."""
    chance = np.random.default_rng(5)
    lines = [counted("c", at(0, 1), 2_000)]
    for day in range(days):
        for k in range(4):
            name, units = f"{day}-{k}", chance.integers(1, 6) if varied else 3
            lines.append(order("placed", f"o{name}", at(day, 9 + k), name, int(units)))
            lines.append(shipped(f"s{name}", at(day, 11 + k), name, int(units)))
    return [master, *sorted([*lines, *more], key=time_of)]


def time_of(each: Line) -> int:
    """Event time of a message."""
    return int(orjson.loads(each.value).get("event_time", 0))


def played(lines: list[Line], settings: Settings = SETTINGS, **options: Any) -> Result:
    """The lines, to the end of the last day."""
    return run(Linked(lines, end=at(DAYS)), settings, **options)


def facts(result: Result) -> dict[str, dict[str, Any]]:
    """Facts of each item at L."""
    found = {}
    for machine in result.shards:
        s = machine.state
        for name, booked in sums(machine).items():
            row = s.rows.find(_key(*name))
            stock = float(s.rows.hot["stock"][row])
            found[name[0]] = {
                "days": booked.quantity, "open": booked.open, "stock": None if np.isnan(stock) else stock,
                "on_order": int(s.supply.supply["on_order"][row]), "old": s.hand_overs.under_old_names(row),
            }  # fmt: skip
    return found


def _key(sku: str, location: str) -> Any:
    return row_key(sku, location)


def records(result: Result, rule: str = "supersede_item") -> list[dict[str, Any]]:
    """Automatic decisions of a rule."""
    return [each for each in result.data("audit") if each.get("rule") == rule]


def test_history_lines_stock_and_purchase_orders_pass_over_once() -> None:
    """At the instant all of it is the successor's, and a record says what."""
    lines = business(
        order("placed", "late", at(55), "big", 40, requested_date="2026-06-01"),
        line("order.allocated", "al", at(56), order_id="big", line="1", sku=OLD, location="L", quantity=10),
        line("po.placed", "p", at(50), po_id="P", sku=OLD, location="L", quantity=500, supplier="ACME",
             promised_date="2026-04-20"),
    )  # fmt: skip
    result = played(lines)
    found = facts(result)
    today = MONDAY // DAY_MS
    assert found[OLD] == {"days": found[OLD]["days"], "open": 0, "stock": 0.0, "on_order": 0, "old": 0}
    assert found[NEW]["days"] == {today + day: 12_000 + 40_000 * (day == 55) for day in range(DAYS - 28, DAYS)}
    assert (found[NEW]["open"], found[NEW]["stock"]) == (40_000, 2_000 - 12 * DAYS)
    assert (found[NEW]["on_order"], found[NEW]["old"]) == (500_000, (2_000 - 12 * DAYS) * 1000)
    (record,) = records(result)
    assert (record["prior"], record["value"], record["cause_event_ids"]) == (OLD, NEW, ["m"])
    assert record["inputs"] == {
        "locations": 1, "on_hand": 2_000 - 12 * SWITCH, "open_demand": 40.0, "on_order": 500.0, "factor": 1.0,
    }  # fmt: skip
    assert record["reason"] == (
        "NEWEST has taken over from OLD at 1 locations: history, 40 units of open demand, 1280 on hand and 500 on"
        " order."
    )
    shard = result.shards[shard_of(NEW, 4)].state
    (entry,) = shard.allocations.of_row(0, shard.lines.lines, shard.lines.index)
    assert entry[1] == 10_000


def test_the_forecast_goes_on_as_if_nothing_had_happened() -> None:
    """Parameters of the successor after the instant are those that the old item would have, and no alarm is raised."""
    new = master("n", None, NEW)
    passed, alone = played([new, *business(varied=True)]), played(business(varied=True, master=master()))
    found, wanted = passed.table()[NEW, "L"], alone.table()[OLD, "L"]
    for name in ("reorder_point", "safety_stock", "order_quantity"):
        assert found[name] == pytest.approx(wanted[name], rel=0.05), name
    assert sum(found["forecast_mean"]) == pytest.approx(sum(wanted["forecast_mean"]), rel=0.01)
    assert np.allclose(found["forecast_mean"], wanted["forecast_mean"], rtol=0.08)
    assert passed.table()[OLD, "L"]["reorder_point"] == 0.0
    assert passed.data("exceptions") == alone.data("exceptions") == []
    documents = {each["sku"]: each for each in passed.data("planning-parameters")}
    assert (documents[OLD]["successor"], documents[OLD]["lifecycle"]) == (NEW, "ended")
    assert documents[OLD]["last_day"] == "2026-04-02"
    assert documents[NEW]["predecessors"] == [OLD]
    assert documents[NEW]["stock"]["under_old_names"] == documents[NEW]["stock"]["on_hand"]


def test_versions_of_old_lines_follow_them() -> None:
    """A change, a cancellation, a shipment and a repeat after the instant, under the old name."""
    result = played(business(
        order("placed", "a", at(59), "a", 10), order("placed", "b", at(59), "b", 20),
        order("placed", "c1", at(59), "c", 30), order("placed", "d", at(59), "d", 5),
        order("changed", "a2", at(61), "a", 12, line_version=2), order("cancelled", "b2", at(61), "b"),
        shipped("c2", at(61), "c", 10), order("placed", "d", at(61), "d", 5), shipped("s58-0", at(61), "58-0"),
        order("placed", "e", at(61), "e", 7), order("changed", "e2", at(62), "e", 8, line_version=2),
    ))  # fmt: skip
    found = facts(result)
    assert found[NEW]["open"] == 12_000 + 0 + 20_000 + 5_000 + 8_000
    assert found[NEW]["stock"] == 2_000 - 12 * DAYS - 10
    assert found[OLD]["open"] == 0
    day = MONDAY // DAY_MS
    assert found[NEW]["days"][day + 59] == 12_000 + 12_000 + 0 + 30_000 + 5_000
    totals = {topic: counts for each in result.totals for topic, _, counts in each.counts if topic == "orders"}
    assert totals["orders"][2] == 1  # the repeat is a duplicate
    assert result.data("dead-letters") == []


def test_both_names_are_one_item() -> None:
    """Orders under both names after the instant, and before it under the new one."""
    result = played(business(
        order("placed", "n1", at(58), "n1", 6, sku=NEW), order("placed", "n2", at(65), "n2", 8, sku=NEW),
        counted("k", at(57), 100, NEW),
    ))  # fmt: skip
    found, day = facts(result)[NEW], MONDAY // DAY_MS
    assert found["open"] == 14_000
    assert {at - day: quantity for at, quantity in found["days"].items() if quantity != 12_000} == {
        58: 18_000, 65: 20_000,
    }  # fmt: skip
    assert (found["stock"], found["old"]) == (100 + 2_000 - 12 * DAYS, (2_000 - 12 * DAYS) * 1000)


def test_a_count_states_one_name_only() -> None:
    """Counts of the old item and of the successor's own stock, and one that arrives late."""
    before = 2_000 - 12 * 62
    result = played(business(
        counted("k0", at(50), 300, NEW),
        counted("k1", at(62, 1), before - 7),  # seven are missing
        counted("k2", at(63, 1), 280, NEW),  # and twenty of the new ones
        counted("k3", at(62, 20), before - 7 - 12 - 1),  # one more, and it ships after it
    ))  # fmt: skip
    found = facts(result)[NEW]
    assert found["stock"] == 280 + 2_000 - 12 * DAYS - 8
    assert found["old"] == (2_000 - 12 * DAYS - 8) * 1000


def test_receipts_returns_and_transfers_under_the_old_name() -> None:
    """Each moves the old item's part of the balance."""
    old: dict[str, Any] = {"sku": OLD, "location": "L"}
    result = played(business(
        line("po.placed", "p", at(50), po_id="P", quantity=500, supplier="ACME", promised_date="2026-04-20", **old),
        line("po.received", "r", at(62), po_id="P", quantity=200, **old),
        line("order.returned", "b", at(62), order_id="3-0", line="1", quantity=2, **old),
        line("inventory.adjusted", "j", at(62), quantity=-5, reason="scrap", **old),
        line("shipment.transferred", "t", at(62), to_location="M", quantity=20, expected_date="2026-04-09", **old),
        line("shipment.substituted", "u", at(62), order_id="n", line="1", quantity=4, sku=NEW, location="L",
             substitute_sku=OLD),
        order("placed", "n", at(61), "n", 4, sku=NEW), counted("k", at(62, 12), 11, NEW),
    ))  # fmt: skip
    shard = result.shards[shard_of(NEW, 4)].state
    rows = {shard.names_of(row): row for row in range(shard.rows.count)}
    balance = 2_000 - 12 * DAYS + 200 + 2 - 5 - 20 - 4
    assert shard.rows.hot["stock"][rows[NEW, "L"]] == balance + 11
    assert shard.hand_overs.under_old_names(rows[NEW, "L"]) == balance * 1000
    assert on_hand(shard.supply.supply, rows[NEW, "M"]) == 20_000
    assert facts(result)[NEW]["open"] == 0
    assert shard.supply.supply["on_order"][rows[NEW, "L"]] == 300_000
    assert result.data("dead-letters") == []


@pytest.mark.parametrize("shards", [1, 2, 7])
def test_the_number_of_shards_does_not_show(shards: int) -> None:
    """Both items in one shard, or in others."""
    lines = business(counted("k0", at(50), 300, NEW), counted("k2", at(63, 1), 280, NEW))
    calm, found = played(lines), played(lines, Settings(shards=shards))
    assert facts(found) == facts(calm)
    assert records(found) == records(calm)


@pytest.mark.parametrize("size", [1, 7, 30])
def test_cuts_and_restarts_do_not_show(size: int) -> None:
    """Blocks of any size, with machines restored from dumps around the instant."""
    lines = business(order("placed", "late", at(55), "big", 40), counted("k", at(61), 1_200), days=65)
    stream, calm = Linked(lines, end=at(DAYS)), played(lines)
    cuts = sizes(stream, size)
    near = [cut for cut in cuts if abs(int(stream.watermarks[cut - 1]) - SWITCH_AT) < 15 * HOUR_MS][:6]
    found = run(Linked(lines, end=at(DAYS)), SETTINGS, cuts, restarts=near)
    assert near
    assert found.plain() == calm.plain()
    assert [machine.dump() for machine in found.shards] == [machine.dump() for machine in calm.shards]


def test_bounded_calls_do_not_show() -> None:
    """Calls that end early, in the middle of closes."""
    lines = business(days=65)
    engine, stream = Run(SETTINGS, CallBounds(learned=1, planned=1, outputs=1)), Linked(lines, end=at(DAYS))
    for start in range(0, len(stream), 50):
        engine.apply(stream.cut(start, min(start + 50, len(stream))), stream.books(start, min(start + 50, len(stream))))
    while engine.proceed():
        pass
    engine.end(stream)
    assert facts(engine.result()) == facts(played(lines))


def test_a_shard_waits_and_stays_the_same_while_it_waits() -> None:
    """The successor's shard applies nothing behind the instant before the hand-over arrives; a dump keeps the rest."""
    stream = Linked(business(order("placed", "n", at(61), "n", 9, sku=NEW), days=62), end=at(DAYS))
    engine = Run(SETTINGS)
    engine._hand_over = lambda: None  # type: ignore[method-assign]  # nothing comes back
    engine.apply(stream.cut(0, len(stream)))
    machine = engine.shards[shard_of(NEW, 4)]
    assert machine.state.clock <= SWITCH_AT
    assert not machine.busy
    assert machine.state.rows.count == 0
    restored = ShardMachine(machine.state.shard, SETTINGS)
    restored.load(machine.dump())
    (message,) = engine._way_back
    for each in (machine, restored):
        each.apply(message)
    assert restored.dump() == machine.dump()
    assert sums(restored)[NEW, "L"].open == 9_000


def test_a_chain_passes_on() -> None:
    """The second successor has everything of both, stock by name."""
    second = master("m2", None, NEW, successor=LAST, successor_from=at(65))
    result = played([second, *business(counted("k0", at(50), 300, NEW), counted("k1", at(66), 1_100))])
    found = facts(result)
    assert set(found) == {OLD, NEW, LAST}
    assert (found[NEW]["stock"], found[NEW]["old"]) == (0.0, 0)
    assert found[LAST]["stock"] == 300 + 1_100 - 12 * (DAYS - 66)
    assert {(each["prior"], each["value"]) for each in records(result)} == {(OLD, NEW), (NEW, LAST)}
    documents = {each["sku"]: each for each in result.data("planning-parameters")}
    assert documents[LAST]["predecessors"] == [OLD, NEW]


@pytest.mark.parametrize(("shards", "gap"), [(4, 0), (1, 0), (4, 1)])
def test_a_chain_at_one_instant(shards: int, gap: int) -> None:
    """The first item passes to the last one at once."""
    second = master("m2", None, NEW, successor=LAST, successor_from=SWITCH_AT - gap)
    result = played([second, *business()], Settings(shards=shards))
    assert facts(result)[LAST]["stock"] == 2_000 - 12 * DAYS
    assert {each["value"] for each in records(result)} == {LAST}


def test_a_record_before_the_instant_withdraws_or_replaces_the_successor() -> None:
    """One after it changes nothing, and says so."""
    withdrawn = played([*business(), master("m2", at(30))])
    assert set(facts(withdrawn)) == {OLD}
    replaced = played([*business(), master("m2", at(30), successor=LAST, successor_from=at(62))])
    assert facts(replaced)[LAST]["stock"] == 2_000 - 12 * DAYS
    late = played([*business(), master("m2", at(64), successor=LAST)])
    assert set(facts(late)) == {OLD, NEW}
    assert [each["reason"] for each in records(late)] == [
        "LAST does not take over from OLD: OLD passes over to NEWEST before it takes effect.",
        records(played(business()))[0]["reason"],
    ]


def test_a_circle_is_refused() -> None:
    """Neither an item nor its predecessor takes over from it."""
    found = played([*business(), master("m2", None, NEW, successor=OLD), master("m3", None, LAST, successor=LAST)])
    assert set(facts(found)) == {OLD, NEW}
    assert sorted(each["reason"] for each in records(found) if each["value"] is None) == [
        "LAST does not take over from LAST: LAST is LAST or leads back to it.",
        "OLD does not take over from NEWEST: OLD is NEWEST or leads back to it.",
    ]


def test_units_are_converted() -> None:
    """A successor sold in boxes of six."""
    box = master("m1", None, NEW, base_unit="BOX", units={"EA": 1 / 6})
    result = played([box, *business(order("placed", "big", at(55), "big", 42, unit_of_measure="EA"), days=60)])
    found = facts(result)[NEW]
    assert (found["stock"], found["open"]) == ((2_000 - 12 * 60) / 6 // 0.001 / 1000, 7_000)
    (record,) = records(result)
    assert record["reason"].endswith(" Its EA became BOX, 0.166666666667 of them each.")
    unknown = played([master("m1", None, NEW, base_unit="BOX"), *business(days=60)])
    assert facts(unknown)[NEW]["stock"] == 2_000 - 12 * 60
    assert records(unknown)[0]["reason"].endswith(
        " Its EA became BOX one for one, since no record says how they convert."
    )


def test_a_notice_that_comes_late() -> None:
    """The record arrives after its instant: what was ordered under both names until then is added."""
    lines = business(order("placed", "n", at(62), "n", 6, sku=NEW), counted("k", at(61), 50, NEW))
    place = next(at for at, each in enumerate(lines) if time_of(each) > at_switch(64))
    lines = [*lines[1:place], SUCCESSOR, *lines[place:]]
    result = run(Arriving(lines, end=at(DAYS)), SETTINGS, cuts=(place - 1, place))
    found = facts(result)[NEW]
    assert found["stock"] == 50 + 2_000 - 12 * DAYS
    assert found["open"] == 6_000
    assert found["days"][MONDAY // DAY_MS + 62] == 18_000


def at_switch(day: int) -> int:
    """Noon of a day and half a minute, when no event is."""
    return at(day, 12) + MINUTE_MS // 2


def test_problems_of_the_old_item_end() -> None:
    """A stock-out of it is resolved; the successor has its own, with what both have."""
    result = played(business(counted("k", at(56), 10), days=66))
    lives = [
        (each["sku"], each["status"])
        for each in result.data("exceptions")
        if each["exception_type"] == "stockout_projected"
    ]
    assert (OLD, "resolved") in lives
    assert any(sku == NEW for sku, _ in lives)
    (ended,) = [
        each
        for each in result.data("exceptions")
        if (each["sku"], each["status"]) == (OLD, "resolved") and each["exception_type"] == "stockout_projected"
    ]
    assert ended["reason"].startswith("NEWEST has taken over from OLD. It last said: ")


def test_kits_are_made_of_the_successor() -> None:
    """An order of a kit after the instant is demand of the part's successor."""
    kit = line("item.updated", "kit", None, sku="KIT", parts={OLD: 2})
    result = played([kit, *business(order("placed", "kk", at(65), "kk", 5, sku="KIT"))])
    assert facts(result)[NEW]["open"] == 10_000


@pytest.mark.parametrize("line_id", ["1", None])
def test_an_old_line_may_be_named_by_the_successor(line_id: str | None) -> None:
    """Shipped, changed, cancelled, delivered and allocated under the new name; a placement is a line of its own."""
    new: dict[str, Any] = {"sku": NEW, "line": line_id}
    old: dict[str, Any] = {"line": line_id}
    result = played(business(
        *(order("placed", name, at(59), name, 10, **old) for name in "abcde"),
        shipped("a2", at(61), "a", 4, **new), order("changed", "b2", at(61), "b", 7, line_version=2, **new),
        order("cancelled", "c2", at(61), "c", **new), order("placed", "d2", at(61), "d", 1, line_version=1, **new),
        line("shipment.delivered", "e2", at(61), order_id="e", quantity=3, location="L", **new),
        line("order.allocated", "e3", at(62), order_id="e", quantity=2, location="L", **new),
    ))  # fmt: skip
    assert facts(result)[NEW]["open"] == 6_000 + 7_000 + 0 + 10_000 + 1_000 + 7_000
    s = result.shards[shard_of(NEW, 4)].state
    assert [quantity for _, quantity in s.allocations.of_row(0, s.lines.lines, s.lines.index)] == [2_000]
    assert facts(result)[NEW]["stock"] == 2_000 - 12 * DAYS - 4 - 3
