"""Demand of several days: variance, distribution and calibration against slow counterparts and simulated demand."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.demand import day_learning, seasonal_profile, sum_calibration
from sensing.demand.demand_record import CLASSES, DEMAND, FACTORS, POOL, SUMS
from sensing.demand.distribution import normal_quantile, quantile, tail_probability
from sensing.demand.members.registry import MEMBERS
from sensing.demand.model_inputs import DayInputs, ordinary_window
from sensing.demand.models import DemandModels
from sensing.demand.sum_distribution import geometric_mean, is_shifted, sum_quantile, sum_tail
from sensing.demand.sum_variance import (
    COLUMNS,
    GAIN,
    SCALES,
    SUM_DAYS,
    SUM_LEVELS,
    YOUNG,
    independent,
    open_share,
    scale_of,
    sum_growth,
    sum_ratio,
    young_level,
)
from sensing.supply.lead_time_demand import protection_time_demand
from tests.demand.streams import FIRST_DAY, feed, started, stream

GAINS = st.floats(0.0, 0.5)
MEANS = st.floats(0.01, 200.0)
LEVELS = st.floats(0.5, 0.999)
CODE = CLASSES.index("smooth")


@given(st.integers(1, 90), GAINS, st.floats(0.0, 0.5))
def test_the_variance_of_a_sum_is_that_of_every_error_in_it(days: int, gain: float, young: float) -> None:
    """The error of a day counts once on its day and, by the gain, on each later one; the level's counts on all."""
    slow = sum((1.0 + later * gain) ** 2 for later in range(days)) + days * days * young
    assert days * sum_growth(float(days), 0.0, gain, young) == pytest.approx(slow)


@given(st.integers(2, 60), GAINS, st.floats(0.0, 0.2))
def test_a_random_number_of_days_adds_the_curvature(days: int, gain: float, young: float) -> None:
    """One day more or less with equal chance adds half the second difference."""
    total = [n * sum_growth(float(n), 0.0, gain, young) for n in (days - 1, days, days + 1)]
    bend = 0.5 * (total[0] + total[2]) - total[1]
    assert days * sum_growth(float(days), 1.0, gain, young) == pytest.approx(total[1] + bend, rel=1e-9)


def test_sums_of_simulated_demand_have_the_stated_variance() -> None:
    """Exponential smoothing of its own model: 20,000 sums of 28 days, gain .1."""
    rng, gain = np.random.default_rng(1), 0.1
    errors = rng.normal(size=(20_000, 28))
    levels = gain * np.concatenate([np.zeros((20_000, 1)), errors.cumsum(axis=1)[:, :-1]], axis=1)
    found = (levels + errors).sum(axis=1).var()
    assert found == pytest.approx(28.0 * sum_growth(28.0, 0.0, gain, 0.0), rel=0.04)


@given(st.floats(0.0, 400.0), GAINS.filter(bool))
def test_only_a_young_level_adds_to_it(exposure: float, gain: float) -> None:
    """As much as the mean of so few days is less certain than a smoothed level; nothing with history."""
    found = young_level(exposure, gain)
    assert found == pytest.approx(max(1.0 / max(exposure, 1.0) - gain / (2.0 - gain), 0.0))
    assert found == 0.0 or exposure < 2.0 / gain


@given(st.lists(st.floats(0.5, 2.5), min_size=COLUMNS, max_size=COLUMNS), st.floats(0.1, 90.0), st.floats(0.5, 0.999))
def test_scales_are_interpolated(values: list[float], days: float, level: float) -> None:
    """By the logarithm of the days and the normal score of the level, constant beyond the ends."""
    sums = np.array(values)
    table = sums[SCALES:].reshape(len(SUM_DAYS), len(SUM_LEVELS))
    scores = [normal_quantile(each) for each in SUM_LEVELS]
    by_day = [np.interp(normal_quantile(level), scores, row) for row in table]
    wanted = np.interp(math.log(max(days, 1.0)), np.log(SUM_DAYS), by_day)
    assert scale_of(sums, days, level) == pytest.approx(wanted)


def test_the_ratio_of_a_row() -> None:
    """One for independent days; the own squared error, the growth of sums and the scale multiply it, that of days is
    taken out; closed days do not count.
    """
    sums = independent(2)
    assert sum_ratio(sums[0], 28.0, 3.0, 0.95) == 1.0
    sums[1, GAIN], sums[1, YOUNG], sums[1, SCALES - 1] = 0.1, 0.01, 2.0
    sums[1, SCALES:] = 1.5
    of_days = sum(1.0 + h * 0.01 for h in range(7)) / 7
    wanted = 2.0 * 1.5**2 * sum_growth(7.0, 2.0, 0.1, 0.01) / of_days
    assert sum_ratio(sums[1], 7.0, 2.0, 0.95) == pytest.approx(wanted)
    assert open_share(np.array([1.0, 0.0, 2.0, 3.0])) == 0.75


@given(MEANS, st.floats(0.0, 5e3), st.floats(0.5, 60.0))
def test_the_tail_of_a_sum(mean: float, variance: float, observed: float) -> None:
    """That of a day up to the skewness of a geometric distribution; beyond, that of the shifted one with this mean and
    variance.
    """
    if not is_shifted(mean, variance):
        assert sum_tail(observed, mean, variance) == tail_probability(observed, mean, variance)
        return
    at = geometric_mean(variance)
    assert at + at * at == pytest.approx(variance)
    shift, ratio = mean - at, at / (1.0 + at)
    steps = math.ceil(observed) - shift
    assert sum_tail(observed, mean, variance) == pytest.approx(min(ratio**steps, 1.0), abs=1e-12)


@given(MEANS, st.floats(0.0, 5e3), LEVELS)
def test_the_quantile_of_a_sum_is_the_first_that_covers_its_level(mean: float, variance: float, level: float) -> None:
    """Where the distribution is shifted: one unit less covers less."""
    found = sum_quantile(level, mean, variance)
    if not is_shifted(mean, variance):
        assert found == quantile(level, mean, variance)
        return
    assert found == round(found)
    assert 1.0 - sum_tail(found + 1.0, mean, variance) >= level - 1e-9
    assert found == 0.0 or 1.0 - sum_tail(found, mean, variance) <= level + 1e-9


@given(st.floats(0.1, 20.0), st.floats(1.0, 50.0), st.floats(1.01, 3.0))
def test_a_less_certain_demand_has_the_larger_buffer(mean: float, ratio: float, more: float) -> None:
    """Also where a negative binomial would put nearly everything on zero."""
    variance = mean + mean * mean * ratio
    assert sum_quantile(0.95, mean, more * variance) >= sum_quantile(0.95, mean, variance)
    assert sum_quantile(0.95, mean, 100.0 * variance) > 0.0


def waiting(days: int = 0, mean: float = 2.0, square: float = 6.0) -> NDArray[Any]:
    """A row of class smooth that waits for a sum with this mean and squared error per day, gain .05."""
    demand = np.zeros(1, DEMAND)
    demand["days"], demand["sales"], demand["exposure"] = 400, 300, 400.0
    demand["size_mean"], demand["size_square"], demand["interval"] = mean, mean * mean, 1.0
    sum_calibration.start_sum(demand, 0, mean, square, 0.05, 0.0)
    demand["sum_days"] = days
    return demand


@given(st.lists(st.integers(0, 12), min_size=28, max_size=28))
def test_sums_are_counted_as_within_the_quantile_or_not(units: list[int]) -> None:
    """After 1, 7, 14 and 28 days, for every level and factor, against the quantile that would have been proposed."""
    demand, pool = waiting(), np.zeros(1, SUMS)
    for each in units:
        sum_calibration.add_to_sum(demand, 0, pool, float(each), 1.0)
    assert demand["sum_days"][0] == 0
    for k, days in enumerate(SUM_DAYS):
        assert pool["day_sums"][0, CODE, k] == 1.0
        for level, stated in enumerate(SUM_LEVELS):
            for f, factor in enumerate(FACTORS):
                variance = 6.0 * days * sum_growth(float(days), 0.0, float(np.float32(0.05)), 0.0) * factor**2
                within = sum(units[:days]) <= sum_quantile(stated, 2.0 * days, variance)
                assert pool["day_within"][0, CODE, k, level, f] == within


def test_sums_are_counted_as_within_the_corrected_quantile() -> None:
    """With the scale that was in force when the sum ended; counts are discounted once a day."""
    demand, pool = waiting(days=6), np.zeros(1, SUMS)
    pool["log_scale"][0, CODE, SUM_DAYS.index(7)] = np.log([0.6, 1.0, 3.4])
    demand["sum_expected"] = 12.0
    variance = 6.0 * 7 * sum_growth(7.0, 0.0, float(np.float32(0.05)), 0.0)
    units = sum_quantile(0.95, 14.0, variance)
    demand["sum_units"] = units - 2.0
    sum_calibration.add_to_sum(demand, 0, pool, 2.0, 1.0)
    assert units > sum_quantile(0.9, 14.0, variance * 0.36)
    assert pool["day_covered"][0, CODE].tolist() == [[0.0] * 3, [0.0, 1.0, 1.0], [0.0] * 3, [0.0] * 3]
    for day in (10, 11):
        pool["day_sums"][0, CODE, 1] = 1.0
        sum_calibration.aggregate_sums(pool, day)
    kept = sum_calibration.SUM_DAY_DISCOUNT
    assert pool["covered"][0, CODE, 1].tolist() == [0.0, kept, kept]
    assert not pool["day_covered"].any()


def test_a_sum_that_is_counted_is_that_of_the_days() -> None:
    """`learn_sum` starts it with level, squared error and gain of the forecast; `count_sum` counts it once."""
    demand, pool, sums = np.zeros(1, DEMAND), np.zeros(1, POOL), np.zeros(1, SUMS)
    weights = np.zeros(len(MEMBERS))
    weights[1] = 1.0
    demand["days"], demand["square"], demand["exposure"], demand["sum_class"] = 190, 5.0, 190.0, 1
    for day, units in enumerate([3.0, 8.0]):
        day_learning.learn_sum(demand, 0, pool, 0, sums, day, units, 4.0, 0.0, 2.0, 1.5, weights)
    found = demand[0]
    level, square = 2.0, (90.0 * 5.0 + 10.0 * 2.0 * 2.0) / 100.0
    assert seasonal_profile.squared_error(demand, 0, pool, 0, level) == pytest.approx(square)
    assert found["sum_level"] == pytest.approx(level)
    assert found["sum_dispersion"] == pytest.approx(square / level)
    assert found["sum_gain"] == pytest.approx(MEMBERS[1].rate)
    assert (found["sum_units"], found["sum_expected"], found["sum_days"]) == (11.0, 12.0, 2)
    before = sums["day_sums"].sum()
    sum_calibration.count_sum(demand, 0, sums, 2)
    assert sums["day_sums"].sum() == before + 1.0
    demand["days"], demand["sum_days"] = 13, 0
    day_learning.learn_sum(demand, 0, pool, 0, sums, 3, 1.0, 4.0, 0.0, 2.0, 1.0, weights)
    assert demand["sum_days"][0] == 0, "a level of few days is a guess"


def test_when_sums_start_and_end() -> None:
    """The first on a row's own day of 28, the next when one has ended; an ended one counts nothing."""
    demand, pool = np.zeros(2, DEMAND), np.zeros(1, SUMS)
    assert [day for day in range(60) if sum_calibration.starts_sum(demand, 1, day)] == [27, 55]
    demand = waiting(3)
    assert not sum_calibration.starts_sum(demand, 0, 28)
    sum_calibration.end_sum(demand, 0)
    assert sum_calibration.starts_sum(demand, 0, 29)
    assert not pool["day_sums"].any()
    assert demand["sum_class"][0] == 1 + CODE
    sum_calibration.start_sum(demand, 0, 0.0, 3.0, 0.1, 0.0)
    assert demand["sum_dispersion"][0] == 0.0


@pytest.mark.parametrize(
    ("within", "factor"),
    [
        ([0.96] * len(FACTORS), FACTORS[0]),
        ([0.5, 0.9, *[1.0] * (len(FACTORS) - 2)], FACTORS[1] + 0.5 * (FACTORS[2] - FACTORS[1])),
        ([0.2, 0.4, 0.7, *[0.6] * (len(FACTORS) - 3)], FACTORS[2]),
    ],
)
def test_the_factor_that_achieves_a_level(within: list[float], factor: float) -> None:
    """Interpolated between two; the least if all do; the best if none does."""
    assert sum_calibration.factor_for(0.95, np.array(within)) == pytest.approx(factor)


def scale(pool: NDArray[Any], days: int = 7, level: float = 0.95) -> float:
    """Scale of class smooth."""
    sums = np.empty(COLUMNS)
    sum_calibration.write_scales(pool, CODE, sums)
    return scale_of(sums, float(days), level)


def test_scales_correct_what_was_achieved_and_forget_it() -> None:
    """One without evidence; higher if sums exceed too often, lower if too rarely, within bounds; one again later."""
    pool = np.zeros(1, SUMS)
    sum_calibration.aggregate_sums(pool, FIRST_DAY)
    assert scale(pool) == pytest.approx(1.0)
    low, high = pool.copy(), pool.copy()
    for day in range(1, 200):
        for each, share in ((low, 0.5), (high, 1.0)):
            each["day_sums"][0, CODE, 1] = 50.0
            each["day_within"][0, CODE, 1] = 50.0 * share
            sum_calibration.aggregate_sums(each, FIRST_DAY + day)
            assert not each["day_sums"].any()
    assert FACTORS[0] <= scale(high) < 0.8
    assert 1.3 < scale(low) <= FACTORS[-1]
    assert scale(low, days=28) == pytest.approx(1.0)
    before = low.tobytes()
    sum_calibration.aggregate_sums(low, FIRST_DAY + 200)
    assert low.tobytes() == before, "a day without any sums teaches nothing"
    for day in range(200, 4000):
        low["day_sums"][0, CODE + 1, 0] = 1.0
        sum_calibration.aggregate_sums(low, FIRST_DAY + day)
    assert scale(low) == pytest.approx(1.0, abs=0.02)


def test_evidence_counts_alike_however_its_days_are_aggregated() -> None:
    """Zones whose day ends later add to the same day; a zone whose day is older than the newest discounts nothing."""
    once, twice = np.zeros(1, SUMS), np.zeros(1, SUMS)
    for pool in (once, twice):
        sum_calibration.aggregate_sums(pool, FIRST_DAY)
    once["day_sums"], once["day_within"] = 3.0, 2.0
    sum_calibration.aggregate_sums(once, FIRST_DAY + 1)
    for day in (1, 0):
        twice["day_sums"], twice["day_within"] = (1.0, 1.0) if day else (2.0, 1.0)
        sum_calibration.aggregate_sums(twice, FIRST_DAY + day)
    assert once.tobytes() == twice.tobytes()


def test_days_that_say_nothing_of_ordinary_demand_end_a_sum() -> None:
    """Promoted, without stock or observed in part. Days that were not observed are left out."""
    found = stream(7, 130)
    models = started(found)
    feed(models, found, 0, 130)
    begun = np.flatnonzero(models.demand["sum_days"][:18] > 0)
    assert begun.size > 5
    inputs = found.inputs(begun, 130 - 1)._replace(day=FIRST_DAY + 130)
    plain, none = np.zeros(begun.size), np.zeros(begun.size, np.bool_)
    plain_day = inputs._replace(observed=plain + 1.0, censored=none, explained=none, uplift=plain + 1.0)
    odd = {
        "censored": plain_day._replace(censored=~none), "explained": plain_day._replace(explained=~none),
        "in part": plain_day._replace(observed=plain + 0.5), "unseen": plain_day._replace(observed=plain),
    }  # fmt: skip
    before = models.demand["sum_days"][begun].copy()
    for name, day in odd.items():
        other = DemandModels()
        other.load(models.dump())
        other.close_day(begun, day)
        wanted = before if name == "unseen" else np.zeros(begun.size)
        assert other.demand["sum_days"][begun].tolist() == wanted.tolist(), name
    models.close_day(begun, plain_day)
    assert models.demand["sum_days"][begun].tolist() == ((before + 1) % SUM_DAYS[-1]).tolist()


def test_online_calibration_makes_sums_cover_their_level() -> None:
    """Rows whose level wanders, so that independent days would cover .85: .95 covers .925 to .975 of 14 and 28 days."""
    rng, rows, days = np.random.default_rng(5), 120, 420
    level = 6.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, (rows, days)), axis=1))
    units = rng.poisson(level).astype(np.float64)
    models = DemandModels()
    models.ensure(rows, 1)
    every, none = np.arange(rows), np.zeros(rows, np.bool_)
    within: dict[int, list[float]] = {14: [], 28: []}
    flat = np.zeros(rows)
    for at in range(days - 28):
        models.close_day(
            every,
            DayInputs(
                FIRST_DAY + at, units[:, at], units[:, at], np.zeros((rows, 24), np.uint16), np.zeros(rows, np.int32),
                flat + 1.0, none, flat, flat + 1.0, none,
            ),
        )  # fmt: skip
        models.aggregate_pools(np.arange(1), FIRST_DAY + at)
        if at > 250 and at % 14 == 0:
            said = models.forecast(every, FIRST_DAY + at, np.zeros(rows, np.int32), ordinary_window(rows))
            for lead in within:
                out, zero = np.empty((rows, 5)), np.zeros(rows, np.float32)
                lead_time, service = zero + np.float32(lead), zero + np.float32(0.95)
                protection_time_demand(
                    said.mean, said.variance, said.sums, lead_time, zero, zero, service, flat + 1.0, out
                )
                within[lead].append(float((units[:, at + 1 : at + 1 + lead].sum(axis=1) <= out[:, 4]).mean()))
    for lead, found in within.items():
        assert np.mean(found) == pytest.approx(0.95, abs=0.025), lead
