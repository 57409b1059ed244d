"""Who waits for exceptions: a process that reads the topic, and one that is told by Redis and looks there.

`python -m benchmarks.live.seen kafka BOOTSTRAP TOPIC` and `python -m benchmarks.live.seen redis URL PREFIX` print a
line when they listen, note what they see until their standard input ends, and print it then: JSON, instants in ns since
1970.
"""

import subprocess
import sys
import threading
import time
from typing import Any, Self, cast

import msgspec
from confluent_kafka import Consumer, TopicPartition
from redis import Redis

from benchmarks.servers.use import Place
from sensing.outputs import EXCEPTIONS
from sinks.entries import Layout

OPENED = "exception.opened"
WAIT_SECONDS = 0.1
END_SECONDS_MAX = 30


class Sight(msgspec.Struct, frozen=True, array_like=True):
    """An exception that was seen to open: its id, the event that caused it (where told), and when it was seen."""

    exception_id: str
    cause: str
    at_ns: int


class Watcher:
    """One of the processes; a context manager."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "benchmarks.live.seen", *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @classmethod
    def of_kafka(cls, place: Place) -> Self:
        """Reads the topic of exceptions."""
        return cls("kafka", place.kafka, place.prefix + EXCEPTIONS)

    @classmethod
    def of_redis(cls, place: Place) -> Self:
        """Listens to Redis."""
        return cls("redis", place.redis, place.prefix)

    def __enter__(self) -> Self:
        """Wait until it listens."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"listening\n", "the watcher listens"
        return self

    def __exit__(self, *_exception: object) -> None:
        """End it, where it was not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def seen(self) -> list[Sight]:
        """End it and take what it saw."""
        found, _ = self._process.communicate(timeout=END_SECONDS_MAX)
        return msgspec.json.decode(found, type=list[Sight])


def watch_kafka(ended: threading.Event, bootstrap: str, topic: str) -> list[Sight]:
    """Read what is new in a topic, message by message."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-seen", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    places = [TopicPartition(topic, partition) for partition in partitions]
    for place in places:
        _, place.offset = consumer.get_watermark_offsets(place, timeout=30)
    consumer.assign(places)
    print("listening", flush=True)
    found = []
    while not ended.is_set():
        message = consumer.poll(WAIT_SECONDS)
        now = time.time_ns()
        if message is None or message.error() is not None:
            continue
        headers: dict[str, bytes] = dict(cast(Any, message.headers() or []))
        if headers["ce_type"] == OPENED.encode():
            found.append(Sight(cast(bytes, message.key()).decode(), headers["ce_causationid"].decode(), now))
    consumer.close()
    return found


def watch_redis(ended: threading.Event, url: str, prefix: str) -> list[Sight]:
    """Wait for notifications, and look each exception up at once: seen is what can be read."""
    layout = Layout(prefix)
    found = []
    with Redis.from_url(url) as store, store.pubsub(ignore_subscribe_messages=True) as told:
        told.subscribe(layout.channel(EXCEPTIONS))
        told.get_message(timeout=5.0)
        print("listening", flush=True)
        while not ended.is_set():
            message: Any = told.get_message(timeout=WAIT_SECONDS)
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


def main() -> None:
    """Entry of the process."""
    ended = threading.Event()

    def await_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=await_end, daemon=True).start()
    watch = {"kafka": watch_kafka, "redis": watch_redis}[sys.argv[1]]
    found = watch(ended, *sys.argv[2:])
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
