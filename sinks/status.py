"""Status protocol: sinks report here whether Kafka and Redis work. Health, metrics and logs follow from it."""

from typing import Protocol

KAFKA = "kafka"
KAFKA_PRODUCER = "kafka-producer"
KAFKA_VIEW = "kafka-view"
REDIS = "redis"
VIEW = "view"
"""Names of the parts. ``kafka`` is the first contact at the start. The view fails while another engine owns it."""

SECOND_ENGINE = "second_engine"
VIEW_KEY_REPLACED = "view_key_replaced"
VIEW_QUEUE_LOST = "view_queue_lost"
LOG_BEGINS_LATE = "log_begins_late"
"""Subjects of warnings."""


class Status(Protocol):
    """Called often and from several threads. Implementations must be cheap and thread-safe, and detect changes."""

    def ok(self, part: str) -> None:
        """Report that a part works."""
        ...

    def failing(self, part: str, problem: str) -> None:
        """Report that a part does not work. The caller goes on waiting for it."""
        ...

    def error(self, client: str, kind: str) -> None:
        """Report an error of a client; ``kind`` is the library's name of it."""
        ...

    def backoff(self, part: str, seconds: float) -> None:
        """Report a pause before a retry."""
        ...

    def warn(self, subject: str, sentence: str, count: int = 1) -> None:
        """Report what a person should look at and what stops nothing; ``count`` is how often it was found."""
        ...
