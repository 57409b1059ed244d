"""Keys of rows, order lines and events: 128-bit hashes of the texts of a record. Scanner and decoder compute them.

A collision among 10**9 keys has a probability of about 10**-21, so texts are not compared. The high half of a row's key
is the hash of its SKU alone. It selects the shard and finds the rows of a SKU. Locations of one SKU differ in the low
half only: among 10**7 SKUs with 100 locations each a collision has a probability of 10**-9.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT, NO_LINE
from sensing.codec.swar import WORD, Bytes, below, put_word, word_at
from sensing.codec.text_table import HEAD
from sensing.jit import kernel, lean_kernel

SKU, LOCATION, ORDER, LINE, EVENT_ID, CUSTOMER = (2 * at for at in range(HEAD))
"""Index of each text's start in the spans of a record; its length follows."""
SPANS = 2 * HEAD


def _word_of(field: str) -> int:
    """Index of the 64-bit word of a record at which a field begins."""
    offset: int = EVENT.fields[field][1]  # type: ignore[index]  # EVENT is a record dtype, so it has fields
    return offset // WORD


# The low half of a key follows its high half.
ROW_KEY_AT, LINE_KEY_AT, ID_KEY_AT = (_word_of(f"{key}_hi") for key in ("row", "line", "id"))
FLAGS_AT = _word_of("flags")
NO_LINE_FLAG = np.uint64(NO_LINE << 8 * (EVENT.fields["flags"][1] % WORD))  # type: ignore[index]  # as above

MULTIPLIER = np.uint64(0xFF51AFD7ED558CCD)
OTHER_MULTIPLIER = np.uint64(0xC4CEB9FE1A85EC53)
SEED = np.uint64(0x9E3779B97F4A7C15)
SHIFT = np.uint64(32)


@lean_kernel
def absorb_word(state: np.uint64, word: np.uint64, multiplier: np.uint64) -> np.uint64:
    """Mix one word into a hash lane: xor, multiply, fold the high half down."""
    state = (state ^ word) * multiplier
    return state ^ (state >> SHIFT)


@lean_kernel
def absorb_text(data: Bytes, at: int, size: int, end: int, hi: np.uint64, lo: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Mix ``size`` bytes from ``at`` on into two hash lanes, as words padded with zeros, and then a terminator.

    The kernel may read ``data`` up to ``end``, which must be at least 8. Two lanes in parallel take hardly longer than
    one.
    """
    for done in range(0, size, WORD):
        word = word_at(data, at + done, end)
        if size - done < WORD:
            word = below(word, size - done)
        hi = absorb_word(hi, word, MULTIPLIER)
        lo = absorb_word(lo, word, OTHER_MULTIPLIER)
    return absorb_word(hi, SEED, MULTIPLIER), absorb_word(lo, SEED, OTHER_MULTIPLIER)


@lean_kernel
def copy_text(
    data: Bytes, at: int, size: int, end: int, hi: np.uint64, lo: np.uint64, texts: Bytes, to: int
) -> tuple[np.uint64, np.uint64]:
    """Same as :func:`absorb_text`; also copies the text to ``to``. Up to 7 bytes after the copy are overwritten."""
    for done in range(0, size, WORD):
        word = word_at(data, at + done, end)
        put_word(texts, to + done, word)
        if size - done < WORD:
            word = below(word, size - done)
        hi = absorb_word(hi, word, MULTIPLIER)
        lo = absorb_word(lo, word, OTHER_MULTIPLIER)
    return absorb_word(hi, SEED, MULTIPLIER), absorb_word(lo, SEED, OTHER_MULTIPLIER)


@lean_kernel
def enter(data: Bytes, end: int, spans: NDArray[np.int64], row: NDArray[np.uint64], texts: Bytes, to: int) -> int:
    """Hash the texts at ``spans`` of ``data`` into the keys of a record (``row``, as words) and write their text entry.

    ``spans`` has start and size of each text. The entry is written to ``texts`` at ``to``. Up to 7 bytes after it are
    overwritten. Returns the end of the entry.
    """
    for k in range(HEAD):
        texts[to + k] = spans[2 * k + 1]
    to += HEAD
    at, size = spans[SKU], spans[SKU + 1]
    sku_hi, sku_lo = copy_text(data, at, size, end, SEED, SEED, texts, to)
    to += size
    at, size = spans[LOCATION], spans[LOCATION + 1]
    row[ROW_KEY_AT] = sku_hi
    row[ROW_KEY_AT + 1] = copy_text(data, at, size, end, sku_hi, sku_lo, texts, to)[1]
    to += size
    at, size = spans[ORDER], spans[ORDER + 1]
    line_hi, line_lo = copy_text(data, at, size, end, sku_hi, sku_lo, texts, to)
    to += size
    at, size_of_line = spans[LINE], spans[LINE + 1]
    if size_of_line > 0:
        line_hi, line_lo = copy_text(data, at, size_of_line, end, line_hi, line_lo, texts, to)
        to += size_of_line
    else:
        line_hi, line_lo = absorb_text(data, spans[SKU], spans[SKU + 1], end, line_hi, line_lo)
    at, size = spans[EVENT_ID], spans[EVENT_ID + 1]
    hi, lo = copy_text(data, at, size, end, MULTIPLIER, OTHER_MULTIPLIER, texts, to)
    row[ID_KEY_AT], row[ID_KEY_AT + 1] = hi, lo
    if spans[ORDER + 1] > 0:
        hi, lo = line_hi, line_lo
        if size_of_line == 0:
            row[FLAGS_AT] |= NO_LINE_FLAG
    row[LINE_KEY_AT], row[LINE_KEY_AT + 1] = hi, lo
    to += size
    at, size = spans[CUSTOMER], spans[CUSTOMER + 1]
    for done in range(0, size, WORD):
        put_word(texts, to + done, word_at(data, at + done, end))
    return int(to + size)


@kernel
def enter_all(
    data: Bytes, sizes: NDArray[np.uint8], words: NDArray[np.uint64], spans: NDArray[np.int64], texts: Bytes,
    starts: NDArray[np.uint32],
) -> None:  # fmt: skip
    """Apply :func:`enter` to records (n, words per record) whose texts are concatenated in ``data``.

    ``sizes`` (n, texts) has the length of each text. ``starts`` is filled with the start of each entry. ``spans`` is
    scratch memory.
    """
    at, to = 0, 0
    for k in range(words.shape[0]):
        for each in range(HEAD):
            size = int(sizes[k, each])
            spans[2 * each], spans[2 * each + 1] = at, size
            at += size
        starts[k] = to
        to = enter(data, data.shape[0], spans, words[k], texts, to)


def fill_keys(records: NDArray[Any], data: Bytes, sizes: NDArray[np.uint8]) -> tuple[Bytes, NDArray[np.uint32]]:
    """Fill row, line and event keys of ``records`` (EVENT, contiguous) in place, and make their text entries.

    Parameters
    ----------
    data
        Texts of all records, concatenated, and eight more bytes.
    sizes
        (n, texts) size of each text in bytes.

    Returns
    -------
    tuple
        Text entries, and the start of each.
    """
    words = records.view(np.uint64).reshape(len(records), EVENT.itemsize // WORD)
    data, sizes = data.view(), sizes.view()
    data.flags.writeable = sizes.flags.writeable = False  # One array type, so that numba compiles the kernel once.
    texts = np.empty(len(data) + HEAD * len(records), np.uint8)
    starts = np.zeros(len(records), np.uint32)
    enter_all(data, sizes, words, np.zeros(SPANS, np.int64), texts, starts)
    return texts[:-WORD], starts


def joined(texts: Sequence[str]) -> tuple[Bytes, NDArray[np.uint8]]:
    """Concatenate the texts of all records (at most 255 bytes each) for :func:`fill_keys`."""
    data = "".join(texts).encode()
    sizes = np.fromiter(map(len, texts), np.uint8, len(texts))
    if len(data) != int(sizes.sum(dtype=np.int64)):  # Sizes are in bytes. Nearly all texts are ASCII.
        sizes = np.fromiter((len(text.encode()) for text in texts), np.uint8, len(texts))
    return np.frombuffer(data + bytes(WORD), np.uint8), sizes.reshape(-1, HEAD)


def keys_of(sku: str, location: str = "", event_id: str = "", order_id: str = "", line: str = "") -> Any:
    """A record (EVENT) with only the keys of these texts, for events that are structs."""
    encoded = [text.encode() for text in (sku, location, order_id, line, event_id, "")]
    data = np.frombuffer(b"".join([*encoded, bytes(WORD)]), np.uint8)
    sizes = np.frombuffer(bytes(map(len, encoded)), np.uint8).reshape(1, HEAD)
    words = np.zeros((1, EVENT.itemsize // WORD), np.uint64)
    spans, starts = np.empty(SPANS, np.int64), np.empty(1, np.uint32)
    enter_all(data, sizes, words, spans, np.empty(len(data) + HEAD, np.uint8), starts)
    return words.view(EVENT)[0, 0]


@lru_cache(maxsize=1 << 14)  # A purchase order looks up its row several times.
def row_key(sku: str, location: str) -> tuple[np.uint64, np.uint64]:
    """Both halves of the key of a row, equal to those of `keys_of`."""
    hi, _, lo = _hash_row(sku, location)
    return np.uint64(hi), np.uint64(lo)


def id_key(event_id: str) -> tuple[np.uint64, np.uint64]:
    """Both halves of the key of an event id, equal to those of `keys_of`."""
    hi, lo = hash_id(np.frombuffer(event_id.encode() + bytes(WORD), np.uint8))
    return np.uint64(hi), np.uint64(lo)


def row_hash_of(sku: str, location: str) -> int:
    """64-bit hash of a SKU-location. It spreads the closes of rows over the minutes of an hour."""
    return int(_hash_row(sku, location)[1])


def _hash_row(sku: str, location: str) -> tuple[np.uint64, np.uint64, np.uint64]:
    encoded = sku.encode()
    return hash_row(np.frombuffer(encoded + location.encode() + bytes(WORD), np.uint8), len(encoded))


@kernel
def hash_row(data: Bytes, size: int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Hash a SKU of ``size`` bytes and the location after it. ``data`` ends with eight more bytes.

    Returns
    -------
    tuple
        High half of the row's key, 64 bits that spread rows over an hour, low half of the key.
    """
    end = data.shape[0]
    sku_hi, sku_lo = absorb_text(data, 0, size, end, SEED, SEED)
    hi, lo = absorb_text(data, size, end - WORD - size, end, sku_hi, sku_lo)
    return sku_hi, hi, lo


@kernel
def hash_id(data: Bytes) -> tuple[np.uint64, np.uint64]:
    """Hash an event id. ``data`` ends with eight more bytes."""
    end = data.shape[0]
    return absorb_text(data, 0, end - WORD, end, MULTIPLIER, OTHER_MULTIPLIER)
