"""Scores by demand class, against a count day by day on plain floats."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from sensing.demand import class_scores, demand_class
from sensing.demand.class_scores import (
    ABSOLUTE,
    DAYS,
    ERROR,
    LOSS,
    LOSS_DAYS,
    NAIVE,
    SCORE_LEVELS,
    SQUARES,
    UNITS,
    WITHIN,
)  # fmt: skip
from sensing.demand.demand_record import CLASSES, DEMAND, POOL
from sensing.demand.models import DemandModels
from tests.demand.streams import feed, started, stream

SMOOTH, LUMPY = CLASSES.index("smooth"), CLASSES.index("lumpy")


def learned(square: float = 4.0, newest: float = 3.0, silence: int = 0) -> NDArray[Any]:
    """Seven rows with this usual squared error; on day 0 the first one has a pinball loss."""
    demand = np.zeros(7, DEMAND)
    demand["square"], demand["newest_size"], demand["silence"] = square, newest, silence
    return demand


@given(units=st.integers(0, 20), mean=st.floats(0.5, 8.0), ratio=st.floats(1.1, 3.0), silence=st.integers(0, 3))
def test_a_day_is_that_of_the_oracle(units: int, mean: float, ratio: float, silence: int) -> None:
    """Errors of the forecast and of the day before, in terms of the usual error; quantiles of scipy."""
    variance, square = ratio * mean, 4.0
    found = stats.nbinom(mean * mean / (variance - mean), mean / variance)
    low = float(found.cdf(units - 1))
    pool = np.zeros(1, POOL)
    class_scores.add_class_score(learned(silence=silence), 0, pool, 0, SMOOTH, float(units), mean, variance, low)
    before = 0.0 if silence else 3.0
    totals = np.zeros(pool["day_scores"].shape[2])
    totals[[DAYS, UNITS, ABSOLUTE, ERROR, LOSS_DAYS]] = 1.0, units, abs(units - mean), mean - units, 1.0
    totals[SQUARES], totals[NAIVE] = (units - mean) ** 2 / square, (units - before) ** 2 / square
    for k, level in enumerate(SCORE_LEVELS):
        stated = float(found.ppf(level))
        if abs(float(found.cdf(stated)) - level) < 1e-9 or abs(low - level) < 1e-9:
            return  # rounding decides the step
        totals[WITHIN + k] = units <= stated
        totals[LOSS] += max(level * (units - stated), (level - 1.0) * (units - stated)) / 2.0 / len(SCORE_LEVELS)
    assert pool["day_scores"][0, SMOOTH] == pytest.approx(totals)
    assert not np.delete(pool["day_scores"][0], SMOOTH, axis=0).any()


def test_the_corrected_quantile_counts() -> None:
    """A level that the calibration of the pool has raised covers more."""
    pool, demand = np.zeros(1, POOL), learned()
    class_scores.add_class_score(demand, 0, pool, 0, SMOOTH, 5.0, 2.0, 4.0, 0.96)
    assert pool["day_scores"][0, SMOOTH, WITHIN:].tolist() == [0.0, 0.0, 1.0]
    pool["nominal_correction"][0, SMOOTH, SCORE_LEVELS.index(0.95)] = 0.02
    class_scores.add_class_score(demand, 0, pool, 0, SMOOTH, 5.0, 2.0, 4.0, 0.96)
    assert pool["day_scores"][0, SMOOTH, WITHIN:].tolist() == [0.0, 1.0, 2.0]


def test_each_row_has_a_pinball_loss_once_a_week() -> None:
    """On different days; a row without errors has no scale, and none."""
    pool, demand = np.zeros(1, POOL), learned()
    for day in range(14):
        demand["last_day"] = day
        for row in range(7):
            class_scores.add_class_score(demand, row, pool, 0, LUMPY, 1.0, 1.0, 2.0, 0.4)
        assert pool["day_scores"][0, LUMPY, LOSS_DAYS] == day + 1
    demand["square"] = 0.0
    class_scores.add_class_score(demand, 0, pool, 0, LUMPY, 1.0, 1.0, 2.0, 0.4)
    assert pool["day_scores"][0, LUMPY, [DAYS, LOSS_DAYS]].tolist() == [99.0, 14.0]


def test_totals_are_discounted_by_day_and_class() -> None:
    """A class without days keeps what it has."""
    pool = np.zeros(1, POOL)
    pool["scores"][0] = 10.0
    pool["day_scores"][0, SMOOTH] = 2.0
    class_scores.aggregate_scores(pool, 0)
    assert pool["scores"][0, SMOOTH] == pytest.approx(class_scores.DAY_DISCOUNT * 10.0 + 2.0)
    assert (pool["scores"][0, LUMPY] == 10.0).all()
    assert not pool["day_scores"].any()


def test_classes_are_counted() -> None:
    """As the class of each row says."""
    demand = np.zeros(3, DEMAND)
    demand["days"], demand["sales"], demand["interval"] = [10, 400, 400], [1, 300, 300], 1.0
    demand["size_mean"], demand["size_square"] = 2.0, [4.0, 4.0, 40.0]
    counts = np.zeros(len(CLASSES), np.int64)
    demand_class.count_classes(demand, np.arange(3), counts)
    assert counts.tolist() == [1, 1, 0, 1, 0, 0]


@pytest.mark.compiled
def test_a_perfect_scale() -> None:
    """On a stream of all kinds, errors are below the naive ones and quantiles are covered as stated, or more."""
    found = stream(7, 130)
    models: DemandModels = started(found)
    feed(models, found, 0, 130)
    totals = models.pool["scores"].sum(axis=(0, 1))
    assert 0.5 < math.sqrt(totals[SQUARES] / totals[NAIVE]) < 1.0
    assert totals[WITHIN] / totals[DAYS] > 0.5
    assert totals[WITHIN + 1] / totals[DAYS] > 0.93
    assert totals[LOSS_DAYS] == pytest.approx(totals[DAYS] / 7.0, rel=0.1)
