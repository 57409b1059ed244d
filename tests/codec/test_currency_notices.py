"""The first two currencies of a stream are announced at their places, however it is cut."""

from typing import Any

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.currency_notices import CURRENCIES_MAX, CurrencyNotices, find_currency
from sensing.codec.event_record import EVENT, Batch, CurrencyHeard, InfrequentEvent, Topic
from sensing.contracts.reference import ItemUpdated, LocationUpdated
from sensing.state.stored_batch import StoredBatch

CODES = st.sampled_from(["", "EUR", "USD", "GBP"])
MESSAGES = st.lists(st.tuples(st.booleans(), CODES), max_size=25)


def batch_of(messages: list[tuple[bool, str]], first: int = 0) -> Batch:
    """Messages in order: orders, or (True) items, each with its currency; the offset is the number of the message."""
    records = np.zeros(sum(not item for item, _ in messages), EVENT)
    infrequent: list[tuple[int, InfrequentEvent]] = []
    at = 0
    for number, (item, currency) in enumerate(messages, first):
        if item:
            event = ItemUpdated(event_id=f"i{number}", sku="A", currency=currency or None)
            infrequent.append((at, InfrequentEvent(event, 0, number, Topic.REFERENCE, 0, number)))
        else:
            records[at]["currency"], records[at]["offset"], records[at]["watermark"] = currency, number, number
            records[at]["topic"] = Topic.ORDERS
            at += 1
    return Batch(records, infrequent, first + len(messages))


def order(batch: Batch) -> list[Any]:
    """All messages of a batch in order: offsets, and currencies that are announced."""
    found: list[Any] = []
    placed = list(batch.infrequent)
    for k in range(len(batch.records) + 1):
        while placed and placed[0][0] <= k:
            message = placed.pop(0)[1]
            seen = isinstance(message.event, CurrencyHeard)
            found.append((message.event.currency, message.offset) if seen else message.offset)
        if k < len(batch.records):
            found.append(int(batch.records[k]["offset"]))
    return found


def expected(messages: list[tuple[bool, str]]) -> list[Any]:
    """The order with every announcement before the message that causes it."""
    found: list[Any] = []
    seen: list[str] = []
    for number, (_, currency) in enumerate(messages):
        if currency and currency not in seen and len(seen) < CURRENCIES_MAX:
            seen.append(currency)
            found.append((currency, number))
        found.append(number)
    return found


@given(messages=MESSAGES, cut=st.integers(0, 25))
def test_currencies_are_announced_where_they_are_first_named(messages: list[tuple[bool, str]], cut: int) -> None:
    """One batch or two: the same announcements at the same places, with the watermark of their message."""
    watch = CurrencyNotices()
    parts = [watch.announce(batch_of(messages[:cut])), watch.announce(batch_of(messages[cut:], cut))]

    assert [entry for part in parts for entry in order(part)] == expected(messages)
    assert order(CurrencyNotices().announce(batch_of(messages))) == expected(messages)
    announced = [
        message for part in parts for _, message in part.infrequent if isinstance(message.event, CurrencyHeard)
    ]
    assert all(message.watermark == message.offset for message in announced)


def test_a_batch_that_names_nothing_new_is_handed_on() -> None:
    """The same object, whatever else is in it; after two currencies no batch is read."""
    watch = CurrencyNotices()
    other = InfrequentEvent(LocationUpdated(event_id="l", location="L"), 0, 0, Topic.REFERENCE, 0, 0)
    nothing = Batch(np.zeros(3, EVENT), [(1, other)], 5)
    assert watch.announce(nothing) is nothing
    watch.announce(batch_of([(False, "EUR"), (False, "USD")]))
    third = batch_of([(False, "GBP"), (True, "JPY")])
    assert watch.announce(third) is third


def test_the_kernel_reads_the_bytes_of_the_currency() -> None:
    """Other bytes of the word are no currency."""
    words = np.array([[0, 0xFF], [7, 0x455552_00], [0, 0x445355_FF]], np.uint64)
    eur, usd = np.uint64(0x455552), np.uint64(0x445355)
    mask, shift = np.uint64(0xFFFFFF), np.uint64(8)

    assert find_currency(words, 1, shift, mask, np.uint64(0)) == 1
    assert find_currency(words, 1, shift, mask, eur) == 2
    assert find_currency(words[:2], 1, shift, mask, eur) == 2
    assert find_currency(words, 1, shift, mask, usd) == 1


def test_a_batch_that_waits_keeps_its_notices() -> None:
    """Notices of orders and of items, as a snapshot stores them."""
    batch = CurrencyNotices().announce(batch_of([(False, "EUR"), (True, "USD")]))
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(StoredBatch.of(batch)), type=StoredBatch)

    assert stored.batch().infrequent == batch.infrequent
    assert [type(message.event) for _, message in batch.infrequent] == [CurrencyHeard, CurrencyHeard, ItemUpdated]
