"""Stock thresholds against plain sums. With more stock than the threshold no stock-out opens."""

import math
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.demand.sum_variance import independent
from sensing.supply.lead_time_demand import protection_time_demand, protection_time_moments
from sensing.supply.projection import (
    MEDIAN_MARGIN,
    PROBABILITY,
    idle_stock_thresholds,
    known_shortage,
    project,
    stock_thresholds,
)
from tests.supply import oracles

DAYS = 28
LONG = 60


class Row(NamedTuple):
    """Inputs of one row."""

    overdue: float
    open_day: list[float]
    receipts: list[float]
    mean: list[float]
    variance: list[float]
    lead_time: float
    learned: bool


daily = st.lists(st.sampled_from([0.0, 0.0, 0.02, 0.3, 1.0, 2.5, 7.0, 40.0, 900.0]), min_size=DAYS, max_size=DAYS)
rows = st.builds(
    Row, st.sampled_from([0.0, 0.5, 12.0]),
    st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.0, 5.5, 60.0]), min_size=LONG, max_size=LONG),
    st.lists(st.sampled_from([0.0] * 12 + [30.0]), min_size=LONG, max_size=LONG) | st.just([0.0] * LONG),
    daily, daily, st.floats(0, LONG), st.booleans(),
)  # fmt: skip


def floor_by_kernel(row: Row) -> float:
    """The threshold for the next day."""
    out = np.empty(1)
    overdue, open_day, receipts, mean = (
        np.array([value]) for value in (row.overdue, row.open_day, row.receipts, row.mean)
    )
    stock_thresholds(
        overdue, open_day, receipts, mean, np.array([row.lead_time], np.float32), np.array([row.learned]), out
    )
    return float(out[0])


def quiet_floor_by_kernel(row: Row, total: float) -> float:
    """The threshold for all days until the next event, with this total open demand."""
    out = np.empty(1)
    lead_time, learned = np.array([row.lead_time], np.float32), np.array([row.learned])
    idle_stock_thresholds(np.array([total]), np.array([row.mean]), lead_time, learned, out)
    return float(out[0])


def window_of(row: Row) -> int:
    """Days until the first receipt, at least the lead time."""
    lead_time = math.ceil(np.float32(row.lead_time))
    return oracles.window(row.receipts, lead_time, max(DAYS, lead_time))


def floor_of(row: Row) -> float:
    """The threshold by plain sums."""
    owed = row.overdue + row.open_day[0]
    mean = oracles.extended(row.mean, LONG) if row.learned else [0.0] * LONG
    floors = [owed]
    for day in range(window_of(row)):
        needed = sum(mean[: day + 1]) + sum(max(row.open_day[t] - mean[t], 0) for t in range(1, day + 1))
        floors.append(owed + needed - sum(row.receipts[: day + 1]) + (MEDIAN_MARGIN if row.learned else 0.0))
    return max(floors)


@given(rows)
def test_floors_are_plain_sums(row: Row) -> None:
    """The threshold is demand due by tomorrow, expected demand of the window, open demand above it, and margins, less
    receipts, on the worst day.
    """
    np.testing.assert_allclose(floor_by_kernel(row), floor_of(row), rtol=1e-12)


@given(rows, st.floats(0, 20))
def test_no_stock_out_is_likely_above_the_floor(row: Row, more: float) -> None:
    """With stock at or above the threshold, the probability of a stock-out is below one half. This also holds when
    today's open demand has become overdue on the next day.
    """
    stock = floor_of(row._replace(learned=True)) + more
    days, out = np.empty((1, 2), np.int64), np.empty((1, 6))
    for overdue, first in ((row.overdue, row.open_day[0]), (row.overdue + row.open_day[0], 0.0)):
        open_day = np.array([[first, *row.open_day[1:]]])
        project(
            np.array([stock]), np.array([overdue]), open_day, np.array([row.receipts]), np.array([row.mean]),
            np.array([row.variance]), np.ones((1, 2)), independent(1), np.ones(1),
            np.array([row.lead_time], np.float32), days, out,
        )  # fmt: skip
        assert out[0, PROBABILITY] < 0.5


@given(rows, st.integers(0, DAYS - 1))
def test_quiet_floors_hold_on_every_day(row: Row, start: int) -> None:
    """They are at least the threshold of any later day on which all open demand is overdue."""
    total = row.overdue + sum(row.open_day)
    found = quiet_floor_by_kernel(row, total)
    later = [
        row.mean[day] if day < DAYS else row.mean[DAYS - 7 + (day - DAYS) % 7] for day in range(start, start + DAYS)
    ]
    then = Row(total, [0.0] * LONG, [0.0] * LONG, later, row.variance, row.lead_time, row.learned)
    assert found >= floor_of(then) - 1e-9
    window = window_of(then)
    starts = [
        sum(row.mean[d] if d < DAYS else row.mean[21 + (d - DAYS) % 7] for d in range(s, s + window))
        for s in range(DAYS)
    ]
    needed = max(starts) + MEDIAN_MARGIN if row.learned else 0.0
    np.testing.assert_allclose(found, total + needed, rtol=1e-12)


@given(rows, st.floats(0, 200) | st.just(math.nan), st.integers(0, LONG))
def test_a_known_shortage_is_a_day_on_which_orders_exceed_stock(row: Row, stock: float, window: int) -> None:
    """Of all days of the window and the moment before; a stock that is not known has none."""
    out = np.zeros(1, np.bool_)
    overdue, open_day, receipts = (np.array([value]) for value in (row.overdue, row.open_day, row.receipts))
    known_shortage(np.array([stock]), overdue, open_day, receipts, np.array([window]), out)
    free = [
        stock - row.overdue + math.fsum(row.receipts[:days]) - math.fsum(row.open_day[:days])
        for days in range(window + 1)
    ]
    if all(abs(units) > 1e-9 for units in free):
        assert bool(out[0]) == any(units < 0 for units in free)


def test_without_a_forecast_only_open_demand_counts() -> None:
    """What is owed in the window is the threshold; a row without forecast that is idle is not looked at."""
    row = Row(1.0, [2.0] * LONG, [0.0] * LONG, [math.nan] * DAYS, [0.0] * DAYS, 7.0, False)
    assert floor_by_kernel(row) == 1.0 + 7 * 2.0
    assert math.isnan(quiet_floor_by_kernel(row, 1.0))


@given(
    st.lists(st.floats(0, 1e4), min_size=7, max_size=7), st.floats(0.01, 50), st.floats(0, 20), st.floats(0, 30),
    st.sampled_from((0.5, 0.9, 0.95, 0.999, 1.0)),
)  # fmt: skip
def test_what_a_record_keeps_describes_its_reorder_point(
    week: list[float], spread: float, days: float, sd: float, target: float
) -> None:
    """Mean, variance and quantile of the demand over the lead time come out again to the last bit from the single
    precision that records keep.
    """
    mean = np.array([week * 4])
    lead, lead_sd, review, service = (np.array([value], np.float32) for value in (days, sd, 1.0, target))
    out, again = np.empty((1, 5)), np.empty((1, 3))
    protection_time_demand(mean, spread * mean, independent(1), lead, lead_sd, review, service, np.ones(1), out)
    level, variance, lead_kept, sd_kept, review_kept, service_kept = (
        column.astype(np.float32).astype(np.float64)
        for column in (out[:, 0], out[:, 1], lead, lead_sd, review, service)
    )
    protection_time_moments(level, variance, lead_kept, sd_kept, review_kept, service_kept, np.ones(1), again)
    np.testing.assert_array_equal(again[0], out[0, 2:])
