"""River models as numbers: what `DemandModels` writes to a snapshot in place of Python objects.

Holt-Winters is its level and trend, the regression its weights in the order in which they were first used (sums are
added up in that order). ADWIN keeps its window in an object without fields; it gives its state as bytes, which only
the same version of River is known to read.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from river.__version__ import __version__ as RIVER_VERSION

from sensing.demand.river_row import NAMES, RiverRow
from sensing.state.snapshot import WAY_OUT, Encoded, SnapshotError, pack, unpack

MODEL = np.dtype(
    [
        ("row", "i8"),
        ("level", "f8"),  # Holt-Winters
        ("trend", "f8"),
        ("intercept", "f8"),  # regression
        ("weight", "f8", (len(NAMES),)),
        ("steps", "i8"),  # of the optimiser
        ("names", "u1", (len(NAMES),)),  # 1 + position in NAMES of each weight; 0: no more
        ("window", "i8"),  # bytes of ADWIN's state
        ("changed", "u1"),  # what ADWIN said of the last error
    ],
    align=True,
)


class _Library(msgspec.Struct, frozen=True):
    version: str


def dump_river_rows(models: dict[int, RiverRow]) -> bytes:
    """The models of all rows as bytes."""
    table, windows = np.zeros(len(models), MODEL), []
    for entry, (row, model) in zip(table, models.items(), strict=True):
        windows.append(_write(entry, row, model))
    library = Encoded(_Library(RIVER_VERSION), _Library)
    return pack({"library": library, "models": table, "windows": b"".join(windows)})


def load_river_rows(block: bytes) -> dict[int, RiverRow]:
    """Models of :func:`dump_river_rows`, which go on exactly as the dumped ones would.

    Raises
    ------
    SnapshotError
        Another version of River wrote the state of ADWIN.
    """
    parts = unpack(block, {"library": _Library, "models": MODEL})
    version = parts["library"].version
    if len(parts["models"]) and version != RIVER_VERSION:
        msg = f"snapshot of ADWIN: required River {RIVER_VERSION}, got that of {version}; "
        raise SnapshotError(msg + f"install River {version}, or {WAY_OUT}")
    models, start = {}, 0
    for entry in parts["models"]:
        stop = start + int(entry["window"])
        models[int(entry["row"])] = _read(entry, parts["windows"][start:stop])
        start = stop
    return models


def _write(entry: Any, row: int, model: RiverRow) -> bytes:
    """Fill a MODEL record; returns the state of ADWIN."""
    window: bytes = model.adwin._helper.__getstate__()
    weights = model.regression.weights
    entry["row"], entry["window"], entry["changed"] = row, len(window), model.adwin.drift_detected
    entry["level"], entry["trend"] = model.holt_winters.level[-1], model.holt_winters.trend[-1]
    entry["intercept"], entry["steps"] = model.regression.intercept, model.regression.optimizer.n_iterations
    for k, name in enumerate(weights):
        entry["names"][k], entry["weight"][k] = NAMES.index(name) + 1, weights[name]
    return window


def _read(entry: Any, window: bytes) -> RiverRow:
    model = RiverRow(float(entry["level"]))
    model.holt_winters.trend[-1] = float(entry["trend"])
    model.regression.intercept = float(entry["intercept"])
    model.regression.optimizer.n_iterations = int(entry["steps"])
    places: NDArray[np.uint8] = entry["names"][entry["names"] > 0]
    for place, weight in zip(places.tolist(), entry["weight"].tolist(), strict=False):
        model.regression._weights[NAMES[place - 1]] = weight
    model.adwin._helper.__setstate__(window)
    model.adwin._drift_detected = bool(entry["changed"])
    return model
