"""Rows that a reference record affects."""

from typing import Any

import numpy as np
import pytest

from sensing.codec.event_record import InfrequentEvent
from sensing.contracts import reference
from sensing.machine_settings import Settings
from sensing.machines.row_lookup import row_of
from sensing.machines.shard_state import ShardState, dump_state, load_state
from sensing.machines.timers import apply_due_reference

ROWS = [("A", "L"), ("A", "M"), ("B", "L")]
NONE: list[int] = []
ALL = [0, 1, 2]


def state() -> ShardState:
    """A shard of three rows."""
    made = ShardState(0, Settings(shards=1))
    for sku, location in ROWS:
        row_of(made, sku, location)
    return made


def put_in_force(s: ShardState, kind: type, **fields: Any) -> None:
    """Let a reference record without a time take effect."""
    item = InfrequentEvent(kind(event_id="1", **fields), 0, 0, 0, 0, 0, None)
    s.pending.add(item)
    apply_due_reference(s, 0)


@pytest.mark.parametrize(
    ("kind", "fields", "rows"),
    [
        (reference.ItemUpdated, {"sku": "A"}, [0, 1]),
        (reference.ItemUpdated, {"sku": "C"}, NONE),
        (reference.PolicyUpdated, {}, ALL),
        (reference.PolicyUpdated, {"location": "L"}, [0, 2]),
        (reference.PolicyUpdated, {"location": "N"}, NONE),
        (reference.PolicyUpdated, {"sku": "A", "location": "M"}, [1]),
        (reference.PolicyUpdated, {"sku": "B", "location": "M"}, NONE),
        (reference.SupplierUpdated, {"supplier": "S"}, ALL),
        (reference.CalendarUpdated, {"calendar": "C"}, ALL),
        (reference.LocationUpdated, {"location": "M"}, [1]),
        (reference.CustomerUpdated, {"customer": "C"}, NONE),
    ],
)
def test_rows_that_a_record_concerns_are_planned(kind: type, fields: dict[str, Any], rows: list[int]) -> None:
    """Those of its SKU and location, all where it names neither, none where no plan reads it; a dump keeps that."""
    s = state()
    put_in_force(s, kind, **fields)
    assert np.flatnonzero(s.to_plan).tolist() == rows

    again = ShardState(0, s.settings)
    load_state(again, dump_state(s, b""))
    assert np.flatnonzero(again.rows.hot["dirty"]).tolist() == rows
    assert dump_state(again, b"") == dump_state(s, b"")


def test_the_base_unit_is_that_of_the_items_rows() -> None:
    """An item's record tells it for its rows, those there are and those to come."""
    s = state()
    put_in_force(s, reference.ItemUpdated, sku="A", base_unit="KG")
    row_of(s, "A", "N")
    assert s.base_units[:4].tolist() == [b"KG", b"KG", b"", b"KG"]


def test_rows_of_a_location_close_in_its_new_zone() -> None:
    """All of them, also where the index was made again from a dump."""
    s = state()
    again = ShardState(0, s.settings)
    load_state(again, dump_state(s, b""))
    for of in (s, again):
        put_in_force(of, reference.LocationUpdated, location="L", time_zone="Asia/Karachi")
        zone = of.zones.number("Asia/Karachi")
        assert sorted(row for minute in of.schedule.slots[zone] for row in minute) == [0, 2]
        assert sorted(row for minute in of.schedule.slots[0] for row in minute) == [1]
