"""River's models of one row: Holt-Winters, a calendar regression and ADWIN, with what the forecast needs of them.

River is called once per model and day. Level, trend, season and weights are then copied to the row's River record, from
which all 28 days are forecast without it.
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
HOLT_WINTERS = {"alpha": 0.04, "beta": 0.001, "gamma": 0.01, "seasonality": 7}
LEARNING_RATE = 0.001
SHRINKAGE = 0.01
DRIFT_DELTA = 0.002
DRIFT_CLOCK = 7
ERROR_MAX = 4.0
"""Standardised errors are cut here before ADWIN sees them: one outlier is no drift."""


class RiverRow:
    """The River models of one row, started from what its smoothing has learned.

    Parameters
    ----------
    level
        Units per average day.
    season
        Seven additive weekday effects in units, the day after the last closed one first.
    """

    __slots__ = ("adwin", "holt_winters", "regression")

    holt_winters: Any
    regression: Any
    adwin: Any

    def __init__(self, level: float, season: list[float]) -> None:
        # River starts an additive season at ratios to the level, which are no units; the start is ours instead.
        self.holt_winters = _HoltWinters(**HOLT_WINTERS)
        self.holt_winters.level.append(level)
        self.holt_winters.trend.append(0.0)
        self.holt_winters.season.extend(season)
        self.holt_winters._initialized = True
        self.regression = _LinearRegression(SGD(LEARNING_RATE), l2=SHRINKAGE, intercept_lr=LEARNING_RATE)
        self.adwin = _Adwin(delta=DRIFT_DELTA, clock=DRIFT_CLOCK)

    def skip(self, days: int) -> None:
        """Let days pass that teach nothing: the season moves on, the level follows its own forecast."""
        for _ in range(days % 7):
            self.holt_winters.learn_one(self.holt_winters.forecast(1)[0])

    def learn_one(self, features: dict[str, float], units: float, correction: float, error: float) -> bool:
        """Learn a day; True where ADWIN found that the errors are no longer what they were.

        Parameters
        ----------
        features
            Of the day, by names in ``NAMES``; absent ones are zero.
        units
            Demand of the day.
        correction
            What the smoothing missed, in units of the row's scale.
        error
            Standardised error of the combined forecast; NaN where it was not judged.
        """
        self.holt_winters.learn_one(units)
        self.regression.learn_one(features, correction)
        if error != error:
            return False
        self.adwin.update(min(max(error, -ERROR_MAX), ERROR_MAX))
        return bool(self.adwin.drift_detected)

    def coefficients(self, weekday: int) -> list[float]:
        """Level, trend, season (Monday first), weights by ``NAMES``, intercept; ``weekday`` is the last learned."""
        smoothing = self.holt_winters
        coming = list(smoothing.season)[-7:]
        turn = 6 - weekday
        weights = self.regression.weights
        return [
            smoothing.level[-1],
            smoothing.trend[-1],
            *coming[turn:],
            *coming[:turn],
            *(weights.get(name, 0.0) for name in NAMES),
            self.regression.intercept,
        ]


def write_coefficients(river: NDArray[Any], slots: NDArray[np.int64], table: list[list[float]]) -> None:
    """Copy coefficients of many rows to their River records."""
    values = np.array(table, np.float64).reshape(len(table), 10 + len(NAMES))
    river["level"][slots] = values[:, 0]
    river["trend"][slots] = values[:, 1]
    river["season"][slots] = values[:, 2:9]
    river["weight"][slots] = values[:, 9:-1]
    river["intercept"][slots] = values[:, -1]
