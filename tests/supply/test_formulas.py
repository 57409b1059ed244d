"""Lead-time demand, order quantity, projection, rounding: formulas against textbooks and slow counterparts."""

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.instants import day_number, local_date, rfc3339_seconds
from sensing.demand.sum_variance import independent
from sensing.supply.lead_time_demand import moments, protection_time_demand, reorder_point, sum_of_days
from sensing.supply.order_quantity import economic_order_quantity, order_quantities, order_quantity
from sensing.supply.projection import (
    ARRIVING,
    COVER_DAYS,
    NEEDED,
    NEEDED_VARIANCE,
    PROBABILITY,
    WORST_DAYS,
    days_from_now,
    days_of_cover,
    demand_to_come,
    forecast_day,
    keep_worst,
    lead_days,
    project,
    projected_days,
    window_days,
)  # fmt: skip
from sensing.supply.resolved_policy import RESOLVED_POLICY
from sensing.supply.rounding import decimals, round_all, rounded
from tests.supply import oracles
from tests.supply.events import date

UNITS = st.floats(0.0, 50.0)
DAILY = st.lists(UNITS, min_size=28, max_size=28)
NAN = math.nan


@given(DAILY, st.floats(0.0, 120.0))
def test_demand_over_a_time_is_the_sum_of_its_days(daily: list[float], days: float) -> None:
    """Fractional days count in part, and the last week repeats beyond the forecast."""
    expected = oracles.demand_over(daily, days)

    np.testing.assert_allclose(sum_of_days(np.array(daily), days), expected, rtol=1e-9, atol=1e-9)


def test_textbook_lead_time_demand() -> None:
    """Equal days: mean (L + R) d, variance (L + R) s_d^2 + d^2 s_L^2; with d 20, s_d 4, L 9, s_L 2 the sd is sqrt(144 +
    1600).
    """
    assert moments(20.0, 16.0, 9.0, 2.0, 0.0) == (180.0, 1744.0)
    assert moments(20.0, 16.0, 9.0, 2.0, 7.0) == (320.0, 1856.0)


def test_textbook_reorder_point() -> None:
    """Daily demand 100, sd 20, lead time 9 days: normal theory says 900 + 1.645 x 60 = 998.7."""
    assert reorder_point(100.0, 400.0, 9.0, 0.0, 0.0, 0.95, 1.0) == pytest.approx(998.7, rel=3e-3)
    assert reorder_point(0.0, 0.0, 9.0, 2.0, 0.0, 0.95, 1.0) == 0.0
    assert math.isfinite(reorder_point(1.0, 2.0, 9.0, 2.0, 0.0, 1.0, 1.0))


@given(st.floats(0.01, 30.0), st.floats(1.0, 5.0), st.floats(0.0, 40.0), st.floats(0.0, 9.0), st.floats(0.5, 0.99))
def test_reorder_point_is_the_quantile_by_moments(
    daily: float, ratio: float, lead_time: float, sd: float, service: float
) -> None:
    """Protected demand of equal days has scipy's negative binomial or gamma quantile, or the shifted one; safety stock
    is what it holds over the mean.
    """
    columns = [np.array([value], np.float32) for value in (lead_time, sd, 1.0, service)]
    out = np.empty((1, 5))
    lead, spread, review, target = columns
    protection_time_demand(
        np.full((1, 28), daily),
        np.full((1, 28), daily * ratio),
        independent(1),
        lead,
        spread,
        review,
        target,
        np.ones(1),
        out,
    )
    mean, variance = out[0, 2:4]
    days = float(columns[0][0]) + 1.0

    np.testing.assert_allclose(mean, daily * days, rtol=1e-6)
    np.testing.assert_allclose(variance, daily * ratio * days + (daily * float(columns[1][0])) ** 2, rtol=1e-5)
    expected = oracles.sum_quantile(float(columns[3][0]), mean, variance)
    np.testing.assert_allclose(out[0, 4], expected, rtol=4e-3, atol=1.0 if mean < 64 else 0.0)
    found, inputs = out[0].tolist(), [float(column[0]) for column in columns]
    recomputed = reorder_point(found[0], found[1], inputs[0], inputs[1], inputs[2], inputs[3], 1.0)
    assert recomputed == out[0, 4]


def test_a_forecast_that_is_not_known_gives_no_plan() -> None:
    """NaN in, NaN out."""
    ones = np.ones(1, np.float32)
    out = np.empty((1, 5))
    protection_time_demand(
        np.full((1, 28), NAN),
        np.ones((1, 28)),
        independent(1),
        ones,
        ones,
        ones,
        ones * np.float32(0.9),
        np.ones(1),
        out,
    )

    assert np.isnan(out[0, [0, 2, 3, 4]]).all()


def _one(value: float) -> Any:
    return np.array([value])


def test_textbook_economic_order_quantity() -> None:
    """D 1200 a year, K 100, h .24 x 10: sqrt(2 x 100 x 1200 / 2.4) = 316.2; without a cost it is not known."""
    assert economic_order_quantity(1200 / 365, 100.0, 0.24, 10.0) == pytest.approx(316.23, abs=0.01)
    assert np.isnan(economic_order_quantity(3.0, NAN, 0.24, 10.0))
    assert np.isnan(economic_order_quantity(3.0, 100.0, 0.24, 0.0))


@pytest.mark.parametrize(
    ("daily", "batch", "shelf", "minimum", "multiple", "decimals", "expected"),
    [
        (10.0, NAN, NAN, NAN, NAN, 0, 140.0),
        (10.0, 316.2, NAN, NAN, NAN, 0, 317.0),
        (10.0, 316.2, NAN, NAN, NAN, 1, 316.2),
        (10.0, 316.21, NAN, NAN, NAN, 1, 316.3),
        (10.0, 316.2, NAN, NAN, 50.0, 0, 350.0),
        (10.0, 300.0, NAN, NAN, 0.1, 3, 300.0),
        (10.0, 316.2, NAN, 400.0, 150.0, 0, 450.0),
        (10.0, 316.2, 5.0, NAN, NAN, 0, 50.0),
        (10.0, 316.2, 5.0, 60.0, NAN, 0, 60.0),
        (10.0, 4.0, NAN, 2.5, NAN, 0, 4.0),
        (10.0, 4.0, NAN, 2.5, 2.5, 1, 5.0),
        (10.0, 7.0, NAN, NAN, 2.5, 0, 10.0),
        (1e-7, NAN, NAN, NAN, NAN, 0, 1.0),
        (0.0, NAN, NAN, 400.0, 150.0, 0, 0.0),
    ],
)
def test_order_quantity_keeps_its_bounds(
    daily: float, batch: float, shelf: float, minimum: float, multiple: float, decimals: int, expected: float
) -> None:
    """Cover without costs, economic with them; shelf life caps, minimum and multiple win, no demand orders nothing.

    A multiple of 2.5 in whole units is one of 5.
    """
    assert order_quantity(daily, batch, 14.0, shelf, minimum, multiple, decimals) == expected


@given(st.floats(0.01, 100), st.floats(1, 1e4), st.floats(0, 1e4), st.integers(1, 10**6), st.integers(0, 3))
def test_order_quantity_is_a_multiple_not_below_the_minimum(
    daily: float, batch: float, minimum: float, thousandths: int, decimals: int
) -> None:
    """Rounded up by less than the smallest multiple that the unit's decimals can write."""
    got = order_quantity(daily, batch, 14.0, NAN, minimum, thousandths / 1000, decimals)
    step = math.lcm(thousandths, 10 ** (3 - decimals))
    wanted = max(batch, minimum)

    assert got == round(got, decimals)
    exact = Decimal(repr(got)) * 1000
    if got <= 8000:
        assert exact % step == 0
        assert wanted * (1 - 1e-8) <= got <= (wanted + step / 1000) * (1 + 1e-8)


def test_order_quantities_are_those_of_each_row() -> None:
    """Costs where they are known, cover elsewhere; no forecast, no quantity."""
    policy = np.zeros(4, RESOLVED_POLICY)
    for name in ("order_cost", "holding_rate_year", "unit_cost", "minimum", "multiple", "shelf_life_days"):
        policy[name] = NAN
    policy["cover_days"] = 14.0
    policy["order_cost"][1], policy["holding_rate_year"][1], policy["unit_cost"][1] = 100.0, 0.24, 10.0
    policy["multiple"][2] = 12.0
    daily, out = np.array([2.0, 1200 / 365, 2.0, NAN]), np.zeros(4)
    order_quantities(daily, policy, out)

    np.testing.assert_array_equal(out, [28.0, 317.0, 36.0, NAN])


def _project(
    on_hand: float,
    overdue: float,
    open_day: Any,
    receipts: Any,
    mean: Any,
    lead_time: float = 7.0,
    left: tuple[float, float] = (1.0, 1.0),
) -> tuple[int, int, Any]:
    """First day below zero, days of the window, and the columns of the result; the variance is the mean."""
    days, out = np.empty((1, 2), np.int64), np.empty((1, 6))
    by_day, due, means = (np.array([column]) for column in (open_day, receipts, mean))
    lead, shares = np.array([lead_time], np.float32), np.array([left])
    one = np.ones(1)
    project(_one(on_hand), _one(overdue), by_day, due, means, means, shares, independent(1), one, lead, days, out)
    return int(days[0, 0]), int(days[0, 1]), out[0]


LONG = st.lists(st.floats(0, 12), min_size=60, max_size=60)
RARE = st.lists(st.sampled_from([0.0] * 9 + [3.0, 40.0]), min_size=60, max_size=60) | st.just([0.0] * 60)


LEFT_OF_DAYS = st.just((1.0, 1.0)) | st.tuples(st.floats(0, 1), st.just(1.0)) | st.tuples(st.just(0.0), st.floats(0, 1))


@given(st.floats(-20, 400), st.floats(0, 50), LONG, RARE, DAILY, st.floats(0, 60), LEFT_OF_DAYS)
def test_stock_is_projected_day_by_day(
    on_hand: float, overdue: float, open_day: list[float], receipts: list[float], mean: list[float], lead_time: float,
    left: tuple[float, float],
) -> None:  # fmt: skip
    """First day below zero and days of cover are those of the step-by-step counterpart, over the forecast or, if it is
    longer, the lead time. Of the days that have begun only the rest counts.
    """
    covered = max(28, math.ceil(np.float32(lead_time)))
    first, window, out = _project(on_hand, overdue, open_day, receipts, mean, lead_time, left)
    expected = oracles.projection(on_hand, overdue, open_day[:covered], receipts[:covered], mean, left)

    assert first == expected[0]
    assert window == oracles.window(receipts, math.ceil(np.float32(lead_time)), covered)
    np.testing.assert_allclose(out[COVER_DAYS], expected[1], rtol=1e-9, atol=1e-9)


@given(st.floats(-20, 400).map(round), RARE, RARE, st.sampled_from((0.0, 0.4, 1.0, 6.0)), st.floats(0, 50))
def test_the_worst_day_of_the_window_counts(
    free: int, open_day: list[float], receipts: list[float], mean: float, lead_time: float
) -> None:
    """The probability is that of the worst of all days through the lead time and until the next receipt."""
    means = [mean] * 28
    _, _, out = _project(free, 0.0, open_day, receipts, means, lead_time)
    worst = oracles.worst_day(free, open_day, receipts, means, means, math.ceil(np.float32(lead_time)))

    assert out[PROBABILITY] == pytest.approx(worst[0], abs=1e-12)
    if worst[0] < 1.0:
        got = out[[NEEDED, NEEDED_VARIANCE, ARRIVING]]
        assert out[PROBABILITY] == 0.0 or got == pytest.approx(worst[1:4])
    else:
        assert out[NEEDED] - out[ARRIVING] == pytest.approx(worst[1] - worst[3])
    through = int(out[WORST_DAYS])
    assert out[NEEDED] == pytest.approx(sum(max(mean, due) for due in open_day[:through]), abs=1e-9), (
        "the need is that of the stated days"
    )


def test_stock_lasts_for_whole_weeks_and_a_part() -> None:
    """Six units a week: a hundred last for sixteen weeks and four days."""
    daily = np.array([1.0] * 6 + [0.0])
    daily, week = np.concatenate([daily] * 4), daily

    assert days_of_cover(100.0, daily, week) == 7 * 16 + 4
    assert days_of_cover(96.5, daily, week) == 7 * 16 + 0.5
    assert days_of_cover(0.0, daily, week) == 0.0


def test_a_large_order_in_the_last_week_does_not_repeat() -> None:
    """Beyond the forecast its last week repeats, not what happens to be ordered for it."""
    flat, none = [1.0] * 28, [0.0] * 28
    _, _, out = _project(500.0, 0.0, [*none[:27], 400.0], none, flat)
    assert out[COVER_DAYS] == 28 + 500 - 427


def test_orders_for_a_day_are_part_of_its_forecast() -> None:
    """The demand of a day is the larger of its forecast and its open orders; overdue demand is added."""
    flat, none = [10.0] * 28, [0.0] * 28
    assert _project(100.0, 0.0, none, none, flat)[0] == 10
    assert _project(100.0, 0.0, flat, none, flat)[0] == 10
    assert _project(100.0, 0.0, [25.0, *[0.0] * 27], none, flat)[0] == 8
    assert _project(100.0, 50.0, none, none, flat)[0] == 5
    assert _project(100.0, 0.0, none, [0.0] * 9 + [500.0] + [0.0] * 18, flat)[0] == -1


def test_what_has_come_of_a_day_is_not_expected_again() -> None:
    """At noon five of ten are to come. What is open comes on top, up to the ten that were expected, or as it is."""
    flat, none = [10.0] * 28, [0.0] * 28
    noon = (0.5, 1.0)
    assert _project(5.0, 0.0, none, none, flat, left=noon)[2][COVER_DAYS] == 0.5
    assert _project(15.0, 0.0, none, none, flat, left=noon)[2][COVER_DAYS] == 1.5
    for open_units, first_day in ((3.0, 8.0), (8.0, 10.0), (30.0, 30.0)):
        _, _, out = _project(first_day, 0.0, [open_units, *none[1:]], none, flat, left=noon)
        assert out[COVER_DAYS] == 0.5
    assert _project(5.0, 0.0, none, none, flat, left=(0.0, 0.5))[2][COVER_DAYS] == 0.5


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 1))
def test_demand_to_come_is_open_or_expected(expected: float, open_units: float, share: float) -> None:
    """It lies between what is open and the larger of that and the whole forecast; nothing has begun: the larger one."""
    found = demand_to_come(expected, open_units, share)
    assert open_units <= found <= max(expected, open_units)
    assert found == open_units if share == 0.0 else found >= min(share * expected, expected)
    assert demand_to_come(expected, open_units, 1.0) == max(expected, open_units)


def test_cover_counts_the_time_that_is_left() -> None:
    """Half of the first day is over, or all of it and a quarter of the second one."""
    whole, noon, after_midnight = np.ones(2), np.array([0.5, 1.0]), np.array([0.0, 0.75])
    for cover in (0.0, 0.3, 1.7, 12.4):
        assert days_from_now(cover, whole) == cover
    assert [days_from_now(cover, noon) for cover in (0.5, 1.0, 3.0)] == [0.25, 0.5, 2.5]
    assert [days_from_now(cover, after_midnight) for cover in (0.5, 2.0, 3.0)] == [0.0, 0.75, 1.75]


def test_probability_of_a_stock_out_looks_to_receipt_and_lead_time() -> None:
    """Stock must last until the next receipt, and at least through the lead time, with the receipts on the way."""
    flat, none = [10.0] * 28, [0.0] * 28

    def odds(stock: float, receipts: list[float], lead_time: float = 7.0) -> float:
        return float(_project(stock, 0.0, none, receipts, flat, lead_time)[2][PROBABILITY])

    assert odds(70.0, none) == pytest.approx(0.49, abs=0.03)
    assert odds(-1.0, none) == 1.0
    tomorrow = [200.0] + [0.0] * 27
    assert odds(-1.0, tomorrow) < 1e-9
    three = [0.0] * 3 + [5.0] + [0.0] * 24
    assert odds(30.0, three, 3.0) == pytest.approx(0.45, abs=0.05)
    assert odds(30.0, three) > 0.99
    assert odds(65.0, three) == odds(70.0, none)
    late = [0.0] * 12 + [500.0] + [0.0] * 15
    assert odds(120.0, late) == odds(120.0, none, 12.0)
    assert _project(1.0, 0.0, none, late, flat)[1] == 12


def test_unknown_stock_is_not_projected() -> None:
    """No stock-out day, no probability, no cover; and stock without demand lasts for ever."""
    flat, none = [10.0] * 28, [0.0] * 28
    first, _, out = _project(NAN, 0.0, none, none, flat)
    assert first == -1
    assert np.isnan(out).all()
    assert np.isnan(_project(5.0, 0.0, none, none, none)[2][COVER_DAYS])


@given(DAILY, st.integers(0, 80))
def test_the_last_week_of_a_forecast_repeats(mean: list[float], t: int) -> None:
    """Days of the forecast are its own; day 28 is day 21 again. The projection covers the longer of both."""
    assert forecast_day(np.array(mean), t) == oracles.extended(mean, t + 1)[t]
    assert projected_days(28, float(t)) == max(28, t)


def test_the_worst_day_is_kept() -> None:
    """The highest chance or, of equal ones, the largest gap between demand and receipts."""
    out = np.full(6, NAN)
    looks = ((40.0, 0.0, 40.0), (10.0, 0.0, 40.0), (45.0, 9.0, 40.0), (50.0, 5.0, 50.0))
    for day, (needed, arriving, kept) in enumerate(looks):
        keep_worst(-60.0, needed, 1.0, arriving, 1.0, day + 1, out)
        assert (out[PROBABILITY], out[NEEDED]) == (1.0, kept)
    keep_worst(500.0, 80.0, 1.0, 0.0, 1.0, 5, out)
    assert (out[NEEDED], out[NEEDED_VARIANCE], out[ARRIVING], out[WORST_DAYS]) == (50.0, 1.0, 5.0, 4.0)


def test_a_lead_time_is_bounded() -> None:
    """From a day to a year, whole days."""
    assert window_days(np.array([0.0, 2.0]), 2, 0.5) == oracles.window([0.0, 2.0], 0.5, 2) == 1
    assert [lead_days(days) for days in (0.0, 1.0, 1.01, 29.5, 365.0, 3660.0)] == [1, 1, 2, 30, 365, 365]


@given(st.floats(-1e14, 1e14).filter(lambda value: value == 0 or abs(value) > 1e-11))
def test_published_numbers_have_six_digits(value: float) -> None:
    """Near to six significant digits, unchanged by rounding again, kept by a float32, short when written."""
    got = float(rounded(value))

    assert got == pytest.approx(value, rel=5.1e-6)
    assert float(rounded(got)) == got
    assert float(rounded(np.float32(got))) == got
    assert len(repr(got).split("e")[0].replace(".", "").replace("-", "").strip("0")) <= 6
    assert got == float(f"{value:.6g}") or abs(got - float(f"{value:.6g}")) <= 1.1 * 10.0 ** -int(decimals(value))


def test_what_is_no_number_stays_so() -> None:
    """NaN and infinity are not rounded, zero is zero."""
    strange = np.array([NAN, math.inf, -math.inf, 0.0])
    out = np.empty(4)
    round_all(strange, out)
    np.testing.assert_array_equal(out, strange)
    np.testing.assert_array_equal(rounded(strange), strange)
    assert rounded(np.zeros((0, 3))).shape == (0, 3)


@given(st.integers(-100_000, 100_000))
def test_days_and_dates_agree(day: int) -> None:
    """A day number and its date are the same day."""
    assert day_number(date(day)) == day
    assert local_date(day) == date(day).isoformat()


def test_instants_are_rfc_3339() -> None:
    """Whole seconds, UTC."""
    assert rfc3339_seconds(1_700_000_000) == "2023-11-14T22:13:20Z"
