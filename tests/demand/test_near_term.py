"""The near term: deviations of a day so far, and what pools learn became of them, against slow counterparts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.demand.demand_record import DEMAND, POOL
from sensing.demand.model_inputs import NEAR_DAYS
from sensing.demand.near_term import (
    CHECK_HOUR,
    DECAY_MAX,
    FACTOR_MAX,
    FACTOR_MIN,
    LEARNED_DAYS_MIN,
    NEAR_DISCOUNT,
    PRIOR_LINES,
    add_outcome,
    aggregate_near,
    deviation,
    deviations,
    learn_near_rows,
    learned_shares,
    near_factors,
)

DAYS = st.lists(st.tuples(st.lists(st.integers(0, 9), min_size=24, max_size=24), st.booleans()), max_size=8)


def outcome(found: float, lines: float, expected: float) -> tuple[float, float]:
    """Terms of a regression of what came beyond the expected lines on deviation times expected lines."""
    variance = expected + expected**2
    regressor = found * expected
    return regressor * (lines - expected) / variance, regressor**2 / variance


@given(DAYS, st.floats(0.1, 40))
def test_pools_learn_what_became_of_deviations(days: list[tuple[list[int], bool]], level: float) -> None:
    """Sums over days of a row whose level stays: the rest of the day, the next day, the one after."""
    demand, pool = np.zeros(1, DEMAND), np.zeros(1, POOL)
    demand["lines_level"], demand["days"] = level, LEARNED_DAYS_MIN
    level = float(np.float32(level))
    rows, pools = np.zeros(1, np.int64), np.zeros(1, np.int32)
    for number, (hours, usable) in enumerate(days):
        learn_near_rows(demand, pool, rows, 700 + number, pools, np.array([hours], np.uint16), np.array([usable]))
    expected = np.zeros((3, 2))
    early = level * CHECK_HOUR / 24
    for number, (hours, usable) in enumerate(days):
        if not usable:
            continue
        found = (sum(hours[:CHECK_HOUR]) - early) / (PRIOR_LINES + early)
        expected[0] += outcome(found, sum(hours[CHECK_HOUR:]), level - early)
        for lag in (1, 2):
            if number >= lag and days[number - lag][1]:
                before = (sum(days[number - lag][0][:CHECK_HOUR]) - early) / (PRIOR_LINES + early)
                expected[lag] += outcome(before, sum(hours), level)
    np.testing.assert_allclose(pool["day_near"][0], expected, rtol=1e-4, atol=1e-4)
    aggregate_near(pool, 0)
    aggregate_near(pool, 0)
    np.testing.assert_allclose(pool["near"][0], NEAR_DISCOUNT * expected, rtol=1e-4, atol=1e-4)
    assert not pool["day_near"].any()


def test_young_rows_teach_nothing() -> None:
    """Their level is not known yet."""
    demand, pool = np.zeros(1, DEMAND), np.zeros(1, POOL)
    demand["lines_level"], demand["days"] = 3.0, LEARNED_DAYS_MIN - 1
    hours = np.full((1, 24), 7, np.uint16)
    for day in (1, 2):
        learn_near_rows(demand, pool, np.zeros(1, np.int64), day, np.zeros(1, np.int32), hours, np.ones(1, np.bool_))
    assert not pool["day_near"].any()


@given(st.floats(0, 500), st.floats(0, 500))
def test_a_deviation_is_that_of_the_posterior_mean(lines: float, expected: float) -> None:
    """Gamma prior with mean 1 that counts as two lines."""
    posterior = (PRIOR_LINES + lines) / (PRIOR_LINES + expected)
    assert deviation(lines, expected) == pytest.approx(posterior - 1.0, abs=1e-9)
    assert deviations(np.array([lines]), np.array([expected]))[0] == pytest.approx(posterior - 1.0, abs=1e-9)
    assert deviation(lines, expected) >= -1.0


def test_an_outcome_as_expected_teaches_that_nothing_is_found_again() -> None:
    """The first sum stays, the second one grows."""
    sums = np.zeros(2)
    add_outcome(sums, 0.5, 4.0, 4.0)
    assert (sums[0], sums[1]) == (0.0, 0.2)


SUMS = st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(0, 1e4)), min_size=3, max_size=3)


@given(SUMS, st.floats(-1, 50))
def test_factors_fall_back_to_one(sums: list[tuple[float, float]], found: float) -> None:
    """From tomorrow on each day is nearer to 1, on the side of the deviation, and all are bounded."""
    factors, half_life = near_factors(np.array([found]), np.array([sums]), NEAR_DAYS)
    apart = factors[0] - 1.0
    assert FACTOR_MIN <= factors.min() <= factors.max() <= FACTOR_MAX
    assert (apart * found >= 0.0).all()
    assert (np.diff(np.abs(apart[1:])) <= 1e-12).all()
    assert 0.0 < half_life[0] <= np.log(0.5) / np.log(DECAY_MAX) + 1e-9


def test_shares_and_half_lives_are_learned() -> None:
    """Eight tenths found again in the rest of the day, half a day later, a quarter two days later: it halves daily."""
    weight = 1e6
    today, tomorrow, decay = learned_shares(np.array([[(0.8 * weight, weight), (0.5 * weight, weight),
                                                       (0.25 * weight, weight)]]))  # fmt: skip
    assert (today[0], tomorrow[0]) == (pytest.approx(0.8, rel=1e-3), pytest.approx(0.5, rel=1e-3))
    assert decay[0] == pytest.approx(0.5, abs=0.03)
    nothing = near_factors(np.array([3.0]), np.zeros((1, 3, 2)), NEAR_DAYS)[0]
    assert (nothing == 1.0).all()
