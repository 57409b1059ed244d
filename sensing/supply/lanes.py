"""Lead-time statistics of lanes (supplier, SKU, location) and of suppliers, exponentially discounted.

Receipts of purchase orders update them, and `lead_time` estimates lead times from them. A statistic has a weight, a
mean and a sum of weighted squares about the mean. Before an observation of weight ``w`` is added, it is discounted by
``memory ** w``, so weights add up to at most 1 / (1 - memory). The weight of a partial receipt is its share
of the line.

Source: West (1979), Updating mean and variance estimates, CACM 22(9), with exponential discount.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel, lean_kernel
from sensing.state.snapshot import Encoded, pack, unpack

LANE_MEMORY = 0.9
POOL_MEMORY = 0.98
SUPPLIERS_MAX = 1 << 16
NO_LANE = -1
UNKNOWN = 0
"""Pool of events without a supplier."""

LANE = np.dtype(
    [
        ("weight", "f8"),
        ("mean", "f8"),  # days from placing to receipt
        ("squares", "f8"),  # days squared
        ("row", "i4"),
        ("supplier", "i4"),
    ],
    align=True,
)
POOL = np.dtype(
    [
        ("weight", "f8"),
        ("mean", "f8"),
        ("squares", "f8"),
        ("delay_weight", "f8"),
        ("delay_mean", "f8"),  # days from the promised day to receipt
        ("delay_squares", "f8"),
    ],
    align=True,
)


@lean_kernel
def observed(
    total: float, mean: float, squares: float, value: float, weight: float, memory: float
) -> tuple[float, float, float]:
    """Weight, mean and squares of a statistic after adding ``value`` with a weight in (0, 1]."""
    kept = memory**weight
    total = total * kept + weight
    gap = value - mean
    mean += gap * weight / total
    return total, mean, squares * kept + weight * gap * (value - mean)


@kernel
def observe_lead_time(records: NDArray[Any], at: int, days: float, weight: float, memory: float) -> None:
    """Add a lead time in days to the statistic of a lane or supplier."""
    record = records[at]
    record.weight, record.mean, record.squares = observed(
        record.weight, record.mean, record.squares, days, weight, memory
    )


@kernel
def observe_delay(pools: NDArray[Any], at: int, days: float, weight: float, memory: float) -> None:
    """Add a delay in days to the statistic of a supplier."""
    pool = pools[at]
    pool.delay_weight, pool.delay_mean, pool.delay_squares = observed(
        pool.delay_weight, pool.delay_mean, pool.delay_squares, days, weight, memory
    )


_NamesAndRefused = tuple[list[str], int]
"""Names of suppliers, and lanes refused."""


class Lanes:
    """Lanes and supplier pools of one shard, numbered in order of first mention and never removed.

    If there are ``lanes_max`` lanes, no more are added, and further rows use only the pool of the supplier. If there
    are SUPPLIERS_MAX suppliers, further ones share the pool UNKNOWN. ``refused`` counts both.
    """

    def __init__(self, lanes_max: int) -> None:
        self.lanes_max = lanes_max
        self.refused = 0
        self.names: list[str] = []
        self._supplier_of: dict[str, int] = {}
        self._lane_of: dict[tuple[int, int], int] = {}
        self._lanes: NDArray[Any] = np.zeros(16, LANE)
        self._pools: NDArray[Any] = np.zeros(16, POOL)
        self.supplier("")

    @property
    def lanes(self) -> NDArray[Any]:
        """Records in use, by lane number."""
        return self._lanes[: len(self._lane_of)]

    @property
    def pools(self) -> NDArray[Any]:
        """Records in use, by supplier number."""
        return self._pools[: len(self.names)]

    def supplier(self, name: str) -> int:
        """Return the number of a supplier, which is added if it is new."""
        found = self._supplier_of.get(name)
        if found is not None:
            return found
        if len(self.names) == SUPPLIERS_MAX:
            self.refused += 1
            return UNKNOWN
        number = len(self.names)
        if number == len(self._pools):
            self._pools = np.concatenate([self._pools, np.zeros(number, POOL)])
        self.names.append(name)
        self._supplier_of[name] = number
        return number

    def find(self, name: str) -> int | None:
        """Number of a known supplier, else None. If the table is full, unknown suppliers have the number UNKNOWN."""
        return self._supplier_of.get(name, UNKNOWN if len(self.names) == SUPPLIERS_MAX else None)

    def lane(self, row: int, supplier: int) -> int:
        """Return the number of a lane, which is added if it is new. NO_LANE if the table is full."""
        found = self._lane_of.get((row, supplier))
        if found is not None:
            return found
        number = len(self._lane_of)
        if number == self.lanes_max:
            self.refused += 1
            return NO_LANE
        if number == len(self._lanes):
            self._lanes = np.concatenate([self._lanes, np.zeros(number, LANE)])
        self._lanes[number] = (0.0, 0.0, 0.0, row, supplier)
        self._lane_of[row, supplier] = number
        return number

    def of_row(self, row: int) -> list[tuple[str, float, float, float]]:
        """Supplier, weight, mean and squares of each lane of a row."""
        found = self.lanes[self.lanes["row"] == row]
        return [(self.names[lane["supplier"]], *lane.tolist()[:3]) for lane in found]

    def adopt(self, row: int, given: list[tuple[str, float, float, float]]) -> None:
        """Give a row the lanes of another one, where it has learned nothing of its own."""
        for name, *statistic in given:
            number = self.lane(row, self.supplier(name))
            if number != NO_LANE and self._lanes["weight"][number] == 0.0:
                self._lanes[number] = (*statistic, row, self._lanes["supplier"][number])

    def received(self, lane: int, supplier: int, lead_time_days: float, share: float) -> None:
        """Learn a receipt: ``share`` of a line arrived ``lead_time_days`` after the line was placed."""
        if lane != NO_LANE:
            observe_lead_time(self._lanes, lane, lead_time_days, share, LANE_MEMORY)
        observe_lead_time(self._pools, supplier, lead_time_days, share, POOL_MEMORY)

    def delayed(self, supplier: int, delay_days: float, share: float) -> None:
        """Learn a receipt: ``share`` of a line arrived ``delay_days`` after its promised day (early: negative)."""
        observe_delay(self._pools, supplier, delay_days, share, POOL_MEMORY)

    def dump(self) -> bytes:
        """All statistics as bytes."""
        names = Encoded((self.names, self.refused), _NamesAndRefused)
        return pack({"names": names, "lanes": self.lanes, "pools": self.pools})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        parts = unpack(block, {"names": _NamesAndRefused, "lanes": LANE, "pools": POOL})
        self.names, self.refused = parts["names"]
        self._supplier_of = {name: number for number, name in enumerate(self.names)}
        self._lane_of = {(int(lane["row"]), int(lane["supplier"])): i for i, lane in enumerate(parts["lanes"])}
        self._lanes = np.concatenate([parts["lanes"], np.zeros(16, LANE)])
        self._pools = np.concatenate([parts["pools"], np.zeros(16, POOL)])
