"""Units of superseded items: an event that names one means its units, whatever the successor's record says."""

from typing import Any

import pytest

from sensing.machine_settings import Settings
from sensing.machines.hand_overs import HandOvers
from tests.machines.linked import Linked
from tests.machines.streams import Line, line, run
from tests.machines.test_succession import LAST, NEW, OLD, at, business, facts, master, order, played, records

pytestmark = pytest.mark.compiled

CASES: dict[str, Any] = {"successor": NEW, "successor_from": at(60), "units": {"CS": 12}}
PLACED = {"po_id": "P", "location": "L", "supplier": "ACME", "promised_date": "2026-06-01"}


def cases(day: float, sku: str = OLD) -> list[Line]:
    """Three cases are ordered, and two from the supplier."""
    return [
        order("placed", f"x{day}", at(day), f"x{day}", 3, sku=sku, unit_of_measure="CS"),
        line("po.placed", f"p{day}", at(day), sku=sku, quantity=2, unit_of_measure="CS", **PLACED),
    ]


@pytest.mark.parametrize("record", [{}, {"units": {"CS": 10}}, None])
@pytest.mark.parametrize("shards", [1, 4])
def test_units_of_the_old_item_stay(record: dict[str, Any] | None, shards: int) -> None:
    """The successor has no such unit, another one of this name, or no record at all."""
    known = [] if record is None else [master("n", None, NEW, **record)]
    result = played([*known, *business(*cases(65), master=master(**CASES))], Settings(shards=shards))
    found = facts(result)[NEW]
    assert (found["open"], found["on_order"]) == (36_000, 24_000)
    assert {state["exception_type"] for state in result.data("exceptions")} == {"large_order"}
    assert result.data("dead-letters") == []


def test_units_of_the_successor_are_its_own() -> None:
    """Its own events are in its own units, and so are those of an old item whose record has not the unit."""
    known = master("n", None, NEW, units={"CS": 10, "PAL": 100})
    extra = order("placed", "z", at(66), "z", 1, unit_of_measure="PAL")
    found = facts(played([known, *business(*cases(65, NEW), extra, master=master(**CASES))]))[NEW]
    assert (found["open"], found["on_order"]) == (130_000, 20_000)


def test_units_pass_on_in_a_chain_and_follow_the_base_unit() -> None:
    """Two old items ago, in boxes of six."""
    second = master("n", None, NEW, successor=LAST, successor_from=at(62))
    box = master("b", None, LAST, base_unit="BOX", units={"EA": 1 / 6})
    result = played([second, box, *business(*cases(65), days=60, master=master(**CASES))])
    found = facts(result)[LAST]
    assert (found["open"], found["on_order"]) == (6_000, 4_000)


def test_a_later_base_unit_of_the_successor_converts_what_is_under_old_names() -> None:
    """Stock and units of the old item are in the new base unit, so a count of the successor's own stock adds up."""
    later = master("b", at(62), NEW, base_unit="BOX", units={"EA": 1 / 6})
    own = line("inventory.counted", "k", at(64), sku=NEW, location="L", quantity=10, unit_of_measure="BOX")
    lines = business(own, *cases(65), days=60, master=master(**CASES))
    result = played([master("n", None, NEW), later, *lines])
    found = facts(result)[NEW]
    assert found["old"] == round((2_000 - 12 * 60) * 1000 / 6)
    assert found["stock"] == pytest.approx((2_000 - 12 * 60) / 6 + 10, abs=0.002)
    assert (found["open"], found["on_order"]) == (6_000, 4_000)


def test_an_unknown_unit_waits_for_the_successor() -> None:
    """A unit that neither record has is one that the successor's record lacks, and its next record releases it."""
    lines = business(order("placed", "x", at(62), "x", 2, unit_of_measure="PAL"), master=master(**CASES))
    policy = line("policy.updated", "u", None, unknown_item="quarantine")
    known = [policy, master("n", None, NEW), master("n2", at(64), NEW, units={"PAL": 100})]
    found = played([*known, *lines])
    assert facts(found)[NEW]["open"] == 200_000
    (ended,) = [each for each in found.data("exceptions") if each["exception_type"] == "master_data"][-1:]
    assert (ended["sku"], ended["status"]) == (NEW, "resolved")


def test_units_outlast_a_restart() -> None:
    """A dump has them."""
    lines = [master("n", None, NEW), *business(*cases(65), master=master(**CASES))]
    stream = Linked(lines, end=at(70))
    cuts = [*range(100, len(stream), 100)]
    found = run(stream, Settings(shards=4), cuts, restarts=cuts)
    assert facts(found)[NEW]["open"] == 36_000
    assert len(records(found)) == 1
    h = HandOvers()
    h.units = {"A": {"CS": 2.0}}
    again = HandOvers()
    again.load(h.dump())
    assert again.units == h.units
