"""The engine as an operator runs it: a separate process with HTTP requests, signals, and records in Kafka."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson
from confluent_kafka import Consumer, KafkaError, TopicPartition

from benchmarks.servers.process import watch
from sensing.machines.machine_messages import OUTCOMES
from tests.flows.kafka.places import until

MAIN = "from flows.cli.main import main; main()"
ROOT = Path(__file__).resolve().parents[3]
END_SECONDS_MAX = 60.0


class Record(NamedTuple):
    """A record of an output topic; ``headers`` without ``ce_`` before the names of CloudEvents."""

    key: bytes | None
    value: bytes | None
    headers: dict[str, str]
    original: dict[str, bytes]

    @property
    def data(self) -> dict[str, Any]:
        """Decoded data of a record that is not a dead letter."""
        return dict(orjson.loads(self.value or b"{}"))


class Service:
    """``tidegauge run`` on the topics of a prefix. Use as a context manager: nothing is left running.

    Parameters
    ----------
    before
        Python code that the process runs first.
    settings
        Settings by name, with ``__`` for the dot. Defaults are few shards and a free port.
    """

    def __init__(
        self, address: str, prefix: str, folder: Path, *flags: str, redis: str | None = None, keys: str = "",
        before: str = "", **settings: object,
    ) -> None:  # fmt: skip
        given: dict[str, object] = {
            "kafka.bootstrap_servers": address, "kafka.topic_prefix": prefix, "kafka.group_id": f"{prefix}group",
            "http.port": 0, "engine.shards": 2, "engine.sink_partitions": 2, "engine.epoch_seconds": 0.2,
        }  # fmt: skip
        if redis is not None:
            given |= {"redis.url": redis, "redis.key_prefix": keys}
        given |= {name.replace("__", "."): value for name, value in settings.items()}
        assignments = [part for name, value in given.items() for part in ("--set", f"{name}={value}")]
        self.log = folder / "engine.log"
        self._command = [sys.executable, "-c", f"{before}\n{MAIN}", "run", *flags, *assignments]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the service."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGAUGE_")}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._watcher = watch(self._process)
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the service if it still runs."""
        self._watcher.kill()
        self._watcher.communicate()
        self.process.kill()
        self.process.wait()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process."""
        assert self._process is not None
        return self._process

    def lines(self) -> list[dict[str, Any]]:
        """Its log lines that are JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def text(self) -> str:
        """Everything it has logged and printed."""
        return self.log.read_text()

    @property
    def port(self) -> int:
        """HTTP port; waits until it is known."""
        found: list[int] = []

        def told() -> bool:
            assert self.process.poll() is None, self.text()
            found[:] = [int(line["port"]) for line in self.lines() if line["event"] == "listening"]
            return bool(found)

        until(told)
        return found[0]

    def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        """HTTP status and body of ``/healthz`` or ``/readyz``."""
        code, body = self._get(path)
        return code, orjson.loads(body)

    def metrics(self) -> str:
        """Text of ``/metrics``."""
        return self._get("/metrics")[1].decode()

    def metric(self, name: str) -> float:
        """Value of one metric, with labels as they are written if it has any; 0 if it does not exist yet."""
        told = dict(line.rsplit(" ", 1) for line in self.metrics().splitlines() if not line.startswith("#"))
        return float(told.get(name, 0))

    def _get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
                return int(answer.status), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def ready(self) -> Self:
        """Wait until its first epoch has ended and it has read all messages."""
        until(lambda: all(self.ask(path)[0] == 200 for path in ("/startupz", "/readyz")), seconds=60)
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = END_SECONDS_MAX) -> int:
        """Wait for its end; returns its exit code."""
        return self.process.wait(seconds)

    def stop(self) -> int:
        """Stop it as an operator does, and wait; returns its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def memory_kib(self, *, peak: bool = False) -> int:
        """Resident memory, now or at its highest."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        name = "VmHWM" if peak else "VmRSS"
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith(name)))


def records(address: str, topic: str) -> list[Record]:
    """All committed records of a topic, in the order of their partitions."""
    return list(_records(address, topic))


def _records(address: str, topic: str) -> Iterator[Record]:
    config = {
        "bootstrap.servers": address, "group.id": "none", "enable.partition.eof": True, "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "log_level": 0, "fetch.wait.max.ms": 20,
    }  # fmt: skip
    consumer = Consumer(config)
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    ended = 0
    while ended < len(partitions):
        for message in consumer.consume(1000, 0.05):
            error = message.error()
            if error is None:
                yield _record(message)
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ended += 1
    consumer.close()


def _record(message: Any) -> Record:
    headers = message.headers() or []
    texts = {name.removeprefix("ce_"): value.decode(errors="replace") for name, value in headers if value is not None}
    return Record(message.key(), message.value(), texts, {name: value for name, value in headers if value is not None})


def committed(address: str, prefix: str, names: dict[str, str], partitions: int = 1) -> dict[tuple[str, int], int]:
    """Offsets that the service's group has committed."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": f"{prefix}group", "log_level": 0})
    topics = {name: topic for topic, name in names.items()}
    asked = [
        TopicPartition(name, partition)
        for name, topic in topics.items()
        for partition in range(1 if topic == "reference" else partitions)
    ]
    found = consumer.committed(asked, timeout=20)
    consumer.close()
    return {(topics[place.topic], place.partition): place.offset for place in found if place.offset >= 0}


def last_totals(audit: list[Record]) -> dict[tuple[str, int], dict[str, int]]:
    """The newest control totals by topic and partition."""
    told = [record.data for record in audit if record.headers["type"] == "control.totals"]
    return {(data["topic"], data["partition"]): data for data in told}


def assert_balanced(totals: dict[tuple[str, int], dict[str, int]]) -> Counter[str]:
    """Assert that per partition messages read are the sum of outcomes; returns messages read by topic."""
    read: Counter[str] = Counter()
    for (topic, _), data in totals.items():
        outcomes = {outcome: data[outcome] for outcome in OUTCOMES if outcome not in ("released", "unknown_line")}
        assert data["read"] == sum(outcomes.values()), data
        read[topic] += data["read"]
    return read


def newest(found: list[Record]) -> dict[bytes, Record]:
    """Last record of every key of a compacted topic."""
    return {record.key: record for record in found if record.key is not None}
