"""Texts of records: packed, found by place, and cut down to what is needed."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT
from sensing.codec.keys import fill_keys, joined
from sensing.codec.text_table import (
    TOPIC_PARTITION_OFFSET,
    EventTexts,
    TextLookup,
    TextTable,
    copy_entries,
    mark_entries,
    measure_entries,
    needed,
)

ALPHABET = st.characters(exclude_categories=("Cc", "Cs"))
texts = st.builds(
    EventTexts,
    *(
        st.text(ALPHABET, min_size=least, max_size=most)
        for least, most in ((1, 16), (1, 10), (0, 32), (0, 9), (1, 32), (0, 9))
    ),
)
blocks = st.lists(
    st.tuples(st.sampled_from((1, 2)), st.sampled_from((0, 7)), st.lists(texts, max_size=6)), min_size=1, max_size=6
)


def table_of(topic: int, partition: int, first: int, given_texts: list[EventTexts]) -> TextTable:
    """The texts of records at every other offset from ``first`` on."""
    count = len(given_texts)
    data, starts = fill_keys(np.zeros(count, EVENT), *joined([text for each in given_texts for text in each]))
    return TextTable(topic, partition, first + 2 * np.arange(count), starts, data)


def tables_of(given_blocks: list[tuple[int, int, list[EventTexts]]]) -> tuple[list[TextTable], dict[Any, EventTexts]]:
    """Tables of blocks that follow on each other in their partitions, and all texts by place."""
    tables: list[TextTable] = []
    known: dict[Any, EventTexts] = {}
    for number, (topic, partition, of_block) in enumerate(given_blocks):
        tables.append(table_of(topic, partition, 100 * number, of_block))
        known |= {(topic, partition, 100 * number + 2 * at): each for at, each in enumerate(of_block)}
    return tables, known


def records(places: list[tuple[int, int, int]]) -> NDArray[Any]:
    """Records with nothing but their places."""
    found = np.zeros(len(places), EVENT)
    for name, values in zip(TOPIC_PARTITION_OFFSET.names or (), zip(*places, strict=True), strict=False):
        found[name] = values
    return found


@given(blocks, st.randoms(use_true_random=False), st.data())
def test_texts_are_found_by_place(
    given_blocks: list[tuple[int, int, list[EventTexts]]], random: Any, data: st.DataObject
) -> None:
    """A look-up over tables is a dictionary; what was looked up, or is needed, is the part of it that was asked for."""
    tables, known = tables_of(given_blocks)
    asked = data.draw(st.lists(st.sampled_from(sorted(known)), max_size=10)) if known else []
    random.shuffle(asked)
    lookup = TextLookup(tuple(tables))
    assert lookup.all(records(asked)) == [known[place] for place in asked]
    assert [lookup.one(record) for record in records(asked)] == [known[place] for place in asked]

    for part in (lookup.used(), needed(tables, records(asked))):
        assert sum(len(table.offsets) for table in part) == len(set(asked))
        assert sum(len(table.data) for table in part) == sum(
            6 + sum(len(text.encode()) for text in known[place]) for place in set(asked)
        )
        again = TextLookup(part)
        assert [again.one(record) for record in records(asked)] == [known[place] for place in asked]


def test_texts_that_nobody_has_are_asked_for_by_name() -> None:
    """No table, another partition, or an offset between those of a table."""
    table = table_of(2, 7, 100, [EventTexts("S", "L", "", "", "e")] * 2)
    for place in ((2, 7, 99), (2, 7, 101), (2, 7, 103), (2, 0, 100), (1, 7, 100)):
        expected = f"texts: required those of topic {place[0]}, partition {place[1]}, offset {place[2]}, got none; give"
        with pytest.raises(ValueError, match=expected):
            TextLookup((table,)).one(records([place])[0])
    assert needed([table], records([(2, 7, 101), (2, 7, 999), (2, 7, 0)])) == ()
    assert needed([table_of(2, 7, 0, [])], records([(2, 7, 0)])) == ()


@given(st.lists(st.tuples(st.sampled_from((1, 2)), st.sampled_from((0, 7)), st.integers(0, 12)), max_size=20))
def test_entries_are_marked_by_place(places: list[tuple[int, int, int]]) -> None:
    """Those of the records, in whatever order these come."""
    offsets, wanted = np.array([1, 3, 4, 9, 12]), np.zeros(5, np.bool_)
    mark_entries(records(places) if places else np.zeros(0, EVENT), 2, 7, offsets, wanted)
    assert wanted.tolist() == [(2, 7, offset) in places for offset in offsets.tolist()]


def test_entries_are_copied_one_by_one() -> None:
    """From where they begin, behind one another, in the order asked for."""
    data = np.array([9, 0, 1, 0, 0, 1, 0, 65, 66, 2, 0, 0, 0, 0, 0, 67, 68, 9], np.uint8)
    starts, at, to = np.array([9, 1], np.uint32), np.array([1, 0]), np.zeros(2, np.uint32)
    assert measure_entries(data, starts, at, to) == 16
    assert to.tolist() == [0, 8]
    into = np.zeros(16, np.uint8)
    copy_entries(data, starts, at, into, to)
    assert into.tolist() == [0, 1, 0, 0, 1, 0, 65, 66, 2, 0, 0, 0, 0, 0, 67, 68]


def test_what_stands_for_order_and_line() -> None:
    """An event without an order goes by its own id, a line that was not named by the SKU."""
    whole, bare = EventTexts("S", "L", "O", "1", "e"), EventTexts("S", "L", "", "", "e")
    assert (whole.document, whole.line_or_sku) == ("O", "1")
    assert (bare.document, bare.line_or_sku) == ("e", "S")


def test_a_text_of_more_than_a_length_can_say_is_refused() -> None:
    """Contracts allow 128 bytes; a length has one byte."""
    with pytest.raises(OverflowError):
        joined(["x" * 256, "", "", "", ""])
