"""What the Kafka source tells of itself while it runs, for health and metrics. Called per poll, never per message."""

from typing import Protocol


class Watch(Protocol):
    """Takes note of how the source fares."""

    def ok(self, part: str) -> None:
        """A part works, again or still."""
        ...

    def failing(self, part: str, problem: str) -> None:
        """A part does not work at present, and goes on trying."""
        ...

    def error(self, client: str, kind: str) -> None:
        """A client reported an error of a kind (librdkafka's name for it)."""
        ...

    def read(self, topic: str, records: int, size: int) -> None:
        """Messages and bytes were read."""
        ...

    def tombstones(self, topic: str, count: int) -> None:
        """Messages without a value were passed over."""
        ...

    def partition(
        self, topic: str, partition: int, position: int, end: int, watermark_ms: int | None, at_end: bool
    ) -> None:
        """How far a partition is: next offset, offset behind its last message, event time up to which it is known."""
        ...

    def ready(self) -> None:
        """The reference was read and every input has reached its end once."""
        ...

    def epoch(self, seconds: float) -> None:
        """An epoch is over, with everything it read, made and wrote."""
        ...
