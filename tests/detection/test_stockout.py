"""stockout_projected: expected shortage, thresholds, sentences."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from sensing.codec.event_record import NO_DAY
from sensing.detection.finding import Finding
from sensing.detection.stockout import STOCKOUT_PROJECTED, StockoutEvidence, expected_shortage
from tests.detection.contexts import context, details

TODAY = 15_300  # 2011-11-22


def projected(probability: float, **fields: Any) -> Finding:
    """A projection of nine days until a receipt."""
    given = {
        "free": 12.0, "arriving": 0.0, "needed": 34.0, "needed_variance": 60.0, "stockout_day": 3, "window_days": 9,
        "worst_days": 9, "next_receipt_day": TODAY + 10, **fields,
    }  # fmt: skip
    evidence = StockoutEvidence(current_day=TODAY, probability=probability, **given)
    return STOCKOUT_PROJECTED.finding(context(price=2.0), evidence)


@given(st.floats(0.1, 200.0), st.floats(0.5, 500.0), st.floats(0.0, 300.0))
def test_shortage_is_the_integral_of_the_tail(mean: float, variance: float, free: float) -> None:
    """The closed form is the area under the gamma's upper tail from the stock on."""
    demand = stats.gamma(mean * mean / variance, scale=variance / mean)
    top = demand.isf(1e-12)
    area = integrate.quad(demand.sf, free, max(top, free + 1e-9), limit=200, epsabs=1e-6)[0]

    assert expected_shortage(free, mean, variance) == pytest.approx(area, rel=1e-2, abs=1e-3 * mean)


def test_shortage_without_scatter_or_stock() -> None:
    """Nothing needed, certain demand, negative stock and the unknown have their plain answers."""
    assert expected_shortage(5.0, 0.0, 0.0) == 0.0
    assert expected_shortage(-5.0, 0.0, 0.0) == 5.0
    assert expected_shortage(5.0, 8.0, 0.0) == 3.0
    assert expected_shortage(-5.0, 8.0, 3.0) == 13.0
    assert math.isnan(expected_shortage(math.nan, 8.0, 3.0))


def test_probable_stockout_opens() -> None:
    """The sentence says what there is, what is needed until when, from when on it lacks, and how much would be lost."""
    found = projected(0.99)

    assert (found.exception_type, found.active, found.cleared) == ("stockout_projected", True, False)
    assert (found.observed, found.expected, found.probability) == (12.0, 34.0, 0.99)
    assert found.money == pytest.approx(44.0, abs=0.1)
    assert details(found)["stockout_date"] == "2011-11-26"
    assert (found.route, found.inform) == ("planner", ("buyer",))
    assert found.reason == (
        "A stock-out is likely around 26 Nov (99 %): 12 free in stock against 34 needed in the 9 days until the next "
        "receipt; next receipt 2 Dec; about 22 would be lost."
    )


def test_without_a_receipt_the_lead_time_counts() -> None:
    """Where nothing is due, the buyer can still order, but not in time."""
    found = projected(0.6, next_receipt_day=NO_DAY)

    assert (found.route, found.inform) == ("buyer", ("planner",))
    assert "in the 9 days until goods ordered now can arrive" in found.reason


def test_receipts_within_the_window_count() -> None:
    """Small receipts before the end of the lead time are named, and what is lost is what they do not cover."""
    found = projected(0.99, arriving=9.0, needed_variance=0.0, next_receipt_day=TODAY + 3)

    assert found.reason == (
        "A stock-out is likely around 26 Nov (99 %): 12 free in stock and 9 due against 34 needed in the 9 days until "
        "goods ordered now can arrive; next receipt 25 Nov; about 13 would be lost."
    )
    assert (found.route, details(found)["receipt_due"], found.money) == ("planner", True, 26.0)


def test_the_need_is_that_of_the_days_it_names() -> None:
    """Goods come after the worst day: the sentence names their day, not the end of the lead time."""
    found = projected(0.99, worst_days=1, next_receipt_day=TODAY + 2, stockout_day=0)

    assert "34 needed in the day until the next receipt; next receipt 24 Nov;" in found.reason
    assert (details(found)["needed_days"], details(found)["window_days"]) == (1, 9)
    later = projected(0.99, worst_days=6, next_receipt_day=TODAY + 2, arriving=5.0)
    assert "5 due against 34 needed in the 6 days until the receipt of 29 Nov; next receipt 24 Nov;" in later.reason


def test_days_without_stock_end_with_the_next_goods() -> None:
    """Stock that is gone for a week or more is graver than for a day, whatever the lead time."""
    brief, long = (projected(0.99, worst_days=days, window_days=20, stockout_day=3) for days in (5, 11))
    assert long.points == brief.points + 1


@pytest.mark.parametrize(
    ("probability", "active", "cleared"), [(0.5, True, False), (0.4, False, False), (0.3, False, True)]
)
def test_thresholds_leave_a_gap(probability: float, active: bool, cleared: bool) -> None:
    """Opens from one half on, ends at three tenths, in between nothing changes."""
    found = projected(probability)

    assert (found.active, found.cleared) == (active, cleared)


def test_enough_again_says_so() -> None:
    """The resolving sentence repeats the numbers."""
    assert projected(0.02, free=90.0).reason == (
        "Stock is enough again: 90 free in stock against 34 needed in the 9 days until the next receipt; the chance of "
        "a stock-out is 2 %."
    )


def test_stock_already_owed_is_out_today() -> None:
    """Negative free stock is a stock-out now; a projection that never falls below zero names the end of the window."""
    assert details(projected(1.0, free=-4.0, stockout_day=0))["stockout_date"] == "2011-11-23"
    assert details(projected(0.55, stockout_day=-1))["stockout_date"] == "2011-12-01"


def test_unknown_stock_says_nothing() -> None:
    """Without a count there is neither an opening nor an end."""
    found = projected(math.nan, free=math.nan)

    assert (found.active, found.cleared, found.probability) == (False, False, None)
    assert found.reason == "The stock is not known."


def test_nothing_needed_is_no_stockout() -> None:
    """An item without expected demand has no stock-out, even at zero stock."""
    assert not projected(1.0, free=0.0, needed=0.0).active


def test_what_is_owed_beyond_the_stock_is_short_at_once() -> None:
    """Customers wait for it whether or not more will be asked for."""
    found = projected(1.0, free=-4.0, stockout_day=0, next_receipt_day=NO_DAY, needed=0.0, needed_variance=0.0)

    assert found.active
    assert details(found)["lost_units"] == 4.0
    assert details(found)["stockout_date"] == "2011-11-23"


def test_what_comes_tomorrow_is_in_time() -> None:
    """Where receipts cover what is owed, nothing is short."""
    assert not projected(1.0, free=-4.0, arriving=4.0, needed=0.0, needed_variance=0.0).active
