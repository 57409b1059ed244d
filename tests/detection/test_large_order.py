"""large_order: a line far outside its row's sizes, and its end."""

import math

from sensing.detection.finding import Finding
from sensing.detection.large_order import LARGE_ORDER, LargeLine
from tests.detection.contexts import context


def large(units_open: float = 300.0, on_hand: float = 200.0, free: float = -110.0) -> Finding:
    """The finding about line 1 of order P1, of 300 units at 2 apiece."""
    evidence = LargeLine(
        order_id="P1", line="1", quantity=300.0, units_open=units_open, typical=2.0, largest=5.0, on_hand=on_hand,
        free=free, more={"requested_date": "2026-05-01"}, order_day=20_000,
    )  # fmt: skip
    return LARGE_ORDER.finding(context(price=2.0), evidence)


def test_a_large_line_says_what_is_usual_and_in_stock() -> None:
    """Units, money, share of stock, who decides and who is told."""
    found = large()
    assert (found.key, found.active, found.cleared) == ("85123A|UK|P1|1", True, False)
    assert (found.route, found.inform) == ("planner", ("customer_service",))
    assert (found.observed, found.expected, found.money) == (300.0, 2.0, 600.0)
    assert found.details == {
        "order_id": "P1", "line": "1", "quantity": 300.0, "units_open": 300.0, "largest_usual": 5.0, "on_hand": 200.0,
        "free": -110.0, "share_of_stock": 1.5, "requested_date": "2026-05-01",
    }  # fmt: skip
    assert found.reason == (
        "Line 1 of order P1 asks for 300 of 85123A at UK: usual lines are around 2, the largest was 5; 200 on hand,"
        " 110 short of what is due with it."
    )


def test_stock_that_was_never_counted_is_unknown() -> None:
    """No share of stock, and the sentence says so."""
    found = large(on_hand=math.nan, free=math.nan)
    assert found.details["on_hand"] is found.details["share_of_stock"] is None
    assert found.reason.endswith("; stock unknown.")


def test_it_ends_when_nothing_is_open() -> None:
    """At once."""
    found = large(units_open=0.0)
    assert (found.active, found.cleared, found.final) == (False, True, True)
    assert found.reason == "Line 1 of order P1: nothing large is open any more."
