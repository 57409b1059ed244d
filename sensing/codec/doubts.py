"""Doubts: finds messages that the typed decoder would take and the careful decoder may refuse or change.

These have a name twice in one object, or a text with a blank at an end. The decoder asks before it reads messages that
the scanner has left. The careful decoder reads a message in doubt, so too many doubts cost time and change nothing.
"""

import numpy as np
from numpy.typing import NDArray

from sensing.codec.keys import SEED, absorb_text
from sensing.codec.message_block import Block
from sensing.codec.plain_json import (
    BLANK,
    CLOSE_LIST,
    CLOSE_OBJECT,
    COLON,
    OPEN_LIST,
    OPEN_OBJECT,
    QUOTE,
    after_blanks,
    byte_at,
)
from sensing.codec.swar import WORD, Bytes
from sensing.jit import lean_kernel

DEPTH_MAX = 64
NAMES_MAX = 256
"""More levels, or more names in open objects, leave a message in doubt."""
BACKSLASH = 0x5C


def doubtful(block: Block, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the messages ``at`` are in doubt."""
    found = np.zeros(len(at), np.bool_)
    data = block.data.view()
    data.flags.writeable = False  # One type for numba, so that it compiles once.
    starts, ends = np.ascontiguousarray(block.starts[at]), np.ascontiguousarray(block.ends[at])
    find_doubts(data, starts, ends, np.zeros(NAMES_MAX, np.uint64), np.zeros(DEPTH_MAX, np.int64), found)
    return found


@lean_kernel
def find_doubts(
    data: Bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], names: NDArray[np.uint64],
    opened: NDArray[np.int64], found: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Flag the messages in doubt; ``names`` and ``opened`` are scratch memory."""
    for i in range(len(starts)):
        # A shorter one has no two names, and words of eight bytes must not reach before it.
        if ends[i] - starts[i] >= WORD:
            found[i] = is_doubtful(data, starts[i], ends[i], names, opened)


@lean_kernel
def is_doubtful(data: Bytes, at: int, end: int, names: NDArray[np.uint64], opened: NDArray[np.int64]) -> bool:
    """Whether one message is in doubt. It need not be valid JSON.

    ``names`` gets the hashes of the names in all open objects, ``opened`` where those of each open bracket begin.
    """
    depth, count = 0, 0
    while at < end:
        byte = byte_at(data, at, end)
        if byte in (OPEN_OBJECT, OPEN_LIST):
            if depth == DEPTH_MAX:
                return True
            opened[depth] = count
            depth += 1
        elif byte in (CLOSE_OBJECT, CLOSE_LIST):
            if depth > 0:
                depth -= 1
                count = opened[depth]
        elif byte == QUOTE:
            start, plain = at + 1, True
            at = start
            while at < end and byte_at(data, at, end) != QUOTE:
                if byte_at(data, at, end) == BACKSLASH:
                    plain = False
                    at += 1
                at += 1
            size = min(at, end) - start
            if size > 0 and (byte_at(data, start, end) == BLANK or byte_at(data, start + size - 1, end) == BLANK):
                return True
            if depth > 0 and byte_at(data, after_blanks(data, at + 1, end), end) == COLON:
                hashed = absorb_text(data, start, size, end, SEED, SEED)[0]
                if not plain or count == NAMES_MAX:
                    return True
                for k in range(opened[depth - 1], count):
                    if names[k] == hashed:
                        return True
                names[count] = hashed
                count += 1
        at += 1
    return False
