"""Identifiers: checks of their bytes, conversion of short texts to columns, and hashes of ids.

Identifiers are limited in UTF-8 bytes and have no control characters (Unicode category Cc, NUL included), so that
zero-padded columns, keys and terminals can hold them. `sensing.codec.clean_keys` says what else they do not have.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensing.codec.clean_keys import clean
from sensing.codec.keys import SEED, absorb_text
from sensing.codec.swar import WORD, Bytes
from sensing.jit import kernel, lean_kernel

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def column(texts: Sequence[str], width: int) -> NDArray[np.bytes_]:
    """Texts of at most ``width`` bytes as zero-padded UTF-8."""
    try:
        return np.array(texts, dtype=f"S{width}")
    except UnicodeEncodeError:  # numpy encodes ASCII only, which is the usual case and faster.
        return np.array([text.encode() for text in texts], dtype=f"S{width}")


def text_hashes(texts: Sequence[str]) -> NDArray[np.uint64]:
    """64-bit hashes of ids, the same on every machine. Only the empty text has hash 0."""
    data = "".join(texts).encode()
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    if len(data) != sizes.sum():
        sizes = np.fromiter((len(text.encode()) for text in texts), np.int64, len(texts))
    hashes = np.zeros(len(texts), np.uint64)
    hash_texts(np.frombuffer(data + bytes(WORD), np.uint8), sizes, hashes)
    return hashes


@lean_kernel
def hash_span(data: Bytes, at: int, size: int, end: int) -> np.uint64:
    """Hash of a text of ``size`` bytes, as of :func:`text_hashes`; the kernel may read ``data`` up to ``end``."""
    return max(absorb_text(data, at, size, end, SEED, SEED)[0], np.uint64(1))


@kernel
def hash_texts(data: Bytes, sizes: NDArray[np.int64], hashes: NDArray[np.uint64]) -> None:
    """Hash concatenated texts into ``hashes`` (n, zeroed). Empty texts keep 0.

    ``data`` must have eight more bytes.
    """
    at = 0
    for i in range(sizes.shape[0]):
        if sizes[i] > 0:
            hashes[i] = hash_span(data, at, sizes[i], data.shape[0])
        at += sizes[i]


def fits(texts: Sequence[str | None], bytes_max: Sequence[int]) -> bool:
    """Whether all identifiers (None: not given) are clean, without control characters and within limits in bytes."""
    for text, limit in zip(texts, bytes_max, strict=True):
        if text is None:
            continue
        if clean(text) != text or CONTROL.search(text) or (not text.isascii() and len(text.encode()) > limit):
            return False
    return True
