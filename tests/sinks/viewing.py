"""A view under test."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from sinks.redis_view import RedisView
from tests.sinks.live import SECONDS_MAX, Told, make_topics


class Notes(list[str]):
    """Collects the messages of a view for the operator."""

    def __call__(self, sentence: str) -> None:
        """Collect one message."""
        self.append(sentence)

    def of_builds(self) -> list[str]:
        """Reasons of all builds."""
        start = "the view in Redis is built from the beginning of the topics, since "
        return [note.removeprefix(start) for note in self if note.startswith(start)]


@contextlib.contextmanager
def viewing(
    kafka: str,
    topics: str,
    redis: str,
    keys: str,
    told: Told | None = None,
    notes: Notes | None = None,
    redis_config: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[RedisView]:
    """Run a view, and stop it at the end."""
    status, note = told or Told(), Notes() if notes is None else notes
    view = RedisView(
        {"bootstrap.servers": kafka}, topics, {"url": redis} | (redis_config or {}), keys, status, note=note, **options
    )
    view.start()
    try:
        yield view
    finally:
        view.stop()


def make_view_topics(kafka: str, topics: str, partitions: int = 3) -> None:
    """Topics of a view."""
    names = (f"{topics}exceptions", f"{topics}planning-parameters")
    make_topics(kafka, *names, partitions=partitions, cleanup_policy="compact")


def drain(view: RedisView) -> None:
    """Wait until the view has all records."""
    assert view.drain(SECONDS_MAX), "the view did not get there"


def heard(subscribed: Any, count: int) -> list[tuple[str, str]]:
    """The next messages of a subscription: channel and text."""
    found: list[tuple[str, str]] = []
    deadline = time.monotonic() + SECONDS_MAX
    while len(found) < count:
        assert time.monotonic() < deadline, f"heard only {found}"
        if message := subscribed.get_message(timeout=1):
            found.append((message["channel"].decode(), message["data"].decode()))
    return found
