"""Randomised coverage of the quantiles of a count. Benchmark `accuracy` calls it.

The distribution function of a count has steps: a calibrated quantile of .95 covers more than .95 of the days, since
the quantile's own count has a probability. Randomised, a day that has exactly this count is covered with the share of
its probability that lies below the level. So the quantile of any calibrated distribution covers its level.

Source: Czado, Gneiting, Held (2009), Predictive model assessment for count data, Biometrics 65(4), section 2.1.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

GRID = np.concatenate([np.arange(0.005, 0.9, 0.005), np.arange(0.9, 0.99, 0.001), np.arange(0.99, 0.9999, 0.0001)])
"""Levels at which the distribution function is sought, by the quantiles at them."""
ROWS_AT_ONCE = 100


def step_shares(
    quantiles_of: Callable[[slice, NDArray[np.float64]], NDArray[np.float64]],
    count: int,
    levels: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Share of the probability of each quantile's own count that lies below the level (n, days, levels), 0 to 1.

    Parameters
    ----------
    quantiles_of
        Quantiles (rows, days, levels) of some of ``count`` rows at some levels.
    """
    parts: list[NDArray[np.float64]] = []
    for start in range(0, count, ROWS_AT_ONCE):
        rows = slice(start, min(start + ROWS_AT_ONCE, count))
        stated = quantiles_of(rows, levels)
        shares = np.empty(stated.shape)
        grid = quantiles_of(rows, GRID) if levels.size else stated
        for k, level in enumerate(levels):
            own = stated[:, :, k, None]
            below, up_to = _level_at((grid < own).sum(axis=2)), _level_at((grid <= own).sum(axis=2))
            shares[:, :, k] = np.clip((level - below) / np.maximum(up_to - below, 1e-9), 0.0, 1.0)
        parts.append(shares)
    return np.concatenate(parts)


def _level_at(number: NDArray[np.int64]) -> NDArray[np.float64]:
    """Level between two of the grid, of which ``number`` are below it."""
    edges = np.concatenate([[0.0], (GRID[1:] + GRID[:-1]) / 2.0, [1.0]])
    found: NDArray[np.float64] = edges[number]
    return found
