"""What purchase orders of all shards teach the pools of suppliers."""

import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from sensing.codec.purchase_record import PURCHASE
from sensing.machine_settings import DAY_MS
from sensing.supply.heard_purchases import LINE_DAYS_MAX, HeardPurchases
from sensing.supply.lanes import Lanes
from tests.snapshots import resumed
from tests.supply.events import DAY, event, purchase_of


class Book:
    """Heard purchase orders with their pools."""

    def __init__(self) -> None:
        self.lanes = Lanes(10)
        self.heard = HeardPurchases(10)

    def tell(self, kind: str, day: float, **fields: Any) -> None:
        """Hear an event at DAY + ``day``."""
        self.hear(event(kind, day, **fields))

    def hear(self, made: Any) -> None:
        """Hear an event."""
        self.heard.hear(purchase_of(made), made.event_time // DAY_MS, self.lanes)

    def learned(self) -> list[tuple[str, float, Any, float | None]]:
        """Receipts that were learned: supplier, lead time in days, share, days after the promise (None: no promise)."""
        return [
            (self.lanes.names[supplier], days, pytest.approx(share), None if math.isnan(delay) else delay)
            for _, supplier, days, delay, share, _ in self.lanes._receipts
        ]


def test_receipts_teach_lead_time_delay_and_share() -> None:
    """Partial receipts count as their share of the line, what is beyond the order not at all, repeats once."""
    b = Book()
    b.tell("placed", 0, quantity=10, promised=5, supplier="A")
    b.tell("received", 6, quantity=4)
    b.tell("received", 6, quantity=4)
    b.tell("delayed", 7, promised=9)
    b.tell("received", 8, quantity=4)
    b.tell("received", 9, quantity=4)
    b.tell("received", 11, quantity=4)
    assert b.learned() == [("A", 6.0, 0.4, 1.0), ("A", 8.0, 0.4, -1.0), ("A", 9.0, 0.2, 0.0)]


def test_lines_without_a_promise_or_a_supplier_teach_what_they_can() -> None:
    """No promise: no delay. The supplier may be named later; without one the line counts for all alone."""
    b = Book()
    b.tell("placed", 0, quantity=10, po_id="P")
    b.tell("confirmed", 1, promised=8, po_id="P", supplier="A")
    b.tell("received", 3, quantity=10, po_id="P")
    b.tell("placed", 0, quantity=10, po_id="Q")
    b.tell("received", 4, quantity=10, po_id="Q")
    assert b.learned() == [("A", 3.0, 1.0, -5.0), ("", 4.0, 1.0, None)]


def test_a_receipt_in_another_unit_is_the_whole_line() -> None:
    """Units of items are known in one shard only."""
    b = Book()
    b.tell("placed", 0, quantity=10, unit_of_measure="CASE")
    b.tell("received", 3, quantity=120)
    assert b.learned() == [("", 3.0, 1.0, None)]


def test_placement_and_receipts_in_any_order_teach_the_same() -> None:
    """A receipt that comes before its placement is learned with it."""
    events = [
        event("placed", 0, quantity=10, promised=5, supplier="A"),
        event("received", 4, quantity=4),
        event("received", 6, quantity=6),
    ]
    for order in permutations(events):
        b = Book()
        for made in order:
            b.hear(made)
        assert sorted(b.learned(), key=lambda each: each[1]) == [("A", 4.0, 0.4, -1.0), ("A", 6.0, 0.6, 1.0)]


def test_what_was_cancelled_or_closed_short_teaches_nothing_more() -> None:
    """A cancellation of one schedule line leaves the others."""
    b = Book()
    for name in "PQ":
        b.tell("placed", 0, quantity=10, po_id=name)
    b.tell("cancelled", 2, po_id="P")
    b.tell("received", 2, po_id="Q", quantity=1, last=True)
    for name in "PQ":
        b.tell("received", 3, quantity=5, po_id=name)
    b.tell("placed", 0, quantity=10, po_id="R")
    b.tell("cancelled", 2, po_id="R", schedule_line="1")
    b.tell("received", 3, quantity=5, po_id="R")
    b.tell("cancelled", 3, po_id="never placed")
    assert b.learned() == [("", 2.0, 0.1, None), ("", 3.0, 0.5, None)]


def test_lines_are_bounded_and_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes first and is counted; done lines go after the horizon, all after LINE_DAYS_MAX."""
    monkeypatch.setattr("sensing.supply.heard_purchases.LINES_MAX", 2)
    monkeypatch.setattr("sensing.supply.heard_purchases.RECEIPTS_MAX", 2)
    b = Book()
    for name in "PQR":
        b.tell("placed", 0, quantity=10, po_id=name)
    b.tell("received", 1, quantity=5, po_id="P")
    assert (b.learned(), b.heard.evicted, len(b.heard)) == ([], 2, 2)
    for day in (2, 3, 4):
        b.tell("received", day, quantity=1, po_id="R")
    assert len(b.learned()) == 2
    copy = resumed(HeardPurchases(10), b.heard.dump())
    assert copy.dump() == b.heard.dump()
    b.tell("cancelled", 4, po_id="R")
    for day, left in ((14, 2), (15, 1), (LINE_DAYS_MAX + 1, 1), (LINE_DAYS_MAX + 2, 0)):
        b.heard.forget_old((DAY + day) * DAY_MS)
        assert len(b.heard) == left


def records(*days: float) -> Any:
    """Purchase records of placements at DAY + each of ``days``, one order each."""
    made = [event("placed", day, quantity=10, po_id=f"W{day}") for day in days]
    found = np.zeros(len(made), PURCHASE)
    for at, each in enumerate(made):
        found[at] = tuple(purchase_of(each))
    return found


def test_records_wait_until_the_midnight_after_their_watermark(monkeypatch: pytest.MonkeyPatch) -> None:
    """However they are cut; at most so many of one day wait, the others are counted. A snapshot has those that wait."""
    monkeypatch.setattr("sensing.supply.heard_purchases.WAITING_MAX", 3)
    given = (0.1, 0.2, 0.3, 0.4, 0.5, 1.1, 1.2)
    for cut in range(len(given) + 1):
        b = Book()
        for part in (given[:cut], given[cut:]):
            b.heard.wait(records(*part))
        assert (len(b.heard), b.heard.evicted) == (0, 2)
        b.heard = resumed(HeardPurchases(10), b.heard.dump())
        for midnight, heard in ((0, 0), (1, 3), (2, 5)):
            b.heard.hear_waiting((DAY + midnight) * DAY_MS, lambda _, time: time // DAY_MS, b.lanes)
            assert len(b.heard) == heard
        b.heard.wait(records(0.6))
        assert b.heard.evicted == 2
