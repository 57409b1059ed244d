"""Values of all features of a day: as an array for member kernels, and as a dictionary by name for River."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.features import FEATURES, KnownDay
from sensing.demand.members.compose import filling
from sensing.jit import kernel

_fill = filling([feature.value for feature in FEATURES])
_SHARED = [k for k, feature in enumerate(FEATURES) if not feature.of_row]
_OWN = [k for k, feature in enumerate(FEATURES) if feature.of_row]
_OWN_NAMES = [FEATURES[k].name for k in _OWN]


@kernel
def features_of(known: KnownDay, out: NDArray[np.float64]) -> None:
    """Fill ``out`` with the features of a day, in the order of ``FEATURES``."""
    _fill(out, known)


@kernel
def features_of_rows(day: int, holiday: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Fill ``out`` (n, features) with the features of a local day of n rows."""
    for i in range(out.shape[0]):
        _fill(out[i], KnownDay(day, holiday[i]))


def features_by_name(day: int, holiday: NDArray[np.float64]) -> list[dict[str, float]]:
    """Features of a local day of n rows as dictionaries for River; a missing feature is zero.

    Features of the day come first, then those of the row if any of these is not zero. River sums in this order, and the
    last bits of a sum depend on the order. Rows without features of their own share one dictionary.
    """
    table = np.empty((holiday.size, len(FEATURES)))
    features_of_rows(day, holiday, table)
    shared = {FEATURES[k].name: value for k in _SHARED if (value := float(table[0, k]))}
    own: list[list[Any]] = table[:, _OWN].tolist()
    return [{**shared, **dict(zip(_OWN_NAMES, values, strict=True))} if any(values) else shared for values in own]
