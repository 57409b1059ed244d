"""Line table: filters duplicates and turns versions of order lines into changes of quantity.

Absorbing kernels call it for every keyed event of a shard. Lines are stored in a ring in order of first mention; an
open-addressing index finds them by 128-bit key. The oldest line is evicted (and counted) when the ring is full or the
line is older than the horizon.

Invariants
- ``head`` is the slot of the oldest line, ``count`` lines follow it in the ring; every one of them has exactly one
  index entry, and no other entry exists.
- The index has a power-of-two size, at least 1.5 times the capacity. An entry holds the slot in its low bits and bits
  of the line's key above them. So a probe passes most entries of other keys without reading their lines, which would
  miss the cache.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel, lean_kernel
from sensing.state.snapshot import pack, unpack

LINE = np.dtype(
    [
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("quantity", "i8"),  # thousandths booked in the buckets
        ("shipped", "i8"),  # thousandths shipped
        ("hour", "i4"),  # local hour the line is booked in: the earliest event time of its versions
        ("row", "i4"),
        ("version", "i4"),
        ("requested_day", "i4"),  # local day; the booked day where none was asked for
        ("flags", "u1"),
    ],
    align=True,
)

HELD = 1  # the newest version waits as a data-quality exception
COUNTED = 2  # the line is one order line in the buckets
BOOKED_DAY = 4  # no day was requested, so that it is the booked one
OPEN_IN_RING = 8  # what is open is booked under its requested day, not as "overdue or later"
TRACKED_OPEN = 16  # what is open counts as open demand

HEAD, COUNT, EVICTED = 0, 1, 2

ENTRY_BITS = np.uint64(2**31 - 1)


@lean_kernel
def home_position(key_lo: np.uint64, mask: int) -> int:
    """Preferred index position of a key."""
    return int(np.int64((key_lo >> np.uint64(7)) & np.uint64(mask)))


@lean_kernel
def key_bits(key_hi: np.uint64, mask: int) -> int:
    """Bits of a key for an index entry: above the bits of the mask, below the sign."""
    return int(np.int64(key_hi & ENTRY_BITS) & ~mask)


@lean_kernel
def find_line(lines: NDArray[Any], index: NDArray[np.int32], key_hi: np.uint64, key_lo: np.uint64) -> int:
    """Slot of a key, or -1."""
    mask = index.shape[0] - 1
    at = home_position(key_lo, mask)
    bits = key_bits(key_hi, mask)
    while index[at] >= 0:
        if index[at] & ~mask == bits:
            slot = index[at] & mask
            if lines[slot].key_hi == key_hi and lines[slot].key_lo == key_lo:
                return int(slot)
        at = (at + 1) & mask
    return -1


@lean_kernel
def add_to_index(index: NDArray[np.int32], slot: int, key_hi: np.uint64, key_lo: np.uint64) -> None:
    """Add an entry for ``slot``; the index must not hold its key yet."""
    mask = index.shape[0] - 1
    at = home_position(key_lo, mask)
    while index[at] >= 0:
        at = (at + 1) & mask
    index[at] = slot | key_bits(key_hi, mask)


@lean_kernel
def remove_from_index(lines: NDArray[Any], index: NDArray[np.int32], slot: int) -> None:
    """Remove the entry of ``slot``. Later entries of its probe run move back, so that the run has no hole."""
    mask = index.shape[0] - 1
    at = home_position(lines[slot].key_lo, mask)
    while index[at] & mask != slot:
        at = (at + 1) & mask
    hole = at
    while True:
        at = (at + 1) & mask
        if index[at] < 0:
            break
        wanted = home_position(lines[index[at] & mask].key_lo, mask)
        # The entry may move into the hole unless its home lies (cyclically) after the hole.
        if ((at - wanted) & mask) >= ((at - hole) & mask):
            index[hole] = index[at]
            hole = at
    index[hole] = -1


@lean_kernel
def oldest_to_evict(lines: NDArray[Any], ring: NDArray[np.int64], oldest_hour: int) -> int:
    """Slot of the oldest line if it must be evicted before an insert, else -1.

    It must be evicted if the ring is full or the line is older than ``oldest_hour``.
    """
    if ring[COUNT] == 0:
        return -1
    slot = ring[HEAD]
    return int(slot) if ring[COUNT] == lines.shape[0] or lines[slot].hour < oldest_hour else -1


@lean_kernel
def evict_oldest(lines: NDArray[Any], index: NDArray[np.int32], ring: NDArray[np.int64]) -> None:
    """Evict the oldest line from the table."""
    remove_from_index(lines, index, ring[HEAD])
    ring[HEAD] = (ring[HEAD] + 1) % lines.shape[0]
    ring[COUNT] -= 1
    ring[EVICTED] += 1


@lean_kernel
def insert_line(
    lines: NDArray[Any], index: NDArray[np.int32], ring: NDArray[np.int64], key_hi: np.uint64, key_lo: np.uint64
) -> int:
    """Add a line for a new key and return its slot. The table must have room. All other fields are zero."""
    slot = int((ring[HEAD] + ring[COUNT]) % lines.shape[0])
    ring[COUNT] += 1
    line = lines[slot]
    line.key_hi = key_hi
    line.key_lo = key_lo
    line.quantity = 0
    line.shipped = 0
    line.hour = 0
    line.row = 0
    line.version = 0
    line.requested_day = 0
    line.flags = 0
    add_to_index(index, slot, key_hi, key_lo)
    return slot


@kernel
def index_lines(lines: NDArray[Any], index: NDArray[np.int32], head: int, count: int) -> None:
    """Enter all lines of the ring into an empty index."""
    for k in range(count):
        slot = (head + k) % lines.shape[0]
        add_to_index(index, slot, lines[slot].key_hi, lines[slot].key_lo)


def index_size(capacity: int) -> int:
    """Power of two at least 1.5 times the capacity."""
    return 1 << (capacity + capacity // 2).bit_length()


class LineTable:
    """The line table of one shard."""

    def __init__(self, lines_max: int) -> None:
        self.lines_max = lines_max
        self.ring = np.zeros(3, np.int64)
        self._make(min(256, lines_max))

    def _make(self, capacity: int) -> None:
        self.lines = np.zeros(capacity, LINE)
        self.index = np.full(index_size(capacity), -1, np.int32)

    def ensure(self, more: int) -> None:
        """Grow the table for ``more`` lines, up to ``lines_max``. At the bound each new line evicts the oldest one."""
        count = int(self.ring[COUNT])
        if count + more <= len(self.lines) or len(self.lines) == self.lines_max:
            return
        kept = self.in_order()
        self._make(min(self.lines_max, 1 << (count + more - 1).bit_length()))
        self.lines[:count] = kept
        self.ring[HEAD] = 0
        index_lines(self.lines, self.index, 0, count)

    def in_order(self) -> NDArray[Any]:
        """All lines, oldest first (a copy)."""
        slots = (self.ring[HEAD] + np.arange(self.ring[COUNT])) % len(self.lines)
        # take() copies the padding between fields as well, so equal lines have equal bytes.
        kept: NDArray[Any] = np.take(self.lines, slots)
        return kept

    def dump(self) -> bytes:
        """All lines as bytes, oldest first."""
        return pack({"lines": self.in_order(), "evicted": int(self.ring[EVICTED]).to_bytes(8, "little")})

    def load(self, block: bytes) -> None:
        """Restore the lines of :meth:`dump`."""
        parts = unpack(block, {"lines": LINE})
        count = len(parts["lines"])
        self._make(min(self.lines_max, max(256, 1 << max(count - 1, 0).bit_length())))
        self.lines[:count] = parts["lines"]
        self.ring[:] = (0, count, int.from_bytes(parts["evicted"], "little"))
        index_lines(self.lines, self.index, 0, count)
