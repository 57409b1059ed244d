"""Latest record of each key of topics, read to their current end."""

import io
from typing import Any

import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st

from sensing.outputs import EXCEPTIONS, PARAMETERS
from sinks import latest_records
from sinks.errors import TidegaugeError
from sinks.latest_records import Latest, Spool, read_latest
from sinks.topic_tail import Record
from tests.sinks.documents import exception, planning, tombstone
from tests.sinks.live import publish
from tests.sinks.view_oracle import in_topic
from tests.sinks.viewing import make_view_topics

TOPICS = (EXCEPTIONS, PARAMETERS)


def record(key: bytes, run_id: str, version: int, value: bytes | None, **changes: Any) -> Record:
    """A record of a run."""
    headers = {"ce_lineage": run_id.encode(), "ce_id": key + b"#%d" % version}
    return Record(EXCEPTIONS, 0, 0, key, value, headers)._replace(**changes)


def kept(records: list[Record]) -> list[Latest]:
    """What is kept of records."""
    spool = Spool(io.BytesIO())
    for each in records:
        spool.take(each)
    return list(spool.of(EXCEPTIONS))


STEPS = st.tuples(
    st.sampled_from([b"a", b"b", b"c"]), st.sampled_from(["01", "02"]), st.integers(1, 12),
    st.none() | st.binary(max_size=5),
)  # fmt: skip


@given(st.lists(STEPS, max_size=30))
def test_the_latest_of_the_latest_run_is_kept(steps: list[tuple[bytes, str, int, bytes | None]]) -> None:
    """What is older than what is there is passed over, a deletion forgets, keys come in order; values are whole."""
    expected: dict[bytes, tuple[str, int, bytes]] = {}
    for key, run_id, version, value in steps:
        if key in expected and (run_id, version) < expected[key][:2]:
            continue
        expected.pop(key, None)
        if value is not None:
            expected[key] = (run_id, version, value)

    found = kept([record(*step) for step in steps])
    assert found == [Latest(key, run_id, value) for key, (run_id, _, value) in sorted(expected.items())]


def test_a_deletion_by_hand_needs_no_headers() -> None:
    """A tombstone that names no run deletes what is there; a value that names none is somebody else's."""
    spool = Spool(io.BytesIO())
    spool.take(record(b"a", "02", 5, b"{}"))
    spool.take(record(b"b", "02", 5, b"{}"))
    spool.take(record(b"a", "", 0, None, headers={}))
    spool.take(record(b"c", "", 0, b"{}", headers={}))
    spool.take(record(b"c", "", 0, b"{}", headers={"ce_id": b"c#x", "ce_lineage": b"\xff"}))

    assert [each.key for each in spool.of(EXCEPTIONS)] == [b"b"]
    assert spool.foreign == 2


def test_topics_are_read_to_their_end(kafka: str, topics: str) -> None:
    """All partitions of all topics, whatever is empty, as an independent reader finds them."""
    make_view_topics(kafka, topics)
    records = [planning(f"S{number % 30}", version=number) for number in range(90)]
    records += [exception(f"x{number}") for number in range(20)] + [
        tombstone(exception(f"x{number}")) for number in range(5)
    ]
    publish(kafka, topics, *records)
    spool = read_latest({"bootstrap.servers": kafka}, topics, TOPICS, io.BytesIO())

    for topic in TOPICS:
        expected = in_topic(kafka, topics + topic)
        assert [each.key.decode() for each in spool.of(topic)] == sorted(expected)
    assert len(list(spool.of(PARAMETERS))) == 30
    assert len(list(spool.of(EXCEPTIONS))) == 15


def test_empty_topics_have_nothing(kafka: str, topics: str) -> None:
    """Nothing to read is no reason to wait."""
    make_view_topics(kafka, topics)
    spool = read_latest({"bootstrap.servers": kafka}, topics, TOPICS, io.BytesIO())

    assert [list(spool.of(topic)) for topic in TOPICS] == [[], []]


def test_the_end_of_a_transaction_is_no_record(kafka: str, topics: str) -> None:
    """A topic that ends with the mark of a transaction, or with one that was taken back, is read to its end."""
    make_view_topics(kafka, topics, partitions=1)
    producer = Producer({"bootstrap.servers": kafka, "transactional.id": topics})
    producer.init_transactions(30)
    headers = {"ce_lineage": b"1", "ce_id": b"a#1"}
    for value, end in ((b"kept", producer.commit_transaction), (b"taken back", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(f"{topics}{EXCEPTIONS}", value, b"a", headers={**headers})
        producer.flush(30)
        end(30)
    spool = read_latest({"bootstrap.servers": kafka}, topics, TOPICS, io.BytesIO())

    assert list(spool.of(EXCEPTIONS)) == [Latest(b"a", "1", b"kept")]


def test_a_missing_topic_is_named(kafka: str, topics: str) -> None:
    """The error says which, and how to make it."""
    fault = f"kafka topics: required {topics}{EXCEPTIONS}, .*got none of that name"
    with pytest.raises(TidegaugeError, match=fault):
        read_latest({"bootstrap.servers": kafka}, topics, TOPICS, io.BytesIO())


def test_brokers_that_do_not_answer_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong address ends in an error, not in waiting."""
    monkeypatch.setattr("sinks.kafka_client.REQUEST_SECONDS", 0.5)
    monkeypatch.setattr("sinks.kafka_client.ANSWER_SECONDS_MAX", 0.5)
    with pytest.raises(
        TidegaugeError, match=r"required a broker that answers, got .*; start it, or correct the address"
    ):
        read_latest({"bootstrap.servers": "127.0.0.1:1"}, "", TOPICS, io.BytesIO())


def test_brokers_that_fall_silent_are_told(kafka: str, topics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that stops answering in the middle ends in an error as well."""
    make_view_topics(kafka, topics)
    publish(kafka, topics, exception())
    monkeypatch.setattr(latest_records, "SILENCE_SECONDS_MAX", 0.3)
    monkeypatch.setattr(latest_records, "READ_SECONDS", 0.1)
    client = {"bootstrap.servers": kafka, "fetch.min.bytes": 100_000_000, "fetch.wait.max.ms": 10_000}
    with pytest.raises(TidegaugeError, match=r"kafka: required brokers that answer, got nothing for 0 s"):
        read_latest(client, topics, TOPICS, io.BytesIO())
