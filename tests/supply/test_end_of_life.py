"""End of life: forecast, protection time, order quantity and projection against lists of days that end."""

import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.reference import ItemUpdated
from sensing.demand.sum_variance import independent
from sensing.supply.end_of_life import (
    EndingRows,
    capped_quantity,
    demand_left,
    last_day_of,
    until_the_end,
    without_ended_days,
)
from sensing.supply.lead_time_demand import protection_time_demand
from sensing.supply.projection import COVER_DAYS, project
from sensing.supply.resolved_policy import RESOLVED_POLICY
from sensing.supply.rounding import LAST_MAX
from tests.supply import oracles
from tests.supply.events import DAY, book, date

DAILY = st.lists(st.floats(0.0, 50.0), min_size=28, max_size=28)
LEFT = st.integers(-5, 90)
LEAD = st.floats(0.0, 60.0)
SHORT = st.lists(st.sampled_from([0.0] * 9 + [3.0, 40.0]), min_size=60, max_size=60)


def ended(daily: list[float], left: int, days: int) -> list[float]:
    """The forecast of some days, its last week repeated, zero after the last day."""
    return [units if k < left else 0.0 for k, units in enumerate(oracles.extended(daily, days)[:days])]


def rows_of(daily: list[float], left: int) -> EndingRows:
    """One row that ends after ``left`` days; its variance is its mean."""
    table = np.array([daily])
    mean, _ = without_ended_days(table, table, DAY, np.array([float(DAY + left)]))
    return EndingRows.of(mean, mean, independent(1), np.ones(1), np.array([float(DAY + left)]), DAY)


def test_a_record_says_the_last_day() -> None:
    """Without a record or a date an item does not end; dates at both ends of the calendar are days as any other."""
    assert last_day_of(None) == math.inf
    assert last_day_of(ItemUpdated(event_id="i", sku="A")) == math.inf
    assert last_day_of(ItemUpdated(event_id="i", sku="A", end_of_life=date(DAY))) == DAY
    assert last_day_of(ItemUpdated(event_id="i", sku="A", end_of_life=dt.date.min)) == -719_162
    assert last_day_of(ItemUpdated(event_id="i", sku="A", end_of_life=dt.date.max)) == 2_932_896


@given(DAILY, LEFT)
def test_the_forecast_is_zero_after_the_last_day(daily: list[float], left: int) -> None:
    """Days through the last one stay, later ones are zero; a row that does not end, or is not forecast, stays."""
    table = np.array([daily, daily, [math.nan] * 28])
    for column in without_ended_days(table, table, DAY, np.array([DAY + left, math.inf, DAY + left])):
        assert column[0].tolist() == ended(daily, left, 28)
        assert column[1].tolist() == daily
        assert np.isnan(column[2]).all()


@given(DAILY, LEFT, st.integers(1, 80))
def test_days_until_the_end(daily: list[float], left: int, days: int) -> None:
    """At least the 28 days, the last week repeated, zero after the end; their sum is the demand that is left."""
    found = until_the_end(np.array(daily), left, days)
    assert found.tolist() == ended(daily, left, max(days, 28))
    rest = demand_left(np.array(daily), left)
    assert rest == pytest.approx(sum(ended(daily, left, 90)), rel=1e-9, abs=1e-9)


@given(DAILY, LEFT, LEAD, st.floats(0.0, 9.0), st.floats(0.0, 14.0))
def test_the_reorder_point_covers_no_day_after_the_end(
    daily: list[float], left: int, lead_time: float, sd: float, review: float
) -> None:
    """Mean and variance over the protection time are sums of the days that are left."""
    rows = rows_of(daily, left)
    lead, spread, wait, service = (np.array([value], np.float32) for value in (lead_time, sd, review, 0.95))
    out = np.empty((1, 5))
    protection_time_demand(rows.mean, rows.variance, rows.sums, lead, spread, wait, service, rows.step, out)
    rows.protect(lead, spread, wait, service, out)
    days = float(lead[0]) + float(wait[0])
    longer = ended(daily, left, math.ceil(days) + 28)
    total = oracles.demand_over([*longer, *[0.0] * 7], days)
    assert out[0, 2] == pytest.approx(total, rel=1e-5, abs=1e-5)
    if left <= 0:
        assert out[0, 2:].tolist() == [0.0, 0.0, 0.0]


quantities = st.floats(0.0, 1e4)


@given(quantities, st.floats(-100.0, 1e4), st.sampled_from([math.nan, 5.0, 300.0]), st.sampled_from([math.nan, 1, 12]),
       st.integers(0, 3))  # fmt: skip
def test_an_order_covers_what_is_left(
    quantity: float, rest: float, minimum: float, multiple: float, decimals: int
) -> None:
    """Never more than is left and than it was; whole multiples at the unit's decimals, and none below the minimum."""
    policy = np.zeros(1, RESOLVED_POLICY)[0]
    policy["minimum"], policy["multiple"], policy["decimals"] = minimum, multiple, decimals
    found = capped_quantity(quantity, rest, policy)
    if quantity <= rest:
        assert found == quantity
        return
    assert 0.0 <= found <= max(rest, 0.0) * (1.0 + 1e-6)
    assert found == round(found, decimals)
    assert found == 0.0 or not found < minimum
    step = 10.0**-decimals if math.isnan(multiple) else multiple
    if multiple > 0.0:
        assert found % step == 0.0
    lost = max(rest, 0.0) - found
    # Of more last decimals than LAST_MAX a step is ten times as long.
    long = 10.0 if rest * 10.0**decimals > LAST_MAX else 1.0
    assert found == 0.0 or lost <= long * step + 1e-5 * rest


@given(st.floats(0, 900), SHORT, SHORT, DAILY, LEFT, LEAD)
def test_no_stock_out_comes_after_the_last_day(
    on_hand: float, open_day: list[float], receipts: list[float], daily: list[float], left: int, lead_time: float
) -> None:
    """The projection is that of a list of days that ends; only orders lie beyond; cover that outlasts it is none."""
    rows = rows_of(daily, left)
    days, out = np.empty((1, 2), np.int64), np.empty((1, 6))
    lead = np.array([lead_time], np.float32)
    stock = (np.array([on_hand]), np.zeros(1), np.ones((1, 2)))
    due, coming = np.array([open_day]), np.array([receipts])
    project(*stock[:2], due, coming, rows.mean, rows.variance, stock[2], rows.sums, rows.step, lead, days, out)
    rows.project(stock, due, coming, lead, days, out)
    covered = max(28, math.ceil(float(lead[0])))
    expected = oracles.projection(on_hand, 0.0, open_day[:covered], receipts[:covered], ended(daily, left, covered))
    assert days[0, 0] == expected[0]
    if not any(open_day):
        assert days[0, 0] < max(left, 1)
    assert not out[0, COVER_DAYS] > left


def test_a_plan_of_an_ending_item() -> None:
    """Ten a day, lead time a week. With ten days left the reorder point covers seven and an order three at most; of 200
    on hand 100 are left over. An order for two days stays one. After the end nothing is proposed.
    """
    cases = ((None, 14, 70, 140, math.nan), (10, 14, 70, 30, 100), (10, 2, 70, 20, 100), (0, 14, 0, 0, 200))
    for left, cover, point, most, over in cases:
        state = book(1, lead_time_days=7.0, cover_days=float(cover))
        end = None if left is None else date(DAY + left)
        state.reference(
            ItemUpdated(event_id="i", sku="S0", lead_time_days=7, end_of_life=end), np.zeros(1, np.int64), 0
        )
        state.supply["count_time"], state.supply["count_quantity"] = 0, 200_000
        mean = np.full((1, 28), 10.0)
        last_days = state.last_days(np.zeros(1, np.int64))
        ends = without_ended_days(mean, mean, DAY, last_days)
        plan = state.plan(np.zeros(1, np.int64), DAY, (DAY + 1) * 86_400_000, *ends, np.zeros(1, np.uint8))
        assert plan.lead_time_demand_mean[0] == pytest.approx(point)
        assert plan.order_quantity[0] == pytest.approx(most)
        assert plan.left_over[0] == pytest.approx(over, nan_ok=True)
