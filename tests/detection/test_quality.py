"""data_quality: held and released lines, sentences."""

import math

import pytest

from sensing.detection.finding import Finding
from sensing.detection.quality import DATA_QUALITY, HeldLine, ReleasedLine
from tests.detection.contexts import context, details


def held(price: float = math.nan) -> Finding:
    """The finding about line 3 of order A7, of 10,000 units."""
    evidence = HeldLine(
        order_id="A7",
        line="3",
        quantity=10_000.0,
        typical=10.0,
        largest=12.0,
        signs=("multiple", "price"),
        order_day=20_000,
    )
    return DATA_QUALITY.finding(context(price=price), evidence)


def test_held_line_says_why() -> None:
    """The sentence compares with the row, names the signs, and says what ends it."""
    found = held(price=2.0)
    assert (found.exception_type, found.key) == ("data_quality", "85123A|UK|A7|3")
    assert (found.active, found.route, found.inform) == (True, "data_steward", ("planner",))
    assert (found.observed, found.money, found.expected) == (10_000.0, 20_000.0, 10.0)
    assert details(found)["signs"] == ("multiple", "price")
    assert found.reason == (
        "Line 3 of order A7 asks for 10,000 of 85123A at UK, which looks like a slip: usual lines are around 10, the "
        "largest usual one about 12, and the quantity is an exact multiple of a usual one and the price fits another "
        "quantity. The line is held and does not count as demand until it is released, changed to a usual quantity or "
        "cancelled."
    )


@pytest.mark.parametrize(
    ("changed_to", "reason", "outcome"),
    [
        (None, "Held line 3 of order A7 (10,000 of 85123A) was cancelled: it never counted.", "cancelled"),
        (10.0, "Held line 3 of order A7 (10,000 of 85123A) was changed to 10, which counts.", "changed"),
    ],
)
def test_release_ends_it_at_once(changed_to: float | None, reason: str, outcome: str) -> None:
    """A cancellation or a sane quantity releases, and the reason says which."""
    evidence = ReleasedLine(order_id="A7", line="3", quantity=10_000.0, changed_to=changed_to)
    found = DATA_QUALITY.finding(context(), evidence)
    assert (found.key, found.active, found.final, found.reason) == ("85123A|UK|A7|3", False, True, reason)
    assert details(found)["outcome"] == outcome
