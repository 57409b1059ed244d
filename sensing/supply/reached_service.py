"""Service that the reorder points in force at the ERP reach: how often was demand over the lead time within them?

Closes and plans of a shard call it; metrics show it by demand class. It is told and corrects nothing: buffers follow
what the *proposed* reorder points would have reached, see `sensing.demand.sum_calibration`.

A row whose reorder point in force is known has one cycle at a time. It begins when the row is planned and none runs:
point, class and expected lead time are those of that day. Then the demand of so many local days is compared with the
point. A day out of stock ends the cycle uncounted, since its demand is not known. Totals are discounted by cycle, so
that they are of about the last 200 of a class.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.state.snapshot import pack, unpack

CYCLE = np.dtype(
    [
        ("point", "f8"),  # reorder point in force when the cycle began, in base units
        ("units", "f8"),  # demand since then
        ("days_left", "i4"),  # local days of the cycle that have not closed; 0: none runs
        ("demand_class", "i4"),
    ]
)
TOTALS = np.dtype([("cycles", "f8"), ("within", "f8")])
DISCOUNT = 0.995


class ReachedService:
    """Cycles of the rows of a shard and totals by demand class (``classes``,)."""

    def __init__(self, classes: int) -> None:
        self.cycles: NDArray[Any] = np.zeros(0, CYCLE)
        self.totals: NDArray[Any] = np.zeros(classes, TOTALS)

    def begin(
        self, rows: NDArray[np.int64], points: NDArray[np.float64], lead_time_days: NDArray[Any],
        demand_class: NDArray[np.uint8],
    ) -> None:  # fmt: skip
        """Begin a cycle of each row that has none and whose point (n,) is not NaN."""
        known = np.flatnonzero(~np.isnan(points))
        if not known.size:
            return
        if self.cycles.size <= rows[known].max():
            more = max(int(rows[known].max()) + 1, 2 * self.cycles.size) - self.cycles.size
            self.cycles = np.concatenate([self.cycles, np.zeros(more, CYCLE)])
        idle = known[self.cycles["days_left"][rows[known]] == 0]
        begun = rows[idle]
        self.cycles["point"][begun], self.cycles["units"][begun] = points[idle], 0.0
        self.cycles["days_left"][begun] = np.maximum(np.rint(lead_time_days[idle]), 1.0).astype(np.int32)
        self.cycles["demand_class"][begun] = demand_class[idle]

    def learn(self, rows: NDArray[np.int64], units: NDArray[np.float64], censored: NDArray[np.bool_]) -> None:
        """Add the ``units`` (n,) of a closed local day to the cycles of rows, and count those that are over."""
        if not self.cycles.size:
            return
        at = np.flatnonzero(rows < self.cycles.size)
        at = at[self.cycles["days_left"][rows[at]] > 0]
        self.forget(rows[at[censored[at]]])
        at = at[~censored[at]]
        self.cycles["units"][rows[at]] += units[at]
        self.cycles["days_left"][rows[at]] -= 1
        over = rows[at[self.cycles["days_left"][rows[at]] == 0]]
        for cycle in self.cycles[over]:
            total = self.totals[int(cycle["demand_class"])]
            total["cycles"] = DISCOUNT * total["cycles"] + 1.0
            total["within"] = DISCOUNT * total["within"] + float(cycle["units"] <= cycle["point"])

    def forget(self, rows: NDArray[np.int64]) -> None:
        """End the cycles of rows uncounted, for example when their base unit has changed."""
        self.cycles["days_left"][rows[rows < self.cycles.size]] = 0

    def dump(self) -> bytes:
        """The state as bytes."""
        return pack({"cycles": self.cycles, "totals": self.totals})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        parts = unpack(block, {"cycles": CYCLE, "totals": TOTALS})
        self.cycles, self.totals = parts["cycles"], parts["totals"]
