"""River models of one row: one per River member, and ADWIN, which detects drift of the forecast errors.

`DemandModels` calls each model once per closed day. It then copies the coefficients to the row's River record, from
which the kernels forecast all 28 days without calling Python.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN

from sensing.demand.demand_record import RIVER
from sensing.demand.members.registry import RIVER_MEMBERS

# River is only partly typed. The conformance tests check the calls made here.
_Adwin: Any = ADWIN

DRIFT_DELTA = 0.2
"""Confidence of ADWIN, whose bound is conservative. At .2 a steady row of Poisson demand has one false alarm in 100
years; ADWIN detects a fourfold jump within 20 days in nearly every row, and a doubling in half of the rows. With the
usual .002 it detects neither."""
DRIFT_CLOCK = 1
"""ADWIN tests for drift every this many days."""
ERROR_MAX = 4.0
"""Standardised errors are cut to this before ADWIN sees them, so that one outlier is not a drift."""

Day = tuple[float, float, float, float, dict[str, float]]
"""Units, seasonal index, base, scale and features of a day; see `RiverMember`."""


class RiverRow:
    """The River models of one row.

    Parameters
    ----------
    models
        One per member, in the order of ``RIVER_MEMBERS``.
    """

    __slots__ = ("adwin", "models")

    adwin: Any

    def __init__(self, models: list[Any]) -> None:
        self.models = models
        self.adwin = _Adwin(delta=DRIFT_DELTA, clock=DRIFT_CLOCK)

    @classmethod
    def started(cls, level: float) -> "RiverRow":
        """New models for a row whose own members have the combined level ``level``, in units per average day."""
        return cls([member.start(level) for member in RIVER_MEMBERS])

    def restart(self, level: float) -> None:
        """Take the level of the row's own members, in units per average day, after it has shifted."""
        for member, model in zip(RIVER_MEMBERS, self.models, strict=True):
            if member.restart is not None:
                member.restart(model, level)

    def drifted(self, error: float) -> bool:
        """Add the standardised error of a day to ADWIN; returns whether it detects a drift."""
        self.adwin.update(min(max(error, -ERROR_MAX), ERROR_MAX))
        return bool(self.adwin.drift_detected)


def learn_days(rows: Sequence[RiverRow], days: Sequence[Day]) -> None:
    """Learn one day with all models of each row."""
    for k, member in enumerate(RIVER_MEMBERS):
        learn = member.learn
        for row, (units, seasonal_index, base, scale, features) in zip(rows, days, strict=True):
            learn(row.models[k], units, seasonal_index, base, scale, features)


def write_coefficients(river: NDArray[Any], slots: NDArray[np.int64], rows: Sequence[RiverRow]) -> None:
    """Copy the coefficients of the models to the rows' River records, where the members' kernels read them."""
    for k, member in enumerate(RIVER_MEMBERS):
        coefficients, table = member.coefficients, []
        for row in rows:
            table += coefficients(row.models[k])
        values, start = np.array(table).reshape(len(rows), -1), 0
        for name, *_ in member.fields:
            shape = RIVER[name].shape
            stop = start + math.prod(shape)
            river[name][slots] = values[:, start:stop].reshape(-1, *shape)
            start = stop
