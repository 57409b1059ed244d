"""Snapshot of River models: numbers instead of Python objects. `DemandModels` calls it.

Each member defines the fields that it saves. ADWIN hides its window in a compiled object, whose state it returns as
bytes. Only the River version that wrote these bytes is known to read them.
"""

from typing import Any

import msgspec
import numpy as np
from river.__version__ import __version__ as RIVER_VERSION

from sensing.demand.members.registry import RIVER_MEMBERS
from sensing.demand.river_row import RiverRow
from sensing.state.snapshot import REMEDY, Encoded, SnapshotError, pack, unpack

MODEL = np.dtype(
    [
        ("row", "i8"),
        *(field for member in RIVER_MEMBERS for field in member.saved),
        ("window", "i8"),  # bytes of ADWIN's state
        ("changed", "u1"),  # whether ADWIN detected a drift at the last error
    ],
    align=True,
)


class _Library(msgspec.Struct, frozen=True):
    version: str


def dump_river_rows(models: dict[int, RiverRow]) -> bytes:
    """Models of all rows as bytes."""
    table, windows = np.zeros(len(models), MODEL), []
    for entry, (row, river_row) in zip(table, models.items(), strict=True):
        window: bytes = river_row.adwin._helper.__getstate__()
        entry["row"], entry["window"], entry["changed"] = row, len(window), river_row.adwin.drift_detected
        for member, model in zip(RIVER_MEMBERS, river_row.models, strict=True):
            member.save(model, entry)
        windows.append(window)
    library = Encoded(_Library(RIVER_VERSION), _Library)
    return pack({"library": library, "models": table, "windows": b"".join(windows)})


def load_river_rows(block: bytes) -> dict[int, RiverRow]:
    """Restore the models of :func:`dump_river_rows`. They continue exactly as the dumped ones would.

    Raises
    ------
    SnapshotError
        Another version of River wrote the state of ADWIN.
    """
    parts = unpack(block, {"library": _Library, "models": MODEL})
    version = parts["library"].version
    if len(parts["models"]) and version != RIVER_VERSION:
        msg = f"snapshot of ADWIN: required River {RIVER_VERSION}, got that of {version}; "
        raise SnapshotError(msg + f"install River {version}, or {REMEDY}")
    models, start = {}, 0
    for entry in parts["models"]:
        stop = start + int(entry["window"])
        models[int(entry["row"])] = _read(entry, parts["windows"][start:stop])
        start = stop
    return models


def _read(entry: Any, window: bytes) -> RiverRow:
    found = RiverRow([member.restore(entry) for member in RIVER_MEMBERS])
    found.adwin._helper.__setstate__(window)
    found.adwin._drift_detected = bool(entry["changed"])
    return found
