"""The River models of one row: one per River member, and ADWIN, which tells when the errors of the forecast changed.

Each model is called once per day. What forecasts need of it is then copied to the row's River record, from which all 28
days are forecast without it.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN

from sensing.demand.demand_record import RIVER
from sensing.demand.members.registry import RIVER_MEMBERS

# River is typed in part only; what is called here is held to its contract by the conformance tests.
_Adwin: Any = ADWIN

DRIFT_DELTA = 0.2
"""ADWIN's bound is wide. At .2 a steady row of Poisson demand has a false alarm in a hundred years, a fourfold jump is
found within 20 days in nearly every row and a doubling in half of them; at the usual .002 neither ever is."""
DRIFT_CLOCK = 1
"""ADWIN looks for a change every day."""
ERROR_MAX = 4.0
"""Standardised errors are cut here before ADWIN sees them: one outlier is no drift."""

Day = tuple[float, float, float, float, dict[str, float]]
"""Units, factor, base, scale and features of a day, see `RiverMember`."""


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
        """New models of a row whose own members are at ``level``, in units per average day."""
        return cls([member.start(level) for member in RIVER_MEMBERS])

    def drifted(self, error: float) -> bool:
        """Whether ADWIN finds, with the standardised error of one more day, that errors are not what they were."""
        self.adwin.update(min(max(error, -ERROR_MAX), ERROR_MAX))
        return bool(self.adwin.drift_detected)


def learn_days(rows: Sequence[RiverRow], days: Sequence[Day]) -> None:
    """Let the models of each row learn a day."""
    for k, member in enumerate(RIVER_MEMBERS):
        learn = member.learn
        for row, (units, seasonal_index, base, scale, features) in zip(rows, days, strict=True):
            learn(row.models[k], units, seasonal_index, base, scale, features)


def write_coefficients(river: NDArray[Any], slots: NDArray[np.int64], rows: Sequence[RiverRow]) -> None:
    """Copy what the members' kernels read to the River records of these rows."""
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
