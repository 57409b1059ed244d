"""Set of 64-bit hashes as an open-addressing table, so that a kernel can test many records at once."""

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel, lean_kernel


class HashSet:
    """A set of 64-bit hashes (not 0). At ``limit`` no more are added."""

    def __init__(self, limit: int = 2**62) -> None:
        self.count = 0
        self.table = np.zeros(64, np.uint64)
        self._limit = limit

    def add(self, value: int) -> bool:
        """Add a hash, if there is room; False if it was there."""
        if self.count == self._limit:
            return bool(self.table[hash_position(self.table, np.uint64(value))] == 0)
        if not put_hash(self.table, np.uint64(value)):
            return False
        self.count += 1
        if 2 * self.count > len(self.table):
            before, self.table = self.table, np.zeros(2 * len(self.table), np.uint64)
            for each in before[before != 0]:
                put_hash(self.table, each)
        return True


@lean_kernel
def hash_position(table: NDArray[np.uint64], value: np.uint64) -> int:
    """Position of a hash in a table, or of the free cell where it belongs."""
    mask = np.uint64(table.shape[0] - 1)
    at = np.int64(value & mask)
    while table[at] != 0 and table[at] != value:
        at = np.int64(np.uint64(at + 1) & mask)
    return int(at)


@kernel
def put_hash(table: NDArray[np.uint64], value: np.uint64) -> bool:
    """Put a hash into a table that has a free cell; False if it is there."""
    at = hash_position(table, value)
    if table[at] == value:
        return False
    table[at] = value
    return True
