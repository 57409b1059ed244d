"""large_order: a line far outside its row's sizes, and its end."""

import datetime as dt
import math
from typing import Any

import pytest

from sensing.detection.finding import Finding
from sensing.detection.large_order import LARGE_ORDER, LargeLine
from tests.detection.contexts import context, details


def large(units_open: float = 300.0, on_hand: float = 200.0, free: float = -110.0, **fields: Any) -> Finding:
    """The finding about line 1 of order P1, of 300 units at 2 apiece."""
    evidence = LargeLine(
        order_id="P1", line="1", quantity=300.0, units_open=units_open, typical=2.0, largest=5.0, on_hand=on_hand,
        free=free, requested_date=dt.date(2026, 5, 1), order_day=20_000, **fields,
    )  # fmt: skip
    return LARGE_ORDER.finding(context(price=2.0), evidence)


def test_a_large_line_says_what_is_usual_and_in_stock() -> None:
    """Units, money, share of stock, who decides and who is told."""
    found = large()
    assert (found.key, found.active, found.cleared) == ("85123A|UK|P1|1", True, False)
    assert (found.route, found.inform) == ("planner", ("customer_service",))
    assert (found.observed, found.expected, found.money) == (300.0, 2.0, 600.0)
    assert details(found) == {
        "type": "large_order", "order_id": "P1", "line": "1", "quantity": 300.0, "units_open": 300.0, 
        "largest_usual": 5.0,
        "on_hand": 200.0, "free": -110.0, "share_of_stock": 1.5, "requested_date": "2026-05-01",
    }  # fmt: skip
    assert found.reason == (
        "Line 1 of order P1 asks for 300 of 85123A at UK: usual lines are around 2, the largest usual one was about 5;"
        " 200 on hand, 110 too few for all that is due by then."
    )


def test_stock_that_was_never_counted_is_unknown() -> None:
    """No share of stock, and the sentence says so."""
    found = large(on_hand=math.nan, free=math.nan)
    assert not {"on_hand", "share_of_stock"} & details(found).keys()
    assert found.reason.endswith("; the stock is not known.")


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("shipped", "for 300 of 85123A was shipped."),
        ("cancelled", "for 300 of 85123A was cancelled or closed."),
        ("settled", "for 300 of 85123A is taken as shipped, since stock was counted after its day."),
        ("changed", "was changed to 300 of 85123A, which is a usual quantity."),
    ],
)
def test_it_ends_when_nothing_is_open(outcome: str, reason: str) -> None:
    """At once, and the sentence says how."""
    found = large(units_open=0.0, outcome=outcome)
    assert (found.active, found.cleared, found.final) == (False, True, True)
    assert found.reason == f"Line 1 of order P1 {reason}"
    assert details(found)["outcome"] == outcome
