"""Rows that are handed over: takes one row of a superseded item apart, and adds it to a row of its successor.

`sensing.machines.succession` calls it. Numbers that mean something in one shard only, such as those of rows, suppliers
and codes of units, travel as names.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel
from sensing.machines.base_units import convert_hot, convert_lines, convert_supply
from sensing.machines.booking import change_open, new_line
from sensing.machines.kernel_tables import Tables
from sensing.machines.machine_messages import HandedLine, HandedRow, OldStock
from sensing.machines.shard_state import ShardState
from sensing.state.line_table import (
    CLOSED,
    FREE,
    HELD,
    HIGH,
    LINE,
    NOT_LINKED,
    find_line,
    free_line,
    open_quantity,
)
from sensing.state.row_history import add_history
from sensing.state.rows import HOT
from sensing.state.text_codes import TextCodes, code_of
from sensing.supply.backlog import prune
from sensing.supply.lanes import NO_LANE
from sensing.supply.purchase_line import convert_line
from sensing.supply.stock_ledger import book_movement, on_hand, refresh_stock
from sensing.supply.supply_record import COUNTS_BEYOND_MAX, NEVER, SUPPLY

LEDGER = (
    "count_time", "count_quantity", "movement_newest", "movement_quantity", "movement_age", "movement_count",
    "movements_merged",
)  # fmt: skip
"""Fields of a supply record that make its balance."""


def give_row(s: ShardState, row: int) -> HandedRow:
    """Take a row apart: it keeps its names and what was published of it."""
    supply, hot = s.supply.supply, s.rows.hot
    in_transit = s.supply.transit.take_row(row)
    if in_transit:
        supply["on_order"][row] -= in_transit
        book_movement(supply, row, s.clock, in_transit)
    slots = np.empty(int(s.lines.state[HIGH]), np.int64)
    slots = slots[: lines_of(s.lines.lines, int(s.lines.state[HIGH]), row, slots)]
    lines = np.take(s.lines.lines, slots)
    purchases = [
        HandedLine(*key, s.supply.lanes.names[line.supplier], line)
        for key, line in s.supply.purchases.take_row(row, supply["on_order"])
    ]
    handed = HandedRow(
        location=s.location_of(row), unobserved=s.locations.unobserved[hot["location"][row]].tobytes(),
        hot=hot[row : row + 1].tobytes(), supply=supply[row : row + 1].tobytes(),
        demand=s.demand.given(row),
        lines=lines.tobytes(), units=_texts(s.units, lines["unit"]), currencies=_texts(s.currencies, lines["currency"]),
        lanes=s.supply.lanes.of_row(row), purchases=purchases, allocations=s.allocations.take_row(row),
        old_stock=list(s.hand_overs.stock.pop(row, {}).items()), summed_until=int(s.summed_until[row]),
    )  # fmt: skip
    # Ids of other events stay as well: a repeat of one is a duplicate wherever it comes.
    remove_lines(s.tables(), row, slots[(lines["quantity"] != 0) | (lines["shipped"] != 0) | (lines["version"] != 0)])
    if supply["count_time"][row] != NEVER:
        supply["count_quantity"][row] = supply["movement_count"][row] = 0
        supply["count_time"][row] = max(int(supply["count_time"][row]), s.clock)
    refresh_stock(hot, supply, row)
    hot["stock_threshold"][row] = np.nan
    hot["dirty"][row] = 1
    s.changed.drop(row)
    return handed


def take_row(s: ShardState, row: int, old: str, handed: HandedRow, factor: float) -> NDArray[np.float64]:
    """Add a row of an old item to ``row``; returns thousandths on hand, open, and on order that it brought.

    ``factor`` is base units of the row in one of the old item.
    """
    one = np.zeros(1, np.int64)
    hot, given = np.frombuffer(handed.hot, HOT).copy(), np.frombuffer(handed.supply, SUPPLY).copy()
    lines = np.frombuffer(handed.lines, LINE).copy()
    if factor != 1.0:
        convert_hot(hot, one, factor)
        convert_supply(given, one, factor)
        lines["row"] = 0
        convert_lines(lines, len(lines), np.ones(1, np.bool_), factor, given)
    add_history(s.rows.hot, row, hot[0])
    location, closed_day = int(s.rows.hot["location"][row]), int(s.rows.hot["closed_day"][row])
    if not s.owns(old):
        s.locations.add_observed(location, hot[0], np.frombuffer(handed.unobserved, np.float32))
    s.demand.adopt(row, location, closed_day, handed.demand, factor)
    s.summed_until[row] = max(int(s.summed_until[row]), handed.summed_until)
    s.newest_sum[0] = max(int(s.newest_sum[0]), handed.summed_until)
    supply = s.supply.supply
    open_before, ordered_before = int(supply["open_total"][row]), int(supply["on_order"][row])
    parts = {name: part.times(factor) for name, part in handed.old_stock}
    brought = _add_stock(s, row, old, given, parts)
    for name in ("unit", "currency"):
        codes, texts = (s.units, handed.units) if name == "unit" else (s.currencies, handed.currencies)
        of = np.array([_code(codes, text) for text in texts], np.uint8)
        lines[name] = of[lines[name]]
    s.lines.ensure(len(lines))
    put_lines(s.tables(), lines, row)
    s.supply.lanes.adopt(row, handed.lanes)
    for entry in handed.purchases:
        line = msgspec.structs.replace(entry.line, row=row, supplier=s.supply.lanes.supplier(entry.supplier))
        line.lane = NO_LANE if entry.line.lane == NO_LANE else s.supply.lanes.lane(row, line.supplier)
        if factor != 1.0:
            convert_line(line, factor)
        s.supply.purchases.put_line((entry.po_id, entry.name), line, s.clock, supply["on_order"])
        if supply["lane"][row] == NO_LANE:
            supply["lane"][row], supply["policy"][row] = line.lane, -1
    for hi, lo, quantity in handed.allocations:
        s.allocations.add(row, (hi, lo), round(quantity * factor))
    refresh_stock(s.rows.hot, supply, row)
    return np.array([brought, supply["open_total"][row] - open_before, supply["on_order"][row] - ordered_before], float)


def _add_stock(s: ShardState, row: int, old: str, given: NDArray[Any], parts: dict[str, OldStock]) -> int:
    """Add the stock of a supply record (1,) to a row's; returns the thousandths it had on hand, 0 if not known.

    ``parts`` of it are under the names of still older items, the rest becomes that of ``old``.
    """
    supply = s.supply.supply
    supply["last_seen"][row] = np.maximum(supply["last_seen"][row], given["last_seen"][0])
    beyond = int(supply["counts_beyond"][row]) + int(given["counts_beyond"][0])
    supply["counts_beyond"][row] = min(beyond, COUNTS_BEYOND_MAX)
    supply["fractional"][row] |= given["fractional"][0]
    if given["count_time"][0] == NEVER:
        return 0
    quantity = int(on_hand(given, 0))
    if supply["count_time"][row] == NEVER:
        before = movements(supply[row])
        for name in LEDGER:
            supply[name][row] = given[name][0]
        for time, moved in before:
            if not book_movement(supply, row, time, moved):  # the count was of the old item alone
                supply["count_quantity"][row] += moved
    else:
        supply["count_quantity"][row] += quantity
    own = quantity - sum(part.quantity for part in parts.values())
    s.hand_overs.stock.setdefault(row, {}).update(parts | {old: OldStock(own, movements(given[0]))})
    return quantity


def movements(record: Any) -> list[tuple[int, int]]:
    """Time (UTC ms) and thousandths of each movement that a supply record keeps."""
    count, newest = int(record["movement_count"]), int(record["movement_newest"])
    ages, quantities = record["movement_age"][:count].tolist(), record["movement_quantity"][:count].tolist()
    return [(newest - age, quantity) for age, quantity in zip(ages, quantities, strict=True)]


def _texts(codes: TextCodes, used: NDArray[np.uint8]) -> list[str]:
    """Texts of all codes up to the highest one in use."""
    return [codes.text(code) for code in range(int(used.max(initial=0)) + 1)]


def _code(codes: TextCodes, text: str) -> int:
    return int(code_of(codes.codes, np.array([text.encode()], "S8").view(np.uint64)[0]))


@kernel
def lines_of(lines: NDArray[Any], high: int, row: int, slots: NDArray[np.int64]) -> int:
    """Fill ``slots`` with the lines of a row that are not held, in the order of their slots; returns their number."""
    found = 0
    for slot in range(high):
        if lines[slot].row == row and lines[slot].row != FREE and lines[slot].flags & HELD == 0:
            slots[found] = slot
            found += 1
    return found


@kernel
def remove_lines(t: Tables, row: int, slots: NDArray[np.int64]) -> None:
    """Remove lines of a row from the table and from open demand; buckets keep them."""
    for slot in slots:
        change_open(t, slot, -open_quantity(t.lines[slot]))
        t.lines[slot].flags |= np.uint32(CLOSED)
    prune(t.supply, t.lines, row)
    for slot in slots:
        free_line(t.lines, t.line_index, t.line_state, slot)


@kernel
def put_lines(t: Tables, given: NDArray[Any], row: int) -> None:
    """Add lines of another shard to the table and to the open demand of a row; those that are there already stay."""
    for k in range(given.shape[0]):
        other = given[k]
        if find_line(t.lines, t.line_index, other.key_hi, other.key_lo) >= 0:
            continue
        slot = new_line(t, other.key_hi, other.key_lo, row, other.touched)
        t.lines[slot] = other
        t.lines[slot].row = row
        t.lines[slot].next_open = NOT_LINKED
        change_open(t, slot, open_quantity(t.lines[slot]))
