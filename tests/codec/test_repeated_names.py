"""Names that an object has twice are refused, whichever decoder reads the message."""

import base64

import orjson
import pytest

from tests.codec.blocks import decode_lines
from tests.codec.careful import without_scanner
from tests.contracts.examples import example

PLACED = orjson.dumps(example("order.placed"))[1:-1]
ITEM = orjson.dumps(example("item.updated") | {"units": {}})[1:-1]
PURCHASE = orjson.dumps(example("po.placed"))[1:-1]
LONG = b"a_name_of_more_than_sixteen_bytes"

TWICE = [
    ("orders", b'"sku":"other",' + PLACED, "sku"),
    ("orders", PLACED + b',"event_type":"order.lost"', "event_type"),
    ("orders", PLACED + b',"x":1,"y":2,"x":1', "x"),
    ("orders", PLACED + b',"%b":1,"%b":1' % (LONG, LONG), LONG.decode()),
    ("orders", PLACED + b',"sk\\u0075":"other"', "sku"),
    ("suppliers", PURCHASE + b',"po_id":"other"', "po_id"),
    ("suppliers", PURCHASE + b',"x":{},"x":{}', "x"),
    ("reference", ITEM.replace(b'"units":{}', b'"units":{"BOX":6,"BOX":12}'), "BOX"),
    ("orders", b'"specversion":"1.0","data":{%b,"sku":"other"}' % PLACED, "sku"),
    ("orders", b'"specversion":"1.0","data":%b' % orjson.dumps((b'{%b,"sku":"other"}' % PLACED).decode()), "sku"),
    ("orders", b'"specversion":"1.0","data_base64":"%b"' % base64.b64encode(b'{%b,"sku":"other"}' % PLACED), "sku"),
    ("orders", b'"specversion":"1.0","id":"1","id":"2","data":{%b}' % PLACED, "id"),
]


@pytest.mark.parametrize(("topic", "inside", "name"), TWICE)
def test_a_repeated_name_is_refused(topic: str, inside: bytes, name: str) -> None:
    """The dead letter names it; two values would leave open which one counts."""
    [reject] = decode_lines(topic, [b"{%b}" % inside]).rejects
    assert (reject.reason, reject.field, reject.required) == ("duplicate_key", name, "each name once in an object")
    assert reject.got == f'several values of "{name}"'
    with without_scanner():
        assert decode_lines(topic, [b"{%b}" % inside]).rejects == [reject]


@pytest.mark.parametrize(
    "more",
    [
        b'"x":{"a":1,"a":2}',  # in a field that is not read
        b'"x":[{"a":1},{"a":1}]',
        b'"x":{"sku":"other"}',
        b'"%b1":1,"%b2":1' % (LONG, LONG),
        b",".join(b'"f%d":%d' % (n, n) for n in range(300)),
    ],
)
def test_other_names_are_no_repeats(more: bytes) -> None:
    """What is in a field that nobody reads is not looked into, and there may be any number of such fields."""
    for topic, text in (("orders", PLACED), ("suppliers", PURCHASE), ("reference", ITEM)):
        assert not decode_lines(topic, [b"{%b,%b}" % (text, more)]).rejects
