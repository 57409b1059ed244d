"""The near term: deviations of a day, and what a shard learns became of them, against slow counterparts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.contracts.forecast_parts import NEAR_DAYS_MAX as NEAR_DAYS
from sensing.demand import day_learning
from sensing.demand.demand_record import DEMAND, POOL, SUMS
from sensing.demand.model_inputs import DayInputs, Window, ordinary_window
from sensing.demand.models import DemandModels
from sensing.demand.near_term import (
    DECAY_MAX,
    DECAY_MIN,
    DECAY_PRIOR,
    ERROR_MAX,
    FACTOR_MAX,
    FACTOR_MIN,
    LAGS,
    LEARNED_DAYS_MIN,
    NEAR_DISCOUNT,
    PRIOR_LINES,
    REST_SHARE,
    SHARE_MAX,
    aggregate_near,
    deviation,
    deviations,
    half_life_days,
    learn_near,
    learned_share,
    lines_of_day,
    near_factors,
    remember_day,
)
from sensing.demand.seasonal_profile import line_index
from tests.demand.streams import FIRST_DAY

Floats = NDArray[np.float64]
Day = tuple[float, float, float, bool]
"""Order lines, units, seasonal index, and whether it is an ordinary whole day."""
DAYS = st.lists(st.tuples(st.integers(0, 30), st.floats(0, 300), st.floats(0.3, 3.0), st.booleans()), max_size=8)
LEVEL, LINES, VARIANCE = 12.0, 4.0, 40.0


def slow_sums(days: list[Day]) -> Floats:
    """Sums of a row whose level stays: over pairs of a deviation, and the error one or two days later."""
    sums, sd = np.zeros((LAGS, 2)), math.sqrt(VARIANCE + 1e-3)
    for later, (_, units, index, ordinary) in enumerate(days):
        for lag in range(1, LAGS + 1):
            if not ordinary or later < lag or not days[later - lag][3]:
                continue
            lines, _, index_before, _ = days[later - lag]
            regressor = (lines - LINES * index_before) / (PRIOR_LINES + LINES * index_before) * LEVEL * index / sd
            error = float(np.clip((units - LEVEL * index) / sd, -ERROR_MAX, ERROR_MAX))
            sums[lag - 1] += regressor * error, regressor**2
    return sums


@given(DAYS)
def test_a_shard_learns_what_became_of_deviations(days: list[Day]) -> None:
    """`learn_day_of_near_term` and `learn_near` add the slow sums; odd days are remembered as saying nothing."""
    demand, pool, sums = np.zeros(1, DEMAND), np.zeros(1, POOL), np.zeros(1, SUMS)
    demand["usual_lines"][0, 0], demand["days"] = LINES, LEARNED_DAYS_MIN
    for lines, units, index, ordinary in days:
        if ordinary:
            day_learning.learn_day_of_near_term(
                demand, 0, pool, 0, units, float(lines), LEVEL * index, index, 1.0, index, VARIANCE
            )
        else:
            remember_day(demand, 0, 0.0, 0.0)
    wanted = slow_sums(days)
    np.testing.assert_allclose(pool["day_near"][0], wanted, rtol=1e-4, atol=1e-4)
    aggregate_near(pool, 0, sums, 7)
    np.testing.assert_allclose(sums["near"][0], wanted, rtol=1e-4, atol=1e-4)
    assert not pool["day_near"].any()
    aggregate_near(pool, 0, sums, 7)
    aggregate_near(pool, 0, sums, 8)
    np.testing.assert_allclose(sums["near"][0], NEAR_DISCOUNT * wanted, rtol=1e-4, atol=1e-4)


def test_uplifts_and_shifts_belong_to_what_is_expected() -> None:
    """A promoted day expects more units, a shift in doubt more lines."""
    demand, pool = np.zeros(1, DEMAND), np.zeros(1, POOL)
    demand["usual_lines"][0, 0], demand["days"], demand["shift"] = LINES, LEARNED_DAYS_MIN, 1.0
    remember_day(demand, 0, LEVEL, 0.5)
    day_learning.learn_day_of_near_term(demand, 0, pool, 0, 36.0, 9.0, 12.0, 2.0, 1.5, 1.2, VARIANCE)
    assert pool["day_near"][0, 0, 0] == pytest.approx(0.0), "12 x 2 x 1.5 were expected"
    assert pool["day_near"][0, 0, 1] == pytest.approx((0.5 * 36.0) ** 2 / VARIANCE, rel=1e-3)
    assert demand["near_level"][0].tolist() == [6.0, LEVEL]
    assert demand["near_deviation"][0, 0] == pytest.approx((9.0 - 9.6) / (PRIOR_LINES + 9.6))


def test_young_rows_teach_nothing() -> None:
    """Their level is not known yet."""
    demand, pool = np.zeros(1, DEMAND), np.zeros(1, POOL)
    demand["usual_lines"][0, 0], demand["days"] = LINES, LEARNED_DAYS_MIN - 1
    for _ in range(3):
        day_learning.learn_day_of_near_term(demand, 0, pool, 0, 80.0, 30.0, LEVEL, 1.0, 1.0, 1.0, VARIANCE)
    assert not pool["day_near"].any()
    learn_near(demand, 0, pool, 0, 80.0, 1.0, VARIANCE)
    assert not pool["day_near"].any(), "nothing was remembered"


@given(st.floats(0, 500), st.floats(0, 500))
def test_a_deviation_is_that_of_the_posterior_mean(lines: float, expected: float) -> None:
    """Gamma prior with mean 1 that counts as some lines."""
    posterior = (PRIOR_LINES + lines) / (PRIOR_LINES + expected)
    assert deviation(lines, expected) == pytest.approx(posterior - 1.0, abs=1e-9)
    assert deviations(np.array([lines]), np.array([expected]))[0] == pytest.approx(posterior - 1.0, abs=1e-9)
    assert deviation(lines, expected) >= -1.0


SUMS_OF_A_SHARD = st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(0, 1e4)), min_size=LAGS, max_size=LAGS)


@given(SUMS_OF_A_SHARD, st.floats(-1, 50))
def test_factors_fall_back_to_one(near: list[tuple[float, float]], found: float) -> None:
    """From tomorrow on each day is nearer to 1, on the side of the deviation, and all are bounded."""
    share, decay = learned_share(np.array(near))
    assert 0.0 <= share <= SHARE_MAX
    assert DECAY_MIN <= decay <= DECAY_MAX
    assert half_life_days(decay) > 0.0
    factors = near_factors(np.array([found]), share, decay, NEAR_DAYS)
    apart = factors[0] - 1.0
    assert FACTOR_MIN <= factors.min() <= factors.max() <= FACTOR_MAX
    assert (apart * found >= 0.0).all()
    assert (np.diff(np.abs(apart[1:])) <= 1e-12).all()
    assert abs(apart[0]) <= abs(apart[1]) + 1e-12


def test_share_and_half_life_are_learned_and_nothing_without_evidence() -> None:
    """Half found again a day later, a quarter two days later: it halves daily. An empty shard changes nothing."""
    weight = 1e6
    share, decay = learned_share(np.array([(0.5 * weight, weight), (0.25 * weight, weight)]))
    assert share == pytest.approx(0.5, rel=1e-3)
    assert half_life_days(decay) == pytest.approx(1.0, abs=0.15)
    factors = near_factors(np.array([2.0]), share, decay, 3)
    assert factors[0] == pytest.approx([1.0 + 2.0 * share * REST_SHARE, 1.0 + 2.0 * share, 1.0 + 2.0 * share * decay])
    share, decay = learned_share(np.zeros((LAGS, 2)))
    assert share == 0.0
    assert decay == pytest.approx(DECAY_PRIOR)
    assert (near_factors(np.array([9.0]), 0.0, DECAY_PRIOR, NEAR_DAYS) == 1.0).all()
    assert learned_share(np.array([(-5.0, weight), (1.0, weight)]))[0] == 0.0, "never turned around"


def models_of_a_day(days: int, share: float) -> DemandModels:
    """Two rows that have learned, one of them young, in a shard that has learned a share."""
    models = DemandModels()
    models.ensure(2, 1)
    models.demand["days"][:2], models.demand["usual_lines"][:2, 0] = (days, LEARNED_DAYS_MIN - 1), LINES
    models.demand["shift"] = 0.25
    models.pool["month_index"] = 0.2
    models.sums["near"][0] = [(share * 1e6, 1e6), (0.5 * share * 1e6, 1e6)]
    return models


def test_the_near_term_of_rows() -> None:
    """Expected lines are those of the hours and the promotions, `lines_of_day` has those of the day; young rows and
    closed or holidays do not deviate.
    """
    models, rows, pools = models_of_a_day(90, 0.5), np.arange(2), np.zeros(2, np.int32)
    window = ordinary_window(2)
    window.uplift[:, 0] = 2.0
    lines, share = np.array([20.0, 20.0]), np.array([0.25, 0.25])
    before = models.dump()
    near = models.near_term(rows, FIRST_DAY, pools, window, lines, share)
    weekday = (FIRST_DAY + 3) % 7
    index = line_index(models.demand, 0, models.pool, 0, weekday)
    whole = np.empty(2)
    lines_of_day(models.demand, models.pool, rows, pools, FIRST_DAY, whole)
    assert whole == pytest.approx([LINES * index * 1.2 * 1.25] * 2)
    assert near.expected == pytest.approx(2.0 * 0.25 * whole)
    wanted = 1.0 + 0.5 * (20.0 - near.expected[0]) / (PRIOR_LINES + near.expected[0])
    assert near.factors[0, 1] == pytest.approx(wanted, rel=1e-3)
    assert (near.factors[1] == 1.0).all()
    lasting, decay = learned_share(models.sums["near"][0])
    assert (near.share, near.half_life_days) == (lasting, half_life_days(decay))
    for name in ("closed", "holiday"):
        odd = Window(window.closed.copy(), window.holiday.copy(), window.uplift)
        getattr(odd, name)[:, 0] = 1
        assert (models.near_term(rows, FIRST_DAY, pools, odd, lines, share).factors == 1.0).all(), name
    assert models.dump() == before


def learned(units: Floats) -> float:
    """Share that a shard has learned from rows (n, days) with an order line a unit."""
    count, days = units.shape
    models, rows, none = DemandModels(), np.arange(count), np.zeros(count, np.bool_)
    models.ensure(count, 1)
    for at in range(days):
        day = DayInputs(
            FIRST_DAY + at, units[:, at], units[:, at], np.zeros((count, 24), np.uint16), np.zeros(count, np.int32),
            np.ones(count), none, np.zeros(count), np.ones(count), none,
        )  # fmt: skip
        models.close_day(rows, day)
        models.aggregate_pools(np.zeros(1, np.int64), FIRST_DAY + at)
    return learned_share(models.sums["near"][0])[0]


def test_what_lasts_is_learned_from_closed_days() -> None:
    """A share near zero of independent days; a large one where busy days come in rows of four."""
    rng = np.random.default_rng(4)
    independent = rng.poisson(8.0, (40, 120)).astype(np.float64)
    busy = np.repeat(np.where(rng.random((40, 30)) < 0.15, 16.0, 6.0), 4, axis=1)
    assert learned(independent) < 0.3
    assert learned(rng.poisson(busy).astype(np.float64)) > 0.45
