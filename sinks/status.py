"""How a sink says that what it depends on is there, or is not: the only way by which health and logs learn of it."""

from typing import Protocol

KAFKA_PRODUCER = "kafka-producer"
KAFKA_VIEW = "kafka-view"
REDIS = "redis"
"""The parts that are told of."""


class Status(Protocol):
    """Told often and from several threads: implementations are cheap and thread-safe, and find changes themselves."""

    def ok(self, part: str) -> None:
        """A part works, as just seen."""
        ...

    def failing(self, part: str, problem: str) -> None:
        """A part does not work; what waits for it goes on waiting."""
        ...

    def error(self, client: str, kind: str) -> None:
        """A client met with an error, by the name that its library has for it."""
        ...

    def backoff(self, part: str, seconds: float) -> None:
        """A pause before something is tried again."""
        ...
