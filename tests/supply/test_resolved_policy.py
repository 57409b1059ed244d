"""Master data, and the policies resolved from it."""

import math
from typing import Any

import numpy as np
import pytest

from sensing.contracts.reference import (
    CustomerUpdated,
    ItemUpdated,
    ParametersInForce,
    PolicyUpdated,
    SupplierUpdated,
)
from sensing.machine_settings import Settings
from sensing.supply.lanes import Lanes
from sensing.supply.master_data import MasterData
from sensing.supply.resolved_policy import RESOLVED_POLICY, ResolvedPolicyTable, find_stale, resolve_policy
from sensing.supply.supply_record import fresh
from tests.snapshots import resumed
from tests.supply.events import book, names, tell


def _policies(master: MasterData, lane_supplier: str | None = None) -> dict[str, Any]:
    values = resolve_policy("S0", "L", lane_supplier, master, Settings())
    return dict(zip(RESOLVED_POLICY.names or (), values, strict=True))


def stated_days(found: Any) -> list[float]:
    """Stated lead times of resolved policies; 0: none."""
    return [0.0 if days != days else float(days) for days in found["lead_time_days"]]


def _master(*events: Any) -> MasterData:
    master = MasterData()
    for event in events:
        assert master.apply(event)
    return master


def test_without_master_data_settings_hold() -> None:
    """Service .95, cover 14 days, no review; lead time, costs and bounds are not known."""
    policy = _policies(_master())

    assert (policy["service_target"], policy["review_days"]) == (0.95, 0.0)
    assert policy["cover_days"] == 14.0
    assert math.isnan(policy["lead_time_days"])
    assert policy["supplier"] == ""
    assert math.isnan(policy["unit_cost"])
    assert math.isnan(policy["in_force_reorder_point"])


def test_the_most_specific_record_wins_field_by_field() -> None:
    """SKU-location, SKU, item, location, all; a field that a record does not tell is taken from the next."""
    general = PolicyUpdated(event_id="1", service_target=0.90, order_cost=50.0, cover_days=21.0, dead_band=0.2)
    of_location = PolicyUpdated(event_id="2", location="L", service_target=0.91, review_days=2.0)
    item = ItemUpdated(event_id="3", sku="S0", service_target=0.92, order_quantity_min=6.0)
    of_sku = PolicyUpdated(event_id="4", sku="S0", service_target=0.93, order_quantity_min=7.0)
    both = PolicyUpdated(event_id="5", sku="S0", location="L", service_target=0.94)
    records = [general, of_location, item, of_sku, both]

    for count in range(1, 6):
        policy = _policies(_master(*records[:count]))
        assert math.isclose(policy["service_target"], 0.89 + count / 100)
        assert (policy["order_cost"], policy["cover_days"], policy["dead_band"]) == (50.0, 21.0, 0.2)
    assert policy["minimum"] == 7.0
    assert policy["review_days"] == 2.0


def test_stated_lead_time_is_the_items_then_the_suppliers() -> None:
    """The supplier is that of the newest purchase order, else the item's."""
    master = _master(
        ItemUpdated(event_id="1", sku="S0", supplier="A", unit_price=9.0),
        SupplierUpdated(event_id="2", supplier="A", lead_time_days=11.0),
        SupplierUpdated(event_id="3", supplier="B", lead_time_days=22.0),
    )
    assert (_policies(master)["lead_time_days"], _policies(master)["supplier"]) == (11.0, "A")
    assert (_policies(master, "B")["lead_time_days"], _policies(master, "B")["supplier"]) == (22.0, "B")
    assert _policies(master)["unit_cost"] == 9.0
    master.apply(ItemUpdated(event_id="4", sku="S0", supplier="A", lead_time_days=3.0, unit_price=9.0, unit_cost=4.0))
    assert (_policies(master, "B")["lead_time_days"], _policies(master)["unit_cost"]) == (3.0, 4.0)


def test_a_record_replaces_the_whole_record_before() -> None:
    """Absent fields mean their defaults, an older record changes nothing, other kinds are none of ours."""
    master = _master(ItemUpdated(event_id="1", sku="S0", service_target=0.99, units={"CASE": 12.0}))
    assert master.unit_factor("S0", "CASE") == 12
    assert master.apply(ItemUpdated(event_id="2", sku="S0", base_unit="KG"), 100)
    assert not master.apply(ItemUpdated(event_id="3", sku="S0", service_target=0.5), 99)
    assert not master.apply(CustomerUpdated(event_id="4", customer="C"))
    assert _policies(master)["service_target"] == 0.95
    assert (master.unit_factor("S0", "CASE"), master.unit_factor("S0", "KG")) == (None, 1.0)
    assert master.unit_factor("other", "BOX") == 1.0


def test_master_data_are_restored() -> None:
    """A restored copy has the records of the original and their effective times."""
    master = _master(
        ItemUpdated(event_id="1", sku="S0", units={"CASE": 12.0}), SupplierUpdated(event_id="2", supplier="A"),
        PolicyUpdated(event_id="3", location="L"), ParametersInForce(event_id="4", sku="S0", location="L"),
    )  # fmt: skip
    copy = resumed(MasterData(), master.dump())

    assert copy.dump() == master.dump()
    assert copy.item("S0") == master.item("S0")
    assert copy.in_force("S0", "L") == master.in_force("S0", "L")
    assert copy.policies("S0", "L") == master.policies("S0", "L")


def test_equal_terms_share_a_number_and_changes_are_seen() -> None:
    """Rows of equal terms are looked up once; a new record or a new supplier is seen at the next look."""
    table, supply, lanes, master = ResolvedPolicyTable(), fresh(3), Lanes(8), MasterData()
    rows = np.arange(3)
    table.lookup(rows, supply, names, master, lanes, Settings())
    assert supply["policy"].tolist() == [0, 0, 0]
    master.apply(ItemUpdated(event_id="1", sku="S1", service_target=0.5))
    table.forget_all()
    found = table.lookup(rows, supply, names, master, lanes, Settings())
    assert found["service_target"].tolist() == [0.95, 0.5, 0.95]


def test_a_new_supplier_or_parameters_in_force_are_seen_by_their_row() -> None:
    """Only that row is looked up again."""
    b = book(2)
    rows = np.arange(2)
    flat, codes = np.ones((2, 28)), np.ones(2, np.uint8)
    b.reference(SupplierUpdated(event_id="1", supplier="A", lead_time_days=20.0))
    assert stated_days(b.plan(rows, 20_000, 0, flat, flat, codes).policy) == [0.0, 0.0]
    tell(b, "placed", 1, row=1, quantity=5, supplier="A")
    b.reference(ParametersInForce(event_id="2", sku="S0", location="L", reorder_point=9.0), np.array([0]))
    b.reference(ParametersInForce(event_id="3", sku="S9", location="L", reorder_point=9.0), np.array([], np.int64))
    policy = b.plan(rows, 20_000, 0, flat, flat, codes).policy
    assert stated_days(policy) == [0.0, 20.0]
    assert policy["in_force_reorder_point"][0] == 9.0


def test_a_record_is_seen_by_the_rows_it_concerns_only() -> None:
    """Rows of its SKU or supplier are looked up again, all where it names neither; the others keep their number."""
    b = book(4)
    flat, codes, rows = np.ones((4, 28)), np.ones(4, np.uint8), np.arange(4)
    for row, supplier in enumerate("AABB"):
        tell(b, "placed", 1, row=row, po_id=f"P{row}", quantity=5, supplier=supplier)

    def numbers_after(*told: Any) -> tuple[list[int], list[float]]:
        if told:
            b.reference(*told)
        found = b.plan(rows, 20_000, 0, flat, flat, codes).policy
        return b.supply["policy"].tolist(), stated_days(found)

    assert numbers_after() == ([0, 0, 1, 1], [0.0] * 4)
    assert numbers_after(SupplierUpdated(event_id="1", supplier="B", lead_time_days=9.0)) == (
        [0, 0, 2, 2], [0.0, 0.0, 9.0, 9.0],
    )  # fmt: skip
    assert numbers_after(SupplierUpdated(event_id="2", supplier="C", lead_time_days=5.0))[0] == [0, 0, 2, 2]
    item = ItemUpdated(event_id="3", sku="S1", lead_time_days=3.0)
    assert numbers_after(item, np.array([1])) == ([0, 3, 2, 2], [0.0, 3.0, 9.0, 9.0])
    assert numbers_after(PolicyUpdated(event_id="4", cover_days=5.0))[0] == [4, 5, 6, 6]
    assert numbers_after(SupplierUpdated(event_id="5", supplier="B", lead_time_days=9.0))[0] == [4, 5, 7, 7]


def test_suppliers_beyond_the_bound_are_stale_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """They share one number, so a record of any of them lets all their rows look again."""
    monkeypatch.setattr("sensing.supply.lanes.SUPPLIERS_MAX", 2)
    b = book(1)
    flat, codes, rows = np.ones((1, 28)), np.ones(1, np.uint8), np.arange(1)
    tell(b, "placed", 1, quantity=5, supplier="A")
    b.reference(ItemUpdated(event_id="1", sku="S0", supplier="B"), rows)
    tell(b, "placed", 2, po_id="Q", quantity=5, supplier="B")
    b.supply["lane"] = -1  # the row goes by its item's supplier
    assert stated_days(b.plan(rows, 20_000, 0, flat, flat, codes).policy) == [0.0]
    b.reference(SupplierUpdated(event_id="2", supplier="B", lead_time_days=9.0))
    assert stated_days(b.plan(rows, 20_000, 0, flat, flat, codes).policy) == [9.0]


def test_unknown_suppliers_are_told_by_the_records_of_suppliers() -> None:
    """Where there is none of any, all are known, whatever else master data hold; a restored copy knows as much."""
    master = _master(ItemUpdated(event_id="1", sku="S0"))
    assert master.accepts_supplier("A")
    master.apply(SupplierUpdated(event_id="2", supplier="A"))
    for told in (master, resumed(MasterData(), master.dump())):
        assert (told.accepts_supplier("A"), told.accepts_supplier("B")) == (True, False)


def test_the_table_does_not_grow_with_updates() -> None:
    """After thousands of updates of one row it holds no more than a few entries per row."""
    b = book(4)
    flat = np.ones((1, 28))
    for step in range(500):
        b.reference(ParametersInForce(event_id="1", sku="S0", location="L", reorder_point=float(step)), np.array([0]))
        plan = b.plan(np.array([0]), 20_000, 0, flat, flat, np.ones(1, np.uint8))
        assert plan.policy["in_force_reorder_point"][0] == step
    assert len(b._policies._records) <= 64


def test_policies_are_stale_without_a_number_and_with_an_old_one() -> None:
    """Numbers below the first are old, and those whose supplier has had a record since."""
    records = np.zeros(4, RESOLVED_POLICY)
    records["supplier"] = [0, 1, 1, 2]
    out = np.empty(5, np.bool_)
    numbers, edition_of, editions = np.array([-1, 0, 1, 2, 3], np.int32), np.array([0, 0, 1, 0]), np.array([0, 1, 0])
    assert find_stale(numbers, 1, records, edition_of, editions, out)
    assert out.tolist() == [True, True, True, False, False]
    assert not find_stale(numbers[3:], 1, records, edition_of, editions, out)
