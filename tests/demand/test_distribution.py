"""The predictive distributions against scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from sensing.demand.distribution import (
    COUNT_MEAN_MAX,
    STEADY_MEAN_MIN,
    STEADY_RATIO_MIN,
    beta_lower,
    climb,
    count_quantile,
    cumulative,
    first_step,
    gamma_lower,
    gamma_quantile,
    gamma_upper,
    is_gamma,
    normal_quantile,
    normal_upper,
    quantile,
    quantiles,
    tail_probability,
    units_at,
)

LEVELS = (0.005, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995, 0.9999)
means = st.floats(1e-3, 1e9)
ratios = st.floats(1.0, 1e4)
levels = st.floats(1e-6, 1.0 - 1e-6)


@given(level=st.floats(1e-12, 1.0 - 1e-12))
def test_normal_quantile_is_scipys(level: float) -> None:
    """The normal quantile agrees with scipy and the upper tail leads back."""
    assert normal_quantile(level) == pytest.approx(stats.norm.ppf(level), abs=1e-9)
    assert normal_upper(-normal_quantile(level)) == pytest.approx(level, rel=1e-9)


def test_normal_quantile_ends() -> None:
    """Level 0 and 1 are the infinities and NaN stays NaN."""
    assert normal_quantile(0.0) == -math.inf
    assert normal_quantile(1.0) == math.inf
    assert math.isnan(normal_quantile(math.nan))


@given(shape=st.floats(1e-3, 1900.0), ratio=st.floats(0.01, 4.0))
def test_gamma_functions_are_scipys(shape: float, ratio: float) -> None:
    """Both incomplete gamma functions agree with scipy, small values included."""
    x = shape * ratio
    assert gamma_upper(shape, x) == pytest.approx(special.gammaincc(shape, x), rel=1e-8, abs=1e-14)
    assert gamma_lower(shape, x) == pytest.approx(special.gammainc(shape, x), rel=1e-8, abs=1e-14)


@given(shape=st.floats(2e3, 1e12), z=st.floats(-5.0, 5.0))
def test_gamma_at_large_shape(shape: float, z: float) -> None:
    """Where the shape is large the cube-root normal stands in for the gamma to 1e-4."""
    x = shape + z * math.sqrt(shape)
    assert gamma_upper(shape, x) == pytest.approx(special.gammaincc(shape, x), abs=1e-4)


@given(a=st.floats(1e-3, 500.0), b=st.floats(1e-3, 500.0), x=st.floats(1e-6, 1.0 - 1e-6))
def test_beta_is_scipys(a: float, b: float, x: float) -> None:
    """The incomplete beta function agrees with scipy."""
    assert beta_lower(a, b, x, 1.0 - x) == pytest.approx(special.betainc(a, b, x), rel=1e-7, abs=1e-12)


@given(mean=st.floats(1e-3, COUNT_MEAN_MAX), ratio=st.floats(1.001, 300.0), count=st.integers(0, 400))
def test_negative_binomial_tail_is_scipys(mean: float, ratio: float, count: int) -> None:
    """An overdispersed count has scipy's negative binomial tail, far out as well."""
    expected = stats.nbinom.sf(count - 1, mean / (ratio - 1.0), 1.0 / ratio)
    assert tail_probability(float(count), mean, mean * ratio) == pytest.approx(expected, rel=1e-6, abs=1e-14)


@given(mean=st.floats(1e-3, STEADY_MEAN_MIN * 0.999), count=st.integers(0, 200), ratio=st.floats(0.0, 1.0))
def test_poisson_tail_is_scipys(mean: float, count: int, ratio: float) -> None:
    """A variance up to the mean is Poisson: a small count is never steadier."""
    expected = stats.poisson.sf(count - 1, mean)
    assert tail_probability(float(count), mean, mean * ratio) == pytest.approx(expected, rel=1e-8, abs=1e-14)


@given(
    mean=st.floats(STEADY_MEAN_MIN, 1e5), ratio=st.floats(0.0, 0.999), level=st.sampled_from(LEVELS),
    observed=st.floats(0.0, 1e5),
)  # fmt: skip
def test_steady_demand_has_its_own_variance(mean: float, ratio: float, level: float, observed: float) -> None:
    """It is scipy's gamma with half a unit of continuity, in whole units up to the bound of counts."""
    assert is_gamma(mean, mean * ratio)
    scale = max(ratio, STEADY_RATIO_MIN)
    found, whole = stats.gamma(mean / scale, scale=scale), mean <= COUNT_MEAN_MAX
    units = math.ceil(observed) if whole else observed
    assert tail_probability(observed, mean, mean * ratio) == pytest.approx(found.sf(max(units - 0.5, 0.0)), abs=1e-4)
    got = quantile(level, mean, mean * ratio)
    assert got == (round(got) if whole else got)
    assert got == pytest.approx(float(found.ppf(level)), rel=0.01, abs=1.01 if whole else 1e-3 * mean)


def test_fifty_plus_minus_five_needs_less_than_a_poisson_number() -> None:
    """The .95 quantile of N(50, 5) is 58.2, that of a Poisson number 62."""
    assert quantile(0.95, 50.0, 25.0) == 58.0
    assert quantile(0.95, 50.0, 50.0) == 62.0


@given(mean=st.floats(COUNT_MEAN_MAX * 1.01, 1e7), ratio=st.floats(1.0, 100.0), level=st.floats(0.01, 0.99))
def test_large_means_are_close_to_the_count(mean: float, ratio: float, level: float) -> None:
    """Above the bound the gamma is within .03 of the negative binomial it stands for."""
    size, chance = mean / max(ratio - 1.0, 1e-3), 1.0 / (1.0 + max(ratio - 1.0, 1e-3))
    count = float(stats.nbinom.ppf(level, size, chance))
    expected = stats.nbinom.sf(count - 1.0, size, chance)
    assert tail_probability(count, mean, mean * ratio) == pytest.approx(expected, abs=0.03)


@given(mean=st.floats(1e-3, COUNT_MEAN_MAX), ratio=st.floats(1.001, 60.0), level=st.sampled_from(LEVELS))
def test_count_quantile_is_scipys(mean: float, ratio: float, level: float) -> None:
    """The quantile of a count is scipy's, but where the level falls on a step to the last digits."""
    size, chance = mean / (ratio - 1.0), 1.0 / ratio
    expected = float(stats.nbinom.ppf(level, size, chance))
    got = quantile(level, mean, mean * ratio)
    assert got == expected or abs(stats.nbinom.cdf(min(got, expected), size, chance) - level) < 1e-9


@given(mean=st.floats(1e-2, COUNT_MEAN_MAX), ratio=st.floats(1.0, 20.0), level=st.floats(0.01, 0.99))
def test_steps_are_scipys(mean: float, ratio: float, level: float) -> None:
    """A step is a count, its probability and its cumulative probability; the climb ends where the level is reached."""
    poisson = ratio <= 1.0 + 1e-9
    counts = stats.poisson(mean) if poisson else stats.nbinom(mean / (ratio - 1.0), 1.0 / ratio)
    lowest = first_step(mean, mean * ratio)
    np.testing.assert_allclose(lowest, (0, counts.pmf(0), counts.pmf(0)), rtol=1e-6)
    step = climb(lowest, level, mean, mean * ratio)
    count, mass, total = step
    assert mass == pytest.approx(counts.pmf(count), rel=1e-6, abs=1e-12)
    assert total == pytest.approx(counts.cdf(count), rel=1e-6)
    assert total >= level > (total - mass if count else 0.0) - 1e-12
    assert units_at(step, level, mean, mean * ratio) == count == count_quantile(level, mean, mean * ratio)


@given(
    mean=st.floats(0.0, 2.0 * COUNT_MEAN_MAX) | st.just(math.nan),
    ratio=st.floats(0.5, 1e5),
    stated=st.lists(st.floats(0.0, 1.0) | st.just(math.nan), min_size=1, max_size=12),
)
def test_quantiles_are_each_quantile(mean: float, ratio: float, stated: list[float]) -> None:
    """Many levels at once, rising or not, give what each of them gives alone."""
    out = np.full(len(stated), -1.0)
    quantiles(np.array(stated), mean, mean * ratio, out)
    np.testing.assert_array_equal(out, [quantile(level, mean, mean * ratio) for level in stated])


@given(shape=st.floats(0.02, 1e5), level=st.sampled_from(LEVELS[1:]))
def test_gamma_quantile_is_scipys(shape: float, level: float) -> None:
    """The gamma quantile agrees with scipy to 1 % of the quantile or a thousandth of the mean."""
    mean = 100.0
    expected = stats.gamma.ppf(level, shape, scale=mean / shape)
    assert gamma_quantile(level, mean, mean * mean / shape) == pytest.approx(expected, rel=0.01, abs=1e-3 * mean)


@given(mean=means, ratio=ratios, low=levels, high=levels)
def test_quantiles_never_fall(mean: float, ratio: float, low: float, high: float) -> None:
    """A higher level never has a lower quantile; all are finite and not negative."""
    low, high = sorted((low, high))
    first, second = quantile(low, mean, mean * ratio), quantile(high, mean, mean * ratio)
    assert 0.0 <= first <= second < math.inf


@given(mean=means, ratio=ratios, first=st.floats(0.0, 1e9), second=st.floats(0.0, 1e9))
def test_tail_never_rises(mean: float, ratio: float, first: float, second: float) -> None:
    """A larger demand is never likelier to be reached; probabilities are in [0, 1]."""
    first, second = sorted((first, second))
    near = tail_probability(first, mean, mean * ratio)
    far = tail_probability(second, mean, mean * ratio)
    assert 0.0 <= far <= near + 1e-12
    assert near <= 1.0


@given(mean=st.floats(1e-3, COUNT_MEAN_MAX), ratio=ratios, observed=st.integers(0, 500))
def test_cumulative_and_tail_add_up(mean: float, ratio: float, observed: int) -> None:
    """At most n and at least n + 1 are all there is."""
    total = cumulative(float(observed), mean, mean * ratio) + tail_probability(observed + 1.0, mean, mean * ratio)
    assert total == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_nan_stays_nan(place: int) -> None:
    """NaN in any argument gives NaN."""
    arguments = [0.5, 3.0, 4.0]
    arguments[place] = math.nan
    assert math.isnan(quantile(*arguments))
    assert math.isnan(tail_probability(*arguments))


def test_edges() -> None:
    """Zero mean is certain, levels 0 and 1 are the ends, nothing observed is no surprise."""
    assert quantile(0.995, 0.0, 0.0) == 0.0
    assert quantile(0.0, 5.0, 5.0) == 0.0
    assert quantile(1.0, 5.0, 5.0) == math.inf
    assert tail_probability(0.0, 5.0, 5.0) == 1.0
    assert tail_probability(1.0, 0.0, 0.0) == 0.0
    assert tail_probability(math.inf, 5.0, 5.0) == 0.0
    assert tail_probability(2.3, 5.0, 9.0) == tail_probability(3.0, 5.0, 9.0)
    assert quantile(0.95, 1e-9, 0.0) == 0.0
    assert quantile(0.5, 1e12, 1e-3) == pytest.approx(1e12, rel=1e-6)
    assert np.isfinite(quantile(0.995, 1.0, 1e6))
