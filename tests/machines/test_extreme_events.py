"""Valid events with the most extreme dates and quantities: none of them stops a machine, and every one is counted."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensing.codec.instants import DAY_MAX, DAY_MIN, INSTANT_MAX, local_date, rfc3339
from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from tests.contracts.examples import EXAMPLES
from tests.machines.streams import MONDAY, Line, Result, Stream, line, run

DATES = ("0001-01-01", "1899-12-31", "1969-12-31", "1970-01-01", "2026-02-03", "2036-03-01", "9999-12-30", "9999-12-31")
NUMBERS = (0.001, 0.5, 1, 12.345, 1e6, 1e9)
DELAYS = (0, 0.5, 30, 3660)
ITEMS = ("A", "B")
SUPPLY = [event for topic, event in EXAMPLES if topic == "suppliers"]


def extreme(event: dict[str, Any], random: Random) -> dict[str, Any]:
    """The fields of an example with other dates, quantities and delays, and some of the optional ones left out."""
    fields = {name: value for name, value in event.items() if name not in ("event_id", "event_type", "event_time")}
    for name, value in list(fields.items()):
        if name in ("sku", "substitute_sku"):
            fields[name] = random.choice(ITEMS)
        elif name in ("location", "to_location"):
            fields[name] = random.choice(("L", "M"))
        elif name in ("po_id", "order_id"):
            fields[name] = random.choice(("1", "2", "3"))
        elif name == "line_version":
            fields[name] = random.randint(1, 1000)
        elif name == "delay_days":
            fields[name] = random.choice(DELAYS)
        elif isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-":
            fields[name] = random.choice(DATES)
        elif isinstance(value, int | float) and name in ("quantity", "baseline", "uplift", "unit_price", "unit_cost"):
            fields[name] = random.choice(NUMBERS)
    return fields


def hostile(seed: int, count: int = 60) -> list[Line]:
    """Events of all types, in order of time, between orders of two items, for some weeks."""
    random = Random(seed)
    lines = []
    for number in range(count):
        event = random.choice(SUPPLY) if random.random() < 0.5 else random.choice(EXAMPLES)[1]
        at = MONDAY + number * 12 * HOUR_MS
        lines.append(line(event["event_type"], f"x{number}", at, **extreme(event, random)))
        sold = {"sku": random.choice(ITEMS), "location": "L", "quantity": random.choice(NUMBERS)}
        lines.append(line("order.placed", f"o{number}", at + HOUR_MS, requested_date=random.choice(DATES), **sold))
    return lines


def counted(result: Result, lines: list[Line]) -> None:
    """Every event was absorbed, or is a dead letter."""
    books = [data for data in result.data("audit") if "read" in data]
    read = sum(data["read"] for data in books)
    outcomes = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter")
    assert read == len(lines) == sum(data[name] for data in books for name in outcomes)


@given(st.integers(0, 10**9))
@settings(max_examples=25, deadline=None)
def test_no_valid_event_stops_a_machine(seed: int) -> None:
    """Whatever dates and quantities valid events of all types have."""
    lines = hostile(seed)
    counted(run(Stream(lines), Settings(shards=1)), lines)


@pytest.mark.parametrize("promised", ["9999-12-31", "9999-06-01", "0001-01-01"])
def test_a_disruption_of_an_order_promised_at_the_end_of_time(promised: str) -> None:
    """The order is expected on the last day there is, and the machine goes on."""
    keys = {"sku": "A", "location": "L"}
    lines = [
        line("order.placed", "o", MONDAY, quantity=1, **keys),
        line("po.placed", "p", MONDAY + HOUR_MS, po_id="P", supplier="S", quantity=5, promised_date=promised, **keys),
        line("supplier.disrupted", "d", MONDAY + 2 * HOUR_MS, supplier="S", delay_days=3660, until="9999-12-31"),
        line("order.placed", "n", MONDAY + 3 * DAY_MS, quantity=1, **keys),
    ]
    counted(run(Stream(lines), Settings(shards=1)), lines)


def test_dates_and_instants_have_bounds() -> None:
    """A day or instant outside the calendar is written as the first or last one of it."""
    assert (local_date(DAY_MIN), local_date(DAY_MAX)) == ("0001-01-01", "9999-12-31")
    assert (local_date(DAY_MIN - 1), local_date(DAY_MAX + 3660)) == ("0001-01-01", "9999-12-31")
    assert rfc3339(INSTANT_MAX + DAY_MS) == rfc3339(INSTANT_MAX) == "9999-12-31T23:59:59.999Z"
