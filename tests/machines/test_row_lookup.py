"""Before the kernel: rows, known locations, units."""

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.codec.event_record import Kind
from sensing.contracts.reference import ItemUpdated, LocationUpdated
from sensing.machines.memory_prefetch import prefetch_row
from sensing.machines.refusals import reject_record, units_of
from sensing.machines.row_lookup import (
    SKIPPED,
    ResolvedRecords,
    any_unknown,
    converted,
    find_rows,
    make_row,
)
from sensing.machines.row_lookup import resolve_records as resolve_records_with
from sensing.machines.shard_state import ShardState
from sensing.outputs import DEAD_LETTERS
from sensing.state.rows import FULL, HOT, MISSING
from tests.machines.made_tables import NOON, MadeTexts, events, shard


def resolve_records(state: ShardState, records: NDArray[Any]) -> ResolvedRecords:
    """Records ready for the kernel, with their texts at hand."""
    return resolve_records_with(state, records, MadeTexts())


def item(state: ShardState, sku: str, **fields: Any) -> None:
    """Put an item in force, as if before any of its rows."""
    state.supply.reference(ItemUpdated(event_id=f"i{sku}", sku=sku, **fields), None, 0)
    state.items_known = True


def test_rows_are_made_in_order_of_mention() -> None:
    """New keys get the next numbers, once each; known ones are found again."""
    state = shard()
    first = resolve_records(state, events({"sku": "B"}, {"sku": "A"}, {"sku": "B"}, {"sku": "B", "location": "M"}))
    assert first.rows.tolist() == [0, 1, 0, 2]
    again = resolve_records(state, events({"sku": "C"}, {"sku": "B", "location": "M"}))
    assert again.rows.tolist() == [3, 2]
    assert [state.names_of(row) for row in range(4)] == [("B", "L"), ("A", "L"), ("B", "M"), ("C", "L")]
    assert not first.refusals
    assert not again.refusals
    assert not state.rows.hot["active"].any()


@given(st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(0, 9)), min_size=1, max_size=60))
def test_records_are_surveyed(mentions: list[tuple[str, int]]) -> None:
    """Rows are those of a dictionary; new keys are counted, and so is how far the partitions go."""
    state = shard()
    resolve_records(state, events({"sku": "B"}, {"sku": "D"}))
    records = events(*({"sku": sku, "partition": partition} for sku, partition in mentions))
    rows = np.empty(len(records), np.int32)
    missing, partition = find_rows(records, state.rows.hot, state.rows.index, rows)
    assert rows.tolist() == [{"B": 0, "D": 1}.get(sku, MISSING) for sku, _ in mentions]
    assert missing == sum(sku not in "BD" for sku, _ in mentions)
    assert partition == max(partition for _, partition in mentions)
    before = [array.tobytes() for array in (records, state.rows.hot, state.rows.index)]
    for k in range(len(records)):
        prefetch_row(records, state.rows.hot, state.rows.index, k)
    assert [array.tobytes() for array in (records, state.rows.hot, state.rows.index)] == before


@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from((b"EA", b"CASE"))), max_size=12))
def test_one_look_tells_whether_anything_is_strange(mentions: list[tuple[int, bytes]]) -> None:
    """Strange is a location that is not accepted, a unit that is not the row's, or a needed item that has no record."""
    hot = np.zeros(4, HOT)
    hot["location"] = [0, 0, 1, 0]
    base = np.array([b"EA", b"", b"EA", b"CASE"], "S8")
    accepted = np.array([True, False])
    rows, units = np.array([row for row, _ in mentions], np.int32), np.array([unit for _, unit in mentions], "S8")
    expected = any(row == 2 or (row in (0, 3) and base[row] != unit) for row, unit in mentions)
    assert any_unknown(hot, accepted, base.view(np.uint64), units.view(np.uint64), rows, False) == expected
    needed = expected or any(row == 1 for row, _ in mentions)
    assert any_unknown(hot, accepted, base.view(np.uint64), units.view(np.uint64), rows, True) == needed


def test_a_full_shard_refuses_new_rows_only() -> None:
    """At the bound new SKU-locations are refused by name; the others go on."""
    state = shard(rows_max=1)
    found = resolve_records(state, events({"sku": "A"}, {"sku": "B"}, {"sku": "A"}, {"sku": "B"}))
    assert found.rows.tolist() == [0, FULL, 0, FULL]
    assert [(r.record, *r.refusal) for r in found.refusals] == [
        (at, "table_full", "sku", "at most 1 SKU-locations in a shard", "B") for at in (1, 3)
    ]
    assert make_row(state, (1, 2), "C", "L") == FULL


def test_unknown_locations_are_refused_where_some_are_known() -> None:
    """Master data of one location make all others unknown, and only those."""
    state = shard()
    assert not resolve_records(state, events({"location": "L"})).refusals
    state.locations.apply(LocationUpdated(event_id="l", location="M"))
    found = resolve_records(state, events({"location": "L"}, {"location": "M"}, {"location": "N"}))
    assert found.rows.tolist() == [SKIPPED, 1, SKIPPED]
    assert [(r.record, *r.refusal) for r in found.refusals] == [
        (at, "unknown_location", "location", "a location that a location.updated record names", name)
        for at, name in ((0, "L"), (2, "N"))
    ]


def test_units_are_converted_on_a_copy() -> None:
    """Quantities and prices come in base units; the records themselves stay as they were read."""
    state = shard()
    item(state, "A", units={"CASE": 12, "GROSS": 144})
    records = events(
        {"unit": "CASE", "quantity": 1500, "price": 24.0}, {"unit": "EA", "quantity": 7}, {"sku": "B", "unit": "KG"}
    )
    before = records.tobytes()
    found = resolve_records(state, records)
    assert found.events["quantity"].tolist() == [18_000, 7, 1000]
    assert found.events["price"][0] == 2.0
    assert records.tobytes() == before
    assert not found.refusals
    assert resolve_records(state, records[1:]).events.tobytes() == records[1:].tobytes()


def test_unknown_units_are_refused() -> None:
    """A unit that the item does not have names those it has; other items take any unit."""
    state = shard()
    item(state, "A", units={"PALLET": 480, "CASE": 12})
    found = resolve_records(state, events({"unit": "BOX"}, {"sku": "B", "unit": "BOX"}, {"unit": "EA"}))
    assert found.rows.tolist() == [SKIPPED, 1, 0]
    (refusal,) = found.refusals
    assert (refusal.record, *refusal.refusal[:2]) == (0, "unknown_unit", "unit_of_measure")
    assert refusal.refusal[2:] == ("one of EA, CASE, PALLET", "BOX")
    assert units_of(state, "B") == "any unit"


def test_refusals_come_in_reading_order() -> None:
    """Whatever the reason."""
    state = shard(rows_max=2)
    item(state, "A", units={})
    resolve_records(state, events({"sku": "A"}, {"sku": "D"}))
    state.locations.apply(LocationUpdated(event_id="l", location="L"))
    found = resolve_records(
        state,
        events(
            {"sku": "B", "location": "N"}, {"unit": "BOX"}, {"sku": "C"}, {"sku": "A"}, {"sku": "B", "location": "N"}
        ),
    )
    assert [(r.record, r.refusal.reason) for r in found.refusals] == [
        (0, "unknown_location"), (1, "unknown_unit"), (2, "table_full"), (4, "unknown_location"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [Kind.PLACED, Kind.COUNTED])
def test_a_refusal_is_a_dead_letter(kind: Kind) -> None:
    """It is put out encoded anew, with the event's own place and time."""
    state = shard(rows_max=1)
    records = events({"sku": "A"}, {"sku": "B", "kind": kind, "partition": 3, "offset": 77})
    found = resolve_records(state, records)
    reject_record(state, found.events[1], MadeTexts().one(records[1]), found.refusals[0].refusal)
    (record,) = state.outbox.take()
    data = orjson.loads(record.data)
    topic = "orders" if kind == Kind.PLACED else "inventory"
    assert (record.topic, record.id, record.time, record.instant) == (DEAD_LETTERS, f"{topic}/3/77", NOON, state.clock)
    assert (data["reason"], data["field"], data["got"], data["original"]) == ("table_full", "sku", "'B'", False)


def test_a_quantity_never_rounds_to_nothing() -> None:
    """Converted quantities are whole thousandths, at least one where there was something, with its sign."""
    assert converted(400, 0.001) == 1
    assert converted(-400, 0.001) == -1
    assert converted(0, 0.001) == 0
    assert converted(2500, 12.0) == 30_000
