"""Servers for one benchmark: those in KAFKA_BOOTSTRAP and REDIS_URL, else new ones that end with the benchmark."""

import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from redis import Redis

from benchmarks.servers.kafka import LASTING, KafkaServer, admin
from benchmarks.servers.process import Server, running
from benchmarks.servers.redis import RedisServer

ANSWER_SECONDS = 30


class Place(NamedTuple):
    """Servers, prefix and folder of a benchmark.

    Attributes
    ----------
    kafka, redis
        ``bootstrap.servers`` and URL.
    prefix
        Prefix of its topics and keys, which are deleted afterwards.
    folder
        Folder for its files, which is deleted afterwards.
    """

    kafka: str
    redis: str
    prefix: str
    folder: Path

    def part(self, name: str) -> "Place":
        """The same servers with another prefix and folder."""
        folder = self.folder / name
        folder.mkdir()
        return self._replace(prefix=f"{self.prefix}{name}.", folder=folder)


@contextlib.contextmanager
def serving() -> Iterator[Place]:
    """Provide servers while the context is open.

    Raises
    ------
    Missing
        A server is not given, and a program to start one is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="tidegauge-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)

        def own(server: Server) -> str:
            return stack.enter_context(running(server)).address

        kafka = os.environ.get("KAFKA_BOOTSTRAP") or own(KafkaServer(folder / "kafka", java_options=LASTING))
        redis = os.environ.get("REDIS_URL") or own(RedisServer(folder / "redis"))
        place = Place(kafka, redis, f"bench-{uuid.uuid4().hex[:12]}.", folder)
        stack.callback(_clear, place)
        yield place


def _clear(place: Place) -> None:
    """Delete topics and keys on given servers."""
    client = admin(place.kafka)
    mine = [topic for topic in client.list_topics(timeout=ANSWER_SECONDS).topics if topic.startswith(place.prefix)]
    if mine:
        for done in client.delete_topics(mine).values():
            done.result(ANSWER_SECONDS)
    with Redis.from_url(place.redis) as store:
        for key in store.scan_iter(match=f"{place.prefix}*", count=1000):
            store.unlink(key)
