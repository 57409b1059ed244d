"""Watchers of new exceptions, each in a process of its own: a consumer of the topic, and a subscriber of Redis.

`benchmarks.latency` starts them. The subscriber looks each exception up when it is notified.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Self

import msgspec
from redis import Redis

from benchmarks.servers.use import Place
from sensing.outputs import EXCEPTIONS
from sinks.topic_tail import Record, Tail
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


def follow_topic(link: Connection, place: Place, topic: str) -> Iterator[tuple[Record, int]]:
    """New records of a topic, one by one, each with the time at which it was read; ends with a message."""
    tail = Tail({"bootstrap.servers": place.kafka}, place.prefix, [topic])
    tail.start({topic: tail.look()[topic].high})
    link.send(None)
    while not link.poll():
        for record in tail.read(1, WAIT_SECONDS):
            yield record, time.time_ns()
    tail.close()


def follow_view(link: Connection, place: Place, topic: str) -> Iterator[tuple[dict[str, Any], Callable[[str], Any]]]:
    """Notifications of a topic's view in Redis, each with a function that reads a field of its entry; ends with a
    message.
    """
    layout = Layout(place.prefix)
    with Redis.from_url(place.redis) as store, store.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe(layout.channel(topic))
        subscription.get_message(timeout=5.0)
        link.send(None)
        while not link.poll():
            message: Any = subscription.get_message(timeout=WAIT_SECONDS)
            if message is not None:
                change = msgspec.json.decode(message["data"])
                yield change, partial(store.hget, layout.hash(topic, change["id"]))


def watch_kafka(link: Connection, place: Place) -> list[Sight]:
    """Read new messages of the topic one by one."""
    found = []
    for record, now in follow_topic(link, place, EXCEPTIONS):
        if record.headers["ce_type"] == OPENED.encode():
            assert record.key is not None, "an exception has a key"
            found.append(Sight(record.key.decode(), record.headers["ce_causationid"].decode(), now))
    return found


def watch_redis(link: Connection, place: Place) -> list[Sight]:
    """Wait for notifications and read each exception at once. The time of seeing is that of a successful read."""
    found = []
    for change, read in follow_view(link, place, EXCEPTIONS):
        if change["type"] != OPENED:
            continue
        version = read("version")
        now = time.time_ns()
        assert version is not None, f"{change['id']} was told and cannot be read"
        assert int(version) >= change["version"], f"{change['id']} was told at {change['version']}, got {version}"
        found.append(Sight(change["id"], "", now))
    return found
