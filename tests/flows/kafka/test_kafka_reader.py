"""The Kafka reader of a group: every message once with all its columns, and the position of each partition."""

import itertools
import threading
import time
from typing import Any

import orjson
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.servers.kafka import KafkaServer, admin
from flows.input import kafka_reader
from sensing.codec.text_table import TextLookup
from sinks.errors import TidegaugeError
from tests.flows.events import MONDAY, order
from tests.flows.input.blocks import gathered
from tests.flows.kafka.places import make_topics, produce, until
from tests.flows.kafka.reading import Reading, small_buffers, small_polls


def transactional(address: str, prefix: str) -> Producer:
    """A producer whose messages count when it commits."""
    producer = Producer({"bootstrap.servers": address, "transactional.id": f"{prefix}t", "log_level": 0})
    producer.init_transactions()
    return producer


def committed(address: str, prefix: str, names: dict[str, str], topic: str) -> int:
    """Offset that the group has committed in partition 0 of a topic."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": f"{prefix}group", "log_level": 0})
    [place] = consumer.committed([TopicPartition(names[topic], 0)], timeout=20)
    consumer.close()
    return int(place.offset)


def test_a_bad_message_keeps_all_that_came_with_it(kafka: str, topics: str) -> None:
    """Bytes, key, headers, offset and the broker's timestamp are in the reject; of headers of one name the last."""
    names = make_topics(kafka, topics)
    headers = [("trace", b"1"), ("trace", b"\xff"), ("empty", None)]
    produce(kafka, names["orders"], [order(1, MONDAY)], timestamp=MONDAY)
    produce(kafka, names["orders"], [b"\x00nonsense"], key=b"k\x80", headers=headers, timestamp=MONDAY + 5)
    produce(kafka, names["orders"], [order(2, MONDAY + 30 * 3_600_000)], key=b"late", timestamp=MONDAY)
    with Reading(kafka, topics, "orders") as reading:
        run = reading.all()

    bad, ahead = run.rejects
    assert (bad.value, bad.key, bad.headers) == (b"\x00nonsense", b"k\x80", {"trace": b"\xff", "empty": b""})
    assert (bad.topic, bad.partition, bad.offset, bad.time, bad.reason) == ("orders", 0, 1, MONDAY + 5, "not_json")
    assert (ahead.key, ahead.headers, ahead.offset, ahead.reason) == (b"late", {}, 2, "far_future")
    assert run.records["offset"].tolist() == [0]
    assert reading.notes.named("read")[-1][0] == "orders"


def test_cloud_events_in_binary_mode_are_events(kafka: str, topics: str) -> None:
    """Type, id and time may be in ``ce_`` headers, the rest in the value."""
    names = make_topics(kafka, topics)
    event: dict[str, Any] = orjson.loads(order(1, MONDAY))
    headers = [
        ("ce_specversion", b"1.0"), ("ce_id", b"from-header"), ("ce_type", event.pop("event_type").encode()),
        ("ce_time", b"2010-01-04T00:00:01Z"), ("ce_source", b"shop"),
    ]  # fmt: skip
    del event["event_id"], event["event_time"]
    produce(kafka, names["orders"], [orjson.dumps(event)], headers=headers, timestamp=MONDAY)
    with Reading(kafka, topics, "orders") as reading:
        run = reading.all()
    assert [texts.event_id for texts in TextLookup(run.texts).all(run.records)] == ["from-header"]
    assert run.records["time"].tolist() == [MONDAY + 1000]
    assert run.rejects == []


def test_tombstones_are_passed_over_and_counted(kafka: str, topics: str) -> None:
    """They are no events, wherever they stand; behind the last one the partition is at its end."""
    names = make_topics(kafka, topics)
    values = [None, order(1, MONDAY), None, None, order(2, MONDAY), None]
    produce(kafka, names["orders"], values, key=b"k", timestamp=MONDAY)
    with Reading(kafka, topics, "orders") as reading:
        run = reading.all()
        assert run.records["offset"].tolist() == [1, 4]
        assert sum(number for _, number in reading.notes.named("tombstones")) == 4
        buffer = reading.buffers[0]
        assert (buffer.position, buffer.consumed, buffer.at_end) == (6, 6, True)


def test_what_a_transaction_took_back_is_not_read(kafka: str, topics: str) -> None:
    """Committed messages are; markers and aborted messages leave gaps, and the end of the log is behind them."""
    names = make_topics(kafka, topics)
    producer = transactional(kafka, topics)
    for number, keep in enumerate([True, False, True, False]):
        producer.begin_transaction()
        producer.produce(names["orders"], order(2 * number, MONDAY), timestamp=MONDAY)
        producer.produce(names["orders"], order(2 * number + 1, MONDAY), timestamp=MONDAY)
        if keep:
            producer.commit_transaction()
        else:
            producer.flush()
            producer.abort_transaction()
    with Reading(kafka, topics, "orders") as reading:
        run = reading.all()
        buffer = reading.buffers[0]
        assert run.records["offset"].tolist() == [0, 1, 6, 7]
        assert (buffer.position, buffer.consumed, buffer.log.end, len(buffer)) == (12, 12, 12, 0)
        reading.reader.report(0, last=True)
        assert reading.notes.named("partition")[-1] == ["orders", 0, 12, 12, MONDAY - 3_600_000, True]

        producer.begin_transaction()
        producer.produce(names["orders"], order(9, MONDAY), timestamp=MONDAY)
        producer.flush()
        for _ in range(20):
            reading.poll()
        assert (buffer.at_end, len(buffer)) == (True, 0)
        producer.commit_transaction()
        until(lambda: len(buffer) == 1 and buffer.at_end, reading.poll)
        assert (buffer.position, buffer.consumed) == (14, 12)


def test_a_partition_far_ahead_of_the_others_is_paused(
    kafka: str, topics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is bounded; it goes on when little waits, and nothing is lost or repeated on the way."""
    small_buffers(monkeypatch, most=300, resume=100)
    small_polls(monkeypatch, 100)
    names = make_topics(kafka, topics)
    produce(kafka, names["orders"], [order(n, MONDAY + n) for n in range(2000)], timestamp=MONDAY + 2000)
    with Reading(kafka, topics, "orders") as reading:
        buffer, runs = reading.buffers[0], []
        until(lambda: len(buffer) > 300, lambda: reading.poll())
        for _ in range(50):
            reading.poll()
            assert 300 < len(buffer) <= 400
            assert (buffer.at_end, buffer.current) == (False, False)

        def go_on() -> None:
            reading.poll()
            assert len(buffer) <= 400
            runs.extend(buffer.take(buffer.next_time() + 30))
            buffer.release()

        until(lambda: buffer.at_end and not len(buffer), go_on)
    assert gathered(runs).numbers.tolist() == list(range(2000))


def test_large_messages_that_wait_are_bounded_as_well(kafka: str, topics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition that holds many bytes is paused when too many wait in all, and goes on when few do."""
    monkeypatch.setattr(kafka_reader, "ALL_BYTES_MAX", 400_000)
    monkeypatch.setattr(kafka_reader, "PARTITION_BYTES_MIN", 100_000)
    small_polls(monkeypatch, 5)
    names = make_topics(kafka, topics)
    produce(kafka, names["orders"], [order(n, MONDAY + n, x="x" * 10_000) for n in range(100)], timestamp=MONDAY + 100)
    with Reading(kafka, topics, "inventory", "orders") as reading:
        orders, runs = reading.buffers[1], []
        until(lambda: orders.size_bytes > 400_000, lambda: reading.poll())
        for _ in range(50):
            reading.poll()
            assert 400_000 < orders.size_bytes < 470_000

        def go_on() -> None:
            reading.poll()
            runs.append(reading.take(1))

        until(lambda: orders.at_end, go_on)
        assert orders.size_bytes == 0
    assert gathered(runs).numbers.tolist() == list(range(100))


def test_silence_counts_only_of_those_who_could_be_heard(
    kafka: str, topics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not while others stand before them in the queue, nor while they are paused, nor when nobody listened."""
    small_buffers(monkeypatch, most=10, resume=5)
    small_polls(monkeypatch, 5)
    names = make_topics(kafka, topics)
    produce(kafka, names["orders"], [order(n, MONDAY) for n in range(300)], timestamp=MONDAY)
    with Reading(kafka, topics, "inventory", "orders") as reading:
        inventory, orders = reading.buffers
        until(lambda: len(orders), lambda: reading.poll())
        assert inventory.last_seen > 0
        until(lambda: len(orders) > 10, lambda: reading.poll())
        heard = orders.last_seen
        reading.poll()
        reading.poll()
        assert orders.last_seen > heard
        until(lambda: inventory.at_end, lambda: reading.poll())
        heard = inventory.last_seen
        reading.poll()
        assert inventory.last_seen == heard
        time.sleep(kafka_reader.POLL_GAP_SECONDS * 1.1)
        reading.poll()
        assert inventory.last_seen > heard


def test_a_busy_partition_is_current_without_being_at_its_end(
    kafka: str, topics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages keep coming, and all that was there a second ago is read; when they stop, its end is waited for."""
    names = make_topics(kafka, topics)
    stop = threading.Event()

    def send() -> None:
        producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0, "log_level": 0})
        for number in itertools.takewhile(lambda _: not stop.is_set(), itertools.count()):
            producer.produce(names["orders"], order(number, MONDAY), timestamp=MONDAY)
            producer.poll(0)
            time.sleep(0.001)
        producer.flush()

    sender = threading.Thread(target=send)
    with Reading(kafka, topics, "orders") as reading:
        buffer = reading.buffers[0]
        # Whatever the load of this machine does to the sender, it must seem busy.
        monkeypatch.setattr(buffer, "end", lambda _offset, _now: None)
        sender.start()
        try:
            until(lambda: buffer.position, reading.poll)
            assert not buffer.current
            until(lambda: buffer.current, reading.poll)
            assert not buffer.at_end
        finally:
            stop.set()
            sender.join()
        until(lambda: not buffer.current, reading.poll)


def test_a_log_that_was_cut_off_in_front_is_refused(kafka: str, topics: str) -> None:
    """Retention was faster than the reader: it names both offsets, and skips nothing."""
    names = make_topics(kafka, topics)
    produce(kafka, names["orders"], [order(n, MONDAY) for n in range(5)], timestamp=MONDAY)
    client, cut = admin(kafka), TopicPartition(names["orders"], 0, 3)
    reading = Reading(kafka, topics, "orders")
    client.delete_records([cut])[cut].result(30)
    told = r"partition 0: required offset 0, got a log of offsets 3 to 5 \(the log was cut off before it was read\)"
    with reading, pytest.raises(TidegaugeError, match=told):
        reading.read_to_end()


def test_a_log_that_is_shorter_than_it_was_is_refused(kafka: str, topics: str) -> None:
    """The next offset is behind its end."""
    names = make_topics(kafka, topics)
    produce(kafka, names["orders"], [order(n, MONDAY) for n in range(5)], timestamp=MONDAY)
    with (
        Reading(kafka, topics, "orders", offsets={("orders", 0): 50}) as reading,
        pytest.raises(TidegaugeError, match=r"required offset 50, got a log of offsets 0 to 5 \(the log is shorter"),
    ):
        until(lambda: False, reading.poll)


def test_a_log_that_steps_back_is_refused(kafka: str, topics: str) -> None:
    """A message with an offset that was read already."""
    names = make_topics(kafka, topics)
    produce(kafka, names["orders"], [order(n, MONDAY) for n in range(5)], timestamp=MONDAY)
    with Reading(kafka, topics, "orders") as reading:
        reading.buffers[0].position = 3
        with pytest.raises(TidegaugeError, match=r"partition 0: required offset 3 or later, got 0 \(the log stepped"):
            reading.read_to_end()


def test_offsets_are_committed_for_others_to_see(kafka: str, topics: str) -> None:
    """Those of what was handed on; at the end at once, and nothing where nothing was handed on."""
    names = make_topics(kafka, topics)
    produce(kafka, names["orders"], [order(n, MONDAY) for n in range(5)], timestamp=MONDAY)
    with Reading(kafka, topics, "inventory", "orders") as reading:
        reading.read_to_end()
        reading.commit()
        reading.take(1)
        reading.reader.finish()
        assert committed(kafka, topics, names, "orders") == 5
        assert committed(kafka, topics, names, "inventory") < 0


def test_a_broker_that_hangs_and_one_that_is_stopped(own_kafka: KafkaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition is away while its leader does not answer, and at its end when it says so again; nothing is lost."""
    monkeypatch.setattr(kafka_reader, "CLOSE_SECONDS_MAX", 0.5)
    names = make_topics(own_kafka.address, "")
    produce(own_kafka.address, names["orders"], [order(0, MONDAY)], timestamp=MONDAY)
    with Reading(own_kafka.address, "", "orders") as reading:
        buffer, reader = reading.buffers[0], reading.reader
        until(lambda: "ok" in reading.told() and buffer.current, reading.poll)
        assert len(reading.take()) == 1
        own_kafka.pause()
        until(lambda: reader.is_away(buffer) and reading.told()[-1] == "failing", reading.poll)
        assert not buffer.at_end
        assert not buffer.current
        own_kafka.resume()
        # Nothing new came, and yet it is known to be at its end again.
        until(lambda: buffer.at_end and not reader.is_away(buffer) and reading.told()[-1] == "ok", reading.poll)
        own_kafka.stop()
        until(lambda: reader.is_away(buffer) and reading.told()[-1] == "failing", reading.poll)
        assert not buffer.at_end
        own_kafka.start()
        produce(own_kafka.address, names["orders"], [order(1, MONDAY)], timestamp=MONDAY)
        until(lambda: len(buffer) and buffer.at_end and reading.told()[-1] == "ok", reading.poll)
        assert (reader.is_away(buffer), buffer.position, len(reading.take())) == (False, 2, 1)
        assert reading.told() == ["ok", "failing", "ok", "failing", "ok"]
        reading.commit()
        own_kafka.pause()
        begun = time.monotonic()
        reader.close()
        assert time.monotonic() - begun < 10
        # The client that was left to itself leaves as well, before the broker does: else it complains into later tests.
        own_kafka.resume()
        until(lambda: not any(thread.name == "kafka-close" for thread in threading.enumerate()))
