"""River's models of one row: Holt-Winters, a calendar regression and ADWIN, with what the forecast needs of them.

River is called once per model and day. Level, trend and weights are then copied to the row's River record, from which
all 28 days are forecast without it.

Holt-Winters runs on the series without its weekday factors. Its own season of seven terms was measured on M5 and was
worse (RMSSE .7495 alone against .7478 of this one): a row sees each weekday too rarely, and the pool's profile is not
open to it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN
from river.linear_model import LinearRegression
from river.optim import SGD
from river.time_series import HoltWinters

# River is typed in part only; what is called here is held to its contract by the conformance tests.
_HoltWinters: Any = HoltWinters
_LinearRegression: Any = LinearRegression
_Adwin: Any = ADWIN

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NAMES = (*WEEKDAYS, "holiday", "promoted", "month")
HOLT_WINTERS = {"alpha": 0.04, "beta": 0.001}
FACTOR_MIN = 0.2
"""A day worth less than this share of an average one says nothing reliable about the level."""
LEARNING_RATE = 0.001
SHRINKAGE = 0.01
DRIFT_DELTA = 0.2
"""ADWIN's bound is wide. At .2 a steady row of Poisson demand has a false alarm in a hundred years, a fourfold jump is
found within 20 days in nearly every row and a doubling in half of them; at the usual .002 neither ever is."""
DRIFT_CLOCK = 1
"""ADWIN looks for a change every day."""
ERROR_MAX = 4.0
"""Standardised errors are cut here before ADWIN sees them: one outlier is no drift."""


class RiverRow:
    """The River models of one row, started at what its smoothing has learned.

    Parameters
    ----------
    level
        Units per average day.
    """

    __slots__ = ("adwin", "holt_winters", "regression")

    holt_winters: Any
    regression: Any
    adwin: Any

    def __init__(self, level: float) -> None:
        self.holt_winters = _HoltWinters(**HOLT_WINTERS)
        # Two equal values make River start at this level without a trend.
        self.holt_winters.learn_one(level)
        self.holt_winters.learn_one(level)
        self.regression = _LinearRegression(SGD(LEARNING_RATE), l2=SHRINKAGE, intercept_lr=LEARNING_RATE)
        self.adwin = _Adwin(delta=DRIFT_DELTA, clock=DRIFT_CLOCK)

    def learn_one(
        self, features: dict[str, float], units: float, factor: float, correction: float, error: float
    ) -> bool:
        """Learn a day; True where ADWIN found that the errors are no longer what they were.

        Parameters
        ----------
        features
            Of the day, by names in ``NAMES``; absent ones are zero.
        units, factor
            Demand of the day and what the day was worth in average days.
        correction
            What the smoothing missed, in units of the row's scale.
        error
            Standardised error of the combined forecast; NaN where it was not judged.
        """
        if factor >= FACTOR_MIN:
            self.holt_winters.learn_one(units / factor)
        self.regression.learn_one(features, correction)
        if error != error:
            return False
        self.adwin.update(min(max(error, -ERROR_MAX), ERROR_MAX))
        return bool(self.adwin.drift_detected)

    def coefficients(self) -> list[float]:
        """Level, trend, regression weights by ``NAMES``, intercept."""
        weight = self.regression.weights.get
        level, trend = self.holt_winters.level[-1], self.holt_winters.trend[-1]
        return [level, trend, *[weight(name, 0.0) for name in NAMES], self.regression.intercept]


def write_coefficients(river: NDArray[Any], slots: NDArray[np.int64], table: list[float]) -> None:
    """Copy the coefficients of many rows, one row's behind the other's, to their River records."""
    values = np.array(table).reshape(slots.size, -1)
    river["level"][slots] = values[:, 0]
    river["trend"][slots] = values[:, 1]
    river["weight"][slots] = values[:, 2:-1]
    river["intercept"][slots] = values[:, -1]
