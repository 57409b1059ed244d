"""Partly observed days give the same levels, errors, sales and profiles as whole days."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.demand import day_learning
from sensing.demand.demand_record import DEMAND
from sensing.demand.members import tsb
from sensing.demand.members.smoothing import PROFILE_LEVEL, SMOOTHING, level_field
from sensing.demand.model_inputs import DayInputs
from sensing.demand.models import DemandModels
from sensing.demand.row_statistics import count_day, learn_lines
from sensing.demand.seasonal_profile import expected_lines
from tests.demand.streams import FIRST_DAY

ROWS = 200


def learn(shares: list[float], per_day: float, seed: int = 1) -> DemandModels:
    """Models of rows with Poisson demand that were observed for these shares of their days."""
    rng, models = np.random.default_rng(seed), DemandModels()
    models.ensure(ROWS, 1)
    none = np.zeros(ROWS)
    for at, share in enumerate(shares):
        units = rng.poisson(per_day * share, ROWS).astype(float)
        hours = np.zeros((ROWS, 24), np.uint16)
        hours[:, 9] = units
        inputs = DayInputs(
            FIRST_DAY + at,
            units,
            units,
            hours,
            none.astype(np.int32),
            none + share,
            none > 0,
            none,
            none + 1.0,
            none > 0,
        )
        models.close_day(np.arange(ROWS), inputs)
        models.aggregate_pools(np.array([0]), FIRST_DAY + at)
    return models


@pytest.mark.parametrize("first", [0.5, 0.7, 1.0])
def test_a_first_day_counts_for_its_part(first: float) -> None:
    """Level, dispersion, weekday profile and sale sizes of young rows do not show when in the day they began."""
    models = learn([first] + [1.0] * 15, 10.0)
    demand = models.demand[:ROWS]
    assert demand["lines_level"].mean() == pytest.approx(10.0, rel=0.03)
    for member in SMOOTHING:
        assert demand[level_field(member.rate)].mean() == pytest.approx(10.0, rel=0.03)
    # One, and what a level from n days adds to the error of the day after: 1 / n, on average .22 here.
    assert (demand["lines_square"] / demand["lines_level"]).mean() == pytest.approx(1.22, abs=0.1)
    assert (demand["square"] / demand["expected"]).mean() == pytest.approx(1.22, abs=0.1)
    assert (demand["sale_rate"] * demand["sale_size"]).mean() == pytest.approx(10.0, rel=0.05)
    assert np.abs(models.pool["weekday_index"][0]).max() < 0.06


@pytest.mark.compiled
@given(share=st.floats(0.25, 1.0), rate=st.sampled_from((0.2, 1.0, 8.0)))
def test_interrupted_feeds_do_not_lower_levels(share: float, rate: float) -> None:
    """Where half the days were observed in part, level, spread and size of sales are those of whole days."""
    # Rows learn from their first sale on, which lifts a level of few sales for some weeks.
    models = learn([1.0, share] * 60, rate, seed=7)
    demand = models.demand[:ROWS]
    assert demand["lines_level"].mean() == pytest.approx(rate, rel=0.15)
    # A long silence may be a shift, so a part of it is in the factor of one that is in doubt, not in the levels.
    factor = 1.0 + demand["shift"]
    assert (factor * demand[level_field(SMOOTHING[0].rate)]).mean() == pytest.approx(rate, rel=0.15)
    assert (factor * demand["sale_rate"] * demand["sale_size"]).mean() == pytest.approx(rate, rel=0.15)
    assert demand["lines_square"].mean() == pytest.approx(rate, rel=0.25)


def test_part_of_a_day_teaches_no_hours() -> None:
    """Hour shares are learned only from whole days, since unobserved hours are not hours without demand."""
    assert learn([0.6], 10.0).pool["hours"].sum() == 0.0
    assert learn([1.0], 10.0).pool["hours"].sum() > 0.0


@given(units=st.floats(0.0, 50.0), share=st.floats(0.25, 1.0), days=st.integers(1, 30))
def test_errors_are_those_of_a_whole_day(units: float, share: float, days: int) -> None:
    """The squared error of part of a day is divided by the part, as its variance is that part of a day's."""
    demand = np.zeros(1, DEMAND)
    demand["days"], demand["exposure"], demand["usual_lines"] = days, days, 4.0
    demand[level_field(PROFILE_LEVEL.rate)] = 4.0
    day_learning.learn_errors(demand, 0, units, 0.9 * share, 3.5 * share, share)
    learn_lines(demand, 0, units, 0.9 * share, share, 1.0)
    gain = max(0.02, 1.0 / days)
    assert demand["square"][0] == pytest.approx(gain * (units - 3.5 * share) ** 2 / share, rel=1e-4, abs=1e-6)
    assert demand["expected"][0] == pytest.approx(gain * 3.5)
    of_lines = max(0.05, 1.0 / days)
    assert demand["lines_square"][0] == pytest.approx(of_lines * (units - 3.6 * share) ** 2 / share, rel=1e-4, abs=1e-6)
    level = max(1.0 - 0.995, 1.0 / days)
    assert demand["error"][0, SMOOTHING.index(PROFILE_LEVEL)] == pytest.approx(
        level * (units - 3.6 * share) ** 2 / share, rel=1e-4, abs=1e-6
    )


def test_a_first_day_is_no_error() -> None:
    """Before a day in all has been seen there is no level: nothing is scored or measured against it."""
    models = learn([0.5], 10.0)
    assert not models.demand["lines_square"].any()
    assert not models.demand["square"].any()
    assert not models.demand["error"].any()
    models = learn([0.5, 1.0], 10.0)
    assert not models.demand["square"].any()
    assert not models.pool["days_aggregated"].any()


@given(series=st.lists(st.tuples(st.integers(0, 9), st.floats(0.25, 1.0)), max_size=60))
def test_sales_of_partly_observed_days(series: list[tuple[int, float]]) -> None:
    """Rate and size are those of whole days: a share s has a sale with probability 1 - (1 - rate)^s."""
    found: NDArray[Any] = np.zeros(1, DEMAND)
    chance, size, sales = 0.0, 0.0, 0
    for day, (units, share) in enumerate(series):
        tsb.learn_tsb(found, 0, float(units), share, share, 1.0)
        count_day(found, 0, float(units), share)
        due = 1.0 - (1.0 - chance) ** share
        scale = due / (share * chance) if chance > 0 else 1.0
        chance = min(1.0, chance + max(tsb.SALE_RATE, 1.0 / (day + 1)) * (float(units > 0) - due))
        if units:
            sales += 1
            size += max(tsb.SIZE_RATE, 1.0 / sales) * (units * scale - size)
    assert found["sale_rate"][0] == pytest.approx(chance, abs=1e-4)
    assert found["sale_size"][0] == pytest.approx(size, rel=1e-3, abs=1e-3)


def test_expected_lines_leave_out_what_was_not_observed() -> None:
    """A window expects the lines of the share of each day that was observed."""
    models, hour = learn([1.0] * 20, 10.0), (FIRST_DAY + 20) * 24
    unobserved = np.zeros((16, 28), np.float32)
    whole = expected_lines(models.demand, 0, models.pool, 0, unobserved, hour, hour + 24)
    unobserved[0, (FIRST_DAY + 20) % 28] = 0.25
    assert expected_lines(models.demand, 0, models.pool, 0, unobserved, hour, hour + 24) == pytest.approx(0.75 * whole)
