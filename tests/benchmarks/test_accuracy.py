"""Benchmark `accuracy`: the sample, the figures by hand, and what it says without data or peer."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import accuracy
from benchmarks.accuracy import NIGHTS, WEEK, Judged, Said
from benchmarks.m5 import LEVELS, SALES, scales
from benchmarks.peers import auto_ets
from sensing.demand.demand_record import HORIZON


def rows() -> Judged:
    """Two rows of two days, the second with twice the scale's root and three times the weight."""
    return Judged(
        actual=np.array([[1.0, 3.0], [0.0, 4.0]]),
        scale=np.array([1.0, 4.0]),
        weight=np.array([1.0, 3.0]),
        demand_class=np.array([1, 2], np.uint8),
    )


def said() -> Said:
    """Forecasts of 2 units a day; every quantile is 3, of whose probability .4 and .6 lie below the levels."""
    shares = np.tile([0.4, 0.6], (2, 2, 1))
    return Said(np.full((2, 2), 2.0), np.full((2, 2, LEVELS.size), 3.0), np.array([1, 2], np.uint8), shares)


def test_rmsse_by_hand() -> None:
    """Errors 1 and 1 over scale 1, 2 and 2 over scale 4: both rows have 1."""
    assert accuracy.rmsse(rows(), said(), np.ones(2)) == pytest.approx(1.0)
    double = said()._replace(mean=np.array([[2.0, 2.0], [4.0, 0.0]]))
    assert accuracy.rmsse(rows(), double, rows().weight) == pytest.approx((1.0 + 3.0 * 2.0) / 4.0)


def test_pinball_by_hand() -> None:
    """The loss is level x miss above the quantile, (1 - level) x distance below it."""
    level = LEVELS.mean()
    first = ((1.0 - level) * 2.0 + 0.0) / 2.0
    second = ((1.0 - level) * 3.0 + level * 1.0) / 2.0 / 2.0
    assert accuracy.pinball(rows(), said(), np.ones(2)) == pytest.approx((first + second) / 2.0)


def test_wape_coverage_and_bias_by_hand() -> None:
    """Absolute errors 1, 1, 2, 2 over 8 units; one day of four is above 3."""
    assert accuracy.wape(rows(), said(), np.ones(2)) == pytest.approx(6.0 / 8.0)
    found = accuracy.coverage(rows(), said())
    assert found == {
        "all": {"0.95": 0.75, "0.95_randomised": 0.6, "0.995": 0.75, "0.995_randomised": 0.65, "bias": 0.0},
        "smooth": {"0.95": 1.0, "0.95_randomised": 0.7, "0.995": 1.0, "0.995_randomised": 0.8, "bias": 0.0},
        "intermittent": {"0.95": 0.5, "0.95_randomised": 0.5, "0.995": 0.5, "0.995_randomised": 0.5, "bias": 0.0},
    }


def test_ratio_needs_both() -> None:
    """Without a peer there is no ratio."""
    better = said()._replace(mean=rows().actual)
    both = accuracy.compared(accuracy.wape, rows(), {"engine": better, "auto_ets": said()}, np.ones(2))
    assert both == {"engine": 0.0, "auto_ets": 0.75, "ratio": 0.0}
    assert accuracy.compared(accuracy.wape, rows(), {"engine": said()}, np.ones(2)) == {"engine": 0.75}


def test_scale_begins_with_the_first_sale() -> None:
    """Days before the first sale have no difference."""
    units = np.array([[np.nan, np.nan, 1.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0, 2.0]])
    assert scales(units).tolist() == [6.5, 0.0]


def test_sample_is_repeatable_and_of_rows_that_can_be_judged() -> None:
    """Rows without movement or with a short history before the first origin are not drawn; a part is a sample, too."""
    units = np.random.default_rng(0).poisson(2.0, (40, 140)).astype(float)
    units[3, :100] = np.nan
    units[4] = 1.0
    shards = [np.arange(0, 40, 2), np.arange(1, 40, 2)]
    drawn = accuracy.sampled(units, shards, 40)
    assert sorted(drawn.tolist()) == [row for row in range(40) if row not in (3, 4)]
    assert accuracy.sampled(units, shards, 10).tolist() == drawn[:10].tolist()


def test_every_case_ends_within_the_data_and_nights_meet_every_weekday() -> None:
    """Two origins of 28 days; nights in order, on all weekdays alike."""
    found = accuracy.cases(400, np.arange(5), np.arange(2))
    assert all(case.origin + case.horizon <= 400 for case in found)
    assert [case.origin for case in found] == sorted(case.origin for case in found)
    assert [case.origin for case in found if case.horizon == HORIZON] == [344, 372]
    assert [int(n) for n in np.bincount([night % WEEK for night in NIGHTS])] == [2] * WEEK


def test_without_data_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the file and the setting."""
    monkeypatch.setenv("TIDEGAUGE_DATA", str(tmp_path))
    assert str(tmp_path / SALES) in accuracy.run("smoke")["missing"]


@pytest.mark.skipif(not auto_ets.installed(), reason=f"not installed: {auto_ets.INSTALL}")
def test_peer_forecasts_a_weekly_pattern() -> None:
    """Means follow the pattern, quantiles rise with the level, nothing is below zero."""
    history = np.tile([0.0, 5.0, 5.0, 5.0, 5.0, 9.0, 9.0], 20) + np.random.default_rng(1).normal(0, 0.3, 140)
    mean, quantiles = auto_ets.forecast([history], 7, LEVELS)
    assert mean[0] == pytest.approx(history[:7], abs=1.5)
    assert (np.diff(quantiles[0], axis=1) >= 0).all()
    assert (quantiles >= 0).all()
