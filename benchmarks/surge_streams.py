"""Streams of order lines with surges that are known. Benchmark `surges` feeds them to the machines.

Synthetic rows are stationary: the lines of a day are negative binomial around the row's level times a weekday profile,
with a variance-to-mean ratio between 1 and 2; hours follow the shape of `workloads`. Half of the rows are at a location
that is closed on Sundays. Real rows are those of Online Retail (Britain). Its stock codes sell hardly more than 3 lines
a day, so rows of 10 are made of neighbouring stock codes, which are often of one kind and bought together.

A surge multiplies the lines of three open days. In real rows lines are copied, so that its noise is that of real days,
and rows get one only while they sell about their level. A surge of units multiplies quantities, and lines stay as they
are.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.workloads import CUSTOMERS, DAY_MS, HOUR_MS, HOUR_SHAPE, LINE, Lines
from flows.demo.order_lines import never_cancelled
from flows.demo.retail import HOME, clean_retail, read_retail
from sensing.codec.event_record import Kind

MONDAY = 20_458
"""2026-01-05, the first day of the synthetic streams, in days since 1970-01-01."""
WEEKDAYS = np.array([[1.3, 1.15, 1.1, 1.1, 1.2, 0.7, 0.45], [1.4, 1.2, 1.15, 1.15, 1.3, 0.8, 0.0]])
"""Profiles of the two locations; both average 1."""
DISPERSIONS = (1.0, 2.0)
SURGE_DAYS = 3
FIRST_PLANT = 84
PLANTS_APART = 42
LOG_SIZE, LOG_SIZE_SPREAD = 1.5, 0.8
FIRST_WEEKDAYS = (0, 1, 2)
"""Weekdays on which a surge may begin: its three days are open, and in one piece."""
QUANTITY_MAX = 100_000
USUAL_DAYS = 28
STOPPED_EVERY = 4


class Plant(NamedTuple):
    """A planted surge: its row, its first day, and the factors on lines and on units of a line."""

    row: int
    day: int
    lines: float
    units: float


class Stream(NamedTuple):
    """Lines in order of time, with the number of rows, the first day, and that after the last one."""

    lines: Lines
    rows: int
    first: int
    stop: int

    def times(self) -> list[NDArray[np.int64]]:
        """Instants of each row's lines, ascending."""
        order = np.argsort(self.lines["sku"], kind="stable")
        ends = np.cumsum(np.bincount(self.lines["sku"], minlength=self.rows))
        return np.split(self.lines["time_ms"][order], ends[:-1])


KINDS = ((2.0, 1.0), (3.0, 1.0), (5.0, 1.0), (1.0, 5.0), (1.0, 20.0))
"""Factors on lines and units of the surges that are planted in turn."""


def plants(rows: int, first: int, stop: int, kinds: tuple[tuple[float, float], ...], seed: int) -> list[Plant]:
    """Surges of every row, one in six weeks, all kinds in turn; the first after twelve weeks."""
    random = np.random.default_rng([seed, 1])
    found = []
    for row in range(rows):
        begins = range(first + FIRST_PLANT, stop - PLANTS_APART, PLANTS_APART)
        for turn, begin in enumerate(begins):
            day = begin + int(random.integers(0, PLANTS_APART // 2))
            day += (int(random.choice(FIRST_WEEKDAYS)) - (day + 3)) % 7
            found.append(Plant(row, day, *kinds[(row + turn) % len(kinds)]))
    return found


def synthetic(
    rows: int, days: int, level: float, seed: int, planted: list[Plant] | None = None, last: int | None = None
) -> Stream:
    """Rows with ``level`` lines a day; those of every fourth row end before day ``last``."""
    random = np.random.default_rng([seed, round(level)])
    day = MONDAY + np.arange(days)
    mean = level * WEEKDAYS[np.arange(rows) % 2][:, (day + 3) % 7]
    units = np.ones((rows, days))
    for plant in planted or []:
        span = slice(plant.day - MONDAY, plant.day - MONDAY + SURGE_DAYS)
        mean[plant.row, span] *= plant.lines
        units[plant.row, span] *= plant.units
    if last is not None:
        mean[::STOPPED_EVERY, last - MONDAY :] = 0.0
    # A gamma-distributed rate of the day makes counts negative binomial.
    excess = random.uniform(*DISPERSIONS, rows)[:, None] - 1.0
    rate = np.where(mean > 0.0, random.gamma(np.maximum(mean / excess, 1e-9)) * excess, 0.0)
    count = random.poisson(rate)
    row, at = (each.repeat(count.reshape(-1)) for each in np.indices(count.shape).reshape(2, -1))
    size = np.exp(random.normal(LOG_SIZE, LOG_SIZE_SPREAD, len(row))) * units[row, at]
    hour = random.choice(24, len(row), p=HOUR_SHAPE / HOUR_SHAPE.sum())
    time = (MONDAY + at) * DAY_MS + hour * HOUR_MS + random.integers(0, HOUR_MS, len(row))
    lines = ordered(time, row, row % 2, size, random.integers(0, CUSTOMERS, len(row)))
    return Stream(lines, rows, MONDAY, MONDAY + days)


def ordered(time: Any, row: Any, location: Any, size: Any, customer: Any) -> Lines:
    """Order lines by time, numbered; a row is a SKU. Sizes are rounded to whole units."""
    order = np.argsort(time, kind="stable")
    out = np.zeros(len(order), LINE)
    out["time_ms"] = out["arrival_ms"] = np.asarray(time)[order]
    out["sku"], out["location"] = np.asarray(row)[order], np.asarray(location)[order]
    out["customer"] = np.asarray(customer)[order]
    out["quantity"] = np.clip(np.round(np.asarray(size)[order]), 1, QUANTITY_MAX)
    out["price_cents"] = 100
    out["number"] = np.arange(len(order))
    out["version"], out["kind"] = 1, Kind.PLACED
    return out


class Retail(NamedTuple):
    """Order lines of Online Retail's British customers that were not cancelled, without their rows."""

    time: NDArray[np.int64]
    item: NDArray[np.int64]
    quantity: NDArray[np.int64]
    customer: NDArray[np.int64]
    days: int
    """Days with orders."""


def retail() -> Retail:
    """The order lines. The shop's clock is taken for UTC."""
    lines = clean_retail(read_retail()).lines
    ours = lines.take(never_cancelled(lines) & (lines.place == lines.locations.index(HOME)))
    time = ours.minute * 60_000
    customer = ours.customer % CUSTOMERS
    return Retail(time, ours.item, ours.quantity, customer, len(np.unique(time // DAY_MS)))


def rows_of(found: Retail, level: float, *, merged: bool) -> NDArray[np.int64]:
    """Row of each stock code, -1: none. Rows sell about ``level`` lines on a day with orders.

    Merged rows are made of neighbouring stock codes, the others are stock codes with two thirds of the level or more.
    """
    rates = np.bincount(found.item) / found.days
    if not merged:
        busy = rates >= level / 1.5
        return np.where(busy, np.cumsum(busy) - 1, -1)
    groups = (np.cumsum(rates) - rates / 2.0) // level
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def usual(calm: Stream, level: float, planted: list[Plant]) -> list[Plant]:
    """Surges of real rows that sold half to twice ``level`` a day on the 28 days with orders before."""
    lines = calm.lines
    counts = np.zeros((calm.rows, calm.stop - calm.first))
    np.add.at(counts, (lines["sku"], lines["time_ms"] // DAY_MS - calm.first), 1)
    trading = np.asarray(counts.any(axis=0))
    kept = []
    for plant in planted:
        at = plant.day - calm.first
        before = np.flatnonzero(trading[:at])[-USUAL_DAYS:]
        if trading[at : at + SURGE_DAYS].all() and 0.5 <= counts[plant.row, before].mean() / level <= 2.0:
            kept.append(plant)
    return kept


def retail_stream(found: Retail, row_of: NDArray[np.int64], planted: list[Plant], seed: int) -> Stream:
    """Lines of real rows. In a surge of f each line is copied a Poisson number of times with mean f - 1."""
    random = np.random.default_rng([seed, 2])
    row, day = row_of[found.item], found.time // DAY_MS
    first, stop = int(day.min()), int(day.max()) + 1
    factor = np.ones((int(row_of.max()) + 1, stop - first))
    for plant in planted:
        factor[plant.row, plant.day - first : plant.day - first + SURGE_DAYS] = plant.lines
    copies = 1 + random.poisson(factor[row, day - first] - 1.0)
    at = np.flatnonzero(row >= 0).repeat(copies[row >= 0])
    time = found.time[at] + random.integers(0, 60_000, len(at))
    lines = ordered(time, row[at], np.zeros(len(at), np.int64), found.quantity[at], found.customer[at])
    return Stream(lines, factor.shape[0], first, stop)
