"""Detector master_data: what it says about the events that name an unknown name."""

import math
import random
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.exception_details import NameKind
from sensing.detection.finding import DetectionContext
from sensing.detection.master_data import MASTER_DATA, NamedEvents, UnknownName
from sensing.supply.unknown_policy import UnknownPolicy
from tests.detection.contexts import NOW, NOW_DAY, details

CONTEXT = DetectionContext(
    sku="", location="X", row=0, instant=NOW, event_time=NOW, day=NOW_DAY, price=1.0, currency="EUR"
)
AT = (NOW, "e1")


def events(name: UnknownName | None = None, **fields: Any) -> NamedEvents:
    """Events of a location without orders."""
    return NamedEvents(name=name or UnknownName("location", "X"), first=AT, last=(NOW + 1, "e9"), **fields)


def test_waiting_events_open_it() -> None:
    """The finding counts events, orders and money, names first and last event, and has no NaN."""
    found = events(waiting=2)
    found.add_order(("A", "EA"), 2_500, 1_050, "EUR")
    found.add_order(("A", "EA"), 500, None, "")
    finding = MASTER_DATA.finding(CONTEXT, found)
    assert (finding.active, finding.final, finding.key, finding.route) == (True, False, "X|location", "data_steward")
    assert (finding.observed, finding.expected, finding.probability) == (2.0, None, None)
    assert (finding.money, finding.currency) == (10.5, "EUR")
    assert details(finding) == {
        "type": "master_data", "kind": "location", "name": "X", "events": 2, "waiting": 2,
        "dead_letters": 0, "released": 0, "first_event": "e1", "first_event_time": "2011-11-22T22:00:00.000Z",
        "last_event": "e9", "last_event_time": "2011-11-22T22:00:00.001Z",
        "ordered_quantity": 3.0, "unit_of_measure": "EA",
    }  # fmt: skip
    assert finding.reason == (
        "Location X is in no location.updated record, but 2 events name it, among them orders of 3 EA;"
        " 2 are held until the record takes effect."
    )


@pytest.mark.parametrize(
    ("name", "counts", "reason"),
    [
        (
            UnknownName("unit", "Z", "CASE"), {"waiting": 1},
            "Unit CASE of item Z is in no item.updated record, but 1 event names it;"
            " 1 is held until the record takes effect.",
        ),
        (
            UnknownName("supplier", "S"), {"waiting": 1, "refused": 1},
            "Supplier S is in no supplier.updated record, but 2 events name it;"
            " 1 is held until the record takes effect; 1 became a dead letter, to be sent again after the record.",
        ),
        (
            UnknownName("item", "Y"), {"refused": 3},
            "Item Y is in no item.updated record, but 3 events name it;"
            " 3 became dead letters, to be sent again after the record.",
        ),
        (UnknownName("item", "Y"), {"released": 14, "known": True}, "Item Y is known now: released 14 events."),
        (
            UnknownName("item", "Y"), {"released": 1, "moved": 1, "refused": 1, "known": True},
            "Item Y is known now: released 1 event, 1 event still waits for other master data,"
            " 1 dead letter can be sent again.",
        ),
        (
            UnknownName("item", "Y"), {"moved": 2, "known": True},
            "Item Y is known now: 2 events still wait for other master data.",
        ),
    ],
)  # fmt: skip
def test_it_says_what_becomes_of_them(name: UnknownName, counts: dict[str, int], reason: str) -> None:
    """Every kind of name, and every mixture of waiting, refused, released and moved events."""
    assert MASTER_DATA.finding(CONTEXT, events(name, **counts)).reason == reason


@pytest.mark.parametrize(
    ("name", "sku", "location", "key"),
    [
        (UnknownName("item", "Y"), "Y", "", "Y|item"),
        (UnknownName("unit", "Z", "CASE"), "Z", "", "Z|unit|CASE"),
        (UnknownName("location", "X"), "", "X", "X|location"),
        (UnknownName("supplier", "S"), "", "", "S|supplier"),
    ],
)
def test_every_name_has_a_key_of_its_own(name: UnknownName, sku: str, location: str, key: str) -> None:
    """The name first, then its kind, so that equal names of different kinds differ."""
    context = DetectionContext(sku=sku, location=location, row=0, instant=NOW, event_time=NOW, day=NOW_DAY)
    assert MASTER_DATA.finding(context, events(name, waiting=1)).key == key


@pytest.mark.parametrize(("count", "points"), [(1, 1), (9, 1), (10, 2), (100, 3), (1_000, 4), (10**6, 4)])
def test_more_events_are_more_severe(count: int, points: int) -> None:
    """A point for each power of ten up to a thousand."""
    assert MASTER_DATA.evaluate(events(waiting=count)).severity_points == points


def test_known_ends_it_at_once() -> None:
    """The finding is final and not active."""
    finding = MASTER_DATA.finding(CONTEXT, events(released=3, known=True))
    assert (finding.active, finding.cleared, finding.final) == (False, True, True)


Order = tuple[tuple[str, str], int, int | None, str]
ORDERS = st.lists(
    st.tuples(
        st.sampled_from([("A", "EA"), ("A", "EA"), ("A", "EA"), ("B", "EA"), ("A", "BOX")]), st.integers(1, 10**9),
        st.none() | st.integers(0, 10**9), st.sampled_from(["EUR", "EUR", "EUR", "USD"]),
    ),
    max_size=6,
)  # fmt: skip


@given(ORDERS, st.integers(0, 2**32))
def test_sums_do_not_depend_on_the_order(orders: list[Order], seed: int) -> None:
    """Quantity and money as a plain sum where they add up, else None; the same in any order."""
    found, shuffled = events(waiting=1), events(waiting=1)
    for order in orders:
        found.add_order(*order)
    for order in random.Random(seed).sample(orders, len(orders)):
        shuffled.add_order(*order)
    quantity = sum(order[1] for order in orders) / 1000 if len({order[0] for order in orders}) == 1 else None
    priced = [(money, currency) for _, _, money, currency in orders if money is not None]
    one = len({currency for _, currency in priced}) == 1
    money = sum(money for money, _ in priced) if one else 0
    for side in (found, shuffled):
        evaluation = MASTER_DATA.evaluate(side)
        assert side.ordered == quantity
        assert (evaluation.money_units == money / 100) if money else math.isnan(evaluation.money_units)


def test_kinds_are_those_of_the_policy() -> None:
    """Each kind of name has a policy."""
    assert sorted(get_args(NameKind)) == sorted(UnknownPolicy._fields)


def test_sums_stay_in_64_bits() -> None:
    """The most that events may say is more than an integer of a snapshot holds."""
    found = NamedEvents(name=UnknownName("item", "A"), first=(0, ""), last=(0, ""))
    for _ in range(2):
        found.add_order(("A", "EA"), 2**61 + 1, 10**24, "EUR", 10**24)
    assert (found.quantity, found.money, found.money_base) == (2**62, 2**62, 2**62)
