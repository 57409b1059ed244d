"""Watchers of new exceptions, each in a process of its own: a consumer of the topic, and a subscriber of Redis.

`benchmarks.latency` starts them. The subscriber looks each exception up when it is notified.
"""

import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Self

import msgspec
from redis import Redis

from benchmarks.servers.use import Place
from sensing.outputs import EXCEPTIONS
from sinks.topic_tail import Tail
from sinks.view_entries import Layout

OPENED = "exception.opened"
WAIT_SECONDS = 0.1
END_SECONDS_MAX = 30


class Sight(NamedTuple):
    """An exception that a watcher saw open: its id, the id of its cause (Kafka only), and the time, ns since 1970."""

    exception_id: str
    cause: str
    at_ns: int


Watch = Callable[[Connection, Place], list[Sight]]
"""A watch function. It sends None when it listens, then collects exceptions until it receives a message."""


class Watcher:
    """Runs a watch in a process of its own; a context manager."""

    def __init__(self, watch: Watch, place: Place) -> None:
        context = get_context("spawn")
        self._link, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(watch, theirs, place), daemon=True)
        self._process.start()

    def __enter__(self) -> Self:
        """Wait until the watch listens."""
        self._link.recv()
        return self

    def __exit__(self, *_exception: object) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()

    def seen(self) -> list[Sight]:
        """End the watch and return the exceptions it saw."""
        self._link.send(None)
        assert self._link.poll(END_SECONDS_MAX), "the watcher ends"
        found: list[Sight] = self._link.recv()
        return found


def _run(watch: Watch, link: Connection, place: Place) -> None:
    link.send(watch(link, place))


def watch_kafka(link: Connection, place: Place) -> list[Sight]:
    """Read new messages of the topic one by one."""
    tail = Tail({"bootstrap.servers": place.kafka}, place.prefix, [EXCEPTIONS])
    tail.start({EXCEPTIONS: tail.look()[EXCEPTIONS].high})
    link.send(None)
    found = []
    while not link.poll():
        for record in tail.read(1, WAIT_SECONDS):
            now = time.time_ns()
            if record.headers["ce_type"] == OPENED.encode():
                assert record.key is not None, "an exception has a key"
                found.append(Sight(record.key.decode(), record.headers["ce_causationid"].decode(), now))
    tail.close()
    return found


def watch_redis(link: Connection, place: Place) -> list[Sight]:
    """Wait for notifications and read each exception at once. The time of seeing is that of a successful read."""
    layout = Layout(place.prefix)
    found = []
    with Redis.from_url(place.redis) as store, store.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe(layout.channel(EXCEPTIONS))
        subscription.get_message(timeout=5.0)
        link.send(None)
        while not link.poll():
            message: Any = subscription.get_message(timeout=WAIT_SECONDS)
            if message is None:
                continue
            change = msgspec.json.decode(message["data"])
            if change["type"] != OPENED:
                continue
            version: Any = store.hget(layout.hash(EXCEPTIONS, change["id"]), "version")
            now = time.time_ns()
            assert version is not None, f"{change['id']} was told and cannot be read"
            assert int(version) >= change["version"], f"{change['id']} was told at {change['version']}, got {version}"
            found.append(Sight(change["id"], "", now))
    return found
