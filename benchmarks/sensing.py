"""Sensing: demand of today and of the next 1, 3, 7 days, forecast during the day, against the forecast of midnight.

The demand models learn real order lines day by day: Online Retail (United Kingdom, one shard), and Complete Journey if
``TIDEGAUGE_DATA`` has it. At 10:00, 14:00 and 18:00 each row is forecast once as at midnight and once with what has
come since. Ratios of the errors are reported, below 1 the sensed forecast is better:

- ``days_1``, ``days_3``, ``days_7``: units of today, and of 3 and 7 days from today on, whole days. What has come is
  known, the rest is expected.
- ``to_come_1`` to ``to_come_7``: units that are still to come of them. The forecast of midnight is that of its hours.
- ``after_1`` to ``after_7``: units of the 1, 3 and 7 days after today.

``absolute`` is the ratio of the sums of absolute errors, ``squared`` that of the root mean squared errors, each row
scaled by the standard deviation of its days so far. Forecasts count from day 60 on, of rows with ten days of sales.
Quantities of lines are capped at the row's .98 quantile, for the models and in what is judged.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from benchmarks.harness import ROOT
from benchmarks.m5 import data_folder
from sensing.contracts.forecast_parts import NEAR_DAYS_MAX as NEAR_DAYS
from sensing.demand.model_inputs import DayInputs, ordinary_window
from sensing.demand.models import DemandModels

Floats = NDArray[np.float64]

RETAIL = ROOT / "flows" / "demo" / "data" / "online_retail.parquet"
JOURNEY = Path("completejourney") / "transactions_top20_stores.parquet"
ROWS = {"smoke": 100, "full": 1_000}
LINES_MIN = 60
HOURS = (10, 14, 18)
DAYS = (1, 3, 7)
SPANS = ("days", "to_come", "after")
WARM_DAYS = 60
SOLD_DAYS_MIN = 10
CAP = 0.98
OPEN_SHARE = 0.05
"""A day with less than this share of the usual lines counts as closed."""
QUANTITY_MAX = 1000
"""Greater quantities of Complete Journey are coupons."""


class Cube(NamedTuple):
    """Order lines and units (rows, days, 24), the location of each row, and the first local day."""

    lines: Floats
    units: Floats
    pool: NDArray[np.int32]
    first: int


class Said(NamedTuple):
    """Forecast of midnight (n, NEAR_DAYS + 1) and the factors (n, NEAR_DAYS) at an hour, with what came by then (n,).

    ``left`` (n,) is the share of today that is still to come.
    """

    mean: Floats
    factors: Floats
    come: Floats
    left: Floats


def run(size: str) -> dict[str, object]:
    """Measure both sets of data."""
    cubes = {"online_retail": _retail(ROWS[size])}
    if (data_folder() / JOURNEY).exists():
        cubes["complete_journey"] = _journey(data_folder() / JOURNEY, ROWS[size])
    figures: dict[str, object] = {name: measure(cube) for name, cube in cubes.items()}
    rows = {f"{name}_rows": len(cube.lines) for name, cube in cubes.items()}
    return {"sizes": rows, **figures, "answer": sha256(repr(figures).encode()).hexdigest()}


def _retail(rows: int) -> Cube:
    table = parquet.read_table(RETAIL)
    quantity, country = table["Quantity"].to_numpy(), np.array(table["Country"].to_pylist())
    kept = (quantity > 0) & (country == "United Kingdom")
    names = np.array(table["StockCode"].to_pylist())[kept]
    return _cube(names, np.zeros(len(names), np.int32), table["InvoiceDate"].to_numpy()[kept], quantity[kept], rows)


def _journey(path: Path, rows: int) -> Cube:
    table = parquet.read_table(path)
    quantity = table["quantity"].to_numpy()
    kept = (quantity > 0) & (quantity < QUANTITY_MAX)
    stores, store = np.unique(np.array(table["store_id"].to_pylist())[kept], return_inverse=True)
    names = np.char.add(np.array(table["product_id"].to_pylist())[kept].astype(str), "|")
    names = np.char.add(names, stores.astype(str)[store])
    return _cube(names, store.astype(np.int32), table["transaction_timestamp"].to_numpy()[kept], quantity[kept], rows)


def _cube(
    names: NDArray[Any], pools: NDArray[np.int32], times: NDArray[Any], quantity: NDArray[Any], rows: int
) -> Cube:
    """The rows with the most lines, by local day and hour."""
    minute = times.astype("datetime64[m]").astype(np.int64)
    _, first_of, row, count = np.unique(names, return_index=True, return_inverse=True, return_counts=True)
    busiest = np.argsort(-count, kind="stable")[:rows]
    busiest = busiest[count[busiest] >= LINES_MIN]
    number = np.full(len(count), -1)
    number[busiest] = np.arange(len(busiest))
    order = np.argsort(number[row], kind="stable")
    order = order[np.searchsorted(number[row][order], 0) :]
    row, minute, units = number[row][order], minute[order], quantity[order].astype(np.float64)
    ends = np.searchsorted(row, np.arange(len(busiest) + 1))
    for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        units[start:stop] = np.minimum(units[start:stop], np.quantile(units[start:stop], CAP))
    first = int(minute.min()) // 1440
    shape = (len(busiest), int(minute.max()) // 1440 - first + 1, 24)
    lines, sums = np.zeros(shape), np.zeros(shape)
    at = (row, minute // 1440 - first, minute // 60 % 24)
    np.add.at(lines, at, 1.0)
    np.add.at(sums, at, units)
    return Cube(lines, sums, pools[first_of[busiest]], first)


def measure(cube: Cube) -> dict[str, object]:
    """Ratios of errors by hour of issue and days."""
    count, days = cube.lines.shape[:2]
    rows, pools = np.arange(count), np.unique(cube.pool).astype(np.int64)
    models = DemandModels()
    models.ensure(count, int(pools.max()) + 1)
    total = cube.lines.sum(axis=(0, 2))
    is_open = total > OPEN_SHARE * np.median(total[total > 0])
    units = cube.units.sum(axis=2)
    errors = {(hour, span, ahead): np.zeros(4) for hour in HOURS for span in SPANS for ahead in DAYS}
    for day in np.flatnonzero(is_open[: days - NEAR_DAYS]).tolist():
        if day >= WARM_DAYS:
            known = (units[:, :day] > 0.0).sum(axis=1) >= SOLD_DAYS_MIN
            scale = np.where(known, np.maximum(units[:, :day].std(axis=1), 1e-3), np.inf)
            for hour, said in _forecasts(models, cube, day, rows, is_open).items():
                for (span, ahead), (wanted, midnight, sensed) in _compare(said, units, day).items():
                    off = np.stack([wanted - midnight, wanted - sensed]) * known
                    errors[hour, span, ahead][:2] += np.abs(off).sum(axis=1)
                    errors[hour, span, ahead][2:] += ((off / scale) ** 2).sum(axis=1)
        _learn(models, cube, day, rows, pools)
    return {
        f"at_{hour}": {
            f"{span}_{ahead}": {
                "absolute": errors[hour, span, ahead][1] / errors[hour, span, ahead][0],
                "squared": float(np.sqrt(errors[hour, span, ahead][3] / errors[hour, span, ahead][2])),
            }
            for span in SPANS
            for ahead in DAYS
        }
        for hour in HOURS
    }


def _forecasts(
    models: DemandModels, cube: Cube, day: int, rows: NDArray[np.int64], is_open: NDArray[np.bool_]
) -> dict[int, Said]:
    """Forecasts of a day that has begun, by hour."""
    window, local, found = ordinary_window(rows.size), cube.first + day, {}
    window.closed[:] = ~is_open[np.minimum(day + np.arange(window.closed.shape[1]), is_open.size - 1)]
    mean = models.forecast(rows, local - 1, cube.pool, window).mean[:, : NEAR_DAYS + 1]
    for hour in HOURS:
        share = (1.0 / 24.0 + models.pool["share"][cube.pool, (local + 3) % 7, :hour]).sum(axis=1)
        lines, come = cube.lines[:, day, :hour].sum(axis=1), cube.units[:, day, :hour].sum(axis=1)
        near = models.near_term(rows, local, cube.pool, window, lines, share)
        found[hour] = Said(mean, near.factors, come, np.clip(1.0 - share, 0.0, 1.0))
    return found


def _compare(said: Said, units: Floats, day: int) -> dict[tuple[str, int], tuple[Floats, Floats, Floats]]:
    """Units (n,) that came, and the forecasts of midnight and of the hour, by span and days."""
    found = {}
    rest = said.mean[:, 0] * said.left
    for ahead in DAYS:
        later, sensed = said.mean[:, 1:ahead].sum(axis=1), said.mean[:, 1:NEAR_DAYS] * said.factors[:, 1:]
        came = units[:, day : day + ahead].sum(axis=1)
        expected = rest * said.factors[:, 0] + sensed[:, : ahead - 1].sum(axis=1)
        found["days", ahead] = came, said.mean[:, :ahead].sum(axis=1), said.come + expected
        found["to_come", ahead] = came - said.come, rest + later, expected
        after = units[:, day + 1 : day + 1 + ahead].sum(axis=1)
        found["after", ahead] = after, said.mean[:, 1 : ahead + 1].sum(axis=1), sensed[:, :ahead].sum(axis=1)
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
