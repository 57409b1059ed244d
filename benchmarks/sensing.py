"""Sensing: error of the demand of the next 1, 3 and 7 days, forecast during the day, against the forecast of midnight.

The demand models learn real order lines day by day: Online Retail (United Kingdom), and Complete Journey if
``TIDEGAUGE_DATA`` has it. At 10:00, 14:00 and 18:00 each row is forecast for the rest of the day and the days after it,
once as at midnight and once with what the day so far says. ``absolute`` is the ratio of the sums of absolute errors,
``scaled`` that of the root mean squared errors, each row scaled by the standard deviation of its days so far. Below 1
the sensed forecast is better. Forecasts count from day 60 on; a line's quantity is capped at the row's .98 quantile.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from benchmarks.harness import ROOT
from benchmarks.m5 import data_folder
from sensing.demand.model_inputs import NEAR_DAYS, DayInputs, ordinary_window
from sensing.demand.models import DemandModels

Floats = NDArray[np.float64]

RETAIL = ROOT / "flows" / "demo" / "data" / "online_retail.parquet"
JOURNEY = Path("completejourney") / "transactions_top20_stores.parquet"
ROWS = {"smoke": 200, "full": 2_000}
LINES_MIN = 60
HOURS = (10, 14, 18)
DAYS = (1, 3, 7)
WARM_DAYS = 60
CAP = 0.98
OPEN_SHARE = 0.05
"""A day with less than this share of the usual lines counts as closed."""


class Cube(NamedTuple):
    """Order lines and units (rows, days, 24), the location of each row, and the first local day."""

    lines: Floats
    units: Floats
    pool: NDArray[np.int32]
    first: int


def run(size: str) -> dict[str, object]:
    """Measure both sets of data."""
    data = data_folder()
    cubes = {"online_retail": _retail(ROWS[size])}
    if (data / JOURNEY).exists():
        cubes["complete_journey"] = _journey(data / JOURNEY, ROWS[size])
    figures: dict[str, object] = {name: _measure(cube) for name, cube in cubes.items()}
    rows = {f"{name}_rows": len(cube.lines) for name, cube in cubes.items()}
    return {"seed": None, "sizes": rows, **figures, "answer": sha256(repr(figures).encode()).hexdigest()}


def _retail(rows: int) -> Cube:
    table = parquet.read_table(RETAIL)
    quantity, country = table["Quantity"].to_numpy(), np.array(table["Country"].to_pylist())
    kept = (quantity > 0) & (country == "United Kingdom")
    names = np.array(table["StockCode"].to_pylist())[kept]
    return _cube(names, np.zeros(len(names), np.int32), table["InvoiceDate"].to_numpy()[kept], quantity[kept], rows)


def _journey(path: Path, rows: int) -> Cube:
    table = parquet.read_table(path)
    quantity = table["quantity"].to_numpy()
    kept = (quantity > 0) & (quantity < 1000)
    stores, store = np.unique(np.array(table["store_id"].to_pylist())[kept], return_inverse=True)
    names = np.char.add(np.array(table["product_id"].to_pylist())[kept].astype(str), "|")
    names = np.char.add(names, stores.astype(str)[store])
    return _cube(names, store.astype(np.int32), table["transaction_timestamp"].to_numpy()[kept], quantity[kept], rows)


def _cube(names: NDArray[Any], pools: NDArray[np.int32], times: NDArray[Any], quantity: Floats, rows: int) -> Cube:
    """The rows with the most lines, by local day and hour."""
    minute = times.astype("datetime64[m]").astype(np.int64)
    _, first_of, row, count = np.unique(names, return_index=True, return_inverse=True, return_counts=True)
    busiest = np.argsort(-count, kind="stable")[:rows]
    busiest = busiest[count[busiest] >= LINES_MIN]
    number = np.full(len(count), -1)
    number[busiest] = np.arange(len(busiest))
    row = number[row]
    kept = row >= 0
    row, minute, units = row[kept], minute[kept], quantity[kept].astype(np.float64)
    for each in range(len(busiest)):
        of_row = row == each
        units[of_row] = np.minimum(units[of_row], np.quantile(units[of_row], CAP))
    first = int(minute.min()) // 1440
    shape = (len(busiest), int(minute.max()) // 1440 - first + 1, 24)
    lines, sums = np.zeros(shape), np.zeros(shape)
    at = (row, minute // 1440 - first, minute // 60 % 24)
    np.add.at(lines, at, 1.0)
    np.add.at(sums, at, units)
    return Cube(lines, sums, pools[first_of[busiest]], first)


def _measure(cube: Cube) -> dict[str, object]:
    """Ratios of errors by hour of issue and days ahead."""
    count, days = cube.lines.shape[:2]
    rows, pools = np.arange(count), np.unique(cube.pool).astype(np.int64)
    models = DemandModels()
    models.ensure(count, int(pools.max()) + 1)
    total = cube.lines.sum(axis=(0, 2))
    is_open = total > OPEN_SHARE * np.median(total[total > 0])
    units = cube.units.sum(axis=2)
    errors = {(hour, ahead): np.zeros(4) for hour in HOURS for ahead in DAYS}
    for day in range(days - max(DAYS)):
        if not is_open[day]:
            continue
        local = cube.first + day
        if day >= WARM_DAYS:
            window = ordinary_window(count)
            window.closed[:] = ~is_open[np.minimum(day + np.arange(window.closed.shape[1]), days - 1)]
            mean = models.forecast(rows, local - 1, cube.pool, window).mean
            scale = np.maximum(units[:, :day].std(axis=1), 1e-3)
            for hour in HOURS:
                share = (1.0 / 24.0 + models.pool["share"][cube.pool, (local + 3) % 7, :hour]).sum(axis=1)
                near = models.near_term(rows, local, cube.pool, cube.lines[:, day, :hour].sum(axis=1), share)
                base = mean[:, :NEAR_DAYS].copy()
                base[:, 0] *= np.clip(1.0 - share, 0.0, 1.0)
                actual = units[:, day : day + NEAR_DAYS].copy()
                actual[:, 0] = cube.units[:, day, hour:].sum(axis=1)
                for ahead in DAYS:
                    wanted = actual[:, :ahead].sum(axis=1)
                    both = [base[:, :ahead].sum(axis=1), (base * near.factors)[:, :ahead].sum(axis=1)]
                    absolute = [np.abs(wanted - each).sum() for each in both]
                    squared = [(((wanted - each) / scale) ** 2).sum() for each in both]
                    errors[hour, ahead] += (*absolute, *squared)
        _learn(models, cube, day, rows, pools)
    found: dict[str, object] = {}
    for (hour, ahead), (midnight, sensed, midnight_squared, sensed_squared) in errors.items():
        found[f"at_{hour}_days_{ahead}"] = {
            "absolute": sensed / midnight, "scaled": float(np.sqrt(sensed_squared / midnight_squared))
        }  # fmt: skip
    return found


def _learn(models: DemandModels, cube: Cube, day: int, rows: NDArray[np.int64], pools: NDArray[np.int64]) -> None:
    count, local = len(rows), cube.first + day
    nothing = np.zeros(count)
    inputs = DayInputs(
        local, cube.units[:, day].sum(axis=1), cube.lines[:, day].sum(axis=1), cube.lines[:, day].astype(np.uint16),
        cube.pool, np.ones(count), nothing.astype(np.bool_), nothing, np.ones(count), nothing.astype(np.bool_),
    )  # fmt: skip
    models.close_day(rows, inputs)
    models.aggregate_pools(pools, local)
