"""Lead-time statistics of lanes (supplier, SKU, location), of suppliers and of all receipts.

Receipts of purchase orders update them, and `lead_time` estimates lead times from them. `receipt_statistics` says how
a statistic is kept. A lane learns at once. The pools of suppliers, and that of all receipts, learn at 00:00 UTC, in the
order of the receipts' times. So neither the order of arrival nor the cut of the stream shows in them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.supply.lead_time_calibration import CALIBRATION, calibrate, uncalibrated
from sensing.supply.receipt_statistics import kept_share, log_days, observed
from sensing.supply.supply_record import NEVER

SUPPLIERS_MAX = 1 << 16
RECEIPTS_MAX = 1 << 16
"""Receipts that pools have not learned yet. If there are as many, they are learned before midnight."""
NO_LANE = -1
UNKNOWN = 0
"""Pool of events without a supplier."""

LANE = np.dtype(
    [
        ("weight", "f8"),
        ("log_mean", "f8"),  # log days from placing to receipt
        ("log_squares", "f8"),
        ("time", "i8"),  # of the newest receipt, UTC ms
        ("row", "i4"),
        ("supplier", "i4"),
    ],
    align=True,
)
POOL = np.dtype(
    [
        ("weight", "f8"),
        ("log_mean", "f8"),
        ("log_squares", "f8"),
        ("time", "i8"),
        ("delay_weight", "f8"),
        ("delay_mean", "f8"),  # days from the promised day to receipt
        ("delay_squares", "f8"),
        ("delay_time", "i8"),
    ],
    align=True,
)
Statistic = tuple[float, float, float, int]
"""Weight, mean and squares of log days, and time of the newest receipt, UTC ms."""
Receipt = tuple[int, int, float, float, float, bool]
"""Time (UTC ms), number of the supplier, lead time in days, days after the promised day (NaN: none), share, and whether
only the item's master data name the supplier."""


@kernel
def observe_lead_time(records: NDArray[Any], at: int, days: float, weight: float, time: int) -> None:
    """Add a lead time in days to the statistic of a lane or supplier."""
    record = records[at]
    kept = kept_share(record.time, time)
    record.weight, record.log_mean, record.log_squares = observed(
        record.weight, record.log_mean, record.log_squares, log_days(days), weight, kept
    )
    record.time = max(record.time, time)


@kernel
def observe_delay(pools: NDArray[Any], at: int, days: float, weight: float, time: int) -> None:
    """Add a delay in days to the statistic of a supplier."""
    pool = pools[at]
    kept = kept_share(pool.delay_time, time)
    pool.delay_weight, pool.delay_mean, pool.delay_squares = observed(
        pool.delay_weight, pool.delay_mean, pool.delay_squares, days, weight, kept
    )
    pool.delay_time = max(pool.delay_time, time)


def _fresh_pools(count: int) -> NDArray[Any]:
    pools = np.zeros(count, POOL)
    pools["time"] = pools["delay_time"] = NEVER
    return pools


_Others = tuple[list[str], int, list[Receipt]]
"""Names of suppliers, lanes refused, and receipts that pools have not learned."""


class Lanes:
    """Lanes and supplier pools of one shard, numbered in order of first mention and never removed.

    If there are ``lanes_max`` lanes, no more are added, and further rows use only the pool of the supplier. If there
    are SUPPLIERS_MAX suppliers, further ones share the pool UNKNOWN. ``refused`` counts both.

    ``everything`` (1,) is the pool of all receipts, ``calibration`` (2,) what they say about the stated quantiles.
    """

    def __init__(self, lanes_max: int) -> None:
        self.lanes_max = lanes_max
        self.refused = 0
        self.names: list[str] = []
        self.everything: NDArray[Any] = _fresh_pools(1)
        self.calibration: NDArray[Any] = uncalibrated()
        self._supplier_of: dict[str, int] = {}
        self._lane_of: dict[tuple[int, int], int] = {}
        self._lanes: NDArray[Any] = np.zeros(16, LANE)
        self._pools: NDArray[Any] = _fresh_pools(16)
        self._receipts: list[Receipt] = []
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
            self._pools = np.concatenate([self._pools, _fresh_pools(number)])
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
        self._lanes[number] = (0.0, 0.0, 0.0, NEVER, row, supplier)
        self._lane_of[row, supplier] = number
        return number

    def of_row(self, row: int) -> list[tuple[str, Statistic]]:
        """Supplier and statistic of each lane of a row."""
        found = self.lanes[self.lanes["row"] == row]
        return [(self.names[lane["supplier"]], lane.tolist()[:4]) for lane in found]

    def adopt(self, row: int, given: list[tuple[str, Statistic]]) -> None:
        """Give a row the lanes of another one, where it has learned nothing of its own."""
        for name, statistic in given:
            number = self.lane(row, self.supplier(name))
            if number != NO_LANE and self._lanes["weight"][number] == 0.0:
                self._lanes[number] = (*statistic, row, self._lanes["supplier"][number])

    def received(self, lane: int, lead_time_days: float, share: float, time: int) -> None:
        """Learn a receipt of a lane: ``share`` of a line arrived ``lead_time_days`` after the line was placed.

        ``time`` is that of the receipt, UTC ms.
        """
        if lane != NO_LANE:
            observe_lead_time(self._lanes, lane, lead_time_days, share, time)

    def heard(
        self, supplier: int, lead_time_days: float, share: float, time: int, delay_days: float = np.nan, *,
        of_item: bool = False,
    ) -> None:  # fmt: skip
        """Learn a receipt of a supplier, wherever its item lives.

        ``delay_days`` is the time from the promised day to the receipt (early: negative); NaN: nothing was promised.
        ``of_item``: the event named no supplier, so that the pool of all receipts has heard of it already.
        """
        self._receipts.append((time, supplier, lead_time_days, delay_days, share, of_item))
        if len(self._receipts) >= RECEIPTS_MAX:
            self.take_in()

    def take_in(self) -> None:
        """Have the pools learn the receipts since the last call, in the order of their times.

        The order does not depend on the numbers of suppliers, which shards give as they hear of them.
        """
        for time, supplier, days, delay, share, of_item in sorted(self._receipts, key=self._order):
            for pools, at in ((self._pools, supplier), (self.everything, 0)):
                if pools is self.everything and of_item:
                    continue
                observe_lead_time(pools, at, days, share, time)
                if delay == delay:
                    observe_delay(pools, at, delay, share, time)
        self._receipts.clear()

    def _order(self, receipt: Receipt) -> tuple[int, str, float, float, bool, float]:
        time, supplier, days, delay, share, of_item = receipt
        return time, self.names[supplier], days, share, of_item, delay if delay == delay else -np.inf

    def calibrate(self, expected: tuple[float, float, int], lead_time_days: float, share: float) -> None:
        """Compare a receipt with what was expected at its placement: mean and sd in log days, whether the lane was
        known; see `lead_time_calibration`.
        """
        log_mean, log_sd, known = expected
        calibrate(self.calibration, known, log_mean, log_sd, log_days(lead_time_days), share)

    def dump(self) -> bytes:
        """All statistics as bytes."""
        others = Encoded((self.names, self.refused, self._receipts), _Others)
        return pack(
            {
                "others": others, "lanes": self.lanes, "pools": self.pools, "everything": self.everything,
                "calibration": self.calibration,
            }
        )  # fmt: skip

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        tables = {"others": _Others, "lanes": LANE, "pools": POOL, "everything": POOL, "calibration": CALIBRATION}
        parts = unpack(block, tables)
        self.names, self.refused, self._receipts = parts["others"]
        self.everything, self.calibration = parts["everything"], parts["calibration"]
        self._supplier_of = {name: number for number, name in enumerate(self.names)}
        self._lane_of = {(int(lane["row"]), int(lane["supplier"])): i for i, lane in enumerate(parts["lanes"])}
        self._lanes = np.concatenate([parts["lanes"], np.zeros(16, LANE)])
        self._pools = np.concatenate([parts["pools"], _fresh_pools(16)])
