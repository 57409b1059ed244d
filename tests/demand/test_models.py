"""The demand models as a whole: accuracy of quantiles, calendars, drift, errors, memory."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sensing.demand import models as module
from sensing.demand.demand_record import CLASSES, DEMAND, HORIZON, METHODS, RIVER
from sensing.demand.members.smoothing import SMOOTHING, level_field
from sensing.demand.model_inputs import DayInputs, Forecast, ordinary_window
from sensing.demand.models import DemandModels
from sensing.demand.month_profile import month_day, month_index
from sensing.demand.seasonal_profile import expected_lines, line_index
from tests.demand.streams import FIRST_DAY, KINDS, feed, open_window, started, stream

pytestmark = pytest.mark.compiled

LEVELS = np.array([0.005, 0.05, 0.5, 0.95, 0.975, 0.995])


def learn(
    quantity: NDArray[np.float64], models: DemandModels | None = None, uplift: float = 1.0, *, explained: bool = False,
    lines: float | None = None,
) -> DemandModels:  # fmt: skip
    """Models of one pool that have seen these days (rows, days), a line per unit or ``lines``, at nine in the morning.

    All days have the same uplift, and a promotion explains all of them or none.
    """
    rows, days = quantity.shape
    models = DemandModels() if models is None else models
    models.ensure(rows, 1)
    none, place = np.zeros(rows), np.arange(rows)
    seen = int(models.demand["days"].max())
    for at in range(days):
        hours = np.zeros((rows, 24), np.uint16)
        hours[:, 9] = quantity[:, at]
        units = quantity[:, at]
        models.close_day(
            place,
            DayInputs(
                FIRST_DAY + seen + at,
                units,
                units if lines is None else none + lines,
                hours,
                none.astype(np.int32),
                none + 1.0,
                none > 0,
                none,
                none + uplift,
                np.full(rows, explained),
            ),
        )
        models.aggregate_pools(np.array([0]), FIRST_DAY + seen + at)
    return models


def forecast(models: DemandModels, rows: int, days: int) -> Forecast:
    """Forecast of all rows of one pool after so many days, nothing known of the future."""
    return models.forecast(np.arange(rows), FIRST_DAY + days - 1, np.zeros(rows, np.int32), ordinary_window(rows))


def test_records_keep_their_size() -> None:
    """A row costs at most 300 bytes."""
    assert DEMAND.itemsize <= 300


def test_room_grows_and_keeps_what_was_there() -> None:
    """More room leaves the records alone and is zero; room never shrinks."""
    models = learn(np.full((3, 10), 4.0))
    before = models.demand[:3].tobytes()
    models.ensure(1000, 5)
    assert models.demand.size >= 1000
    assert models.pool.size >= 5
    assert before == models.demand[:3].tobytes()
    assert not models.demand[3:].tobytes().strip(b"\0")
    models.ensure(1, 1)
    assert models.demand.size >= 1000


def test_a_day_closes_once_and_in_order() -> None:
    """Closing a day again says which row, which day was required, and what to do."""
    models = learn(np.full((2, 3), 4.0))
    none = np.zeros(1)
    inputs = DayInputs(
        FIRST_DAY + 2,
        none,
        none,
        np.zeros((1, 24), np.uint16),
        none.astype(np.int32),
        none,
        none > 0,
        none,
        none,
        none > 0,
    )
    with pytest.raises(
        ValueError, match=r"row 1: required a day after 18002, got 18002; close each day once, in order"
    ):
        models.close_day(np.array([1]), inputs)


def test_closed_days_have_no_demand() -> None:
    """A closed day of the window has mean, variance and quantiles of zero."""
    models = learn(np.full((1, 60), 4.0))
    window = ordinary_window(1)
    window.closed[0, 3] = True
    found = models.forecast(np.array([0]), FIRST_DAY + 59, np.zeros(1, np.int32), window)
    assert found.mean[0, 3] == found.variance[0, 3] == 0.0
    assert not models.quantiles(found, np.array([0]), LEVELS)[0, 3].any()
    assert found.mean[0, 4] > 3.0


def test_a_weekday_that_never_sells_is_forecast_as_nothing() -> None:
    """No Saturdays in the past, next to none in the forecast; the other days are met."""
    rng = np.random.default_rng(1)
    days = (np.arange(140) + FIRST_DAY + 3) % 7
    found = forecast(learn(rng.poisson(6.0, (30, 140)) * (days != 5)), 30, 140)
    coming = (np.arange(140, 140 + HORIZON) + FIRST_DAY + 3) % 7
    assert found.mean[:, coming == 5].mean() < 0.06
    assert found.mean[:, coming != 5].mean() == pytest.approx(6.0, rel=0.05)


def test_an_uplift_multiplies_the_forecast_of_its_days() -> None:
    """A day's uplift multiplies its forecast, with River models too, and no other day changes."""
    models = learn(np.random.default_rng(2).poisson(5.0, (20, 90)).astype(float))
    assert models.models
    window, none = ordinary_window(20), np.zeros(20, np.int32)
    plain = models.forecast(np.arange(20), FIRST_DAY + 89, none, window)
    window.uplift[:, 5] = 3.0
    found = models.forecast(np.arange(20), FIRST_DAY + 89, none, window)
    assert found.mean[:, 5] == pytest.approx(3.0 * plain.mean[:, 5])
    assert np.array_equal(np.delete(found.mean, 5, axis=1), np.delete(plain.mean, 5, axis=1))


def test_an_explained_day_teaches_no_model() -> None:
    """Days that a promotion explains change accuracy and silence and nothing else that the forecast is made of."""
    rng = np.random.default_rng(2)
    models = learn(rng.poisson(5.0, (4, 90)).astype(float))
    before, river, drifts = models.demand.copy(), models.river.copy(), models.drifts
    pool = models.pool.copy()
    promoted = DayInputs(
        FIRST_DAY + 90, np.full(4, 15.0), np.full(4, 15.0), np.zeros((4, 24), np.uint16), np.zeros(4, np.int32),
        np.ones(4), np.zeros(4, np.bool_), np.zeros(4), np.full(4, 3.0), np.ones(4, np.bool_),
    )  # fmt: skip
    usual = models.close_day(np.arange(4), promoted)
    plain = models.forecast(np.arange(4), FIRST_DAY + 89, np.zeros(4, np.int32), ordinary_window(4))
    assert usual == pytest.approx(plain.mean[:, 0])
    changed = {name for name in before.dtype.names or () if not np.array_equal(before[name], models.demand[name])}
    allowed = {"last_day", "score_absolute", "score_error", "score_quantity", "score_covered", "score_weight"}
    allowed |= {"sum_days"}  # the sum that waited has ended
    allowed |= {"near_level", "near_deviation"}  # the day says nothing of the near term
    assert changed - allowed == set()
    assert (models.demand["score_weight"][:4] > before["score_weight"][:4]).all()
    assert np.array_equal(river, models.river)
    changed = {name for name in pool.dtype.names or () if not np.array_equal(pool[name], models.pool[name])}
    assert changed == {"day_scores"}  # the accuracy of the class
    assert models.drifts == drifts


def test_days_of_an_uplift_are_learned_divided_by_it() -> None:
    """Where the promotion does not explain the days, three times the demand at an uplift of three is the same level."""
    plain = learn(np.full((3, 60), 6.0))
    promoted = learn(np.full((3, 60), 18.0), uplift=3.0)
    expected = forecast(plain, 3, 60).mean
    assert forecast(promoted, 3, 60).mean == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("size", [0.3, 1.0, 5.0])
def test_stated_quantiles_are_achieved(size: float) -> None:
    """For negative binomial demand, each quantile from .5 up has its nominal coverage."""
    rng = np.random.default_rng(3)
    rows, days = 150, 300
    means = np.exp(rng.normal(0.5, 1.0, (rows, 1)))
    made = rng.negative_binomial(size, size / (size + means), (rows, days + HORIZON)).astype(float)
    models = learn(made[:, :days])
    found = forecast(models, rows, days)
    quantiles = models.quantiles(found, np.arange(rows), LEVELS)
    actual = made[:, days:, None]
    for k in range(2, LEVELS.size):
        slack = 0.004 if LEVELS[k] > 0.99 else 0.02
        assert (actual[:, :, 0] < quantiles[:, :, k]).mean() <= LEVELS[k] + slack
        assert (actual[:, :, 0] <= quantiles[:, :, k]).mean() >= LEVELS[k] - slack


def test_quantiles_never_fall_and_are_finite() -> None:
    """For every kind of row quantiles are finite, not negative, and rise with the level."""
    found = stream(5, 130)
    models = started(found)
    feed(models, found, 0, 130)
    rows = np.arange(found.quantity.shape[0])
    answer = models.forecast(rows, FIRST_DAY + 129, found.pool, open_window(rows.size))
    quantiles = models.quantiles(answer, rows, LEVELS)
    assert quantiles.shape == (rows.size, HORIZON, LEVELS.size)
    assert np.isfinite(quantiles).all()
    assert (quantiles >= 0.0).all()
    assert (np.diff(quantiles, axis=2) >= 0.0).all()


def test_classes_and_methods_of_each_kind() -> None:
    """Rows get River models after 56 days, 28 of them with demand, and the class of their demand pattern."""
    found = stream(11, 200)._replace(missing=np.zeros((18, 200), np.bool_), censored=np.zeros((18, 200), np.bool_))
    models = started(found)
    feed(models, found, 0, 190)
    answer = models.forecast(np.arange(18), FIRST_DAY + 189, found.pool, open_window(18))
    assert CLASSES[answer.demand_class[2 * KINDS.index("young")]] == "new"
    feed(models, found, 190, 200)
    answer = models.forecast(np.arange(18), FIRST_DAY + 199, found.pool, open_window(18))
    names = {kind: CLASSES[answer.demand_class[2 * place]] for place, kind in enumerate(KINDS)}
    methods = {kind: METHODS[answer.method[2 * place]] for place, kind in enumerate(KINDS)}
    assert names["young"] in {"smooth", "erratic"}
    assert names["ending"] == "ending"
    assert names["steady"] in {"smooth", "erratic"}
    assert names["slow"] in {"intermittent", "lumpy"}
    assert methods["steady"] == methods["weekly"] == methods["huge"] == "river"
    assert methods["young"] == "smoothing"


def test_a_change_speeds_up_learning(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a jump of the units of a line ADWIN detects a drift, and the slowest level adapts faster than without."""
    rng = np.random.default_rng(4)
    jump = np.concatenate([rng.poisson(5.0, (4, 150)), rng.poisson(20.0, (4, 18))], axis=1).astype(float)
    heard = learn(jump, lines=5.0)
    monkeypatch.setattr(module.DemandModels, "_drifted", lambda self, row: None)
    deaf = learn(jump, lines=5.0)
    assert heard.drifts >= 4
    assert heard.demand["drifts"][:4].min() >= 1
    assert deaf.drifts == 0
    slowest = level_field(SMOOTHING[0].rate)
    slow, slow_deaf = heard.demand[slowest][:4], deaf.demand[slowest][:4]
    assert np.all(np.abs(slow - 20.0) < np.abs(slow_deaf - 20.0) - 2.0)


def test_scores_are_those_of_forecasts_made_before() -> None:
    """Steady demand has the known absolute error, no bias and a coverage of .95; rows without scored days have NaN."""
    rng = np.random.default_rng(6)
    models = learn(rng.poisson(10.0, (40, 200)).astype(float))
    models.ensure(41, 1)
    scores = models.scores(np.arange(41))
    expected = np.abs(rng.poisson(10.0, 100_000) - 10.0).mean() / 10.0
    assert np.mean(scores.wape[:40]) == pytest.approx(expected, rel=0.1)
    assert np.mean(scores.bias[:40]) == pytest.approx(0.0, abs=0.02)
    assert 0.93 <= np.mean(scores.coverage[:40]) <= 0.98
    assert np.isnan(scores.wape[40])
    assert np.isnan(scores.coverage[40])
    assert scores.days[40] == 0.0


def test_expected_lines_of_a_day_are_the_level_by_weekday() -> None:
    """Lines expected in the hours of a day are the day's; they lie where the pool's lines lie."""
    rng = np.random.default_rng(8)
    models = learn(rng.poisson(6.0, (10, 120)).astype(float))
    seasonal_index = line_index(models.demand, 3, models.pool, 0, (FIRST_DAY + 120 + 3) % 7)
    seasonal_index *= month_index(models.pool, 0, month_day(FIRST_DAY + 120))
    hour, unobserved = (FIRST_DAY + 120) * 24, np.zeros((16, 28), np.float32)
    whole = expected_lines(models.demand, 3, models.pool, 0, unobserved, hour, hour + 24)
    assert whole == pytest.approx(models.demand["usual_lines"][3, -1] * seasonal_index)
    assert expected_lines(models.demand, 3, models.pool, 0, unobserved, hour + 9, hour + 10) > 0.8 * whole


def test_river_record_is_small() -> None:
    """The River record of a row has at most 160 bytes."""
    assert RIVER.itemsize <= 160


def test_other_layouts_are_accepted() -> None:
    """Columns that are read-only, strided or of another type give the same answer."""
    plain, odd = DemandModels(), DemandModels()
    rows = np.arange(4)
    for models in (plain, odd):
        models.ensure(4, 1)
    for at in range(5):
        none, units = np.zeros(4), np.arange(4.0) + at
        hours = np.zeros((4, 24), np.uint16)
        parts = (units, units, hours, none.astype(np.int32), none + 1.0, none > 0, none, none + 1.0, none > 0)
        plain.close_day(rows, DayInputs(FIRST_DAY + at, *parts))
        strided = np.repeat(units, 2)[::2]
        frozen = none.copy()
        frozen.flags.writeable = False
        others: list[Any] = [
            strided,
            strided,
            hours.astype(np.int64),
            none,
            frozen + 1.0,
            none,
            frozen,
            frozen + 1.0,
            none,
        ]
        odd.close_day(
            rows.astype(np.int32),
            DayInputs(FIRST_DAY + at, *others),
        )
    assert plain.demand.tobytes() == odd.demand.tobytes()
