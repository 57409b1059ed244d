"""Ablation on M5: what a forecast loses if one of its components is left out.

Data, sample, origins and figures are those of benchmark `accuracy`. The models learn with all components. Then each is
taken out of the records that a forecast reads, one at a time, and the rows are forecast without it. ``ratio`` is the
figure without the component over that with all of them: above 1 the component pays.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.accuracy import (
    ORIGINS,
    ROWS,
    SEED,
    Case,
    Judged,
    Said,
    at_origins,
    judged,
    pinball,
    rmsse,
    sampled,
)
from benchmarks.m5 import SHARDS, data_folder, joined, load, missing_sales
from flows.processors import processors
from sensing.demand.demand_record import HORIZON
from sensing.demand.models import DemandModels

ALL = "all"


def _without_returns(models: DemandModels) -> None:
    models.sums["return_share"] = 0.0


def _without_calibration(models: DemandModels) -> None:
    models.pool["rows"], models.pool["below"] = 0.0, 0.0


def _without_own_weekdays(models: DemandModels) -> None:
    models.demand["weekday_quantity"], models.demand["weekday_expected"] = 0.0, 0.0


def _without_weekdays(models: DemandModels) -> None:
    _without_own_weekdays(models)
    models.pool["weekday_index"] = 0.0


def _without_month_days(models: DemandModels) -> None:
    models.pool["month_index"] = 0.0


def _without_river(models: DemandModels) -> None:
    models.demand["slot"] = 0


def _without_shifts(models: DemandModels) -> None:
    models.demand["shift"] = 0.0


COMPONENTS: dict[str, Callable[[DemandModels], None]] = {
    "return_of_silent_rows": _without_returns,
    "calibration": _without_calibration,
    "own_weekdays": _without_own_weekdays,
    "weekdays": _without_weekdays,
    "month_days": _without_month_days,
    "river": _without_river,
    "shifts_in_doubt": _without_shifts,
}


@contextmanager
def left_out(models: DemandModels, component: str) -> Iterator[None]:
    """Within it, forecasts are made without a component; the records are restored afterwards."""
    records = models.demand, models.pool, models.sums
    # A copy of an array of records may leave out bytes between the fields, and snapshots have them.
    kept = [np.frombuffer(bytearray(each.tobytes()), each.dtype) for each in records]
    if component != ALL:
        COMPONENTS[component](models)
    yield
    models.demand, models.pool, models.sums = kept


def shard_forecasts(shard: int, wanted: list[Case]) -> list[dict[str, Said]]:
    """Forecasts of the wanted rows of a shard, by component that is left out."""
    found = []
    for origin in at_origins(shard, wanted):
        of_case = {}
        for name in (ALL, *COMPONENTS):
            with left_out(origin.models, name):
                of_case[name] = origin.said(np.empty(0))
        found.append(of_case)
    return found


def figures(rows: Judged, said: dict[str, Said]) -> dict[str, Any]:
    """RMSSE and pinball loss without each component, over those with all of them."""
    equal = np.ones(rows.scale.size)
    out: dict[str, Any] = {}
    for name in COMPONENTS:
        out[name] = {
            "rmsse_ratio": rmsse(rows, said[name], equal) / rmsse(rows, said[ALL], equal),
            "rmsse_weighted_ratio": rmsse(rows, said[name], rows.weight) / rmsse(rows, said[ALL], rows.weight),
            "pinball_ratio": pinball(rows, said[name], equal) / pinball(rows, said[ALL], equal),
        }
    return out


def run(size: str) -> dict[str, Any]:
    """Judge rows of one shard (``smoke``) or of all shards."""
    if missing := missing_sales():
        return missing
    sales = load(data_folder())
    shards = range(1 if size == "smoke" else SHARDS)
    rows = sampled(sales.units, [np.flatnonzero(sales.shard == shard) for shard in shards], ROWS[size][0])
    origins = [sales.units.shape[1] - back for back in ORIGINS]
    wanted = [[Case(at, rows[sales.shard[rows] == shard], HORIZON) for at in origins] for shard in shards]
    with ProcessPoolExecutor(processors(), mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(shard_forecasts, shards, wanted))
    said = {name: joined([case[name] for part in parts for case in part]) for name in (ALL, *COMPONENTS)}
    cases = [(case, of[ALL]) for part, of_shard in zip(parts, wanted, strict=True)
             for of, case in zip(part, of_shard, strict=True)]  # fmt: skip
    return {
        "seed": SEED,
        "sizes": {"rows": rows.size, "origins": len(origins)},
        "answer": b"".join(each.mean.tobytes() + each.quantiles.tobytes() for each in said.values()),
        **figures(joined([judged(case, of) for case, of in cases]), said),
    }
