"""Loads an input folder into Kafka: every line that ``tidegauge replay`` would read becomes a message of its topic.

``tidegauge load``, the sample of the demo and benchmarks call it.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from flows.input.input_folder import find_inputs
from flows.input.original_lines import OriginalLines, original_lines
from flows.runtime.context import PROGRESS_INTERVAL_S, Progress
from sensing.machine_settings import Settings
from sinks.errors import TidegaugeError
from sinks.kafka_client import PARTITIONER, QUIET, Cluster, describe, make_client, text_of

PIECE_LINES_MAX = 1000
PIECES_PER_SECOND = 50
QUEUE_KIB_MAX = 64 * 1024
DELIVERY_SECONDS_MAX = 60

# Settings that a user may change.
DEFAULTS = {
    "client.id": "tidegauge-load",
    **QUIET,
    "delivery.timeout.ms": DELIVERY_SECONDS_MAX * 1000,
    "queue.buffering.max.kbytes": QUEUE_KIB_MAX,
    "linger.ms": 20,
    "compression.type": "lz4",
}
# Settings that a load needs: each line once and in order, the partitioner of other producers, and reports of failures.
FIXED = {"enable.idempotence": True, **PARTITIONER, "delivery.report.only.error": True}


class Loaded(NamedTuple):
    """Result of a load: lines per topic (without prefix), and wall-clock seconds."""

    lines: dict[str, int]
    seconds: float


def load(
    folder: Path,
    client: Mapping[str, Any],
    prefix: str = "",
    rate: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    settings: Settings | None = None,
) -> Loaded:
    """Send every line of a folder unchanged, valid or not, in the order of a replay.

    Messages keep their order within a partition. Their timestamps are those of the load.

    Parameters
    ----------
    client
        Settings of librdkafka, including ``bootstrap.servers``.
    prefix
        Prefix of every topic name.
    rate
        Maximum lines per second, evenly spaced; None: as fast as the brokers accept them.
    progress
        Called about ten times a second.
    settings
        How lines are read to find their keys.

    Raises
    ------
    UsageError
        When there is nothing to load, or librdkafka refuses a setting.
    TidegaugeError
        When no broker answers, a topic does not exist, a file cannot be read to its end, a line is not delivered, or
        the user interrupts. Lines delivered before stay in Kafka.
    """
    started = time.monotonic()
    inputs = find_inputs(folder)
    names = [prefix + file.topic for file in inputs]
    Cluster(client).ask(lambda admin: describe(admin, names))
    sender = _Sender(client, prefix)
    bytes_total = sum(file.path.stat().st_size for file in inputs) or 1
    reported_at = started
    try:
        for piece in _paced(original_lines(inputs, settings or Settings()), rate, sender.wait):
            sender.send(piece)
            if progress is not None and time.monotonic() - reported_at >= PROGRESS_INTERVAL_S:
                reported_at = time.monotonic()
                progress(Progress(sender.lines.total(), piece.bytes_read / bytes_total, piece.clock, {}, []))
        sender.finish()
    except KeyboardInterrupt as error:
        msg = f"stopped by an interrupt; up to {sender.lines.total():,} lines are in Kafka, and stay there"
        raise TidegaugeError(msg) from error
    finally:
        sender.drop()
    return Loaded(dict(sender.lines), time.monotonic() - started)


class _Sender:
    """Sends lines and checks their delivery."""

    def __init__(self, client: Mapping[str, Any], prefix: str) -> None:
        self.lines: Counter[str] = Counter()
        self._servers = client["bootstrap.servers"]
        self._prefix = prefix
        self._failure: str | None = None
        self._complaint = ""
        callbacks = {"error_cb": self._complain, "on_delivery": self._refuse}
        self._producer = make_client(Producer, {**DEFAULTS, **client, **FIXED, **callbacks})

    def send(self, piece: OriginalLines) -> None:
        """Pass lines to the producer; waits while its queue is full."""
        produce, prefix = self._producer.produce, self._prefix
        for at, (topic, value, key) in enumerate(zip(piece.topics, piece.values, piece.keys, strict=True)):
            try:
                produce(prefix + topic, value, key)
            except BufferError:
                self._send_later(prefix + topic, value, key)
            except KafkaException as error:
                raise self._unfit(piece, at, error) from error
        self.lines.update(piece.topics)
        self.wait(0.0)

    def _send_later(self, topic: str, value: bytes, key: bytes | None) -> None:
        while True:
            self.wait(0.1)
            try:
                self._producer.produce(topic, value, key)
            except BufferError:
                continue
            return

    def wait(self, seconds: float) -> None:
        """Let the producer work; raises an error if a line was not delivered."""
        self._producer.poll(seconds)
        if self._failure is not None:
            raise TidegaugeError(self._failure)

    def finish(self) -> None:
        """Wait until every line is delivered or has failed."""
        while self._producer.flush(1.0):
            self.wait(0.0)
        self.wait(0.0)

    def drop(self) -> None:
        """Discard lines that are not delivered yet."""
        self._producer.purge()
        self._producer.poll(0)

    def _complain(self, error: KafkaError) -> None:
        self._complaint = f" ({error.str()})"

    def _refuse(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and self._failure is None:
            self._failure = (
                f"kafka {self._servers}, topic {message.topic()}: required every line to be taken, got {error.str()}"
                f"{self._complaint}; correct that and load again: lines that are already there count as duplicates"
            )

    def _unfit(self, piece: OriginalLines, at: int, error: KafkaException) -> TidegaugeError:
        msg = (
            f"line {piece.numbers[at]} of {piece.topics[at]}: required a line that the producer takes, got "
            f"{len(piece.values[at]):,} bytes and the answer {text_of(error)}; take it out, or raise message.max.bytes"
            " of the client and max.message.bytes of the topic"
        )
        return TidegaugeError(msg)


def _paced(blocks: Iterator[OriginalLines], rate: int | None, wait: Callable[[float], None]) -> Iterator[OriginalLines]:
    """Small pieces of the blocks, each at the time that ``rate`` allows."""
    size = PIECE_LINES_MAX if rate is None else max(min(rate // PIECES_PER_SECOND, PIECE_LINES_MAX), 1)
    started, sent = time.monotonic(), 0
    for block in blocks:
        for start in range(0, len(block.values), size):
            while rate is not None and (early := started + sent / rate - time.monotonic()) > 0:
                wait(min(early, 0.1))
            cut = slice(start, start + size)
            piece = block._replace(
                topics=block.topics[cut], numbers=block.numbers[cut], values=block.values[cut], keys=block.keys[cut]
            )
            yield piece
            sent += len(piece.values)
