"""Output records as Kafka messages."""

from sensing.outputs import ACTIONS, AUDIT, OutputRecord
from sinks.envelope import attributes
from sinks.kafka_messages import to_message
from tests.sinks.documents import exception, planning, tombstone

RECORDED = "2026-01-01T00:00:00.000Z"


def test_a_message_is_a_cloud_event_in_binary_mode() -> None:
    """Attributes are headers, the data is the value as it is, the key is the subject; the run has a header."""
    record = exception("x", 3)
    message = to_message(record, "eu.", "0001", RECORDED)

    assert (message.topic, message.key, message.value) == ("eu.exceptions", b"x", record.data)
    assert message.headers == [
        ("ce_specversion", "1.0"),
        ("ce_id", "x#3"),
        ("ce_source", "tidegauge"),
        ("ce_type", "exception.opened"),
        ("ce_subject", "x"),
        ("ce_time", "2010-01-04T00:00:00.007Z"),
        ("ce_recordedtime", RECORDED),
        ("ce_exceptiontype", "order_surge"),
        ("ce_route", "planner"),
        ("ce_severity", "high"),
        ("content-type", "application/json"),
        ("ce_lineage", "0001"),
    ]


def test_both_forms_of_an_event_have_the_same_attributes() -> None:
    """What a file carries beside the data a message carries in headers."""
    for record in (exception(), planning()):
        headers = dict(to_message(record, "", "0001", RECORDED).headers)
        assert headers.pop("ce_lineage") == "0001"
        expected = attributes(record, RECORDED)
        assert headers.pop("content-type") == expected.pop("datacontenttype")
        assert headers == {f"ce_{name}": value for name, value in expected.items()}


def test_no_data_is_a_tombstone() -> None:
    """A record without data has no value, so that compaction forgets its key; its id still says which version."""
    message = to_message(tombstone(planning("A", "DC", 4)), "", "0001", RECORDED)

    assert (message.key, message.value) == (b"A/DC", None)
    assert dict(message.headers)["ce_id"] == "A/DC#5"
    assert "content-type" not in dict(message.headers)


def test_every_topic_is_keyed_by_what_its_records_are_about() -> None:
    """Audit and actions have their subject as key; texts go as UTF-8."""
    for topic in (AUDIT, ACTIONS):
        record = OutputRecord(0, 0, 0, topic, "a.b", "i", "Größe/DC", 0, {}, b"{}")
        assert to_message(record, "", "0001", RECORDED).key == "Größe/DC".encode()
