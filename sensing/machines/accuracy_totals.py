"""Totals of a shard that accuracy metrics follow from: of days, sums of days, what is in force, lead times.

Totals of shards add up. Each has a name and labels; those of classes without a day, sum or plan are left out. Ratios
are taken of the sums, where metrics are made: `flows.service.accuracy_metrics`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from sensing.demand import class_scores as scores
from sensing.demand.demand_class import count_classes
from sensing.demand.demand_record import CLASSES
from sensing.demand.sum_variance import SUM_DAYS, SUM_LEVELS
from sensing.machines.shard_state import ShardState

Totals = dict[tuple[str, ...], float]
"""Totals by name and labels."""

COLUMNS = {
    "days": scores.DAYS, "units": scores.UNITS, "absolute": scores.ABSOLUTE, "error": scores.ERROR,
    "squares": scores.SQUARES, "naive": scores.NAIVE, "loss": scores.LOSS, "loss_days": scores.LOSS_DAYS,
}  # fmt: skip
LANES = ("new", "known")
"""Lanes without and with receipts."""


def accuracy_totals(s: ShardState) -> Totals:
    """Count the totals of a shard."""
    return added_up((_rows(s), _days(s), _sums(s), _plans(s), _lead_times(s), _in_force(s)))


def added_up(parts: Iterable[Iterable[tuple[tuple[str, ...], float]]]) -> Totals:
    """Sums of all values by name and labels."""
    found: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for key, value in chain.from_iterable(parts):
        found[key] += value
    return dict(found)


def _rows(s: ShardState) -> Iterator[tuple[tuple[str, ...], float]]:
    rows = np.flatnonzero(s.rows.hot["active"][: s.rows.count] == 1)
    counts = np.zeros(len(CLASSES), np.int64)
    count_classes(s.demand.demand, rows, counts)
    for name, count in zip(CLASSES, counts.tolist(), strict=True):
        if count:
            yield ("rows", name), count


def _days(s: ShardState) -> Iterator[tuple[tuple[str, ...], float]]:
    totals = s.demand.pool["scores"].sum(axis=0)
    for name, of_class in zip(CLASSES, totals.tolist(), strict=True):
        if not of_class[scores.DAYS]:
            continue
        for figure, column in COLUMNS.items():
            yield (figure, name), of_class[column]
        for k, level in enumerate(scores.SCORE_LEVELS):
            yield ("within", name, f"{level:g}"), of_class[scores.WITHIN + k]


def _sums(s: ShardState) -> Iterator[tuple[tuple[str, ...], float]]:
    sums, covered = s.demand.sums["sums"][0].tolist(), s.demand.sums["covered"][0].tolist()
    for code, name in enumerate(CLASSES):
        for k, days in enumerate(SUM_DAYS):
            if not sums[code][k]:
                continue
            yield ("sums", name, str(days)), sums[code][k]
            for level, stated in enumerate(SUM_LEVELS):
                yield ("sums_within", name, str(days), f"{stated:g}"), covered[code][k][level]


def _plans(s: ShardState) -> Iterator[tuple[tuple[str, ...], float]]:
    for plan in s.baselines.plans.values():
        if not plan.days:
            continue
        name = CLASSES[plan.demand_class]
        yield ("plan_absolute", name), plan.days * plan.plan_absolute
        yield ("sensed_absolute", name), plan.days * plan.sensed_absolute


def _in_force(s: ShardState) -> Iterator[tuple[tuple[str, ...], float]]:
    for name, total in zip(CLASSES, s.supply.reached.totals, strict=True):
        if total["cycles"]:
            yield ("in_force_cycles", name), float(total["cycles"])
            yield ("in_force_within", name), float(total["within"])


def _lead_times(s: ShardState) -> Iterator[tuple[tuple[str, ...], float]]:
    for lane, record in zip(LANES, s.supply.lanes.calibration, strict=True):
        if not record["receipts"]:
            continue
        yield ("receipts", lane), float(record["receipts"])
        yield ("receipts_within", lane, "0.5"), float(record["within_50"])
        yield ("receipts_within", lane, "0.9"), float(record["within_90"])
