"""Forecast accuracy on M5: learn day by day up to the last 28 days, forecast these once.

`python -m benchmarks.m5 [--smoke | --full] [--json]`; the data folder is TIDEGAUGE_DATA, by default ../shared/data.
Rows are item x store, hashed by item to 16 shards; pools are the stores in a shard. RMSSE is scaled by the mean squared
one-day difference over a row's training part (Makridakis, Spiliotis, Assimakopoulos 2022, eq. 1), over rows with at least
56 days of history, each row weighing the same.
"""

import hashlib
import json
import os
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sensing.demand.inputs import DayInputs, ordinary_window
from sensing.demand.models import DemandModels
from sensing.demand.record import CLASSES, HORIZON

SHARDS = 16
HISTORY_DAYS_MIN = 56
SMOKE_SHARDS = 1
LEVELS = np.array([0.05, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995])
RATES = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15)
Matrix = NDArray[np.float64]


def data_folder() -> Path:
    """Folder of the real data: TIDEGAUGE_DATA, or ../shared/data beside the checkout."""
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    return Path(os.environ.get("TIDEGAUGE_DATA", str(default)))


def load(folder: Path) -> tuple[Matrix, NDArray[np.int64], NDArray[np.int64], int]:
    """Sales (rows, days) with NaN before a row's first sale, shard and store of each row, number of the first day."""
    table = pq.read_table(folder / "m5" / "sales_2015-03_2016-04.parquet")
    day = table["date"].cast("int32").to_numpy()
    item = table["item_id"].combine_chunks()
    store = table["store_id"].combine_chunks()
    item = item if hasattr(item, "dictionary") else item.dictionary_encode()
    store = store if hasattr(store, "dictionary") else store.dictionary_encode()
    items, stores = item.dictionary.to_pylist(), store.dictionary.to_pylist()
    first = int(day.min())
    sales = np.full((len(items) * len(stores), int(day.max()) - first + 1), np.nan)
    sales[item.indices.to_numpy().astype(np.int64) * len(stores) + store.indices.to_numpy(), day - first] = table["qty"]
    shard = np.array([zlib.crc32(str(name).encode()) % SHARDS for name in items])
    kept = np.isfinite(sales).any(axis=1)
    shards = np.repeat(shard, len(stores))[kept]
    return sales[kept], shards, np.tile(np.arange(len(stores)), len(items))[kept], first


def drive(sales: Matrix, store: NDArray[np.int64], first: int) -> tuple[DemandModels, NDArray[np.int64], float]:
    """Close every training day of the rows of one shard as the engine does; a row exists from its first sale."""
    training = sales.shape[1] - HORIZON
    models = DemandModels()
    pools = int(store.max()) + 1
    models.ensure(sales.shape[0], pools)
    begin = np.argmax(np.isfinite(sales), axis=1)
    spent = 0.0
    for at in range(training):
        rows = np.flatnonzero(begin <= at)
        quantity = np.ascontiguousarray(sales[rows, at])
        missing = np.isnan(quantity)
        none = np.zeros(rows.size)
        inputs = DayInputs(
            first + at, np.nan_to_num(quantity), np.nan_to_num(quantity), np.zeros((rows.size, 24), np.uint16),
            store[rows].astype(np.int32), missing, np.zeros(rows.size, np.bool_), none, none,
        )  # fmt: skip
        start = time.perf_counter()
        models.close_day(rows, inputs)
        models.fold_pools(np.arange(pools), first + at)
        spent += time.perf_counter() - start
    return models, np.flatnonzero(begin < training), spent


def rmsse(forecast: Matrix, actual: Matrix, scale: NDArray[np.float64]) -> float:
    """Mean over rows of the root mean squared scaled error."""
    return float(np.mean(np.sqrt(np.mean((forecast - actual) ** 2, axis=1) / scale)))


def plain_smoothing(training: Matrix, rate: float) -> Matrix:
    """Fixed-rate exponential smoothing from the first sale on, flat forecast."""
    level = np.full(training.shape[0], np.nan)
    for at in range(training.shape[1]):
        units = training[:, at]
        moved = level + rate * (units - level)
        level = np.where(np.isnan(level), units, np.where(np.isnan(units), level, moved))
    return np.repeat(level[:, None], HORIZON, axis=1)


def run(size: str) -> dict[str, Any]:
    """Run on ``SMOKE_SHARDS`` shards (``smoke``) or all; a dictionary of sizes, figures and the hash of the forecasts."""
    sales, shard, store, first = load(data_folder())
    shards = SMOKE_SHARDS if size == "smoke" else SHARDS
    means, quantiles, kept, codes, river = [], [], [], [], 0
    spent_close = spent_forecast = 0.0
    closes = 0
    for at in range(shards):
        members = np.flatnonzero(shard == at)
        models, rows, spent = drive(sales[members], store[members], first)
        spent_close += spent
        closes += int(np.isfinite(sales[members, :-HORIZON]).sum())
        start = time.perf_counter()
        found = models.forecast(
            rows, first + sales.shape[1] - HORIZON - 1, store[members][rows].astype(np.int32), ordinary_window(rows.size)
        )
        quantiles.append(models.quantiles(found, rows, LEVELS))
        spent_forecast += time.perf_counter() - start
        means.append(found.mean)
        codes.append(found.demand_class)
        kept.append(members[rows])
        river += len(models.models)
    forecast, levels, order = np.concatenate(means), np.concatenate(quantiles), np.concatenate(kept)
    code = np.concatenate(codes)
    training, actual = sales[order, :-HORIZON], sales[order, -HORIZON:]
    history = np.isfinite(training).sum(axis=1) >= HISTORY_DAYS_MIN
    squares = np.diff(training, axis=1) ** 2
    scale = np.nansum(squares, axis=1) / np.maximum(np.isfinite(squares).sum(axis=1), 1)
    judged = history & (scale > 0)
    plain = {rate: rmsse(plain_smoothing(training[judged], rate), actual[judged], scale[judged]) for rate in RATES}
    unit = np.sqrt(scale[judged])[:, None, None]
    miss = actual[judged][:, :, None] - levels[judged]
    pinball = np.maximum(LEVELS * miss, (LEVELS - 1) * miss) / unit
    covered = (miss <= 0).mean(axis=(0, 1))
    below = 1.0 - (miss >= 0).mean(axis=(0, 1))
    tail = int(np.argmin(np.abs(LEVELS - 0.95)))
    return {
        "size": size,
        "seed": None,
        "rows": int(order.size),
        "rows_judged": int(judged.sum()),
        "rows_river": river,
        "days_learned": int(training.shape[1]),
        "rmsse": rmsse(forecast[judged], actual[judged], scale[judged]),
        "rmsse_by_class": {
            name: [int((judged & (code == k)).sum()), rmsse(*(x[judged & (code == k)] for x in (forecast, actual, scale)))]
            for k, name in enumerate(CLASSES)
            if (judged & (code == k)).any()
        },
        "rmsse_best_fixed_rate": min(plain.values()),
        "best_fixed_rate": min(plain, key=lambda rate: plain[rate]),
        "rmsse_seasonal_naive": rmsse(np.tile(training[judged][:, -7:], 4), actual[judged], scale[judged]),
        "bias": float((forecast[judged] - actual[judged]).sum() / actual[judged].sum()),
        "wape": float(np.abs(forecast[judged] - actual[judged]).sum() / actual[judged].sum()),
        "coverage": {f"{level:g}": round(float(value), 4) for level, value in zip(LEVELS, covered, strict=True)},
        "strictly_below": {f"{level:g}": round(float(value), 4) for level, value in zip(LEVELS, below, strict=True)},
        "coverage_95_by_class": {
            name: round(float((miss[code[judged] == k][:, :, tail] <= 0).mean()), 4)
            for k, name in enumerate(CLASSES)
            if (code[judged] == k).any()
        },
        "pinball_scaled": {f"{lv:g}": round(float(v), 5) for lv, v in zip(LEVELS, pinball.mean(axis=(0, 1)), strict=True)},
        "pinball_scaled_mean": float(pinball.mean()),
        "close_us_per_row": 1e6 * spent_close / closes,
        "forecast_us_per_row": 1e6 * spent_forecast / order.size,
        "hash": hashlib.blake2b(forecast.tobytes() + levels.tobytes(), digest_size=8).hexdigest(),
    }


def main() -> None:
    """Print the figures; a size other than ``smoke`` is all shards."""
    found = run("smoke" if "--smoke" in sys.argv else "full")
    if "--json" in sys.argv:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:24} {value}")


if __name__ == "__main__":
    main()
