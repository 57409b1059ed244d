"""Texts of events as fixed-width columns, and what an identifier may hold.

Identifiers are limited in UTF-8 bytes and hold no control characters (Unicode category Cc, NUL among them), so that
zero-padded columns, keys and terminals can take them. Blanks, inside or at the ends, are part of an identifier and stay
as they are.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensing.codec.keys import MULTIPLIER, SEED, absorb_text
from sensing.contracts.common import ID_BYTES_MAX
from sensing.jit import kernel

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def column(texts: Sequence[str], width: int) -> NDArray[np.bytes_]:
    """Texts that fit ``width`` bytes as zero-padded UTF-8."""
    try:
        return np.array(texts, dtype=f"S{width}")
    except UnicodeEncodeError:  # numpy takes ASCII only; that is the usual case and the fast one.
        return np.array([text.encode() for text in texts], dtype=f"S{width}")


def customer_hashes(customers: Sequence[str]) -> NDArray[np.uint64]:
    """64-bit hashes of customer ids, the same on every machine; 0 for the empty text and for nothing else."""
    padded = column(customers, ID_BYTES_MAX)
    hashes = np.zeros(len(customers), np.uint64)
    hash_words(padded.view(np.uint64).reshape(len(customers), ID_BYTES_MAX // 8), hashes)
    return hashes


@kernel
def hash_words(words: NDArray[np.uint64], hashes: NDArray[np.uint64]) -> None:
    """Hash zero-padded texts, shape (n, words), into ``hashes`` (n, zeroed); an empty text keeps its 0."""
    for i in range(words.shape[0]):
        if words[i, 0] != 0:
            hashes[i] = max(np.uint64(absorb_text(words[i], 0, words.shape[1], SEED, MULTIPLIER)), np.uint64(1))


def fits(texts: Sequence[str | None], bytes_max: Sequence[int]) -> bool:
    """Whether all identifiers (None: not given) are free of control characters and within their limits in bytes."""
    for text, limit in zip(texts, bytes_max, strict=True):
        if text is not None and (CONTROL.search(text) or (not text.isascii() and len(text.encode()) > limit)):
            return False
    return True
