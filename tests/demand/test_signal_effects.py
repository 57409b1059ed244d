"""Formulas of signal effects against slow ones, one signal at a time; and how often they are right, over seeds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.demand.promotion_uplift import day_weight
from sensing.demand.signal_effects import (
    DAYS_MIN,
    ERROR_MAX,
    ERROR_RATIO_MAX,
    FACTOR_MAX,
    FACTOR_MIN,
    OPPOSED_T,
    POOL_DAYS,
    POOL_ROW_DAYS_MIN,
    POOL_STAYS_T,
    PRIOR_DAYS,
    RATIO_MAX,
    START_POOL_T,
    START_T,
    STOP_RECENT_T,
    Comparison,
    day_weights,
    effect,
    factors,
    lesson,
    product,
    product_of_others,
    scores,
    starts,
    stops,
    t_value,
)

SUMS = st.just(0.0) | st.floats(1e-3, 200.0)


def one(value: float) -> NDArray[np.float64]:
    """A column of one number."""
    return np.array([[value]])


@given(st.floats(-50, 50), SUMS, st.floats(-50, 50), SUMS)
def test_the_effect_is_a_regression_with_two_priors(
    moment: float, square: float, pool_moment: float, pool_square: float
) -> None:
    """Least squares over the row's days, POOL_DAYS at most with the pool's effect, and PRIOR_DAYS without any."""
    opinions = [(square, moment / square if square > 0.0 else 0.0), (PRIOR_DAYS, 0.0)]
    if square == 0.0:
        moment = 0.0
    if pool_square == 0.0:
        pool_moment = 0.0
    else:
        opinions.append((min(pool_square, POOL_DAYS), pool_moment / pool_square))
    days, values = zip(*opinions, strict=True)
    found = effect(one(moment), one(square), one(pool_moment), one(pool_square))[0, 0]
    assert found == pytest.approx(np.average(values, weights=days), abs=1e-9)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.lists(st.floats(-3, 3), min_size=3, max_size=3),
       st.lists(st.booleans(), min_size=3, max_size=3), st.integers(-1, 2))  # fmt: skip
def test_factors_are_bounded(effects: list[float], z: list[float], used: list[bool], unknown: int) -> None:
    """1 + b z in its bounds, 1 where no value is known; so is the product, and it is exactly 1 without signals."""
    if unknown >= 0:
        z[unknown] = math.nan
    each = factors(np.array([effects]), np.array([z]))
    expected = [1.0 if math.isnan(v) else min(max(1.0 + b * v, FACTOR_MIN), FACTOR_MAX)
                for b, v in zip(effects, z, strict=True)]  # fmt: skip
    assert each[0].tolist() == pytest.approx(expected)
    in_force = np.array([used])

    def slow(places: list[int]) -> float:
        return min(max(math.prod(expected[k] for k in places if used[k]), FACTOR_MIN), FACTOR_MAX)

    assert product(each, in_force)[0] == pytest.approx(slow([0, 1, 2]))
    assert product_of_others(each, in_force)[0].tolist() == pytest.approx([slow([1, 2]), slow([0, 2]), slow([0, 1])])
    assert product(each, np.zeros((1, 3), np.bool_)).tobytes() == np.ones(1).tobytes()


@given(st.floats(0, 500), st.floats(0.01, 100), st.floats(FACTOR_MIN, FACTOR_MAX), st.floats(FACTOR_MIN, FACTOR_MAX),
       st.floats(0, 50), st.floats(-3, 3))  # fmt: skip
def test_a_day_is_scored_and_learned(
    units: float, usual: float, others: float, factor: float, dispersion: float, z: float
) -> None:
    """Squared errors in variances, bounded; what is learned is the ratio to what the other signals explain."""
    without, with_signal = scores(
        np.array([units]), np.array([usual]), one(others), one(factor), np.array([dispersion])
    )
    means = usual * others, usual * min(max(others * factor, FACTOR_MIN), FACTOR_MAX)
    variance = max(dispersion, 1.0) * max(means[0], 0.25)
    assert without[0, 0] == pytest.approx(min((units - means[0]) ** 2 / variance, ERROR_MAX))
    assert with_signal[0, 0] == pytest.approx(min((units - means[1]) ** 2 / variance, ERROR_MAX))
    weight = day_weights(np.array([[usual * others]]), np.array([dispersion]))
    assert weight[0, 0] == pytest.approx(day_weight(usual * others, dispersion))
    moment, square = lesson(np.array([units]), np.array([usual]), one(others), one(z), weight)
    y = min(units / (usual * others), RATIO_MAX) - 1.0
    assert (moment[0, 0], square[0, 0]) == pytest.approx((weight[0, 0] * z * y, weight[0, 0] * z * z))


def test_nothing_is_learned_of_an_unknown_value_or_an_unexpected_day() -> None:
    """NaN teaches zero, and so does a day of which nothing was expected."""
    assert day_weights(one(0.0), np.array([2.0])).tolist() == [[0.0]]
    moment, square = lesson(np.array([5.0]), np.array([0.0]), one(1.0), one(math.nan), one(1.0))
    assert (moment.tolist(), square.tolist()) == ([[0.0]], [[0.0]])


def seen(t: float, days: int = 60, recent: float = 0.0, ratio: float = 0.5) -> Comparison:
    """Scores with these figures."""
    return Comparison(one(t), one(1.0), one(recent), one(1.0), one(1.0), one(ratio), np.array([[days]]))


@pytest.mark.parametrize(
    ("scored", "pool_t", "pool_days", "expected"),
    [
        (seen(START_T), 0.0, 0, True),
        (seen(START_T - 0.01), 0.0, 0, False),
        (seen(START_T, days=DAYS_MIN - 1), 0.0, 0, False),
        (seen(START_T, ratio=ERROR_RATIO_MAX + 0.01), 0.0, 0, False),
        (seen(OPPOSED_T, days=POOL_ROW_DAYS_MIN), START_POOL_T, DAYS_MIN, True),
        (seen(OPPOSED_T - 0.01, days=60), START_POOL_T, DAYS_MIN, False),
        (seen(0.0), START_POOL_T - 0.01, 90, False),
        (seen(0.0), START_POOL_T, DAYS_MIN - 1, False),
        (seen(0.0, days=POOL_ROW_DAYS_MIN - 1), START_POOL_T, 90, False),
    ],
)
def test_when_a_signal_starts(scored: Comparison, pool_t: float, pool_days: int, expected: bool) -> None:
    """By the gains of its row, or by those of its pool if the row does not oppose."""
    assert starts(scored, one(pool_t), one(pool_days)).tolist() == [[expected]]


@pytest.mark.parametrize(
    ("scored", "pool_t", "expected"),
    [
        (seen(5.0), 0.0, False),
        (seen(0.0, recent=STOP_RECENT_T), 0.0, False),
        (seen(5.0, recent=STOP_RECENT_T - 0.01), 9.0, True),
        (seen(-0.01), POOL_STAYS_T, False),
        (seen(-0.01), POOL_STAYS_T - 0.01, True),
    ],
)
def test_when_a_signal_stops(scored: Comparison, pool_t: float, expected: bool) -> None:
    """Recent losses, or losses of the row where its pool does not gain either. There is a gap to the start."""
    assert stops(scored, one(pool_t)).tolist() == [[expected]]


def test_t_value_without_gains() -> None:
    """It is zero, not unknown."""
    assert t_value(one(0.0), one(0.0)).tolist() == [[0.0]]
