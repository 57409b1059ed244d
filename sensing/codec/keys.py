"""Keys of rows, lines and events, hashed from the texts in a record, the same whoever filled the record.

128 bits make a collision among 10**9 keys about as likely as 10**-21, so texts are not compared again.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.record import EVENT
from sensing.jit import inlined_kernel, kernel

WORD = 8


def _span(field: str) -> tuple[int, int]:
    """First word of a text field and its number of words."""
    dtype, offset = EVENT.fields[field][:2]  # type: ignore[index]  # EVENT is a record dtype, so it has fields
    if offset % WORD or dtype.itemsize % WORD:
        msg = f"event record: required field {field} on whole words, got offset {offset}, size {dtype.itemsize}"
        raise ValueError(msg)
    return offset // WORD, dtype.itemsize // WORD


SKU_AT, SKU_WORDS = _span("sku")
LOCATION_AT, LOCATION_WORDS = _span("location")
LINE_AT, LINE_WORDS = _span("line")
ORDER_AT, ORDER_WORDS = _span("order_id")
EVENT_AT, EVENT_WORDS = _span("event_id")
ROW_KEY_AT, LINE_KEY_AT, EVENT_KEY_AT = (_span(name)[0] for name in ("row_hi", "line_hi", "id_hi"))

MULTIPLIER = np.uint64(0xFF51AFD7ED558CCD)
OTHER_MULTIPLIER = np.uint64(0xC4CEB9FE1A85EC53)
SEED = np.uint64(0x9E3779B97F4A7C15)
SHIFT = np.uint64(32)
SHIFT_FOLD = np.uint64(29)


@inlined_kernel
def absorb_word(state: np.uint64, word: np.uint64, multiplier: np.uint64) -> np.uint64:
    """Mix one word into a lane (xor, multiply, fold the high half down)."""
    state = (state ^ word) * multiplier
    return state ^ (state >> SHIFT)


@kernel
def absorb_text(
    words: NDArray[np.uint64], start: int, count: int, state: np.uint64, multiplier: np.uint64
) -> np.uint64:
    """Mix a zero-padded text into a lane.

    Texts hold no NUL, so the first zero word ends them; the end itself is mixed in.
    """
    for i in range(start, start + count):
        if words[i] == 0:
            break
        state = absorb_word(state, words[i], multiplier)
    return absorb_word(state, SEED, multiplier)


@inlined_kernel
def absorb_both(
    words: NDArray[np.uint64], start: int, count: int, hi: np.uint64, lo: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Mix a text into both lanes, as :func:`absorb_text` does into one; side by side they take hardly longer."""
    for i in range(start, start + count):
        word = words[i]
        if word == 0:
            break
        hi = absorb_word(hi, word, MULTIPLIER)
        lo = absorb_word(lo, word, OTHER_MULTIPLIER)
    return absorb_word(hi, SEED, MULTIPLIER), absorb_word(lo, SEED, OTHER_MULTIPLIER)


@kernel
def fill_keys_words(
    words: NDArray[np.uint64], row_keys: NDArray[np.uint64], line_keys: NDArray[np.uint64], id_keys: NDArray[np.uint64],
    shard: NDArray[np.uint16], shards: int,
) -> None:  # fmt: skip
    """Hash the texts of records given as (n, words per record); outputs are (n, 2) keys and (n,) shard numbers."""
    for k in range(words.shape[0]):
        w = words[k]
        sku_hi, sku_lo = absorb_both(w, SKU_AT, SKU_WORDS, SEED, SEED)
        shard[k] = (sku_hi >> SHIFT_FOLD) % np.uint64(shards)
        row_keys[k, 0], row_keys[k, 1] = absorb_both(w, LOCATION_AT, LOCATION_WORDS, sku_hi, sku_lo)
        hi, lo = absorb_both(w, EVENT_AT, EVENT_WORDS, MULTIPLIER, OTHER_MULTIPLIER)
        id_keys[k, 0], id_keys[k, 1] = hi, lo
        if w[ORDER_AT] != 0:
            hi, lo = absorb_both(w, ORDER_AT, ORDER_WORDS, sku_hi, sku_lo)
            hi, lo = absorb_both(w, LINE_AT, LINE_WORDS, hi, lo)
        line_keys[k, 0], line_keys[k, 1] = hi, lo


def fill_keys(records: NDArray[Any], shards: int) -> None:
    """Fill row, line and event keys and the shard number of ``records`` (EVENT, contiguous) in place."""
    words = records.view(np.uint64).reshape(len(records), EVENT.itemsize // WORD)
    # The halves of a key lie side by side in the record.
    rows, lines, ids = (words[:, at : at + 2] for at in (ROW_KEY_AT, LINE_KEY_AT, EVENT_KEY_AT))
    fill_keys_words(words, rows, lines, ids, records["shard"], shards)


def keys_of(sku: str, location: str, event_id: str, shards: int) -> NDArray[Any]:
    """One record that holds nothing but the texts given and their keys, for events that travel as structs."""
    record = np.zeros(1, EVENT)
    record["sku"] = sku.encode()
    record["location"] = location.encode()
    record["event_id"] = event_id.encode()
    fill_keys(record, shards)
    return record
