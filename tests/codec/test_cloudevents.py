"""CloudEvents around events."""

from base64 import b64encode

import orjson
import pytest

from sensing.codec.cloudevents import traceparent_of
from sensing.codec.decode import Decoded, Message, decode
from tests.codec.blocks import block_of, texts_of
from tests.contracts.examples import EXAMPLES, Event, example

PLACED = example("order.placed")
COMMON = {"event_id": "ce_id", "event_type": "ce_type", "event_time": "ce_time"}


def binary(event: Event, *moved: str) -> tuple[bytes, dict[str, bytes]]:
    """An event with some of the common fields moved from the body to the headers."""
    headers = {COMMON[name]: event[name].encode() for name in moved}
    body = {name: value for name, value in event.items() if name not in moved}
    return orjson.dumps(body), {"ce_specversion": b"1.0", "ce_source": b"/erp", **headers}


def decode_one(topic: str, value: bytes, headers: dict[str, bytes] | None) -> Decoded:
    """Decode one message."""
    return decode(topic, 0, block_of([Message(value, headers, 0, 0)]))


@pytest.mark.parametrize(("topic", "event"), EXAMPLES, ids=[event["event_type"] for _, event in EXAMPLES])
@pytest.mark.parametrize("moved", [(), ("event_type",), ("event_id", "event_time"), tuple(COMMON)])
def test_binary_mode_is_the_plain_event(topic: str, event: Event, moved: tuple[str, ...]) -> None:
    """Common fields may stand in ``ce_`` headers, some or all; what comes out is the same."""
    plain = decode_one(topic, orjson.dumps(event), None)
    found = decode_one(topic, *binary(event, *moved))

    assert not found.rejects
    assert found.records.tobytes() == plain.records.tobytes()
    assert found.infrequent == plain.infrequent


def test_structured_mode_is_the_plain_event() -> None:
    """The event is the data; its envelope stands in for the common fields."""
    common = {name: PLACED[name] for name in COMMON}
    data = {name: value for name, value in PLACED.items() if name not in COMMON}
    envelope = {header[3:]: common[name] for name, header in COMMON.items()}
    headers = {"content-type": b"application/cloudevents+json; charset=UTF-8"}
    value = orjson.dumps({"specversion": "1.0", "source": "/erp", **envelope, "data": data})

    expected = decode_one("orders", orjson.dumps(PLACED), None)
    assert decode_one("orders", value, headers).records.tobytes() == expected.records.tobytes()


def structured(event: Event, case: str = "lower") -> dict[str, object]:
    """An event in structured mode, its attribute names in some letter case."""
    attributes = {"specversion": "1.0", "source": "/erp"} | {
        COMMON[name][3:]: event[name] for name in COMMON if event.get(name)
    }
    data = {name: value for name, value in event.items() if name not in COMMON}
    return {getattr(name, case)(): value for name, value in ({"data": data} | attributes).items()}


@pytest.mark.parametrize(("topic", "event"), EXAMPLES, ids=[event["event_type"] for _, event in EXAMPLES])
@pytest.mark.parametrize("case", ["lower", "upper", "title"])
def test_structured_mode_without_headers_is_the_plain_event(topic: str, event: Event, case: str) -> None:
    """Lines of files have no content type: the ``specversion`` says what they are."""
    plain = decode_one(topic, orjson.dumps(event), None)
    found = decode_one(topic, orjson.dumps(structured(event, case)), None)
    assert not found.rejects
    assert found.records.tobytes() == plain.records.tobytes()
    assert texts_of(found) == texts_of(plain)
    assert found.infrequent == plain.infrequent


def test_headers_are_read_in_any_letter_case() -> None:
    """Some producers write them like those of HTTP."""
    value, headers = binary(PLACED, *COMMON)
    expected = decode_one("orders", orjson.dumps(PLACED), None).records.tobytes()
    assert (
        decode_one("orders", value, {name.title(): text for name, text in headers.items()}).records.tobytes()
        == expected
    )
    content_type = {"Content-Type": b"Application/CloudEvents+JSON"}
    without = {name: value for name, value in structured(PLACED).items() if name != "specversion"}
    assert decode_one("orders", orjson.dumps(without), content_type).records.tobytes() == expected


DATA = orjson.dumps({name: value for name, value in PLACED.items() if name not in COMMON})


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"data": DATA.decode()}, None),
        ({"data": None, "data_base64": b64encode(DATA).decode()}, None),
        ({"data": None, "data_base64": "e30=e"}, ("wrong_type", "data", '"e30=e"')),
        ({"data": None, "data_base64": 7}, ("wrong_type", "data", "7")),
        ({"data": "[" * 100_000}, ("wrong_type", "data", '"' + "[" * 76 + "...")),
        ({"data": "sku=1"}, ("wrong_type", "data", '"sku=1"')),
        ({"data": "[]"}, ("wrong_type", "data", '"[]"')),
        ({"data": None}, ("wrong_type", "data", "null")),
        ({"type": "com.example.order.placed"}, ("unknown_event_type", "event_type", '"com.example.order.placed"')),
        ({"time": None}, ("wrong_type", "event_time", "null")),
        ({"specversion": "0.3", "subject": "x", "dataschema": "y"}, None),
        ({"event_type": ""}, None),
        ({"event_type": None}, None),
    ],
)  # fmt: skip
def test_what_structured_mode_may_hold(patch: dict[str, object], expected: tuple[str, str, str] | None) -> None:
    """Data is an object, or the JSON of one as text or in base64; what is missing is named."""
    found = decode_one("orders", orjson.dumps(structured(PLACED) | patch), None)
    if expected is None:
        assert found.records.tobytes() == decode_one("orders", orjson.dumps(PLACED), None).records.tobytes()
    else:
        assert [(reject.reason, reject.field, reject.got) for reject in found.rejects] == [expected]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ("missing_field", "nothing")),
        (b',"data":"x"', ("wrong_type", '"x"')),
        (b',"data":null', ("wrong_type", "null")),
    ],
)
def test_structured_mode_needs_data(data: bytes, expected: tuple[str, str]) -> None:
    """An envelope without an object in it is refused by that name."""
    value = b'{"specversion":"1.0","id":"1","type":"order.placed"%b}' % data
    [reject] = decode_one("orders", value, {"content-type": b"application/cloudevents+json"}).rejects
    assert (reject.reason, reject.got) == expected
    assert (reject.field, reject.required) == ("data", "object with the event")


def test_the_event_itself_comes_first() -> None:
    """What the body says about itself wins over its headers, be it right or wrong."""
    headers = {"ce_id": b"other", "ce_type": b"order.lost", "ce_time": b"1999-01-01T00:00:00Z"}
    decoded = decode_one("orders", orjson.dumps(PLACED), headers)
    assert (texts_of(decoded)[0].event_id, decoded.records["kind"][0]) == (PLACED["event_id"], 1)
    rejects = decode_one("orders", orjson.dumps({**PLACED, "event_type": 7}), headers).rejects
    assert [(reject.reason, reject.field) for reject in rejects] == [("wrong_type", "event_type")]
    for empty in (None, ""):
        decoded = decode_one("orders", orjson.dumps(PLACED | dict.fromkeys(COMMON, empty)), headers)
        assert (texts_of(decoded)[0].event_id, decoded.records["kind"][0]) == ("other", 6)
    body = orjson.dumps(PLACED).replace(b'"event_type"', b'"event\\u005ftype"')
    assert decode_one("orders", body, headers).records["kind"][0] == 1


@pytest.mark.parametrize("body", [b" \n {} ", b"{}", b"[]", b"", b"null", b'"{"', b"[{}]"])
def test_headers_do_not_mend_a_body(body: bytes) -> None:
    """What is no event with fields stays refused as what it is without headers but for the common fields."""
    _, headers = binary(PLACED, *COMMON)
    [reject] = decode_one("orders", body, headers).rejects
    expected = {b"{": "missing_field", b"": "not_json"}
    assert reject.reason == expected.get(body.strip()[:1], "not_an_object")
    assert reject.field == ("sku" if reject.reason == "missing_field" else None)


def test_headers_are_checked_like_fields() -> None:
    """A header breaks the same limits as the field it stands in for; other headers are not looked at."""
    value, headers = binary(PLACED, *COMMON)
    for name, broken, expected in (
        ("ce_id", b"x" * 129, ("too_long", "event_id")),
        ("ce_id", b'a"b\\c', None),
        ("ce_id", b"\x00", ("bad_text", "event_id")),
        ("ce_id", b"\xff", ("bad_text", None)),
        ("ce_type", b"po.placed", ("unknown_event_type", "event_type")),
        ("ce_time", b"yesterday", ("bad_time", "event_time")),
        ("ce_time", b"1767605400125", ("bad_time", "event_time")),
        ("ce_source", b"\xff", None),
    ):
        rejects = decode_one("orders", value, headers | {name: broken}).rejects
        assert [(reject.reason, reject.field) for reject in rejects] == ([expected] if expected else [])


TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"traceparent": TRACE}, TRACE),
        ({"ce_traceparent": TRACE}, TRACE),
        ({"ce_traceparent": TRACE, "traceparent": TRACE[:-1] + b"0"}, TRACE),
        ({"ce_traceparent": b"broken", "traceparent": TRACE}, TRACE),
        ({"traceparent": b"cc" + TRACE[2:]}, b"cc" + TRACE[2:]),
        ({"traceparent": b"ff" + TRACE[2:]}, None),
        ({"traceparent": TRACE.upper()}, None),
        ({"traceparent": TRACE + b"-00"}, None),
        ({"traceparent": b" " + TRACE}, None),
        ({"traceparent": TRACE + b"\n"}, None),
        ({"traceparent": TRACE.replace(b"0af7651916cd43dd8448eb211c80319c", b"0" * 32)}, None),
        ({"traceparent": TRACE.replace(b"b7ad6b7169203331", b"0" * 16)}, None),
        ({"traceparent": b"\xff\xfe"}, None),
        ({"Traceparent": TRACE}, None),
        ({}, None),
        (None, None),
    ],
)
def test_traces_are_carried_where_they_are_well_formed(
    headers: dict[str, bytes] | None, expected: bytes | None
) -> None:
    """The event's own trace goes before its transport's; what is not version-trace-parent-flags is none, and no
    error.
    """
    found = traceparent_of(headers)
    assert (None if found is None else found.encode()) == expected
