"""A Kafka reader of some topics, with its buffers, for tests."""

import time
from typing import Any, Self

import pytest

from flows.input import kafka_reader
from flows.input.kafka_reader import KafkaReader
from flows.input.partition_buffer import PartitionBuffer
from flows.input.record_timestamps import RecordTimestamps
from flows.input.sorted_block import SortedBlock, empty_block
from sensing.codec.event_record import AFTER_ALL
from sensing.machine_settings import Settings
from tests.flows.input.blocks import gathered
from tests.flows.kafka.places import Notes, logs_of, settings_of, until

SETTINGS = Settings()


class Reading:
    """A `KafkaReader` over all partitions of some topics, each from its start or from an offset of ``offsets``.

    Use as a context manager.
    """

    def __init__(
        self, address: str, prefix: str, *topics: str, offsets: dict[tuple[str, int], int] | None = None, **kafka: Any
    ) -> None:
        names = {topic: prefix + topic for topic in topics}
        logs = logs_of(address, names)
        starts = offsets or {}
        self.buffers = [
            PartitionBuffer(
                number, log, starts.get((log.topic, log.partition), log.start), SETTINGS,
                RecordTimestamps(SETTINGS.skew_ms),
            )
            for number, log in enumerate(logs)
        ]  # fmt: skip
        self.notes: Any = Notes()
        self.reader = KafkaReader(settings_of(address, prefix, **kafka).consumer_config(), self.buffers, self.notes)

    def __enter__(self) -> Self:
        """Start the reader."""
        self.reader.start(self.buffers)
        return self

    def __exit__(self, *_: object) -> None:
        """Close the reader."""
        self.reader.close()

    def poll(self) -> None:
        """Poll once, and pause 5 ms if nothing came."""
        before = [buffer.position for buffer in self.buffers]
        self.reader.poll()
        if before == [buffer.position for buffer in self.buffers]:
            time.sleep(0.005)

    def read_to_end(self) -> None:
        """Poll until every partition is at its end."""
        until(lambda: all(buffer.at_end for buffer in self.buffers), self.poll)

    def take(self, buffer: int = 0) -> SortedBlock:
        """Take and release all messages of a buffer."""
        block = gathered([empty_block(), *self.buffers[buffer].take(AFTER_ALL)])
        self.buffers[buffer].release()
        return block

    def all(self) -> SortedBlock:
        """All messages of the only partition."""
        self.read_to_end()
        return self.take()

    def commit(self) -> None:
        """Commit the consumed offsets."""
        self.reader.commit([(buffer.partition, buffer.consumed) for buffer in self.buffers])

    def told(self) -> list[str]:
        """Reported states of the consumer (ok, failing), without repeats."""
        calls = [call[0] for call in self.notes.calls if call[0] in ("ok", "failing")]
        return [call for at, call in enumerate(calls) if at == 0 or calls[at - 1] != call]


def small_buffers(monkeypatch: pytest.MonkeyPatch, most: int, resume: int) -> None:
    """Make the reader pause a partition above ``most`` buffered messages, and resume it below ``resume``."""
    monkeypatch.setattr(kafka_reader, "BUFFER_MAX", most)
    monkeypatch.setattr(kafka_reader, "BUFFER_RESUME", resume)


def small_polls(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Limit the messages of one poll."""
    monkeypatch.setattr(kafka_reader, "BATCH_MESSAGES", count)
