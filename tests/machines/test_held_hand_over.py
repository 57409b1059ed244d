"""Events in quarantine when their item passes over: they are released as events of the successor."""

from typing import Any

import pytest

from sensing.codec.shard_split import shard_of
from sensing.machine_settings import Settings
from sensing.machines.shard import ShardMachine
from tests.machines.linked import Linked
from tests.machines.streams import MONDAY, Line, Result, line, run, sizes, sums
from tests.machines.test_succession import NEW, OLD, at, business, master, order, played, shipped

pytestmark = pytest.mark.compiled

SUCCESSION: dict[str, Any] = {"successor": NEW, "successor_from": at(60)}
KNOWN = [line("location.updated", "l", None, location="L"), line("supplier.updated", "s", None, supplier="ACME")]


def at_north() -> list[Line]:
    """Events of the old item at a location that is not known before the instant."""
    north: dict[str, Any] = {"location": "N"}
    return [
        line("inventory.counted", "cn", at(58), sku=OLD, quantity=50, **north),
        order("placed", "q", at(58, 1), "q", 7, **north),
        shipped("qs", at(58, 2), "q", 2, **north),
        line("po.placed", "pn", at(58, 3), sku=OLD, po_id="P", quantity=9, supplier="ACME",
             promised_date="2026-06-01", **north),
        order("changed", "q2", at(61), "q", 8, line_version=2, **north),
    ]  # fmt: skip


def state_at_north(result: Result) -> dict[str, tuple[int, float, int]]:
    """Open demand, stock and what is on order, by item."""
    found = {}
    for machine in result.shards:
        s = machine.state
        for (sku, location), booked in sums(machine).items():
            if location == "N":
                row = next(row for row in range(s.rows.count) if s.names_of(row) == (sku, location))
                stock, on_order = float(s.rows.hot["stock"][row]), int(s.supply.supply["on_order"][row])
                found[sku] = (booked.open, stock, on_order)
    return found


@pytest.mark.parametrize("shards", [1, 4, 7])
@pytest.mark.parametrize("day", [62, 62.5])
def test_what_waits_for_a_location_is_the_successors(shards: int, day: float) -> None:
    """Nothing of it is booked on the old item, every event is released once, and the problem ends."""
    north = line("location.updated", "n", at(day), location="N")
    result = played([*KNOWN, north, *business(*at_north(), master=master(**SUCCESSION))], Settings(shards=shards))
    assert state_at_north(result) == {NEW: (6_000, 48.0, 9_000)}
    assert len([each for each in result.data("audit") if each.get("rule") == "release_quarantined_event"]) == 5
    held = released = 0
    for totals in result.totals:
        for _, _, counts in totals.counts:
            held, released = held + counts[4], released + counts[6]
    assert (held, released) == (5, 5)
    last = [each for each in result.data("exceptions") if each["exception_type"] == "master_data"][-1]
    assert (last["status"], last["reason"]) == ("resolved", "Location N is known now: released 5 events.")


def test_cuts_and_restarts_do_not_show() -> None:
    """Also between the instant and the release."""
    north = line("location.updated", "n", at(62), location="N")
    lines = [*KNOWN, north, *business(*at_north(), days=64, master=master(**SUCCESSION))]
    calm, stream = played(lines), Linked(lines, end=at(70))
    cuts = sizes(stream, 50)
    near = [cut for cut in cuts if at(59) < int(stream.watermarks[cut - 1]) < at(63)]
    found = run(Linked(lines, end=at(70)), Settings(shards=4), cuts, restarts=near)
    assert near
    assert found.plain() == calm.plain()


def test_a_unit_of_the_successor_releases_at_once_and_another_waits_for_it() -> None:
    """The problem of the old item's unit ends at the instant."""
    lines = business(
        order("placed", "x", at(58), "x", 2, unit_of_measure="CS"),
        order("placed", "y", at(58), "y", 3, unit_of_measure="PAL"),
        master=master(**SUCCESSION),
    )
    known = [master("n", None, NEW, units={"CS": 10}), master("n2", at(64), NEW, units={"CS": 10, "PAL": 100})]
    result = played([*known, *lines])
    (booked,) = [sums(machine)[NEW, "L"] for machine in result.shards if (NEW, "L") in sums(machine)]
    assert booked.open == 320_000
    assert booked.quantity[MONDAY // 86_400_000 + 58] == 12_000 + 320_000
    last = {each["reason"].split(" is ")[0]: each["status"]
            for each in result.data("exceptions") if each["exception_type"] == "master_data"}  # fmt: skip
    assert last == dict.fromkeys(("Unit CS of item OLD", "Unit PAL of item OLD", f"Unit PAL of item {NEW}"), "resolved")


def test_what_finds_no_room_is_refused() -> None:
    """The quarantine of the successor's shard is full."""
    shard = shard_of(NEW, 4)
    other = next(f"S{k}" for k in range(99) if shard_of(f"S{k}", 4) == shard)
    filling = [order("placed", f"f{k}", at(57, k), f"f{k}", 1, sku=other, location="N") for k in range(5)]
    result = played(
        [*KNOWN, *business(*filling, *at_north(), master=master(**SUCCESSION))], Settings(shards=4, quarantine_max=5)
    )
    letters = result.data("dead-letters")
    assert {each["reason"] for each in letters} == {"quarantine_full"}
    assert len(letters) == 5
    machine: ShardMachine = result.shards[shard]
    assert len(machine.state.quarantine) == 5
