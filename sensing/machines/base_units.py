"""Change of an item's base unit: everything known of its rows is converted to the new one.

Timers call it when an item record takes effect. The factor is stated by the new record (units of the new base unit in
one of the old) or by the old one. Without either the change is refused: the rows stay in the old unit.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.contracts.audit import AutomaticDecision
from sensing.contracts.reference import ItemUpdated
from sensing.jit import kernel
from sensing.machines.forecast_parts import keys_of_rows
from sensing.machines.shard_outputs import put_decision
from sensing.machines.shard_state import ShardState
from sensing.state.line_table import FREE, HIGH, open_quantity

ON_ROWS = ("stock", "size_mode", "excess")
"""Fields of a hot row in units, besides those in thousandths."""
PUBLISHED = ("reorder_point", "order_quantity", "demand_mean")

QUANTITY_MAX = float(1 << 60)
"""Thousandths after a conversion: repeated conversions by extreme factors would exceed the integers otherwise."""


def unit_change(before: ItemUpdated | None, after: ItemUpdated) -> float | None:
    """New base units in one old base unit; 1 if it stays, None if neither record states it.

    A first record changes nothing: until then any unit was read as it came.
    """
    if before is None or before.base_unit == after.base_unit:
        return 1.0
    stated = after.units.get(before.base_unit)
    if stated is not None:
        return stated
    inverse = before.units.get(after.base_unit)
    return None if inverse is None else 1.0 / inverse


def convert_rows(s: ShardState, rows: NDArray[np.int64], factor: float) -> None:
    """Multiply all quantities that are known of rows by ``factor``."""
    convert_hot(s.rows.hot, rows, factor)
    convert_supply(s.supply.supply, rows, factor)
    concerned = np.zeros(s.rows.count, np.bool_)
    concerned[rows] = True
    s.supply.supply["open_total"][rows] = 0
    convert_lines(s.lines.lines, int(s.lines.state[HIGH]), concerned, factor, s.supply.supply)
    s.demand.rescale(rows, factor)
    s.supply.convert(rows, factor)
    s.supply.reached.forget(rows)
    for row in rows.tolist():
        s.allocations.convert(row, factor)
    for key in keys_of_rows(s, rows):
        s.baselines.convert(key, factor)
        s.opportunities.convert(key, factor)


def convert_hot(hot: NDArray[Any], rows: NDArray[np.int64], factor: float) -> None:
    """Multiply the quantities of hot records by ``factor``."""
    hot["day_quantity"][rows] = _whole(hot["day_quantity"][rows], factor)
    hot["price"][rows] /= factor
    for name in ON_ROWS:
        hot[name][rows] *= factor
    hot["stock_threshold"][rows] *= factor
    known = rows[hot["size_count"][rows] > 0]
    for name in ("size_mean", "size_max"):
        hot[name][known] += np.float32(np.log(factor))


def convert_supply(supply: NDArray[Any], rows: NDArray[np.int64], factor: float) -> None:
    """Multiply the quantities of supply records by ``factor``, but for what is open and on order."""
    for name in ("count_quantity", "movement_quantity"):
        supply[name][rows] = _whole(supply[name][rows], factor)
    for name in PUBLISHED:
        supply[name][rows] *= factor
    supply["demand_variance"][rows] *= factor**2
    if factor != int(factor):
        supply["fractional"][rows] = 1


def _whole(quantity: NDArray[Any], factor: float) -> NDArray[Any]:
    """Quantities (thousandths) times ``factor``, at most QUANTITY_MAX either way."""
    return np.clip(np.rint(quantity * factor), -QUANTITY_MAX, QUANTITY_MAX).astype(np.int64)


@kernel
def convert_lines(
    lines: NDArray[Any], high: int, concerned: NDArray[np.bool_], factor: float, supply: NDArray[Any]
) -> None:
    """Convert order lines of some rows and add what is open on them to the open demand of their rows."""
    for slot in range(high):
        line = lines[slot]
        if line.row == FREE or not concerned[line.row]:
            continue
        open_before = open_quantity(line)
        line.quantity = np.int64(np.rint(line.quantity * factor))
        line.shipped = np.int64(np.rint(line.shipped * factor))
        line.price = np.float32(line.price / factor)
        if open_before > 0:
            supply[line.row].open_total += open_quantity(line)


def apply_item(s: ShardState, event: ItemUpdated, rows: NDArray[np.int64], time: int) -> None:
    """Put an item record in force, and convert the item's rows if its base unit has changed.

    If no record states the factor, the item keeps its base unit and its units.
    """
    before = s.supply.master.item(event.sku)
    factor = unit_change(before, event)
    kept = event
    if before is not None and factor is None:
        kept = msgspec.structs.replace(event, base_unit=before.base_unit, units=before.units)
    if not s.supply.reference(kept, rows, time) or before is None or factor == 1.0:
        return
    if factor is not None:
        convert_rows(s, rows, factor)
        s.hand_overs.convert(event.sku, rows.tolist(), factor)
    _report_change(s, event, before, factor)


def _report_change(s: ShardState, event: ItemUpdated, before: ItemUpdated, factor: float | None) -> None:
    """Put out the decision about a changed base unit."""
    change = f"The base unit {before.base_unit} became {event.base_unit}"
    reason = f"{change}: history, stock and open lines were multiplied by {factor}."
    if factor is None:
        reason = f"{change}, and no record says how they convert: the item stays in {before.base_unit}."
    decision = AutomaticDecision(
        rule="convert_base_unit", subject=event.sku, sku=event.sku, prior=before.base_unit, value=event.base_unit,
        inputs={"factor": factor}, reason=reason, cause_event_ids=[event.event_id],
    )  # fmt: skip
    put_decision(s, s.clock, s.clock, f"convert_base_unit/{event.event_id}", decision)
