"""Interface through which the Kafka input reports to health and metrics. It is called per poll, never per message."""

from typing import Protocol


class InputObserver(Protocol):
    """Receives the state of the input; `flows.service.observer` implements it."""

    def ok(self, part: str) -> None:
        """A part works."""
        ...

    def failing(self, part: str, problem: str) -> None:
        """A part does not work at present and keeps trying."""
        ...

    def error(self, client: str, kind: str) -> None:
        """A client reported an error; ``kind`` is librdkafka's name for it."""
        ...

    def read(self, topic: str, records: int, size_bytes: int) -> None:
        """Messages and bytes were read."""
        ...

    def tombstones(self, topic: str, records: int) -> None:
        """Messages without a value were skipped."""
        ...

    def partition(
        self, topic: str, partition: int, position: int, end: int, watermark_ms: int | None, *, at_end: bool
    ) -> None:
        """Position of a partition: next offset, offset behind its last message, and its watermark (UTC ms)."""
        ...

    def log_begins(self, topic: str, partition: int, offset: int) -> None:
        """The log of a partition begins at this offset: what was before it cannot be read any more."""
        ...

    def reference_read(self) -> None:
        """The reference was read to its end and sent to the machines."""
        ...

    def inputs_read(self) -> None:
        """Every input has reached its end once."""
        ...

    def epoch(self, seconds: float) -> None:
        """An epoch is durable: its input is applied and its outputs are delivered."""
        ...
