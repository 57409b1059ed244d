"""Small streams for the tests of claims: a few rows over some weeks or months."""

import random
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from tests.machines.streams import MONDAY, Line, Result, Stream, line, run

ONE = Settings(shards=1)


def at(day: float, hour: float = 0.0) -> int:
    """UTC ms of an hour of a day; day 0 is a Monday."""
    return MONDAY + round(day * DAY_MS + hour * HOUR_MS)


def world(lines: Iterable[Line], days: float, **options: Any) -> Result:
    """Result of one shard for lines in order of event time, until the end of ``days`` days."""
    return run(Stream(in_order(lines), end=at(days)), Settings(shards=1, **options))


def in_order(lines: Iterable[Line]) -> list[Line]:
    """Lines in order of event time. Lines without one come first."""
    return sorted(lines, key=_time)


def _time(message: Line) -> int:
    found = message.value.partition(b'"event_time":')[2].split(b",")[0].rstrip(b"}")
    return int(found) if found else 0


def orders(
    seed: str, days: Sequence[int], per_day: float | Sequence[float], hours: Sequence[int] = (8, 9, 11, 14, 17),
    sku: str = "A", location: str = "L", quantity: float = 2, **fields: Any,
) -> list[Line]:  # fmt: skip
    """Order lines on some days, ``per_day`` on average (or by weekday), at random minutes of the hours given."""
    draw = random.Random(seed)
    found = []
    for day in days:
        mean = per_day if isinstance(per_day, float | int) else per_day[day % 7]
        for k in range(int(mean) + (draw.random() < mean % 1)):
            time = at(day, draw.choice(hours)) + draw.randrange(HOUR_MS)
            keys = {"order_id": f"{seed}{day}.{k}", "sku": sku, "location": location, "quantity": quantity}
            found.append(line("order.placed", f"{seed}{day}.{k}", time, **keys, **fields))
    return found


def shipped(lines: Iterable[Line], hours: float = 3) -> list[Line]:
    """The lines, each with a shipment some hours later."""
    found = []
    for message in lines:
        event = orjson.loads(message.value)
        keys = {name: event[name] for name in ("order_id", "sku", "location", "quantity")}
        later = event["event_time"] + round(hours * HOUR_MS)
        found += [message, line("shipment.shipped", f"ship-{event['event_id']}", later, **keys)]
    return found


def states(found: Result, kind: str) -> list[dict[str, Any]]:
    """All published states of exceptions of a type, in order of output."""
    return [state for state in found.data("exceptions") if state["exception_type"] == kind]


def count(units: float, day: float, sku: str = "A", location: str = "L", hour: float = 0.5) -> Line:
    """A count."""
    return line("inventory.counted", f"count{sku}{day}", at(day, hour), sku=sku, location=location, quantity=units)
