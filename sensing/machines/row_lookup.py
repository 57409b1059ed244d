"""Row lookup: the step before the kernel. The shard calls it for every piece of a batch.

It finds or makes the row of each record, refuses unknown items, locations and units, and converts quantities to base
units.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import SUPERSEDED, THOUSANDTHS
from sensing.codec.keys import row_hash_of, row_key
from sensing.codec.text_table import TextLookup
from sensing.contracts.common import PRICE_MAX
from sensing.jit import kernel
from sensing.machines.item_units import unit_factor
from sensing.machines.machine_messages import NameReport
from sensing.machines.memory_prefetch import prefetch_row
from sensing.machines.refusals import (
    BASE_PRICE_REQUIRED,
    BASE_QUANTITY_MAX,
    BASE_QUANTITY_REQUIRED,
    Refusal,
    exceeds_base_quantity,
    unknown_item,
    unknown_location,
    unknown_unit,
)
from sensing.machines.shard_state import ShardState
from sensing.state.rows import FULL, MISSING, SLOTS, find_row

SKIPPED = -3


class RefusedRecord(NamedTuple):
    """A refused record (its index), and why."""

    record: int
    refusal: Refusal


class ResolvedRecords(NamedTuple):
    """Records ready for the kernel; refused ones have a negative row.

    ``events`` is a copy of the records if a quantity was converted.
    """

    events: NDArray[Any]
    rows: NDArray[np.int32]
    refusals: list[RefusedRecord]


@kernel
def find_rows(
    events: NDArray[Any], hot: NDArray[Any], index: NDArray[np.int32], rows: NDArray[np.int32]
) -> tuple[int, int]:
    """Fill in the row of each record, MISSING if its key is new.

    Returns the number of missing rows, and the highest partition number.
    """
    missing = 0
    partition = 0
    for k in range(events.shape[0]):
        prefetch_row(events, hot, index, k)
        event = events[k]
        rows[k] = find_row(hot, index, event.row_hi, event.row_lo)
        missing += rows[k] == MISSING
        partition = max(partition, event.partition)
    return missing, partition


@kernel
def any_unknown(
    hot: NDArray[Any], accepted: NDArray[np.bool_], base_units: NDArray[np.uint64], units: NDArray[np.uint64],
    rows: NDArray[np.int32], items_needed: bool,
) -> bool:  # fmt: skip
    """Whether any record has a location that is not accepted, or a unit other than its row's base unit.

    With ``items_needed`` also whether any row has no base unit, since its item has no record.
    """
    for k in range(rows.shape[0]):
        row = rows[k]
        if row < 0:
            continue
        if not accepted[hot[row].location]:
            return True
        if units[k] != 0 and base_units[row] != units[k] and (base_units[row] != 0 or items_needed):
            return True
    return False


def resolve_records(s: ShardState, records: NDArray[Any], texts: TextLookup) -> ResolvedRecords:
    """Find the row of each record, make new rows in the order of the records, and convert quantities to base units."""
    refusals: list[RefusedRecord] = []
    rows = np.empty(len(records), np.int32)
    missing, partition = find_rows(records, s.rows.hot, s.rows.index, rows)
    s.ensure_partition(partition)
    if missing:
        _make_rows(s, records, rows, texts, refusals)
    items_needed = s.supply.master.unknown.item != "accept"
    old_units = bool(s.hand_overs.units)
    if s.locations.any_known or s.items_known or items_needed or old_units:
        # Almost always all items, locations and units are known; one kernel call finds that out.
        base_units, units = s.base_units.view(np.uint64), records["unit"].view(np.uint64)
        if any_unknown(s.rows.hot, s.locations.accepted, base_units, units, rows, items_needed or old_units):
            if items_needed:
                _refuse_unknown_items(s, rows, refusals)
            _refuse_unknown_locations(s, rows, refusals)
            records = _to_base_units(s, records, rows, texts, refusals)
    return ResolvedRecords(records, rows, sorted(refusals))


def _refuse_unknown_items(s: ShardState, rows: NDArray[np.int32], refusals: list[RefusedRecord]) -> None:
    for k in np.flatnonzero((rows >= 0) & (s.base_units[np.maximum(rows, 0)] == b"")).tolist():
        refusals.append(RefusedRecord(k, unknown_item(s.sku_of(rows[k]))))
        rows[k] = SKIPPED


def _refuse_unknown_locations(s: ShardState, rows: NDArray[np.int32], refusals: list[RefusedRecord]) -> None:
    accepted = s.locations.accepted[s.rows.hot["location"][np.maximum(rows, 0)]]
    for k in np.flatnonzero((rows >= 0) & ~accepted).tolist():
        refusals.append(RefusedRecord(k, unknown_location(s.location_of(rows[k]))))
        rows[k] = SKIPPED


def _make_rows(
    s: ShardState, records: NDArray[Any], rows: NDArray[np.int32], texts: TextLookup, refusals: list[RefusedRecord]
) -> None:
    """Make a row for every key not seen before."""
    made: dict[tuple[int, int], int] = {}
    missing = np.flatnonzero(rows == MISSING)
    keys = zip(records["row_hi"][missing].tolist(), records["row_lo"][missing].tolist(), strict=True)
    for k, key, (sku, location, *_) in zip(missing.tolist(), keys, texts.all(records[missing]), strict=True):
        if records["flags"][k] & SUPERSEDED:
            sku = s.hand_overs.successions.successor(sku, int(records["watermark"][k]))
        # A refused record takes no row of the table.
        if not s.supply.master.accepts_item(sku):
            rows[k] = SKIPPED
            refusals.append(RefusedRecord(k, unknown_item(sku)))
            continue
        if not s.locations.is_accepted(location):
            rows[k] = SKIPPED
            refusals.append(RefusedRecord(k, unknown_location(location)))
            continue
        if key not in made:
            made[key] = make_row(s, key, sku, location, max(s.clock, int(records["watermark"][k])))
        rows[k] = made[key]
        if rows[k] == FULL:
            required = f"at most {s.settings.rows_max} SKU-locations in a shard"
            refusals.append(RefusedRecord(k, Refusal("table_full", "sku", required, sku)))


def make_row(s: ShardState, key: tuple[int, int], sku: str, location: str, instant: int | None = None) -> int:
    """Make a row for a SKU-location with its key; FULL at the bound.

    ``instant`` is that of the event that needs it (UTC ms), by default the shard's clock.
    """
    row = s.rows.add(key, sku, s.locations.number(location), row_hash_of(sku, location) % SLOTS)
    if row == FULL:
        return row
    s.demand.ensure(s.rows.count, len(s.locations.records))
    s.supply.ensure(s.rows.count)
    s.schedule.add(s.zone_of(row), int(s.rows.hot["slot"][row]), row, s.clock)
    s.ensure_rows()
    s.base_units[row] = base_unit(s, row)
    s.resolve_demand(row)
    s.reports.put(s.clock if instant is None else instant, NameReport(sku, location))
    return row


def row_of(s: ShardState, sku: str, location: str) -> int:
    """Row of a SKU-location, made if it is new; FULL at the bound."""
    key = row_key(sku, location)
    row = s.rows.find(key)
    return make_row(s, (int(key[0]), int(key[1])), sku, location) if row == MISSING else row


def row_of_known(s: ShardState, sku: str, location: str) -> int | None:
    """Row of a SKU-location; None if it has no row yet."""
    row = s.rows.find(row_key(sku, location))
    return None if row == MISSING else row


def base_unit(s: ShardState, row: int) -> bytes:
    """Base unit of a row's item; empty if no master data name the item."""
    item = s.supply.master.item(s.sku_of(row))
    return item.base_unit.encode() if item is not None else b""


def _to_base_units(
    s: ShardState, records: NDArray[Any], rows: NDArray[np.int32], texts: TextLookup, refusals: list[RefusedRecord]
) -> NDArray[Any]:
    """Convert records in other units to base units, on a copy; refuse unknown units."""
    base = s.base_units[np.maximum(rows, 0)]
    stated = (base != b"") | (records["flags"] & SUPERSEDED != 0)
    unknown = np.flatnonzero((rows >= 0) & stated & (records["unit"] != b"") & (base != records["unit"]))
    if not len(unknown):
        return records
    records = records.copy()
    for k in unknown.tolist():
        sku, unit = s.sku_of(rows[k]), bytes(records["unit"][k]).decode()
        old = texts.one(records[k]).sku if records["flags"][k] & SUPERSEDED else ""
        factor = unit_factor(s, sku, unit, old)
        if factor is None:
            rows[k] = SKIPPED
            refusals.append(RefusedRecord(k, unknown_unit(s, sku, unit)))
            continue
        refusal = _too_large(k, records[k], factor, unit)
        if refusal is not None:
            rows[k] = SKIPPED
            refusals.append(refusal)
            continue
        records["quantity"][k] = converted(int(records["quantity"][k]), factor)
        records["price"][k] = records["price"][k] / factor
    return records


def _too_large(at: int, record: Any, factor: float, unit: str) -> RefusedRecord | None:
    """Refusal of a record whose quantity or price is too large in the base unit; None if they are not."""
    quantity, price = int(record["quantity"]), float(record["price"])
    if exceeds_base_quantity(quantity, factor):
        got = f"{quantity / THOUSANDTHS:.12g} {unit}"
        return RefusedRecord(at, Refusal("out_of_range", "quantity", BASE_QUANTITY_REQUIRED, got))
    if price > PRICE_MAX * factor:
        got = f"{price:.12g} per {unit}"
        return RefusedRecord(at, Refusal("out_of_range", "unit_price", BASE_PRICE_REQUIRED, got))
    return None


def converted(quantity: int, factor: float) -> int:
    """Thousandths of the base unit, within their limit; rounding never makes a quantity zero."""
    found = min(max(round(quantity * factor), -BASE_QUANTITY_MAX), BASE_QUANTITY_MAX)
    return found if found or not quantity else (1 if quantity > 0 else -1)
