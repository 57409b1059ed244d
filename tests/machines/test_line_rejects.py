"""Versions of order lines in conflict with what is known, and changes that name no line of several."""

import base64
from typing import Any

import numpy as np
import pytest

from sensing.codec.decode import Block, decode
from sensing.machine_settings import HOUR_MS, MINUTE_MS
from tests.claims import count, orders, states, world
from tests.machines.streams import MONDAY, Line, Result, line

pytestmark = pytest.mark.compiled

NOON = MONDAY + 12 * HOUR_MS
FIELDS: dict[str, Any] = {
    "sku": "A", "location": "L", "order_id": "O", "line": "10", "quantity": 5, "unit_of_measure": "CASE",
    "requested_date": "2026-02-09", "unit_price": 2.5, "currency": "EUR", "line_version": 2,
}  # fmt: skip
FIRST = line("order.placed", "first", NOON, **FIELDS)


def changed(event_id: str, minutes: int = 5, event_type: str = "order.changed", **fields: Any) -> Line:
    """An event about the line; fields that are None are left out."""
    return line(event_type, event_id, NOON + minutes * MINUTE_MS, **(FIELDS | fields))


def outcome(found: Result) -> dict[str, int]:
    """Control totals of the orders."""
    totals = next(data for data in found.data("audit") if data.get("topic") == "orders")
    return {name: value for name, value in totals.items() if isinstance(value, int) and value and name != "partition"}


DIFFERING: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "quantity": ({"quantity": 6.5}, "quantity", "quantity 5", "quantity 6.5"),
    "a thousandth": ({"quantity": 5.001}, "quantity", "quantity 5", "quantity 5.001"),
    "unit": ({"unit_of_measure": "EA"}, "unit_of_measure", "unit_of_measure CASE", "unit_of_measure EA"),
    "location": ({"location": "M"}, "location", "location L", "location M"),
    "date": (
        {"requested_date": "2026-02-10"}, "requested_date", "requested_date 2026-02-09", "requested_date 2026-02-10",
    ),
    "no date": ({"requested_date": None}, "requested_date", "requested_date 2026-02-09", "requested_date none"),
    "no real date": (
        {"requested_date": "9999-12-31"}, "requested_date", "requested_date 2026-02-09", "requested_date none",
    ),
    "price": ({"unit_price": 2.75}, "unit_price", "unit_price 2.5", "unit_price 2.75"),
    "no price": ({"unit_price": None}, "unit_price", "unit_price 2.5", "unit_price none"),
    "currency": ({"currency": "GBP"}, "currency", "currency EUR", "currency GBP"),
    "no currency": ({"currency": None}, "currency", "currency EUR", "currency none"),
    "several": (
        {"quantity": 7, "unit_price": 3}, "quantity,unit_price", "quantity 5, unit_price 2.5",
        "quantity 7, unit_price 3",
    ),
    "cancelled": ({"event_type": "order.cancelled"}, "event_type", "event_type open", "event_type ended"),
    "closed": ({"event_type": "order.closed"}, "event_type", "event_type open", "event_type ended"),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERING)
def test_other_content_of_a_known_version_is_a_conflict(name: str) -> None:
    """The dead letter names event, line, version and every differing field with its stored and received value.

    The line stays as it was, and the conflict counts once.
    """
    fields, field, stored, received = DIFFERING[name]
    conflict = changed("other", **fields)
    found = world([FIRST, conflict], 1)
    (letter,) = found.data("dead-letters")
    value = base64.b64decode(letter.pop("value_base64"))
    assert letter == {
        "topic": "orders", "partition": 0, "offset": 1, "reason": "version_conflict", "field": field,
        "required": f"line 10 of order O, version 2 (event other): {stored}, or a higher line_version",
        "got": received,
        "headers": {}, "original": False, "key_base64": None,
    }  # fmt: skip
    again, first = (decode("orders", 0, Block.of([each], np.zeros(1, np.int64))) for each in (value, conflict.value))
    assert again.records["id_lo"] == first.records["id_lo"]
    assert outcome(found) == {"read": 2, "absorbed": 1, "dead_letter": 1}
    assert found.shards[0].state.supply.supply["open_total"][0] == 5000


def test_a_line_that_asked_for_nothing_is_compared_as_such() -> None:
    """Stored values that were not given are none, and the unit that was assumed is named."""
    bare = {"requested_date": None, "unit_price": None, "currency": None, "unit_of_measure": None}
    found = world([changed("a", 0, "order.placed", **bare), changed("b")], 1)
    (letter,) = found.data("dead-letters")
    assert letter["field"] == "unit_of_measure,requested_date,unit_price,currency"
    assert letter["got"] == "unit_of_measure CASE, requested_date 2026-02-09, unit_price 2.5, currency EUR"
    stored = "unit_of_measure EA, requested_date none, unit_price none, currency none"
    assert letter["required"] == f"line 10 of order O, version 2 (event b): {stored}, or a higher line_version"


@pytest.mark.parametrize("ended", ["order.cancelled", "order.closed"])
def test_a_change_at_the_version_that_ended_a_line_is_a_conflict(ended: str) -> None:
    """Ended and open are two contents of one version; both ways to end are one content."""
    end = changed("end", 5, ended, line_version=3)
    other = changed("more", 6, line_version=3)
    also = changed("end too", 7, "order.closed", line_version=3)
    found = world([FIRST, end, other, also], 1)
    (letter,) = found.data("dead-letters")
    assert (letter["field"], letter["got"]) == ("event_type", "event_type open")
    assert outcome(found) == {"read": 4, "absorbed": 2, "duplicate": 1, "dead_letter": 1}


REPEATS = {
    "same id": changed("first", 9, "order.placed", quantity=99, unit_price=7, location="M"),
    "retry": changed("again", 9),
    "retry as the other type": changed("again", 9, "order.placed"),
    "other customer": changed("again", 9, customer="C", channel="web", promotion="P"),
}


@pytest.mark.parametrize("name", REPEATS)
def test_a_retry_is_a_duplicate(name: str) -> None:
    """The same event id, whatever it says, and the same content under another id."""
    found = world([FIRST, REPEATS[name]], 1)
    assert found.data("dead-letters") == []
    assert outcome(found) == {"read": 2, "absorbed": 1, "duplicate": 1}


@pytest.mark.parametrize("fields", [{"quantity": 6}, {"unit_price": 9}, {"location": "M"}])
def test_older_versions_are_never_in_conflict(fields: dict[str, Any]) -> None:
    """Nothing is kept of the content of older versions; they are superseded."""
    found = world([FIRST, changed("old", 9, line_version=1, **fields), changed("new", 10, line_version=3, **fields)], 1)
    assert found.data("dead-letters") == []
    assert outcome(found) == {"read": 3, "absorbed": 2, "superseded": 1}


def test_a_held_version_is_compared_without_its_quantity_if_an_earlier_one_counts() -> None:
    """The line keeps the quantity that counts; the other fields are those of the held version."""
    usual = [*orders("u", range(10), 6.0), count(100_000, 1)]
    keys: dict[str, Any] = {"sku": "A", "location": "L", "order_id": "O", "line": "10", "unit_price": 2.5}
    time = NOON + 9 * 24 * HOUR_MS
    sane = line("order.placed", "sane", time, quantity=4, **keys)
    giant = line("order.changed", "giant", time + 1, quantity=40_000, line_version=2, **(keys | {"unit_price": 2.5e-4}))
    retry = line("order.changed", "retry", time + 2, quantity=40_000, line_version=2, **(keys | {"unit_price": 2.5e-4}))
    other = line("order.changed", "other", time + 3, quantity=40_000, line_version=2, **(keys | {"unit_price": 3.0}))
    found = world([*usual, sane, giant, retry, other], 10)
    state, *_ = states(found, "data_quality")
    assert state["details"]["quantity"] == 40_000.0
    (letter,) = found.data("dead-letters")
    assert (letter["field"], letter["got"]) == ("unit_price", "unit_price 3")
    assert letter["required"] == (
        "line 10 of order O, version 2 (event other): unit_price 0.00025, or a higher line_version"
    )
    assert outcome(found)["duplicate"] == 1


def test_a_change_that_names_no_line_of_several_is_refused() -> None:
    """The dead letter says what is missing; nothing is changed, and it can be sent again with its line."""
    unnamed: dict[str, Any] = {"line": None, "line_version": None}
    placed = [changed(name, minutes, "order.placed", **unnamed) for name, minutes in (("a", 0), ("b", 1))]
    found = world([*placed, changed("c", 2, line=None, quantity=9)], 1)
    (letter,) = found.data("dead-letters")
    assert (letter["reason"], letter["field"], letter["required"], letter["got"]) == (
        "ambiguous_line", "line", "the line that is meant: order O has several lines of A", "nothing",
    )  # fmt: skip
    assert outcome(found) == {"read": 3, "absorbed": 2, "dead_letter": 1}
    assert found.shards[0].state.supply.supply["open_total"][0] == 10_000
    again = decode("orders", 0, Block.of([base64.b64decode(letter["value_base64"])], np.zeros(1, np.int64)))
    assert (
        again.records["flags"]
        == decode("orders", 0, Block.of([changed("c", line=None).value], np.zeros(1, np.int64))).records["flags"]
    )
