"""Predictions of the River members from their coefficients, which equal those of River's models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.demand.demand_record import RIVER
from sensing.demand.features import FEATURES
from sensing.demand.members import holt_winters, regression
from sensing.demand.members.holt_winters import HOLT_WINTERS
from sensing.demand.members.regression import REGRESSION

POSITIVE = st.floats(0.01, 50.0)
NONE = np.zeros(len(FEATURES))


@given(level=POSITIVE, trend=st.floats(-1.0, 1.0), seasonal_index=POSITIVE, ahead=st.integers(1, 28))
def test_holt_winters_damps_its_trend(level: float, trend: float, seasonal_index: float, ahead: int) -> None:
    """The forecast is the level and the damped trend, times the seasonal index, and never negative."""
    river = np.zeros(1, RIVER)
    river["level"], river["trend"] = level, trend
    reach = sum(holt_winters.TREND_DAMPING**step for step in range(ahead))
    found = holt_winters.predict_holt_winters(river, 0, 0.0, seasonal_index, ahead, NONE)
    assert found == pytest.approx(max(0.0, (level + reach * trend) * seasonal_index))


def test_holt_winters_leaves_out_days_of_small_index() -> None:
    """It starts at a level without a trend, and a day of small seasonal index teaches nothing."""
    model = HOLT_WINTERS.start(3.0)
    assert HOLT_WINTERS.coefficients(model) == [3.0, 0.0]
    HOLT_WINTERS.learn(model, 9.0, 0.9 * holt_winters.SEASONAL_INDEX_MIN, 0.0, 1.0, {})
    assert HOLT_WINTERS.coefficients(model) == [3.0, 0.0]
    HOLT_WINTERS.learn(model, 9.0, 1.0, 0.0, 1.0, {})
    assert HOLT_WINTERS.coefficients(model)[0] == pytest.approx(3.0 + holt_winters.RATES["alpha"] * 6.0)


@given(
    base=POSITIVE, scale=POSITIVE, weights=st.lists(st.floats(-1.0, 1.0), min_size=len(FEATURES)), seed=st.integers(0)
)
def test_regression_corrects_by_its_weights(base: float, scale: float, weights: list[float], seed: int) -> None:
    """The forecast is the row's own, corrected by intercept and weighted features, and never negative."""
    river, features = np.zeros(1, RIVER), np.random.default_rng(seed).random(len(FEATURES))
    river["weight"], river["intercept"], river["scale"] = weights[: len(FEATURES)], 0.1, scale
    expected = base + scale * (0.1 + np.dot(weights[: len(FEATURES)], features))
    found = regression.predict_regression(river, 0, base, 1.0, 1, features)
    assert found == pytest.approx(max(0.0, expected), abs=1e-9)


def test_regression_predicts_as_river_does() -> None:
    """Its coefficients and features by position give what River gives by name."""
    model, names = REGRESSION.start(0.0), [feature.name for feature in FEATURES]
    rng = np.random.default_rng(5)
    for _ in range(50):
        day = {name: float(rng.random()) for name in rng.choice(names, 3, replace=False)}
        REGRESSION.learn(model, float(rng.random()), 1.0, 0.2, 0.5, day)
    river, values = np.zeros(1, RIVER), np.zeros(len(names))
    *river["weight"][0], river["intercept"][0] = REGRESSION.coefficients(model)
    river["scale"] = 1.0
    for name, value in day.items():
        values[names.index(name)] = value
    assert regression.predict_regression(river, 0, 9.0, 1.0, 1, values) == pytest.approx(9.0 + model.predict_one(day))
