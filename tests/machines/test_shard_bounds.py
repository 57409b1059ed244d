"""Every table has a bound. Its behaviour there is defined and counted."""

import pytest

from sensing.machine_settings import DAY_MS, HOUR_MS, MINUTE_MS, Settings
from sensing.state.line_table import COUNT, EVICTED
from tests.machines.streams import MONDAY, Line, Stream, line, run, sums

pytestmark = pytest.mark.compiled

KEYS = {"sku": "A", "location": "L"}


def orders(count: int, sku: str = "A", location: str = "L") -> list[Line]:
    """One order line a minute, each of one unit."""
    keys = {"sku": sku, "location": location, "quantity": 1}
    return [
        line("order.placed", f"{sku}{n}", MONDAY + n * MINUTE_MS, order_id=f"{sku}{n}", **keys) for n in range(count)
    ]


def test_a_full_line_table_forgets_the_oldest_line() -> None:
    """Beyond ``lines_max`` the oldest line goes: it stays in the buckets, is not open, and a repeat counts again."""
    lines = orders(20)
    stream = Stream([*lines, lines[19], lines[3]], end=MONDAY + DAY_MS)
    found = run(stream, Settings(shards=1, lines_max=10))
    state = found.shards[0].state
    assert (int(state.lines.ring[COUNT]), int(state.lines.ring[EVICTED]), len(state.lines.lines)) == (10, 11, 10)
    row = sums(found.shards[0])["A", "L"]
    assert sum(row.day_lines.values()) == 21
    assert row.open == 10_000
    (counts,) = [totals[2] for totals in found.totals[0].counts if totals[0] == "orders"]
    assert (sum(counts[:2]), counts[2]) == (21, 1)


def test_lines_beyond_the_horizon_make_room() -> None:
    """Lines older than ``line_horizon_days`` are forgotten as new ones come, though there is room."""
    late = MONDAY + 9 * DAY_MS
    newer = [line("order.placed", f"n{n}", late + n, order_id=f"n{n}", quantity=1, **KEYS) for n in range(30)]
    found = run(Stream([*orders(30), *newer]), Settings(shards=1, line_horizon_days=5))
    ring = found.shards[0].state.lines.ring
    assert (int(ring[COUNT]), int(ring[EVICTED])) == (30, 30)
    assert sums(found.shards[0])["A", "L"].open == 30_000


def test_a_full_row_table_keeps_the_books() -> None:
    """Rows beyond ``rows_max`` are dead letters; the others have parameters, and all is counted."""
    lines = [message for sku in "ABCDE" for message in orders(3, sku, sku)]
    found = run(Stream(lines, end=MONDAY + DAY_MS), Settings(shards=1, rows_max=3))
    assert set(found.table()) == {("A", "A"), ("B", "B"), ("C", "C")}
    (books,) = [data for data in found.data("audit") if "read" in data]
    assert (books["read"], books["absorbed"] + books["absorbed_late"], books["dead_letter"]) == (15, 9, 6)


def test_a_full_table_of_problems_keeps_room_for_held_orders() -> None:
    """Beyond ``open_problems_max`` nothing more opens and it is counted; the last tenth is kept for data quality."""
    lines = []
    for n in range(30):
        keys = {"sku": f"S{n:02d}", "location": "L"}
        time = MONDAY + n * MINUTE_MS
        lines.append(line("po.placed", f"p{n}", time, po_id=f"P{n}", quantity=5, promised_date="2026-02-05", **keys))
        delayed = {"po_id": f"P{n}", "promised_date": "2026-02-20"} | keys
        lines.append(line("po.delayed", f"d{n}", time + HOUR_MS, **delayed))
    keys = {"sku": "S00", "location": "L"}
    lines += [line("order.placed", f"o{n}", MONDAY + 3 * HOUR_MS + n, quantity=1, **keys) for n in range(60)]
    lines.append(line("order.placed", "giant", MONDAY + 4 * HOUR_MS, order_id="g", quantity=90_000, **keys))
    found = run(Stream(lines, end=MONDAY + 12 * HOUR_MS), Settings(shards=1, open_problems_max=20))
    states = found.data("exceptions")
    kinds = [state["exception_type"] for state in states]
    assert (kinds.count("supplier_delay"), kinds.count("data_quality"), len(kinds)) == (18, 1, 19)
    assert found.shards[0].state.problems.refused == 12
    assert {state["sku"] for state in states} >= {f"S{n:02d}" for n in range(18)}


def test_a_full_table_of_purchase_lines_forgets_what_is_done_first() -> None:
    """Beyond ``purchase_lines_max`` the line longest done goes, else the one longest open, no longer on order then."""
    lines = []
    for n in range(6):
        lines.append(line("po.placed", f"p{n}", MONDAY + n * HOUR_MS, po_id=f"P{n}", quantity=5, **KEYS))
        if n == 2:
            lines.append(line("po.received", "r", MONDAY + n * HOUR_MS + 1, po_id="P2", quantity=5, **KEYS))
    found = run(Stream(lines, end=MONDAY + DAY_MS), Settings(shards=1, purchase_lines_max=4))
    supply = found.shards[0].state.supply
    assert (supply.purchases.forgotten, supply.purchases.evicted) == (1, 1)
    assert int(supply.supply["on_order"][0]) == 20_000
    assert [key[0] for key, _ in supply.purchases.of_row(0)] == ["P1", "P3", "P4", "P5"]
