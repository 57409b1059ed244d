"""Blend of the sensed forecast with the baseline plan of a row, by their measured errors.

`sensing.machines.forecast_parts` calls it at forecasts and at the closes of days. A plan states a mean per day. Its
days follow the profile of the sensed forecast, so that weekdays and holidays are those of the row, and promotions
multiply both.

The weight of the plan is its measured weight over the days that both forecast, shrunk to a prior. The measured weight
of a forecast is its inverse mean squared error as a share of both. The prior is one half for a row with a history of
HISTORY_DAYS, and 1 for a row that has sold nothing: such a row has nothing but its plan.

Source: Bates and Granger (1969), The combination of forecasts, for weights by inverse squared error; Smith and Wallis
(2009), A simple explanation of the forecast combination puzzle, for the shrinkage to equal weights.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PRIOR_DAYS = 14.0
"""The prior weight counts as this many days of evidence."""
HISTORY_DAYS = 28.0
"""Days of learned demand from which on the prior weights both forecasts alike."""
ERROR_DAYS_MAX = 56.0
"""Mean errors cover about this many days."""

Floats = NDArray[np.float64]


class Blend(NamedTuple):
    """Blended forecast of n rows over h days, and what it was made of."""

    mean: Floats
    """(n, h) units."""
    variance: Floats
    """(n, h) units squared."""
    planned: Floats
    """(n, h) units that the plan says; 0 on days that it does not cover."""


def learn_mean(mean: Floats, days: Floats, value: Floats) -> Floats:
    """Means (n,) of squared or absolute errors after one more day with ``value``; ``days`` are those before it."""
    gain = 1.0 / np.minimum(days + 1.0, ERROR_DAYS_MAX)
    return np.asarray(mean + gain * (value - mean))


def plan_weights(plan_error: Floats, sensed_error: Floats, days: Floats, learned_days: Floats) -> Floats:
    """(n,) weights of plans, from 0 to 1.

    Parameters
    ----------
    plan_error, sensed_error
        Mean squared errors over the same ``days``.
    days
        Days on which both were measured, at most ERROR_DAYS_MAX.
    learned_days
        Days of demand that the row has learned.
    """
    total = plan_error + sensed_error
    measured = np.divide(sensed_error, total, out=np.full(total.shape, 0.5), where=total > 0.0)
    prior = 1.0 - 0.5 * np.minimum(learned_days / HISTORY_DAYS, 1.0)
    return np.asarray((days * measured + PRIOR_DAYS * prior) / (days + PRIOR_DAYS))


def planned_days(sensed: Floats, shut: NDArray[np.bool_], uplift: Floats, quantity: Floats) -> Floats:
    """(n, h) units per day of plans with a mean of ``quantity`` (n,) per day, in the profile of the sensed forecast.

    The mean is over all days, closed ones included, without promotions. The plan is a baseline, so the ``uplift``
    (n, h) that is part of the sensed forecast applies to it too. A row without a sensed forecast has the same plan on
    every open day.
    """
    usual = np.divide(sensed, uplift, out=np.zeros_like(sensed), where=uplift > 0.0)
    counted = uplift > 0.0  # a day without demand, by promotion, says nothing of the others
    level = usual.sum(axis=1) / np.maximum(np.count_nonzero(counted, axis=1), 1)
    open_days = np.count_nonzero(~shut, axis=1)
    flat = np.where(shut, 0.0, (shut.shape[1] / np.maximum(open_days, 1))[:, None])
    known = level > 0.0
    shape = np.where(known[:, None], usual / np.where(known, level, 1.0)[:, None], flat)
    return np.asarray(quantity[:, None] * shape * uplift)


def blend(
    sensed: Floats, variance: Floats, planned: Floats, covered: NDArray[np.bool_], weight: Floats, ratio: Floats
) -> Blend:
    """Blend sensed forecasts with plans on the covered days.

    The variance is that of a mixture of both: each has the variance-to-mean ratio of its day, and where they differ the
    blend is less certain than either.

    Parameters
    ----------
    sensed, variance
        (n, h) sensed forecast.
    planned, covered
        (n, h) units of the plan, and the days that it covers.
    weight
        (n,) weight of the plan.
    ratio
        (n,) variance-to-mean ratio of days on which nothing is sensed.
    """
    share = np.where(covered, weight[:, None], 0.0)
    mean = sensed + share * (planned - sensed)
    mean = np.clip(mean, np.minimum(sensed, planned), np.maximum(sensed, planned))
    mean = np.where(covered, mean, sensed)
    ratios = np.divide(variance, sensed, out=np.repeat(ratio[:, None], sensed.shape[1], axis=1), where=sensed > 0.0)
    apart = share * (1.0 - share) * (planned - sensed) ** 2
    return Blend(mean, np.where(covered, ratios * mean + apart, variance), np.where(covered, planned, 0.0))
