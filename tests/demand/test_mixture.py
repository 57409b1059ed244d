"""The combination of members, row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.demand import combination, mixture
from sensing.demand.demand_record import DEMAND, RIVER, RIVER_FORECASTS
from sensing.demand.features import FEATURES
from sensing.demand.members.holt_winters import predict_holt_winters
from sensing.demand.members.registry import MEMBERS
from sensing.demand.members.regression import predict_regression
from tests.demand import oracles

COUNT = len(MEMBERS)


@given(errors=st.lists(st.floats(0.0, 50.0), min_size=COUNT, max_size=COUNT), seen=st.integers(0, 400))
def test_member_weights_level_and_rate(errors: list[float], seen: int) -> None:
    """The combined level and rate are the weighted ones of the members."""
    demand, weights = np.zeros(1, DEMAND), np.zeros(COUNT)
    for value, (name, *_) in enumerate((field for member in MEMBERS for field in member.fields), 1):
        demand[name] = value
    demand["error"][0], demand["days"] = errors, seen
    mixture.member_weights(demand, 0, weights)
    kept = demand["error"][0].astype(float).tolist()
    expected = oracles.weights(kept, seen, combination.TEMPER, 1.0 / (1.0 - combination.DISCOUNT))
    assert weights == pytest.approx(expected, rel=1e-5, abs=1e-9)
    forecasts = [member.predict(demand, 0, 1.0) for member in MEMBERS]
    assert [mixture.member_forecast(demand, 0, number, 1.0) for number in range(COUNT)] == forecasts
    assert mixture.member_level(demand, 0, weights) == pytest.approx(expected @ forecasts)
    assert mixture.member_rate(weights) == pytest.approx(expected @ [member.rate for member in MEMBERS])


@given(base=st.floats(0.01, 50.0), seasonal_index=st.floats(0.01, 50.0), ahead=st.integers(1, 28))
def test_river_forecasts_and_mean(base: float, seasonal_index: float, ahead: int) -> None:
    """The forecast of the row's own members, then each River member's, and their equal mean where nothing is judged."""
    river, values, weights = np.zeros(1, RIVER), np.empty(RIVER_FORECASTS), np.empty(RIVER_FORECASTS)
    features = np.linspace(0.0, 1.0, len(FEATURES))
    river["level"], river["trend"], river["intercept"], river["scale"] = 3.0, 0.1, 0.1, 2.0
    mixture.river_forecasts(river, 0, base, seasonal_index, ahead, features, values)
    arguments = (river, 0, base, seasonal_index, ahead, features)
    assert values.tolist() == [base, predict_holt_winters(*arguments), predict_regression(*arguments)]
    mixture.river_weights(river, 0, weights)
    assert mixture.river_mean(values, weights) == pytest.approx(values.mean())


def test_river_weights_follow_the_errors() -> None:
    """The combined forecast is weighted by the errors of the River record."""
    river, values, weights = np.zeros(1, RIVER), np.array([1.0, 2.0, 4.0]), np.empty(RIVER_FORECASTS)
    river["error"][0], river["days"] = [4.0, 1.0, 2.0], 90
    mixture.river_weights(river, 0, weights)
    expected = oracles.weights([4.0, 1.0, 2.0], 90, combination.TEMPER, 1.0 / (1.0 - combination.DISCOUNT))
    assert weights == pytest.approx(expected, rel=1e-5)
    assert mixture.river_mean(values, weights) == pytest.approx(expected @ values)
