"""Surges and drops: how many are found, how soon, and how often there was none.

The streams are those of `surge_streams`, by lines a day; a shard judges them. Reported are

- on stationary rows, openings per 1,000 row-days from the day on from which rows are judged,
- of surges of three days, the share that opens before their end, and the median hours since their first line. Those of
  units have usual line counts,
- of rows that stop, the share that a drop is found of within 28 days, and the median days,
- the same of real rows, with surges planted and without. Some of those that open without are real.
"""

from typing import Any, NamedTuple

import numpy as np
import orjson

from benchmarks import surge_streams
from benchmarks.shards import Shards
from benchmarks.surge_streams import KINDS, MONDAY, SURGE_DAYS, Plant, Retail, Stream
from benchmarks.workloads import DAY_MS, HOUR_MS
from sensing.machine_settings import Settings
from sensing.outputs import OutputRecord

SEED = 12
LEVELS = (1, 3, 10, 30)
SIZES = {"smoke": (40, 182), "full": (200, 350)}
"""Rows of a level, and days."""
JUDGED_FROM = 14
DROPS_FROM = 28
STOPPED_DAYS = 28
RETAIL = {"lines_3": (3.0, False), "lines_10": (10.0, True)}
RETAIL_JUDGED_FROM = 60
OPENED = ("exception.opened", "exception.reopened")


class Opening(NamedTuple):
    """An exception that opened or opened again."""

    kind: str
    row: int
    time: int


class Run(NamedTuple):
    """Openings of a stream, and the hash of its outputs."""

    stream: Stream
    opened: list[Opening]
    answer: bytes

    def first_opening(self, kind: str, row: int, start: int, stop: int) -> float:
        """Instant at which an exception of the row first opened on days ``start`` to ``stop`` (exclusive); infinite:
        none did.
        """
        times = [each.time for each in self.opened if each.kind == kind and each.row == row]
        return min((time for time in times if start * DAY_MS <= time < stop * DAY_MS), default=np.inf)

    def openings(self, kind: str, start: int) -> float:
        """Exceptions of a type per 1,000 row-days from day ``start`` on."""
        found = sum(each.kind == kind and each.time >= start * DAY_MS for each in self.opened)
        return 1000.0 * found / (self.stream.rows * (self.stream.stop - start))

    def surges(self, planted: list[Plant]) -> dict[str, Any]:
        """Share of planted surges that were found, and the median hours, by factor; their number."""
        hours: dict[tuple[float, float], list[float]] = {}
        times = self.stream.times()
        for plant in planted:
            low, high = np.searchsorted(times[plant.row], [plant.day * DAY_MS, (plant.day + SURGE_DAYS) * DAY_MS])
            if low == high:  # no line, no surge
                continue
            opened = self.first_opening("order_surge", plant.row, plant.day, plant.day + SURGE_DAYS)
            hours.setdefault((plant.units, plant.lines), []).append((opened - int(times[plant.row][low])) / HOUR_MS)
        figures: dict[str, Any] = {}
        for (units, lines), waits in sorted(hours.items()):
            found = [each for each in waits if np.isfinite(each)]
            name = f"x{lines:g}" if units == 1.0 else f"x{units:g}_units"
            figures[name] = {"planted": len(waits), "found": len(found) / len(waits)}
            if found:
                figures[name]["median_hours"] = float(np.median(found))
        return figures


def watch(stream: Stream) -> Run:
    """Feed a stream to a shard, and keep the exceptions that opened or opened again."""
    opened: list[Opening] = []

    def note(output: OutputRecord) -> None:
        if output.type in OPENED:
            state = orjson.loads(output.data)
            if state["sku"]:
                opened.append(Opening(state["exception_type"], int(state["sku"][3:]), output.time))

    shard = Shards(Settings(shards=1), note)
    shard.take(stream.lines)
    return Run(stream, opened, shard.finish())


def stopped(found: Run, last: int) -> dict[str, float]:
    """Drops of the rows that stop before day ``last``."""
    rows = range(0, found.stream.rows, surge_streams.STOPPED_EVERY)
    opened = [found.first_opening("demand_drop", row, last, last + STOPPED_DAYS) / DAY_MS - last for row in rows]
    days = [each for each in opened if np.isfinite(each)]
    figures = {"found": len(days) / len(opened)}
    return figures | ({"median_days": float(np.median(days))} if days else {})


def synthetic(level: int, size: str) -> tuple[dict[str, Any], bytes]:
    """Figures of synthetic rows of a level."""
    rows, days = SIZES[size]
    calm = watch(surge_streams.synthetic(rows, days, level, SEED))
    last = MONDAY + days - STOPPED_DAYS
    planted = surge_streams.plants(rows, MONDAY, last, KINDS, SEED)
    moved = watch(surge_streams.synthetic(rows, days, level, SEED + 1, planted, last))
    false_alarms = {
        "surges": calm.openings("order_surge", MONDAY + JUDGED_FROM),
        "drops": calm.openings("demand_drop", MONDAY + DROPS_FROM),
    }
    figures: dict[str, Any] = {"false_alarms_per_1000_row_days": false_alarms}
    return figures | moved.surges(planted) | {"stopped": stopped(moved, last)}, calm.answer + moved.answer


def real(found: Retail, level: float, size: str, *, merged: bool) -> tuple[dict[str, Any], bytes]:
    """Figures of real rows of a level. Each kind of surge has a run of its own."""
    row_of = surge_streams.rows_of(found, level, merged=merged)
    if size == "smoke":
        row_of = np.where(row_of < SIZES[size][0], row_of, -1)
    calm = watch(surge_streams.retail_stream(found, row_of, [], SEED))
    stream, answer = calm.stream, calm.answer
    figures: dict[str, Any] = {
        "rows": stream.rows,
        "openings_per_1000_row_days": calm.openings("order_surge", stream.first + RETAIL_JUDGED_FROM),
    }
    for kind in KINDS[:1] if size == "smoke" else KINDS[:3]:
        planted = surge_streams.plants(stream.rows, stream.first, stream.stop, (kind,), SEED)
        planted = surge_streams.usual(stream, level, planted)
        moved = watch(surge_streams.retail_stream(found, row_of, planted, SEED))
        figures |= moved.surges(planted)
        answer += moved.answer
    return figures, answer


def run(size: str) -> dict[str, Any]:
    """Judge synthetic rows of every level, then real rows."""
    figures: dict[str, Any] = {"synthetic": {}, "retail": {}}
    answer = b""
    for level in LEVELS if size == "full" else LEVELS[1:3]:
        figures["synthetic"][f"lines_{level}"], part = synthetic(level, size)
        answer += part
    found = surge_streams.retail()
    for name, (rate, merged) in RETAIL.items():
        figures["retail"][name], part = real(found, rate, size, merged=merged)
        answer += part
    rows, days = SIZES[size]
    return {"seed": SEED, "sizes": {"rows_of_a_level": rows, "days": days}, **figures, "answer": answer}
