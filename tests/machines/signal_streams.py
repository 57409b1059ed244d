"""Streams for tests of signals: sales that follow the weather, and records of signals."""

import datetime as dt
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from sensing.machine_settings import Settings
from sensing.machines.shard_state import ShardState
from tests.claims import at, in_order
from tests.machines.streams import Line, Result, Stream, line, run

ONE = Settings(shards=1, dead_band=0.0)
WEEKS = 7
NORMALS = np.random.default_rng(8).normal(size=400)


def date(day: int) -> str:
    """ISO date of a day."""
    return (dt.date(2026, 2, 2) + dt.timedelta(days=day)).isoformat()


@cache
def temperature(days: int = 260) -> tuple[float, ...]:
    """Degrees: weather that lasts some days."""
    found = [0.0]
    for shock in NORMALS[: days - 1]:
        found.append(0.8 * found[-1] + 0.6 * float(shock))
    return tuple(round(18.0 + 4.0 * each, 1) for each in found)


def heat(day: int) -> float:
    """Temperature of a day in units of about a standard deviation."""
    return (temperature()[day] - 18.0) / 4.0


def sales(
    days: int, mean: Callable[[int], float], sku: str = "A", location: str = "L", seed: int = 5, start: int = 0
) -> list[Line]:
    """One order a day with a mean quantity by day."""
    random = np.random.default_rng([seed, *sku.encode(), *location.encode()])
    found = []
    for day in range(start, days):
        units = random.poisson(max(mean(day), 0.5))
        name = f"{sku}{location}{day}"
        if units:
            found.append(line("order.placed", name, at(day, 10), order_id=name, sku=sku, location=location,
                              quantity=int(units)))  # fmt: skip
    return found


def forecast_of(
    day: int, value: float | None, heard: float, signal: str = "temperature", kind: str = "weather", **about: Any
) -> Line:
    """A record of the value of a day that is heard at another."""
    name = f"{signal}{day}@{heard}{sorted(about.items())}"
    return line(
        "signal.observed", name, at(heard), signal=signal, kind=kind, value=value, value_date=date(day), **about
    )


def weather(days: int, start: int = 0, **about: Any) -> list[Line]:
    """A forecast of the next day, every afternoon."""
    return [forecast_of(day, temperature()[day], day - 0.3, **about) for day in range(start, days + 1)]


def ice_cream(day: int) -> float:
    """Twenty a day, and 40 % more per standard deviation of the temperature."""
    return 20.0 * max(1.0 + 0.4 * heat(day), 0.05)


def result(*lines: Line, days: float, settings: Settings = ONE) -> Result:
    """Result until the end of a day."""
    return run(Stream(in_order(lines), end=at(days)), settings)


def state_of(found: Result) -> ShardState:
    """State of the first shard."""
    return found.shards[0].state
