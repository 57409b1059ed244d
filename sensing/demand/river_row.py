"""The River models of one row: one per River member, and ADWIN, which tells when the errors of the forecast changed.

Each model is called once per day. What forecasts need of it is then copied to the row's River record, from which all 28
days are forecast without it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN

from sensing.demand.members.registry import RIVER_MEMBERS
from sensing.demand.record import RIVER

# River is typed in part only; what is called here is held to its contract by the conformance tests.
_Adwin: Any = ADWIN

DRIFT_DELTA = 0.2
"""ADWIN's bound is wide. At .2 a steady row of Poisson demand has a false alarm in a hundred years, a fourfold jump is
found within 20 days in nearly every row and a doubling in half of them; at the usual .002 neither ever is."""
DRIFT_CLOCK = 1
"""ADWIN looks for a change every day."""
ERROR_MAX = 4.0
"""Standardised errors are cut here before ADWIN sees them: one outlier is no drift."""
_LEARN = tuple(member.learn for member in RIVER_MEMBERS)
_COEFFICIENTS = tuple(member.coefficients for member in RIVER_MEMBERS)


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

    def learn_one(
        self, units: float, factor: float, base: float, scale: float, features: dict[str, float], error: float
    ) -> bool:
        """Learn a day; True where ADWIN found that the errors are no longer what they were.

        Parameters
        ----------
        units, factor, base, scale, features
            See `RiverMember`.
        error
            Standardised error of the combined forecast; NaN where it was not judged.
        """
        for learn, model in zip(_LEARN, self.models, strict=True):
            learn(model, units, factor, base, scale, features)
        if error != error:
            return False
        self.adwin.update(min(max(error, -ERROR_MAX), ERROR_MAX))
        return bool(self.adwin.drift_detected)

    def coefficients(self) -> list[float]:
        """Values of the members' fields of `RIVER`, one behind the other."""
        found: list[float] = []
        for coefficients, model in zip(_COEFFICIENTS, self.models, strict=True):
            found += coefficients(model)
        return found


def write_coefficients(river: NDArray[Any], slots: NDArray[np.int64], table: list[float]) -> None:
    """Copy the coefficients of many rows, one row's behind the other's, to their River records."""
    values, start = np.array(table).reshape(slots.size, -1), 0
    for name, *_ in (field for member in RIVER_MEMBERS for field in member.fields):
        shape = RIVER[name].shape
        stop = start + int(np.prod(shape, dtype=np.int64))
        river[name][slots] = values[:, start:stop].reshape(slots.size, *shape)
        start = stop
