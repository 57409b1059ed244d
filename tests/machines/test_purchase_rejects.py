"""Versions of purchase-order lines in conflict with what is known."""

from typing import Any

import pytest

from sensing.machine_settings import HOUR_MS, MINUTE_MS
from tests.claims import world
from tests.machines.streams import MONDAY, Line, Result, line

NOON = MONDAY + 12 * HOUR_MS
FIELDS: dict[str, Any] = {
    "sku": "A", "location": "L", "po_id": "P", "line": "10", "quantity": 100, "promised_date": "2026-02-20",
    "supplier": "S1", "line_version": 2,
}  # fmt: skip


def said(event_id: str, event_type: str = "po.placed", minutes: int = 5, **fields: Any) -> Line:
    """An event about the line; fields that are None are left out."""
    return line(event_type, event_id, NOON + minutes * MINUTE_MS, **(FIELDS | fields))


def outcome(found: Result) -> dict[str, int]:
    """Control totals of the suppliers."""
    totals = next(data for data in found.data("audit") if data.get("topic") == "suppliers")
    return {name: value for name, value in totals.items() if isinstance(value, int) and value and name != "partition"}


DIFFERING: dict[str, tuple[dict[str, Any], str, str]] = {
    "quantity": ({"quantity": 100.01}, "quantity 100", "quantity 100.01"),
    "date": ({"promised_date": "2026-02-21"}, "promised_date 2026-02-20", "promised_date 2026-02-21"),
    "no date": ({"promised_date": None}, "promised_date 2026-02-20", "promised_date none"),
    "no real date": ({"promised_date": "9999-12-31"}, "promised_date 2026-02-20", "promised_date none"),
    "location": ({"location": "M"}, "location L", "location M"),
    "supplier": ({"supplier": "S2"}, "supplier S1", "supplier S2"),
    "event type": ({"event_type": "po.delayed"}, "event_type po.placed", "event_type po.delayed"),
    "several": (
        {"quantity": 7, "supplier": "S2"}, "quantity 100, supplier S1", "quantity 7, supplier S2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERING)
def test_other_content_of_a_known_version_is_a_conflict(name: str) -> None:
    """The dead letter names event, line, version and each differing field. The line stays, and it counts once."""
    fields, stored, received = DIFFERING[name]
    found = world([said("first", minutes=0), said("other", **fields)], 1)
    (letter,) = found.data("dead-letters")
    del letter["value_base64"]
    assert letter == {
        "topic": "suppliers", "partition": 0, "offset": 1, "reason": "version_conflict",
        "field": ",".join(part.split()[0] for part in stored.split(", ")),
        "required": f"line 10 of purchase order P, version 2 (event other): {stored}, or a higher line_version",
        "got": received, "headers": {}, "original": False, "key_base64": None,
    }  # fmt: skip
    assert outcome(found) == {"read": 2, "absorbed": 1, "dead_letter": 1}
    assert found.shards[0].state.supply.supply["on_order"].sum() == 100_000


RETRIES = {
    "same id": said("first", quantity=7, promised_date=None),
    "other id": said("again"),
    "supplier not repeated": said("again", supplier=None),
}


@pytest.mark.parametrize("name", RETRIES)
def test_a_retry_is_a_duplicate(name: str) -> None:
    """The same event id, whatever it says, and the same content under another id."""
    found = world([said("first", minutes=0), RETRIES[name]], 1)
    assert found.data("dead-letters") == []
    assert outcome(found) == {"read": 2, "absorbed": 1, "duplicate": 1}


def test_an_opening_order_is_repeated_without_a_conflict() -> None:
    """What is still to come is read only at first, so a retry says the same."""
    opening = said("first", minutes=0, quantity_open=30)
    found = world([opening, said("again", quantity_open=30)], 1)
    assert outcome(found) == {"read": 2, "absorbed": 1, "duplicate": 1}
    assert found.shards[0].state.supply.supply["on_order"].sum() == 30_000


def test_a_conflict_can_be_sent_again_with_a_higher_version() -> None:
    """A refused event is not remembered by its id."""
    found = world([said("first", minutes=0), said("e", quantity=70), said("e", quantity=70, line_version=3)], 1)
    assert outcome(found) == {"read": 3, "absorbed": 2, "dead_letter": 1}
    assert found.shards[0].state.supply.supply["on_order"].sum() == 70_000


def test_confirmations_have_versions_of_their_own() -> None:
    """The version of the placement is no conflict, and different days of one version are schedule lines."""
    first = said("c1", "po.confirmed", 6, quantity=60)
    second = said("c2", "po.confirmed", 6, quantity=40, promised_date="2026-03-01")
    undated = said("c3", "po.confirmed", 7, promised_date="9999-12-31", quantity=None, line_version=3)
    found = world([said("first", minutes=0), first, second, undated, said("p3", minutes=8, line_version=3)], 1)
    assert found.data("dead-letters") == []
    other = world([said("first", minutes=0), first, said("c3", "po.confirmed", 7, quantity=50)], 1)
    (letter,) = other.data("dead-letters")
    assert (letter["field"], letter["got"]) == ("quantity", "quantity 50")


def test_without_a_version_nothing_is_in_conflict() -> None:
    """Delays without a version are ordered by time; the same one again is a duplicate."""
    bare: dict[str, Any] = {"line_version": None, "quantity": None}
    delays = [said(f"d{day}", "po.delayed", day, promised_date=f"2026-03-{day:02}", **bare) for day in (10, 11)]
    again = said("again", "po.delayed", 11, promised_date="2026-03-11", **bare)
    found = world([said("first", minutes=0), *delays, again], 1)
    assert outcome(found) == {"read": 4, "absorbed": 3, "duplicate": 1}
