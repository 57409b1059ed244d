"""Servers of the tests: they keep data over restarts, can be paused, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import NewTopic
from redis import Redis
from redis.exceptions import ConnectionError, TimeoutError

from benchmarks.servers.kafka import KafkaServer, admin
from benchmarks.servers.process import Server, ServerError, free_port, port_is_open, running
from benchmarks.servers.redis import RedisServer
from tests.servers.fixtures import own_keys, own_topics, serving


def make_topic(address: str, name: str) -> None:
    """Make a topic of one partition."""
    client = admin(address)
    for done in client.create_topics([NewTopic(name, 1)]).values():
        done.result(30)


def send(address: str, topic: str, value: bytes, timestamp: int = 0) -> None:
    """Send one message, of now or of a time in milliseconds, and wait until the broker has it."""
    producer = Producer({"bootstrap.servers": address, "log_level": 0})
    producer.produce(topic, value, timestamp=timestamp)
    assert producer.flush(30) == 0


def read(address: str, topic: str, count: int) -> list[bytes | None]:
    """The first messages of a topic."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "tests", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        return [message.value() for message in consumer.consume(count, timeout=30)]
    finally:
        consumer.close()


def test_a_broker_keeps_its_data_over_stop_and_kill(own_kafka: KafkaServer) -> None:
    """After a stop and after a kill the broker answers on the same address and has what it confirmed."""
    address = own_kafka.address
    make_topic(address, "orders")
    send(address, "orders", b"one")

    own_kafka.restart()
    send(address, "orders", b"two")
    own_kafka.kill()
    assert not port_is_open(own_kafka.port)
    own_kafka.start()

    assert own_kafka.address == address
    assert read(address, "orders", 2) == [b"one", b"two"]


@pytest.mark.servers
def test_a_broker_keeps_messages_of_any_age(tmp_path: Path) -> None:
    """A message of 1970 is still there after the broker has looked several times for what is too old."""
    often = {"log.initial.task.delay.ms": "0", "log.retention.check.interval.ms": "100"}
    with serving(lambda folder: KafkaServer(folder, often), tmp_path / "kafka") as server:
        assert isinstance(server, KafkaServer)
        make_topic(server.address, "orders")
        send(server.address, "orders", b"one", timestamp=1)
        time.sleep(1)
        assert read(server.address, "orders", 1) == [b"one"]


def test_a_paused_broker_hangs(own_kafka: KafkaServer) -> None:
    """Between pause and resume connections are taken and nothing is answered."""
    client = admin(own_kafka.address)
    own_kafka.pause()

    assert port_is_open(own_kafka.port)
    with pytest.raises(KafkaException):
        client.list_topics(timeout=0.5)
    own_kafka.resume()
    assert client.list_topics(timeout=30).brokers


def test_a_redis_keeps_its_data_over_a_stop(own_redis: RedisServer) -> None:
    """A stop keeps the data, a kill loses it, a pause only delays."""
    with Redis.from_url(own_redis.address, socket_timeout=0.5) as client:
        client.set("stock", 1)
        own_redis.restart()
        assert client.get("stock") == b"1"

        own_redis.pause()
        with pytest.raises(TimeoutError):
            client.get("stock")
        own_redis.resume()

        client.set("stock", 2)
        own_redis.kill()
        with pytest.raises(ConnectionError):
            client.get("stock")
        own_redis.start()
        assert client.get("stock") == b"1"


def test_shared_servers_serve(kafka: str, topics: str, redis: str, keys: str) -> None:
    """The shared servers take topics and keys under a test's own prefixes."""
    make_topic(kafka, f"{topics}orders")
    send(kafka, f"{topics}orders", b"one")

    assert read(kafka, f"{topics}orders", 1) == [b"one"]
    with Redis.from_url(redis) as client:
        client.set(f"{keys}stock", 1)
        assert client.get(f"{keys}stock") == b"1"


def test_what_a_test_made_is_gone_after_it(kafka: str, redis: str) -> None:
    """Topics and keys with a test's prefixes are removed at its end."""
    with own_topics(kafka) as topics, own_keys(redis) as keys, Redis.from_url(redis) as store:
        make_topic(kafka, f"{topics}orders")
        store.set(f"{keys}stock", 1)
    client, deadline = admin(kafka), time.monotonic() + 30
    while f"{topics}orders" in client.list_topics(timeout=30).topics and time.monotonic() < deadline:
        time.sleep(0.05)

    assert f"{topics}orders" not in client.list_topics(timeout=30).topics
    with Redis.from_url(redis) as store:
        assert not list(store.scan_iter(match=f"{keys}*"))


class Sleeper(Server):
    """A server that opens no port."""

    seconds = "60"

    @property
    def address(self) -> str:
        """Nowhere."""
        return "nowhere"

    def _command(self) -> list[str]:
        return ["sh", "-c", f"echo asleep; trap '' TERM; sleep {self.seconds}"]

    def _answers(self) -> bool:
        return True


def test_a_server_that_ends_is_reported_with_its_log(tmp_path: Path) -> None:
    """A server that ends instead of answering fails the start, with the end of its log, and nothing runs."""
    server = Sleeper("sleeper", tmp_path)
    server.seconds = "0.2"

    with pytest.raises(ServerError, match=r"(?s)required an answer at nowhere within .* got its end; .*asleep"):
        server.start()
    assert not server.running


def test_a_server_that_does_not_answer_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer in time fails the start and is not left running."""
    monkeypatch.setattr("benchmarks.servers.process.START_SECONDS_MAX", 0.3)
    server = Sleeper("sleeper", tmp_path)

    with pytest.raises(ServerError, match=r"(?s)got no answer; its log ends with\nasleep"):
        server.start()
    assert not server.running


def test_a_server_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that goes on after SIGTERM is killed, and the test is told."""
    monkeypatch.setattr("benchmarks.servers.process.STOP_SECONDS_MAX", 0.3)
    monkeypatch.setattr("benchmarks.servers.process.port_is_open", lambda _port: True)
    server = Sleeper("sleeper", tmp_path).start()
    while not server.log_tail():
        time.sleep(0.01)

    with pytest.raises(ServerError, match=r"required an end within .* of SIGTERM, got none and killed it"):
        server.stop()
    assert not server.running


@pytest.mark.servers
def test_only_the_log_stays(tmp_path: Path) -> None:
    """After its use a server's data are gone and its log is there."""
    with running(RedisServer(tmp_path / "redis")) as server, Redis.from_url(server.address) as client:
        client.set("stock", 1)
        client.save()
        assert (tmp_path / "redis" / "dump.rdb").exists()

    assert [path.name for path in (tmp_path / "redis").iterdir()] == ["redis.log"]


@pytest.mark.servers
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_server_outlives_the_tests(tmp_path: Path, root: Path, end: signal.Signals) -> None:
    """However the tests end, Ctrl-C and SIGKILL included, their servers end as well."""
    code = (
        "import signal, sys, time; from pathlib import Path; from benchmarks.servers.process import running\n"
        "from benchmarks.servers.redis import RedisServer\n"
        # A shell lets what it starts in the background ignore Ctrl-C.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with running(RedisServer(Path(sys.argv[1]))) as server:\n"
        "    print(server.port, flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=root, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    assert child.stdout is not None
    with child, child.stdout as output:
        port = int(output.readline())
        assert port_is_open(port)
        os.kill(child.pid, end)
        child.wait(30)

    deadline = time.monotonic() + 30
    while port_is_open(port) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not port_is_open(port)


def test_free_ports_are_free() -> None:
    """A free port is one that nobody listens on, outside the range of outgoing connections."""
    port = free_port()
    assert 20_000 <= port < 32_000
    assert not port_is_open(port)


def test_no_free_port_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every port is taken the error says which were tried."""

    def taken(*_arguments: object) -> None:
        raise OSError

    monkeypatch.setattr("benchmarks.servers.process.socket.create_server", taken)
    with pytest.raises(ServerError, match="required a free port of 20000 to 31999"):
        free_port()
