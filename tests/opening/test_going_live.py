"""Claims of "Going live" in flows/README.md about single events of an opening state."""

import datetime as dt
from typing import Any

import pytest

from sensing.machine_settings import DAY_MS, Settings
from tests.claims import at, count, in_order, orders, states
from tests.machines.streams import Line, Result, Stream, line, run, sums

OPENING, DAYS = 28, 32


def history(days: int = OPENING, quantity: float = 8) -> list[Line]:
    """Daily sums up to the day before the opening."""
    return [
        line("demand.daily", f"d{day}", at(day), sku="A", location="L", quantity=quantity, order_lines=4)
        for day in range(days)
    ]


def location(**fields: Any) -> Line:
    """The location."""
    return line("location.updated", "L", None, location="L", **fields)


def open_line(kind: str = "placed", day: float = 20.0, **fields: Any) -> Line:
    """An order line of which six of ten are to be shipped, and which was due before the opening."""
    due = dt.datetime.fromtimestamp(at(OPENING - 3) / 1000, dt.UTC).date().isoformat()
    keys = {"order_id": "o", "line": "1", "sku": "A", "location": "L", "quantity": 10, "quantity_open": 6}
    return line(f"order.{kind}", "o", at(day, 9), **(keys | {"requested_date": due} | fields))


def after(*lines: Line) -> Result:
    """The lines by event time, until some days after the opening."""
    return run(Stream(in_order(lines), end=at(DAYS)), Settings(shards=1))


def row(result: Result) -> tuple[dict[int, int], int]:
    """Thousandths of demand by day, and open."""
    found = sums(result.shards[0])["A", "L"]
    return {day - at(0) // DAY_MS: quantity for day, quantity in found.quantity.items()}, found.open


SUMS = dict.fromkeys(range(OPENING), 8_000)


def test_a_line_placed_within_the_sums_is_open_and_no_further_demand() -> None:
    """Its own date of order lies within the sums."""
    demand, is_open = row(after(location(shipments=True), *history(), open_line(), count(50, OPENING - 1, hour=23.9)))
    assert demand.items() <= SUMS.items()
    assert is_open == 6_000


@pytest.mark.parametrize("version", [2, 7])
def test_a_line_without_a_known_date_of_order_is_sent_as_a_change(version: int) -> None:
    """At a version of at least 2 it is open and teaches nothing, also with the instant of the opening."""
    changed = open_line("changed", OPENING, line_version=version)
    result = after(location(shipments=True), *history(), count(50, OPENING - 1, hour=23.9), changed)
    demand, is_open = row(result)
    assert demand.items() <= SUMS.items()
    assert is_open == 6_000


def test_without_shipments_the_opening_count_settles_what_was_due() -> None:
    """So locations that report shipments must say it."""
    lines = [*history(), open_line(), count(50, OPENING - 1, hour=23.9)]
    assert row(after(location(), *lines))[1] == 0
    assert row(after(location(shipments=True), *lines))[1] == 6_000


def test_an_open_line_goes_on_live() -> None:
    """Shipments, changes and cancellations of the line count from what was open."""
    keys = {"order_id": "o", "line": "1", "sku": "A", "location": "L"}
    start = [location(shipments=True), *history(), open_line(), count(50, OPENING - 1, hour=23.9)]
    shipped = line("shipment.shipped", "s", at(OPENING, 9), **keys, quantity=2)
    changed = line("order.changed", "c", at(OPENING, 10), **keys, quantity=12, line_version=2)
    gone = line("order.cancelled", "x", at(OPENING, 11), **keys)
    for events, expected in (([shipped], 4_000), ([shipped, changed], 6_000), ([shipped, changed, gone], 0)):
        assert row(after(*start, *events))[1] == expected


def test_counts_of_the_history_measure_no_drift() -> None:
    """Counts before the first live line are compared with nothing; later ones are."""
    counts = [count(0, 12, hour=20), count(70, 13, hour=20), count(50, OPENING - 1, hour=23.9)]
    live = orders("live", range(OPENING, DAYS), 4.0)
    start = [location(shipments=True), *history(), *counts, *live]
    assert not states(after(*start), "inventory_out_of_sync")
    (found,) = states(after(*start, count(20, OPENING + 2)), "inventory_out_of_sync")
    assert found["observed"] == 20
