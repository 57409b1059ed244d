"""Silent rows: bins, shares and forecasts against slow counterparts, and rows that come back or do not."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.demand import day_learning, silent_rows, sum_calibration
from sensing.demand.demand_record import DEMAND, POOL, SUMS
from sensing.demand.members.registry import MEMBERS
from sensing.demand.model_inputs import DayInputs, ordinary_window
from sensing.demand.models import DemandModels
from sensing.demand.silent_rows import PRIOR_DAYS, RETURN_WEEKS, SILENCE_BINS, TRUST
from tests.demand.streams import FIRST_DAY

DAYS = 400


def row(silence: int = 30, interval: float = 2.0, size: float = 6.0, days: int = DAYS) -> NDArray[Any]:
    """A row that sold ``size`` units every ``interval`` days before it fell silent."""
    demand = np.zeros(1, DEMAND)
    demand["days"], demand["sales"], demand["exposure"] = days, days // 2, float(days)
    demand["silence"], demand["interval"] = silence, interval
    demand["size_mean"], demand["size_square"] = size, size * size
    return demand


@given(silence=st.integers(0, 400), interval=st.floats(1.0, 60.0), days=st.sampled_from([10, DAYS]))
def test_the_bin_is_that_of_days_and_of_how_unusual_they_are(silence: int, interval: float, days: int) -> None:
    """Each bound that is passed is one further; a row that is new, or silent as usual, has none."""
    demand = row(silence, interval, days=days)
    chance = min(1.0 / float(demand["interval"][0]), 0.99)
    unusual = silence * -math.log(1.0 - chance)
    if any(abs(unusual - bound) < 1e-6 for bound in silent_rows.UNUSUAL_FROM):
        return
    found = silent_rows.silence_bin(demand, 0)
    if days == 10 or unusual < 1.0:
        assert found == 0
        return
    rarity = sum(unusual >= bound for bound in silent_rows.UNUSUAL_FROM) - 1
    length = sum(silence >= bound for bound in silent_rows.SILENT_DAYS_FROM) - 1
    assert found == 1 + 4 * rarity + length
    assert 1 <= found < SILENCE_BINS


def test_a_forecast_takes_part_of_the_gap() -> None:
    """That of the bin and week; nothing if the row is not silent, or expects more than usual."""
    demand, shares = row(), np.zeros((SILENCE_BINS, RETURN_WEEKS))
    assert silent_rows.usual_units(demand, 0) == pytest.approx(3.0)
    shares[4] = [0.1, 0.2, 0.3, 0.4]
    for ahead, share in ((1, 0.1), (7, 0.1), (8, 0.2), (28, 0.4)):
        found = silent_rows.returning_units(demand, 0, shares, 1.5, 1.5, 4, ahead)
        assert found == pytest.approx(TRUST * share * (4.5 - 1.5))
    assert silent_rows.returning_units(demand, 0, shares, 1.0, 1.0, 0, 8) == 0.0
    assert silent_rows.returning_units(demand, 0, shares, 3.5, 1.0, 4, 8) == 0.0
    assert silent_rows.returning_units(demand, 0, shares, 0.0, 0.0, 4, 8) == 0.0, "a day on which the row never sells"


@given(units=st.lists(st.integers(0, 9), min_size=28, max_size=28), index=st.floats(0.2, 2.0))
def test_shares_are_ratios_of_what_came_and_what_was_missed(units: list[int], index: float) -> None:
    """Of the days of each week of one sum, in thousandths of the usual demand; the next day discounts them."""
    demand, sums, level = row(), np.zeros(1, SUMS), 0.5
    at = silent_rows.silence_bin(demand, 0)
    sum_calibration.start_sum(demand, 0, level, 2.0, 0.05, 0.0)
    silent_rows.start_silence(demand, 0, level)
    assert (demand["sum_silence"][0], demand["sum_gap"][0]) == (at, 2.5)
    for each in units:
        sum_calibration.add_to_sum(demand, 0, sums, float(each), index)
    assert demand["sum_expected"][0] == pytest.approx(28 * level * index, rel=1e-5)
    came = np.array([round(1000.0 * min((each - level * index) / 3.0, 20.0)) for each in units]).reshape(4, 7)
    missed = 7 * round(1000.0 * index * 2.5 / 3.0)
    assert sums["day_returned"][0, at] == pytest.approx(came.sum(axis=1), abs=7)
    assert sums["day_missed"][0, at] == pytest.approx(missed, abs=7)
    first = sums["day_returned"][0, at].copy()
    assert not np.delete(sums["day_returned"][0], at, axis=0).any()
    silent_rows.aggregate_returns(sums, 1.0)
    assert not sums["day_returned"].any()
    assert not sums["day_missed"].any()
    silent_rows.aggregate_returns(sums, 0.5)
    assert sums["returned"][0, at] == pytest.approx(0.5 * first)
    share = np.clip(sums["returned"][0, at] / (sums["missed"][0, at] + 1000.0 * PRIOR_DAYS), 0.0, 1.0)
    assert sums["return_share"][0, at] == pytest.approx(share)


def test_a_sum_expects_what_returns() -> None:
    """Its level is the one without it, since the share is learned against that."""
    demand, pool, sums = row(), np.zeros(1, POOL), np.zeros(1, SUMS)
    demand["sum_class"], demand["square"] = 1, 2.0
    at = silent_rows.silence_bin(demand, 0)
    sums["return_share"][0, at] = 0.5
    weights = np.eye(1, len(MEMBERS))[0]
    returning = TRUST * 0.5 * 2.0
    day_learning.learn_sum(demand, 0, pool, 0, sums, FIRST_DAY, 0.0, 1.0 + returning, returning, 1.0, 1.0, weights)
    assert demand["sum_level"][0] == pytest.approx(1.0)
    assert demand["sum_gap"][0] == pytest.approx(2.0)
    assert demand["sum_expected"][0] == pytest.approx(1.0 + returning)


def test_a_row_that_is_not_silent_counts_nothing() -> None:
    """Nor one that expects at least what is usual."""
    for demand, level in ((row(silence=0), 1.0), (row(), 4.0)):
        sums = np.zeros(1, SUMS)
        sum_calibration.start_sum(demand, 0, level, 2.0, 0.05, 0.0)
        silent_rows.start_silence(demand, 0, level)
        sum_calibration.add_to_sum(demand, 0, sums, 5.0, 1.0)
        silent_rows.count_return(demand, 0, sums, 5.0, 1.0)
        assert demand["sum_gap"][0] == 0.0
        assert not sums["day_returned"].any()
        assert not sums["day_missed"].any()


def learned(returns: bool) -> DemandModels:
    """60 rows that sell 4 units a day for 60 days, are silent for 60, and come back or not; the last one is silent."""
    rng, rows, days = np.random.default_rng(3), 60, 420
    at = (np.arange(days) + 7 * np.arange(rows)[:, None]) % 120 < 60
    at[:, 120:] &= returns
    at[-1, days - 70 :] = False
    units = np.where(at, rng.poisson(4.0, (rows, days)).astype(np.float64), 0.0)
    models = DemandModels()
    models.ensure(rows, 1)
    every, none = np.arange(rows), np.zeros(rows)
    for day in range(days):
        models.close_day(
            every,
            DayInputs(
                FIRST_DAY + day, units[:, day], units[:, day], np.zeros((rows, 24), np.uint16), none.astype(np.int32),
                none + 1.0, none > 0, none, none + 1.0, none > 0,
            ),
        )  # fmt: skip
        models.aggregate_pools(np.zeros(1, np.int64), FIRST_DAY + day)
    return models


@pytest.mark.compiled
@pytest.mark.parametrize("returns", [False, True])
def test_rows_return_if_others_did(returns: bool) -> None:
    """A row of 4 units a day that was silent for 70 days: nothing where no row comes back, a part of it else."""
    models = learned(returns)
    row_number = np.array([59])
    pool = np.zeros(1, np.int32)
    found = models.forecast(row_number, FIRST_DAY + 419, pool, ordinary_window(1)).mean[0]
    if not returns:
        assert found.max() < 0.05
        return
    assert 0.2 < found.mean() < 4.0 * TRUST
    assert found[7:].min() > found[:7].max()
    again = DemandModels()
    again.load(models.dump())
    same = again.forecast(row_number, FIRST_DAY + 419, pool, ordinary_window(1)).mean[0]
    assert same.tolist() == found.tolist()
