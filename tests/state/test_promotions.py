"""Promotions in force, day by day."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.instants import day_number
from sensing.contracts.reference import PromotionApproved
from sensing.state.promotions import DAYS_KEPT, Promotions

FIRST = day_number(dt.date(2024, 1, 1))


def date(day: int) -> dt.date:
    """Date of a day number."""
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)


def promotion(
    name: str, start: int, end: int, location: str | None = None, sku: str = "A", uplift: float | None = None
) -> PromotionApproved:
    """Promotion record of local days."""
    return PromotionApproved(
        event_id="e", promotion=name, sku=sku, location=location, start=date(start), end=date(end), uplift=uplift
    )


def days(promotions: Promotions, first: int, last: int) -> list[tuple[str, int, int]]:
    """Name, start and end of the promotions of A at L."""
    return [(found.name, found.start, found.end) for found in promotions.within("A", "L", first, last)]


@given(
    spans=st.lists(
        st.tuples(st.integers(-10, 40), st.integers(-2, 20), st.sampled_from((None, "L", "M")), st.sampled_from("AB")),
        max_size=5,
    ),
    count=st.integers(1, 30),
)
def test_promotions_within_days(spans: list[tuple[int, int, str | None, str]], count: int) -> None:
    """Those of the SKU, everywhere or here, with a day in the span; ends are inclusive, a dump knows them, too."""
    promotions = Promotions()
    for number, (start, length, location, sku) in enumerate(spans):
        promotions.apply(promotion(f"P{number}", FIRST + start, FIRST + start + length, location, sku), 0)
    expected = [
        (f"P{number}", FIRST + start, FIRST + start + length)
        for number, (start, length, where, sku) in enumerate(spans)
        if where in (None, "L") and sku == "A" and any(start <= day <= start + length for day in range(count))
    ]
    again = Promotions()
    again.load(promotions.dump())
    for each in (promotions, again):
        assert days(each, FIRST, FIRST + count - 1) == expected
        assert len(each) == len(spans)


def test_the_newest_record_of_a_promotion_holds() -> None:
    """By event time, not by arrival; another location is another promotion; an end before the start withdraws it."""
    promotions = Promotions()
    promotions.apply(promotion("P", FIRST, FIRST + 9), 10)
    promotions.apply(promotion("P", FIRST + 1, FIRST + 2), 20)
    promotions.apply(promotion("P", FIRST, FIRST + 30), 15)
    promotions.apply(promotion("P", FIRST + 5, FIRST + 6, "L"), 5)
    assert days(promotions, FIRST, FIRST + 40) == [("P", FIRST + 1, FIRST + 2), ("P", FIRST + 5, FIRST + 6)]
    promotions.apply(promotion("P", FIRST + 1, FIRST), 30)
    assert days(promotions, FIRST, FIRST + 40) == [("P", FIRST + 5, FIRST + 6)]


def test_promotions_are_bounded() -> None:
    """Beyond the bound new ones are refused and counted; ended ones make room."""
    promotions = Promotions(2)
    for number in range(3):
        promotions.apply(promotion(f"P{number}", FIRST, FIRST + number), 0)
    promotions.apply(promotion("P1", FIRST, FIRST + 5), 1)
    assert (len(promotions), promotions.refused) == (2, 1)
    promotions.forget(FIRST + DAYS_KEPT)
    assert len(promotions) == 2
    promotions.forget(FIRST + DAYS_KEPT + 1)
    assert days(promotions, FIRST, FIRST) == [("P1", FIRST, FIRST + 5)]
    promotions.forget(FIRST + DAYS_KEPT + 6)
    assert (len(promotions), "A" in promotions) == (0, False)
    again = Promotions()
    again.load(promotions.dump())
    assert again.refused == 1
