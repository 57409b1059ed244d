"""Lead times: observed, mixed from level to level, and raised by open lines."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sensing.machine_settings import DAY_MS
from sensing.supply.lanes import NO_LANE, POOL, UNKNOWN, Lanes, observe_delay, observe_lead_time
from sensing.supply.lead_time import (
    DELAY_SD_DAYS,
    LOG_DAYS_MAX,
    LOG_VARIANCE_MAX,
    PRIOR_WEIGHT,
    VARIATION,
    Z_SERIES,
    LogLeadTimes,
    delays,
    estimate,
    in_days,
    include_open_lines,
    inverse_mills_ratio,
    log_lead_times,
    of_stated,
    shrink_delays,
    truncated_normal_moments,
)
from sensing.supply.receipt_statistics import HALF_LIFE_DAYS, LEAD_TIME_DAYS_MAX, kept_share, log_days
from sensing.supply.supply_record import NEVER
from tests.snapshots import resumed
from tests.supply import oracles

DAYS = st.floats(0.0, 90.0)
NOW = 20_000 * DAY_MS
NAN = math.nan
Log = list[tuple[int, float, float]]
"""Day, lead time in days and share of receipts."""
log = st.lists(st.tuples(st.integers(0, 800), DAYS, st.floats(0.05, 1.0)), min_size=1, max_size=20)


def estimated(lanes: Lanes, lane: int, supplier: int, stated: float = NAN, now: int = NOW) -> LogLeadTimes:
    """Estimate of one row; where nothing is known 7 days."""
    return log_lead_times(lanes, np.array([lane], np.int32), np.array([supplier]), np.array([stated]), 7.0, now)


def days_of(lanes: Lanes, lane: int, supplier: int, stated: float = NAN, now: int = NOW) -> list[float]:
    """Mean, sd, .5 and .9 quantile of one row in days."""
    found: list[float] = in_days(lanes, estimated(lanes, lane, supplier, stated, now))[:, 0].tolist()
    return found


@given(log)
def test_observations_fade_with_their_age(receipts: Log) -> None:
    """Lane and pools hold the moments of all receipts; each counts half after the half-life, in any order of arrival
    within a day of learning.
    """
    lanes = Lanes(10)
    supplier = lanes.supplier("A")
    lane = lanes.lane(3, supplier)
    receipts = sorted(receipts)
    for day, days, share in receipts:
        lanes.received(lane, days, share, NOW + day * DAY_MS)
        lanes.heard(supplier, days, share, NOW + day * DAY_MS)
    lanes.take_in()
    expected = oracles.faded([(day, log_days(days), share) for day, days, share in receipts], HALF_LIFE_DAYS)
    for record in (lanes.lanes[lane], lanes.pools[supplier], lanes.everything[0]):
        got = [record[name] for name in ("weight", "log_mean", "log_squares")]
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)
        assert record["time"] == NOW + receipts[-1][0] * DAY_MS


@given(log, st.randoms(use_true_random=False))
def test_pools_do_not_depend_on_the_order_of_arrival(receipts: Log, random: Any) -> None:
    """Until they are taken in, receipts change no pool; then they are learned in the order of their times, whatever
    numbers the suppliers have.
    """
    known = []
    for names in ("AB", "BA"):
        lanes = Lanes(10)
        number_of = {name: lanes.supplier(name) for name in names}
        suppliers = [number_of[name] for name in "AB"]
        for day, days, share in receipts:
            delay = days - 20.0 if day % 2 else NAN
            lanes.heard(suppliers[day % 3 % 2], days, share, NOW + day * DAY_MS, delay, of_item=day % 5 == 0)
        assert not lanes.pools["weight"].any()
        lanes.take_in()
        known.append((lanes.pools[suppliers].tobytes(), lanes.everything.tobytes()))
        random.shuffle(receipts)
    assert known[0] == known[1]


@given(log)
def test_every_statistic_fades_alike(receipts: Log) -> None:
    """Lead times and delays of one record are two statistics that do not touch each other."""
    pools = np.zeros(2, POOL)
    pools["time"] = pools["delay_time"] = NEVER
    receipts = sorted(receipts)
    for day, days, share in receipts:
        observe_lead_time(pools, 1, days, share, NOW + day * DAY_MS)
        observe_delay(pools, 1, -days, share, NOW + day * DAY_MS)
    for prefix, value in (("log_", log_days), ("delay_", lambda days: -days)):
        expected = oracles.faded([(day, value(days), share) for day, days, share in receipts], HALF_LIFE_DAYS)
        weight = pools[1]["delay_weight" if prefix == "delay_" else "weight"]
        got = [weight, *(pools[1][prefix + name] for name in ("mean", "squares"))]
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-7)
    assert pools[0]["weight"] == pools[0]["delay_weight"] == 0.0


def test_without_observations_the_stated_lead_time_stands() -> None:
    """The mean is the stated one, or the default, and the spread the usual share of it."""
    lanes = Lanes(10)
    for stated, mean in ((10.0, 10.0), (NAN, 7.0), (0.0, 0.0)):
        got = days_of(lanes, NO_LANE, UNKNOWN, stated)
        assert got[:2] == [pytest.approx(mean), pytest.approx(VARIATION * mean)]
        assert estimated(lanes, NO_LANE, UNKNOWN, stated).weight[0] == PRIOR_WEIGHT
    assert days_of(lanes, NO_LANE, UNKNOWN, 3000.0)[0] == pytest.approx(LEAD_TIME_DAYS_MAX)


def test_one_receipt_says_how_long_and_is_unsure() -> None:
    """One order that took 60 days: 60 is the median, of its lane and of unknown suppliers, and the spread is wide."""
    lanes = Lanes(10)
    supplier = lanes.supplier("A")
    lane = lanes.lane(0, supplier)
    lanes.received(lane, 60.0, 1.0, NOW)
    lanes.heard(supplier, 60.0, 1.0, NOW)
    lanes.take_in()
    for numbers in ((lane, supplier), (NO_LANE, supplier), (NO_LANE, lanes.supplier("B"))):
        mean, sd, p50, p90 = days_of(lanes, *numbers)
        assert p50 == pytest.approx(60.0)
        assert 60.0 < mean < 75.0
        assert sd > 0.35 * mean
        assert p90 > 90.0


def test_levels_that_disagree_are_unsure() -> None:
    """A first receipt of 60 days where 7 are stated: neither is believed, and the distribution covers both."""
    lanes = Lanes(10)
    supplier = lanes.supplier("A")
    lane = lanes.lane(0, supplier)
    lanes.received(lane, 60.0, 1.0, NOW)
    mean, sd, p50, p90 = days_of(lanes, lane, supplier, 7.0)
    assert 7.0 < p50 < mean < 60.0
    assert sd > mean / 2
    assert p90 > 2 * p50


def test_a_pool_is_one_for_all_lanes_of_a_supplier() -> None:
    """A lane without receipts plans with those of its supplier; an unknown supplier with those of all."""
    lanes = Lanes(100)
    supplier, other = lanes.supplier("A"), lanes.supplier("B")
    for row in range(40):
        lanes.received(lanes.lane(row, supplier), 60.0, 1.0, NOW)
        lanes.heard(supplier, 60.0, 1.0, NOW)
    lanes.take_in()
    for numbers in ((lanes.lane(99, supplier), supplier), (NO_LANE, other)):
        mean, _, p50, p90 = days_of(lanes, *numbers)
        assert [mean, p50] == [pytest.approx(60.0, rel=0.02)] * 2
        assert p90 < 70.0


def test_old_receipts_give_way() -> None:
    """Three receipts of 60 days count little after three years, when two of 10 days have come."""
    lanes = Lanes(10)
    lane = lanes.lane(0, UNKNOWN)
    for _ in range(3):
        lanes.received(lane, 60.0, 1.0, NOW)
        lanes.heard(UNKNOWN, 60.0, 1.0, NOW)
    later = NOW + 1095 * DAY_MS
    for _ in range(2):
        lanes.received(lane, 10.0, 1.0, later)
        lanes.heard(UNKNOWN, 10.0, 1.0, later)
    lanes.take_in()
    assert days_of(lanes, lane, UNKNOWN, NAN, later)[2] == pytest.approx(10.0, rel=0.1)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 400), st.floats(0.1, 900.0)), max_size=30),
    st.lists(st.tuples(st.sampled_from([NO_LANE, 0, 1, 2]), st.sampled_from([NAN, 0.0, 8.0, 45.0])), min_size=1),
    st.integers(0, 600),
)
def test_levels_are_mixed_one_after_the_other(
    receipts: list[tuple[int, int, float]], asked: list[tuple[int, float]], now: int
) -> None:
    """All receipts, then the supplier's, then what is stated, then the lane's."""
    lanes = Lanes(10)
    supplier = lanes.supplier("A")
    numbers = [lanes.lane(row, supplier) for row in range(3)]
    for lane, day, days in receipts:
        lanes.received(numbers[lane], days, 1.0, NOW + day * DAY_MS)
        lanes.heard(supplier, days, 1.0, NOW + day * DAY_MS)
    lanes.take_in()
    lane_of = np.array([lane for lane, _ in asked], np.int32)
    stated = np.array([days for _, days in asked])
    out = np.full((4, len(asked)), np.nan)
    at, suppliers = NOW + now * DAY_MS, np.full(len(asked), supplier)
    estimate(lanes.lanes, lanes.pools, lanes.everything, lane_of, suppliers, stated, 7.0, at, out)
    for k, (lane, days) in enumerate(asked):
        own = None if lane == NO_LANE else lanes.lanes[lane]
        expected = oracles.lead_time(lanes.everything[0], lanes.pools[supplier], own, days, 7.0, at)
        np.testing.assert_allclose(out[:, k], expected, rtol=1e-9)


@given(st.floats(1.0, 60.0), st.floats(0.2, 20.0), st.floats(0.0, 1.0))
def test_what_is_expected_of_an_open_line_is_the_truncated_normal(mean: float, sd: float, reach: float) -> None:
    """Mean and variance beyond an age are those of scipy, up to six standard deviations over the mean."""
    age = reach * (mean + 6.0 * sd)

    np.testing.assert_allclose(
        truncated_normal_moments(mean, sd * sd, age),
        oracles.truncated_normal_moments(mean, sd * sd, age),
        rtol=1e-5,
        atol=1e-6,
    )


def test_the_tail_of_the_mills_ratio_meets_its_series() -> None:
    """Where the error function runs out the series goes on, without a step."""
    assert inverse_mills_ratio(Z_SERIES + 1e-9) == pytest.approx(inverse_mills_ratio(Z_SERIES), rel=1e-7)
    assert inverse_mills_ratio(1e4) == pytest.approx(1e4)
    assert truncated_normal_moments(5.0, 0.0, 9.0) == (9.0, 0.0)


@given(st.floats(1.0, 4.0), st.floats(0.1, 1.0), st.lists(st.tuples(DAYS, st.floats(0.05, 1.0)), max_size=4))
def test_open_lines_enter_as_a_mixture(mean: float, sd: float, lines: list[tuple[float, float]]) -> None:
    """Two rows, the second without open lines: the first gets the moments of the mixture, the second keeps its own."""
    lines = [(min(age, math.exp(mean + 6.0 * sd) - 1.0), share) for age, share in lines]
    means, variances = np.array([mean, mean]), np.array([sd * sd, sd * sd])
    ages, shares = np.array([age for age, _ in lines]), np.array([share for _, share in lines])
    include_open_lines(means, variances, np.array([5.0, 5.0]), np.zeros(len(lines), np.int64), ages, shares)
    centre, variance = oracles.with_open(mean, sd * sd, 5.0, [(log_days(age), share) for age, share in lines])

    np.testing.assert_allclose((means[0], variances[0]), (centre, min(variance, LOG_VARIANCE_MAX)), rtol=1e-4)
    assert (means[1], variances[1]) == (mean, sd * sd)


@given(st.floats(1.0, 4.0), st.floats(0.1, 1.0), st.floats(0.0, 100.0), st.floats(0.1, 30.0))
def test_the_longer_a_line_is_open_the_longer_the_lead_time(mean: float, sd: float, age: float, more: float) -> None:
    """An overdue line raises the mean before it arrives, and never lowers it; the estimate stays bounded."""
    means = np.full(2, mean)
    include_open_lines(
        means, np.full(2, sd * sd), np.full(2, 4.0), np.array([0, 1]), np.array([age, age + more]), np.ones(2)
    )

    assert mean - 1e-9 <= means[0] <= means[1] + 1e-9
    assert means[1] <= max(mean, LOG_DAYS_MAX)
    if log_days(age) > mean + 2 * sd:
        assert means[0] > mean + 0.1 * sd


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 300), st.floats(-30.0, 60.0)), max_size=20))
def test_delays_are_shrunk_to_those_of_all_suppliers(receipts: list[tuple[bool, int, float]]) -> None:
    """Moments of a supplier's delays with a prior of three, those of all; and of these with three of a punctual one."""
    lanes = Lanes(10)
    numbers = [lanes.supplier(name) for name in "AB"]
    receipts.sort(key=lambda receipt: receipt[1])
    for first, day, delay in receipts:
        lanes.heard(numbers[not first], 9.0, 1.0, NOW + day * DAY_MS, delay)
    lanes.take_in()
    now = NOW + 301 * DAY_MS

    def moments(values: list[tuple[int, float]], mean: float, variance: float) -> tuple[float, float]:
        weights = [0.5 ** ((301 - day) / HALF_LIFE_DAYS) for day, _ in values]
        sd = math.sqrt(variance)
        points = [*(delay for _, delay in values), mean - sd, mean + sd]
        shares = [*weights, PRIOR_WEIGHT / 2, PRIOR_WEIGHT / 2]
        centre = float(np.average(points, weights=shares))
        return centre, float(np.average((np.array(points) - centre) ** 2, weights=shares))

    of_all = moments([(day, delay) for _, day, delay in receipts], 0.0, DELAY_SD_DAYS**2)
    got = delays(lanes, now)
    for number, wanted in zip(numbers, (True, False), strict=True):
        expected = moments([(day, delay) for first, day, delay in receipts if first == wanted], *of_all)
        np.testing.assert_allclose((got[0][number], got[1][number]), expected, rtol=1e-6, atol=1e-6)


def test_the_kernel_of_delays_fills_every_supplier() -> None:
    """A supplier without receipts has the prior."""
    out = np.empty((2, 3))
    pools = np.zeros(3, POOL)
    pools["delay_time"] = NEVER
    shrink_delays(pools, NOW, 2.0, 4.0, out)
    assert out.tolist() == [[2.0] * 3, [4.0] * 3]


def test_lanes_are_bounded_and_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the bound a lane or supplier is refused and counted, and receipts are taken in; a restored copy knows all that
    was known.
    """
    monkeypatch.setattr("sensing.supply.lanes.SUPPLIERS_MAX", 3)
    monkeypatch.setattr("sensing.supply.lanes.RECEIPTS_MAX", 3)
    lanes = Lanes(2)
    numbers = [lanes.supplier(name) for name in ("A\nB", "C", "D", "A\nB")]
    found = [lanes.lane(row, 1) for row in (5, 6, 7, 6)]
    for _ in range(4):
        lanes.received(0, 4.0, 1.0, NOW)
        lanes.heard(1, 4.0, 1.0, NOW)
    lanes.calibrate((1.0, 0.5, 1), 4.0, 1.0)

    assert numbers == [1, 2, UNKNOWN, 1]
    assert found == [0, 1, NO_LANE, 1]
    assert lanes.refused == 2
    assert lanes.pools["weight"][1] == 3.0
    copy = resumed(Lanes(2), lanes.dump())
    assert copy.dump() == lanes.dump()
    assert copy.lane(6, 1) == 1
    assert copy.supplier("A\nB") == 1
    for each in (lanes, copy):
        each.take_in()
    assert copy.dump() == lanes.dump()
    assert lanes.pools["weight"][1] == 4.0


def test_lanes_move_with_their_item() -> None:
    """A row without receipts takes over what another one has learned; one with receipts keeps its own."""
    lanes, given_to = Lanes(10), Lanes(10)
    lanes.received(lanes.lane(0, lanes.supplier("A")), 9.0, 1.0, NOW)
    given_to.received(given_to.lane(5, given_to.supplier("A")), 30.0, 1.0, NOW)
    for row in (4, 5):
        given_to.adopt(row, lanes.of_row(0))
    got = {int(lane["row"]): lane for lane in given_to.lanes}
    assert got[4].tolist()[:4] == lanes.lanes[0].tolist()[:4]
    assert got[5]["log_mean"] == pytest.approx(log_days(30.0))


@given(st.floats(0.0, 365.0))
def test_a_stated_lead_time_keeps_its_mean_and_spread(days: float) -> None:
    """In log days it is a normal variable, so that in days it has the stated mean, and VARIATION of it as its sd."""
    mean, variance = of_stated(days)
    lead_time = stats.lognorm(math.sqrt(variance), loc=-1.0, scale=math.exp(mean)) if variance else None
    expected = (lead_time.mean(), lead_time.std()) if lead_time else (math.exp(mean) - 1.0, 0.0)
    np.testing.assert_allclose(expected, (days, VARIATION * days), rtol=1e-6, atol=1e-6)


@given(st.integers(0, 2000))
def test_weights_halve_with_the_half_life(days: int) -> None:
    """An observation of the future keeps its weight; one of a statistic without any has none to keep."""
    assert kept_share(NOW, NOW + days * DAY_MS) == pytest.approx(2.0 ** (-days / HALF_LIFE_DAYS))
    assert kept_share(NOW + days * DAY_MS, NOW) == 1.0
    assert kept_share(NEVER, NOW) == 0.0


def test_in_days_are_those_of_scipy() -> None:
    """Mean, sd and quantiles of a shifted log-normal variable."""
    lanes = Lanes(1)
    found = LogLeadTimes(np.array([2.0, 3.0]), np.array([0.09, 0.5]), np.full(2, 3.0), np.array([0, 1]))
    got = in_days(lanes, found)
    for k in range(2):
        lead_time = stats.lognorm(math.sqrt(found.variance[k]), loc=-1.0, scale=math.exp(found.mean[k]))
        expected = [lead_time.mean(), lead_time.std(), *lead_time.ppf([0.5, 0.9])]
        np.testing.assert_allclose(got[:, k], expected, rtol=1e-9)
