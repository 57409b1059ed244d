"""Line table: filters duplicates and turns versions of order lines into changes of quantity.

Absorbing kernels call it for every keyed event of a shard. Lines are stored in slots; an open-addressing index finds
them by 128-bit key. `sensing.machines.line_housekeeping` frees the slots of finished lines that are older than the
horizon. If the table is full, a new line takes the slot of a finished one, whatever its age, and only if there is none
the slot of an open one. Both are counted.

Invariants
- Every line has exactly one index entry, and no other entry exists. A free slot has the row FREE.
- The index has a power-of-two size, at least 1.5 times the number of lines. An entry holds the line's slot and a tag:
  high bits of its key. So a probe passes entries of other keys without reading their lines, which would miss the cache.
- An entry's home is the start of a cache line, and rises with its tag. So a larger index is filled from a smaller one
  in nearly rising order, and no line is read.
- A line with an open quantity is linked in its row's list of open lines (see `sensing.supply.backlog`). A line that is
  not open any more stays linked until the list is next read.
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
        ("quantity", "i8"),  # thousandths ordered by the newest version that is not held
        ("shipped", "i8"),  # thousandths shipped
        ("minute", "i4"),  # local minute that the line is booked at: that of its placement
        ("touched", "i4"),  # newest local hour of an event about the line
        ("row", "i4"),  # FREE: the slot is not in use
        ("version", "i4"),
        ("requested_day", "i4"),  # local day; the booked day where none was asked for
        ("next_open", "i4"),  # next line of the row's list; LIST_END, or NOT_LINKED; the next free slot if it is free
        ("price", "f4"),  # of the newest version, as the next fields
        ("id_tag", "u4"),  # bits of the event's id
        ("placed_tag", "u4"),  # bits of the placement's event id; 0: no placement was heard of
        ("customer", "u4"),  # bits of the customer's hash
        ("flags", "u4"),
        ("unit", "u1"),  # code, see `sensing.state.text_codes`
        ("currency", "u1"),
        ("siblings", "u2"),  # further lines of the same order and SKU whose events name no line
    ],
    align=True,
)
"""80 bytes without gaps."""

HELD = 1  # the newest version waits as a data-quality exception
LOST_SALE = 512  # held demand that was refused: once released it is demand and nothing is open
COUNTED = 2  # the line is one order line in the buckets
BOOKED_DAY = 4  # no day was requested, so that it is the booked one
TRACKED_OPEN = 8  # what is open counts as open demand
CLOSED = 16  # cancelled or closed short: what was shipped is its demand, nothing is open
SETTLED = 32  # taken as shipped, since its location reports no shipments
LARGE = 64  # far outside its row's sizes: models learn a capped quantity of it
REPORTED = 128  # entries beside the line have the totals of its reports, see `sensing.machines.fulfilment`
MOVED_DAY = 256  # the requested day is the one that a backorder or a delay names
TRANSFER = 2048  # goods that left for another location: demand that is never open
OF_KIT = 1024  # the item is a kit: demand that is never open, since its parts are

FREE = -1
LIST_END = -1
NOT_LINKED = -2

HIGH, FREE_HEAD, COUNT, HAND, EVICTED, EVICTED_OPEN, ALL_OPEN = range(7)
"""Cells of the table's state: slots ever used, first free slot, lines, next slot to look at for an eviction, finished
lines evicted, open lines evicted, 1 if no line can have finished since a search for a finished one failed."""
STATE_CELLS = 7

TAG_BITS = 31
TAG_SHIFT = np.uint64(64 - TAG_BITS)
SLOT_BITS = 32
SLOT_MASK = 2**SLOT_BITS - 1
BUCKET = 8
"""Entries of a cache line. Homes are multiples of it, so a search seldom reads a second cache line."""
INDEX_MIN = 512
RESERVED_LINES = 1 << 22
"""A table reserves addresses for this many lines. Memory that was never written takes no room, so it need not grow."""


@lean_kernel
def tag_of_key(key_lo: np.uint64) -> int:
    """Tag of a key: the high bits of its low half."""
    return int(np.int64(key_lo >> TAG_SHIFT))


@lean_kernel
def home_position(tag: int, size: int) -> int:
    """Preferred position of a tag in an index of ``size`` entries."""
    return int(((tag * size) >> TAG_BITS) & -BUCKET)


@lean_kernel
def entry_tag(entry: int) -> int:
    """Tag of an index entry."""
    return entry >> SLOT_BITS


@lean_kernel
def entry_slot(entry: int) -> int:
    """Slot of an index entry."""
    return int((entry & SLOT_MASK) - 1)


@lean_kernel
def find_line(lines: NDArray[Any], index: NDArray[np.int64], key_hi: np.uint64, key_lo: np.uint64) -> int:
    """Slot of a key, or -1."""
    mask = index.shape[0] - 1
    tag = tag_of_key(key_lo)
    at = home_position(tag, index.shape[0])
    while index[at] != 0:
        if entry_tag(index[at]) == tag:
            slot = entry_slot(index[at])
            if lines[slot].key_hi == key_hi and lines[slot].key_lo == key_lo:
                return int(slot)
        at = (at + 1) & mask
    return -1


@lean_kernel
def put_entry(index: NDArray[np.int64], entry: int) -> None:
    """Put an entry into the first free position from its home on."""
    mask = index.shape[0] - 1
    at = home_position(entry_tag(entry), index.shape[0])
    while index[at] != 0:
        at = (at + 1) & mask
    index[at] = entry


@lean_kernel
def add_to_index(index: NDArray[np.int64], slot: int, key_lo: np.uint64) -> None:
    """Add an entry for ``slot``; the index must not hold its key yet."""
    put_entry(index, (tag_of_key(key_lo) << SLOT_BITS) | (slot + 1))


@lean_kernel
def remove_from_index(lines: NDArray[Any], index: NDArray[np.int64], slot: int) -> None:
    """Remove the entry of ``slot``. Later entries of its probe run move back, so that the run has no hole."""
    mask = index.shape[0] - 1
    at = home_position(tag_of_key(lines[slot].key_lo), index.shape[0])
    while entry_slot(index[at]) != slot:
        at = (at + 1) & mask
    hole = at
    while True:
        at = (at + 1) & mask
        if index[at] == 0:
            break
        wanted = home_position(entry_tag(index[at]), index.shape[0])
        # The entry may move into the hole unless its home lies (cyclically) after the hole.
        if ((at - wanted) & mask) >= ((at - hole) & mask):
            index[hole] = index[at]
            hole = at
    index[hole] = 0


@lean_kernel
def booked_hour(line: Any) -> int:
    """Local hour that a line is booked in."""
    return int(line.minute // 60)


@lean_kernel
def booked_day(line: Any) -> int:
    """Local day that a line is booked on."""
    return int(line.minute // 1440)


@lean_kernel
def open_quantity(line: Any) -> int:
    """Open quantity of a line in thousandths: ordered and not yet shipped."""
    if line.flags & (TRACKED_OPEN | CLOSED | SETTLED) != TRACKED_OPEN:
        return 0
    return int(max(line.quantity - line.shipped, 0))


@lean_kernel
def demand_quantity(line: Any) -> int:
    """Demand of a placed line in thousandths: what was ordered or, if it was cancelled or closed, what was shipped."""
    return int(line.shipped if line.flags & CLOSED else line.quantity)


@lean_kernel
def is_finished(line: Any) -> bool:
    """Whether nothing is open on a line and no version of it is held."""
    return open_quantity(line) == 0 and line.flags & HELD == 0


@lean_kernel
def free_line(lines: NDArray[Any], index: NDArray[np.int64], state: NDArray[np.int64], slot: int) -> None:
    """Free the slot of a line that is not linked."""
    remove_from_index(lines, index, slot)
    lines[slot].row = FREE
    lines[slot].next_open = state[FREE_HEAD]
    state[FREE_HEAD] = slot
    state[COUNT] -= 1


@lean_kernel
def is_full(lines: NDArray[Any], state: NDArray[np.int64]) -> bool:
    """Whether a line must be evicted before one is added."""
    return bool(state[FREE_HEAD] < 0 and state[HIGH] == lines.shape[0])


@lean_kernel
def add_line(
    lines: NDArray[Any], index: NDArray[np.int64], state: NDArray[np.int64], key_hi: np.uint64, key_lo: np.uint64
) -> int:
    """Add a line for a new key and return its slot. The table must not be full. All other fields are zero."""
    slot = int(state[FREE_HEAD])
    if slot >= 0:
        state[FREE_HEAD] = lines[slot].next_open
    else:
        slot = int(state[HIGH])
        state[HIGH] += 1
    state[COUNT] += 1
    line = lines[slot]
    line.key_hi = key_hi
    line.key_lo = key_lo
    line.quantity = 0
    line.shipped = 0
    line.minute = 0
    line.touched = 0
    line.row = 0
    line.version = 0
    line.requested_day = 0
    line.next_open = NOT_LINKED
    line.price = np.nan
    line.id_tag = 0
    line.placed_tag = 0
    line.customer = 0
    line.flags = 0
    line.unit = 0
    line.currency = 0
    line.siblings = 0
    add_to_index(index, slot, key_lo)
    return slot


@kernel
def index_lines(lines: NDArray[Any], index: NDArray[np.int64], high: int) -> None:
    """Enter all lines of the first ``high`` slots into an empty index."""
    for slot in range(high):
        if lines[slot].row != FREE:
            add_to_index(index, slot, lines[slot].key_lo)


@kernel
def copy_entries(kept: NDArray[np.int64], index: NDArray[np.int64]) -> None:
    """Enter all entries of an index into a larger, empty one."""
    for at in range(kept.shape[0]):
        if kept[at] != 0:
            put_entry(index, kept[at])


def index_size(lines: int) -> int:
    """Power of two at least 1.5 times the number of lines."""
    return max(INDEX_MIN, 1 << (lines + lines // 2).bit_length())


def index_room(size: int) -> int:
    """Most lines that an index of ``size`` entries is large enough for."""
    return (2 * size - 1) // 3


def empty_index(size: int) -> NDArray[np.int64]:
    """An index without entries, at the start of a cache line."""
    room = np.zeros(size + BUCKET, np.int64)
    start = -room.ctypes.data % (BUCKET * room.itemsize) // room.itemsize
    return room[start : start + size]


class LineTable:
    """The line table of one shard. The arrays have cells for ``lines_max`` lines, or for fewer if there are fewer."""

    def __init__(self, lines_max: int) -> None:
        self.lines_max = lines_max
        self.state = np.zeros(STATE_CELLS, np.int64)
        self.state[FREE_HEAD] = -1
        self.lines = np.zeros(min(RESERVED_LINES, lines_max), LINE)
        self._make_index(0)

    def ensure(self, more: int) -> None:
        """Make room for ``more`` lines, up to ``lines_max``. Beyond it lines are evicted."""
        needed = min(int(self.state[COUNT]) + more, self.lines_max)
        if needed > self._room:
            self._reserve(needed)
            kept = self.index
            self._make_index(needed)
            copy_entries(kept, self.index)

    def _make_index(self, needed: int) -> None:
        self.index = empty_index(index_size(needed))
        self._room = min(len(self.lines), index_room(len(self.index)))

    def _reserve(self, needed: int) -> None:
        """Grow the array of lines, if need be."""
        if needed > len(self.lines):
            high, kept = int(self.state[HIGH]), self.lines
            self.lines = np.zeros(min(self.lines_max, 1 << (needed - 1).bit_length()), LINE)
            self.lines[:high] = kept[:high]

    def has_room(self, more: int) -> bool:
        """Whether ``more`` lines can be added without an eviction."""
        return int(self.state[COUNT]) + more <= self.lines_max

    def in_use(self) -> NDArray[Any]:
        """All lines in the order of their slots (a copy)."""
        lines = self.lines[: self.state[HIGH]]
        # take() copies the padding between fields as well, so equal lines have equal bytes.
        kept: NDArray[Any] = np.take(lines, np.flatnonzero(lines["row"] != FREE))
        return kept

    def dump(self) -> bytes:
        """All slots as bytes, free ones too, so that new lines take the same slots after a restore."""
        return pack({"lines": self.lines[: self.state[HIGH]], "state": self.state})

    def load(self, block: bytes) -> None:
        """Restore the lines of :meth:`dump`."""
        parts = unpack(block, {"lines": LINE, "state": self.state.dtype})
        self.state[:] = parts["state"]
        count = len(parts["lines"])
        self._reserve(count)
        self.lines[:count] = parts["lines"]
        self._make_index(int(self.state[COUNT]))
        index_lines(self.lines, self.index, count)
