"""Events with unknown names, from the policy over the quarantine to their release, in whole engines."""

import base64
import math
from collections import Counter
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.outputs import AUDIT, DEAD_LETTERS, EXCEPTIONS
from sensing.supply.stock_ledger import on_hand
from tests.machines.streams import MONDAY, Line, Result, Stream, line, run, sizes, sums
from tests.searches import examples

pytestmark = pytest.mark.compiled

NOON = MONDAY + 12 * HOUR_MS
LATER = MONDAY + 3 * DAY_MS
KNOWN = [
    line("location.updated", "l", None, location="L"),
    line("supplier.updated", "s", None, supplier="ACME"),
    line("item.updated", "i", None, sku="A", units={"BOX": 6}),
]
ITEMS = line("policy.updated", "p", None, unknown_item="quarantine")
RECORDS: dict[str, dict[str, Any]] = {
    "location X": {"event_type": "location.updated", "location": "X"},
    "supplier S": {"event_type": "supplier.updated", "supplier": "S"},
    "unit CASE of item A": {"event_type": "item.updated", "sku": "A", "units": {"BOX": 6, "CASE": 12}},
    "item B": {"event_type": "item.updated", "sku": "B"},
}


def events(**names: Any) -> list[Line]:
    """One event of every kind, half an hour apart, with some names replaced."""
    keys = {"sku": "A", "location": "L", "unit_of_measure": "BOX"} | names
    supplier = keys.pop("supplier", "ACME")
    order = {"order_id": "o", "line": "1"}
    made: list[tuple[str, dict[str, Any]]] = [
        ("inventory.counted", {"quantity": 100}),
        ("order.placed", order | {"quantity": 5, "unit_price": 2.5, "currency": "EUR", "requested_date": "2026-02-20"}),
        ("order.changed", order | {"quantity": 7, "line_version": 2, "requested_date": "2026-02-20"}),
        ("shipment.shipped", order | {"quantity": 3}),
        ("inventory.adjusted", {"quantity": -2}),
        ("shipment.transferred", {"quantity": 4, "to_location": "L"}),
        ("po.placed", {"quantity": 30, "po_id": "P", "supplier": supplier, "promised_date": "2026-02-09"}),
        ("po.received", {"quantity": 10, "po_id": "P"}),
    ]
    return [line(kind, f"e{n}", NOON + n * HOUR_MS // 2, **(keys | fields)) for n, (kind, fields) in enumerate(made)]


def record(name: str, time: int | None) -> Line:
    """The record that makes a name known."""
    fields = dict(RECORDS[name])
    return line(fields.pop("event_type"), f"record of {name}", time, **fields)


def lasting(*lines: Line, **options: Any) -> Result:
    """Run one shard over a week."""
    more = [line("order.placed", f"m{day}", MONDAY + day * DAY_MS, sku="Z", location="L", quantity=1) for day in (1, 5)]
    stream = Stream([*lines, *more], end=MONDAY + 7 * DAY_MS)
    return run(stream, Settings(shards=1, **options))


def stocks(result: Result) -> dict[Any, Any]:
    """By SKU and location: rings and open demand, stock, and what is on order."""
    state = result.shards[0].state
    found: dict[Any, Any] = {}
    for name, booked in sums(result.shards[0]).items():
        row = next(at for at in range(state.rows.count) if state.names_of(at) == name)
        supply = state.supply.supply
        found[name] = (booked, on_hand(supply, row), int(supply["on_order"][row]))
    return found


def outcomes(result: Result) -> Counter[str]:
    """Control totals of all topics but reference."""
    total: Counter[str] = Counter()
    for data in result.data(AUDIT):
        if "read" in data and data["topic"] != "reference":
            total.update(
                {name: count for name, count in data.items() if isinstance(count, int) and name != "partition"}
            )
    return total


def states(result: Result) -> list[tuple[str, str, float]]:
    """Status, reason and number of events of all states of master_data exceptions."""
    found = [state for state in result.data(EXCEPTIONS) if state["exception_type"] == "master_data"]
    return [(state["status"], state["reason"], state["observed"]) for state in found]


CASES = {
    "location X": ({"location": "X"}, 8),
    "supplier S": ({"supplier": "S"}, 1),
    "unit CASE of item A": ({"unit_of_measure": "CASE"}, 8),
    "item B": ({"sku": "B", "unit_of_measure": "EA"}, 8),
}


@pytest.mark.parametrize("name", CASES)
def test_released_events_have_the_effect_they_would_have_had(name: str) -> None:
    """A record that comes three days late leads to the same demand, stock and orders as one from the beginning."""
    names, count = CASES[name]
    first = [ITEMS, line("item.updated", "z", None, sku="Z")] if name == "item B" else []
    known = lasting(*first, *KNOWN, record(name, None), *events(**names))
    late = lasting(*first, *KNOWN, record(name, LATER), *events(**names))
    assert stocks(late) == stocks(known)
    assert not late.data(DEAD_LETTERS)
    totals = outcomes(late)
    assert (totals["held"], totals["released"], totals["read"]) == (count, count, 10)
    assert totals["absorbed"] + totals["absorbed_late"] == totals["read"] - count
    *_, (status, reason, observed) = states(late)
    released = f"released {count} event" + "s" * (count > 1)
    assert (status, observed) == ("resolved", count)
    assert reason == f"{name[0].upper()}{name[1:]} is known now: {released}."


def test_the_exception_says_what_waits() -> None:
    """One exception with version, names, money and causes; nothing of the event counts before its release."""
    found = lasting(*KNOWN, *events(location="X"))
    assert stocks(found).keys() == {("Z", "L")}
    records = [record for record in found.outputs[-1] if record.topic == EXCEPTIONS]
    opened = orjson.loads(records[0].data)
    assert opened["exception_id"] == "master_data:X|location:20260202"
    assert (opened["sku"], opened["location"], opened["severity"]) == (None, "X", "low")
    assert (opened["opened_at"], opened["deadline"]) == ("2026-02-02T12:00:00.000Z", "2026-02-03T12:00:00.000Z")
    last = orjson.loads(records[-1].data)
    assert (last["money"], last["currency"], last["details"]["ordered_quantity"]) == (12.5, "EUR", 5.0)
    assert last["cause_event_ids"][:3] == ["e0", "e1", "e2"]
    # Once a day it is looked at again: after three days it is more severe, and so it is after its deadline.
    assert (last["status"], last["severity"], last["details"]["waiting"]) == ("escalated", "high", 8)
    assert records[0].attributes["route"] == "data_steward"
    rules = Counter(data["rule"] for data in found.data(AUDIT) if "rule" in data and data["sku"] == "A")
    assert rules == {"quarantine_event": 8}


def test_holding_and_releasing_are_decisions() -> None:
    """Each is told with the event that it is about, and why."""
    found = lasting(*KNOWN, record("location X", LATER), *events(location="X")[1:2])
    told = [
        data
        for data in found.data(AUDIT)
        if data.get("rule", "").endswith("ned_event") or "quarantine" in data.get("rule", "")
    ]
    assert [(data["rule"], data["subject"], data["reason"], data["cause_event_ids"]) for data in told] == [
        ("quarantine_event", "A/X", "Held: it names location X, which has no record.", ["e1"]),
        ("release_quarantined_event", "A/X", "Released: location X is accepted now.", ["e1"]),
    ]


def test_an_event_may_wait_for_one_name_after_the_other() -> None:
    """Location, then unit: it moves on, and each exception says so."""
    event = line("order.placed", "x", NOON, sku="A", location="X", unit_of_measure="CASE", quantity=2)
    unit = record("unit CASE of item A", MONDAY + 5 * DAY_MS)
    found = lasting(*KNOWN, record("location X", LATER), unit, event)
    assert [state[:2] for state in states(found) if state[0] == "resolved"] == [
        ("resolved", "Location X is known now: 1 event still waits for other master data."),
        ("resolved", "Unit CASE of item A is known now: released 1 event."),
    ]
    assert stocks(found)["A", "X"][0].open == 24_000
    totals = outcomes(found)
    assert (totals["held"], totals["released"]) == (1, 1)


def refused(**actions: str) -> Line:
    """A policy for all."""
    return line("policy.updated", "p", None, **{f"unknown_{kind}": action for kind, action in actions.items()})


@pytest.mark.parametrize("name", CASES)
def test_policy_may_refuse_them(name: str) -> None:
    """Dead letters that can be read again, and the same exception; the record resolves it."""
    names, count = CASES[name]
    kind = name.split()[0]
    items = [line("item.updated", "z", None, sku="Z")]
    found = lasting(refused(**{kind: "dead_letter"}), *KNOWN, *items, record(name, LATER), *events(**names))
    letters = found.data(DEAD_LETTERS)
    assert {letter["reason"] for letter in letters} == {f"unknown_{kind}"}
    assert outcomes(found)["dead_letter"] == len(letters) == count
    assert outcomes(found)["held"] == 0
    assert all(orjson.loads(base64.b64decode(letter["value_base64"]))["event_id"] for letter in letters)
    *_, (status, reason, observed) = states(found)
    letters_text = f"{count} dead letter" + "s" * (count > 1)
    assert (status, observed) == ("resolved", count)
    assert reason == f"{name[0].upper()}{name[1:]} is known now: {letters_text} can be sent again."


@pytest.mark.parametrize("name", ["location X", "supplier S", "item B"])
def test_policy_may_accept_them(name: str) -> None:
    """No exception, no dead letter; all count at once."""
    names, _ = CASES[name]
    found = lasting(refused(**{name.split()[0]: "accept"}), *KNOWN, *events(**names))
    assert (outcomes(found)["held"], outcomes(found)["dead_letter"], states(found)) == (0, 0, [])
    assert stocks(found) == stocks(lasting(*KNOWN, record(name, None), *events(**names)))


def test_items_are_accepted_by_default() -> None:
    """Records of some items make no other item unknown."""
    found = lasting(*KNOWN, *events(sku="B", unit_of_measure="EA"))
    assert (outcomes(found)["held"], outcomes(found)["dead_letter"], states(found)) == (0, 0, [])


def test_a_row_of_an_item_without_a_record_stops_with_the_policy() -> None:
    """Rows that exist before the policy do not make their item known."""
    policy = line("policy.updated", "p", NOON + 2 * HOUR_MS, unknown_item="quarantine")
    orders = [line("order.placed", f"o{n}", NOON + n * HOUR_MS, sku="B", location="L", quantity=1) for n in range(5)]
    found = lasting(*KNOWN, policy, line("item.updated", "z", None, sku="Z"), *orders)
    assert (outcomes(found)["held"], outcomes(found)["absorbed"]) == (3, 4)
    assert stocks(found)["B", "L"][0].open == 2_000


def test_a_policy_that_accepts_releases_what_waits() -> None:
    """At its effective time; one that refuses leaves it waiting."""
    for action, released in (("accept", 8), ("dead_letter", 0)):
        policy = line("policy.updated", "p", LATER, unknown_location=action)
        found = lasting(*KNOWN, policy, *events(location="X"))
        assert (outcomes(found)["held"], outcomes(found)["released"], outcomes(found)["dead_letter"]) == (
            8,
            released,
            0,
        )


@pytest.mark.parametrize("policy", ["unknown_location", "unknown_item"])
def test_a_policy_of_a_row_says_nothing_about_names(policy: str) -> None:
    """Only the policy for all is read."""
    narrow = line("policy.updated", "p", None, location="X", **{policy: "dead_letter"})
    found = lasting(*KNOWN, narrow, *events(location="X"))
    assert outcomes(found)["held"] == 8


def test_a_full_quarantine_refuses() -> None:
    """Events beyond the bound are dead letters that say so; the exception counts both."""
    found = lasting(*KNOWN, record("location X", LATER), *events(location="X"), quarantine_max=3)
    letters = found.data(DEAD_LETTERS)
    assert [(letter["reason"], letter["field"], letter["got"]) for letter in letters] == [
        ("quarantine_full", "location", "'X'")
    ] * 5
    assert letters[0]["required"] == (
        "a location that a location.updated record names, or fewer than 3 events in quarantine in a shard"
    )
    totals = outcomes(found)
    assert (totals["held"], totals["released"], totals["dead_letter"]) == (3, 3, 5)
    assert states(found)[-1][1] == "Location X is known now: released 3 events, 5 dead letters can be sent again."


def test_what_is_refused_at_its_release_becomes_a_dead_letter() -> None:
    """With its own reason. It was counted when it was held; it counts as released and nowhere else."""
    moved = [
        line("po.placed", "p1", NOON, sku="A", location="L", po_id="P", quantity=4),
        line("po.received", "p2", NOON + 1, sku="A", location="X", po_id="P", quantity=4),
    ]
    found = lasting(*KNOWN, record("location X", LATER), *moved)
    (letter,) = found.data(DEAD_LETTERS)
    assert (letter["reason"], letter["topic"]) == ("line_changed_item", "suppliers")
    totals = outcomes(found)
    assert (totals["held"], totals["released"], totals["dead_letter"]) == (1, 1, 0)
    full = lasting(*KNOWN, record("location X", LATER), *events(location="X")[:2], rows_max=1)
    assert {letter["reason"] for letter in full.data(DEAD_LETTERS)} == {"table_full"}
    assert (outcomes(full)["held"], outcomes(full)["released"]) == (2, 2)


def test_a_quantity_beyond_all_range_in_the_base_unit_becomes_a_dead_letter() -> None:
    """The unit is known at the release only, and then the event is refused for its range."""
    cases = line("item.updated", "i2", LATER, sku="A", units={"CASE": 1e6})
    placed = line("order.placed", "o", NOON, sku="A", location="L", unit_of_measure="CASE", quantity=1e6)
    found = lasting(*KNOWN, placed, cases)
    assert [letter["reason"] for letter in found.data(DEAD_LETTERS)] == ["out_of_range"]
    assert (outcomes(found)["held"], outcomes(found)["released"], outcomes(found)["dead_letter"]) == (1, 1, 0)


def test_a_later_version_of_an_unheard_line_is_released_once() -> None:
    """It counts as released and, beside that, as of an unknown line."""
    names = {"sku": "A", "location": "L", "unit_of_measure": "CASE"}
    changed = line("order.changed", "c", NOON, order_id="o", line="1", line_version=2, quantity=7, **names)
    found = lasting(*KNOWN, changed, record("unit CASE of item A", LATER))
    assert (outcomes(found)["held"], outcomes(found)["released"], outcomes(found)["unknown_line"]) == (1, 1, 1)


def test_an_impossible_line_stays_held_after_its_release() -> None:
    """It leaves the quarantine and is held for its quantity: released once, when a person or a change releases it."""
    keys = {"sku": "A", "location": "L", "quantity": 2}
    usual = [line("order.placed", f"u{n}", MONDAY + n * MINUTE, unit_price=4, **keys) for n in range(40)]
    giant = line("order.placed", "g", NOON, order_id="g", unit_of_measure="CASE", unit_price=0.3, **keys)
    change = line("order.cancelled", "c", LATER + DAY_MS, sku="A", location="L", order_id="g")
    held = lasting(*KNOWN, record("unit CASE of item A", LATER), *usual, giant)
    kinds = {state["exception_id"]: state["exception_type"] for state in held.data(EXCEPTIONS)}
    assert list(kinds.values()).count("data_quality") == 1
    assert (outcomes(held)["held"], outcomes(held)["released"]) == (1, 0)
    ended = lasting(*KNOWN, record("unit CASE of item A", LATER), *usual, giant, change)
    assert (outcomes(ended)["held"], outcomes(ended)["released"]) == (1, 1)


MINUTE = 60_000


def test_a_repeat_of_a_held_event_is_a_duplicate_at_its_release() -> None:
    """Both wait; one counts."""
    event = events(location="X")[1]
    found = lasting(*KNOWN, record("location X", LATER), event, event)
    assert (outcomes(found)["held"], outcomes(found)["released"]) == (2, 2)
    assert stocks(found)["A", "X"][0].open == 30_000


def test_a_disruption_waits_in_every_shard_and_counts_once() -> None:
    """It concerns all SKUs of the supplier, and is one event."""
    disrupted = line("supplier.disrupted", "d", NOON, supplier="S", delay_days=3)
    stream = Stream([*KNOWN, record("supplier S", LATER), disrupted, *events()], end=MONDAY + 7 * DAY_MS)
    found = run(stream, Settings(shards=3))
    assert (outcomes(found)["held"], outcomes(found)["released"]) == (1, 1)
    assert [state[1] for state in states(found)][-1] == "Supplier S is known now: released 1 event."


def test_a_substitute_waits_where_its_item_is_known() -> None:
    """The shard of the substitute holds its part; the exception names the substitute, once."""
    event = line("shipment.substituted", "x", NOON, sku="A", substitute_sku="B", location="L", quantity=2)
    items = [line("item.updated", "z", None, sku="Z"), ITEMS, line("inventory.counted", "k", NOON - 1, sku="Z",
             location="L", quantity=1)]  # fmt: skip
    waiting = "Item B is in no item.updated record, but 1 event names it; 1 is held until the record takes effect."
    for shards in (1, 4):
        stream = Stream([*KNOWN, *items, record("item B", LATER), event], end=MONDAY + 7 * DAY_MS)
        found = run(stream, Settings(shards=shards))
        assert list(dict.fromkeys(state[1] for state in states(found))) == [
            waiting,
            f"{waiting} Nobody had acknowledged it by its deadline.",
            "Item B is known now: released 1 event.",
        ]
        (shard,) = [s for s in found.shards if ("B", "L") in map(s.state.names_of, range(s.state.rows.count))]
        row = next(at for at in range(shard.state.rows.count) if shard.state.names_of(at) == ("B", "L"))
        assert on_hand(shard.state.supply.supply, row) == -2_000


def test_a_part_that_waits_for_another_name_is_told_once() -> None:
    """A substitution at an unknown location: both shards hold their part, the one that counts the event reports it."""
    event = line("shipment.substituted", "x", NOON, sku="A", substitute_sku="B", location="X", quantity=2)
    names = [record("item B", LATER), record("location X", LATER + DAY_MS)]
    stream = Stream([*KNOWN, ITEMS, *names, event], end=MONDAY + 7 * DAY_MS)
    for shards in (1, 4):
        found = run(stream, Settings(shards=shards))
        assert states(found)[-1] == ("resolved", "Location X is known now: released 1 event.", 1.0)
        assert (outcomes(found)["held"], outcomes(found)["released"]) == (1, 1)
        assert not any(len(shard.state.quarantine) for shard in found.shards)


def any_stream(draw: Any) -> Stream:
    """Some days of events with names that become known in between, or never."""
    lines = [*KNOWN]
    if draw(st.booleans()):
        lines.append(ITEMS)
    for name in RECORDS:
        time = draw(st.none() | st.integers(0, 4 * 24).map(lambda hour: MONDAY + hour * HOUR_MS))
        if time is not None:
            fields = dict(RECORDS[name])
            lines.append(line(fields.pop("event_type"), f"r {name}", time, **fields))
    for number, hour in enumerate(sorted(draw(st.lists(st.integers(0, 5 * 24), min_size=1, max_size=25)))):
        names = draw(st.sampled_from([{}, *(names for names, _ in CASES.values()), {"location": "X", "supplier": "S"}]))
        made = orjson.loads(draw(st.sampled_from(events(**names))).value)
        sku = draw(st.sampled_from([made["sku"], made["sku"], "C", "D"]))
        lines.append(
            line(made.pop("event_type"), f"a{number}", MONDAY + hour * HOUR_MS,
                 **{key: value for key, value in (made | {"sku": sku}).items() if key[:5] != "event"})
        )  # fmt: skip
    return Stream(lines, end=MONDAY + 7 * DAY_MS)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=examples(8))
def test_neither_cuts_nor_shards_nor_restarts_show(data: st.DataObject) -> None:
    """The roll-up says the same, to the byte, for any cut and number of shards; all held events are accounted for."""
    stream = any_stream(data.draw)
    whole = run(stream, Settings(shards=1))
    said = [record._replace(machine=0) for record in whole.outputs[-1]]
    stops = sorted(data.draw(st.sets(st.integers(1, len(stream)), max_size=5)))
    for shards in (1, data.draw(st.sampled_from((2, 3, 7)))):
        found = run(stream, Settings(shards=shards), sizes(stream, 3), ticks=1)
        assert [record._replace(machine=0) for record in found.outputs[-1]] == said
        again = run(stream, Settings(shards=shards), stops, restarts=stops)
        assert [record._replace(machine=0) for record in again.outputs[-1]] == said
        assert again.plain() == found.plain()
        assert outcomes(found) == outcomes(whole)
    totals = outcomes(whole)
    waiting = len(whole.shards[0].state.quarantine)
    assert totals["held"] == totals["released"] + waiting
    for state in whole.data(EXCEPTIONS):
        assert not any(isinstance(value, float) and math.isnan(value) for value in state.values())
