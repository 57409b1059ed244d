"""Ids of exceptions do not depend on what tipped them, and records say how problems ended and what caused them."""

from typing import Any

import orjson
import pytest

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.outputs import EXCEPTIONS
from tests.machines.streams import MONDAY, Line, Stream, line, run

KEYS = {"sku": "A", "location": "L"}
PO = KEYS | {"po_id": "P", "supplier": "S"}
DAYS = 30


def at(day: float) -> int:
    """UTC ms of a day after the Monday, from noon on."""
    return MONDAY + round((day + 0.5) * DAY_MS)


def usual(days: int = DAYS, **more: Any) -> list[Line]:
    """Four order lines a day of a row in New York."""
    place = line("location.updated", "l", None, location="L", time_zone="America/New_York")
    times = [MONDAY + day * DAY_MS + hour * HOUR_MS for day in range(days) for hour in (13, 15, 17, 19)]
    return [place, *(line("order.placed", f"u{time}", time, quantity=2, **KEYS, **more) for time in times)]


def published(kind: str, *lines: Line, days: int = DAYS + 3) -> list[tuple[str, dict[str, Any]]]:
    """Changes and states of one type, in order."""
    ordered = sorted(lines, key=lambda message: orjson.loads(message.value).get("event_time") or 0)
    found = run(Stream(ordered, end=MONDAY + days * DAY_MS), Settings(shards=1)).outputs[0]
    records = [record for record in found if record.topic == EXCEPTIONS and record.data]
    states = [(record.type.removeprefix("exception."), orjson.loads(record.data)) for record in records]
    return [(change, state) for change, state in states if state["exception_type"] == kind]


def placed(day: float = 20.0, promised: str = "2026-02-26") -> Line:
    """A purchase order for 2026-02-26, day 24."""
    return line("po.placed", "p", at(day), quantity=400, promised_date=promised, **PO)


DELAYED = line("po.delayed", "pd", at(22), promised_date="2026-03-20", **PO)


def test_a_late_line_has_one_id_whatever_tells_of_it() -> None:
    """The supplier, or a day's close after the promised day. It is that of the day first promised."""
    told = published("supplier_delay", *usual(), placed(), DELAYED)
    overdue = published("supplier_delay", *usual(), placed())
    assert told[0][1]["exception_id"] == overdue[0][1]["exception_id"] == "delay:A|L|P|A:20260226"
    assert told[0][1]["opened_at"] < overdue[0][1]["opened_at"]
    assert {(state["purchase_order"], state["purchase_order_line"]) for _, state in told} == {("P", "A")}


def test_the_day_is_that_of_the_location() -> None:
    """An order at three in the night by UTC is one of the evening before in New York, and names its order."""
    time = MONDAY + 25 * DAY_MS + 3 * HOUR_MS
    (change, state), *_ = published(
        "large_order", *usual(), line("order.placed", "big", time, order_id="O", line="7", quantity=900, **KEYS)
    )
    assert (change, state["exception_id"]) == ("opened", "large:A|L|O|7:20260226")
    assert state["orders"] == [{"order_id": "O", "line": "7"}]


def test_a_surge_begins_on_the_day_that_its_lines_came() -> None:
    """The day of the line that tipped it, where the clock is still at the day before."""
    time = MONDAY + 25 * DAY_MS + 5 * HOUR_MS  # midnight in New York; the clock is an hour behind
    rush = [line("order.placed", f"r{n}", time + n, order_id=f"R{n}", quantity=2, **KEYS) for n in range(40)]
    (change, state), *_ = published("order_surge", *usual(25), *rush, days=26)
    assert (change, state["exception_id"]) == ("opened", "surge:A|L:20260227")
    assert len(state["orders"]) == len(state["cause_event_ids"]) == 1


@pytest.mark.parametrize(
    ("event", "fields", "resolution"),
    [
        ("po.received", {"quantity": 400}, "received"),
        ("po.cancelled", {}, "cancelled"),
        ("po.delayed", {"promised_date": "2026-02-26"}, "back_to_normal"),
    ],
)
def test_the_end_of_a_delay_says_how(event: str, fields: dict[str, Any], resolution: str) -> None:
    """Received, cancelled, or back to its first date."""
    end = line(event, "e", at(23), **PO, **fields)
    change, state = published("supplier_delay", *usual(24), placed(), DELAYED, end, days=24)[-1]
    assert (change, state["status"], state["resolution"]) == ("resolved", "resolved", resolution)


@pytest.mark.parametrize(
    ("event", "fields", "resolution"),
    [
        ("shipment.shipped", {"quantity": 900}, "shipped"),
        ("order.cancelled", {}, "cancelled"),
        ("order.changed", {"quantity": 2, "line_version": 2}, "corrected"),
    ],
)
def test_the_end_of_a_large_order_says_how(event: str, fields: dict[str, Any], resolution: str) -> None:
    """Shipped, cancelled, or changed to a usual quantity."""
    keys = KEYS | {"order_id": "O", "line": "7"}
    lines = [line("order.placed", "big", at(25), quantity=900, **keys), line(event, "e", at(25.5), **keys, **fields)]
    change, state = published("large_order", *usual(), *lines)[-1]
    assert (change, state["resolution"]) == ("resolved", resolution)


def test_a_stockout_names_the_late_line_that_makes_it() -> None:
    """From the delay on, until the goods arrive; each change is published."""
    stock = line("inventory.counted", "c", at(19), quantity=60, **KEYS)
    end = line("po.received", "e", at(26), quantity=400, **PO)
    found = published("stockout_projected", stock, *usual(), placed(), DELAYED, end)
    links = [state["caused_by"] for _, state in found]
    assert ["delay:A|L|P|A:20260226"] in links
    assert links[-1] == []
