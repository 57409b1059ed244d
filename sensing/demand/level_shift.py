"""Shifts of a row's level: have its last days another rate of order lines than the one learned? Day learning calls it.

A shift multiplies the rate by one of ``RATIOS``; ``HAZARDS`` are the chances that one begins on a day. The row keeps
for each ratio the posterior odds of "it has shifted so, some day" against "it has not":

    odds = (odds + hazard) x min(likelihood ratio of the day, exp(EVIDENCE_MAX))

The bound makes that a few days far out of line are no shift, however far. Counts are Poisson around the level before
the shift; the log-likelihood is divided by the factor of overdispersion and serial correlation on the variance of a sum
of days. While a shift is in doubt, its expected factor multiplies the forecast, as an uplift does, so the members learn
only what it leaves. It is the discounted mean of the days in doubt, so that it ends with what has caused it. It is
accepted at ``ODDS_ACCEPTED``: then every level is made anew from it. If the days before come back instead, the odds
vanish, and with them the factor.

A day far out of line teaches little: its weight is the posterior chance that it belongs to the level, if a day of
another rate has the prior chances ``OUTLIERS``. Days of a rise in doubt teach only as far as there may be none, since
most rises pass.

Source: Shiryaev (1963), On optimum methods in quickest detection problems, for the recursion; Gelman et al., BDA3, 2.6,
for the rate behind the days since, with a gamma prior of ``PRIOR_LINES`` lines at the level before.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.row_statistics import has_level, level_gain, shrunk_dispersion
from sensing.jit import kernel

RATIOS = np.array([0.1, 0.5, 2.0, 4.0])
HAZARDS = np.array([0.0006, 0.002, 0.001, 0.002])
OUTLIERS = np.array([0.002, 0.003, 0.003, 0.002])
EVIDENCE_MAX = 2.5
OUTLIER_EVIDENCE_MAX = 30.0
ODDS_DOUBT = 0.05
"""With smaller odds the level is not in doubt, and a shift would begin with the next day."""
ODDS_ACCEPTED = 20.0
ODDS_MAX = 1e6
EXPOSURE_MIN = 14.0
"""Average days that a level must be learned from before it can shift."""
PRIOR_LINES = 6.0
DAY_TIMES_MAX, DAY_LINES_MORE = 2.5, 2.0
"""Of a day in doubt count at most this many times the expected lines and a few, or a surge would outlast its days."""
DOUBT_DISCOUNT = 0.8
"""Per day, on the days in doubt: what is over is no shift."""
WINDOW_MIN = 8.0
"""Days that are in doubt, at least."""
BASE_RATE = 0.02
CORRELATION_PRIOR_DAYS = 5.0
HISTORY_DAYS_MAX = 60.0
CORRELATION_MAX = 0.85
SHIFT_FOLLOWED = 0.25
"""A shift in doubt whose expected factor is so far from 1 is followed: it has the row planned and published."""
_COUNT = len(RATIOS)
_LOG_RATIOS = np.log(RATIOS)


@kernel
def line_spread(demand: NDArray[Any], row: int) -> float:
    """Variance-to-mean ratio of a row's order lines a day, as `shrunk_dispersion`."""
    days = min(float(demand[row]["days"]), HISTORY_DAYS_MAX)
    return shrunk_dispersion(demand[row]["base_square"], demand[row]["base_lines"], days)


@kernel
def serial_factor(demand: NDArray[Any], row: int) -> float:
    """Factor of serial correlation on the variance of a sum of a row's days: (1 + r) / (1 - r), at least 1.

    r is the correlation of neighbouring days; its prior of none counts as ``CORRELATION_PRIOR_DAYS``.
    """
    if not demand[row]["base_square"] > 0.0:
        return 1.0
    days = min(float(demand[row]["days"]), HISTORY_DAYS_MAX)
    correlation = demand[row]["base_product"] / demand[row]["base_square"] * days / (days + CORRELATION_PRIOR_DAYS)
    correlation = min(max(correlation, 0.0), CORRELATION_MAX)
    factor: float = (1.0 + correlation) / (1.0 - correlation)
    return factor


@kernel
def weigh_day(demand: NDArray[Any], row: int, lines: float, seasonal_index: float) -> float:
    """Update the odds of a shift with the order lines of a day; returns the weight, 0 to 1, with which it teaches.

    ``seasonal_index`` is that of the observed share of the day, without the factor of a shift in doubt.
    """
    base, exposure = demand[row]["base_lines"], demand[row]["exposure"]
    if exposure < EXPOSURE_MIN or base <= 0.0:
        return 1.0
    expected = base * seasonal_index
    # A level that is known from few days adds to the spread of a sum, the more the longer the sum is.
    window = max(WINDOW_MIN, demand[row]["shift_expected"] / base)
    spread = line_spread(demand, row) * serial_factor(demand, row) * (1.0 + window / exposure)
    total = 0.0
    outlier = 0.0
    for k in range(_COUNT):
        evidence = (lines * _LOG_RATIOS[k] - expected * (RATIOS[k] - 1.0)) / spread
        outlier += OUTLIERS[k] * math.exp(min(evidence, OUTLIER_EVIDENCE_MAX))
        odds = (demand[row]["shift_odds"][k] + HAZARDS[k]) * math.exp(min(evidence, EVIDENCE_MAX))
        demand[row]["shift_odds"][k] = min(odds, ODDS_MAX)
        total += odds
    if total < ODDS_DOUBT:
        demand[row]["shift_lines"] = 0.0
        demand[row]["shift_expected"] = 0.0
    else:
        taught = min(lines, DAY_TIMES_MAX * expected + DAY_LINES_MORE)
        demand[row]["shift_lines"] = DOUBT_DISCOUNT * demand[row]["shift_lines"] + taught
        demand[row]["shift_expected"] = DOUBT_DISCOUNT * demand[row]["shift_expected"] + expected
    return 1.0 / ((1.0 + outlier) * (1.0 + rise_odds(demand, row)))


@kernel
def rise_odds(demand: NDArray[Any], row: int) -> float:
    """Odds that a row's level has shifted upward."""
    total = 0.0
    for k in range(_COUNT):
        if RATIOS[k] > 1.0:
            total += demand[row]["shift_odds"][k]
    return total


@kernel
def shift_odds(demand: NDArray[Any], row: int) -> float:
    """Odds that a row's level has shifted by any of the ratios."""
    total = 0.0
    for k in range(_COUNT):
        total += demand[row]["shift_odds"][k]
    return total


@kernel
def learn_base(
    demand: NDArray[Any], row: int, lines: float, seasonal_index: float, observed: float, weight: float
) -> None:
    """Update the level of order lines that shifts are measured against, and the errors of its days.

    ``weight`` is that of `weigh_day`. The days of a fall that is in doubt teach it only as far as there may be none.
    """
    weight /= 1.0 + shift_odds(demand, row) - rise_odds(demand, row)
    error = lines - demand[row]["base_lines"] * seasonal_index
    rate = weight * level_gain(BASE_RATE, demand[row]["exposure"], seasonal_index)
    demand[row]["base_lines"] = max(0.0, demand[row]["base_lines"] + rate * error)
    if not has_level(demand, row):
        return
    rate = weight * max(BASE_RATE, 1.0 / float(demand[row]["days"]))
    demand[row]["base_square"] += rate * (error * error / observed - demand[row]["base_square"])
    demand[row]["base_product"] += rate * (error * demand[row]["base_error"] - demand[row]["base_product"])
    demand[row]["base_error"] = error


@kernel
def expect_shift(demand: NDArray[Any], row: int) -> bool:
    """Update the expected factor of a shift on the level; returns whether the shift is accepted.

    The days since it began are shrunk to the level before, and to the ratio that is likely if that is below 1: what has
    stopped has not stopped in part.
    """
    if demand[row]["shift_expected"] <= 0.0:
        demand[row]["shift"] = 0.0
        return False
    total = shift_odds(demand, row)
    likely = 0.0
    for k in range(_COUNT):
        likely += demand[row]["shift_odds"][k] * RATIOS[k] / total
    prior = PRIOR_LINES * line_spread(demand, row)
    factor = (demand[row]["shift_lines"] + prior * min(1.0, likely)) / (demand[row]["shift_expected"] + prior)
    demand[row]["shift"] = total / (1.0 + total) * (factor - 1.0)
    return total >= ODDS_ACCEPTED


@kernel
def shift_variance(demand: NDArray[Any], row: int, level: float, square: float) -> float:
    """Variance of a level because of a shift in doubt, in multiples of the variance of a day.

    The factor is 1 or f with odds o, so its mean is 1 + m with m = (f - 1) o / (1 + o), and its variance is m^2 / o.

    Parameters
    ----------
    level, square
        Units of an average day with the expected factor, and the variance of such a day.
    """
    total = shift_odds(demand, row)
    if demand[row]["shift"] == 0.0 or total <= 0.0 or square <= 0.0:
        return 0.0
    moved = level * demand[row]["shift"] / (1.0 + demand[row]["shift"])
    variance: float = moved * moved / (total * square)
    return variance


@kernel
def accept_shift(demand: NDArray[Any], row: int, day: int) -> None:
    """Take the shifted level for the row's level of order lines, as learned from the days since the shift began."""
    factor = 1.0 + demand[row]["shift"]
    prior = PRIOR_LINES * line_spread(demand, row)
    learned = (demand[row]["shift_expected"] + prior) / demand[row]["base_lines"]
    demand[row]["exposure"] = min(demand[row]["exposure"], max(learned, 3.0))
    demand[row]["prior_days"] = 0.0
    demand[row]["base_lines"] *= factor
    demand[row]["base_square"] *= factor
    demand[row]["base_product"] *= factor
    demand[row]["usual_lines"][0] = demand[row]["base_lines"]
    demand[row]["lines_square"] *= factor
    demand[row]["shift"] = 0.0
    demand[row]["shift_day"] = day
    demand[row]["shift_lines"] = 0.0
    demand[row]["shift_expected"] = 0.0
    for k in range(_COUNT):
        demand[row]["shift_odds"][k] = 0.0
