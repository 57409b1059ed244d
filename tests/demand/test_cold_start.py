"""First level of a row, against plain floats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.demand import cold_start
from sensing.demand.demand_class import demand_class
from sensing.demand.demand_record import CLASSES, DEMAND, POOL
from sensing.demand.model_inputs import DayInputs, ordinary_window
from sensing.demand.models import DemandModels

SHARES = st.lists(st.floats(0.0, 1.0, width=32), min_size=1, max_size=30)


def pool_of(days: list[list[float]]) -> np.ndarray:
    """A pool that has aggregated days of rows with these shares."""
    pool = np.zeros(1, POOL)
    for shares in days:
        demand = np.zeros(len(shares), DEMAND)
        demand["days"], demand["sale_rate"] = cold_start.HISTORY_DAYS_MIN, shares
        for row in range(len(shares)):
            cold_start.count_share(demand, row, pool, 0)
        cold_start.aggregate_shares(pool, 0)
    return pool


@given(days=st.lists(SHARES, max_size=6))
def test_share_prior_is_the_mean_and_its_days_the_ratio_of_variances(days: list[list[float]]) -> None:
    """The rows of about ten days, and five rows more that always sell."""
    weights = [0.1 * 0.9 ** (len(days) - 1 - at) for at, shares in enumerate(days) for _ in shares]
    shares = [share for of_day in days for share in of_day]
    rows = sum(weights)
    mean = float(np.average(shares, weights=weights)) if shares else 0.0
    between = rows * float(np.average((np.array(shares) - mean) ** 2, weights=weights)) if shares else 0.0
    within = float(np.dot(weights, [share * (1.0 - share) for share in shares]))
    share, counted = cold_start.share_prior(pool_of(days), 0)
    assert share == pytest.approx((rows * mean + 5.0) / (rows + 5.0))
    assert counted == pytest.approx(min(max((within + 0.5) / (between + 0.5), 1.0), 4.0), rel=1e-6)


def test_a_pool_without_rows_takes_the_first_day_for_one_like_others() -> None:
    """Share 1, and one day."""
    assert cold_start.share_prior(np.zeros(1, POOL), 0) == (1.0, 1.0)


def test_a_day_without_rows_leaves_the_pool() -> None:
    """Only days with rows discount its totals."""
    pool = pool_of([[0.2, 0.3]])
    before = pool["shares"].copy()
    cold_start.aggregate_shares(pool, 0)
    np.testing.assert_array_equal(pool["shares"], before)
    assert not pool["day_shares"].any()


def test_young_and_ended_rows_do_not_count() -> None:
    """A row counts from its 28th day on, until it has ended."""
    demand, pool = np.zeros(2, DEMAND), np.zeros(1, POOL)
    demand["sale_rate"], demand["days"] = 0.5, [27, 400]
    demand["sales"], demand["silence"], demand["interval"] = [20, 50], [0, 100], 2.0
    assert CLASSES[demand_class(demand, 1)] == "ending"
    for row in range(2):
        cold_start.count_share(demand, row, pool, 0)
    assert not pool["day_shares"].any()


@given(
    units=st.floats(0.001, 1e6), index=st.floats(0.0, 3.0), observed=st.floats(0.05, 1.0),
    shares=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=9),
)  # fmt: skip
def test_first_day_has_the_units_of_an_average_day_with_demand(
    units: float, index: float, observed: float, shares: list[float]
) -> None:
    """A part of a day is scaled as far as a whole one has more, then divided by the index of the whole day."""
    pool, demand = pool_of([shares] * 40), np.zeros(1, DEMAND)
    size, share = cold_start.first_day(demand, 0, pool, 0, units, index * observed, observed)
    expected, days = cold_start.share_prior(pool, 0)
    more = (1.0 - (1.0 - share) ** observed) / (observed * share)
    assert size == pytest.approx(more * units / max(index, 0.2))
    assert share == expected
    assert demand["prior_days"][0] == pytest.approx(days - 1.0, rel=1e-5, abs=1e-5)


def closed(models: DemandModels, day: int, units: list[float]) -> None:
    """Close a day of rows 0 .. n-1 of one pool."""
    rows, none = np.arange(len(units)), np.zeros(len(units))
    models.close_day(rows, DayInputs(
        18_000 + day, np.array(units), np.minimum(units, 1.0), np.zeros((len(units), 24), np.uint16),
        np.zeros(len(units), np.int32), none + 1.0, none > 0, none, none + 1.0, none > 0,
    ))  # fmt: skip
    models.aggregate_pools(np.array([0]), 18_000 + day)


@pytest.mark.compiled
@pytest.mark.parametrize("units", [0.004, 3.0, 50_000.0])
def test_the_first_order_of_a_row_among_slow_movers_is_not_its_daily_demand(units: float) -> None:
    """Forty rows sell every fifth day: the new row is expected to do so, too, whatever its unit; sales every day soon
    say otherwise.
    """
    models = DemandModels()
    models.ensure(41, 1)
    for day in range(120):
        closed(models, day, [4.0 if (day + row) % 5 == 0 else 0.0 for row in range(40)])
    level = []
    for day in range(120, 150):
        closed(models, day, [4.0 if (day + row) % 5 == 0 else 0.0 for row in range(40)] + [units])
        found = models.forecast(np.array([40]), 18_000 + day, np.zeros(1, np.int32), ordinary_window(1))
        level.append(float(found.mean.mean()) / units)
    assert 0.15 < level[0] < 0.5
    assert level[7] > 0.6
    assert level[-1] == pytest.approx(1.0, abs=0.15)
