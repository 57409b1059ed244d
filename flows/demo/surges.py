"""Planted order surges of the demo: five times the usual order lines for three trading days, on items with at least
three lines per trading day. `flows.demo.inputs` plants them.
"""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flows.demo.clock import DAY_MINUTES
from flows.demo.order_lines import Lines, never_cancelled

SURGES_MAX = 20
SURGE_DAYS = 3
SURGE_FACTOR = 5
USUAL_LINES_MIN = 3.0
USUAL_DAYS = 40
CALM_DAYS = 10
CALM_FACTOR_MAX = 1.25
HISTORY_DAYS_MIN = 60
CALENDAR_DAYS_MAX = 5


class Surge(NamedTuple):
    """One planted surge. ``days`` are its local trading days; ``usual`` is the item's mean number of lines per trading
    day, over the 40 trading days before.
    """

    item: int
    place: int
    days: list[int]
    usual: float
    added_lines: int
    added_units: int
    first_minute: int


def trading_days(ordered: Lines) -> NDArray[np.int64]:
    """Local days on which the shop took an order; ``ordered`` holds order lines only."""
    return np.unique(ordered.minute // DAY_MINUTES)


def plant_surges(lines: Lines, location: str, seed: int) -> tuple[Lines, list[Surge]]:
    """Lines with the surges merged in, and the surges.

    - Surges lie in the second half of the span, but not in its first 60 trading days. This part is cut into as many
      equal parts as surges fit, up to 20. Each part gets one surge.
    - Its day and item are drawn with ``seed``; an item has at most one surge.
    - A surge adds four times the usual lines to the real ones. They are copies of the item's lines of the 40 trading
      days before, each an invoice of its own, at minutes at which the shop took orders that day.
    - Cancelled order lines are ignored.
    - Items with more than 1.25 times their usual lines in the ten trading days before are excluded: in the middle of a
      real surge the mean is not usual.
    """
    rng = np.random.default_rng(seed)
    ordered = lines.take(never_cancelled(lines))
    days = trading_days(ordered)
    place = lines.locations.index(location)
    counts = _lines_per_day(ordered, days, place)
    surges: list[Surge] = []
    copies: list[Lines] = []
    for start, end in _parts(len(days)):
        at = int(rng.integers(start, end))
        span = days[at : at + SURGE_DAYS].tolist()
        usual = counts[:, at - USUAL_DAYS : at].mean(axis=1)
        usual[[surge.item for surge in surges]] = 0.0
        calm = counts[:, at - CALM_DAYS : at].mean(axis=1) <= CALM_FACTOR_MAX * usual
        candidates = np.flatnonzero(calm & (usual >= USUAL_LINES_MIN))
        if len(candidates) == 0 or span[-1] - span[0] > CALENDAR_DAYS_MAX:
            continue
        item = int(rng.choice(candidates))
        recent = (ordered.minute >= days[at - USUAL_DAYS] * DAY_MINUTES) & (ordered.minute < span[0] * DAY_MINUTES)
        originals = np.flatnonzero(recent & (ordered.item == item) & (ordered.place == place))
        extra = round((SURGE_FACTOR - 1) * usual[item])
        minutes = np.concatenate([_shop_minutes(ordered, day, extra, rng) for day in span])
        added = _copies(ordered, rng.choice(originals, size=len(minutes)), minutes, len(surges) + 1)
        copies.append(added)
        surges.append(
            Surge(item, place, span, float(usual[item]), added.size(), int(added.quantity.sum()), int(minutes[0]))
        )
    return lines.merged(copies), surges


def _parts(days: int) -> list[tuple[int, int]]:
    """Spans of trading-day indices (start, end); each gets one surge."""
    first = max(HISTORY_DAYS_MIN, days // 2)
    last = days - SURGE_DAYS
    parts = min(SURGES_MAX, max(0, (last - first) // SURGE_DAYS))
    edges = np.linspace(first, last, parts + 1).astype(int).tolist()
    return list(itertools.pairwise(edges))


def _lines_per_day(ordered: Lines, days: NDArray[np.int64], place: int) -> NDArray[np.int64]:
    """Number of order lines, shape (skus, trading days)."""
    here = ordered.place == place
    day = np.searchsorted(days, ordered.minute[here] // DAY_MINUTES)
    cells = np.bincount(ordered.item[here] * len(days) + day, minlength=len(ordered.skus) * len(days))
    return cells.reshape(len(ordered.skus), len(days))


def _shop_minutes(ordered: Lines, day: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw ``count`` minutes of ``day`` at which the shop took orders, ascending."""
    return np.sort(rng.choice(ordered.minute[ordered.minute // DAY_MINUTES == day], size=count))


def _copies(ordered: Lines, originals: NDArray[np.int64], minutes: NDArray[np.int64], number: int) -> Lines:
    """Copies of the original lines at new minutes; each is an invoice of its own, named ``SIM-SURGE-...``."""
    documents = np.array([f"SIM-SURGE-{number:02d}-{n + 1:03d}" for n in range(len(minutes))], dtype=object)
    ones = np.ones(len(minutes), dtype=np.int64)
    copies = ordered.take(originals)
    return copies._replace(minute=minutes, document=documents, position=ones, order=documents, line=ones)
