"""Forecasts of young M5 rows, with and without what their pool says of a row without history.

Data, shards and pools are those of benchmark `m5`. Judged are rows whose first sale comes at least FIRST_DAY_MIN days
after the data begin. Their next 28 days are forecast when they have learned AGES days, the one of the first sale
included. Errors are divided by the row's mean squared one-day difference, from its first sale to the end of the data.
``without`` are models whose pools say nothing, so that a row has nothing but its own days. Coverage is the share of
days not above the quantile; a calibrated level lies between it and the share of days below the quantile.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.m5 import (
    LEVELS,
    SHARDS,
    Matrix,
    Sales,
    close_days,
    data_folder,
    joined,
    load,
    missing_sales,
    pinball_losses,
    scaled_errors,
    scales,
)
from sensing.demand.demand_record import HORIZON
from sensing.demand.model_inputs import ordinary_window
from sensing.demand.models import DemandModels

FIRST_DAY_MIN = 90
AGES = (1, 3, 7, 14, 28)
SMOKE_SHARDS = 3
TOLD = (0.5, 0.95, 0.995)


class Young(NamedTuple):
    """Rows at one age: forecast (n, 28), quantiles (n, 28, levels), what came (n, 28) and scale (n,)."""

    mean: Matrix
    quantiles: Matrix
    actual: Matrix
    scale: NDArray[np.float64]


def shard_run(sales: Sales, shard: int, *, pooled: bool) -> list[Young]:
    """Judged rows of a shard by age."""
    row = np.flatnonzero(sales.shard == shard)
    units, pool = sales.units[row], sales.store[row]
    first, scale = np.argmax(np.isfinite(units), axis=1), scales(units)
    fit = (first >= FIRST_DAY_MIN) & (first <= units.shape[1] - HORIZON - max(AGES)) & (scale > 0.0)
    models = DemandModels()
    models.ensure(row.size, int(pool.max()) + 1)
    found: list[list[Young]] = [[] for _ in AGES]
    for at in range(units.shape[1] - HORIZON):
        if not pooled:
            forget_shares(models)
        close_days(models, units, pool, sales.first, at, at + 1)
        for parts, age in zip(found, AGES, strict=True):
            rows = np.flatnonzero(fit & (first + age == at + 1))
            if rows.size:
                said = models.forecast(rows, sales.first + at, pool[rows], ordinary_window(rows.size))
                quantiles = models.quantiles(said, rows, LEVELS)
                parts.append(Young(said.mean, quantiles, units[rows, at + 1 : at + 1 + HORIZON], scale[rows]))
    return [joined(parts) for parts in found]


def forget_shares(models: DemandModels) -> None:
    """Let pools know nothing of their rows."""
    models.pool["shares"] = 0.0


def figures(young: Young) -> dict[str, float]:
    """Figures of one age."""
    losses = pinball_losses(young.actual, young.quantiles).mean(axis=(1, 2)) / np.sqrt(young.scale)
    out = {
        "rmsse": float(scaled_errors(young.mean, young.actual, young.scale).mean()),
        "wape": float(np.abs(young.mean - young.actual).sum() / young.actual.sum()),
        "bias": float((young.mean - young.actual).sum() / young.actual.sum()),
        "pinball": float(losses.mean()),
    }
    for level in TOLD:
        at = LEVELS.tolist().index(level)
        out[f"coverage_{level:g}"] = float((young.actual <= young.quantiles[:, :, at]).mean())
        out[f"below_{level:g}"] = float((young.actual < young.quantiles[:, :, at]).mean())
    return out


def run(size: str) -> dict[str, Any]:
    """Judge the young rows of some shards (``smoke``) or of all shards."""
    if missing := missing_sales():
        return missing
    sales = load(data_folder())
    shards = range(SMOKE_SHARDS if size == "smoke" else SHARDS)
    found = {name: [shard_run(sales, shard, pooled=name == "with") for shard in shards] for name in ("with", "without")}
    by_age = {name: [joined([shard[k] for shard in of]) for k in range(len(AGES))] for name, of in found.items()}
    return {
        "seed": None,
        "sizes": {"rows": by_age["with"][0].scale.size},
        "answer": b"".join(young.mean.tobytes() for young in by_age["with"]),
        **{
            f"{name}_after_{age}_days": figures(young)
            for name, of in by_age.items()
            for age, young in zip(AGES, of, strict=True)
        },
    }
