"""Codes of short texts: units of measure and currencies of a shard's order lines, one byte each.

Kernels code the unit and the currency of every order line, so that a conflict between two versions can name both. A
shard sees few different ones, so a code is found by a linear search. Code 0 is the empty text. If all codes are taken,
further texts share the last one.
"""

import numpy as np
from numpy.typing import NDArray

from sensing.jit import lean_kernel
from sensing.state.snapshot import pack, unpack

CODES_MAX = 256


@lean_kernel
def code_of(codes: NDArray[np.uint64], text: np.uint64) -> int:
    """Code of a text of up to eight bytes, given as a word; a new text gets the next code."""
    if text == 0:
        return 0
    at = 1
    while at < CODES_MAX - 1 and codes[at] != 0:
        if codes[at] == text:
            return at
        at += 1
    if at < CODES_MAX - 1:
        codes[at] = text
    return at


class TextCodes:
    """Codes of one kind of text; ``codes`` has the texts as words, 0 where a code is free."""

    def __init__(self) -> None:
        self.codes = np.zeros(CODES_MAX, np.uint64)

    def text(self, code: int) -> str:
        """Text of a code; empty for code 0 and for the code that further texts share."""
        return bytes(self.codes[code : code + 1].view("S8")[0]).decode()

    def dump(self) -> bytes:
        """All codes as bytes."""
        return pack({"codes": self.codes})

    def load(self, block: bytes) -> None:
        """Restore the codes of :meth:`dump`."""
        self.codes[:] = unpack(block, {"codes": self.codes.dtype})["codes"]
