"""Randomised coverage: steps of known distributions, and a calibrated quantile covers its level."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.randomised import step_shares

LEVELS = np.array([0.5, 0.95, 0.995])
MEANS = np.array([0.3, 2.0, 40.0])


def quantiles_of(rows: slice, levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles of Poisson days."""
    found: NDArray[np.float64] = stats.poisson.ppf(levels, MEANS[rows][:, None, None])
    return found


def test_shares_of_poisson_days() -> None:
    """The share of the quantile's probability below the level, from the distribution function itself."""
    shares = step_shares(quantiles_of, MEANS.size, LEVELS)
    own = quantiles_of(slice(None), LEVELS)
    below, up_to = (stats.poisson.cdf(own - k, MEANS[:, None, None]) for k in (1, 0))
    np.testing.assert_allclose(shares, (LEVELS - below) / (up_to - below), atol=0.02)


def test_a_calibrated_quantile_covers_its_level() -> None:
    """Of many days, with the shares of those that are the quantile itself."""
    random = np.random.default_rng(3)
    shares, own = step_shares(quantiles_of, MEANS.size, LEVELS), quantiles_of(slice(None), LEVELS)
    days = random.poisson(MEANS[:, None, None], (MEANS.size, 20_000, 1))
    covered = (days < own) + (days == own) * shares
    np.testing.assert_allclose(covered.mean(axis=1), np.tile(LEVELS, (MEANS.size, 1)), atol=0.01)


def test_no_levels_have_no_shares() -> None:
    """The quantiles on the grid are not needed then."""
    assert step_shares(quantiles_of, MEANS.size, np.empty(0)).shape == (3, 1, 0)
