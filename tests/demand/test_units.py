"""Units of measure: a row has the same plan in kilograms, tonnes and grams, as far as thousandths carry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensing.demand.day_scores import in_steps
from sensing.demand.demand_record import DEMAND
from sensing.demand.distribution import STEADY_MEAN_MIN, cumulative
from sensing.demand.model_inputs import DayInputs, Forecast, ordinary_window
from sensing.demand.models import DemandModels
from sensing.demand.row_statistics import line_size, note_fraction, step_of
from sensing.demand.sum_distribution import stockout_probability, sum_quantile, sum_tail, units_quantile
from sensing.supply.lead_time_demand import protection_time_demand
from tests.demand.streams import FIRST_DAY

DAYS = 150
LEVELS = np.array([0.05, 0.5, 0.95, 0.995])


def learned(units: np.ndarray, lines: np.ndarray) -> tuple[DemandModels, Forecast]:
    """Models that have learned rows (n, days), and their forecast."""
    rows, none = np.arange(len(units)), np.zeros(len(units))
    pool, models = np.zeros(len(units), np.int32), DemandModels()
    models.ensure(len(units), 1)
    for at in range(units.shape[1]):
        models.close_day(
            rows,
            DayInputs(
                FIRST_DAY + at, units[:, at], lines[:, at], np.zeros((len(units), 24), np.uint16), pool, none + 1.0,
                none > 0, none, none + 1.0, none > 0,
            ),
        )  # fmt: skip
        models.aggregate_pools(np.arange(1), FIRST_DAY + at)
    return models, models.forecast(rows, FIRST_DAY + units.shape[1] - 1, pool, ordinary_window(len(units)))


def points(said: Forecast, step: float) -> np.ndarray:
    """(n,) reorder points for a lead time of a week."""
    count = len(said.mean)
    week, none, service = (np.full(count, value, np.float32) for value in (7.0, 0.0, 0.95))
    out = np.empty((count, 5))
    protection_time_demand(said.mean, said.variance, said.sums, week, none, none, service, np.full(count, step), out)
    return out[:, 4]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1000), st.sampled_from((0.05, 0.3, 1.2)), st.sampled_from((5.0, 50.0)))
def test_a_plan_does_not_depend_on_the_unit(seed: int, variation: float, daily: float) -> None:
    """Whole kilograms, the same in tonnes and in grams: means, quantiles of days and reorder points are multiplied."""
    rng = np.random.default_rng(seed)
    shape = (3, DAYS)
    spread = rng.gamma(1.0 / variation**2, variation**2, shape)
    units, lines = np.round(daily * spread), np.maximum(rng.poisson(3.0, shape), 1.0)
    kilograms, said = learned(units, lines)
    wanted = points(said, 1.0)
    # Demand of few whole kilograms is at least as uncertain as its steps; that of grams is not.
    is_steady = daily < STEADY_MEAN_MIN and (variation * daily) ** 2 < daily
    for factor, step in ((0.001, 0.001),) if is_steady else ((0.001, 0.001), (1000.0, 1.0)):
        models, other = learned(units * factor, lines)
        # A steady row of few kilograms is less certain than its steps. In grams it has no such bound.
        assert other.mean == pytest.approx(factor * said.mean, rel=1e-3 if factor < 1.0 else 0.03)
        tolerance = factor if factor > 1.0 else 0.0  # in grams, quantiles between whole kilograms
        found = points(other, step)
        assert found == pytest.approx(factor * wanted, rel=0.02 if factor < 1.0 else 0.05, abs=tolerance + 1e-6)
        days = (m.quantiles(f, np.arange(3), LEVELS) for m, f in ((models, other), (kilograms, said)))
        in_unit, in_kilograms = days
        assert in_unit == pytest.approx(factor * in_kilograms, rel=0.05 if factor < 1.0 else 0.1, abs=2.0 * factor)


def test_steady_rows_are_not_stocked_as_poisson() -> None:
    """Normal demand of 50 and 5 a day: a week needs 350 + 1.645 x 5 x sqrt(7) and what the level is not certain of."""
    units = np.round(np.random.default_rng(3).normal(50.0, 5.0, (4, 300)))
    _, said = learned(units, np.ones((4, 300)))
    buffer = points(said, 1.0) - said.mean[:, :7].sum(axis=1)
    assert (buffer < 1.645 * 50.0**0.5 * 7.0**0.5).all(), "below independent Poisson days"
    assert (buffer > 0.8 * 1.645 * 5.0 * 7.0**0.5).all()


def test_steps_of_a_row() -> None:
    """Whole units until a day's were none; lines are compared by their size."""
    demand = np.zeros(1, DEMAND)
    note_fraction(demand, 0, 3.0)
    assert (step_of(demand, 0), line_size(demand, 0)) == (1.0, 1.0)
    note_fraction(demand, 0, 3.5)
    note_fraction(demand, 0, 4.0)
    assert (step_of(demand, 0), line_size(demand, 0)) == (0.001, 0.001)
    demand["line_size"] = 2.0
    assert line_size(demand, 0) == 2.0


@given(st.integers(0, 40), st.floats(0.1, 20.0), st.floats(0.2, 5.0))
def test_the_distribution_of_a_day_in_steps(count: int, mean: float, ratio: float) -> None:
    """The probability of at most so many steps, whatever a step is; a part of one is rounded up."""
    demand = np.zeros(2, DEMAND)
    demand["fractional"][1] = 1
    for row, step in ((0, 1.0), (1, 0.001)):
        for less in (0.0, 1.0):
            units = step * (count - 0.3) if count else 0.0
            found = in_steps(demand, row, units, less, step * mean, step * step * mean * ratio)
            assert found == pytest.approx(cumulative(count - less, mean, mean * ratio), rel=1e-9, abs=1e-12)


@given(st.floats(0.1, 50.0), st.floats(0.2, 5.0), st.sampled_from((1.0, 0.1, 0.001)))
def test_quantiles_and_probabilities_in_steps(mean: float, ratio: float, step: float) -> None:
    """Both are those of the same demand counted in steps."""
    steps = sum_quantile(0.95, mean, ratio * mean)
    assert units_quantile(0.95, step * mean, step * step * ratio * mean, step) == pytest.approx(step * steps, abs=step)
    found = stockout_probability(step * round(steps), step * mean, step * step * ratio * mean, step)
    assert found == pytest.approx(sum_tail(round(steps) + 1.0, mean, ratio * mean), rel=1e-6, abs=1e-9)
