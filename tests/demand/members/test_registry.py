"""Members and features are specs: those that this file defines run from a shard's closes to its published forecasts.

Kernels are composed when they are imported. So the toys are registered as a line in the registry would, before anything
else is imported, in a process of their own: pytest imports this file there first, as a plugin.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sensing.demand import features
from sensing.demand.members.member import Member
from sensing.jit import kernel
from tests.demand import oracles

REGISTERED = "MEMBER_TOYS" in os.environ
DAYS = 48


@kernel
def learn_yesterday(
    demand: NDArray[Any], row: int, units: float, seasonal_index: float, observed: float, weight: float
) -> None:
    """Keep the day."""
    if seasonal_index > 0.0:
        demand[row]["yesterday"] = units / seasonal_index


@kernel
def predict_yesterday(demand: NDArray[Any], row: int, seasonal_index: float) -> float:
    """The same again."""
    units: float = seasonal_index * demand[row]["yesterday"]
    return units


@kernel
def start_yesterday(demand: NDArray[Any], row: int, size: float, share: float) -> None:
    """The mean of days with demand and without."""
    demand[row]["yesterday"] = size * share


@kernel
def restart_yesterday(demand: NDArray[Any], row: int, level: float) -> None:
    """The level for the day."""
    demand[row]["yesterday"] = level


@kernel
def odd_day(known: features.KnownDay) -> float:
    """1 on odd days."""
    return float(known.day % 2)


YESTERDAY = Member(
    name="yesterday", rate=1.0, fields=[("yesterday", "f4")], in_units=["yesterday"], start=start_yesterday,
    learn=learn_yesterday, predict=predict_yesterday, restart=restart_yesterday,
)  # fmt: skip

if REGISTERED:
    features.FEATURES = (*features.FEATURES, features.Feature("odd", odd_day))
    from sensing.demand.members import registry

    registry.MEMBERS = (*registry.MEMBERS, YESTERDAY)


@pytest.mark.slow
@pytest.mark.skipif(REGISTERED, reason="this is that process")
@pytest.mark.parametrize(
    ("chosen", "interpreted"),
    [
        pytest.param("toy_member or toy_state", "1", id="a shard, interpreted: to compile it takes a minute"),
        pytest.param("toy_conformance or toy_feature or yesterday", "0", id="all demand models, compiled"),
    ],
)
def test_registered_toys_run_end_to_end(chosen: str, interpreted: str, root: Path, tmp_path: Path) -> None:
    """With a member and a feature more, the checks below and the conformance tests of the member pass."""
    # Kernels that call those of this file must be compiled anew: numba looks for changes in their own files only.
    environment = {"MEMBER_TOYS": "1", "NUMBA_DISABLE_JIT": interpreted, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", __name__, "-k", chosen]
    found = subprocess.run(
        [*command, "-o", "python_functions=test_* toy_*", __file__, str(root / "tests/demand/test_conformance.py")],
        env={**os.environ, **environment}, cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert found.returncode == 0, found.stdout + found.stderr


def toy_conformance_covers_the_member() -> None:
    """The tests that hold for every member are made for this one."""
    from tests.demand.test_conformance import MODELS

    assert YESTERDAY.name in MODELS


def toy_member_joins_the_published_forecast() -> None:
    """Where demand stays for a week at a time it makes the smallest error and gets the largest weight."""
    from sensing.demand.combination import DISCOUNT, TEMPER
    from tests.claims import orders, world

    busy = [day for day in range(DAYS) if day // 7 % 2 == 0]
    quiet = [day for day in range(DAYS) if day // 7 % 2 == 1]
    found = world([*orders("busy", busy, 20.0, quantity=1), *orders("quiet", quiet, 2.0, quantity=1)], DAYS)

    demand = found.shards[0].state.demand.demand
    weights = oracles.weights(demand["error"][0].tolist(), demand["days"][0], TEMPER, 1.0 / (1.0 - DISCOUNT))
    forecasts = [member.predict(demand, 0, 1.0) for member in registry.MEMBERS]
    assert forecasts[-1] == demand["yesterday"][0] == pytest.approx(20.0, rel=0.25)
    assert weights.argmax() == len(registry.MEMBERS) - 1
    (parameters,) = found.table().values()
    assert np.mean(parameters["forecast_mean"]) == pytest.approx(weights @ forecasts, rel=0.1)


def toy_state_survives_a_dump() -> None:
    """A shard that is dumped and loaded on the way ends as one that is not."""
    from sensing.machine_settings import Settings
    from tests.claims import at, in_order, orders
    from tests.machines.streams import Stream, run

    stream = Stream(in_order(orders("dump", range(DAYS), 2.0)), end=at(DAYS))
    half = len(stream) // 2
    calm, restarted = run(stream, Settings(shards=1)), run(stream, Settings(shards=1), [half], restarts=[half])
    assert restarted.plain() == calm.plain()
    assert restarted.shards[0].dump() == calm.shards[0].dump()


def toy_feature_reaches_the_regression() -> None:
    """What sells on odd days only gives the feature a weight, in River and in the record that forecasts read."""
    from tests.demand.streams import feed, started, stream

    odd = stream(3, 200)
    odd.quantity[:, ::2] *= 2.0
    models = started(odd)
    feed(models, odd, 0, 200)
    number = [feature.name for feature in features.FEATURES].index("odd")
    weights = models.river["weight"][: len(models.models), number]
    assert (np.abs(weights) > 1e-3).all()
    assert weights.tolist() == [row.models[1].weights["odd"] for row in models.models.values()]


def test_names_and_fields_are_unique() -> None:
    """No two members share a name, and their fields are those of the records."""
    from sensing.demand.demand_record import DEMAND, RIVER
    from sensing.demand.members.registry import MEMBERS, RIVER_MEMBERS
    from sensing.demand.river_snapshot import MODEL

    names = [*(member.name for member in MEMBERS), *(member.name for member in RIVER_MEMBERS)]
    assert len(set(names)) == len(names)
    for record, fields in (
        (DEMAND, [field for member in MEMBERS for field in member.fields]),
        (RIVER, [field for member in RIVER_MEMBERS for field in member.fields]),
        (MODEL, [field for member in RIVER_MEMBERS for field in member.saved]),
    ):
        assert {name for name, *_ in fields} <= set(record.names or ())
    assert DEMAND["error"].shape == (len(MEMBERS),)
    assert RIVER["error"].shape == (1 + len(RIVER_MEMBERS),)
