"""Rescaling of learned demand: models rescaled to another unit against models that have learned in that unit.

The two are not equal to the last digit: pools weigh their rows by units, and a variance is compared with a mean, so the
unit of all rows has a small effect on profiles, and by them on the odds of a shift that is in doubt. A field with a
wrong power of the unit would be off by a factor.
"""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sensing.demand.demand_record import DEMAND, RIVER
from sensing.demand.members.registry import RIVER_MEMBERS
from sensing.demand.models import DemandModels
from sensing.demand.rescaling import RIVER_POWERS, ROW_POWERS, rescaled_models
from sensing.demand.river_snapshot import MODEL
from tests.demand.streams import FIRST_DAY, KINDS, Stream, feed, open_window, started, stream

pytestmark = pytest.mark.compiled

FACTOR = 1000.0
DAYS = 150
USUAL = np.array([row for row in range(2 * len(KINDS)) if KINDS[row // 2] != "huge"])
"""Rows whose quantities stay below the greatest ones in the other unit too."""
ROWS = np.arange(len(USUAL))


def part(found: Stream, factor: float) -> Stream:
    """The usual rows, their quantities times ``factor``."""
    kept = {name: getattr(found, name)[USUAL] for name in Stream._fields}
    return Stream(**kept)._replace(quantity=factor * found.quantity[USUAL])


def learned(factor: float, days: int = DAYS) -> DemandModels:
    """Models that have seen the stream in a unit of which ``factor`` are one."""
    found = part(stream(3, days), factor)
    models = started(found)
    feed(models, found, 0, days)
    return models


def powers(small: NDArray[Any], large: NDArray[Any]) -> NDArray[np.float64]:
    """Estimated power of the unit in a field, of all values that are not zero."""
    pairs = np.stack([small.astype(np.float64).ravel(), large.astype(np.float64).ravel()])
    first, second = np.abs(pairs[:, (pairs != 0.0).all(axis=0)])
    found: NDArray[np.float64] = np.log(second / first) / np.log(FACTOR)
    return found


def test_every_field_of_a_row_is_listed_or_has_no_unit() -> None:
    """The power of the unit in each field, from models that have learned in both units."""
    small, large = learned(1.0), learned(FACTOR)
    for name in DEMAND.names or ():
        found = powers(small.demand[name][ROWS], large.demand[name][ROWS])
        if len(found):
            assert np.median(found) == pytest.approx(ROW_POWERS.get(name, 0), abs=0.05), name
    assert len(small.models) == len(large.models) > 4


def test_every_field_of_a_river_row_is_listed_or_has_no_unit() -> None:
    """Coefficients of the models, which are copied from them, and the other fields."""
    small, large = learned(1.0), learned(FACTOR)
    count = len(small.models)
    units = {name for member in RIVER_MEMBERS for name in member.in_units}
    for name in RIVER.names or ():
        found = powers(small.river[name][:count], large.river[name][:count])
        wanted = RIVER_POWERS.get(name, 1 if name in units else 0)
        assert np.median(found) == pytest.approx(wanted, abs=0.1), name


def test_every_saved_field_of_a_model_is_listed_or_has_no_unit() -> None:
    """Fields that no record has, such as sums of the regression."""
    small, large = (
        np.concatenate([saved(models.models[row].models) for row in models.models])
        for models in (learned(1.0), learned(FACTOR))
    )
    units = {name for member in RIVER_MEMBERS for name in member.in_units}
    for name in (field[0] for member in RIVER_MEMBERS for field in member.saved):
        found = powers(small[name], large[name])
        if len(found):
            assert np.median(found) == pytest.approx(float(name in units), abs=0.1), name


def saved(models: list[Any]) -> NDArray[Any]:
    """Entry of a snapshot with a row's models."""
    entry = np.zeros(1, MODEL)
    for member, model in zip(RIVER_MEMBERS, models, strict=True):
        member.save(model, entry[0])
    return entry


@pytest.mark.parametrize("more", [0, 60])
def test_rescaled_models_forecast_as_models_of_the_other_unit(more: int) -> None:
    """At once, and after further days in the new unit."""
    rescaled, other = learned(1.0), learned(FACTOR)
    rescaled.rescale(ROWS, FACTOR)
    found = part(stream(3, DAYS), FACTOR)
    for models in (rescaled, other):
        for at in range(more):
            models.close_day(ROWS, found.inputs(ROWS, at)._replace(day=FIRST_DAY + DAYS + at))
    window = open_window(len(ROWS))
    got, wanted = (m.forecast(ROWS, FIRST_DAY + DAYS + more - 1, found.pool, window) for m in (rescaled, other))
    assert got.mean.sum(axis=1) == pytest.approx(wanted.mean.sum(axis=1), rel=0.12, abs=1.0)
    sold = wanted.mean.sum(axis=1) > 1.0
    assert np.sqrt(got.variance[sold]) == pytest.approx(np.sqrt(wanted.variance[sold]), rel=0.3)
    assert (got.demand_class == wanted.demand_class).all()


def test_only_the_given_rows_are_rescaled() -> None:
    """All bytes of the others stay."""
    models, before = learned(1.0), learned(1.0)
    models.rescale(np.array([2, 5]), FACTOR)
    others = np.setdiff1d(ROWS, [2, 5])
    assert models.demand[others].tobytes() == before.demand[others].tobytes()
    assert models.demand["size_mean"][[2, 5]] == pytest.approx(FACTOR * before.demand["size_mean"][[2, 5]])
    kept = [slot for slot in range(len(before.models)) if before.river["row"][slot] not in (2, 5)]
    assert models.river[kept].tobytes() == before.river[kept].tobytes()
    assert models.pool.tobytes() == before.pool.tobytes()


def test_there_and_back() -> None:
    """A power of two loses no digit; but the quantities may have a fraction from then on."""
    models, before = learned(1.0), learned(1.0)
    models.rescale(ROWS, 1024.0)
    models.rescale(ROWS, 1.0 / 1024.0)
    assert (models.demand["fractional"][ROWS] == 1).all()
    models.demand["fractional"] = before.demand["fractional"]
    assert models.dump() == before.dump()


def test_forecasts_are_multiplied() -> None:
    """Mean and standard deviation of every day, of young rows too, whatever units the location's other rows have."""
    models, window, pools = learned(1.0), open_window(len(ROWS)), part(stream(3, DAYS), 1.0).pool
    before = models.forecast(ROWS, FIRST_DAY + DAYS - 1, pools, window)
    models.rescale(ROWS, FACTOR)
    after = models.forecast(ROWS, FIRST_DAY + DAYS - 1, pools, window)
    assert after.mean == pytest.approx(FACTOR * before.mean, rel=0.02)  # priors are in units
    assert np.sqrt(after.variance) == pytest.approx(FACTOR * np.sqrt(before.variance), rel=0.01)
    assert (after.demand_class == before.demand_class).all()


def test_models_are_copies() -> None:
    """A model that is rescaled is not changed itself."""
    row = next(iter(learned(1.0).models.values()))
    before = saved(row.models).tobytes()
    after = saved(rescaled_models(row.models, FACTOR))
    assert saved(row.models).tobytes() == before != after.tobytes()
