"""Streams of a small business in topics and, for comparison, in files; and orders of a shop up to the present."""

import datetime as dt
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from flows.kafka_load import load
from sensing.machine_settings import DAY_MS, MINUTE_MS
from tests.flows.events import write
from tests.flows.kafka.places import make_topics
from tests.machines.streams import Line


def now_ms() -> int:
    """Wall clock, UTC ms."""
    return time.time_ns() // 1_000_000


def noon_zone() -> str:
    """A time zone in which it is about noon, so that no day closes while a test runs."""
    offset = 12 - dt.datetime.now(dt.UTC).hour
    return f"Etc/GMT{-offset:+d}" if offset else "UTC"


def write_lines(folder: Path, lines: Iterable[Line]) -> Path:
    """Lines in files named after their topics, in their order."""
    by_topic: dict[str, list[bytes]] = {}
    for topic, value in lines:
        by_topic.setdefault(topic, []).append(value)
    for topic, values in by_topic.items():
        write(folder, topic, values)
    return folder


def load_lines(address: str, prefix: str, folder: Path, lines: Iterable[Line], partitions: int = 1) -> dict[str, str]:
    """Make all topics, send lines to them as ``tidegauge load`` does; returns names of the inputs by topic."""
    names = make_topics(address, prefix, partitions)
    load(write_lines(folder, lines), {"bootstrap.servers": address}, prefix)
    return names


def moved(lines: Iterable[Line], end: int) -> list[Line]:
    """Lines moved in time so that the newest event is at ``end``, UTC ms. Master data without a time stay so."""
    lines = list(lines)
    newest = max(orjson.loads(value)["event_time"] for topic, value in lines if topic != "reference")
    return [Line(topic, TIME.sub(lambda time: b"%d" % (int(time[0]) + end - newest), value)) for topic, value in lines]


TIME = re.compile(rb'(?<="event_time":)\d+')
SKUS = ("PUMP", "HOSE", "SEAL")
GIANT = 200_000


def shop_order(number: int, time: int, sku: str = "PUMP", **more: Any) -> bytes:
    """One order of the shop."""
    return orjson.dumps(
        {
            "event_id": f"s{number}", "event_type": "order.placed", "event_time": time, "order_id": f"s{number}",
            "sku": sku, "location": "LON", "quantity": 2 if number % 4 else 3, "unit_price": 2.0, "currency": "EUR",
        } | more
    )  # fmt: skip


def shop_days(end: int, days: int, per_day: int = 6) -> list[Line]:
    """Orders of some days up to ``end`` (UTC ms), spread evenly; enough for the engine to hold a slip."""
    step = DAY_MS // per_day
    times = range(end - days * DAY_MS + step, end - MINUTE_MS, step)
    orders = [
        Line("orders", shop_order(3 * number + at, time + at, sku))
        for number, time in enumerate(times)
        for at, sku in enumerate(SKUS)
    ]
    location = {"event_id": "l1", "event_type": "location.updated", "location": "LON", "region": "UK"}
    items = [
        {"event_id": f"i-{sku}", "event_type": "item.updated", "sku": sku, "unit_price": 2.0, "currency": "EUR"}
        for sku in SKUS
    ]
    return [*(Line("reference", orjson.dumps(event)) for event in (location, *items)), *orders]


def giant(name: str, time: int, sku: str = "PUMP") -> bytes:
    """A slip: a power of ten times the usual quantity, for the usual amount."""
    return shop_order(0, time, sku, event_id=name, order_id=name, quantity=GIANT, unit_price=4 / GIANT)


def cancelled(name: str, time: int, sku: str = "PUMP") -> bytes:
    """Cancellation of an order."""
    return shop_order(0, time, sku, event_id=f"{name}-end", order_id=name, event_type="order.cancelled", quantity=0)
