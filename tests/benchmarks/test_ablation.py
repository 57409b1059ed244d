"""Benchmark `ablation`: what is left out, what stays, and the ratios by hand."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import ablation
from benchmarks.ablation import ALL, COMPONENTS
from benchmarks.accuracy import Judged, Said
from benchmarks.m5 import LEVELS, SALES
from tests.demand.streams import FIRST_DAY, feed, open_window, started, stream


@pytest.mark.compiled
def test_each_component_is_left_out_and_restored() -> None:
    """On a stream of all kinds forecasts differ without it, and are the same bytes afterwards."""
    found = stream(3, 150)
    models = started(found)
    feed(models, found, 0, 150)
    models.sums["return_share"] = 0.5
    models.pool["month_index"] = np.linspace(-0.2, 0.2, models.pool["month_index"].shape[1])
    models.demand["shift"][0] = 0.5
    rows, before = np.arange(found.quantity.shape[0]), models.dump()
    said = {}
    for name in (ALL, *COMPONENTS):
        with ablation.left_out(models, name):
            forecast = models.forecast(rows, FIRST_DAY + 149, found.pool, open_window(rows.size))
            said[name] = forecast.mean.tobytes() + models.quantiles(forecast, rows, LEVELS).tobytes()
        assert models.dump() == before, name
    assert len(set(said.values())) == 1 + len(COMPONENTS)


def test_ratios_by_hand() -> None:
    """Twice the error without a component: it pays."""
    rows = Judged(np.array([[1.0, 3.0]]), np.array([1.0]), np.array([2.0]), np.array([1], np.uint8))
    best = Said(np.full((1, 2), 2.0), np.full((1, 2, LEVELS.size), 3.0), rows.demand_class, np.empty((1, 2, 0)))
    worse = best._replace(mean=np.array([[3.0, 1.0]]))
    found = ablation.figures(rows, {ALL: best, **dict.fromkeys(COMPONENTS, worse)})
    assert set(found) == set(COMPONENTS)
    for of in found.values():
        assert of == pytest.approx({"rmsse_ratio": 2.0, "rmsse_weighted_ratio": 2.0, "pinball_ratio": 1.0})


def test_without_data_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the file and the setting."""
    monkeypatch.setenv("TIDEGAUGE_DATA", str(tmp_path))
    assert str(tmp_path / SALES) in ablation.run("smoke")["missing"]
