"""The TSB member against the paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.demand.demand_record import DEMAND
from sensing.demand.members import tsb
from sensing.demand.row_statistics import count_day
from tests.demand import oracles


@given(series=st.lists(st.integers(0, 50).map(float), max_size=120))
def test_tsb_is_the_papers(series: list[float]) -> None:
    """Probability and size follow Teunter, Syntetos and Babai, and their product is the forecast."""
    found = np.zeros(1, DEMAND)
    for units in series:
        tsb.learn_tsb(found, 0, units, 1.0, 1.0, 1.0)
        count_day(found, 0, units, 1.0)
    chance, size = oracles.tsb(series, tsb.SALE_RATE, tsb.SIZE_RATE)
    assert found["sale_rate"][0] == pytest.approx(chance, abs=1e-5)
    assert found["sale_size"][0] == pytest.approx(size, rel=1e-4, abs=1e-4)
    assert tsb.predict_tsb(found, 0, 1.5) == pytest.approx(1.5 * chance * size, rel=1e-3, abs=1e-4)


@given(series=st.lists(st.integers(0, 9).map(float), max_size=15), share=st.floats(0.1, 1.0), days=st.floats(1.0, 7.0))
def test_a_started_row_has_days_of_the_prior(series: list[float], share: float, days: float) -> None:
    """While days are few, the probability is the mean over the days of the prior and the row's own after the first."""
    found = np.zeros(1, DEMAND)
    tsb.start_tsb(found, 0, 6.0, share)
    assert tsb.predict_tsb(found, 0, 1.0) == pytest.approx(6.0 * share, rel=1e-6)
    found["prior_days"] = days - 1.0
    count_day(found, 0, 6.0, 1.0)
    for units in series:
        tsb.learn_tsb(found, 0, units, 1.0, 1.0, 1.0)
        count_day(found, 0, units, 1.0)
    sold = sum(units > 0.0 for units in series)
    assert found["sale_rate"][0] == pytest.approx((days * share + sold) / (days + len(series)), abs=1e-5)


@given(rate=st.floats(0.01, 1.0), share=st.floats(0.1, 1.0), units=st.floats(0.1, 50.0))
def test_part_of_a_day_is_scaled_to_a_whole_one(rate: float, share: float, units: float) -> None:
    """A share s has demand with probability 1 - (1 - rate)^s; rate x size is the mean of either day."""
    chance = tsb.sale_chance(rate, share)
    assert chance == pytest.approx(1.0 - (1.0 - rate) ** share)
    assert rate * tsb.whole_day_units(rate, units, share) == pytest.approx(chance * units / share)
    assert tsb.whole_day_units(0.0, units, share) == units
