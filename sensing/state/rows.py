"""Row records: one record per SKU-location, found by an open-addressing index over 128-bit keys.

`ShardState` owns the table; kernels read and change its records. SKUs are stored beside the records in their full
length, since every output about a row names its SKU.

Invariants
- ``index`` has a power-of-two size, at least twice the number of rows; an entry is a row number or -1.
- Rows are never removed; row numbers are given in order of first mention.
- A row with ``active`` 0 has not absorbed an event yet: all its events were held or rejected. Closes and plans skip it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel, lean_kernel
from sensing.state.snapshot import pack, unpack

DAYS_KEPT = 28
HOURS_KEPT = 72
RECENT_DAYS = 4
"""Days that may still be open or within a surge's window."""
SLOTS = 60
MISSING = -1
FULL = -2

HOT = np.dtype(
    [
        # Fields that every order changes stand together, so that they share cache lines.
        ("key_hi", "u8"),  # hash of the SKU
        ("key_lo", "u8"),
        ("last_order", "i8"),  # newest event time of a booked order, UTC ms
        ("price", "f8"),  # newest unit price, NaN unknown
        ("size_count", "f4"),  # order sizes: see detection.order_size
        ("size_mean", "f4"),  # of the logarithm, as the next two
        ("size_variance", "f4"),
        ("size_max", "f4"),
        ("size_mode", "f4"),  # most frequent size, units
        ("size_mode_lead", "f4"),
        ("location", "i4"),
        ("day", "i4"),  # newest local day in the rings
        ("hour", "i4"),  # newest local hour in the rings
        ("window_24", "u4"),  # order lines in the 24 hours up to and including ``hour``
        ("window_72", "u4"),
        ("surge_threshold_24", "u2"),  # below these counts no surge test is needed
        ("surge_threshold_72", "u2"),
        ("size_run", "f4"),  # evidence that lines are larger of late: see detection.order_size
        ("thresholds_day", "u1"),  # local day, modulo 256, that the thresholds hold for
        ("active", "u1"),
        ("dirty", "u1"),  # 1: an event arrived after the row was last planned
        ("promoted_days", "u1"),  # bit k: an order of day ``day`` - k named a promotion
        ("currency", "S3"),
        ("slot", "u1"),  # minute after the local day's end at which the row closes
        ("stock_threshold", "f4"),  # on-hand units below which the projection runs again; NaN: not before the next plan
        ("out_of_sync", "u4"),  # 1: the newest count differed from the balance by more than the policy allows
        ("empty_days", "u4"),  # bit k: local day ``closed_day`` - k ended out of stock
        ("stock", "f8"),  # units on hand; NaN: never counted
        ("first_hour", "i4"),  # local hour of the first absorbed event; late events of the same day may move it back
        ("closed_day", "i4"),  # last closed local day
        ("customers", "u8", (RECENT_DAYS,)),  # a bit for the hash of each customer of the day, ring by day number
        ("excess", "f4", (RECENT_DAYS,)),  # units of lines far outside that are not learned, ring by day number
        ("day_lines", "u2", (DAYS_KEPT,)),
        ("hour_lines", "u2", (HOURS_KEPT,)),  # order lines per local hour, ring by hour number
        ("day_quantity", "i8", (DAYS_KEPT,)),  # thousandths booked per local day, ring by day number
    ],
    align=True,
)


@lean_kernel
def row_home(key_lo: np.uint64, mask: int) -> int:
    """Preferred index position of a key."""
    return int(np.int64(key_lo & np.uint64(mask)))


@lean_kernel
def find_row(hot: NDArray[Any], index: NDArray[np.int32], key_hi: np.uint64, key_lo: np.uint64) -> int:
    """Row number of a key, or MISSING."""
    mask = index.shape[0] - 1
    at = row_home(key_lo, mask)
    while index[at] >= 0:
        row = index[at]
        if hot[row].key_hi == key_hi and hot[row].key_lo == key_lo:
            return int(row)
        at = (at + 1) & mask
    return MISSING


@kernel
def index_rows(hot: NDArray[Any], start: int, stop: int, index: NDArray[np.int32]) -> None:
    """Enter rows ``start`` to ``stop`` (exclusive) into ``index``."""
    mask = index.shape[0] - 1
    for row in range(start, stop):
        at = row_home(hot[row].key_lo, mask)
        while index[at] >= 0:
            at = (at + 1) & mask
        index[at] = row


class Rows:
    """The hot rows of one shard: ``hot[:count]`` are in use."""

    def __init__(self, rows_max: int) -> None:
        self.rows_max = rows_max
        self.count = 0
        self.hot = np.zeros(64, HOT)
        self.index = np.full(256, MISSING, np.int32)
        self._skus = bytearray()
        self._sku_ends = np.zeros(65, np.uint32)  # from 1 on: where the SKU of each row ends

    def find(self, key: tuple[np.uint64, np.uint64]) -> int:
        """Row of a key, MISSING where it is unknown."""
        return find_row(self.hot, self.index, *key)

    def sku_of(self, row: int) -> str:
        """SKU of a row."""
        return self._skus[self._sku_ends[row] : self._sku_ends[row + 1]].decode()

    def add(self, key: tuple[int, int], sku: str, location: int, slot: int) -> int:
        """Make a row for a key and return its number, or FULL at the bound."""
        if self.count >= self.rows_max:
            return FULL
        if self.count == len(self.hot):
            grown = np.zeros(2 * len(self.hot), HOT)
            grown[: self.count] = self.hot
            self.hot = grown
            self._sku_ends = np.concatenate((self._sku_ends, np.zeros(self.count, np.uint32)))
        row = self.count
        self._skus += sku.encode()
        self._sku_ends[row + 1] = len(self._skus)
        hot = self.hot[row]
        hot["key_hi"], hot["key_lo"] = key
        hot["location"] = location
        hot["price"] = np.nan
        hot["stock"] = np.nan
        hot["slot"] = slot
        self.count = row + 1
        if 2 * self.count > len(self.index):
            self.index = np.full(2 * len(self.index), MISSING, np.int32)
            index_rows(self.hot, 0, self.count, self.index)
        else:
            index_rows(self.hot, row, self.count, self.index)
        return row

    def dump(self) -> bytes:
        """All rows as bytes; the index is rebuilt on load."""
        ends = self._sku_ends[1 : self.count + 1]
        return pack({"hot": self.hot[: self.count], "skus": bytes(self._skus), "sku_ends": ends})

    def load(self, block: bytes) -> None:
        """Restore the rows of :meth:`dump`."""
        parts = unpack(block, {"hot": HOT})
        self.count = len(parts["hot"])
        capacity = max(64, 1 << max(self.count - 1, 0).bit_length())
        self.hot = np.zeros(capacity, HOT)
        self.hot[: self.count] = parts["hot"]
        self._skus = bytearray(parts["skus"])
        self._sku_ends = np.zeros(capacity + 1, np.uint32)
        self._sku_ends[1 : self.count + 1] = parts["sku_ends"]
        self.index = np.full(4 * capacity, MISSING, np.int32)
        index_rows(self.hot, 0, self.count, self.index)
