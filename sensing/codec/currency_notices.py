"""Currency notices: a source group tells every shard which currencies are in use. Routers call it before the split.

Orders and items of a SKU go to one shard only. Whether several currencies are in use concerns all shards, so the first
events that name a currency and a second one are announced to all, at their places in the stream.
"""

from bisect import bisect_right
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT, Batch, CurrencyHeard, InfrequentEvent
from sensing.codec.swar import WORD
from sensing.jit import kernel

CURRENCIES_MAX = 2
assert EVENT.fields is not None, "a record has fields"
_OFFSET = EVENT.fields["currency"][1]
_COLUMN, _SHIFT = _OFFSET // WORD, np.uint64(8 * (_OFFSET % WORD))
"""The word of a record that holds the currency, and the bits before it."""
_MASK = np.uint64(0xFFFFFF)


@kernel
def find_currency(words: NDArray[np.uint64], column: int, shift: np.uint64, mask: np.uint64, known: np.uint64) -> int:
    """First record (row of ``words``) that names a currency other than ``known``; else the number of records.

    A currency is its three bytes as a number; 0: none.
    """
    for k in range(words.shape[0]):
        currency = words[k, column] >> shift & mask
        if currency != 0 and currency != known:
            return k
    return int(words.shape[0])


class CurrencyNotices:
    """The currencies that a source group has announced, at most two."""

    def __init__(self) -> None:
        self._seen: list[str] = []

    def announce(self, batch: Batch) -> Batch:
        """The batch with a CurrencyHeard before each record or item that is the first to name a currency."""
        infrequent = batch.infrequent
        while len(self._seen) < CURRENCIES_MAX:
            at, item = _first_record(batch.records, self._seen), _first_item(infrequent, self._seen)
            if item < len(infrequent) and infrequent[item][0] <= at:
                before, place, source = infrequent[item][0], item, infrequent[item][1]
                currency = source.event.currency
            elif at < len(batch.records):
                before, place = at, bisect_right([before for before, _ in infrequent], at)
                source = _origin(batch.records[at])
                currency = bytes(batch.records[at]["currency"]).decode()
            else:
                break
            self._seen.append(currency)
            announced = source._replace(event=CurrencyHeard(currency), trace=None)
            infrequent = [*infrequent[:place], (before, announced), *infrequent[place:]]
        return batch if infrequent is batch.infrequent else batch._replace(infrequent=infrequent)


def _first_record(records: NDArray[Any], seen: list[str]) -> int:
    words = records.view(np.uint64).reshape(len(records), EVENT.itemsize // WORD)
    known = np.uint64(int.from_bytes(seen[0].encode(), "little") if seen else 0)
    return int(find_currency(words, _COLUMN, _SHIFT, _MASK, known))


def _first_item(infrequent: list[tuple[int, InfrequentEvent]], seen: list[str]) -> int:
    """Index of the first infrequent event that names a currency not seen; else their number."""
    for k, (_, message) in enumerate(infrequent):
        currency = getattr(message.event, "currency", None)
        if currency is not None and currency not in seen:
            return k
    return len(infrequent)


def _origin(record: Any) -> InfrequentEvent:
    """Times and place of a record."""
    return InfrequentEvent(
        None, int(record["time"]), int(record["watermark"]), int(record["topic"]), int(record["partition"]),
        int(record["offset"]),
    )  # fmt: skip
