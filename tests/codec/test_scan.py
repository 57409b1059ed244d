"""The scanner changes no result: a block decodes to the same bytes as with the careful decoder."""

import itertools
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.workloads import Workload, arrivals, count_lines, order_lines
from sensing.codec import decode as module
from sensing.codec.decode import decode
from sensing.codec.event_record import EVENT
from sensing.codec.keys import SPANS, enter
from sensing.codec.message_block import Block
from sensing.codec.scan import MESSAGE_BYTES_MAX, NAMES_MAX, scan_block, scan_message
from sensing.codec.scan_table import SCANNED, table_of
from sensing.contracts.topic_spec import event_type
from tests.codec.careful import assert_same, by_topic, carefully, plain_count
from tests.codec.hostile import hostile_lines
from tests.codec.near import FREQUENT, near_lines
from tests.contracts.examples import Event, example, minimal
from tests.searches import examples

PLAIN = [case for case in FREQUENT if case[1]["event_type"] in map(event_type, SCANNED)]
NEAR_LINES = 20_000
PLACED = example("order.placed")


def block_of(*lines: bytes) -> Block:
    """Lines of a file as a block."""
    return Block.of(lines, np.arange(len(lines)))


@pytest.mark.compiled
def test_near_and_hostile_lines_decode_alike() -> None:
    """Of lines at the edge of what is plain and of hostile ones, the result is that of the careful way."""
    taken = 0
    for topic, block in by_topic(itertools.chain(near_lines(5, NEAR_LINES), hostile_lines(5, NEAR_LINES))).items():
        assert_same(decode(topic, 0, block), carefully(topic, block))
        taken += plain_count(topic, block)
    assert taken > NEAR_LINES // 4


@pytest.mark.compiled
@settings(max_examples=examples(100))
@given(st.integers(0, 2**32), st.integers(1, 20))
def test_any_lines_decode_alike(seed: int, count: int) -> None:
    """The same for lines of any seed, in small blocks."""
    for topic, block in by_topic(near_lines(seed, count)).items():
        assert_same(decode(topic, 0, block), carefully(topic, block))


@pytest.mark.compiled
@settings(max_examples=examples(100))
@given(st.sampled_from(FREQUENT), st.data())
def test_any_byte_of_a_good_line_may_be_any_other(case: tuple[str, Event], data: st.DataObject) -> None:
    """A good line with a byte changed, left out or put in, and what remains of it when it is cut."""
    topic, event = case
    line = orjson.dumps(event)
    at = data.draw(st.integers(0, len(line)))
    byte = data.draw(st.binary(max_size=1) | st.sampled_from([b'"', b"\\", b",", b" ", b"0", b"-", b"}"]))
    lines = (line[:at] + byte + line[at + 1 :], line[:at] + byte + line[at:], line[:at], line[at:])
    assert_same(decode(topic, 0, block_of(*lines)), carefully(topic, block_of(*lines)))


@pytest.mark.parametrize(("topic", "event"), PLAIN, ids=[event["event_type"] for _, event in PLAIN])
def test_every_frequent_kind_is_plain(topic: str, event: Event) -> None:
    """Events as our own writers write them are taken by the scanner, whole and minimal, with nulls and blanks.

    A rare field of returns is left out: with it a message is left to the careful decoder.
    """
    event = {name: value for name, value in event.items() if name != "restocked"}
    optional = {name: None for name in event if name not in minimal(topic, event)} | {"quantity": event["quantity"]}
    optional |= {name: event[name] for name in ("unit_of_measure", "line_version") if name in event}
    events = (event, minimal(topic, event), event | optional, event | {"event_time": 1767571200000, "x": {"y": [1]}})
    lines = [orjson.dumps(each) for each in events] + [orjson.dumps(event, option=orjson.OPT_INDENT_2)]
    assert plain_count(topic, block_of(*lines)) == len(lines)
    assert_same(decode(topic, 0, block_of(*lines)), carefully(topic, block_of(*lines)))


@pytest.mark.compiled
def test_the_workload_is_plain() -> None:
    """Every line that the benchmarks are made of is taken by the scanner."""
    load = Workload(seed=1, skus=50, locations=3, days=2, lines_per_day=2000)
    orders = [line for day in arrivals(load) for page in order_lines(day) for line in page.splitlines()]
    counts = count_lines(load).splitlines()
    assert plain_count("orders", block_of(*orders)) == len(orders) > 2000
    assert plain_count("inventory", block_of(*counts)) == len(counts) == 150


@pytest.mark.parametrize(("field", "column", "value"), [("kinds", "most", 1e12), ("fields", "most", 70)])
def test_a_wrong_table_is_noticed(monkeypatch: pytest.MonkeyPatch, field: str, column: str, value: Any) -> None:
    """Canary: with one limit of the contract changed in the table, the comparison of near lines fails."""

    def wrong(topic: str) -> Any:
        table = table_of(topic)
        if table is None:
            return None
        entries = getattr(table, field).copy()
        entries[column][entries[column] > 0] = value
        return table._replace(**{field: entries})

    block = by_topic(near_lines(6, 3000))["orders"]
    expected = carefully("orders", block)
    monkeypatch.setattr(module, "_table", wrong)
    with pytest.raises(AssertionError):
        assert_same(decode("orders", 0, block), expected)


def test_headers_do_not_matter_where_the_body_says_all() -> None:
    """A message that names its own type, id and time is plain whatever its headers say."""
    plain = {"ce_type": b"order.lost", "ce_id": b"other", "ce_time": b"x", "content-type": b"application/json"}
    structured = {"content-type": b"application/cloudevents+json"}
    all_headers = [plain, None, structured, {"ce_type": b"\xff"}]
    block = Block.of([orjson.dumps(PLACED)] * 4, np.arange(4), headers=all_headers, keys=[b"k", None, None, None])
    assert plain_count("orders", block) == 4
    assert_same(decode("orders", 0, block), carefully("orders", block))


def test_long_messages_are_left_to_the_careful_way() -> None:
    """A message of more than 64 KiB is not scanned; it decodes all the same."""
    text = orjson.dumps(PLACED)
    block = block_of(text + b" " * (MESSAGE_BYTES_MAX - len(text)), text + b" " * (MESSAGE_BYTES_MAX + 1 - len(text)))
    assert plain_count("orders", block) == 1
    assert len(decode("orders", 0, block).records) == 2


def test_messages_are_found_by_their_bounds() -> None:
    """What lies before, between and behind messages has no say; bounds may lie in any order."""
    lines = [orjson.dumps(PLACED | {"line": str(i)}) for i in range(3)]
    gap = b'}]"\\{,'
    data = np.frombuffer(gap + gap.join(lines) + gap, np.uint8)
    starts = np.cumsum([len(gap), *(len(line) + len(gap) for line in lines[:2])])
    ends = starts + [len(line) for line in lines]
    block = Block(data, starts[::-1], ends[::-1], np.arange(3))
    expected = decode("orders", 0, block_of(*lines[::-1]))
    assert_same(decode("orders", 0, block), expected)
    assert plain_count("orders", block) == 3


def test_one_message_and_a_block_of_them() -> None:
    """A block is scanned message by message; a record that was not taken is left to be filled."""
    table = table_of("orders")
    assert table is not None
    lines = [orjson.dumps(PLACED), b'{"sku":', orjson.dumps(PLACED)]
    block = block_of(*lines)
    records = np.zeros((2, 3), EVENT)
    plain = np.zeros(3, np.bool_)
    rows = [part.view(np.uint64).reshape(3, -1) for part in records]
    empty = np.zeros(1, EVENT).view(np.uint64)
    tables = (table.fields, table.kinds, table.multiplier)
    spans, texts, entries = np.zeros(SPANS, np.int64), np.empty(1000, np.uint8), np.zeros(3, np.uint32)
    names = np.zeros(NAMES_MAX, np.uint64)
    used = scan_block(
        block.data, block.starts, block.ends, block.offsets, *tables, False, empty, rows[0],
        rows[0].view(np.int64), rows[0].view(np.float64), plain, spans, names, texts, entries,
    )  # fmt: skip
    one_by_one, to = [], 0
    for start, end, row in zip(block.starts, block.ends, rows[1], strict=True):
        one_by_one.append(
            scan_message(block.data, start, end, *tables, row, row.view(np.int64), row.view(np.float64), spans, names)
        )
        if one_by_one[-1]:
            to = enter(block.data, end, spans, row, np.empty(1000, np.uint8), to)
    assert plain.tolist() == one_by_one == [True, False, True]
    assert (used, entries.tolist()) == (to, [0, 0, to // 2])
    records["offset"] = 0
    # As words: a copy of records leaves out the bytes between their fields.
    assert np.array_equal(rows[0][::2], rows[1][::2])
