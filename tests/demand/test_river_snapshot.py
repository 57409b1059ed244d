"""Snapshots of River models: restored models continue equal to the last bit."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.demand import river_snapshot
from sensing.demand.demand_record import RIVER
from sensing.demand.features import FEATURES, WEEKDAYS
from sensing.demand.river_row import Day, RiverRow, learn_days, write_coefficients
from sensing.demand.river_snapshot import dump_river_rows, load_river_rows
from sensing.state.snapshot import SnapshotError


def days(seed: int, count: int) -> list[tuple[Day, float]]:
    """Days with a jump in the middle, some of them holidays, some without a judged error."""
    draw = random.Random(seed)
    found = []
    for day in range(count):
        features = {WEEKDAYS[day % 7]: 1.0, "month": draw.random()}
        if draw.random() < 0.2:
            features |= {"holiday": 1.0}
        error = float("nan") if draw.random() < 0.1 else draw.gauss(2.0 * (day > count // 2), 1.0)
        units, seasonal_index, base = 10.0 * draw.random(), draw.choice([0.1, 0.9, 1.3]), 10.0 * draw.random()
        found.append(((units, seasonal_index, base, 2.0, features), error))
    return found


def learn(row: RiverRow, seen: list[tuple[Day, float]]) -> list[bool]:
    """Let a row learn days; returns the alarms of those that were judged."""
    found = []
    for day, error in seen:
        learn_days([row], [day])
        found += [row.drifted(error)] if error == error else []
    return found


def coefficients(row: RiverRow) -> bytes:
    """What forecasts read of a row's models."""
    river = np.zeros(1, RIVER)
    write_coefficients(river, np.array([0]), [row])
    return river.tobytes()


@given(st.integers(0, 1000), st.integers(0, 120))
def test_restored_models_learn_on_alike(seed: int, cut: int) -> None:
    """Coefficients and alarms after a snapshot are those without one, and the next snapshot has the same bytes."""
    whole, seen = RiverRow.started(3.0), days(seed, 160)
    learn(whole, seen[:cut])
    block = dump_river_rows({5: whole, 9: RiverRow.started(0.25)})
    restored = load_river_rows(block)
    assert list(restored) == [5, 9]
    assert dump_river_rows(restored) == block

    for day in seen[cut:]:
        assert learn(restored[5], [day]) == learn(whole, [day])
        assert coefficients(restored[5]) == coefficients(whole)
    assert dump_river_rows({1: restored[5]}) == dump_river_rows({1: whole})


def test_state_of_another_river_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """ADWIN's bytes belong to one version of River; without models the version is all the same."""
    block, none = dump_river_rows({0: RiverRow.started(1.0)}), dump_river_rows({})
    monkeypatch.setattr(river_snapshot, "RIVER_VERSION", "9.9")
    with pytest.raises(SnapshotError, match=r"^snapshot of ADWIN: required River 9\.9, got that of .*; install River "):
        load_river_rows(block)
    assert load_river_rows(none) == {}


def test_write_coefficients_fills_the_records_of_the_rows() -> None:
    """Every member's numbers stand in its fields, those of other rows stay."""
    river, models = np.zeros(3, RIVER), [RiverRow.started(2.0), RiverRow.started(5.0)]
    learn(models[1], days(1, 30))
    write_coefficients(river, np.array([2, 0]), models)
    assert river["level"].tolist() == [models[1].models[0].level[-1], 0.0, 2.0]
    weights = models[1].models[1].weights
    assert river["weight"][0].tolist() == [weights.get(feature.name, 0.0) for feature in FEATURES]
    assert not river["weight"][1:].any()
    assert river["intercept"].tolist() == [models[1].models[1].intercept, 0.0, 0.0]
