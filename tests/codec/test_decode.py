"""Messages to records, infrequent events and rejects."""

import datetime as dt
import json
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest

from sensing.codec.decode import Block, Message, decode
from sensing.codec.event_record import EVENT, NO_LINE, NOT_GIVEN, PROMOTED, TOPICS, Topic
from sensing.codec.identifiers import text_hashes
from sensing.contracts.common import MESSAGE_BYTES_MAX
from sensing.contracts.topic_registry import INPUTS
from tests.codec import oracle
from tests.codec.blocks import block_of, decode_events, decode_lines, plain, texts_of
from tests.codec.checks import time_ms
from tests.contracts.examples import EXAMPLES, Event, example, minimal

every_type = pytest.mark.parametrize(("topic", "event"), EXAMPLES, ids=[event["event_type"] for _, event in EXAMPLES])
PLACED = example("order.placed")
COUNTED = example("inventory.counted")


def test_numbers_of_topics_follow_from_their_specs() -> None:
    """Topics are numbered in merge order; those that code names have the numbers of their names."""
    assert tuple(INPUTS) == TOPICS
    assert all(TOPICS[topic] == topic.name.lower() for topic in Topic)


@every_type
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "minimal"])
def test_every_event_type_arrives(topic: str, event: Event, whole: bool) -> None:
    """An event of every type, with all fields or only the required ones, arrives with its values."""
    given = event if whole else minimal(topic, event)
    decoded = decode_events(topic, given)
    expected = oracle.record(given)

    assert not decoded.rejects
    if expected is not None:
        assert expected == plain(decoded.records[0], texts_of(decoded)[0], *expected)
        return
    [(before, infrequent)] = decoded.infrequent
    built = msgspec.to_builtins(infrequent.event)
    assert (before, infrequent.topic, infrequent.partition, infrequent.offset) == (0, TOPICS.index(topic), 0, 0)
    assert infrequent.time == (time_ms(given["event_time"]) if "event_time" in given else 0)
    assert _common(given, built) == given


def _common(given: Any, built: Any) -> Any:
    """What is in both, as far as it was given; instants as they were written."""
    if isinstance(given, dict):
        return {name: _common(value, built[name]) for name, value in given.items() if name in built}
    if isinstance(given, list):
        return [_common(one, other) for one, other in zip(given, built, strict=True)]
    if isinstance(given, str) and given.endswith(".125Z"):
        return dt.datetime.fromisoformat(built).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return built


@every_type
def test_what_is_required(topic: str, event: Event) -> None:
    """Of every type, each required field is missed by name, and no other is."""
    for name in event:
        decoded = decode_events(topic, {key: value for key, value in event.items() if key != name})
        missed = [(reject.reason, reject.field, reject.got) for reject in decoded.rejects]
        assert missed == ([("missing_field", name, "nothing")] if name in minimal(topic, event) else [])


def test_a_block_is_divided_completely() -> None:
    """Records, infrequent events and rejects together are all messages; infrequent events know the record they come
    before.
    """
    allocated = example("order.allocated")
    decoded = decode_events("orders", PLACED, allocated, {}, PLACED, PLACED, {}, allocated, PLACED, allocated)

    assert decoded.positions.tolist() == [0, 3, 4, 7]
    assert [before for before, _ in decoded.infrequent] == [1, 3, 4]
    assert decoded.infrequent_positions == [1, 6, 8]
    assert decoded.reject_positions == [2, 5]


def test_records_know_where_they_were_read() -> None:
    """Topic, partition and offset are the message's, also those of its texts; the watermark is left to be filled."""
    decoded = decode("inventory", 7, block_of([Message(orjson.dumps(COUNTED), None, 41, None)]))
    record, place = decoded.records[0], (TOPICS.index("inventory"), 7, 41)

    assert (record["topic"], record["partition"], record["offset"]) == place
    assert (decoded.texts.topic, decoded.texts.partition, *decoded.texts.offsets.tolist()) == place
    assert record["watermark"] == 0


def test_a_reject_is_the_message_as_it_came() -> None:
    """A reject keeps value, key, headers, place and the broker's time; where there are none it has none and time 0."""
    value, headers = b"\xff\x00", {"traceparent": b"\xfe"}
    decoded = decode("orders", 3, block_of([Message(value, headers, 9, 1234, b"k"), Message(b"", None, 10, None)]))

    first, second = decoded.rejects
    assert (first.value, first.headers, first.topic, first.partition, first.offset, first.time) == (
        *(value, headers, "orders", 3, 9, 1234),
    )
    assert (second.value, second.headers, second.offset, second.time) == (b"", {}, 10, 0)
    assert (first.key, second.key) == (b"k", None)


@pytest.mark.compiled
@pytest.mark.parametrize("size", [1, 7, 2047, 2048, 2049])
def test_cuts_do_not_matter(size: int) -> None:
    """However messages are cut into blocks, the same comes out."""
    kinds = (PLACED, example("order.lost"), example("order.allocated"), {"event_id": 1}, example("order.cancelled"))
    messages = [Message(orjson.dumps(kinds[i * i % 5] | {"line": str(i)}), None, i, None) for i in range(5000)]
    whole = decode("orders", 0, block_of(messages))
    parts = [decode("orders", 0, block_of(messages[start : start + size])) for start in range(0, len(messages), size)]

    assert whole.records.tobytes() == b"".join(part.records.tobytes() for part in parts)
    assert whole.rejects == [reject for part in parts for reject in part.rejects]
    assert [infrequent for _, infrequent in whole.infrequent] == [
        infrequent for part in parts for _, infrequent in part.infrequent
    ]
    starts = np.cumsum([0, *(len(part.records) for part in parts)])
    assert [before for before, _ in whole.infrequent] == [
        before + start for part, start in zip(parts, starts, strict=False) for before, _ in part.infrequent
    ]


def test_nothing_is_nothing() -> None:
    """An empty block of any topic is an empty result."""
    for topic in TOPICS:
        decoded = decode_lines(topic, [])
        assert (decoded.records.dtype, len(decoded.records), len(decoded.infrequent)) == (EVENT, 0, 0)


def test_topic_must_be_known() -> None:
    """Another topic is our own mistake, so it raises."""
    with pytest.raises(ValueError, match=r"decode: required a topic of decisions, inventory.*, got 'sales'"):
        decode("sales", 0, block_of([]))


@pytest.mark.parametrize("partition", [-1, 65_536])
def test_partitions_are_bounded(partition: int) -> None:
    """A record has two bytes for its partition; no topic has so many that these are too few."""
    assert (
        decode("orders", 65_535, Block.of([orjson.dumps(PLACED)], np.zeros(1, np.int64))).records["partition"] == 65_535
    )
    with pytest.raises(ValueError, match=f"decode: required a partition of 0 to 65535, got {partition}; give"):
        decode("orders", partition, block_of([]))


@pytest.mark.parametrize(
    ("event_type", "patch", "expected"),
    [
        ("order.placed", {"line_version": None}, 1),
        ("order.placed", {"line_version": 7}, 7),
        ("order.placed", {"line_version": 7, "order_id": None}, 1),
        ("order.changed", {"line_version": 7}, 7),
        ("order.changed", {"line_version": 7, "order_id": None}, 1),
        ("order.cancelled", {"line_version": None}, 2**31 - 1),
        ("order.cancelled", {"line_version": 7}, 7),
        ("order.cancelled", {"line_version": None, "order_id": None}, 1),
        ("order.closed", {"line_version": None}, 2**31 - 1),
        ("order.closed", {"line_version": 7}, 7),
        ("order.closed", {"line_version": None, "order_id": None}, 1),
        ("order.returned", {"line_version": 7}, 1),
        ("order.lost", {"line_version": 7}, 1),
        ("shipment.shipped", {"line_version": 7}, 1),
        ("inventory.counted", {"line_version": 7}, 1),
    ],
)
def test_versions(event_type: str, patch: Event, expected: int | None) -> None:
    """Without an order the event is its own line, version 1; events keyed by their id have version 1 as well."""
    decoded = decode_events(
        {"o": "orders", "s": "shipments", "i": "inventory"}[event_type[0]], example(event_type) | patch
    )
    versions = decoded.records["version"].tolist()
    assert versions == ([] if expected is None else [expected])
    assert len(decoded.rejects) == 1 - len(versions)


@pytest.mark.parametrize("unknown", [{}, {"x": "\u00e9\n"}], ids=["scanned", "decoded"])
def test_the_party_is_the_customer_or_the_location(unknown: Event) -> None:
    """An order keeps its customer, a shipment and a count their location, as a hash; 0 is no customer."""
    cases = [("orders", "order.placed"), ("orders", "order.closed"), ("shipments", "shipment.shipped")]
    for topic, event_type in [*cases, ("inventory", "inventory.counted"), ("inventory", "inventory.adjusted")]:
        name = "customer" if topic == "orders" else "location"
        events = [{**example(event_type), name: text, **unknown} for text in ("C-9", "a longer name", "\u00e9")]
        found = decode_events(topic, *events).records["party"].tolist()
        assert found == text_hashes([event[name] for event in events]).tolist()
    assert decode_events("orders", example("order.placed") | {"customer": None} | unknown).records["party"] == [0]


@pytest.mark.parametrize(
    ("topic", "patch", "expected"),
    [
        ("orders", {}, PROMOTED), ("orders", {"promotion": None}, 0), ("orders", {"line": None}, PROMOTED | NO_LINE),
        ("orders", {"line": None, "order_id": None}, PROMOTED), ("shipments", {}, 0),
        ("shipments", {"line": None}, NO_LINE), ("shipments", {"line": None, "order_id": None}, 0),
        ("inventory", {"line": None, "order_id": "O"}, 0),
    ],
)  # fmt: skip
def test_flags(topic: str, patch: Event, expected: int) -> None:
    """A record says that its order named a promotion, and that it names an order and no line in it."""
    event_types = {"orders": "order.placed", "shipments": "shipment.shipped", "inventory": "inventory.counted"}
    for unknown in ({}, {"x": "\n"}):
        event = example(event_types[topic]) | patch | unknown
        assert decode_events(topic, event).records["flags"].tolist() == [expected]


@pytest.mark.parametrize("unknown", [{}, {"x": "\n"}], ids=["scanned", "decoded"])
def test_the_open_quantity_is_that_of_placements_and_changes(unknown: Event) -> None:
    """In thousandths, -1 where none is stated; to other events the field is unknown."""
    for event_type in ("order.placed", "order.changed"):
        events = [example(event_type) | unknown | {"quantity_open": given} for given in (0, 2.0005, 1e9, None)]
        assert decode_events("orders", *events).records["quantity_open"].tolist() == [0, 2000, 10**12, NOT_GIVEN]
    for event_type in ("order.cancelled", "order.closed", "order.returned", "order.lost"):
        events = [example(event_type) | unknown | {"quantity_open": given} for given in (3, "x", None)]
        assert decode_events("orders", *events).records["quantity_open"].tolist() == [NOT_GIVEN] * 3


def test_a_daily_sum_has_order_lines_and_no_order() -> None:
    """Its version is the number of order lines; fields of orders are unknown to it and change nothing."""
    daily = minimal("orders", example("demand.daily")) | {"order_lines": 4}
    order = {"order_id": "O", "line": "1", "line_version": 9, "customer": "C", "promotion": "P", "quantity_open": 3}
    plain_one, with_fields = decode_events("orders", daily, daily | order | {"requested_date": "2026-02-01"}).records
    with_fields["offset"] = 0
    assert plain_one.tobytes() == with_fields.tobytes()
    assert (plain_one["version"], plain_one["quantity_open"]) == (4, NOT_GIVEN)


def test_a_daily_sum_has_its_largest_line() -> None:
    """In thousandths, in the place of the open quantity, which it does not have."""
    daily = example("demand.daily") | {"largest_line": 7.25, "quantity_open": 1}
    assert decode_events("orders", daily).records["quantity_open"].tolist() == [7250]


def test_line_is_the_sku_where_none_is_given() -> None:
    """Orders and shipments without a line have the sku for one; counts have no line."""
    for topic, event_type in (("orders", "order.placed"), ("shipments", "shipment.shipped")):
        decoded = decode_events(
            topic, example(event_type), *({**example(event_type), "line": line} for line in (None, "SKU-1"))
        )
        assert [texts.line_or_sku for texts in texts_of(decoded)] == ["10", "SKU-1", "SKU-1"]
        keys = decoded.records["line_lo"].tolist()
        assert keys[0] != keys[1] == keys[2]
    assert [texts.line for texts in texts_of(decode_events("inventory", COUNTED))] == [""]


def test_unknown_fields_are_ignored() -> None:
    """A newer writer may say more, whatever it is."""
    text = orjson.dumps(PLACED)[:-1]
    more = (b"1", b'{"event_type":"po.placed","sku":[]}', b'"\\ud800"', b"1e999", b"9" * 5000)
    records = decode_lines("orders", [b'%b,"x":%b}' % (text, value) for value in more]).records
    assert len(records) == len(more)
    expected = decode_events("orders", PLACED).records
    records["offset"] = expected["offset"]
    assert set(records.tolist()) == set(expected.tolist())


def test_texts_are_kept_as_they_are() -> None:
    """Escapes are resolved, other scripts are UTF-8, blanks inside stay."""
    sku = "\N{POUND SIGN} \N{CJK UNIFIED IDEOGRAPH-4E00}  \N{GRINNING FACE}"
    event = PLACED | {"sku": sku}
    for encoded in (orjson.dumps(event), json.dumps(event).encode()):
        assert [texts.sku for texts in texts_of(decode_lines("orders", [encoded]))] == [sku]


def test_the_largest_message_is_read() -> None:
    """A message of exactly the limit is read, one byte more is not."""
    text = orjson.dumps(PLACED)
    fill = MESSAGE_BYTES_MAX - len(text)
    decoded = decode_lines("orders", [text + b" " * fill, text + b" " * (fill + 1)])
    assert (decoded.positions.tolist(), decoded.reject_positions) == ([0], [1])
