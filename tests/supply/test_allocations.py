"""Allocations: stock reserved for order lines, against a plain dictionary, and what a plan makes of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.outputs import PARAMETERS
from sensing.state.line_table import TRACKED_OPEN, LineTable, add_line
from sensing.supply.allocations import Allocations, LineKey
from tests.claims import at, count, orders, states, world
from tests.machines.streams import Line, line

DAY = 20_000
ROWS = 3


def table_of(lines: dict[LineKey, tuple[int, int, int]]) -> LineTable:
    """Order lines by key: (row, requested day, open thousandths)."""
    table = LineTable(64)
    table.ensure(len(lines))
    for (hi, lo), (row, day, quantity) in lines.items():
        slot = add_line(table.lines, table.index, table.state, np.uint64(hi), np.uint64(lo))
        entry = table.lines[slot]
        entry["row"], entry["requested_day"], entry["quantity"], entry["flags"] = row, day, quantity, TRACKED_OPEN
    return table


keys = st.tuples(st.integers(1, 5), st.integers(1, 2))
opened = st.dictionaries(
    keys, st.tuples(st.integers(0, ROWS - 1), st.integers(DAY, DAY + 40), st.integers(0, 5_000)), max_size=8
)
added = st.lists(st.tuples(keys, st.integers(1, 4_000)), max_size=20)


@given(opened, added, st.integers(1, 6))
def test_allocated_is_never_more_than_open_nor_than_was_allocated(
    lines: dict[LineKey, tuple[int, int, int]], given_events: list[tuple[LineKey, int]], lines_max: int
) -> None:
    """The sum of a line's allocations, at most what is open on it; lines that are not open are forgotten.

    At most ``lines_max`` lines are kept, and each allocation of a further one is counted.
    """
    allocations, table = Allocations(lines_max), table_of(lines)
    kept: dict[tuple[int, LineKey], int] = {}
    refused = 0
    for key, quantity in given_events:
        row = lines[key][0] if key in lines else 0
        if (row, key) in kept or len(kept) < lines_max:
            kept[row, key] = kept.get((row, key), 0) + quantity
        else:
            refused += 1
        allocations.add(row, key, quantity)
    assert allocations.refused == refused
    with_some = sorted({row for row, _ in kept})
    assert allocations.rows(np.arange(ROWS)) == with_some
    for row in range(ROWS):
        wanted = [
            (lines[key][1], min(quantity, lines[key][2]))
            for (of, key), quantity in kept.items()
            if of == row and key in lines and lines[key][2] > 0
        ]
        again = Allocations(lines_max)
        again.load(allocations.dump())
        for each in (allocations, again):
            assert each.of_row(row, table.lines, table.index) == wanted
        assert allocations.dump() == again.dump()
        assert allocations.rows(np.array([row])) == ([0] if wanted else [])


def test_ended_lines_make_room() -> None:
    """A line that is shipped takes no place any more."""
    first, second = (1, 1), (2, 2)
    table = table_of({first: (0, DAY, 5_000), second: (0, DAY, 5_000)})
    allocations = Allocations(1)
    allocations.add(0, first, 5_000)
    allocations.add(0, second, 5_000)
    assert allocations.refused == 1
    table.lines["shipped"][0] = 5_000
    assert allocations.of_row(0, table.lines, table.index) == []
    allocations.add(0, second, 5_000)
    assert (allocations.refused, allocations.of_row(0, table.lines, table.index)) == (1, [(DAY, 5_000)])


def test_another_base_unit() -> None:
    """Only the row's allocations are converted."""
    lines: dict[LineKey, tuple[int, int, int]] = {(1, 1): (0, DAY, 9_000_000), (2, 2): (1, DAY, 9_000_000)}
    table, allocations = table_of(lines), Allocations(9)
    for key, (row, _, _) in lines.items():
        allocations.add(row, key, 2_500)
    allocations.convert(0, 1000.0)
    assert [allocations.of_row(row, table.lines, table.index) for row in (0, 1)] == [
        [(DAY, 2_500_000)],
        [(DAY, 2_500)],
    ]


ROW: dict[str, Any] = {"sku": "A", "location": "L"}
BULK = {"order_id": "X", "line": "1", "quantity": 60, **ROW}
FAR = line("order.placed", "bulk", at(28, 9), **BULK, requested_date="2026-03-29")
LOOK = line(
    "decision.made", "look", at(31, 12), subject="A/L", decision="override", decider="ann", role="planner",
    field="order_quantity", value=50,
)  # fmt: skip
DAYS = 32


def usual() -> list[Line]:
    """Four weeks of two units a day, shipped on the spot, and stock for a month."""
    reported = line("location.updated", "l", None, location="L", shipments=True)
    placed = orders("u", range(DAYS), 1.0, quantity=2)
    gone = [
        line("shipment.shipped", f"s{n}", at(n, 23), order_id=f"u{n}.0", quantity=2, **ROW) for n in range(DAYS - 1)
    ]
    return [reported, *placed, *gone, count(80, 28, hour=8)]


def allocated(quantity: float, event_id: str = "a") -> Line:
    """An allocation of the bulk line."""
    return line("order.allocated", event_id, at(28, 10), **(BULK | {"quantity": quantity}))


def stock_of(*lines: Line) -> dict[str, Any]:
    """Stock of the last published parameters."""
    stock: dict[str, Any] = world([*usual(), FAR, LOOK, *lines], DAYS).data(PARAMETERS)[-1]["stock"]
    return stock


@pytest.mark.parametrize(("quantity", "reserved"), [(50, 50), (60, 60), (75, 60)])
def test_allocated_stock_is_not_free(quantity: float, reserved: float) -> None:
    """It is on hand until it is shipped; what is open stays open."""
    before, after = stock_of(), stock_of(allocated(quantity))
    assert (before["allocated"], after["allocated"]) == (0, reserved)
    assert before["free"] - after["free"] == reserved
    assert (before["on_hand"], before["open_demand"]) == (after["on_hand"], after["open_demand"])


def test_a_repeat_allocates_once_and_a_shipment_ends_it() -> None:
    """Allocations are keyed by their event ids."""
    assert stock_of(allocated(20), allocated(20))["allocated"] == 20
    assert stock_of(allocated(20), allocated(30, "b"))["allocated"] == 50
    shipped = line("shipment.shipped", "bulk gone", at(29, 10), **BULK)
    ended = stock_of(allocated(50), shipped)
    assert (ended["allocated"], ended["on_hand"]) == (0, stock_of()["on_hand"] - 60)


def test_allocated_stock_is_used_at_once_in_the_projection() -> None:
    """A line for the end of March leaves the stock as it is until then; with an allocation what is left runs out."""
    supply = line("item.updated", "i", None, sku="A", supplier="S")
    supplier = line("supplier.updated", "s", None, supplier="S", lead_time_days=12)
    usual_lines = [*usual(), FAR, supply, supplier]
    assert states(world(usual_lines, DAYS), "stockout_projected") == []
    state = states(world([*usual_lines, allocated(60)], DAYS), "stockout_projected")[0]
    assert state["opened_at"] == "2026-03-02T10:00:00.000Z"
    assert state["cause_event_ids"] == ["a"]
