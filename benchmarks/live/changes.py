"""Counts that change what rows should plan with, and watchers of the records of planning parameters that they cause.

`benchmarks.on_event` starts them, each in a process of its own. The subscriber reads each record when it is notified.
"""

import time
from multiprocessing.connection import Connection
from typing import NamedTuple

import msgspec
import numpy as np
import orjson
from confluent_kafka import Producer

from benchmarks.live.seen import Sight, follow_topic, follow_view
from benchmarks.live.traffic import LOCATIONS, Rows
from benchmarks.servers.use import Place
from sensing.outputs import PARAMETERS
from sinks.kafka_client import PARTITIONER

PLENTY = 100_000
EMPTY = 1
LATER_MS = 4_000
"""The second count of a row comes so long after the first one, which has planned the row."""
FLUSH_SECONDS = 60


class Count(NamedTuple):
    """A count of a row: its instant (UTC ms), the row, which one of the row it is, and the units."""

    time_ms: int
    row: int
    nth: int
    units: int


class _Change(msgspec.Struct):
    cause_event_ids: list[str] = []


class _Record(msgspec.Struct):
    change: _Change


def planned(rows: range, start_ms: int, seconds: float) -> list[Count]:
    """Two counts of each row, in order of time: one that empties it, and one that fills it up again."""
    begins = np.linspace(start_ms, start_ms + 1000 * seconds, len(rows)).astype(np.int64).tolist()
    first = [Count(begin, row, 1, EMPTY) for begin, row in zip(begins, rows, strict=True)]
    return sorted([*first, *(Count(each.time_ms + LATER_MS, each.row, 2, PLENTY) for each in first)])


def event_id(count: Count) -> str:
    """Event id of a count."""
    return f"CC{count.row}-{count.nth}"


def names_of(rows: Rows, row: int) -> tuple[str, str]:
    """SKU and location of a row."""
    location, sku = divmod(row, rows.count // LOCATIONS)
    return f"SKU{sku:06d}", f"DC{location:02d}"


def message(rows: Rows, count: Count) -> bytes:
    """Message of topic ``inventory``."""
    sku, location = names_of(rows, count.row)
    return orjson.dumps({
        "event_id": event_id(count), "event_type": "inventory.counted", "event_time": count.time_ms, "sku": sku,
        "location": location, "quantity": count.units,
    })  # fmt: skip


def locations() -> list[bytes]:
    """Master data of all locations, which report their shipments."""
    names = [f"DC{number:02d}" for number in range(LOCATIONS)]
    return [
        orjson.dumps({"event_id": f"L{name}", "event_type": "location.updated", "location": name, "shipments": True})
        for name in names
    ]


def send_counts(bootstrap: str, topic: str, rows: Rows, counts: list[Count]) -> None:
    """Send counts, each at its instant."""
    producer = Producer({"bootstrap.servers": bootstrap, **PARTITIONER})
    producer.list_topics(topic, timeout=30)
    for count in counts:
        while (left := count.time_ms / 1000 - time.time()) > 0:
            producer.poll(min(left, 0.001))
        producer.produce(topic, message(rows, count), names_of(rows, count.row)[0].encode())
        producer.poll(0)
    assert not producer.flush(FLUSH_SECONDS), "the broker takes all counts"


def _sights(key: str, value: bytes, now: int) -> list[Sight]:
    causes = msgspec.json.decode(value, type=_Record).change.cause_event_ids
    return [Sight(key, cause, now) for cause in causes]


def watch_kafka(link: Connection, place: Place) -> list[Sight]:
    """Read new records of the topic one by one; one sight for each event that a record names as its cause."""
    found = []
    for record, now in follow_topic(link, place, PARAMETERS):
        if record.key is not None and record.value is not None:
            found += _sights(record.key.decode(), record.value, now)
    return found


def watch_redis(link: Connection, place: Place) -> list[Sight]:
    """Wait for notifications and read each record at once. The time of seeing is that of a successful read."""
    found = []
    for change, read in follow_view(link, place, PARAMETERS):
        value = read("document")
        now = time.time_ns()
        if value is not None:
            found += _sights(change["id"], value, now)
    return found
