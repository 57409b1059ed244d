"""Sums of days and stock on M5: does a reorder point cover what it states, and how much stock does that take.

Data, shards and pools are those of benchmark `m5`. Every seventh day of the last ORIGINS weeks each row with at least
56 days of history is planned for a fixed lead time, without its later days. Reported are

- the share of sums of 7, 14 and 28 days that stay within the .95 quantile, in total and by demand class,
- the share of cycles of a lead time whose demand stays within the proposed reorder point,
- the stock that is left at the end of the cycles, against that of two textbook rules at the same fill rate. Both are
  mean + z * sigma * sqrt(L): one from mean and standard deviation of the last 56 days, one from the engine's own mean
  and its one-day errors. Their z is raised until they fill the same share of the demand.

All reorder points are rounded up to whole units. Stock is counted in units, and in days of each row's own demand.

Source: Silver, Pyke, Thomas (2017), Inventory and Production Management in Supply Chains, 4th ed., 6.10.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.m5 import HISTORY_DAYS_MIN, SHARDS, Matrix, Sales, close_days, data_folder, joined, load, missing_sales
from sensing.demand.demand_record import CLASSES, HORIZON
from sensing.demand.model_inputs import ordinary_window
from sensing.demand.models import DemandModels
from sensing.supply.lead_time_demand import protection_time_demand

ORIGINS = 26
EVERY_DAYS = 7
LEAD_TIMES = (7, 14, 28)
LEVELS = (0.9, 0.95, 0.98)
RECENT_DAYS = 56
SCORES = np.arange(-1.0, 6.01, 0.05)


class Cycles(NamedTuple):
    """Planned cycles of one lead time: rows at origins."""

    demand: NDArray[np.float64]
    """(n,) units that came in the lead time."""
    points: Matrix
    """(n, levels) proposed reorder points."""
    mean: Matrix
    """(n, 2) expected units in the lead time: of the last 56 days, and of the engine."""
    sd: Matrix
    """(n, 2) standard deviation of a day: of the last 56 days, and of the engine's one-day errors."""
    demand_class: NDArray[np.uint8]


def cycles(
    models: DemandModels, sales: Sales, row: NDArray[np.int64], pool: NDArray[np.int32], at: int
) -> list[Cycles]:
    """Cycles of each lead time after day ``at`` of the data, the last day that the models have learned."""
    units = sales.units[row]
    known = np.isfinite(units[:, : at + 1]).sum(axis=1) >= HISTORY_DAYS_MIN
    rows = np.flatnonzero(known)
    found = models.forecast(rows, sales.first + at, pool[rows], ordinary_window(rows.size))
    recent = np.nan_to_num(units[rows, at + 1 - RECENT_DAYS : at + 1])
    sd = np.stack([recent.std(axis=1), np.sqrt(models.demand["square"][rows])], axis=1)
    return [
        Cycles(
            np.nansum(units[rows, at + 1 : at + 1 + days], axis=1),
            np.stack([_points(found, days, level) for level in LEVELS], axis=1),
            np.stack([days * recent.mean(axis=1), found.mean[:, :days].sum(axis=1)], axis=1),
            sd,
            found.demand_class,
        )
        for days in LEAD_TIMES
    ]


def _points(found: Any, days: int, level: float) -> NDArray[np.float64]:
    """(n,) reorder points for a fixed lead time."""
    count = found.mean.shape[0]
    lead_time, none, service = (np.full(count, value, np.float32) for value in (days, 0.0, level))
    out = np.empty((count, 5))
    protection_time_demand(found.mean, found.variance, found.sums, lead_time, none, none, service, np.ones(count), out)
    return np.ceil(out[:, 4] - 1e-9)


def shard_run(sales: Sales, shard: int) -> list[Cycles]:
    """Cycles of the rows of one shard, by lead time."""
    row = np.flatnonzero(sales.shard == shard)
    pool = sales.store[row]
    models = DemandModels()
    models.ensure(row.size, int(pool.max()) + 1)
    last = sales.units.shape[1] - 1 - HORIZON
    found: list[list[Cycles]] = []
    start = 0
    for back in range(ORIGINS - 1, -1, -1):
        at = last - EVERY_DAYS * back
        close_days(models, sales.units[row], pool, sales.first, start, at + 1)
        start = at + 1
        found.append(cycles(models, sales, row, pool, at))
    return [joined([each[k] for each in found]) for k in range(len(LEAD_TIMES))]


def filled(demand: NDArray[np.float64], points: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Share of the demand that stock of ``points`` units serves."""
    return float((weight * np.minimum(demand, points)).sum() / (weight * demand).sum())


def left(demand: NDArray[np.float64], points: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Mean stock at the end of the cycles."""
    return float((weight * np.maximum(points - demand, 0.0)).mean())


def saved(found: Cycles, level: int, days: int, peer: int, weight: NDArray[np.float64]) -> float:
    """Share by which the stock of proposed reorder points is below that of a textbook rule that fills the same."""
    fill = filled(found.demand, found.points[:, level], weight)
    peers = []
    for z in SCORES:
        points = np.ceil(np.maximum(found.mean[:, peer] + z * found.sd[:, peer] * np.sqrt(days), 0.0) - 1e-9)
        peers.append((filled(found.demand, points, weight), left(found.demand, points, weight)))
    fills, stocks = np.array(peers).T
    return 1.0 - left(found.demand, found.points[:, level], weight) / float(np.interp(fill, fills, stocks))


def figures(found: Cycles, days: int) -> dict[str, float]:
    """Figures of one lead time."""
    within = found.demand[:, None] <= found.points
    out = {f"within_{level:g}_of_{days}_days": float(within[:, k].mean()) for k, level in enumerate(LEVELS)}
    for code, name in enumerate(CLASSES):
        of = found.demand_class == code
        if of.any():
            out[f"within_0.95_of_{days}_days_{name}"] = float(within[of, LEVELS.index(0.95)].mean())
    per_unit = 1.0 / np.maximum(found.mean[:, 1] / days, 0.05)
    for weight, unit in ((np.ones(found.demand.size), "units"), (per_unit, "days")):
        for peer, name in enumerate(("56_days", "own_mean")):
            level = LEVELS.index(0.95)
            out[f"stock_below_{name}_in_{unit}_at_{days}_days"] = saved(found, level, days, peer, weight)
    return out


def run(size: str) -> dict[str, Any]:
    """Plan the rows of one shard (``smoke``) or of all shards."""
    if missing := missing_sales():
        return missing
    sales = load(data_folder())
    shards = [shard_run(sales, shard) for shard in range(1 if size == "smoke" else SHARDS)]
    found = [joined([shard[k] for shard in shards]) for k in range(len(LEAD_TIMES))]
    by_days = [figures(each, days) for each, days in zip(found, LEAD_TIMES, strict=True)]
    return {
        "seed": None,
        "sizes": {"cycles_of_each_lead_time": found[0].demand.size, "origins": ORIGINS},
        "answer": b"".join(each.points.tobytes() for each in found),
        **{name: value for each in by_days for name, value in each.items()},
    }
