"""Keys of rows, lines and events against plain integers."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import EVENT
from sensing.codec.keys import (
    MULTIPLIER,
    OTHER_MULTIPLIER,
    SEED,
    SPANS,
    absorb_text,
    absorb_word,
    copy_text,
    enter,
    enter_all,
    fill_keys,
    hash_id,
    hash_row,
    id_key,
    joined,
    keys_of,
    row_hash_of,
    row_key,
)
from sensing.codec.shard_split import shard_of
from sensing.codec.text_table import EventTexts, TextTable
from tests.codec.test_swar import memory
from tests.machines.made_tables import events

WORDS = 2**64
LANES = (int(MULTIPLIER), int(OTHER_MULTIPLIER))
identifiers = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=10)
short = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=4)
texts = st.fixed_dictionaries(
    {
        "sku": identifiers,
        "location": short,
        "line": st.just("") | identifiers,
        "order_id": st.just("") | identifiers,
        "event_id": short,
        "customer": st.just("") | identifiers,
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
        found["row"].append(absorbed(fields["location"], sku, multiplier) if found["row"] else sku)
        event = absorbed(fields["event_id"], multiplier, multiplier)
        found["id"].append(event)
        order = absorbed(fields["order_id"], sku, multiplier)
        line = absorbed(fields["line"] or fields["sku"], order, multiplier)
        found["line"].append(line if fields["order_id"] else event)
    return {name: (high, low) for name, (high, low) in found.items()}


def keys_in(record: Any) -> dict[str, tuple[int, int]]:
    """The keys that a record holds."""
    return {name: (int(record[f"{name}_hi"]), int(record[f"{name}_lo"])) for name in ("row", "line", "id")}


@given(st.integers(0, WORDS - 1), st.integers(0, WORDS - 1), st.sampled_from(LANES))
def test_a_word_is_mixed_like_by_hand(state: int, word: int, multiplier: int) -> None:
    """Wrapping 64-bit arithmetic is that of plain integers."""
    found = absorb_word(np.uint64(state), np.uint64(word), np.uint64(multiplier))
    assert int(found) == mixed(state, word, multiplier)


@given(identifiers | st.just(""), st.integers(0, WORDS - 1), st.integers(0, WORDS - 1), st.integers(0, 20))
def test_a_text_is_mixed_like_by_hand(text: str, hi: int, lo: int, start: int) -> None:
    """Words up to its end, wherever it begins and whatever follows, then the end; copied it is itself."""
    encoded = text.encode()
    data = memory(b"x" * start + encoded + b"more....")
    expected = [absorbed(text, hi, LANES[0]), absorbed(text, lo, LANES[1])]
    span = (data, start, len(encoded), len(data), np.uint64(hi), np.uint64(lo))
    assert [int(lane) for lane in absorb_text(*span)] == expected
    copied = np.zeros(len(encoded) + 9, np.uint8)
    assert [int(lane) for lane in copy_text(*span, copied, 1)] == expected
    assert copied[: len(encoded) + 1].tobytes() == b"\0" + encoded


@given(st.lists(texts, max_size=10))
def test_keys_are_those_by_hand(given_texts: list[dict[str, str]]) -> None:
    """Row, line and event keys of any records are those of plain integer arithmetic, and their texts are entries."""
    records = np.zeros(len(given_texts), EVENT)
    found = [EventTexts(**fields) for fields in given_texts]
    data, starts = fill_keys(records, *joined([text for each in found for text in each]))
    for record, fields in zip(records, given_texts, strict=True):
        assert keys_in(record) == keys_by_hand(fields)
    table = TextTable(0, 0, np.arange(len(found)), starts, data)
    assert [table.entry(at) for at in range(len(found))] == found


@given(texts)
def test_one_message_is_entered_like_a_batch(fields: dict[str, str]) -> None:
    """The kernels of the scanner and of structs make the same keys and entries."""
    parts = [fields[name].encode() for name in EventTexts._fields]
    data = memory(b"".join(parts) + bytes(8))
    ends = np.cumsum([*map(len, parts)])
    spans = np.array([[end - len(part), len(part)] for end, part in zip(ends, parts, strict=True)]).reshape(-1)
    row, entry = np.zeros(EVENT.itemsize // 8, np.uint64), np.zeros(len(data) + 8, np.uint8)
    end = enter(data, len(data), spans, row, entry, 3)
    assert keys_in(row.view(EVENT)[0]) == keys_by_hand(fields)
    assert entry[3:end].tobytes() == bytes(map(len, parts)) + b"".join(parts)

    words, starts = np.zeros((1, len(row)), np.uint64), np.zeros(1, np.uint32)
    sizes = np.array([[*map(len, parts)]], np.uint8)
    again = np.zeros_like(entry)
    enter_all(data, sizes, words, np.zeros(SPANS, np.int64), again, starts)
    assert (words[0].tolist(), starts.tolist()) == (row.tolist(), [0])
    assert again[: end - 3].tobytes() == entry[3:end].tobytes()


@given(texts)
def test_structs_have_the_keys_of_records(fields: dict[str, str]) -> None:
    """An event that travels as a struct has the keys of a record with the same texts; a row is spread by both lanes."""
    found = keys_of(*(fields[name] for name in ("sku", "location", "event_id", "order_id", "line")))
    assert keys_in(found) == keys_by_hand(fields)
    sku, location = fields["sku"], fields["location"]
    by_hand = absorbed(location, absorbed(sku, int(SEED), LANES[0]), LANES[0])
    assert row_hash_of(sku, location) == by_hand
    (high, low), event = keys_by_hand(fields)["row"], keys_by_hand(fields)["id"]
    assert tuple(map(int, row_key(sku, location))) == (high, low)
    assert tuple(map(int, id_key(fields["event_id"]))) == event
    size, encoded = len(sku.encode()), (sku + location).encode()
    assert tuple(map(int, hash_row(memory(encoded + bytes(8)), size))) == (high, by_hand, low)
    assert tuple(map(int, hash_id(memory(fields["event_id"].encode() + bytes(8))))) == event


def test_what_keys_depend_on() -> None:
    """A row is SKU and location, a line is order, line and SKU anywhere, and without an order its own event."""
    first = {"sku": "A", "location": "L", "order_id": "O", "line": "1", "event_id": "e", "customer": "C"}
    base = keys_in(events(first)[0])
    changed = {name: keys_in(events({**first, name: "other"})[0]) for name in first}
    differs = {name: {key for key in base if found[key] != base[key]} for name, found in changed.items()}
    assert differs == {
        "sku": {"row", "line"}, "location": {"row"}, "order_id": {"line"}, "line": {"line"}, "event_id": {"id"},
        "customer": set(),
    }  # fmt: skip
    alone = keys_in(events({**first, "order_id": ""})[0])
    assert alone["line"] == alone["id"]


def test_where_a_text_ends_matters() -> None:
    """The same bytes, divided between SKU and location in another way, are another row; so are any two of many."""
    divided = [keys_of("ABCDEFGHI"[:at], "ABCDEFGHI"[at:]) for at in range(1, 9)]
    assert len({keys_in(record)["row"] for record in divided}) == 8
    many = events(*({"sku": f"S{number}"} for number in range(5000)))
    assert len(np.unique(many["row_hi"])) == len(np.unique(many["row_lo"])) == 5000


def test_locations_of_a_sku_share_the_high_half() -> None:
    """It is the hash of the SKU; the low half tells any two of many locations apart."""
    many = events(*({"location": f"L{number}"} for number in range(5000)))
    assert (len(np.unique(many["row_hi"])), len(np.unique(many["row_lo"]))) == (1, 5000)


def test_shards_are_even() -> None:
    """SKUs that look alike spread over the shards."""
    counts = np.bincount([shard_of(f"{number:08d}", 16) for number in range(8000)], minlength=16)
    assert counts.min() > 400
    assert counts.max() < 600


def test_no_records() -> None:
    """A batch without records has no keys to fill."""
    assert [len(part) for part in fill_keys(np.zeros(0, EVENT), *joined([]))] == [0, 0]
