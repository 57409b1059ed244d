"""Forecast accuracy on M5 beside AutoETS, in the same run: errors, quantiles and coverage at two origins, and nightly.

Data, shards, pools and scales are those of benchmark `m5`: the models of a shard learn all of its rows, day by day. A
seeded sample of the rows is judged.

- ``days_28``: forecasts of 28 days at two origins, the last day but 28 and the last but 56. RMSSE is the mean over rows
  at origins; ``weighted`` is weighted by the units of the row's last 28 days. Pinball losses are divided by the root of
  the row's scale and averaged over the levels of `m5`. Coverage is the share of days not above the quantile. Demand is
  a count, so a calibrated quantile covers more than its level; ``randomised`` it covers it (see `randomised`).
- ``days_7``: WAPE of the next 7 days, forecast every third night. AutoETS is fitted anew each time, so the sample is
  smaller.

``ratio`` is that of the engine to AutoETS. It is optional (`benchmarks/peers/auto_ets.py`); without it the engine's
figures are printed alone.

Source: Makridakis, Spiliotis, Assimakopoulos (2022), The M5 accuracy competition, eq. 1, and The M5 uncertainty
competition, eq. 1 and 2.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.m5 import (
    HISTORY_DAYS_MIN,
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
from benchmarks.peers import auto_ets
from benchmarks.randomised import step_shares
from flows.processors import processors
from sensing.demand.demand_record import CLASSES, HORIZON
from sensing.demand.model_inputs import Forecast, ordinary_window
from sensing.demand.models import DemandModels

SEED = 12
ROWS = {"smoke": (30, 3), "full": (1000, 150)}
"""Rows judged at the origins, and how many of them every night."""
WEEK = 7
ORIGINS = (2 * HORIZON, HORIZON)
"""Days from the origins to the end of the data."""
NIGHTS = tuple(WEEK + 3 * k for k in range(13, -1, -1))
"""Days from the nightly origins to the end of the data. Their distance has no common divisor with a week."""
ENGINE, PEER = "engine", "auto_ets"
CHUNK = 20
TAILS = np.array([0.95, 0.995])
"""Levels whose coverage is reported."""


class Case(NamedTuple):
    """Rows that are forecast at one origin, the number of the first day that is not learned."""

    origin: int
    row: NDArray[np.int64]
    horizon: int


class Said(NamedTuple):
    """Forecasts of a case: mean (n, horizon), quantiles (n, horizon, levels) and the engine's demand class (n,).

    ``shares`` (n, horizon, tails): share of the probability of each quantile's own count that is below its level.
    """

    mean: Matrix
    quantiles: Matrix
    demand_class: NDArray[np.uint8]
    shares: Matrix


class Judged(NamedTuple):
    """Rows at origins with what came: units (n, horizon), scale (n,), weight (n,), demand class (n,)."""

    actual: Matrix
    scale: NDArray[np.float64]
    weight: NDArray[np.float64]
    demand_class: NDArray[np.uint8]


@cache
def _sales() -> Sales:
    return load(data_folder())


def sampled(units: Matrix, rows: Sequence[NDArray[np.int64]], count: int) -> NDArray[np.int64]:
    """Draw ``count`` rows of those given by shard, with enough history before the first origin and a demand that moves.

    The draw is seeded. The order is that of the draw, so a part of it is a sample, too.
    """
    every = np.concatenate(rows)
    before = units[every, : -max(ORIGINS)]
    fit = every[(np.isfinite(before).sum(axis=1) >= HISTORY_DAYS_MIN) & (scales(before) > 0)]
    drawn: NDArray[np.int64] = np.random.default_rng(SEED).permutation(fit)[:count]
    return drawn


def cases(days: int, rows: NDArray[np.int64], nightly: NDArray[np.int64]) -> list[Case]:
    """Cases in the order of their origins: those of the 28 days first, if a night has the same origin."""
    found = [Case(days - back, rows, HORIZON) for back in ORIGINS]
    found += [Case(days - back, nightly, WEEK) for back in NIGHTS]
    return sorted(found, key=lambda case: (case.origin, -case.horizon))


class Origin(NamedTuple):
    """Models of a shard at an origin, the wanted rows in them with their pools, and the last local day learned."""

    models: DemandModels
    rows: NDArray[np.int64]
    pools: NDArray[np.int32]
    day: int
    horizon: int

    def said(self, tails: NDArray[np.float64]) -> Said:
        """Forecasts of the wanted rows, with shares for the levels ``tails``."""
        said = self.models.forecast(self.rows, self.day, self.pools, ordinary_window(self.rows.size))
        quantiles = self.models.quantiles(said, self.rows, LEVELS)

        def quantiles_of(at: slice, levels: NDArray[np.float64]) -> Matrix:
            of = Forecast(said.mean[at], said.variance[at], said.method[at], said.demand_class[at], said.sums[at])
            return self.models.quantiles(of, self.rows[at], levels)

        shares = step_shares(quantiles_of, self.rows.size, tails)
        h = self.horizon
        return Said(said.mean[:, :h], quantiles[:, :h], said.demand_class, shares[:, :h])


def at_origins(shard: int, wanted: list[Case]) -> Iterator[Origin]:
    """Each case of a shard in turn, whose models have learned all of the shard's rows up to its origin."""
    sales = _sales()
    row = np.flatnonzero(sales.shard == shard)
    units, pool = sales.units[row], sales.store[row]
    models = DemandModels()
    models.ensure(row.size, int(pool.max()) + 1)
    start = 0
    for case in wanted:
        close_days(models, units, pool, sales.first, start, case.origin)
        start = case.origin
        rows = np.searchsorted(row, case.row)
        yield Origin(models, rows, pool[rows], sales.first + case.origin - 1, case.horizon)


def engine_shard(shard: int, wanted: list[Case]) -> list[Said]:
    """Forecasts of the wanted rows of a shard."""
    return [origin.said(TAILS) for origin in at_origins(shard, wanted)]


def by_engine(pool: ProcessPoolExecutor, shards: Sequence[int], wanted: list[Case]) -> list[Said]:
    """Forecasts of all cases by the engine, in the order of their rows."""
    shard_of = _sales().shard
    places = [[np.flatnonzero(shard_of[case.row] == shard) for case in wanted] for shard in shards]
    parts = pool.map(
        engine_shard,
        shards,
        [[case._replace(row=case.row[at]) for case, at in zip(wanted, of_shard, strict=True)] for of_shard in places],
    )
    found = [
        Said(
            np.empty((case.row.size, case.horizon)),
            np.empty((case.row.size, case.horizon, LEVELS.size)),
            np.empty(case.row.size, np.uint8),
            np.empty((case.row.size, case.horizon, TAILS.size)),
        )
        for case in wanted
    ]
    for of_shard, part in zip(places, parts, strict=True):
        for k, said in enumerate(part):
            wholes: tuple[NDArray[Any], ...] = found[k]
            for whole, values in zip(wholes, said, strict=True):
                whole[of_shard[k]] = values
    return found


def by_peer(pool: ProcessPoolExecutor, wanted: list[Case], classes: list[NDArray[np.uint8]]) -> list[Said]:
    """Forecasts of all cases by AutoETS, each fitted to the row's days up to the origin."""
    units = _sales().units
    waiting = []
    for case in wanted:
        past = [row[np.isfinite(row)] for row in units[case.row, : case.origin]]
        waiting.append(
            [
                pool.submit(auto_ets.forecast, past[at : at + CHUNK], case.horizon, LEVELS)
                for at in range(0, len(past), CHUNK)
            ]
        )
    found = []
    for case, parts, codes in zip(wanted, waiting, classes, strict=True):
        means, quantiles = zip(*(part.result() for part in parts), strict=True)
        # Its quantiles are no counts, so no day has exactly one.
        shares = np.zeros((case.row.size, case.horizon, TAILS.size))
        found.append(Said(np.concatenate(means), np.concatenate(quantiles), codes, shares))
    return found


def judged(case: Case, said: Said) -> Judged:
    """What came after the origin of a case; scale and weight are of the days before it."""
    units = _sales().units[case.row]
    before = units[:, : case.origin]
    weight = np.nansum(before[:, -HORIZON:], axis=1)
    return Judged(units[:, case.origin : case.origin + case.horizon], scales(before), weight, said.demand_class)


def rmsse(rows: Judged, said: Said, weight: NDArray[np.float64]) -> float:
    """Weighted mean over rows of the root mean squared scaled error."""
    errors = scaled_errors(said.mean, rows.actual, rows.scale)
    return float((weight * errors).sum() / weight.sum())


def pinball(rows: Judged, said: Said, weight: NDArray[np.float64]) -> float:
    """Weighted mean over rows of the pinball loss, mean over days and levels, in units of the root of the scale."""
    loss = pinball_losses(rows.actual, said.quantiles).mean(axis=(1, 2)) / np.sqrt(rows.scale)
    return float((weight * loss).sum() / weight.sum())


def wape(rows: Judged, said: Said, _: NDArray[np.float64]) -> float:
    """Sum of absolute errors per unit of demand."""
    return float(np.abs(said.mean - rows.actual).sum() / rows.actual.sum())


def compared(
    figure: Callable[[Judged, Said, NDArray[np.float64]], float],
    rows: Judged,
    said: dict[str, Said],
    weight: NDArray[np.float64],
) -> dict[str, float]:
    """A figure of each forecaster, and the ratio if there are both."""
    out = {name: figure(rows, of, weight) for name, of in said.items()}
    return out | {"ratio": out[ENGINE] / out[PEER]} if PEER in out else out


def coverage(rows: Judged, said: Said) -> dict[str, dict[str, float]]:
    """Share of days not above the quantile, also randomised, in total and by demand class; bias by class."""
    out: dict[str, dict[str, float]] = {}
    for name, of in [
        ("all", rows.actual[:, 0] >= 0),
        *((name, rows.demand_class == k) for k, name in enumerate(CLASSES)),
    ]:
        if not of.any():
            continue
        inside = (rows.actual[of, :, None] <= said.quantiles[of]).mean(axis=(0, 1))
        below = (rows.actual[of, :, None] < said.quantiles[of]).mean(axis=(0, 1))
        out[name] = {}
        for k, level in enumerate(TAILS.tolist()):
            at = LEVELS.tolist().index(level)
            on_step = (rows.actual[of] == said.quantiles[of, :, at]) * said.shares[of, :, k]
            randomised = float(below[at] + on_step.mean())
            out[name] |= {f"{level:g}": float(inside[at]), f"{level:g}_randomised": randomised}
        out[name]["bias"] = float(said.mean[of].sum() / max(rows.actual[of].sum(), 1.0) - 1.0)
    return out


def figures_28(wanted: list[Case], said: dict[str, list[Said]]) -> dict[str, Any]:
    """Figures of the two origins: of both, and of each by its distance to the end of the data."""
    at = [k for k, case in enumerate(wanted) if case.horizon == HORIZON]
    rows = [judged(wanted[k], said[ENGINE][k]) for k in at]
    out: dict[str, Any] = {}
    for name, chosen in (
        ("both", at),
        *((f"{back}_days_before_end", [k]) for back, k in zip(ORIGINS, at, strict=True)),
    ):
        of: Judged = joined([rows[at.index(k)] for k in chosen])
        forecasts = {who: joined([found[k] for k in chosen]) for who, found in said.items()}
        equal = np.ones(of.scale.size)
        out[name] = {
            "rmsse": compared(rmsse, of, forecasts, equal),
            "rmsse_weighted": compared(rmsse, of, forecasts, of.weight),
            "pinball": compared(pinball, of, forecasts, equal),
            "pinball_weighted": compared(pinball, of, forecasts, of.weight),
        }
        if name == "both":
            out[name] |= {f"coverage_{who}": coverage(of, each) for who, each in forecasts.items()}
    return out


def figures_7(wanted: list[Case], said: dict[str, list[Said]]) -> dict[str, Any]:
    """Figures of the nights, all together."""
    at = [k for k, case in enumerate(wanted) if case.horizon == WEEK]
    rows: Judged = joined([judged(wanted[k], said[ENGINE][k]) for k in at])
    forecasts = {who: joined([found[k] for k in at]) for who, found in said.items()}
    return {"wape": compared(wape, rows, forecasts, rows.weight)}


def run(size: str) -> dict[str, Any]:
    """Judge rows of one shard (``smoke``) or of all shards."""
    if missing := missing_sales():
        return missing
    sales = _sales()
    shards = range(1 if size == "smoke" else SHARDS)
    count, nightly = ROWS[size]
    rows = sampled(sales.units, [np.flatnonzero(sales.shard == shard) for shard in shards], count)
    wanted = cases(sales.units.shape[1], rows, rows[:nightly])
    peer: dict[str, Any] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processors(), mp_context=context) as pool:
        said = {ENGINE: by_engine(pool, shards, wanted)}
        if auto_ets.installed():
            said[PEER] = by_peer(pool, wanted, [each.demand_class for each in said[ENGINE]])
        else:
            peer = {"auto_ets": f"not installed: {auto_ets.INSTALL}"}
    return {
        "seed": SEED,
        "sizes": {"rows": rows.size, "rows_nightly": min(nightly, rows.size), "nights": len(NIGHTS)},
        "answer": b"".join(each.mean.tobytes() + each.quantiles.tobytes() for each in said[ENGINE]),
        "days_28": figures_28(wanted, said),
        "days_7": figures_7(wanted, said),
        **peer,
    }
