"""Forecast accuracy on M5: learn day by day up to the last 28 days, then forecast these once.

The data folder is TIDEGAUGE_DATA, by default ../shared/data. Rows are item x store, hashed by item to 16 shards. Pools
are the stores in a shard. The models get no holidays and no promotions. RMSSE is the unweighted mean over rows with at
least 56 days of history. Its scale is the mean squared one-day difference of a row from its first sale to the end of
the training part.

Source: Makridakis, Spiliotis, Assimakopoulos (2022), The M5 accuracy competition, eq. 1.
"""

import os
import time
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sensing.demand.demand_record import CLASSES, HORIZON, METHODS
from sensing.demand.model_inputs import DayInputs, ordinary_window
from sensing.demand.models import DemandModels

SALES = Path("m5") / "sales_2015-03_2016-04.parquet"
SHARDS = 16
HISTORY_DAYS_MIN = 56
LEVELS = np.array([0.005, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995])
RATES = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15)
Matrix = NDArray[np.float64]


class Sales(NamedTuple):
    """Units (rows, days), NaN before a row's first sale; shard and store of each row; number of the first local day."""

    units: Matrix
    shard: NDArray[np.int64]
    store: NDArray[np.int32]
    first: int


class Said(NamedTuple):
    """Forecasts that the models of a shard made on the last training day, and their cost."""

    row: NDArray[np.int64]
    mean: Matrix
    quantiles: Matrix
    demand_class: NDArray[np.uint8]
    method: NDArray[np.uint8]
    closes: NDArray[np.int64]
    close_seconds: NDArray[np.float64]
    forecast_seconds: NDArray[np.float64]


def data_folder() -> Path:
    """Folder of the real data: TIDEGAUGE_DATA, or ../shared/data beside the checkout."""
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    return Path(os.environ.get("TIDEGAUGE_DATA", str(default)))


def missing_sales() -> dict[str, Any]:
    """What a benchmark reports without the data; empty if they are there."""
    path = data_folder() / SALES
    return {} if path.exists() else {"missing": f"M5 is not part of the project: required {path}; set TIDEGAUGE_DATA"}


def joined(parts: list[Any]) -> Any:
    """One record of several of the same type, whose arrays are joined along the first axis."""
    return type(parts[0])(*(np.concatenate([getattr(part, name) for part in parts]) for name in parts[0]._fields))


def load(folder: Path) -> Sales:
    """Read the sales into an array by row and day. Rows without any sale are left out."""
    table = pq.read_table(folder / SALES, read_dictionary=["item_id", "store_id"])
    day = table["date"].cast("int32").to_numpy()
    item = table["item_id"].combine_chunks()
    store = table["store_id"].combine_chunks()
    items, stores = item.dictionary.to_pylist(), store.dictionary.to_pylist()
    first, last = int(day.min()), int(day.max())
    units = np.full((len(items) * len(stores), last - first + 1), np.nan)
    row = item.indices.to_numpy().astype(np.int64) * len(stores) + store.indices.to_numpy()
    units[row, day - first] = table["qty"].to_numpy()
    shard = np.repeat([zlib.crc32(name.encode()) % SHARDS for name in items], len(stores))
    kept = np.isfinite(units).any(axis=1)
    stores_of = np.tile(np.arange(len(stores), dtype=np.int32), len(items))
    return Sales(units[kept], shard[kept], stores_of[kept], first)


def close_days(
    models: DemandModels, units: Matrix, pool: NDArray[np.int32], first: int, start_day: int, stop_day: int
) -> tuple[int, float]:
    """Close days of the data as the engine does, each row from its first sale on; returns closed row-days and seconds.

    ``first`` is the number of the first local day of the data.
    """
    begin = np.argmax(np.isfinite(units), axis=1)
    pools = np.unique(pool).astype(np.int64)
    spent, closes = 0.0, 0
    for at in range(start_day, stop_day):
        rows = np.flatnonzero(begin <= at)
        quantity = units[rows, at]
        missing = np.isnan(quantity)
        quantity, observed = np.where(missing, 0.0, quantity), np.where(missing, 0.0, 1.0)
        none = np.zeros(rows.size)
        hours = np.zeros((rows.size, 24), np.uint16)
        # M5 has no order lines, so every unit counts as a line. Lines are not scored here.
        inputs = DayInputs(
            first + at, quantity, quantity, hours, pool[rows], observed, none > 0, none, none + 1.0, none > 0
        )
        start = time.perf_counter()
        models.close_day(rows, inputs)
        models.aggregate_pools(pools, first + at)
        spent += time.perf_counter() - start
        closes += rows.size
    return closes, spent


def shard_run(sales: Sales, shard: int) -> Said:
    """Learn and forecast the rows of one shard."""
    row = np.flatnonzero((sales.shard == shard) & np.isfinite(sales.units[:, :-HORIZON]).any(axis=1))
    training, pool = sales.units[row, :-HORIZON], sales.store[row]
    models = DemandModels()
    models.ensure(row.size, int(pool.max()) + 1)
    closes, close_seconds = close_days(models, training, pool, sales.first, 0, training.shape[1])
    rows = np.arange(row.size)
    first_answer = models.forecast(rows[:1], sales.first, pool[:1], ordinary_window(1))
    models.quantiles(first_answer, rows[:1], LEVELS)  # compile before the measurement
    start = time.perf_counter()
    found = models.forecast(rows, sales.first + training.shape[1] - 1, pool, ordinary_window(row.size))
    quantiles = models.quantiles(found, rows, LEVELS)
    spent = np.array([time.perf_counter() - start])
    return Said(
        row,
        found.mean,
        quantiles,
        found.demand_class,
        found.method,
        np.array([closes]),
        np.array([close_seconds]),
        spent,
    )


class Judged(NamedTuple):
    """Rows with enough history: demand of their last 28 days, and the forecasts of these days."""

    training: Matrix
    actual: Matrix
    mean: Matrix
    quantiles: Matrix
    scale: NDArray[np.float64]
    demand_class: NDArray[np.uint8]


def scales(units: Matrix) -> NDArray[np.float64]:
    """(n,) mean squared one-day difference of rows, whose days before the first sale are NaN."""
    squares = np.diff(units, axis=1) ** 2
    found: NDArray[np.float64] = np.nansum(squares, axis=1) / np.maximum(np.isfinite(squares).sum(axis=1), 1)
    return found


def judged(training: Matrix, actual: Matrix, said: Said) -> Judged:
    """Keep rows with ``HISTORY_DAYS_MIN`` days since their first sale and with demand that is not constant."""
    scale = scales(training)
    kept = (np.isfinite(training).sum(axis=1) >= HISTORY_DAYS_MIN) & (scale > 0)
    parts = (training, actual, said.mean, said.quantiles, scale, said.demand_class)
    return Judged(*(part[kept] for part in parts))


def rmsse(forecast: Matrix, actual: Matrix, scale: NDArray[np.float64]) -> float:
    """Mean over rows of the root mean squared scaled error."""
    return float(np.mean(scaled_errors(forecast, actual, scale)))


def scaled_errors(forecast: Matrix, actual: Matrix, scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) root mean squared scaled error of each row."""
    return np.asarray(np.sqrt(np.mean((forecast - actual) ** 2, axis=1) / scale))


def pinball_losses(actual: Matrix, quantiles: Matrix) -> Matrix:
    """(n, days, levels) pinball loss of each quantile, in units."""
    miss = actual[:, :, None] - quantiles
    return np.asarray(np.maximum(LEVELS * miss, (LEVELS - 1.0) * miss))


def plain_smoothing(training: Matrix, rate: float) -> Matrix:
    """Fixed-rate exponential smoothing from the first sale on, flat forecast."""
    level = np.full(training.shape[0], np.nan)
    for at in range(training.shape[1]):
        units = training[:, at]
        moved = level + rate * (units - level)
        level = np.where(np.isnan(level), units, np.where(np.isnan(units), level, moved))
    return np.repeat(level[:, None], HORIZON, axis=1)


def point_figures(rows: Judged) -> dict[str, Any]:
    """RMSSE of the engine and of baselines, bias and WAPE."""
    plain = {rate: rmsse(plain_smoothing(rows.training, rate), rows.actual, rows.scale) for rate in RATES}
    naive = np.tile(rows.training[:, -7:], HORIZON // 7)
    by_class = {}
    for code, name in enumerate(CLASSES):
        of = rows.demand_class == code
        if of.any():
            by_class[name] = rmsse(rows.mean[of], rows.actual[of], rows.scale[of])
    return {
        "rmsse": rmsse(rows.mean, rows.actual, rows.scale),
        "rmsse_best_fixed_rate": min(plain.values()),
        "best_fixed_rate": min(plain, key=lambda rate: plain[rate]),
        "rmsse_seasonal_naive": rmsse(naive, rows.actual, rows.scale),
        "bias": float((rows.mean - rows.actual).sum() / rows.actual.sum()),
        "wape": float(np.abs(rows.mean - rows.actual).sum() / rows.actual.sum()),
        "rmsse_by_class": by_class,
    }


def quantile_figures(rows: Judged) -> dict[str, Any]:
    """Coverage (days not above the quantile), days strictly below it, and the pinball loss in units of the scale.

    The distribution function of a count has steps, so a count is at or below its quantile more often than the level.
    A calibrated level lies between coverage and the share of days strictly below.
    """
    miss = rows.actual[:, :, None] - rows.quantiles
    loss = pinball_losses(rows.actual, rows.quantiles) / np.sqrt(rows.scale)[:, None, None]
    names = [f"{level:g}" for level in LEVELS]
    inside = (miss <= 0).mean(axis=(0, 1))
    below = (miss < 0).mean(axis=(0, 1))
    tail = names.index("0.95")
    by_class = {}
    for code, name in enumerate(CLASSES):
        of = rows.demand_class == code
        if of.any():
            by_class[name] = float((miss[of, :, tail] <= 0).mean())
    return {
        "coverage": dict(zip(names, inside.tolist(), strict=True)),
        "below": dict(zip(names, below.tolist(), strict=True)),
        "coverage_0.95_by_class": by_class,
        "pinball_scaled": dict(zip(names, loss.mean(axis=(0, 1)).tolist(), strict=True)),
        "pinball_scaled_mean": float(loss.mean()),
    }


def run(size: str) -> dict[str, Any]:
    """Learn and forecast the rows of one shard (``smoke``) or of all shards."""
    if missing := missing_sales():
        return missing
    sales = load(data_folder())
    said = [shard_run(sales, shard) for shard in range(1 if size == "smoke" else SHARDS)]
    found: Said = joined(said)
    rows = judged(sales.units[found.row, :-HORIZON], sales.units[found.row, -HORIZON:], found)
    return {
        "seed": None,
        "sizes": {
            "rows": found.row.size,
            "rows_judged": rows.scale.size,
            "rows_river": int((found.method == METHODS.index("river")).sum()),
            "days_learned": rows.training.shape[1],
        },
        "answer": found.mean.tobytes() + found.quantiles.tobytes(),
        **point_figures(rows),
        **quantile_figures(rows),
        "close_us_per_row_day": 1e6 * float(found.close_seconds.sum()) / float(found.closes.sum()),
        "forecast_us_per_row": 1e6 * float(found.forecast_seconds.sum()) / found.row.size,
    }
