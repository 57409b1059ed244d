"""Effect of signals (weather, market, service tickets) on the demand of rows: learned, scored, used while it pays.

`sensing.demand.signal_table` keeps the numbers and calls it. The functions take
columns: (n, k) numbers of n rows with up to k signals each.

The factor of a signal on a day's demand is ``1 + b z``, with z its value in standard deviations, within ``FACTOR_MIN``
to ``FACTOR_MAX``; the product over the signals of a row has the same bounds. The effect b is the posterior mean of a
regression without intercept of ``units / expected - 1`` on z, where ``expected`` has the factors of the other signals
in force. Its prior mean is zero and counts as ``PRIOR_DAYS``; the row's pool (same signal, category and region) counts
as at most ``POOL_DAYS``. Days have the weights of promoted days, so a day with few expected units says little.

Each day is scored before it is learned: the squared errors of the forecast with and without the signal, in multiples of
the variance of the day. The gain of a day is their difference. A signal is used when the gains of a row, or of its
pool, are clearly positive (`t_value`), and dropped when they are not any more. Thresholds to start and to stop differ.
A signal that is dropped starts anew. So most signals that say nothing are never used, although they are asked each day.

Source: the effect is ridge regression as a posterior mean (Gelman et al., BDA3, 14.8); the comparison is the test of
equal forecast accuracy of Diebold and Mariano (1995), Comparing predictive accuracy, with discounted sums.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.demand.promotion_uplift import DAY_VARIANCE

FACTOR_MIN, FACTOR_MAX = 1.0 / 3.0, 3.0
PRIOR_DAYS = 3.0
POOL_DAYS = 14.0
POOL_DAY_MAX = 4.0
"""A day counts in a pool as at most this many days of a row: what happens to all rows at once is one observation."""
DISCOUNT = 0.99
"""Discount of what is learned, per day: about the last 100 count."""
GAIN_DISCOUNT, RECENT_DISCOUNT, POOL_GAIN_DISCOUNT = 0.985, 0.97, 0.995
"""Discount of gains, per day: of a row; of late, of a row or pool; of a pool, whose effect may be small."""
RATIO_MAX = 5.0
"""A day teaches at most this multiple of what was expected, as in `row_statistics.taught_day`."""
ERROR_MAX = 16.0
"""Bound of a squared error in variances: one day is never a proof."""
DAYS_MIN, POOL_ROW_DAYS_MIN = 28, 7
"""Scored days before a signal is used: by the row's own gains; of the row, by the gains of its pool."""
START_T, START_POOL_T = 2.1, 2.5
ERROR_RATIO_MAX = 0.98
"""A signal is used if it lowers the row's mean squared error by this factor or more."""
STOP_RECENT_T = -0.7
OPPOSED_T = -0.5
POOL_STAYS_T = 1.0

Floats = NDArray[np.float64]


class Comparison(NamedTuple):
    """Discounted sums over scored days: gains, their squares, squared errors without and with the signal; and days."""

    gain: Floats
    gain_square: Floats
    recent: Floats
    recent_square: Floats
    without: Floats
    with_signal: Floats
    days: NDArray[np.int64]


def effect(moment: Floats, square: Floats, pool_moment: Floats, pool_square: Floats) -> Floats:
    """Effect b of signals per standard deviation, from sums of w z y and w z^2 of rows and of their pools."""
    counted = POOL_DAYS / np.maximum(pool_square, POOL_DAYS)
    return np.asarray((moment + counted * pool_moment) / (square + counted * pool_square + PRIOR_DAYS))


def factors(effects: Floats, z: Floats) -> Floats:
    """Factor of each signal on demand; 1 where z is not known."""
    return np.where(np.isnan(z), 1.0, np.clip(1.0 + effects * np.where(np.isnan(z), 0.0, z), FACTOR_MIN, FACTOR_MAX))


def product(each: Floats, used: NDArray[np.bool_]) -> Floats:
    """Product over the last axis of the factors that are used, within the bounds; exactly 1 if none is."""
    return np.asarray(np.clip(np.where(used, each, 1.0).prod(axis=-1), FACTOR_MIN, FACTOR_MAX))


def product_of_others(each: Floats, used: NDArray[np.bool_]) -> Floats:
    """(n, k) product of the factors in force without that of each column."""
    columns = [product(each, used & (np.arange(each.shape[1]) != k)) for k in range(each.shape[1])]
    return np.stack(columns, axis=1)


def scores(units: Floats, usual: Floats, others: Floats, each: Floats, dispersion: Floats) -> tuple[Floats, Floats]:
    """(n, k) squared errors without and with each signal, in variances of the day, bounded.

    Parameters
    ----------
    units, usual, dispersion
        (n,) demand, forecast without any signal, variance-to-mean ratio.
    others, each
        (n, k) product of the factors of the other signals in force; factor of each signal.
    """
    without = usual[:, None] * others
    with_signal = usual[:, None] * np.clip(others * each, FACTOR_MIN, FACTOR_MAX)
    variance = np.maximum(dispersion, 1.0)[:, None] * np.maximum(without, 0.25)
    errors = [np.minimum((units[:, None] - mean) ** 2 / variance, ERROR_MAX) for mean in (without, with_signal)]
    return errors[0], errors[1]


def day_weights(expected: Floats, dispersion: Floats) -> Floats:
    """(n, k) days that a day counts as, as `promotion_uplift.day_weight`; 0 where nothing is expected."""
    noise = np.maximum(dispersion, 1.0)[:, None]
    known = np.where(expected > 0.0, expected, 1.0)
    return np.where(expected > 0.0, 1.0 / (1.0 + noise / (DAY_VARIANCE * known)), 0.0)


def lesson(units: Floats, usual: Floats, others: Floats, z: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """What a day teaches each signal: w z y and w z^2, zero where z is not known."""
    expected = usual[:, None] * others
    ratio = np.divide(units[:, None], expected, out=np.ones_like(expected), where=expected > 0.0)
    y = np.minimum(ratio, RATIO_MAX) - 1.0
    known = np.where(np.isnan(z), 0.0, z)
    return weight * known * y, weight * known * known


def t_value(gain: Floats, gain_square: Floats) -> Floats:
    """Sum of gains in standard errors; 0 without gains."""
    return np.divide(gain, np.sqrt(gain_square), out=np.zeros_like(gain), where=gain_square > 0.0)


def starts(seen: Comparison, pool_t: Floats, pool_days: Floats) -> NDArray[np.bool_]:
    """Whether signals that are not in force pay, by their rows or by their pools."""
    own = t_value(seen.gain, seen.gain_square)
    pays = (seen.days >= DAYS_MIN) & (own >= START_T) & (seen.with_signal <= ERROR_RATIO_MAX * seen.without)
    of_pool = (pool_days >= DAYS_MIN) & (pool_t >= START_POOL_T)
    return np.asarray(pays | (of_pool & (seen.days >= POOL_ROW_DAYS_MIN) & (own >= OPPOSED_T)))


def stops(seen: Comparison, pool_t: Floats) -> NDArray[np.bool_]:
    """Whether signals in force do not pay any more."""
    worse = t_value(seen.recent, seen.recent_square) < STOP_RECENT_T
    return np.asarray(worse | ((seen.gain < 0.0) & (pool_t < POOL_STAYS_T)))
