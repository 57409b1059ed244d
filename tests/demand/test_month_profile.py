"""Month-day profile against the calendar and a slow counterpart, and on streams with and without pay days."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.demand import month_profile
from sensing.demand.demand_record import POOL
from sensing.demand.model_inputs import DayInputs, ordinary_window
from sensing.demand.models import DemandModels
from sensing.demand.month_profile import MONTH_DAYS
from tests.demand.streams import FIRST_DAY

EPOCH = date(1970, 1, 1)


@given(day=st.integers(-25_000, 80_000))
def test_the_day_of_the_month_is_the_calendars(day: int) -> None:
    """Counted from zero."""
    assert month_profile.month_day(day) == (EPOCH + timedelta(days=day)).day - 1


def slow_index(ratio: NDArray[Any], count: NDArray[Any], scatter: float) -> NDArray[np.float64]:
    """Smoothed means over their mean, shrunk by the share of their scatter that single days explain."""
    mean = np.array([r / c if c > 0.0 else 1.0 for r, c in zip(ratio, count, strict=True)])
    smoothed = np.array([0.25 * mean[k - 1] + 0.5 * mean[k] + 0.25 * mean[(k + 1) % 31] for k in range(31)])
    deviation = smoothed / smoothed.mean() - 1.0
    noise = np.mean([(2 * 0.25**2 + 0.5**2) * scatter / max(c, 0.5) for c in count])
    square = float((deviation**2).mean())
    return np.asarray(deviation * (max(0.0, 1.0 - noise / square) if square > 0.0 else 0.0))


@given(seed=st.integers(0, 10_000), scatter=st.floats(0.0, 0.2))
def test_indices_are_the_oracles(seed: int, scatter: float) -> None:
    """They average one, and a larger scatter never makes them larger."""
    rng = np.random.default_rng(seed)
    count = rng.uniform(0.0, 12.0, MONTH_DAYS) * (rng.random(MONTH_DAYS) < 0.9)
    ratio = count * rng.uniform(0.7, 1.4, MONTH_DAYS)
    found, wider = np.zeros(MONTH_DAYS), np.zeros(MONTH_DAYS)
    month_profile.fill_month(ratio, count, scatter, found)
    month_profile.fill_month(ratio, count, 2.0 * scatter, wider)
    assert found == pytest.approx(slow_index(ratio, count, scatter), abs=1e-12)
    assert found.mean() == pytest.approx(0.0, abs=1e-12)
    assert np.all(np.abs(wider) <= np.abs(found) + 1e-12)


def test_a_day_is_compared_with_what_was_expected_without_the_profile() -> None:
    """Its ratio is discounted per month, its squared error per day; a day without sales teaches nothing."""
    pool, day = np.zeros(1, POOL), (date(2020, 5, 15) - EPOCH).days
    pool["month_index"][0, 14] = 0.5
    assert month_profile.month_index(pool, 0, 14) == 1.5
    for units in (24.0, 12.0, 1.0):
        pool["day_expected"], pool["day_quantity"] = 20.0, units
        month_profile.aggregate_month(pool, 0, day)
    assert pool["month_ratio"][0, 14] == pytest.approx(0.95 * 1.2 * 1.5 + 0.6 * 1.5)
    assert pool["month_count"][0, 14] == pytest.approx(1.95)
    assert pool["month_square"][0] == pytest.approx(0.99 * 0.04 + 0.16)
    assert pool["month_days"][0] == pytest.approx(1.99)
    assert pool["month_index"][0, 14] == 0.5, "too few days for a profile"
    pool["day_expected"], pool["day_quantity"] = 1.0, 90.0
    month_profile.aggregate_month(pool, 0, day)
    assert pool["month_ratio"][0, 14] == pytest.approx(0.95 * (0.95 * 1.8 + 0.9) + 3.0 * 1.5)


def learned(pay: float) -> DemandModels:
    """40 rows of 5 units a day, ``pay`` times as many on the first five days of a month."""
    rng, rows, days = np.random.default_rng(3), 40, 400
    models, every, none = DemandModels(), np.arange(rows), np.zeros(rows)
    models.ensure(rows, 1)
    for day in range(FIRST_DAY, FIRST_DAY + days):
        rate = 5.0 * (pay if (EPOCH + timedelta(days=day)).day <= 5 else 1.0)
        units = rng.poisson(rate, rows).astype(np.float64)
        models.close_day(
            every,
            DayInputs(
                day, units, units, np.zeros((rows, 24), np.uint16), none.astype(np.int32), none + 1.0, none > 0, none,
                none + 1.0, none > 0,
            ),
        )  # fmt: skip
        models.aggregate_pools(np.zeros(1, np.int64), day)
    return models


@pytest.mark.compiled
@pytest.mark.parametrize("pay", [1.0, 1.6])
def test_pay_days_are_learned_and_forecast(pay: float) -> None:
    """Forecasts of the first days of the next month are higher by about as much; without pay days nothing differs."""
    models, last = learned(pay), FIRST_DAY + 399
    mean = models.forecast(np.arange(40), last, np.zeros(40, np.int32), ordinary_window(40)).mean.sum(axis=0)
    first = np.array([(EPOCH + timedelta(days=last + 1 + h)).day in (2, 3, 4) for h in range(28)])
    rest = np.array([(EPOCH + timedelta(days=last + 1 + h)).day > 7 for h in range(28)])
    weekday = (last + 1 + np.arange(28) + 3) % 7
    index = 1.0 + models.pool["weekday_index"][0][weekday]
    found = (mean / index)[first].mean() / (mean / index)[rest].mean()
    assert found == pytest.approx(pay, abs=0.03 if pay == 1.0 else 0.25)
    if pay > 1.0:
        assert found > 1.3
