"""Usual lateness: the quantile of a supplier's lateness, shrunk to a punctual one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sensing.supply.lanes import POOL, Lanes
from sensing.supply.lead_time import DELAY_SD_DAYS, PRIOR_WEIGHT
from sensing.supply.usual_lateness import USUAL_DAYS_MAX, usual_days_late


def pool(days: list[float], weights: list[float]) -> np.void:
    """The record of a supplier with these delays, undiscounted."""
    record = np.zeros(1, POOL)
    mean = float(np.average(days, weights=weights)) if days else 0.0
    record["delay_weight"], record["delay_mean"] = sum(weights), mean
    record["delay_squares"] = sum(w * (d - mean) ** 2 for d, w in zip(days, weights, strict=True))
    found: np.void = record[0]
    return found


@given(st.lists(st.tuples(st.floats(-10.0, 25.0), st.floats(0.05, 1.0)), max_size=30))
def test_it_is_the_quantile_of_delays_and_prior(observed: list[tuple[float, float]]) -> None:
    """Moments of the delays together with three of a punctual supplier, as plain weighted moments."""
    days, weights = [each for each, _ in observed], [share for _, share in observed]
    # A prior of three observations with mean 0 and the prior's variance: two points, half of the weight each.
    values = np.array([*days, DELAY_SD_DAYS, -DELAY_SD_DAYS])
    shares = np.array([*weights, PRIOR_WEIGHT / 2, PRIOR_WEIGHT / 2])
    mean = np.average(values, weights=shares)
    sd = np.sqrt(np.average((values - mean) ** 2, weights=shares))
    expected = mean + stats.norm.ppf(0.95) * sd
    found = usual_days_late(pool(days, weights))

    assert 0 <= found <= USUAL_DAYS_MAX
    assert abs(found - min(max(expected, 0.0), USUAL_DAYS_MAX)) <= 0.5 + 1e-3


@pytest.mark.parametrize(
    ("days", "usual"), [([], 2), ([0.0] * 40, 0), ([0.0, 3.0, -3.0] * 13, 4), ([3.0] * 40, 4), ([90.0] * 40, 30)]
)
def test_what_is_usual(days: list[float], usual: int) -> None:
    """An unknown supplier has two days, a punctual one none, one of +-3 days four; there is an upper bound."""
    assert usual_days_late(pool(days, [1.0] * len(days))) == usual


def test_receipts_teach_it() -> None:
    """From the statistics that receipts update."""
    lanes = Lanes(10)
    supplier = lanes.supplier("A")
    before = usual_days_late(lanes.pools[supplier])
    for days in (5.0, 7.0, 6.0, 5.0, 8.0, 6.0) * 5:
        lanes.heard(supplier, 20.0, 1.0, 0, days)
    lanes.take_in()
    assert before < 6 < usual_days_late(lanes.pools[supplier])
