"""Shifts of a row's level: the kernels against their oracle, and what they do to forecasts, by `shift_level`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.demand import level_shift
from sensing.demand.demand_record import DEMAND
from sensing.demand.members import tsb
from sensing.demand.members.member import Member
from sensing.demand.members.registry import MEMBERS
from sensing.demand.model_inputs import DayInputs, ordinary_window
from sensing.demand.models import DemandModels
from sensing.demand.row_statistics import count_day
from tests.demand import oracles
from tests.demand.streams import FIRST_DAY

HISTORY_DAYS = 120


def levels(lines: NDArray[np.float64], size: float = 3.0) -> NDArray[np.float64]:
    """(days, rows) mean forecast of 28 days after each day of order lines (rows, days) of ``size`` units each."""
    count, days = lines.shape
    models, rows, pool = DemandModels(), np.arange(count), np.zeros(count, np.int32)
    models.ensure(count, 1)
    none, hours, found = np.zeros(count), np.zeros((count, 24), np.uint16), []
    for at in range(days):
        day = DayInputs(
            FIRST_DAY + at, size * lines[:, at], lines[:, at], hours, pool, none + 1.0, none > 0, none, none + 1.0,
            none > 0,
        )  # fmt: skip
        models.close_day(rows, day)
        models.aggregate_pools(np.zeros(1, np.int64), FIRST_DAY + at)
        found.append(models.forecast(rows, FIRST_DAY + at, pool, ordinary_window(count)).mean.mean(axis=1))
    return np.array(found)


def poisson(rate: float, days: int, rows: int = 30, seed: int = 1) -> NDArray[np.float64]:
    """Order lines (rows, days) at a rate."""
    return np.random.default_rng(seed).poisson(rate, (rows, days)).astype(float)


@given(
    rate=st.sampled_from([0.3, 2.0, 12.0]), ratio=st.sampled_from([0.0, 0.4, 1.0, 2.5, 8.0]),
    length=st.integers(1, 30), seed=st.integers(0, 99),
)  # fmt: skip
def test_kernels_are_the_slow_shift(rate: float, ratio: float, length: int, seed: int) -> None:
    """Weights, levels, odds, expected factors and accepted shifts of a row are those of the oracle."""
    rng = np.random.default_rng(seed)
    lines = np.concatenate([rng.poisson(rate, 40), rng.poisson(ratio * rate, length), rng.poisson(rate, 10)])
    demand, slow = np.zeros(1, DEMAND), oracles.SlowShift()
    for at, (count, index) in enumerate(zip(lines.tolist(), rng.uniform(0.5, 1.5, lines.size).tolist(), strict=True)):
        weight = slow.weigh(count, index)
        assert level_shift.weigh_day(demand, 0, count, index) == pytest.approx(weight, rel=1e-3, abs=1e-4)
        slow.learn(count, index, weight)
        level_shift.learn_base(demand, 0, count, index, 1.0, weight)
        count_day(demand, 0, count, index)
        assert demand["shift_odds"][0] == pytest.approx(np.array(slow.odds()), rel=2e-3, abs=1e-6)
        assert level_shift.shift_odds(demand, 0) == pytest.approx(sum(slow.odds()), rel=2e-3, abs=1e-6)
        assert level_shift.rise_odds(demand, 0) == pytest.approx(slow.rise(), rel=2e-3, abs=1e-6)
        if slow.base > 0.0:
            assert level_shift.line_spread(demand, 0) == pytest.approx(slow.spread(), rel=1e-3)
        accepted = slow.accepts()
        assert level_shift.expect_shift(demand, 0) is accepted
        if accepted:
            level_shift.accept_shift(demand, 0, at)
            assert demand["shift_day"][0] == at
            assert demand["usual_lines"][0, 0] == demand["base_lines"][0]
        assert demand["shift"][0] == pytest.approx(slow.factor - 1.0, rel=1e-2, abs=1e-3)
        assert demand["base_lines"][0] == pytest.approx(slow.base, rel=1e-3, abs=1e-5)
        assert demand["exposure"][0] == pytest.approx(slow.exposure, rel=1e-3)


def test_serial_correlation_widens_the_sum_of_days() -> None:
    """The factor is (1 + r) / (1 - r) with r shrunk by five days, within its bounds."""
    demand = np.zeros(1, DEMAND)
    assert level_shift.serial_factor(demand, 0) == 1.0
    for product, shrunk in ((2.0, 6.0 / 13.0), (-2.0, 0.0), (3.9, 0.85)):
        demand["days"], demand["base_square"], demand["base_product"] = 60, 4.0, product
        assert level_shift.serial_factor(demand, 0) == pytest.approx((1.0 + shrunk) / (1.0 - shrunk))


@pytest.mark.parametrize(("rate", "days"), [(10.0, 7), (3.0, 13), (1.0, 22)])
@pytest.mark.parametrize("ratio", [0.0, 2.0])
def test_forecasts_follow_a_level_that_moved_for_good(rate: float, days: int, ratio: float) -> None:
    """Half of the rows are at the new level within days: a fifth beside it at most, or a tenth of the old one."""
    after = poisson(ratio * rate, 30, seed=2)
    found = levels(np.concatenate([poisson(rate, HISTORY_DAYS), after], axis=1))[HISTORY_DAYS:]
    near = np.abs(found / (3.0 * rate) - ratio) <= (0.1 if ratio == 0.0 else 0.2 * ratio)
    three = near[:-2] & near[1:-1] & near[2:]
    reached = np.where(three.any(axis=0), three.argmax(axis=0) + 1, 99)
    assert np.median(reached) <= days


def test_a_short_surge_leaves_the_level_alone() -> None:
    """Four days after three days of five times the lines the forecast is that of the same stream without them."""
    twin = poisson(10.0, HISTORY_DAYS + 7)
    surge = twin.copy()
    surge[:, HISTORY_DAYS : HISTORY_DAYS + 3] = poisson(50.0, 3, seed=3)
    ratio = levels(surge)[-1] / levels(twin)[-1]
    assert np.median(np.abs(ratio - 1.0)) <= 0.1


def test_steady_rows_hardly_ever_shift() -> None:
    """In a year of 40 steady rows few shifts are accepted, and few are followed for nothing."""
    models, rows, pool = DemandModels(), np.arange(40), np.zeros(40, np.int32)
    models.ensure(40, 1)
    none, hours, accepted, ended = np.zeros(40), np.zeros((40, 24), np.uint16), 0, 0
    lines = poisson(4.0, 365, rows=40, seed=4)
    for at in range(365):
        day, exposure = FIRST_DAY + at, models.demand["exposure"][:40].copy()
        models.close_day(
            rows,
            DayInputs(day, lines[:, at], lines[:, at], hours, pool, none + 1.0, none > 0, none, none + 1.0, none > 0),
        )
        models.aggregate_pools(np.zeros(1, np.int64), day)
        anew = models.demand["exposure"][:40] < exposure
        accepted += int(anew.sum())
        ended += int((models.demand["shift_day"][:40][~anew] == day).sum())
    assert accepted <= 8
    assert ended <= 20


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
@given(units=st.lists(st.integers(0, 9), min_size=1, max_size=40), level=st.floats(0.01, 100.0))
def test_members_take_a_shifted_level(member: Member, units: list[int], level: float) -> None:
    """After a restart a member that had a level predicts the new one; one without sales stays without."""
    demand = np.zeros(1, DEMAND)
    for sold in units:
        member.learn(demand, 0, float(sold), 1.0, 1.0, 1.0)
        count_day(demand, 0, float(sold), 1.0)
    had = member.predict(demand, 0, 1.0)
    member.restart(demand, 0, level)
    if had > 0.01:
        assert member.predict(demand, 0, 1.0) == pytest.approx(level, rel=1e-3)


@given(weight=st.floats(0.0, 1.0))
def test_a_day_teaches_members_by_its_weight(weight: float) -> None:
    """A day of weight w moves every member by w times what a whole day moves it."""
    for member in MEMBERS:
        moved = []
        for of_day in (0.0, weight, 1.0):
            demand = np.zeros(1, DEMAND)
            for sold in (4.0, 6.0, 2.0):
                member.learn(demand, 0, sold, 1.0, 1.0, 1.0)
                count_day(demand, 0, sold, 1.0)
            member.learn(demand, 0, 9.0, 1.0, 1.0, of_day)
            moved.append(member.predict(demand, 0, 1.0))
        assert moved[1] - moved[0] == pytest.approx(weight * (moved[2] - moved[0]), rel=1e-3, abs=1e-4)


@given(odds=st.floats(0.01, 50.0), factor=st.floats(0.05, 4.0), level=st.floats(0.1, 100.0))
def test_the_variance_of_a_shift_in_doubt_is_that_of_two_levels(odds: float, factor: float, level: float) -> None:
    """The level is the one before with 1 / (1 + odds), else the shifted one; in multiples of a day's variance of 4."""
    demand = np.zeros(1, DEMAND)
    chance = odds / (1.0 + odds)
    demand["shift_odds"][0, 1], demand["shift"] = odds, chance * (factor - 1.0)
    levels_of, chances = np.array([level, level * factor]), np.array([1.0 - chance, chance])
    mean = levels_of @ chances
    expected = chances @ (levels_of - mean) ** 2
    assert level_shift.shift_variance(demand, 0, mean, 4.0) == pytest.approx(expected / 4.0, rel=1e-3, abs=1e-6)
    assert level_shift.shift_variance(demand, 0, mean, 0.0) == 0.0


@given(rate=st.floats(0.01, 0.95), size=st.floats(0.1, 50.0), factor=st.floats(0.05, 4.0))
def test_restart_tsb_shifts_the_rate_of_orders(rate: float, size: float, factor: float) -> None:
    """Days without orders are those of a Poisson rate that is multiplied; probability times size is the level."""
    demand = np.zeros(1, DEMAND)
    demand["sale_rate"], demand["sale_size"] = rate, size
    tsb.restart_tsb(demand, 0, factor * rate * size)
    assert demand["sale_rate"][0] == pytest.approx(1.0 - np.exp(factor * np.log(1.0 - rate)), rel=1e-3)
    assert demand["sale_rate"][0] * demand["sale_size"][0] == pytest.approx(factor * rate * size, rel=1e-3)
