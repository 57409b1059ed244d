"""Calibration of lead times: the stated quantiles become those that receipts stay within."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.supply.lead_time_calibration import (
    CALIBRATION,
    GAP_MIN,
    KEPT,
    RATE,
    Z50_MAX,
    Z90,
    Z90_MAX,
    calibrate,
    lead_times_in_days,
    uncalibrated,
)
from sensing.supply.receipt_statistics import LEAD_TIME_DAYS_MAX

Receipts = list[tuple[float, float]]
receipts = st.lists(st.tuples(st.floats(-4.0, 4.0), st.floats(0.05, 1.0)), max_size=60)


@given(receipts)
def test_every_receipt_is_a_step(seen: Receipts) -> None:
    """Up beyond a quantile and down within it, within bounds; lanes with and without receipts do not touch.

    Receipts within the quantiles are counted before the step.
    """
    calibration = uncalibrated()
    z50, z90 = 0.0, Z90
    counts = np.zeros(3)
    for deviation, share in seen:
        calibrate(calibration, 1, 2.0, 0.5, 2.0 + 0.5 * deviation, share)
        rate = share * RATE
        up50, up90 = 2.0 + 0.5 * deviation > 2.0 + z50 * 0.5, 2.0 + 0.5 * deviation > 2.0 + z90 * 0.5
        counts = KEPT**share * counts + share * np.array([1.0, not up50, not up90])
        z50 = min(max(z50 + rate * (0.5 if up50 else -0.5), -Z50_MAX), Z50_MAX)
        z90 = min(max(z90 + 2 * rate * (0.9 if up90 else -0.1), z50 + GAP_MIN), Z90_MAX)
    assert calibration[1].tolist() == pytest.approx((z50, z90, *counts.tolist()))
    assert calibration[0].tolist() == (0.0, Z90, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.4, 1.0), (-0.3, 0.6), (0.0, 1.6)])
def test_quantiles_become_those_that_are_reached(shift: float, scale: float) -> None:
    """Whatever the estimate is wrong by, half of the receipts stay within the median, nine of ten within the .9."""
    random = np.random.default_rng(5)
    calibration = uncalibrated()
    within = np.zeros(2)
    for k, deviation in enumerate((shift + scale * random.standard_normal(6000)).tolist()):
        if k >= 1000:
            within += [deviation <= calibration["z50"][0], deviation <= calibration["z90"][0]]
        calibrate(calibration, 0, 0.0, 1.0, deviation, 1.0)
    assert (within / 5000).tolist() == [pytest.approx(0.5, abs=0.02), pytest.approx(0.9, abs=0.01)]


@given(st.floats(0.0, 6.0), st.floats(0.0, 1.5), st.floats(-Z50_MAX, Z50_MAX), st.floats(GAP_MIN, 2.0))
def test_in_days_all_is_ordered_and_bounded(mean: float, variance: float, z50: float, gap: float) -> None:
    """Median and .9 quantile are those that the correction says; nothing exceeds the longest lead time."""
    calibration = np.zeros(2, CALIBRATION)
    calibration["z50"], calibration["z90"] = z50, z50 + gap
    out = np.empty((4, 1))
    lead_times_in_days(calibration, np.array([mean]), np.array([variance]), np.zeros(1, np.int64), out)
    sd = math.sqrt(variance)
    bounded = [min(max(math.exp(mean + z * sd) - 1.0, 0.0), LEAD_TIME_DAYS_MAX) for z in (z50, z50 + gap)]
    assert out[2:, 0].tolist() == pytest.approx(bounded, rel=1e-9, abs=1e-9)
    assert out[2, 0] <= out[3, 0]
    assert out.min() >= 0.0
    assert out.max() <= LEAD_TIME_DAYS_MAX
