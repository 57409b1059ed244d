"""Event records of the workload's order lines, made without JSON. A test checks that the decoder makes the same bytes.

Benchmarks of machines need two months of history. Making its records directly takes as long as a replay of a few days.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import ndjson
from benchmarks.workloads import CUSTOMERS, DAY_MS, LINE, LINES_PER_ORDER, Lines, Workload, prices_cents
from sensing.codec.event_record import EVENT, NO_DAY, NOT_GIVEN, THOUSANDTHS, Batch, Kind, Topic
from sensing.codec.identifiers import text_hashes
from sensing.codec.keys import fill_keys
from sensing.codec.swar import WORD
from sensing.codec.text_table import TextTable
from sensing.machine_settings import Settings


class Feed:
    """Turns lines, in order of arrival, into batches for machines, and keeps the watermark between calls.

    Parameters
    ----------
    settings
        Settings of the machines, for the lateness.
    """

    def __init__(self, settings: Settings) -> None:
        self.lateness_ms = settings.lateness_ms
        self.read = 0
        self.newest_ms = 0
        names = ndjson.digits(np.arange(CUSTOMERS), 5)
        self._customers = text_hashes([f"C{bytes(name).decode()}" for name in names])

    @property
    def watermark(self) -> int:
        """Watermark after the last line, UTC ms."""
        return max(self.newest_ms - self.lateness_ms, 0)

    def batches(self, lines: Lines, size: int) -> Iterator[Batch]:
        """Batches of at most ``size`` records, as the decoder makes them."""
        for first in range(0, len(lines), size):
            records, texts = self.records(lines[first : first + size])
            yield Batch(records, [], self.watermark, texts=(texts,))

    def records(self, lines: Lines) -> tuple[NDArray[Any], TextTable]:
        """Records (EVENT) of the next lines, and their texts."""
        out = np.zeros(len(lines), EVENT)
        newest = np.maximum.accumulate(np.concatenate(([self.newest_ms], lines["time_ms"])))[1:]
        order = ndjson.digits(lines["number"] // LINES_PER_ORDER, 10)
        line = ndjson.digits(lines["number"] % LINES_PER_ORDER + 1, 1)
        version = ndjson.digits(lines["version"], 1)
        data, starts = fill_keys(
            out,
            *side_by_side(
                [b"SKU", ndjson.digits(lines["sku"], 6)],
                [b"DC", ndjson.digits(lines["location"], 2)],
                [b"SO", order],
                [line],
                [b"SO", order, b"-", line, b"-", version],
                [b"C", ndjson.digits(lines["customer"], 5)],
            ),
        )
        out["unit"], out["currency"] = b"EA", b"EUR"
        out["time"], out["version"], out["kind"] = lines["time_ms"], lines["version"], lines["kind"]
        out["watermark"] = np.maximum(newest - self.lateness_ms, 0)
        out["quantity"] = lines["quantity"].astype(np.int64) * THOUSANDTHS
        out["price"] = lines["price_cents"] / 100
        out["party"] = self._customers[lines["customer"]]
        out["offset"] = self.read + np.arange(len(lines))
        out["requested_day"], out["quantity_open"], out["topic"] = NO_DAY, NOT_GIVEN, Topic.ORDERS
        if len(lines):
            self.read, self.newest_ms = self.read + len(lines), int(newest[-1])
        return out, TextTable(Topic.ORDERS, 0, out["offset"].copy(), starts, data)


def side_by_side(*texts: list[bytes | ndjson.Characters]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Concatenated texts of records for `fill_keys`. Each text consists of literals and fields."""
    sizes = [sum(len(part) if isinstance(part, bytes) else part.shape[1] for part in parts) for parts in texts]
    count = next(len(part) for parts in texts for part in parts if not isinstance(part, bytes))
    characters = np.empty((count, sum(sizes)), np.uint8)
    at = 0
    for part in (part for parts in texts for part in parts):
        width = len(part) if isinstance(part, bytes) else part.shape[1]
        characters[:, at : at + width] = np.frombuffer(part, np.uint8) if isinstance(part, bytes) else part
        at += width
    data = np.concatenate((characters.reshape(-1), np.zeros(WORD, np.uint8)))
    return data, np.tile(np.array(sizes, np.uint8), (count, 1))


def even_day(load: Workload, day: int, share: float) -> Lines:
    """A day on which every SKU-location of ``load`` sells one line with probability ``share``.

    Popularity does not count, so all rows get River models. In the skewed stream only some rows do.
    """
    random = np.random.default_rng([load.seed, day])
    row = np.flatnonzero(random.random(load.skus * load.locations) < share)
    out = np.zeros(len(row), LINE)
    out["time_ms"] = load.start_ms + np.sort(random.integers(day * DAY_MS, (day + 1) * DAY_MS, len(row)))
    out["arrival_ms"] = out["time_ms"]
    out["number"] = day * load.skus * load.locations + np.arange(len(row))
    row = random.permutation(row)
    out["sku"], out["location"] = np.divmod(row, load.locations)
    out["customer"] = random.integers(0, CUSTOMERS, len(row))
    out["quantity"] = random.geometric(0.15, len(row))
    out["price_cents"] = prices_cents(load)[out["sku"]]
    out["version"], out["kind"] = 1, Kind.PLACED
    return out
