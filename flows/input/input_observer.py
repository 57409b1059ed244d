"""What the Kafka input tells of itself while it runs, for health and metrics. Called per poll, never per message."""

from typing import Protocol


class InputObserver(Protocol):
    """Takes note of how the input fares."""

    def ok(self, part: str) -> None:
        """A part works, again or still."""
        ...

    def failing(self, part: str, problem: str) -> None:
        """A part does not work at present, and goes on trying."""
        ...

    def error(self, client: str, kind: str) -> None:
        """A client reported an error of a kind (librdkafka's name for it)."""
        ...

    def read(self, topic: str, records: int, size_bytes: int) -> None:
        """Messages and bytes were read."""
        ...

    def tombstones(self, topic: str, records: int) -> None:
        """Messages without a value were passed over."""
        ...

    def partition(
        self, topic: str, partition: int, position: int, end: int, watermark_ms: int | None, *, at_end: bool
    ) -> None:
        """How far a partition is: next offset, offset behind its last message, event time up to which it is known."""
        ...

    def reference_read(self) -> None:
        """The reference was read to its end and is under way to the machines."""
        ...

    def inputs_read(self) -> None:
        """Every input has reached its end once."""
        ...

    def epoch(self, seconds: float) -> None:
        """An epoch is durable, with everything it read, made and wrote."""
        ...
