"""Output records as CloudEvents 1.0."""

import orjson

from sensing.outputs import EXCEPTIONS, OutputRecord
from sinks.envelope import attributes, to_structured_json

RECORD = OutputRecord(
    5,
    3,
    9,
    EXCEPTIONS,
    "exception.opened",
    "x/1",
    "x",
    1_262_563_200_007,
    {"severity": "low", "route": "planner"},
    b'{"a":1.50}',
)
RECORDED = "2026-01-01T00:00:00.000Z"


def test_the_json_form_is_a_cloud_event() -> None:
    """Required attributes, time of the cause, time of recording, extensions by name, the data as it is."""
    sealed = to_structured_json(RECORD, RECORDED)

    assert orjson.loads(sealed) == {
        "specversion": "1.0",
        "id": "x/1",
        "source": "tidegauge",
        "type": "exception.opened",
        "subject": "x",
        "time": "2010-01-04T00:00:00.007Z",
        "datacontenttype": "application/json",
        "recordedtime": RECORDED,
        "route": "planner",
        "severity": "low",
        "data": {"a": 1.5},
    }
    assert sealed.endswith(b',"route":"planner","severity":"low","data":{"a":1.50}}')
    assert b"\n" not in sealed


def test_only_the_time_of_recording_differs_between_runs() -> None:
    """The same record sealed at another time differs in recordedtime alone."""
    one, other = attributes(RECORD, RECORDED), attributes(RECORD, "2027-01-01T00:00:00.000Z")

    assert {name for name in one if one[name] != other[name]} == {"recordedtime"}


def test_a_record_about_nothing_has_no_subject() -> None:
    """CloudEvents forbid an empty subject."""
    assert "subject" not in attributes(RECORD._replace(subject=""), RECORDED)


def test_the_source_is_a_setting() -> None:
    """The default is the engine's name; another one changes this attribute alone."""
    default, other = attributes(RECORD, RECORDED), attributes(RECORD, RECORDED, "//example.com/eu")
    assert default["source"] == "tidegauge"
    assert other == default | {"source": "//example.com/eu"}
    assert orjson.loads(to_structured_json(RECORD, RECORDED, "urn:x"))["source"] == "urn:x"
