"""Orders for the latency benchmark: a history, and live lines with planted triggers.

There are two kinds of rows. *Established* rows have sold ten lines a day for sixteen days, enough for the surge
detector. In a live phase some of them get ``BURST`` lines within two seconds, one of which makes the count a surge.
*Young* rows have sold three lines in two days. They get all ordinary live lines: thousands of lines a second are the
sales of many days within a minute, which would be a surge on established rows. Some young rows get a giant, a line of
9,999 units. It is a large order in this stream, where one line in 1,000 exceeds 43 units.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.workloads import CUSTOMERS, DAY_MS, HOUR_MS, LINE, LINES_PER_ORDER, Lines
from sensing.codec.event_record import Kind

HISTORY_DAYS = 16
ESTABLISHED_LINES = 10 * HISTORY_DAYS
YOUNG_LINES = 3
YOUNG_DAYS = 2
BURST = 25
BURST_MS = 2_000
GIANT_UNITS = 9_999
QUIET_HOURS = 2
LOCATIONS = 10
FIRST_NUMBER = 1_000_000_000
"""Line numbers of phase n start at (n + 1) times this."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Number of SKU-locations of each kind, ten per SKU. Rows are numbered, the established ones first."""

    established: int
    young: int

    @property
    def count(self) -> int:
        """Number of all rows."""
        return self.established + self.young

    def of(self, lines: Lines) -> NDArray[np.int64]:
        """Row of every line."""
        found: NDArray[np.int64] = lines["sku"] + lines["location"].astype(np.int64) * (self.count // LOCATIONS)
        return found

    def put(self, lines: Lines, row: NDArray[np.int64] | int) -> None:
        """Assign lines to rows. Established rows have different SKUs, so that they are spread over all shards."""
        lines["location"], lines["sku"] = np.divmod(row, self.count // LOCATIONS)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A stretch of live lines at a fixed rate, with as many surges as giants spread over it.

    ``number`` counts phases. ``first_row`` is the first of the established rows that surge. Each phase uses other rows.
    """

    number: int
    lines_per_second: int
    seconds: int
    first_row: int
    surges: int

    @property
    def size(self) -> int:
        """Number of lines."""
        return self.lines_per_second * self.seconds


def history(rows: Rows, end_ms: int, seed: int) -> Lines:
    """Lines before ``end_ms`` (UTC), in order of time."""
    random = np.random.default_rng([seed, 0])
    per_row = np.where(np.arange(rows.count) < rows.established, ESTABLISHED_LINES, YOUNG_LINES)
    of_row = np.repeat(np.arange(rows.count), per_row)
    step_ms = np.where(of_row < rows.established, HISTORY_DAYS, YOUNG_DAYS) * DAY_MS / per_row[of_row]
    # The lines are about evenly spaced, so that no row surges in the history.
    nth = np.arange(len(of_row)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
    time_ms = end_ms - ((nth + random.random(len(of_row))) * step_ms).astype(np.int64)
    order = np.argsort(time_ms, kind="stable")
    return _lines(rows, of_row[order], time_ms[order], 0, random)


def live(rows: Rows, phase: Phase, seed: int) -> Lines:
    """Lines of a phase in order of time, evenly spread. Times are ms from the start of the phase."""
    random = np.random.default_rng([seed, 1, phase.number])
    time_ms = np.arange(phase.size, dtype=np.int64) * 1000 // phase.lines_per_second
    of_row = random.integers(rows.established, rows.count, phase.size)
    lines = _lines(rows, of_row, time_ms, FIRST_NUMBER * (phase.number + 1), random)
    assert phase.first_row + phase.surges <= rows.established, "every surge has a row of its own"
    begins = np.linspace(0, phase.seconds * 1000 - BURST_MS, phase.surges)
    taken = np.zeros(phase.size, np.bool_)
    for surge, begin in enumerate(begins):
        low, high = np.searchsorted(time_ms, (begin, begin + BURST_MS))
        free = low + np.flatnonzero(~taken[low:high])
        places = random.choice(free, BURST + 1, replace=False)
        taken[places] = True
        burst = lines[places[:BURST]]
        rows.put(burst, phase.first_row + surge)
        lines[places[:BURST]] = burst
        lines["quantity"][places[BURST]] = GIANT_UNITS
    return lines


def planted(lines: Lines, rows: Rows) -> tuple[list[int], list[int]]:
    """Indices of the giants, and rows that surge."""
    row = rows.of(lines)
    giants = np.flatnonzero(lines["quantity"] == GIANT_UNITS)
    return giants.tolist(), np.unique(row[row < rows.established]).tolist()


def index_of(event_id: str, phase: Phase) -> int | None:
    """Index of the line of a phase with an event id; None if the phase has no such line."""
    order, line, _version = event_id.removeprefix("SO").split("-")
    index = int(order) * LINES_PER_ORDER + int(line) - 1 - FIRST_NUMBER * (phase.number + 1)
    return index if 0 <= index < phase.size else None


def _lines(
    rows: Rows, of_row: NDArray[np.int64], time_ms: NDArray[np.int64], first: int, random: np.random.Generator
) -> Lines:
    out = np.zeros(len(of_row), LINE)
    out["time_ms"] = out["arrival_ms"] = time_ms
    out["number"] = first + np.arange(len(of_row))
    rows.put(out, of_row)
    out["customer"] = random.integers(0, CUSTOMERS, len(of_row))
    out["quantity"] = np.minimum(random.geometric(0.15, len(of_row)), 100)
    out["price_cents"] = 1_000 + out["sku"] % 9_000
    out["version"], out["kind"] = 1, Kind.PLACED
    return out


def quiet_until(end_ms: int) -> int:
    """End of the backfill: early enough that a live clock has passed it when the history is read."""
    return end_ms - QUIET_HOURS * HOUR_MS
