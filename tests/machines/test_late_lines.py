"""Late lines from events to exceptions: what stock does not cover opens, what it covers is a digest of the supplier."""

from typing import Any

import pytest

from sensing.machine_settings import Settings
from sensing.machines.late_line_reports import drop_ended_lines
from tests.claims import at, count, in_order, orders, states, world
from tests.machines.streams import Line, Result, Stream, line, run, sizes

pytestmark = pytest.mark.compiled


def purchase(event: str, day: float, po_id: str = "P", **fields: Any) -> Line:
    """An event of a purchase order."""
    keys = {"po_id": po_id, "sku": "A", "location": "L"} | fields
    return line(f"po.{event}", f"{po_id}-{event}-{day}", at(day), **keys)


PLACED = purchase("placed", 41, quantity=100, supplier="ACME", promised_date="2026-03-22")  # day 48


def usual(days: int) -> list[Line]:
    """Four order lines a day."""
    return orders("u", range(days), 4.0, unit_price=10.0, currency="EUR")


def life(*lines: Line, days: int = 60) -> Result:
    """The usual orders and a purchase order of ACME that is due on day 48."""
    return world([*usual(days), PLACED, *lines], days)


def test_what_stock_covers_is_a_digest_of_the_supplier() -> None:
    """Two days overdue with stock for months: no exception of its own; the digest ends with the receipt."""
    found = life(count(2000, 40), purchase("received", 51.4, quantity=100))

    assert states(found, "supplier_delay") == []
    opened, *_, ended = states(found, "delay_digest")
    assert opened["exception_id"].startswith("digest:ACME:")
    assert opened["opened_at"][:10] == "2026-03-23"
    assert opened["reason"] == (
        "1 purchase-order line from ACME is late but not urgent: stock covers the gap, or it is no later than"
        " usual (2 days); it is line A of purchase order P, 1 day late: 100 of A for L, first due on 22 Mar."
    )
    assert (opened["severity"], opened["route"], opened["money"]) == ("low", "buyer", 1_000.0)
    assert ended["status"] == "resolved"
    assert ended["updated_at"] < "2026-03-27"


def test_what_stock_does_not_cover_is_an_exception() -> None:
    """The same line with stock for a day."""
    found = life(count(8, 47), purchase("received", 51.4, quantity=100))

    opened, *_, ended = states(found, "supplier_delay")
    assert (
        "is overdue by 1 day: 100, ordered for 22 Mar, are missing; up to 2 days late is usual; stock"
        in opened["reason"]
    )
    assert opened["details"]["covered"] is False
    assert ended["reason"] == (
        "Line A of purchase order P from ACME was received in full (100), 3 days after the ordered 22 Mar."
    )
    assert ended["details"]["outcome"] == "received"
    assert states(found, "delay_digest") == []


def test_a_line_leaves_the_digest_when_its_own_exception_opens() -> None:
    """After a week of silence it is far too late, although stock covers it."""
    found = life(count(2000, 40))

    assert states(found, "delay_digest")[-1]["status"] == "resolved"
    (opened, *_) = states(found, "supplier_delay")
    assert opened["opened_at"][:10] == "2026-03-29"
    assert opened["details"]["days_late"] == 7


def test_a_first_count_moves_a_covered_line_into_the_digest() -> None:
    """Later than usual is news while stock is not known. The close after the first count ends it."""
    found = life(count(2000, 52), days=54)

    opened, *_, ended = states(found, "supplier_delay")
    assert (opened["opened_at"][:10], ended["updated_at"][:10]) == ("2026-03-25", "2026-03-26")
    assert opened["reason"].endswith("; the stock is not known.")
    assert (ended["status"], ended["resolution"]) == ("resolved", "back_to_normal")
    assert ended["reason"].endswith(", which covers the gap.")
    listed = [state["details"] for state in states(found, "delay_digest") if state["updated_at"] > "2026-03-26"]
    assert (listed[0]["worst"][0]["po_id"], listed[0]["worst"][0]["days_late"]) == ("P", 4)


@pytest.mark.parametrize("days_later", [1, 21])
def test_a_new_promise_is_news_if_it_is_far_later(days_later: int) -> None:
    """Three weeks open at once, a day goes to the digest, covered as both are."""
    moved = purchase("delayed", 43, promised_date=f"2026-{'03-23' if days_later == 1 else '04-12'}")
    found = life(count(2000, 40), moved, days=46)

    kinds = {state["exception_type"] for state in found.data("exceptions")}
    assert ("supplier_delay" in kinds, "delay_digest" in kinds) == (days_later == 21, days_later == 1)
    if days_later == 1:
        (opened,) = states(found, "delay_digest")
        assert opened["details"]["worst"][0]["expected_date"] == "2026-03-23"


def test_a_promise_that_moves_back_ends_the_digest() -> None:
    """The line is watched though it is not overdue."""
    moved = [
        purchase("delayed", 43, promised_date="2026-03-23"), purchase("confirmed", 44, promised_date="2026-03-22"),
    ]  # fmt: skip
    assert [state["status"] for state in states(life(count(2000, 40), *moved, days=47), "delay_digest")] == [
        "opened", "resolved",
    ]  # fmt: skip


def test_stock_that_shrinks_makes_a_listed_line_an_exception() -> None:
    """At the next close, though no event is about the line."""
    moved = purchase("delayed", 43, promised_date="2026-03-24")
    found = life(count(2000, 40), moved, count(4, 44.3), days=47)

    (opened, *_) = states(found, "supplier_delay")
    assert opened["opened_at"][:10] == "2026-03-19"
    assert states(found, "delay_digest")[-1]["status"] == "resolved"


def test_lines_that_are_forgotten_end() -> None:
    """An open line that the table of purchase orders evicts leaves the digest at the daily housekeeping."""
    more = [
        purchase("placed", 49.2 + number / 100, f"Q{number}", quantity=1, promised_date="2026-05-01")
        for number in range(4)
    ]
    found = world([*usual(54), count(2000, 40), PLACED, *more], 54, purchase_lines_max=4)

    assert [state["status"] for state in states(found, "delay_digest")] == ["opened", "resolved"]


def test_housekeeping_leaves_what_is_late() -> None:
    """Only what has ended is ended."""
    shard = life(count(2000, 40), days=51).shards[0].state
    assert len(shard.late_lines) == 1
    drop_ended_lines(shard)
    assert len(shard.late_lines) == 1


def test_cuts_and_restarts_do_not_show() -> None:
    """Digests of three suppliers over two shards are the same however the stream is cut, and after restarts."""
    lines = [*usual(56), count(2000, 40), PLACED]
    for number in range(12):
        keys = {"sku": f"S{number}", "location": "L", "quantity": 2}
        lines += [line("order.placed", f"{number}.{day}", at(day, 9), **keys) for day in range(20, 50, 3)]
        lines.append(count(500, 40, sku=f"S{number}"))
        po = {"po_id": f"R{number}", "sku": f"S{number}", "location": "L"}
        due = f"2026-03-{18 + number % 5}"
        lines.append(
            line("po.placed", f"p{number}", at(41), quantity=50, supplier=f"T{number % 3}", promised_date=due, **po)
        )
        lines.append(line("po.received", f"r{number}", at(47 + number % 6, 10), quantity=50, **po))
    stream = Stream(in_order(lines), end=at(56))
    whole = run(stream, Settings(shards=2))
    assert len({state["exception_id"] for state in states(whole, "delay_digest")}) >= 3
    cuts = sizes(stream, 37)
    assert run(stream, Settings(shards=2), cuts).plain() == whole.plain()
    assert run(stream, Settings(shards=2), cuts, restarts=cuts[::3]).plain() == whole.plain()
    alone = run(stream, Settings(shards=1))
    assert alone.outputs[-1] == [record._replace(machine=2) for record in whole.outputs[-1]]
