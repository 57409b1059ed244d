"""Predictive distribution of the number of order lines in a window. Detectors of surges and drops call it.

The count of a window is negative binomial (`sensing.demand.distribution`) around the expected lines of exactly its
hours. Its variance has three parts: variance of the days, uncertainty of the level after a short history, and drift of
the level since it was learned.

    variance = dispersion x expected x (1 + window days / history days) + (drift x expected)^2

Source: the predictive variance of a gamma-Poisson rate (Gelman et al., BDA3, 2.6). A drop allows for more drift than a
surge does, since its windows are longer.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sensing.demand.distribution import cumulative
from sensing.demand.row_statistics import DISPERSION_PRIOR, shrunk_dispersion
from sensing.jit import kernel

DRIFT = 0.2
"""Standard deviation of the level since it was learned, as a share of it."""
HISTORY_DAYS_MAX = 39.0
"""The level forgets at .05 a day, so its effective history is at most (2 - .05) / .05 days."""


@kernel
def line_dispersion(lines_square: float, lines_level: float, history_days: float) -> float:
    """Variance-to-mean ratio of a row's daily order lines, at least 1. The prior counts as twenty days of history.

    Parameters
    ----------
    lines_square
        Mean squared error of a day's lines around the expected ones.
    lines_level
        Lines per day.
    history_days
        Days learned.
    """
    if not lines_level > 0.0:
        return DISPERSION_PRIOR
    return shrunk_dispersion(lines_square, lines_level, min(history_days, HISTORY_DAYS_MAX))


@kernel
def window_variance(expected: float, dispersion: float, window_days: float, history_days: float, drift: float) -> float:
    """Predictive variance of a window's order lines; the formula of the module."""
    return dispersion * expected * (1.0 + window_days / max(history_days, 1.0)) + (drift * expected) ** 2


@kernel
def few_probability(
    observed: float, expected: float, dispersion: float, window_days: float, history_days: float
) -> float:
    """Probability of at most ``observed`` lines in a window with ``expected`` lines."""
    if math.isnan(observed) or not expected > 0.0:
        return 1.0
    history = min(history_days, HISTORY_DAYS_MAX)
    return cumulative(observed, expected, window_variance(expected, dispersion, window_days, history, DRIFT))


def reported_window(hits: Sequence[bool], chances: Sequence[float]) -> int:
    """Index of the reported window: a firing one first, then the lowest p-value."""
    return min(range(len(hits)), key=lambda window: (not hits[window], chances[window]))


def units_per_line(hot: Any) -> float:
    """Typical units of an order line: the geometric mean of the row's sizes; NaN if it had no line."""
    return float(np.exp(hot["size_mean"])) if hot["size_count"] > 0 else np.nan
