"""Workload of benchmarks and tests: orders of a distribution business with a chosen size, disorder and seed.

Popularity is skewed (Zipf), orders follow hour and weekday, and a few items burst for two hours. Chosen shares of lines
arrive late, twice, in the wrong order of versions, or after their own cancellation. Every day depends on (seed, day)
only.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import ndjson
from sensing.codec.event_record import Kind

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LINES_PER_ORDER = 3
CUSTOMERS = 3000
CHANNELS = ("ecommerce", "edi", "phone", "store")
EVENT_TYPES = {Kind.PLACED: "order.placed", Kind.CHANGED: "order.changed", Kind.CANCELLED: "order.cancelled"}

# Relative volume per hour of the day, and per weekday from Monday on. Both average 1.
HOUR_SHAPE = np.array([1, 1, 1, 1, 1, 2, 4, 7, 11, 14, 14, 12, 9, 11, 12, 11, 9, 7, 5, 4, 3, 2, 2, 1], dtype=np.float64)
WEEKDAY_SHAPE = np.array([1.35, 1.2, 1.15, 1.1, 1.1, 0.6, 0.5])
ZIPF_EXPONENT = 0.9
BURST_MS = 2 * HOUR_MS

LINE = np.dtype(
    [
        ("time_ms", "i8"),  # time of booking, UTC
        ("arrival_ms", "i8"),  # time of arrival, UTC; never before time_ms
        ("number", "i8"),  # number of the line in the stream; its order is number // LINES_PER_ORDER
        ("sku", "i4"),
        ("location", "i4"),
        ("customer", "i4"),
        ("quantity", "i4"),  # whole units
        ("price_cents", "i4"),
        ("version", "u1"),
        ("kind", "u1"),  # Kind.PLACED, CHANGED or CANCELLED
    ],
    align=True,
)
Lines = NDArray[np.void]
"""Records of dtype ``LINE``."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Size, disorder and seed of a stream. Shares are of the placed lines, and no line has two kinds of disorder."""

    seed: int
    skus: int
    locations: int
    days: int
    lines_per_day: int
    first_day: int = 20_458  # Monday 2026-01-05, in days since 1970-01-01
    late_share: float = 0.02
    late_hours_max: float = 6.0
    repeated_share: float = 0.005
    overtaken_share: float = 0.005  # version 2 arrives before version 1
    cancelled_share: float = 0.002  # the cancellation arrives before the placement
    burst_share: float = 0.01
    bursts_per_day: int = 3

    def __post_init__(self) -> None:
        """Refuse sizes that do not fit the fields of a line."""
        for name, high in (("skus", 1_000_000), ("locations", 100), ("days", 3_660), ("lines_per_day", 50_000_000)):
            if not 1 <= getattr(self, name) <= high:
                msg = f"workload: required {name} in 1..{high}, got {getattr(self, name)}"
                raise ValueError(msg)
        if not 0 <= self.disorder_share <= 1:
            msg = f"workload: required shares of disorder that sum to 0..1, got {self.disorder_share}"
            raise ValueError(msg)

    @property
    def disorder_share(self) -> float:
        """Share of placed lines with any disorder."""
        return self.late_share + self.repeated_share + self.overtaken_share + self.cancelled_share

    @property
    def start_ms(self) -> int:
        """Midnight before the first line, UTC."""
        return self.first_day * DAY_MS

    def clean(self) -> "Workload":
        """The same workload without disorder: no line is late, repeated, overtaken or cancelled."""
        return replace(self, late_share=0.0, repeated_share=0.0, overtaken_share=0.0, cancelled_share=0.0)

    def random(self, purpose: int, day: int = 0) -> np.random.Generator:
        """Random generator of a purpose and day, independent of all others."""
        return np.random.default_rng([self.seed, purpose, day])

    def day_lines(self, day: int) -> int:
        """Number of lines placed on day ``day`` (from 0)."""
        return round(self.lines_per_day * float(WEEKDAY_SHAPE[(self.first_day + day + 3) % 7]))


# Purposes of random numbers.
_POPULARITY, _PRICE, _BURST, _LINE, _DISORDER, _SUPPLY = range(6)


def sku_weights(load: Workload) -> NDArray[np.float64]:
    """Popularity of every SKU, sum 1. Ranks are random, so a SKU's number does not show its popularity."""
    weights = np.arange(1, load.skus + 1, dtype=np.float64) ** -ZIPF_EXPONENT
    dealt: NDArray[np.float64] = load.random(_POPULARITY).permutation(weights / weights.sum())
    return dealt


def location_weights(load: Workload) -> NDArray[np.float64]:
    """Share of every location, sum 1. The first is the largest."""
    weights = 1.0 / np.arange(2, load.locations + 2, dtype=np.float64)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def prices_cents(load: Workload) -> NDArray[np.int32]:
    """Price of every SKU in cents: skewed, 10 to 999,999."""
    prices = np.exp(load.random(_PRICE).normal(6.5, 1.2, load.skus))
    return np.clip(prices, 10, 999_999).astype(np.int32)


@dataclass(frozen=True)
class Bursts:
    """Bursts of one day: every array has one entry per burst. A burst lasts ``BURST_MS``."""

    sku: NDArray[np.int64]
    location: NDArray[np.int64]
    start_ms: NDArray[np.int64]


def bursts(load: Workload, day: int) -> Bursts:
    """The planted bursts of a day: popular items, in working hours."""
    random = load.random(_BURST, day)
    popular = np.argsort(-sku_weights(load), kind="stable")[: max(1, load.skus // 10)]
    return Bursts(
        sku=random.choice(popular, load.bursts_per_day),
        location=random.integers(0, load.locations, load.bursts_per_day),
        start_ms=load.start_ms + day * DAY_MS + random.integers(8, 17, load.bursts_per_day) * HOUR_MS,
    )


def placed(load: Workload, day: int) -> Lines:
    """The lines placed on day ``day`` (from 0), in order of time, each arriving when it is placed."""
    random = load.random(_LINE, day)
    total = load.day_lines(day)
    in_bursts = round(total * load.burst_share) if load.bursts_per_day else 0
    usual = total - in_bursts
    out = np.zeros(total, dtype=LINE)
    per_hour = random.multinomial(usual, HOUR_SHAPE / HOUR_SHAPE.sum())
    hour_ms = np.repeat(np.arange(24) * HOUR_MS, per_hour)
    out["time_ms"][:usual] = load.start_ms + day * DAY_MS + hour_ms + random.integers(0, HOUR_MS, usual)
    out["sku"][:usual] = _draw(random, sku_weights(load), usual)
    out["location"][:usual] = _draw(random, location_weights(load), usual)
    if in_bursts:
        planted = bursts(load, day)
        which = random.integers(0, load.bursts_per_day, in_bursts)
        out["time_ms"][usual:] = planted.start_ms[which] + random.integers(0, BURST_MS, in_bursts)
        out["sku"][usual:] = planted.sku[which]
        out["location"][usual:] = planted.location[which]
    out = out[np.argsort(out["time_ms"], kind="stable")]
    out["arrival_ms"] = out["time_ms"]
    out["number"] = sum(load.day_lines(earlier) for earlier in range(day)) + np.arange(total)
    out["customer"] = out["number"] // LINES_PER_ORDER * 7919 % CUSTOMERS
    out["quantity"] = _quantities(random, total)
    out["price_cents"] = prices_cents(load)[out["sku"]]
    out["version"] = 1
    out["kind"] = Kind.PLACED
    return out


def _draw(random: np.random.Generator, weights: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Random indices with the given weights. The last cumulative weight is set to 1, so that rounding cannot draw
    an index beyond the end.
    """
    bounds = np.cumsum(weights)
    bounds[-1] = 1.0
    return np.searchsorted(bounds, random.random(size), side="right")


def _quantities(random: np.random.Generator, size: int) -> NDArray[np.int64]:
    return np.minimum(random.geometric(0.15, size), 9999)


def disturbed(load: Workload, clean: Lines, day: int) -> Lines:
    """Add the disorder of a day's lines; the result is not sorted.

    A change or cancellation has the event time of its line. So a line counts in the same bucket, whichever of its
    events comes first.
    """
    random = load.random(_DISORDER, day)
    shares = (load.late_share, load.repeated_share, load.overtaken_share, load.cancelled_share)
    fate = np.searchsorted(np.cumsum(shares), random.random(len(clean)), side="right")
    late, repeated, overtaken, cancelled = (np.flatnonzero(fate == kind) for kind in range(4))
    lines = clean.copy()

    minutes = np.exp(random.uniform(0.0, np.log(load.late_hours_max * 60), len(late)))
    lines["arrival_ms"][late] += (minutes * 60_000).astype(np.int64)

    again = clean[repeated]
    again["arrival_ms"] += random.integers(1_000, HOUR_MS, len(again))

    changed = clean[overtaken]
    changed["kind"], changed["version"] = Kind.CHANGED, 2
    changed["quantity"] = _quantities(random, len(changed))
    gone = clean[cancelled]
    gone["kind"], gone["version"] = Kind.CANCELLED, 2
    behind = np.concatenate((overtaken, cancelled))
    lines["arrival_ms"][behind] += random.integers(1_000, 10 * 60_000, len(behind))
    return np.concatenate((lines, again, changed, gone))


def arrivals(load: Workload) -> Iterator[Lines]:
    """The whole stream in order of arrival, day by day. Lines that arrive after midnight come with the next day."""
    under_way = np.zeros(0, dtype=LINE)
    for day in range(load.days):
        under_way = np.concatenate((under_way, disturbed(load, placed(load, day), day)))
        under_way = under_way[np.argsort(under_way["arrival_ms"], kind="stable")]
        cut = int(np.searchsorted(under_way["arrival_ms"], load.start_ms + (day + 1) * DAY_MS))
        yield under_way[:cut]
        under_way = under_way[cut:]
    yield under_way


def settled(lines: Lines) -> Lines:
    """The net result of ``lines`` as a clean stream, in order of time.

    One placement per line that was not cancelled, with its last quantity.

    Parameters
    ----------
    lines
        Arrivals in any order; all events of a line or none.
    """
    by_version = lines[np.lexsort((lines["version"], lines["number"]))]
    last = by_version["number"] != np.append(by_version["number"][1:], -1)
    out: Lines = by_version[last & (by_version["kind"] != Kind.CANCELLED)]
    out["kind"], out["version"], out["arrival_ms"] = Kind.PLACED, 1, out["time_ms"]
    return out


def order_lines(lines: Lines, rows_per_page: int = 16_384) -> Iterator[bytes]:
    """Messages of topic ``orders``, one a line, in pages of whole lines."""
    kinds = np.zeros(max(EVENT_TYPES) + 1, dtype=np.int64)
    kinds[list(EVENT_TYPES)] = np.arange(len(EVENT_TYPES))
    for first in range(0, len(lines), rows_per_page):
        page = lines[first : first + rows_per_page]
        order = ndjson.digits(page["number"] // LINES_PER_ORDER, 10)
        line = ndjson.digits(page["number"] % LINES_PER_ORDER + 1, 1)
        version = ndjson.digits(page["version"], 1)
        event_type = ndjson.choice(list(EVENT_TYPES.values()), kinds[page["kind"]])
        yield ndjson.lines(
            [
                *(b'{"event_id":"SO', order, b"-", line, b"-", version, b'","event_type":"', event_type),
                *(b'","event_time":"', ndjson.instant(page["time_ms"])),
                *(b'","order_id":"SO', order, b'","line":"', line, b'","line_version":', version),
                *(
                    b',"sku":"SKU',
                    ndjson.digits(page["sku"], 6),
                    b'","location":"DC',
                    ndjson.digits(page["location"], 2),
                ),
                *(b'","quantity":', ndjson.number(page["quantity"], 4), b',"unit_of_measure":"EA"'),
                *(b',"customer":"C', ndjson.digits(page["customer"], 5)),
                *(b'","channel":"', ndjson.choice(CHANNELS, page["customer"] % len(CHANNELS))),
                *(b'","unit_price":', ndjson.number(page["price_cents"] // 100, 4)),
                *(b".", ndjson.digits(page["price_cents"] % 100, 2), b',"currency":"EUR"}'),
            ]
        )


def count_lines(load: Workload, units: int = 1_000) -> bytes:
    """Messages of topic ``inventory``: one count per SKU-location at the start, of ``units`` each."""
    row = np.arange(load.skus * load.locations)
    time_ms = np.full(len(row), load.start_ms)
    return ndjson.lines(
        [
            *(b'{"event_id":"IC', ndjson.digits(row, 9), b'","event_type":"inventory.counted'),
            *(b'","event_time":"', ndjson.instant(time_ms)),
            *(b'","sku":"SKU', ndjson.digits(row // load.locations, 6)),
            *(b'","location":"DC', ndjson.digits(row % load.locations, 2)),
            *(b'","quantity":', str(units).encode(), b"}"),
        ]
    )


def purchase_lines(load: Workload, receipts_per_day: int, *, received: bool = True) -> bytes:
    """Messages of topic ``suppliers``, in order of time: orders on random rows, received in full 3 to 20 days later.

    If ``received`` is false, the same orders are never received.
    """
    random = load.random(_SUPPLY)
    size = receipts_per_day * load.days
    placed_ms = load.start_ms + random.integers(0, load.days * DAY_MS, size)
    received_ms = placed_ms + random.gamma(9.0, DAY_MS * 0.9, size).clip(3 * DAY_MS, 20 * DAY_MS).astype(np.int64)
    po, step = np.divmod(np.arange(2 * size), 2)
    time_ms = np.where(step == 1, received_ms[po], placed_ms[po])
    sku, location, quantity = (random.integers(1, high, size) for high in (load.skus + 1, load.locations + 1, 1000))
    order = np.argsort(time_ms, kind="stable")
    order = order[(time_ms[order] < load.start_ms + load.days * DAY_MS) & (received | (step[order] == 0))]
    po, step, time_ms = po[order], step[order], time_ms[order]
    return ndjson.lines(
        [
            *(b'{"event_id":"PO', ndjson.digits(po, 9), b"-", ndjson.digits(step, 1)),
            *(b'","event_type":"', ndjson.choice(("po.placed", "po.received"), step)),
            *(b'","event_time":"', ndjson.instant(time_ms), b'","po_id":"PO', ndjson.digits(po, 9)),
            *(b'","supplier":"SUP', ndjson.digits(sku[po] % 50, 2)),
            *(b'","sku":"SKU', ndjson.digits(sku[po] - 1, 6), b'","location":"DC', ndjson.digits(location[po] - 1, 2)),
            *(b'","quantity":', ndjson.number(quantity[po], 4), b"}"),
        ]
    )


def write_inputs(load: Workload, directory: Path, receipts_per_day: int = 0) -> int:
    """Write the stream as the input folder of ``tidegauge replay`` and return the number of order events."""
    directory.mkdir(parents=True)
    events = 0
    with (directory / "orders.ndjson").open("wb") as file:
        for lines in arrivals(load):
            events += len(lines)
            file.writelines(order_lines(lines))
    (directory / "inventory.ndjson").write_bytes(count_lines(load))
    if receipts_per_day:
        (directory / "suppliers.ndjson").write_bytes(purchase_lines(load, receipts_per_day))
    return events
