"""Promotions: the stated uplift at once, then what happened; ordinary days as if there were none; surges explained."""

from typing import Any

import numpy as np
import pytest

from sensing.contracts.forecast_parts import PromotionUsed
from sensing.machines.promoted_days import promotions_used
from sensing.machines.row_lookup import row_of_known
from tests.claims import at, orders, states, world
from tests.machines.streams import Line, Result, line

SKUS = "ABCDEFGH"
USUAL = 6.0


def shop(days: range, skus: str = SKUS) -> list[Line]:
    """Items that sell six lines of two units a day."""
    return [message for sku in skus for message in orders(f"s{sku}.", days, USUAL, sku=sku)]


def extra(days: range, times: float, skus: str = SKUS) -> list[Line]:
    """What items sell on top on days with ``times`` the usual lines."""
    return [message for sku in skus for message in orders(f"x{sku}.", days, USUAL * (times - 1.0), sku=sku)]


def approved(
    name: str, start: int, end: int, uplift: float | None, skus: str = SKUS, known: int | None = None
) -> list[Line]:
    """A promotion of each item from day ``start`` to ``end``, known from the beginning or from a day on."""
    days = {"start": date(start), "end": date(end), "uplift": uplift}
    time = None if known is None else at(known)
    return [line("promotion.approved", f"{name}{sku}", time, promotion=name, sku=sku, **days) for sku in skus]


def date(day: int) -> str:
    """Date of a day; day 0 is a Monday."""
    return str(np.datetime64("2026-02-02") + day)


def forecast(found: Result, sku: str = "A", location: str = "L") -> Any:
    """Means of the next 28 days of a row."""
    return np.array(found.table()[sku, location]["forecast_mean"])


def used(found: Result, sku: str = "A") -> list[PromotionUsed]:
    """Promotions in the forecast of an item at the end."""
    (shard,) = found.shards
    row = row_of_known(shard.state, sku, "L")
    assert row is not None
    day = int(shard.state.rows.hot["closed_day"][row])
    return promotions_used(shard.state, np.array([row]), day + 1, 28)[0]


def published(found: Result, sku: str = "A") -> list[dict[str, Any]]:
    """Promotions in the newest planning parameters of an item."""
    documents = [document for document in found.data("planning-parameters") if document["sku"] == sku]
    return list(documents[-1]["forecast"]["promotions"])


def suppressed(found: Result) -> list[dict[str, Any]]:
    """Decisions that suppressed a surge."""
    return [data for data in found.data("audit") if data.get("rule") == "suppress_surge"]


def test_the_stated_uplift_multiplies_the_forecast_of_its_days() -> None:
    """Before any promoted day: 1.5 times on the three days, nothing elsewhere; the record says so."""
    plain = forecast(world(shop(range(70)), 70))
    found = world([*shop(range(70)), *approved("SPRING", 74, 76, 0.5, known=69)], 70)
    # Both are published with three decimals.
    assert forecast(found)[4:7] == pytest.approx(1.5 * plain[4:7], rel=0.0, abs=0.0005 + 1.5 * 0.0005)
    assert np.delete(forecast(found), [4, 5, 6]).tolist() == np.delete(plain, [4, 5, 6]).tolist()
    expected = {
        "promotion": "SPRING",
        "start": date(74),
        "end": date(76),
        "uplift": 0.5,
        "source": "stated",
        "stated": 0.5,
    }
    assert published(found) == [expected]
    assert published(world(shop(range(70)), 70)) == []


def test_the_day_after_the_end_is_as_if_nothing_had_been() -> None:
    """Of a promotion that sold four times the usual instead of the stated 1.5: level, surge and drop of ordinary days.

    The forecast after the end is that of the same item without the promotion, and no drop is raised by the end.
    """
    promoted = [*extra(range(40, 47), 4.0), *approved("SPRING", 40, 46, 0.5)]
    for days in (47, 48, 54):
        twin, found = world(shop(range(days)), days), world([*shop(range(days)), *promoted], days)
        for sku in SKUS:
            assert forecast(found, sku) == pytest.approx(forecast(twin, sku), rel=0.04)
    assert states(world([*shop(range(70)), *promoted], 70), "demand_drop") == []


def test_a_river_row_ends_its_promotion_cleanly() -> None:
    """With River models too, the forecast after the end is that of the twin."""
    promoted = [*extra(range(70, 77), 4.0, "AB"), *approved("SPRING", 70, 76, 0.5, "AB")]
    twin, found = world(shop(range(77), "AB"), 77), world([*shop(range(77), "AB"), *promoted], 77)
    assert "river" in found.table()["A", "L"]["method"]
    assert forecast(found) == pytest.approx(forecast(twin), rel=0.04)


def test_what_happened_replaces_what_was_stated() -> None:
    """Stated +50 %, sold three times as much: mixed after a week, near three times after five weeks of promotions."""
    past = []
    for start in range(40, 110, 14):
        past += [*extra(range(start, start + 7), 3.0), *approved(f"P{start}", start, start + 6, 0.5)]
    coming = approved("NEXT", 114, 118, 0.5)
    first = world([*shop(range(50)), *extra(range(40, 47), 3.0), *approved("P0", 40, 46, 0.5),
                   *approved("NEXT", 53, 55, 0.5)], 50)  # fmt: skip
    (mixed,) = used(first)
    assert mixed.source == "mixed"
    assert 0.7 < mixed.uplift < 1.8
    late = world([*shop(range(110)), *past, *coming], 110)
    (learned,) = used(late)
    assert learned.source == "learned"
    assert learned.uplift == pytest.approx(2.0, abs=0.3)
    factors = forecast(late) / forecast(world([*shop(range(110)), *past], 110))
    assert factors[4:9] == pytest.approx(1.0 + learned.uplift, rel=1e-3)


def test_a_category_teaches_its_other_items() -> None:
    """An item without promoted days of its own takes from its category in the shard, and not from another one."""
    lines = [line("item.updated", f"i{sku}", None, sku=sku, category="GREEN" if sku < "G" else "RED") for sku in SKUS]
    lines[5] = line("item.updated", "iF", None, sku="F", category="GREEN")
    lines += [*shop(range(60)), *extra(range(40, 47), 3.0, "ABCDE"), *approved("P0", 40, 46, 0.5, "ABCDE")]
    found = world([*lines, *approved("NEXT", 63, 65, 0.5)], 60)
    green, red = used(found, "F")[0], used(found, "G")[0]
    assert (red.source, red.uplift) == ("stated", 0.5)
    assert green.source == "mixed"
    assert green.uplift == pytest.approx((1.5 * 3.0) ** 0.5 - 1.0, abs=0.15)
    assert used(found, "A")[0].uplift > green.uplift


def test_a_surge_that_the_promotion_explains_is_suppressed_and_counted() -> None:
    """Four times the lines: a surge without a promotion, none with one of +300 %, which is counted once a day."""
    lines = [*shop(range(43), "A"), *extra(range(40, 42), 4.0, "A")]
    assert states(world(lines, 43), "order_surge")
    found = world([*lines, *approved("SPRING", 40, 41, 3.0, "A")], 43)
    assert states(found, "order_surge") == []
    days = [decision["subject"] for decision in suppressed(found)]
    assert 1 <= len(days) <= 3
    assert sum(shard.state.uplifts.suppressed for shard in found.shards) == len(days)
    first = suppressed(found)[0]
    assert "with promotion SPRING (+300%, stated)" in first["reason"]
    assert first["value"] > 2.0 * first["prior"]


def test_what_goes_beyond_the_promotion_is_a_surge() -> None:
    """Twelve times the lines where +100 % is stated is a surge, whose sentence names the promotion."""
    lines = [*shop(range(43), "A"), *extra(range(40, 41), 12.0, "A"), *approved("SPRING", 40, 41, 1.0, "A")]
    found = states(world(lines, 43), "order_surge")
    assert found
    assert "with promotion SPRING (+100%, stated)" in found[0]["reason"]
    assert found[0]["details"]["promotions"] == "SPRING (+100%, stated)"


def test_a_promotion_for_ever_still_learns_the_level() -> None:
    """An item that is promoted for months follows its demand: its level is not frozen."""
    lines = [*shop(range(40), "A"), *approved("EVER", 40, 200, 0.0, "A"),
             *orders("more", range(40, 150), 12.0, sku="A")]  # fmt: skip
    assert forecast(world(lines, 150)).mean() == pytest.approx(24.0, rel=0.15)


def test_days_that_only_orders_name_are_set_apart() -> None:
    """Promotions that only orders name do not lift the level of other days, and change no stated uplift."""
    promoted = [day for start in (30, 44, 58) for day in range(start, start + 3)]
    named = orders("n", promoted, 18.0, sku="A", promotion="FLYER")
    lines = [*shop(range(70), "A"), *named]
    set_apart = forecast(world(lines, 70)).mean()
    unnamed = forecast(world([*shop(range(70), "A"), *orders("n", promoted, 18.0, sku="A")], 70)).mean()
    assert 12.0 * 0.9 < set_apart < unnamed
    assert used(world([*lines, *approved("NEXT", 73, 75, 0.5, "A")], 70))[0].source == "stated"


def test_a_withdrawn_promotion_changes_nothing() -> None:
    """A record whose end lies before its start withdraws its promotion."""
    plain = forecast(world(shop(range(40), "A"), 40))
    fields = {"promotion": "SPRING", "sku": "A", "start": date(44), "end": date(43)}
    lines = [*approved("SPRING", 44, 46, 0.5, "A"), line("promotion.approved", "no", at(38), **fields)]
    assert forecast(world([*shop(range(40), "A"), *lines], 40)) == pytest.approx(plain)
