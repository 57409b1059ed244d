"""Rescaling: the learned demand of rows in another base unit. `DemandModels` calls it.

A base unit may change, from kilograms to grams say. Then every quantity that was learned is multiplied by the units of
the new base unit in one of the old.

What a row takes over from its location is in units of its order lines, so that it needs no change.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.demand_record import DEMAND, RIVER
from sensing.demand.members.registry import MEMBERS, RIVER_MEMBERS
from sensing.demand.river_row import RiverRow, write_coefficients
from sensing.demand.river_snapshot import MODEL

ROW_POWERS: dict[str, int] = {
    "error": 2, "size_mean": 1, "size_square": 2, "newest_size": 1, "line_size": 1, "weekday_quantity": 1,
    "weekday_expected": 1, "square": 2, "expected": 1, "sum_level": 1, "sum_gap": 1, "sum_dispersion": 1,
    "sum_expected": 1, "sum_units": 1, "near_level": 1,
    "score_absolute": 1, "score_error": 1, "score_quantity": 1,
    **{name: 1 for member in MEMBERS for name in member.in_units},
}  # fmt: skip
"""Powers of the unit in fields of `DEMAND`; all other fields have none."""
RIVER_POWERS: dict[str, int] = {"scale": 1, "error": 2}
"""Powers of the unit in fields of `RIVER` that are no coefficients of a model."""
assert ROW_POWERS.keys() <= set(DEMAND.names or ())
assert RIVER_POWERS.keys() <= set(RIVER.names or ())


def rescale_rows(
    demand: NDArray[Any], river: NDArray[Any], models: dict[int, RiverRow], rows: NDArray[np.int64], factor: float
) -> None:
    """Multiply what was learned of rows by ``factor``: new base units in an old one."""
    for name, power in ROW_POWERS.items():
        demand[name][rows] *= factor**power
    if factor % 1.0:
        demand["fractional"][rows] = 1
    for row in rows.tolist():
        if row in models:
            slot = int(demand["slot"][row]) - 1
            for name, power in RIVER_POWERS.items():
                river[name][slot] *= factor**power
            models[row].models = rescaled_models(models[row].models, factor)
            write_coefficients(river, np.array([slot]), [models[row]])


def rescaled_models(models: Sequence[Any], factor: float) -> list[Any]:
    """River models of a row whose quantities are multiplied by ``factor``."""
    entry, found = np.zeros(1, MODEL)[0], []
    for member, model in zip(RIVER_MEMBERS, models, strict=True):
        member.save(model, entry)
        for name in member.in_units:
            entry[name] *= factor
        found.append(member.restore(entry))
    return found
