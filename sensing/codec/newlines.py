"""Search for line ends in a buffer. The line reader of files calls it."""

import numpy as np
from numpy.typing import NDArray

from sensing.codec.swar import HIGHS, Bytes, first, load
from sensing.jit import lean_kernel

NEWLINE = 0x0A
NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)
LOWS = np.uint64(0x7F7F7F7F7F7F7F7F)


def newlines(data: Bytes) -> NDArray[np.int64]:
    """Positions of all line ends in ``data`` (contiguous), rising."""
    found = np.empty(len(data), np.int64)  # Large enough for any input; untouched pages take no memory.
    return found[: find_newlines(data, found)].copy()


@lean_kernel
def find_newlines(data: Bytes, found: NDArray[np.int64]) -> int:
    """Write the positions of all line ends to ``found`` (as long as ``data``) and return their number."""
    count, at = 0, 0
    while at + 8 <= len(data):
        other = load(data, at) ^ NEWLINES
        # Marks exactly the zero bytes: no carry into the next byte.
        marks = ~(((other & LOWS) + LOWS) | other) & HIGHS
        while marks:
            found[count] = at + first(marks)
            count += 1
            marks &= marks - np.uint64(1)
        at += 8
    while at < len(data):
        if data[at] == NEWLINE:
            found[count] = at
            count += 1
        at += 1
    return count
