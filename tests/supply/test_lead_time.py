"""Lead times: observed, shrunk, and raised by open lines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.supply.lanes import (
    LANE_MEMORY,
    NO_LANE,
    POOL,
    POOL_MEMORY,
    UNKNOWN,
    Lanes,
    observe_delay,
    observe_lead_time,
)
from sensing.supply.lead_time import (
    LEAD_TIME_DAYS_MAX,
    PRIOR_WEIGHT,
    VARIATION,
    Z_SERIES,
    include_open_lines,
    inverse_mills_ratio,
    shrink,
    shrunk,
    truncated_normal_moments,
    typical_delay_days,
)
from tests.snapshots import resumed
from tests.supply import oracles

DAYS = st.floats(0.0, 90.0)


@given(st.lists(st.tuples(DAYS, st.floats(0.05, 1.0)), min_size=1, max_size=20))
def test_observations_fade_by_what_comes_after(observed: list[tuple[float, float]]) -> None:
    """Lane and pool hold the moments of the observations, each discounted by the weights after it."""
    lanes = Lanes(10)
    supplier = lanes.supplier("A")
    lane = lanes.lane(3, supplier)
    for days, share in observed:
        lanes.received(lane, supplier, days, share)
    for record, memory in ((lanes.lanes[lane], LANE_MEMORY), (lanes.pools[supplier], POOL_MEMORY)):
        expected = oracles.discounted([days for days, _ in observed], [share for _, share in observed], memory)
        got = [record[name] for name in ("weight", "mean", "squares")]

        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-7)


@given(st.lists(st.tuples(DAYS, st.floats(0.05, 1.0)), min_size=1, max_size=20))
def test_every_statistic_fades_alike(observed: list[tuple[float, float]]) -> None:
    """Lead times and delays of one record, observed in turn, are two statistics that do not touch each other."""
    pools = np.zeros(2, POOL)
    for days, share in observed:
        observe_lead_time(pools, 1, days, share, POOL_MEMORY)
        observe_delay(pools, 1, -days, share, LANE_MEMORY)
    values, weights = [days for days, _ in observed], [share for _, share in observed]
    for prefix, sign, memory in (("", 1.0, POOL_MEMORY), ("delay_", -1.0, LANE_MEMORY)):
        expected = oracles.discounted([sign * value for value in values], weights, memory)
        got = [pools[1][prefix + name] for name in ("weight", "mean", "squares")]
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-7)
    assert not pools[0].tobytes().strip(b"\0")


def test_without_observations_the_stated_lead_time_stands() -> None:
    """The mean is the stated one, the spread the usual share of it, and both are worth the prior's weight."""
    mean, variance, weight = shrunk(Lanes(10), np.array([NO_LANE], np.int32), np.array([UNKNOWN]), np.array([10.0]))

    assert mean[0] == 10.0
    assert np.sqrt(variance[0]) == pytest.approx(VARIATION * 10.0)
    assert weight[0] == PRIOR_WEIGHT


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0.1, 900.0)), max_size=30),
    st.lists(st.sampled_from([NO_LANE, 0, 1, 2]), min_size=1, max_size=6),
    st.floats(0.0, 60.0),
)
def test_shrinkage_weighs_the_prior_as_observations(
    observed: list[tuple[int, float]], asked: list[int], stated: float
) -> None:
    """The estimate pools all observations with the prior: lane, then pool, then stated lead time."""
    lanes = Lanes(10)
    supplier = lanes.supplier("A")
    numbers = [lanes.lane(row, supplier) for row in range(3)]
    for lane, days in observed:
        lanes.received(numbers[lane], supplier, days, 1.0)
    of_lane = np.array([NO_LANE if lane == NO_LANE else numbers[lane] for lane in asked], np.int32)
    out = np.full((3, len(asked)), np.nan)
    shrink(lanes.lanes, lanes.pools, of_lane, np.full(len(asked), supplier), np.full(len(asked), stated), out)
    pool = oracles.shrunk(lanes.pools[supplier], stated, (VARIATION * stated) ** 2, PRIOR_WEIGHT)
    for at, lane in enumerate(of_lane.tolist()):
        expected = (
            (*pool, PRIOR_WEIGHT)
            if lane == NO_LANE
            else (*oracles.shrunk(lanes.lanes[lane], *pool, PRIOR_WEIGHT), lanes.lanes[lane]["weight"] + PRIOR_WEIGHT)
        )
        np.testing.assert_allclose(out[:, at], (min(expected[0], LEAD_TIME_DAYS_MAX), *expected[1:]), rtol=1e-9)


def test_a_lane_is_shrunk_to_its_pool_and_the_pool_to_what_was_stated() -> None:
    """Another item's receipts move the estimate of a lane without any; own receipts move it further."""
    lanes = Lanes(10)
    supplier = lanes.supplier("A")
    busy, idle = lanes.lane(0, supplier), lanes.lane(1, supplier)
    for _ in range(3):
        lanes.received(busy, supplier, 20.0, 1.0)
    mean, _, weight = shrunk(lanes, np.array([idle, busy], np.int32), np.array([supplier] * 2), np.array([10.0] * 2))
    seen = lanes.pools[supplier]["weight"]
    pool = (seen * 20.0 + PRIOR_WEIGHT * 10.0) / (seen + PRIOR_WEIGHT)

    assert mean[0] == pytest.approx(pool)
    assert mean[1] == pytest.approx(((weight[1] - PRIOR_WEIGHT) * 20.0 + PRIOR_WEIGHT * pool) / weight[1])
    assert 10.0 < mean[0] < mean[1] < 20.0


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


@given(st.floats(2.0, 40.0), st.floats(0.5, 10.0), st.lists(st.tuples(DAYS, st.floats(0.05, 1.0)), max_size=4))
def test_open_lines_enter_as_a_mixture(mean: float, sd: float, lines: list[tuple[float, float]]) -> None:
    """Two rows, the second without open lines: the first gets the moments of the mixture, the second keeps its own."""
    lines = [(min(age, mean + 6.0 * sd), share) for age, share in lines]
    means, variances = np.array([mean, mean]), np.array([sd * sd, sd * sd])
    ages, shares = np.array([age for age, _ in lines]), np.array([share for _, share in lines])
    include_open_lines(means, variances, np.array([5.0, 5.0]), np.zeros(len(lines), np.int64), ages, shares)
    expected = oracles.with_open(mean, sd * sd, 5.0, lines)

    np.testing.assert_allclose((means[0], variances[0]), expected, rtol=1e-4)
    assert (means[1], variances[1]) == (mean, sd * sd)


@given(st.floats(2.0, 40.0), st.floats(0.5, 10.0), st.floats(0.0, 100.0), st.floats(0.1, 30.0))
def test_the_longer_a_line_is_open_the_longer_the_lead_time(mean: float, sd: float, age: float, more: float) -> None:
    """An overdue line raises the mean before it arrives, and never lowers it; the estimate stays bounded."""
    means = np.full(2, mean)
    include_open_lines(
        means, np.full(2, sd * sd), np.full(2, 4.0), np.array([0, 1]), np.array([age, age + more]), np.ones(2)
    )

    assert mean - 1e-9 <= means[0] <= means[1] + 1e-9
    assert means[1] <= max(mean, LEAD_TIME_DAYS_MAX)
    if age > mean + 2 * sd:
        assert means[0] > mean + 0.1 * sd


def test_typical_delay_is_shrunk_to_none_and_never_early() -> None:
    """Three receipts six days late make three days late; early ones make none."""
    lanes = Lanes(10)
    late, early = lanes.supplier("late"), lanes.supplier("early")
    for _ in range(3):
        lanes.delayed(late, 6.0, 1.0)
        lanes.delayed(early, -6.0, 1.0)

    assert typical_delay_days(lanes)[late] == pytest.approx(3.0, abs=0.05)
    assert typical_delay_days(lanes)[early] == 0.0


def test_lanes_are_bounded_and_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the bound a lane or supplier is refused and counted; a restored copy knows all that was known."""
    monkeypatch.setattr("sensing.supply.lanes.SUPPLIERS_MAX", 3)
    lanes = Lanes(2)
    numbers = [lanes.supplier(name) for name in ("A\nB", "C", "D", "A\nB")]
    found = [lanes.lane(row, 1) for row in (5, 6, 7, 6)]
    lanes.received(0, 1, 4.0, 1.0)

    assert numbers == [1, 2, UNKNOWN, 1]
    assert found == [0, 1, NO_LANE, 1]
    assert lanes.refused == 2
    copy = resumed(Lanes(2), lanes.dump())
    assert copy.dump() == lanes.dump()
    assert copy.lane(6, 1) == 1
    assert copy.supplier("A\nB") == 1
