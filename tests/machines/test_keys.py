"""Keys of rows, lines and events against plain integers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec import keys
from sensing.codec.keys import (
    MULTIPLIER,
    OTHER_MULTIPLIER,
    SEED,
    absorb_both,
    absorb_text,
    absorb_word,
    fill_keys,
    keys_of,
)
from sensing.codec.record import EVENT
from tests.machines.tables import events

WORDS = 2**64
LANES = (int(MULTIPLIER), int(OTHER_MULTIPLIER))
identifiers = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=10)
short = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=4)
texts = st.fixed_dictionaries(
    {
        "sku": identifiers,
        "location": short,
        "line": identifiers,
        "order_id": st.just("") | identifiers,
        "event_id": short,
    }
)


def mixed(state: int, word: int, multiplier: int) -> int:
    """One word into a lane."""
    state = (state ^ word) * multiplier % WORDS
    return state ^ (state >> 32)


def absorbed(text: str, state: int, multiplier: int) -> int:
    """A text into a lane: each word of eight bytes, then the end."""
    data = text.encode()
    for at in range(0, len(data), 8):
        state = mixed(state, int.from_bytes(data[at : at + 8].ljust(8, b"\0"), "little"), multiplier)
    return mixed(state, int(SEED), multiplier)


def keys_by_hand(fields: dict[str, str]) -> dict[str, tuple[int, int]]:
    """All keys of a record, high and low."""
    found: dict[str, list[int]] = {"row": [], "line": [], "id": []}
    for multiplier in LANES:
        sku = absorbed(fields["sku"], int(SEED), multiplier)
        found["row"].append(absorbed(fields["location"], sku, multiplier))
        event = absorbed(fields["event_id"], multiplier, multiplier)
        found["id"].append(event)
        order = absorbed(fields["order_id"], sku, multiplier)
        found["line"].append(absorbed(fields["line"], order, multiplier) if fields["order_id"] else event)
    return {name: (high, low) for name, (high, low) in found.items()}


def keys_in(record: Any) -> dict[str, tuple[int, int]]:
    """The keys that a record holds."""
    return {name: (int(record[f"{name}_hi"]), int(record[f"{name}_lo"])) for name in ("row", "line", "id")}


@given(st.integers(0, WORDS - 1), st.integers(0, WORDS - 1), st.sampled_from(LANES))
def test_a_word_is_mixed_like_by_hand(state: int, word: int, multiplier: int) -> None:
    """Wrapping 64-bit arithmetic is that of plain integers."""
    found = absorb_word(np.uint64(state), np.uint64(word), np.uint64(multiplier))
    assert int(found) == mixed(state, word, multiplier)


@given(identifiers | st.just(""), st.integers(0, WORDS - 1), st.sampled_from(LANES), st.integers(0, 2))
def test_a_text_is_mixed_like_by_hand(text: str, state: int, multiplier: int, start: int) -> None:
    """Words up to the first empty one or the end of the field, wherever the field begins, then the end."""
    padded = b"x" * 8 * start + text.encode().ljust(40, b"\0") + b"more...."
    words = np.frombuffer(padded, np.uint64)
    found = absorb_text(words, start, 5, np.uint64(state), np.uint64(multiplier))
    assert int(found) == absorbed(text, state, multiplier)


@given(identifiers | st.just(""), st.integers(0, WORDS - 1), st.integers(0, WORDS - 1), st.integers(0, 2))
def test_both_lanes_are_mixed_like_each(text: str, hi: int, lo: int, start: int) -> None:
    """A text goes into two lanes at once as it goes into each of them."""
    words = np.frombuffer(b"x" * 8 * start + text.encode().ljust(40, b"\0") + b"more....", np.uint64)
    found = absorb_both(words, start, 5, np.uint64(hi), np.uint64(lo))
    assert [int(lane) for lane in found] == [absorbed(text, hi, LANES[0]), absorbed(text, lo, LANES[1])]


@given(st.lists(texts, max_size=10), st.sampled_from((1, 2, 16, 255)))
def test_keys_are_those_by_hand(given_texts: list[dict[str, str]], shards: int) -> None:
    """Row, line and event keys and the shard of any records are those of plain integer arithmetic."""
    records = events(*given_texts)
    fill_keys(records, shards)
    for record, fields in zip(records, given_texts, strict=True):
        assert keys_in(record) == keys_by_hand(fields)
        assert record["shard"] == (absorbed(fields["sku"], int(SEED), LANES[0]) >> 29) % shards


@given(st.lists(texts, min_size=1, max_size=5))
def test_words_are_all_the_kernel_sees(given_texts: list[dict[str, str]]) -> None:
    """The kernel on words fills what fill_keys writes into the records."""
    records = events(*given_texts)
    words = records.view(np.uint64).reshape(len(records), EVENT.itemsize // 8)
    expected = [keys_in(record) for record in records]
    for column in ("row_hi", "row_lo", "line_hi", "line_lo", "id_hi", "id_lo"):
        records[column] = 7
    shard = np.empty(len(records), np.uint16)
    keys.fill_keys_words(words, shard, 1)
    assert [keys_in(record) for record in records] == expected
    assert not shard.any()


@given(texts)
def test_structs_have_the_keys_of_records(fields: dict[str, str]) -> None:
    """An event that travels as a struct has the row and event keys of a record with the same texts."""
    record, other = events(fields)[0], keys_of(fields["sku"], fields["location"], fields["event_id"], 16)[0]
    assert {name: keys_in(record)[name] for name in ("row", "id")} == {
        name: keys_in(other)[name] for name in ("row", "id")
    }


def test_what_keys_depend_on() -> None:
    """A row is SKU and location, a line is order, line and SKU anywhere, and without an order its own event."""
    first = {"sku": "A", "location": "L", "order_id": "O", "line": "1", "event_id": "e"}
    base = keys_in(events(first)[0])
    changed = {name: keys_in(events({**first, name: "other"})[0]) for name in first}
    differs = {name: {key for key in base if found[key] != base[key]} for name, found in changed.items()}
    assert differs == {
        "sku": {"row", "line"}, "location": {"row"}, "order_id": {"line"}, "line": {"line"}, "event_id": {"id"}
    }  # fmt: skip
    alone = keys_in(events({**first, "order_id": ""})[0])
    assert alone["line"] == alone["id"]


def test_where_a_text_ends_matters() -> None:
    """The same bytes, divided between SKU and location in another way, are another row; so are any two of many."""
    divided = [events({"sku": "ABCDEFGHI"[:at], "location": "ABCDEFGHI"[at:]})[0] for at in range(1, 9)]
    assert len({keys_in(record)["row"] for record in divided}) == 8
    many = events(*({"sku": f"S{number}"} for number in range(5000)))
    assert len(np.unique(many["row_hi"])) == len(np.unique(many["row_lo"])) == 5000


def test_shards_are_even() -> None:
    """SKUs that look alike spread over the shards."""
    many = events(*({"sku": f"{number:08d}"} for number in range(8000)))
    fill_keys(many, 16)
    counts = np.bincount(many["shard"], minlength=16)
    assert counts.min() > 400
    assert counts.max() < 600


def test_no_records() -> None:
    """A batch without records has no keys to fill."""
    fill_keys(np.zeros(0, EVENT), 16)


def test_texts_must_lie_on_whole_words() -> None:
    """A record whose hashed fields are no whole words is refused when the module is loaded."""
    with pytest.raises(
        ValueError, match=r"event record: required field partition on whole words, got offset .*, size 4"
    ):
        keys._span("partition")
