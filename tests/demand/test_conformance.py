"""One contract for every member in the registry, and for their combination."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.demand.demand_record import HORIZON, RIVER_FORECASTS
from sensing.demand.members.registry import MEMBERS, RIVER_MEMBERS
from sensing.demand.model_inputs import Forecast
from sensing.demand.models import DemandModels
from tests.demand.streams import FIRST_DAY, Stream, feed, open_window, started, stream
from tests.snapshots import resumed

pytestmark = pytest.mark.compiled

DAYS = 130
OWN = tuple(member.name for member in MEMBERS)
RIVER = tuple(member.name for member in RIVER_MEMBERS)
MODELS = ("combined", *OWN, *RIVER)
every_model = pytest.mark.parametrize("model", MODELS)


def forecast(models: DemandModels, model: str, found: Stream, last: int, rows: Any = None) -> Forecast:
    """Forecast of one model alone: a copy in which all others were as wrong as can be."""
    alone = resumed(DemandModels(), models.dump())
    rows = np.arange(found.quantity.shape[0]) if rows is None else rows
    if model in OWN:
        alone.demand["error"] = np.where(np.arange(len(OWN)) == OWN.index(model), 0.0, 1e30)
        seen = alone.demand["days"] > 0
        alone.demand["days"] = np.where(seen, np.maximum(alone.demand["days"], 60), 0)
        alone.river["error"] = np.where(np.arange(RIVER_FORECASTS) == 0, 0.0, 1e30)
    elif model in RIVER:
        alone.river["error"] = np.where(np.arange(RIVER_FORECASTS) == 1 + RIVER.index(model), 0.0, 1e30)
    alone.river["days"] = np.maximum(alone.river["days"], 60)
    window = open_window(found.quantity.shape[0])
    window = type(window)(*(part[rows] for part in window))
    return alone.forecast(rows, FIRST_DAY + last, found.pool[rows], window)


def same(first: Forecast, second: Forecast) -> None:
    """Both forecasts agree to the last bit."""
    for left, right in zip(first, second, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.fixture(scope="module")
def found() -> Stream:
    """Stream of all kinds of rows."""
    return stream(7, DAYS)


@pytest.fixture(scope="module")
def learned(found: Stream) -> bytes:
    """Dump of models that have seen the whole stream."""
    models = started(found)
    feed(models, found, 0, DAYS)
    return models.dump()


@every_model
def test_predicts_before_it_learns(model: str, found: Stream) -> None:
    """A row that has seen nothing forecasts zero, with zero variance, and has no method."""
    answer = forecast(started(found), model, found, -1)
    assert not answer.mean.any()
    assert not answer.variance.any()
    assert not answer.method.any()


@every_model
def test_finite_and_never_negative(model: str, found: Stream, learned: bytes) -> None:
    """Means and variances are finite and not negative for every kind of row."""
    answer = forecast(resumed(DemandModels(), learned), model, found, DAYS - 1)
    for part in (answer.mean, answer.variance):
        assert part.shape == (found.quantity.shape[0], HORIZON)
        assert np.isfinite(part).all()
        assert (part >= 0.0).all()


@every_model
def test_restored_in_the_middle_goes_on_the_same(model: str, found: Stream, learned: bytes) -> None:
    """A dump restored at any of some days leads to the same state and forecasts, to the last bit."""
    models = started(found)
    for stop in (1, 40, 71, 100, DAYS):
        feed(models, found, (0, 1, 40, 71, 100)[(1, 40, 71, 100, DAYS).index(stop)], stop)
        models = resumed(DemandModels(), models.dump())
    same(forecast(resumed(DemandModels(), learned), model, found, DAYS - 1), forecast(models, model, found, DAYS - 1))


@every_model
def test_clones_are_independent(model: str, found: Stream) -> None:
    """A copy that learns does not change the original."""
    models = started(found)
    feed(models, found, 0, 80)
    before = forecast(models, model, found, 79)
    feed(resumed(DemandModels(), models.dump()), found, 80, 100)
    same(before, forecast(models, model, found, 79))


@every_model
def test_forecasts_of_a_row_do_not_depend_on_the_others_asked(model: str, found: Stream, learned: bytes) -> None:
    """Rows forecast alone are forecast as in company."""
    models = resumed(DemandModels(), learned)
    together = forecast(models, model, found, DAYS - 1)
    rows = np.array([5, 0, 11])
    alone = forecast(models, model, found, DAYS - 1, rows)
    np.testing.assert_array_equal(together.mean[rows], alone.mean)
    np.testing.assert_array_equal(together.variance[rows], alone.variance)


@every_model
def test_missing_days_teach_nothing(model: str, found: Stream) -> None:
    """A month of missing days changes no forecast but the days it is for."""
    models = started(found)
    feed(models, found, 0, 100)
    before = forecast(models, model, found, 99)
    silent = found._replace(missing=np.ones_like(found.missing))
    feed(models, silent, 100, 128)
    same(before, forecast(models, model, found, 99))


@every_model
def test_censored_days_teach_upward_only(model: str, found: Stream) -> None:
    """Days without stock and without sales do not lower a forecast."""
    models = started(found)
    feed(models, found, 0, 100)
    before = forecast(models, model, found, 99)
    empty = found._replace(censored=np.ones_like(found.censored), quantity=np.zeros_like(found.quantity))
    feed(models, empty, 100, 128)
    same(before, forecast(models, model, found, 99))


@pytest.mark.slow
@given(pieces=st.integers(2, 18), seed=st.integers(0, 3))
def test_one_call_or_many(pieces: int, seed: int) -> None:
    """Rows closed in one call or in many give the same state, byte for byte."""
    found = stream(seed, 75)
    whole, cut = started(found), started(found)
    feed(whole, found, 0, 75)
    feed(cut, found, 0, 75, pieces)
    assert whole.demand.tobytes() == cut.demand.tobytes()
    assert whole.pool.tobytes() == cut.pool.tobytes()
    assert whole.models.keys() == cut.models.keys()


def test_inputs_are_not_changed(found: Stream) -> None:
    """Neither a close nor a forecast changes its arguments."""
    models = started(found)
    feed(models, found, 0, 70)
    rows = np.arange(found.quantity.shape[0])
    inputs, window = found.inputs(rows, 70), open_window(rows.size)
    given_parts: list[NDArray[Any]] = [part for part in (*inputs, *window) if isinstance(part, np.ndarray)]
    before = [part.copy() for part in given_parts]
    models.close_day(rows, inputs)
    models.forecast(rows, FIRST_DAY + 70, inputs.pool, window)
    for part, kept in zip(given_parts, before, strict=True):
        np.testing.assert_array_equal(kept, part)


def test_memory_is_bounded() -> None:
    """A second half of the stream does not make the state larger than rows that newly earn models do."""
    found = stream(3, 500)
    models = started(found)
    feed(models, found, 0, 250)
    earned, size = len(models.models), len(models.dump())
    feed(models, found, 250, 500)
    assert len(models.dump()) <= size + (len(models.models) - earned) * 16_384 + 0.3 * size
