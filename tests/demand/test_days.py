"""Kernels that close and forecast days, and the small kernels that they call, against slow oracles.

The slow row reaches `learn_level` and `learn_profiles` through `close_rows`.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from sensing.demand import (
    calibration,
    combination,
    day_learning,
    day_scores,
    demand_class,
    distribution,
    forecasting,
    row_statistics,
    seasonal_profile,
)
from sensing.demand.demand_record import DEMAND, GRID, POOL, RIVER, SUMS
from sensing.demand.features import FEATURES
from sensing.demand.members.registry import MEMBERS
from sensing.demand.members.smoothing import RATES
from sensing.demand.sum_variance import COLUMNS
from tests.demand import oracles
from tests.demand.streams import FIRST_DAY

POSITIVE = st.floats(0.01, 50.0)


@given(series=st.lists(st.integers(0, 20), min_size=1, max_size=40))
def test_close_rows_and_forecast_rows_are_the_slow_rows(series: list[int]) -> None:
    """Forecast before every day, its 28 days after the last, and the errors kept are those of the slow row."""
    demand, pool, river, none = np.zeros(1, DEMAND), np.zeros(1, POOL), np.zeros(0, RIVER), np.zeros(1)
    sums, spread = np.zeros(1, SUMS), np.empty((1, COLUMNS))
    slow = oracles.SlowRow(RATES, combination.TEMPER, combination.DISCOUNT)
    rows, pools, out = np.zeros(1, np.int64), np.zeros(1, np.int32), np.empty((1, 6))
    for at, sold in enumerate(series):
        weekday = (FIRST_DAY + at + 3) % 7
        expected = slow.mean(weekday, seasonal_profile.ROW_PRIOR)
        units, hours = np.array([float(sold)]), np.zeros((1, 24), np.uint16)
        day_learning.close_rows(
            demand,
            pool,
            river,
            sums,
            rows,
            FIRST_DAY + at,
            units,
            none,  # without order lines the level never shifts
            hours,
            pools,
            none + 1.0,
            none > 0,
            none,
            none + 1.0,
            none > 0,
            out,
        )
        if not any(series[: at + 1]):  # the history begins with the first sale
            assert math.isnan(out[0, 0])
            assert (demand["days"][0], demand["exposure"][0]) == (0, 0.0)
            continue
        assert out[0, 1] == pytest.approx(expected, rel=1e-3, abs=1e-3)
        slow.learn(float(sold), weekday, seasonal_profile.ROW_PRIOR, seasonal_profile.ROW_DISCOUNT)
        assert out[0, 0] == pytest.approx(slow.seen[-1], rel=1e-3, abs=1e-3)
    assert demand["error"][0] == pytest.approx(np.array(slow.errors), rel=1e-2, abs=1e-2)
    first = next((sold for sold in series if sold), 0)
    assert pool["day_quantity"][0] == pytest.approx(sum(slow.seen) - first, rel=1e-3, abs=1e-3)
    mean, variance = np.empty((1, 28)), np.empty((1, 28))
    codes = np.empty((2, 1), np.uint8)
    shut, flags = np.zeros((1, 28), np.bool_), np.zeros((1, 28))
    last = FIRST_DAY + len(series) - 1
    forecasting.forecast_rows(
        demand,
        pool,
        river,
        sums,
        rows,
        last,
        pools,
        shut,
        flags,
        flags + 1.0,
        mean,
        variance,
        codes[0],
        codes[1],
        spread,
    )
    expected_days = [slow.mean((last + 1 + h + 3) % 7, seasonal_profile.ROW_PRIOR) for h in range(28)]
    assert mean[0] == pytest.approx(np.array(expected_days), rel=2e-3, abs=1e-3)


def test_quantile_rows_state_the_calibrated_level() -> None:
    """Every quantile is that of the stated level of the row's pool and class."""
    demand, pool = np.zeros(2, DEMAND), np.zeros(2, POOL)
    demand["pool"] = [0, 1]
    pool["rows"][1], pool["below"][1, 2] = 1000.0, 1000.0 * np.array(GRID) ** 2
    mean, levels = np.full((2, 28), 3.0), np.array([0.5, 0.95])
    out = np.empty((2, 28, 2))
    codes = np.array([2, 2], np.uint8)
    forecasting.quantile_rows(demand, pool, np.arange(2), codes, mean, 2.0 * mean, levels, out)
    for row in range(2):
        for k, level in enumerate(levels):
            stated = calibration.nominal_level(pool, row, 2, level)
            assert out[row, 7, k] == distribution.quantile(stated, 3.0, 6.0)
    assert (out[1] > out[0]).all()


def test_learn_errors_and_error_gain() -> None:
    """Errors are plain means while few, then discounted ones."""
    assert combination.error_gain(4.0) == 0.25
    assert combination.error_gain(1e4) == pytest.approx(1.0 - combination.DISCOUNT)
    demand = np.zeros(1, DEMAND)
    for at, units in enumerate([3.0, 5.0, 1.0]):
        demand["days"] = at + 1
        day_learning.learn_errors(demand, 0, units, 1.0, 2.0, 1.0)
    assert demand["error"][0] == pytest.approx(np.full(len(MEMBERS), (9.0 + 25.0 + 1.0) / 3.0))
    assert demand["square"][0] == pytest.approx((1.0 + 9.0 + 1.0) / 3.0)
    assert demand["expected"][0] == pytest.approx(2.0)


def test_learn_river_errors() -> None:
    """Every forecast of a River row keeps the error of a whole day, and the day is counted."""
    river, values = np.zeros(1, RIVER), np.array([3.0, 5.0, 2.0])
    day_learning.learn_river_errors(river, 0, 4.0, values, 0.5)
    day_learning.learn_river_errors(river, 0, 2.0, values, 1.0)
    assert river["error"][0].tolist() == [1.5, 5.5, 4.0]
    assert river["days"][0] == 2


def test_river_usual_is_the_weighted_mean() -> None:
    """Values and weights are those of the mixture."""
    river, features = np.zeros(1, RIVER), np.zeros(len(FEATURES))
    river["error"], river["days"] = [[1.0, 2.0, 4.0]], 50
    values, weights = np.zeros((2, 3))
    found = day_learning.river_usual(river, 0, 4.0, 1.0, features, values, weights)
    assert values[0] == 4.0
    assert weights.sum() == pytest.approx(1.0)
    assert found == pytest.approx(float((values * weights).sum()))


@pytest.mark.parametrize(
    ("odd", "observed", "ends"), [(False, 1.0, False), (False, 0.0, False), (False, 0.5, True), (True, 1.0, True)]
)
def test_interrupt(odd: bool, observed: float, ends: bool) -> None:
    """A sum of days ends on days that say nothing of ordinary demand, and waits over days that were not observed."""
    demand = np.zeros(1, DEMAND)
    demand["sum_days"] = 3
    day_learning.interrupt(demand, 0, odd, observed)
    assert (demand["sum_days"][0] == 0) == ends


def test_learn_pool_keeps_totals_and_what_was_special() -> None:
    """Totals of the day add up; a holiday counts against what was expected if it were none."""
    pool = np.zeros(1, POOL)
    pool["holiday"][0] = 180.0, 30.0  # (20 + 180) / (20 + 30): four times
    day_learning.learn_pool(pool, 0, 9.0, 2.0, 6.0, 1.0, 4.0)
    day_learning.learn_pool(pool, 0, 1.0, 2.0, 1.0, 0.0, 1.0)
    assert (pool["day_quantity"][0], pool["day_level"][0], pool["day_expected"][0]) == (10.0, 10.0, 14.0)
    assert pool["day_holiday"][0].tolist() == [9.0, 3.0]


def test_learn_hours_and_count_silence() -> None:
    """Lines of an hour add up over rows; silence is the number of days since the last one with demand."""
    pool, demand = np.zeros(2, POOL), np.zeros(1, DEMAND)
    for _ in range(2):
        day_learning.learn_hours(pool, 1, np.arange(24, dtype=np.uint16))
    assert pool["day_hours"].tolist() == [[0.0] * 24, [2.0 * hour for hour in range(24)]]
    found = []
    for units in (0.0, 0.0, 3.0, 0.0):
        row_statistics.count_silence(demand, 0, units)
        found.append(int(demand["silence"][0]))
    assert found == [1, 2, 0, 1]


def test_add_score_and_score_accuracy() -> None:
    """Errors, demand and coverage are discounted sums; a promoted day counts in them from day 14 on."""
    demand, pool = np.zeros(1, DEMAND), np.zeros(1, POOL)
    day_scores.add_score(demand, 0, pool, 0, demand_class.demand_class(demand, 0), 5.0, 8.0, 9.0, 0.2)
    day_scores.add_score(demand, 0, pool, 0, demand_class.demand_class(demand, 0), 9.0, 4.0, 9.0, 0.99)
    kept = day_scores.SCORE_DISCOUNT
    row = demand[0]
    found = [float(row[f"score_{name}"]) for name in ("absolute", "error", "quantity", "covered", "weight")]
    assert found == pytest.approx([kept * 3 + 5, kept * 3 - 5, kept * 5 + 9, kept, kept + 1])
    day_scores.score_accuracy(demand, 0, pool, 0, 50.0, 4.0, 1.0)
    assert demand["score_weight"][0] == pytest.approx(kept + 1)
    demand["days"] = 14
    day_scores.score_accuracy(demand, 0, pool, 0, 50.0, 4.0, 1.0)
    assert demand["score_weight"][0] == pytest.approx(kept * (kept + 1) + 1)
    assert demand["score_covered"][0] == pytest.approx(kept * kept)


@given(ratios=st.lists(st.floats(0.5, 50.0), min_size=1, max_size=30))
def test_dispersion_prior_is_the_geometric_mean(ratios: list[float]) -> None:
    """A pool's typical variance-to-mean is the geometric mean of its rows', with twenty rows of 2 before."""
    pool = np.zeros(1, POOL)
    assert seasonal_profile.dispersion_prior(pool, 0) == pytest.approx(2.0)
    pool["day_dispersion"], pool["day_dispersion_weight"] = sum(math.log(ratio) for ratio in ratios), len(ratios)
    calibration.aggregate_dispersion(pool, 0)
    expected = float(stats.gmean([*ratios, *[2.0] * 20]))
    assert seasonal_profile.dispersion_prior(pool, 0) == pytest.approx(expected)
    assert pool["day_dispersion_weight"][0] == 0.0


@given(ratio=POSITIVE, usual=POSITIVE, mean=POSITIVE)
def test_day_variance(ratio: float, usual: float, mean: float) -> None:
    """Ratio times mean at the usual mean; four times the mean has twice the variance. Without a usual mean, the ratio
    holds at every mean.
    """
    assert calibration.day_variance(ratio, mean, mean) == pytest.approx(ratio * mean)
    found = calibration.day_variance(ratio, usual, mean)
    assert found == pytest.approx(ratio * (usual * mean) ** 0.5)
    assert calibration.day_variance(ratio, usual, 4.0 * mean) == pytest.approx(2.0 * found)
    assert calibration.day_variance(ratio, 0.0, mean) == ratio * mean


@given(mean=POSITIVE, factor=st.floats(0.1, 5.0))
def test_forecast_variance_is_in_proportion_to_promotion_and_share(mean: float, factor: float) -> None:
    """Half a day has half the variance of a day, unlike a row that sells half of what is usual."""
    demand, pool = np.zeros(1, DEMAND), np.zeros(1, POOL)
    demand["days"], demand["square"], demand["expected"] = 400, 30.0, 5.0
    ratio = (90.0 * 6.0 + 10.0 * 2.0) / 100.0
    plain = calibration.day_variance(ratio, 5.0, mean)
    found = day_scores.forecast_variance(demand, 0, pool, 0, factor * mean, factor)
    assert found == pytest.approx(factor * plain, rel=1e-6)
    assert day_scores.forecast_variance(demand, 0, pool, 0, 0.0, 0.0) == 0.0


@given(shape=st.floats(0.05, 100.0), ratio=st.floats(0.05, 4.0))
def test_gamma_series_and_fraction(shape: float, ratio: float) -> None:
    """Series below shape + 1 and fraction above are scipy's, with the factor in front."""
    x = shape * ratio
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1.0:
        found, expected = distribution._gamma_series(shape, x), special.gammainc(shape, x)
    else:
        found, expected = distribution._gamma_fraction(shape, x), special.gammaincc(shape, x)
    assert front * found == pytest.approx(expected, rel=1e-8, abs=1e-15)


@given(a=POSITIVE, b=POSITIVE)
def test_beta_fraction(a: float, b: float) -> None:
    """The fraction left of its turning point is scipy's, with the factor in front."""
    x = 0.5 * (a + 1.0) / (a + b + 2.0)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - special.betaln(a, b)) / a
    assert front * distribution._beta_fraction(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-8)


@given(mean=POSITIVE, ratio=st.floats(1.01, 30.0), count=st.integers(1, 100), level=st.floats(0.01, 0.99))
def test_counts_by_name(mean: float, ratio: float, count: int, level: float) -> None:
    """Poisson and negative binomial tails and the count quantile are scipy's."""
    size, chance = mean / (ratio - 1.0), 1.0 / ratio
    assert distribution.poisson_upper(float(count), mean) == pytest.approx(stats.poisson.sf(count - 1, mean), abs=1e-12)
    assert distribution.negative_binomial_upper(float(count), mean, mean * ratio) == pytest.approx(
        stats.nbinom.sf(count - 1, size, chance), abs=1e-10
    )
    got, expected = distribution.count_quantile(level, mean, mean * ratio), stats.nbinom.ppf(level, size, chance)
    assert got == expected or abs(stats.nbinom.cdf(min(got, expected), size, chance) - level) < 1e-9
