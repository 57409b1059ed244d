"""Dead letters as messages."""

from typing import get_args

import pytest

from sensing.contracts.asyncapi import document
from sensing.contracts.dead_letters import Reason
from sensing.contracts.topic_registry import SPECS
from sinks.dead_letter_messages import ADDED, JUDGED, dead_letter, without_value
from tests.sinks.documents import dead_letter as letter

RECORDED = "2026-01-01T00:00:00.000Z"
ORIGINAL = [("ce_id", b"e1"), ("binary", b"\x00\xff")]


def test_the_original_comes_first_and_unchanged() -> None:
    """Key, value and headers are the original's bytes; what is added comes after them and is complete."""
    key, value, headers = dead_letter(letter(), "0001", RECORDED, "//a/b")

    assert (key, value, headers[:2]) == (b"A", b'{"q":"12"}', ORIGINAL)
    assert dict(headers[2:]) == {
        "__connect.errors.topic": "orders",
        "__connect.errors.partition": "2",
        "__connect.errors.offset": "77",
        "__connect.errors.connector.name": "tidegauge",
        "__connect.errors.task.id": "16",
        "__connect.errors.stage": "VALUE_CONVERTER",
        "__connect.errors.class.name": "tidegauge.decoder",
        "__connect.errors.exception.class.name": "tidegauge.wrong_type",
        "__connect.errors.exception.message": 'quantity: required a number, got "12"',
        "tidegauge_id": "orders/2/77",
        "tidegauge_source": "//a/b",
        "tidegauge_type": "dead.letter",
        "tidegauge_time": "2010-01-04T00:00:00.007Z",
        "tidegauge_recordedtime": RECORDED,
        "tidegauge_lineage": "0001",
        "tidegauge_reason": "wrong_type",
        "tidegauge_field": "quantity",
        "tidegauge_required": "a number",
        "tidegauge_got": '"12"',
        "tidegauge_original": "true",
    }


def test_a_replay_finds_the_original_by_what_was_added() -> None:
    """Without headers that start as ours do, a message that was not a dead letter before is as it came."""
    _, _, headers = dead_letter(letter(), "0001", RECORDED)

    assert [header for header in headers if not header[0].startswith(ADDED)] == ORIGINAL


def test_headers_of_an_earlier_failure_stay() -> None:
    """A dead letter that was sent on with its headers and failed again has both; the last of a name is ours."""
    earlier = {"__connect.errors.topic": "b2xk", "tidegauge_reason": "b2xk"}
    _, _, headers = dead_letter(letter(headers=earlier), "0001", RECORDED)

    assert headers[:2] == [("__connect.errors.topic", b"old"), ("tidegauge_reason", b"old")]
    assert (dict(headers)["__connect.errors.topic"], dict(headers)["tidegauge_reason"]) == ("orders", "wrong_type")


def test_what_is_not_known_is_left_out() -> None:
    """No key: none; no field: no header, and a sentence about the message."""
    key, value, headers = dead_letter(
        letter(key_base64=None, value_base64="", field=None, reason="not_json", required="JSON", got="nothing"),
        "0001",
        RECORDED,
    )

    assert (key, value) == (None, b"")
    assert "tidegauge_field" not in dict(headers)
    assert dict(headers)["__connect.errors.exception.message"] == "message: required JSON, got nothing"


def test_an_event_encoded_anew_is_not_passed_off_as_the_original() -> None:
    """Where a machine had only the event left, a header says so."""
    _, _, headers = dead_letter(letter(original=False, headers={}), "0001", RECORDED)

    assert dict(headers)["tidegauge_original"] == "false"


@pytest.mark.parametrize("reason", get_args(Reason))
def test_the_stage_says_whether_it_could_be_read(reason: Reason) -> None:
    """Messages that could be read and were refused failed later than those that could not."""
    headers = dict(dead_letter(letter(reason=reason), "0001", RECORDED)[2])
    content = ("unknown_i", "unknown_u", "unknown_l", "unknown_s", "far_", "too_late", "line_", "table_", "quarantine_")
    readable = reason.startswith(content)

    assert (reason in JUDGED) == readable
    assert headers["__connect.errors.stage"] == ("TRANSFORMATION" if readable else "VALUE_CONVERTER")
    assert headers["__connect.errors.exception.class.name"] == f"tidegauge.{reason}"


def test_all_that_is_added_is_described() -> None:
    """The AsyncAPI document names every header, and no other."""
    headers = [name for name, _ in without_value(dead_letter(letter(headers={}), "0001", RECORDED)[2], 5)]
    described = document(dict.fromkeys(SPECS, ""))["components"]["schemas"]["deadletter"]

    assert sorted(headers) == sorted(described["properties"])


def test_a_value_left_out_is_told() -> None:
    """One more header says how large the value was."""
    assert without_value([("a", b"1")], 2_000_000) == [
        ("a", b"1"),
        ("tidegauge_value_dropped", "2000000 bytes, more than the topic takes"),
    ]
