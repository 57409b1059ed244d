"""Blend of sensed forecast and baseline plan: weights, profile of the plan, mean and variance, against slow oracles."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.demand.plan_blend import blend, learn_mean, plan_weights, planned_days

UNITS = st.floats(0.0, 1e6)
ONE = np.ones(1)


def oracle_weight(plan: list[float], sensed: list[float], demand: list[float], learned: float) -> float:
    """Weight of a plan from all errors since it was first measured: running means over the last 56 days or so."""
    errors = [0.0, 0.0]
    for number, units in enumerate(demand, 1):
        for at, said in enumerate((plan[number - 1], sensed[number - 1])):
            errors[at] += ((said - units) ** 2 - errors[at]) / min(number, 56)
    days = min(len(demand), 56)
    inverse = [1.0 / error if error else math.inf for error in errors]
    if errors == [0.0, 0.0]:
        measured = 0.5
    elif 0.0 in errors:
        measured = 1.0 if errors[0] == 0.0 else 0.0
    else:
        measured = inverse[0] / (inverse[0] + inverse[1])
    prior = 1.0 if learned == 0 else 0.5 if learned >= 28 else 1.0 - learned / 56
    return (days * measured + 14 * prior) / (days + 14)


@given(st.lists(st.tuples(*[st.integers(0, 50)] * 3), max_size=80), st.integers(0, 60))
def test_weight_is_that_of_the_oracle(days: list[tuple[int, int, int]], learned: int) -> None:
    """Inverse mean squared errors of the same days, shrunk by 14 days to the prior."""
    plan, sensed, demand = ([float(day[at]) for day in days] for at in range(3))
    errors, count = [np.zeros(1), np.zeros(1)], 0.0
    for number, units in enumerate(demand):
        for at, said in enumerate((plan[number], sensed[number])):
            errors[at] = learn_mean(errors[at], np.full(1, count), np.full(1, (said - units) ** 2))
        count = min(count + 1.0, 56.0)

    weight = plan_weights(errors[0], errors[1], np.full(1, count), np.full(1, float(learned)))

    assert weight[0] == pytest.approx(oracle_weight(plan, sensed, demand, learned), abs=1e-9)


@pytest.mark.parametrize(
    ("plan_error", "sensed_error", "days", "learned", "expected"),
    [
        (0.0, 0.0, 0.0, 0.0, 1.0),  # nothing sold: the plan alone
        (0.0, 0.0, 0.0, 14.0, 0.75),
        (0.0, 0.0, 0.0, 100.0, 0.5),
        (4.0, 4.0, 56.0, 100.0, 0.5),
        (100.0, 0.0, 56.0, 100.0, 0.1),  # the measured weight is 0, the prior counts 14 of 70 days
        (0.0, 100.0, 56.0, 100.0, 0.9),
        (75.0, 25.0, 14.0, 100.0, 0.375),
    ],
)
def test_weights_have_the_stated_values(
    plan_error: float, sensed_error: float, days: float, learned: float, expected: float
) -> None:
    """A new plan of a known row weighs one half; evidence moves it, no evidence moves it to the end."""
    weight = plan_weights(plan_error * ONE, sensed_error * ONE, days * ONE, learned * ONE)

    assert weight[0] == pytest.approx(expected)


@given(st.floats(0, 1e12), st.floats(0, 1e12), st.floats(0, 56), st.floats(0, 65535))
def test_weights_lie_between_0_and_1(plan_error: float, sensed_error: float, days: float, learned: float) -> None:
    """Whatever the errors are."""
    weight = plan_weights(plan_error * ONE, sensed_error * ONE, days * ONE, learned * ONE)

    assert 0.0 <= weight[0] <= 1.0


def forecasts(values: list[float]) -> Any:
    """One row's forecast."""
    return np.array([values], np.float64)


WEEK = [4.0, 4.0, 4.0, 4.0, 12.0, 0.0, 0.0]
SHUT = np.array([[False] * 5 + [True] * 2] * 1)


def test_a_plan_has_the_profile_of_the_row() -> None:
    """7 a day are 49 a week: closed days get none, Friday three times the others."""
    planned = planned_days(forecasts(WEEK), SHUT, np.ones((1, 7)), 7.0 * ONE)

    assert planned[0].tolist() == pytest.approx([7.0, 7.0, 7.0, 7.0, 21.0, 0.0, 0.0])


def test_without_history_a_plan_is_even_over_open_days() -> None:
    """All of the plan is on the open days."""
    planned = planned_days(forecasts([0.0] * 7), SHUT, np.ones((1, 7)), 5.0 * ONE)

    assert planned[0].tolist() == pytest.approx([7.0] * 5 + [0.0, 0.0])


@pytest.mark.parametrize(
    ("sensed", "uplift"), [([4.0, 4.0, 12.0, 4.0], 3.0), ([4.0, 4.0, 0.0, 4.0], 0.0), ([0.0] * 4, 3.0)]
)
def test_a_promotion_raises_the_plan_too(sensed: list[float], uplift: float) -> None:
    """The plan is a baseline: a promoted day has the uplift of the sensed forecast on top."""
    planned = planned_days(forecasts(sensed), np.zeros((1, 4), np.bool_), forecasts([1.0, 1.0, uplift, 1.0]), 6.0 * ONE)

    assert planned[0].tolist() == pytest.approx([6.0, 6.0, 6.0 * uplift, 6.0])


@given(st.lists(st.tuples(UNITS, st.booleans(), st.floats(0, 101)), min_size=1, max_size=28), UNITS)
def test_the_plan_keeps_its_mean(days: list[tuple[float, bool, float]], quantity: float) -> None:
    """Without uplifts the mean of the plan's days is what it says per day, unless every day is closed."""
    sensed, shut = forecasts([0.0 if day[1] else day[0] for day in days]), np.array([[day[1] for day in days]])
    uplift = forecasts([day[2] for day in days])

    plain = planned_days(sensed, shut, np.ones_like(uplift), quantity * ONE)
    planned = planned_days(sensed * uplift, shut, uplift, quantity * ONE)

    assert plain.mean() == pytest.approx(0.0 if shut.all() else quantity, rel=1e-9)
    assert (planned[uplift == 0.0] == 0.0).all()
    assert (planned[shut] == 0.0).all()
    if (uplift > 1e-3).all():
        assert planned == pytest.approx(plain * uplift, rel=1e-6)


@given(st.lists(st.tuples(UNITS, UNITS, st.booleans()), min_size=1, max_size=28), st.floats(0, 1), st.floats(0.1, 50))
def test_the_blend_lies_between_both(days: list[tuple[float, float, bool]], weight: float, ratio: float) -> None:
    """On covered days the mean lies between sensed and planned; other days are as sensed. Variances are positive."""
    sensed, planned = forecasts([day[0] for day in days]), forecasts([day[1] for day in days])
    covered = np.array([[day[2] for day in days]])

    found = blend(sensed, ratio * sensed, planned, covered, weight * ONE, ratio * ONE)

    low, high = np.minimum(sensed, planned), np.maximum(sensed, planned)
    assert ((found.mean >= low) & (found.mean <= high))[covered].all()
    assert (found.mean == sensed)[~covered].all()
    assert (found.variance == ratio * sensed)[~covered].all()
    assert (found.variance >= 0.0).all()
    assert np.isfinite(found.variance).all()


def test_where_both_differ_the_blend_is_less_certain() -> None:
    """A mixture: ratio 2 times the mean, and weight times its rest times the squared difference."""
    found = blend(forecasts([4.0]), forecasts([8.0]), forecasts([10.0]), np.ones((1, 1), np.bool_), 0.25 * ONE, ONE)

    assert found.mean[0, 0] == pytest.approx(5.5)
    assert found.variance[0, 0] == pytest.approx(2.0 * 5.5 + 0.25 * 0.75 * 36.0)
