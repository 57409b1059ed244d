"""Every reason of rejection of the codec, with the exact field, required and got."""

import json
from typing import Any, get_args

import pytest

from sensing.codec.careful_decoder import GOT_CHARACTERS_MAX
from sensing.contracts.dead_letters import Reason
from tests.codec.blocks import decode_events, decode_lines
from tests.contracts.examples import EXAMPLES, example

TIME = "RFC 3339 time with offset, or whole milliseconds since 1970-01-01T00:00:00Z; from 1990 to 9999"
TIME_OF_STANDING = f"{TIME}, or none, 0 or an RFC 3339 time from 1970 on for a record of long standing"
QUANTITY = "number > 0.0005 and <= 1000000000"
SKU = "text of 1 to 64 bytes, no control characters"
ORDERS = (
    "order.placed, order.changed, order.cancelled, order.closed, order.returned, order.allocated, order.lost, "
    "demand.daily"
)
JSON = "JSON (RFC 8259) in UTF-8"
BOM = 'Unexpected UTF-8 BOM (decode using utf-8-sig) at character 0: "\\ufeff{}"'
DATE = "date YYYY-MM-DD"
UNIT = "text of 1 to 8 bytes, no control characters"
PLACEHOLDER = ", which looks like a placeholder for no date"
POUND = "\N{POUND SIGN}"

Fault = tuple[str, str | None, str, str]


def only_reject(topic: str, line: bytes) -> Fault:
    """Decode one line that must be refused."""
    [reject] = decode_lines(topic, [line]).rejects
    return reject.reason, reject.field, reject.required, reject.got


WHOLE: list[tuple[bytes, str, str, str | None]] = [
    (b"", "not_json", JSON, 'Expecting value at character 0: ""'),
    (b"sku=1", "not_json", JSON, 'Expecting value at character 0: "sku=1"'),
    (b'{"a":1', "not_json", JSON, "Expecting ',' delimiter at character 6: \"\""),
    (b'{"a":1}{"b":2}', "not_json", JSON, 'Extra data at character 7: "{\\"b\\":2}"'),
    (b'{"a":NaN}', "not_json", JSON, "NaN"),
    (b'{"a":-Infinity}', "not_json", JSON, "-Infinity"),
    (
        b"\xef\xbb\xbf{}",
        "not_json",
        JSON,
        'Unexpected UTF-8 BOM (decode using utf-8-sig) at character 0: "\\ufeff{}"',
    ),
    (b'{"a":"\xff"}', "not_json", JSON, "byte 0xff at 6: invalid start byte"),
    (b'{"a":"\xed\xa0\x80"}', "not_json", JSON, "byte 0xed at 6: invalid continuation byte"),
    ('{"a":1}'.encode("utf-16-le"), "not_json", JSON, None),
    (b"[1]", "not_an_object", "a JSON object", "[1]"),
    (b"null", "not_an_object", "a JSON object", "null"),
    (b'"order"', "not_an_object", "a JSON object", '"order"'),
    (b"17", "not_an_object", "a JSON object", "17"),
    (b"{}" + b" " * (1 << 20), "too_large", "at most 1048576 bytes", "1048578 bytes"),
    (b"[" * 257 + b"]" * 257, "too_large", "at most 256 levels of nesting", "more"),
    (b'{"a":' * 100_000, "too_large", "at most 256 levels of nesting", "more"),
    (b"[" * 256 + b"]" * 256, "not_an_object", "a JSON object", "[" * 77 + "..."),
    (b'{"' + b'\\"' * 300_000, "not_json", JSON, None),
    (b'"' + b"[" * 300 + b'"', "not_an_object", "a JSON object", '"' + "[" * 76 + "..."),
]
"""Line, reason, what is required, and what the reject says came (None: not looked at)."""


@pytest.mark.parametrize(("line", "reason", "required", "got"), WHOLE)
def test_what_is_no_event(line: bytes, reason: str, required: str, got: str | None) -> None:
    """What has no fields is refused as a whole."""
    found = only_reject("orders", line)
    assert found[:3] == (reason, None, required)
    assert got is None or found[3] == got


Case = tuple[Any, str, str]
"""What was given, the reason, and what the reject says came."""

FIELDS: list[tuple[str, str, str, list[Case]]] = [
    ("order.placed", "event_type", f"one of {ORDERS}", [
        ("po.placed", "unknown_event_type", '"po.placed"'),
        ("", "unknown_event_type", '""'),
        (None, "wrong_type", "null"),
        (["order.placed"], "wrong_type", '["order.placed"]'),
    ]),
    ("order.placed", "quantity", QUANTITY, [
        ("12", "wrong_type", '"12"'),
        (True, "wrong_type", "true"),
        (None, "wrong_type", "null"),
        ("\ud800", "wrong_type", '"\\ud800"'),
        (0, "out_of_range", "0"),
        (-1.5, "out_of_range", "-1.5"),
        (0.0005, "out_of_range", "0.0005"),
        (1000000000.001, "out_of_range", "1000000000.001"),
        (10**400, "out_of_range", "Infinity"),
        (10**90, "out_of_range", "1" + "0" * 76 + "..."),
    ]),
    ("order.changed", "quantity", "number >= 0 and <= 1000000000", [(-1, "out_of_range", "-1")]),
    ("inventory.adjusted", "quantity", "number >= -1000000000 and <= 1000000000", [(1e300, "out_of_range", "1e+300")]),
    ("order.placed", "unit_price", "number >= 0 and <= 1000000000000", [(-0.01, "out_of_range", "-0.01")]),
    ("supplier.disrupted", "delay_days", "number >= 0 and <= 3660", [(1e9, "out_of_range", "1000000000.0")]),
    ("order.changed", "line_version", "whole number >= 1 and <= 2147483646", [
        (2.0, "wrong_type", "2.0"),
        (0, "out_of_range", "0"),
        (2**31, "out_of_range", "2147483648"),
    ]),
    ("order.placed", "sku", SKU, [
        (17, "wrong_type", "17"),
        ("", "bad_text", '""'),
        ("a\x00b", "bad_text", '"a\\u0000b"'),
        ("a\x7fb", "bad_text", '"a\\u007fb"'),
        ("a\x85b", "bad_text", '"a\\u0085b"'),
        ("x" * 65, "too_long", '"' + "x" * 65 + '"'),
        (POUND * 33, "too_long", '66 bytes: "' + "\\u00a3" * 11 + "..."),
    ]),
    ("order.placed", "sku", SKU + ", no lone surrogates", [("\ud800", "bad_text", '"\\ud800"')]),
    ("order.placed", "location", "text of 1 to 40 bytes, no control characters", [
        (POUND * 21, "too_long", '42 bytes: "' + "\\u00a3" * 11 + "..."),
    ]),
    ("order.placed", "unit_of_measure", UNIT, [("x" * 9, "too_long", '"xxxxxxxxx"')]),
    ("order.placed", "channel", "text of 1 to 128 bytes, no control characters", [("a\tb", "bad_text", '"a\\tb"')]),
    ("order.placed", "currency", "ISO 4217 code of a currency, such as EUR", [
        ("EU", "out_of_range", '"EU"'),
        (978, "wrong_type", "978"),
        ("eur", "out_of_range", '"eur"'),
        ("DEM", "out_of_range", '"DEM"'),
        (POUND * 3, "out_of_range", '"' + "\\u00a3" * 3 + '"'),
    ]),
    ("item.updated", "units", "names that differ in more than blanks and marks", [
        ({"BOX": 6, "BOX ": 12}, "duplicate_key", '{"BOX": 6, "BOX ": 12}'),
    ]),
    ("order.lost", "reason", "text of at most 256 characters", [("x" * 257, "too_long", '"' + "x" * 76 + "...")]),
    ("order.lost", "reason", "text of at most 256 characters, no lone surrogates", [
        ("\ud800", "bad_text", '"\\ud800"'),
    ]),
    ("order.placed", "event_time", TIME, [
        ("05.01.2026", "bad_time", '"05.01.2026"'),
        ("2026-01-05T09:30:00", "bad_time", '"2026-01-05T09:30:00"'),
        ("2026-02-30T09:30:00Z", "bad_time", '"2026-02-30T09:30:00Z"'),
        ("1969-12-31T23:59:59Z", "bad_time", '"1969-12-31T23:59:59Z"'),
        ("9999-12-31T23:59:59-00:01", "bad_time", '"9999-12-31T23:59:59-00:01"' + PLACEHOLDER),
        ("1767605400125", "bad_time", '"1767605400125"'),
        (-1, "bad_time", "-1"),
        (10**15, "bad_time", "1000000000000000, which looks like microseconds"),
        (1735689600, "bad_time", "1735689600, which looks like seconds"),
        (1735689600.25, "wrong_type", "1735689600.25, which looks like seconds"),
        (631152000, "bad_time", "631152000, which looks like seconds"),
        (1735689600 * 10**9, "bad_time", "1735689600000000000, which looks like nanoseconds"),
        (631151999999, "bad_time", "631151999999"),
        (0, "bad_time", "0" + PLACEHOLDER),
        ("1970-01-01T00:00:00Z", "bad_time", '"1970-01-01T00:00:00Z"' + PLACEHOLDER),
        ("1989-12-31T23:59:59.999Z", "bad_time", '"1989-12-31T23:59:59.999Z"'),
        (1767605400125.0, "wrong_type", "1767605400125.0"),
        (True, "wrong_type", "true"),
        (None, "wrong_type", "null"),
    ]),
    ("policy.updated", "event_time", TIME_OF_STANDING, [
        (1.5, "wrong_type", "1.5"),
        (1735689600, "bad_time", "1735689600, which looks like seconds"),
        ("1900-01-01T00:00:00Z", "bad_time", '"1900-01-01T00:00:00Z"' + PLACEHOLDER),
    ]),
    ("order.placed", "requested_date", DATE, [
        ("2026-13-01", "bad_time", '"2026-13-01"'),
        ("\ud800", "bad_text", '"\\ud800"'),
        (20260105, "wrong_type", "20260105"),
    ]),
    ("po.received", "last", "true or false", [("yes", "wrong_type", '"yes"')]),
    ("decision.made", "decision", "one of acknowledge, approve, label, override, reject, release", [
        ("maybe", "out_of_range", '"maybe"'),
    ]),
    ("decision.made", "subject", "text of 1 to 128 bytes, no control characters", [
        ("x" * 129, "too_long", '"' + "x" * 76 + "..."),
        (POUND * 65, "too_long", '130 bytes: "' + "\\u00a3" * 10 + "\\u00a..."),
        ("a\x00", "bad_text", '"a\\u0000"'),
    ]),
    ("decision.made", "label", "one of confirmed, expected, false_alarm, new_trend", [(1, "wrong_type", "1")]),
    ("item.updated", "units[...]", "number > 0 and <= 1000000", [
        ({"CASE": "12"}, "wrong_type", '{"CASE": "12"}'),
        ({"CASE": 0}, "out_of_range", '{"CASE": 0}'),
        ({"\x01": "x"}, "wrong_type", '{"\\u0001": "x"}'),
    ]),
    ("item.updated", "units", UNIT, [
        ({"PALETTE-9": 1}, "too_long", '{"PALETTE-9": 1}'),
        ({"\x01": 1}, "bad_text", '{"\\u0001": 1}'),
    ]),
    ("item.updated", "units", f"object from {UNIT} to number > 0 and <= 1000000", [([12], "wrong_type", "[12]")]),
    ("calendar.updated", "closed_weekdays[1]", "whole number >= 0 and <= 6", [([5, 7], "out_of_range", "[5, 7]")]),
    ("calendar.updated", "closed_weekdays", "list, each a whole number >= 0 and <= 6", [(5, "wrong_type", "5")]),
    ("calendar.updated", "holidays[0].date", DATE, [
        ([{"date": "x"}], "bad_time", '[{"date": "x"}]'),
        ([{"name": "x"}], "missing_field", "nothing"),
    ]),
    ("calendar.updated", "holidays[0]", "object with date, name, closed", [([1], "wrong_type", "[1]")]),
]  # fmt: skip
"""Event type, field that is named, what is required, and cases."""

TOPICS = {event["event_type"]: topic for topic, event in EXAMPLES}


@pytest.mark.parametrize(
    ("event_type", "field", "required", "case"),
    [(event_type, field, required, case) for event_type, field, required, cases in FIELDS for case in cases],
)
def test_what_is_wrong_with_a_field(event_type: str, field: str, required: str, case: Case) -> None:
    """The first bad field is named, with what it must be and what came."""
    given, reason, got = case
    event = example(event_type) | {field.partition("[")[0]: given}
    assert only_reject(TOPICS[event_type], json.dumps(event).encode()) == (reason, field, required, got)


def test_a_missing_field_says_what_it_must_be() -> None:
    """Nothing came, and this was required."""
    bare = {"event_id": "E", "event_type": "order.placed", "event_time": 631152000000, "sku": "S", "location": "L"}
    assert only_reject("orders", json.dumps(bare).encode()) == ("missing_field", "quantity", QUANTITY, "nothing")
    assert only_reject("orders", b"{}") == ("missing_field", "event_type", f"one of {ORDERS}", "nothing")


def test_the_first_fault_in_the_order_of_the_contract_counts() -> None:
    """However the fields stand in the message, the same fault is named."""
    event = example("order.placed") | {"quantity": 0, "sku": "", "event_time": "never"}
    for fields in (event, dict(reversed(event.items()))):
        assert only_reject("orders", json.dumps(fields).encode())[:2] == ("bad_time", "event_time")


@pytest.mark.parametrize("value", ["x" * 10_000, ["\x00" * 50] * 50, {"\ud800": "\u202e" * 100}, 10**399, POUND * 65])
def test_what_came_is_short_and_safe(value: Any) -> None:
    """What came is printable ASCII of at most 80 characters, whatever it was."""
    got = only_reject("orders", json.dumps(example("order.placed") | {"sku": value}).encode())[3]
    assert len(got) <= GOT_CHARACTERS_MAX
    assert got.isascii()
    assert got.isprintable()


def test_every_reason_of_the_codec_is_shown() -> None:
    """The reasons above are all that the codec can give; the others belong to those who know time and master data."""
    given_elsewhere = {"far_future", "too_late", "line_changed_item", "skipped", "version_conflict", "ambiguous_line"}
    given_elsewhere |= {"unknown_item", "unknown_unit", "unknown_location", "unknown_supplier"}
    given_elsewhere |= {"quarantine_full", "table_full"}
    shown = {reason for _, reason, _, _ in WHOLE} | {reason for *_, cases in FIELDS for _, reason, _ in cases}
    assert shown == set(get_args(Reason)) - given_elsewhere


def test_limits_are_reached() -> None:
    """The longest texts, largest and smallest numbers and first and last instants that are allowed pass."""
    extremes: dict[str, Any] = {
        "sku": "\N{POUND SIGN}" * 32,
        "location": "x" * 40,
        "event_id": "x" * 128,
        "unit_of_measure": "x" * 8,
        "quantity": 1e9,
        "unit_price": 1e12,
        "line_version": 2**31 - 2,
    }
    smallest = {"quantity": 0.00050000001, "unit_price": -0.0, "event_time": "1990-01-01T00:00:00Z"}
    decoded = decode_events("orders", *(example("order.placed") | patch for patch in (extremes, smallest)))
    assert not decoded.rejects
    assert decoded.records["quantity"].tolist() == [10**12, 1]
    assert decoded.records["time"][1] == 631152000000
