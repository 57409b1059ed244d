"""Kernel tables: the arrays of a shard that its kernels use, and the outcomes and callback entries that they return."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Tables(NamedTuple):
    """All arrays of one shard. Kernels change them in place; get the tables again after an array may have grown."""

    hot: NDArray[Any]
    demand: NDArray[Any]
    pools: NDArray[Any]
    supply: NDArray[Any]
    lines: NDArray[Any]
    line_index: NDArray[np.int64]
    line_state: NDArray[np.int64]
    units: NDArray[np.uint64]  # codes of units, see state.text_codes
    currencies: NDArray[np.uint64]
    zone_starts: NDArray[np.int64]
    zone_offsets: NDArray[np.int64]
    location_zone: NDArray[np.int32]
    location_ships: NDArray[np.bool_]  # whether each location reports shipments
    location_reports: NDArray[np.bool_]  # whether shipments, deliveries or counts were heard of for each location
    location_lines: NDArray[Any]  # order lines per local hour, see state.locations
    location_unobserved: NDArray[np.float32]  # (locations, days kept) share of each local day that was not observed
    ignores_orders: NDArray[np.bool_]  # by row, maybe of fewer rows: orders are no demand, only transfers are
    summed_until: NDArray[np.int32]  # by row: newest local day whose demand was given as a sum; NO_DAY: none
    newest_sum: NDArray[np.int32]  # (1,) newest of these days, which tells of most lines that they are later
    counts: NDArray[np.int64]  # (topics, partitions, outcomes)


ABSORBED, ABSORBED_LATE, DUPLICATE, SUPERSEDED, HELD_BACK, DEAD_LETTER, RELEASED, UNKNOWN_LINE = range(8)
REJECTED = -1
"""Outcome of a record that a callback puts out as a dead letter and counts."""
TO_JUDGE = -2
"""Outcome of a record that was not applied: Python must judge its quantity first."""

UNJUDGED, JUDGED_LARGE, JUDGED_IMPOSSIBLE = 0, 1, 2

SURGE, IMPOSSIBLE, RELEASE, LOW_STOCK, CONFLICT, AMBIGUOUS, LARGE_LINE, COUNT_DRIFT = 1, 2, 3, 4, 5, 6, 7, 8

CALLBACKS_MAX = 8
CALLBACK = np.dtype([("kind", "u1"), ("row", "i4"), ("quantity", "f8")], align=True)
"""A callback entry: the kernel asks Python to check a row.

``kind`` is a surge, a held line, a released line (``quantity``: its units), low stock, a version in conflict with the
line at a slot (``quantity``), a change of one of several lines that does not say which, or a change of a large line at
a slot (``quantity``), or a count that differs from the balance (``quantity``: by these units).
"""
