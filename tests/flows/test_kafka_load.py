"""Loading a folder into real topics: all lines, once, in order, on the partitions of the usual partitioner."""

import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from benchmarks.servers.kafka import KafkaServer, admin
from benchmarks.servers.process import free_port
from flows.cli.main import main
from flows.demo.retail import read_retail
from flows.demo.sample import load_sample
from flows.kafka_load import Loaded, load
from flows.runtime.context import Progress
from flows.service.kafka_topics import create
from sinks.errors import TidegaugeError, UsageError
from tests.flows.events import MAKERS, MONDAY, order, write

LOCATION = b'{"event_id":"r","event_type":"location.updated","location":"L1"}'


def call(*arguments: object) -> Any:
    """Result of a command."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def client(kafka: str, topics: str) -> dict[str, Any]:
    """Client of the shared broker, on which this test's topics are, of three partitions each."""
    create({"bootstrap.servers": kafka}, topics, partitions=3)
    return {"bootstrap.servers": kafka}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Orders with a late one, a bad and a blank line; stock counts; reference."""
    lines = [order(i, MONDAY + i * 60_000) for i in range(200)]
    lines[50] = order(50, MONDAY - 3_600_000)
    write(tmp_path, "orders", [*lines[:60], b"", b"\xff nonsense", *lines[60:]], zipped=True)
    write(tmp_path, "inventory", [MAKERS["inventory"](i, MONDAY + i * 600_000) for i in range(20)])
    write(tmp_path, "reference", [LOCATION])
    return tmp_path


def messages(address: str, topic: str) -> list[Message]:
    """All messages of a topic, partition by partition."""
    settings = {"bootstrap.servers": address, "group.id": "tests", "enable.auto.commit": False}
    consumer = Consumer(settings | {"enable.partition.eof": True})
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    found, ends = [], 0
    while ends < len(partitions):
        message = consumer.poll(30)
        assert message is not None, "no end of the topic within 30 s"
        if message.error():
            ends += 1
        else:
            found.append(message)
    consumer.close()
    return sorted(found, key=lambda message: (message.partition(), message.offset()))


def murmur2(key: bytes) -> int:
    """The hash by which Kafka's Java client chooses partitions; Source: org.apache.kafka.common.utils.Utils.murmur2."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(key)
    for start in range(0, len(key) - len(key) % 4, 4):
        k = int.from_bytes(key[start : start + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    if tail := key[len(key) - len(key) % 4 :]:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


@pytest.mark.parametrize(("key", "expected"), [(b"21", -973932308), (b"foobar", -790332482), (b"abc", 479470107)])
def test_the_hash_is_that_of_java(key: bytes, expected: int) -> None:
    """The oracle gives the values that Kafka's own tests expect; Source: UtilsTest.testMurmur2."""
    assert murmur2(key) == expected & 0xFFFFFFFF


def test_every_line_is_a_message(client: dict[str, Any], topics: str, folder: Path) -> None:
    """Lines arrive once, byte for byte, in the order of their file, in the partition of their key; blank ones not."""
    loaded = load(folder, client, topics)

    assert loaded.lines == {"orders": 201, "inventory": 20, "reference": 1}
    orders = messages(client["bootstrap.servers"], f"{topics}orders")
    expected = [order(i, MONDAY - 3_600_000 if i == 50 else MONDAY + i * 60_000) for i in range(200)]
    assert Counter(message.value() for message in orders) == Counter([*expected, b"\xff nonsense"])
    for partition in range(3):
        mine = [message.value() for message in orders if message.partition() == partition and message.key()]
        assert mine == [value for value in expected if value in mine]
    for message in orders:
        key = message.key()
        if key is None:
            assert message.value() == b"\xff nonsense"
        else:
            assert message.partition() == (murmur2(key) & 0x7FFFFFFF) % 3
            assert b'"sku":"%b"' % key in (message.value() or b"")

    (location,) = messages(client["bootstrap.servers"], f"{topics}reference")
    assert (location.key(), location.value()) == (b"L1", LOCATION)


def test_topics_are_merged_by_time(kafka: str, topics: str, tmp_path: Path) -> None:
    """No line is sent before one of another topic that a replay takes first: times of messages never fall."""
    create({"bootstrap.servers": kafka}, topics, partitions=1)
    orders = [order(i, MONDAY + 2 * i * 1000) for i in range(15)]
    counts = [MAKERS["inventory"](i, MONDAY + (2 * i + 1) * 1000) for i in range(15)]
    write(tmp_path, "orders", orders)
    write(tmp_path, "inventory", counts)

    load(tmp_path, {"bootstrap.servers": kafka}, topics, rate=100)

    sent = [message for topic in ("orders", "inventory") for message in messages(kafka, f"{topics}{topic}")]
    times = {message.value(): message.timestamp()[1] for message in sent}
    merged = [times[event] for pair in zip(orders, counts, strict=True) for event in pair]
    assert len(set(merged)) > 5
    assert merged == sorted(merged)


def test_the_rate_is_kept(client: dict[str, Any], topics: str, folder: Path) -> None:
    """So many lines a second are the most, spread evenly: halfway in time half of them at most are sent."""
    seen: list[tuple[float, int]] = []
    started = time.monotonic()

    loaded = load(
        folder, client, topics, rate=200, progress=lambda p: seen.append((time.monotonic() - started, p.lines))
    )

    assert loaded.seconds >= (222 - 4) / 200
    assert len(seen) > 5
    assert all(lines <= 200 * seconds + 4 for seconds, lines in seen)


def test_progress_is_told(client: dict[str, Any], topics: str, folder: Path) -> None:
    """Lines, share and clock only grow; the share is one of bytes."""
    seen: list[Progress] = []

    load(folder, client, topics, rate=500, progress=seen.append)

    assert seen
    assert [p.lines for p in seen] == sorted(p.lines for p in seen)
    assert all(0 < p.share <= 1 for p in seen)
    assert all(p.clock is None or MONDAY - 3_600_000 <= p.clock <= MONDAY + 200 * 60_000 for p in seen)


def test_a_queue_that_is_full_slows_the_load(client: dict[str, Any], topics: str, folder: Path) -> None:
    """With a queue of ten messages everything arrives all the same."""
    load(folder, client | {"queue.buffering.max.messages": 10}, topics)

    assert len(messages(client["bootstrap.servers"], f"{topics}orders")) == 201


def test_a_restart_of_the_broker_loses_and_repeats_nothing(own_kafka: KafkaServer, folder: Path) -> None:
    """A broker that comes back has every line once; one that stays away ends the load with what was wrong."""
    client = {"bootstrap.servers": own_kafka.address}
    create(client, partitions=1)
    with ThreadPoolExecutor(1) as pool:
        loading = start_loading(pool, folder, client)
        own_kafka.restart()
        loading.result(120)

        values = Counter(message.value() for message in messages(own_kafka.address, "orders"))
        assert len(values) == 201
        assert set(values.values()) == {1}

        loading = start_loading(pool, folder, client | {"delivery.timeout.ms": 1500, "request.timeout.ms": 1000})
        own_kafka.kill()
        failure = rf"kafka {own_kafka.address}, topic \w+: required every line to be taken, got .*timed out.*load again"
        with pytest.raises(TidegaugeError, match=failure):
            loading.result(120)


def start_loading(pool: ThreadPoolExecutor, folder: Path, client: dict[str, Any]) -> Future[Loaded]:
    """Load for some seconds beside the test; the first lines are under way."""
    under_way = threading.Event()
    loading = pool.submit(load, folder, client, rate=60, progress=lambda _progress: under_way.set())
    assert under_way.wait(60)
    return loading


def test_a_line_that_is_too_long_is_named(client: dict[str, Any], topics: str, tmp_path: Path) -> None:
    """A line that Kafka does not take stops the load: which, how long, and what to do."""
    write(tmp_path, "orders", [order(0, MONDAY), b"x" * 1_100_000])
    with pytest.raises(
        TidegaugeError, match=r"line 1 of orders: required .* got 1,100,000 bytes and .*too large; take"
    ):
        load(tmp_path, client, topics)


def test_missing_topics_are_named(kafka: str, topics: str, folder: Path) -> None:
    """Nothing is loaded where a topic is missing; the error says which and how to make it."""
    missing = f"{topics}inventory, {topics}orders, {topics}reference"
    with pytest.raises(
        TidegaugeError, match=rf"required {missing}, got none of that name; create with: tidegauge topics create"
    ):
        load(folder, {"bootstrap.servers": kafka}, topics)
    there = admin(kafka).list_topics(timeout=30).topics
    assert not [name for name in there if name.startswith(topics)]


def test_settings_that_the_producer_refuses_are_named(client: dict[str, Any], topics: str, folder: Path) -> None:
    """What only a producer refuses is a usage error as well."""
    with pytest.raises(UsageError, match=r"kafka client settings: required .* `acks` must be set to `all`"):
        load(folder, client | {"acks": "0"}, topics)


def test_an_interrupt_says_what_stays(client: dict[str, Any], topics: str, folder: Path) -> None:
    """Ctrl-C ends the load and says how many lines may be in Kafka."""

    def interrupt(_progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(TidegaugeError, match=r"stopped by an interrupt; up to \d+ lines are in Kafka, and stay there"):
        load(folder, client, topics, rate=100, progress=interrupt)


@pytest.fixture
def small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample is a week of the year."""
    monkeypatch.setattr("flows.demo.sample.read_retail", lambda: read_retail(7))


@pytest.mark.usefixtures("small_sample")
def test_the_sample_is_loaded_once(client: dict[str, Any], topics: str) -> None:
    """The sample is the demo's input, and nothing is added where there are orders."""
    loaded = load_sample(client, topics)

    assert loaded is not None
    assert {"orders", "shipments", "inventory", "reference"} <= set(loaded.lines)
    assert len(messages(client["bootstrap.servers"], f"{topics}orders")) == loaded.lines["orders"] > 1000
    assert load_sample(client, topics) is None


@pytest.mark.usefixtures("small_sample")
def test_the_command(client: dict[str, Any], topics: str, folder: Path) -> None:
    """One line tells what was loaded; a folder or the sample is wanted, not both."""
    where = ("--bootstrap-servers", client["bootstrap.servers"], "--prefix", topics)

    done = call("load", folder, *where)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("222 lines in ")
    assert done.stderr.endswith(" lines/s): inventory 20, orders 201, reference 1\n")

    again = call("load", "--sample", *where)
    assert (again.exit_code, again.stderr) == (0, "nothing loaded: there are orders already\n")

    for wrong, got in (((), "neither"), ((folder, "--sample"), "both")):
        refused = call("load", *wrong, *where)
        assert refused.exit_code == 2
        assert f"required a folder of event files or --sample, got {got}; give one" in refused.stderr


def test_a_broker_that_is_not_there_ends_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a broker the command ends with code 1 and says so."""
    monkeypatch.setattr("sinks.kafka_client.ANSWER_SECONDS_MAX", 0.5)
    done = call("load", folder, "--bootstrap-servers", f"127.0.0.1:{free_port()}")

    assert done.exit_code == 1
    assert "required a broker that answers" in done.stderr
