"""Every table has a bound. Its behaviour there is defined and counted."""

import pytest

from sensing.machine_settings import DAY_MS, HOUR_MS, MINUTE_MS, Settings
from sensing.machines.gauges import gauges
from tests.machines.streams import MONDAY, Line, Result, Stream, line, run, sizes, sums

pytestmark = pytest.mark.compiled

KEYS = {"sku": "A", "location": "L"}


def orders(count: int, sku: str = "A", location: str = "L") -> list[Line]:
    """One order line a minute, each of one unit."""
    keys = {"sku": sku, "location": location, "quantity": 1}
    return [
        line("order.placed", f"{sku}{n}", MONDAY + n * MINUTE_MS, order_id=f"{sku}{n}", **keys) for n in range(count)
    ]


def shipped(lines: list[Line]) -> list[Line]:
    """A shipment of each line, a second after it."""
    return [
        line("shipment.shipped", f"s{n}", MONDAY + n * MINUTE_MS + 1000, order_id=f"A{n}", quantity=1, **KEYS)
        for n in range(len(lines))
    ]


def evictions(found: Result) -> tuple[int, int, int]:
    """Lines in the table, finished lines and open lines that were forgotten."""
    told = gauges(found.shards[0].state)
    return told.lines, told.limits["lines_evicted"], told.limits["open_lines_evicted"]


def test_a_full_line_table_forgets_finished_lines_first() -> None:
    """Beyond ``lines_max`` shipped lines and the ids of shipments make room; no open line goes."""
    done, still = orders(20), orders(6, "B")
    first = [each for pair in zip(done, shipped(done), strict=True) for each in pair]
    found = run(Stream([*still, *first], end=MONDAY + DAY_MS), Settings(shards=1, lines_max=10))
    assert evictions(found) == (10, 36, 0)
    rows = sums(found.shards[0])
    assert (rows["A", "L"].open, rows["B", "L"].open) == (0, 6000)
    assert sum(rows["A", "L"].day_lines.values()) == 20


def test_a_line_table_full_of_open_lines_says_so() -> None:
    """Open lines beyond ``lines_max`` go: they stay demand and are not open; a repeat of one is unknown."""
    lines = orders(20)
    stream = Stream([*lines, lines[19]], end=MONDAY + DAY_MS)
    found = run(stream, Settings(shards=1, lines_max=10))
    assert evictions(found) == (10, 0, 10)
    row = sums(found.shards[0])["A", "L"]
    assert sum(row.day_lines.values()) == 20
    assert row.open == 10_000
    (counts,) = [totals[2] for totals in found.totals[0].counts if totals[0] == "orders"]
    assert (sum(counts[:2]), counts[2]) == (20, 1)


@pytest.mark.parametrize("lines_max", [3, 7, 40])
def test_what_is_evicted_does_not_depend_on_the_cut(lines_max: int) -> None:
    """A full table continues exactly after a restart, and in any blocks."""
    done = orders(30)
    lines = [each for pair in zip(done, shipped(done), strict=True) for each in pair if b'"s1' not in each.value]
    stream = Stream([*lines, *orders(8, "B")], end=MONDAY + DAY_MS)
    settings = Settings(shards=1, lines_max=lines_max)
    whole = run(stream, settings)
    cut = run(stream, settings, sizes(stream, 5), restarts=sizes(stream, 5))
    assert cut.plain() == whole.plain()
    assert evictions(cut) == evictions(whole)


def test_the_horizon_is_for_finished_lines() -> None:
    """Finished lines older than ``line_horizon_days`` are forgotten day by day; open ones stay where shipments tell."""
    done = orders(30)
    ends = [line("order.placed", "n", MONDAY + 9 * DAY_MS, order_id="n", quantity=1, **KEYS)]
    found = run(Stream([*done, *shipped(done)[:20], *ends]), Settings(shards=1, line_horizon_days=5))
    assert evictions(found) == (11, 40, 0)
    assert sums(found.shards[0])["A", "L"].open == 11_000


def test_where_nothing_is_ever_heard_lines_end_with_the_horizon() -> None:
    """Lines of a silent location are open until ``line_horizon_days`` after their requested day."""
    ends = [line("order.placed", "n", MONDAY + 9 * DAY_MS, order_id="n", quantity=1, **KEYS)]
    found = run(Stream([*orders(30), *ends]), Settings(shards=1, line_horizon_days=5))
    assert evictions(found) == (1, 30, 0)
    assert sums(found.shards[0])["A", "L"].open == 1000


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
    lines += [
        line("order.placed", f"o{n}", MONDAY + 3 * HOUR_MS + n, quantity=1, unit_price=5, **keys) for n in range(60)
    ]
    lines.append(
        line("order.placed", "giant", MONDAY + 4 * HOUR_MS, order_id="g", quantity=100_000, unit_price=5e-5, **keys)
    )
    found = run(Stream(lines, end=MONDAY + 12 * HOUR_MS), Settings(shards=1, open_problems_max=20))
    states = found.data("exceptions")
    kinds = list({state["exception_id"]: state["exception_type"] for state in states}.values())
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
