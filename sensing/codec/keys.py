"""Keys of rows, lines and events, hashed from the texts in a record, the same whoever filled the record.

128 bits make a collision among 10**9 keys about as likely as 10**-21, so texts are not compared again.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.record import EVENT
from sensing.jit import lean_kernel

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
# The low half of a key follows on its high half.
ROW_KEY_AT, LINE_KEY_AT, ID_KEY_AT = (_span(f"{key}_hi")[0] for key in ("row", "line", "id"))

MULTIPLIER = np.uint64(0xFF51AFD7ED558CCD)
OTHER_MULTIPLIER = np.uint64(0xC4CEB9FE1A85EC53)
SEED = np.uint64(0x9E3779B97F4A7C15)
SHIFT = np.uint64(32)
SHIFT_FOLD = np.uint64(29)


@lean_kernel
def absorb_word(state: np.uint64, word: np.uint64, multiplier: np.uint64) -> np.uint64:
    """Mix one word into a lane (xor, multiply, fold the high half down)."""
    state = (state ^ word) * multiplier
    return state ^ (state >> SHIFT)


@lean_kernel
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


@lean_kernel
def absorb_both(
    words: NDArray[np.uint64], start: int, count: int, hi: np.uint64, lo: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Mix a text into both lanes, each as :func:`absorb_text` does; side by side they take hardly longer than one."""
    for i in range(start, start + count):
        if words[i] == 0:
            break
        hi = absorb_word(hi, words[i], MULTIPLIER)
        lo = absorb_word(lo, words[i], OTHER_MULTIPLIER)
    return absorb_word(hi, SEED, MULTIPLIER), absorb_word(lo, SEED, OTHER_MULTIPLIER)


@lean_kernel
def fill_keys_words(words: NDArray[np.uint64], shard: NDArray[np.uint16], shards: int) -> None:
    """Hash the texts of records, given as (n, words per record), into their keys; ``shard`` (n,) is filled as well."""
    for k in range(words.shape[0]):
        w = words[k]
        sku_hi, sku_lo = absorb_both(w, SKU_AT, SKU_WORDS, SEED, SEED)
        shard[k] = (sku_hi >> SHIFT_FOLD) % np.uint64(shards)
        w[ROW_KEY_AT], w[ROW_KEY_AT + 1] = absorb_both(w, LOCATION_AT, LOCATION_WORDS, sku_hi, sku_lo)
        hi, lo = absorb_both(w, EVENT_AT, EVENT_WORDS, MULTIPLIER, OTHER_MULTIPLIER)
        w[ID_KEY_AT], w[ID_KEY_AT + 1] = hi, lo
        if w[ORDER_AT] != 0:
            hi, lo = absorb_both(w, ORDER_AT, ORDER_WORDS, sku_hi, sku_lo)
            hi, lo = absorb_both(w, LINE_AT, LINE_WORDS, hi, lo)
        w[LINE_KEY_AT], w[LINE_KEY_AT + 1] = hi, lo


def fill_keys(records: NDArray[Any], shards: int) -> NDArray[np.uint16]:
    """Fill row, line and event keys and the shard number of ``records`` (EVENT, contiguous) in place; give the last."""
    n = len(records)
    words = records.view(np.uint64).reshape(n, EVENT.itemsize // WORD)
    shard = np.empty(n, np.uint16)
    fill_keys_words(words, shard, shards)
    records["shard"] = shard
    return shard


def keys_of(sku: str, location: str, event_id: str, shards: int) -> NDArray[Any]:
    """One record that holds nothing but the texts given and their keys, for events that travel as structs."""
    record = np.zeros(1, EVENT)
    record["sku"] = sku.encode()
    record["location"] = location.encode()
    record["event_id"] = event_id.encode()
    fill_keys(record, shards)
    return record
