"""The table of planning parameters."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from sinks import parameter_table
from sinks.parameter_table import SCHEMA, assemble_rows, write_rows


def columns(names: list[tuple[str, str]]) -> dict[str, Any]:
    """Rows whose numbers follow from their names."""
    n = len(names)
    weights = np.array([sum(map(ord, sku + location)) for sku, location in names], np.float64)
    found: dict[str, Any] = {name: weights.tolist() for name in SCHEMA.names}
    found |= {"sku": [sku for sku, _ in names], "location": [location for _, location in names]}
    found |= {"version": [1] * n, "decimals": [0] * n, "status": ["proposed"] * n, "stockout_date": ["2010-01-09"] * n}
    found |= {"as_of": ["2010-01-04"] * n, "demand_class": ["smooth"] * n, "method": ["tsb"] * n}
    found["forecast_mean"] = np.repeat(weights, 28).reshape(n, 28)
    found["forecast_quantiles"] = np.arange(n * 28 * 11, dtype=np.float64).reshape(n, 28, 11)
    return found


def test_rows_of_all_parts_are_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows come by (sku, location) whatever part they are in and however many go at once, each with its own values."""
    names = [(f"sku-{i * 7 % 10}", f"L{i % 3}") for i in range(30)]
    parts = [names[0:11], [], names[11:13], names[13:]]
    for at, part in enumerate(parts):
        write_rows(tmp_path / str(at), columns(part))
    paths = [tmp_path / str(at) for at in range(len(parts))]

    assert assemble_rows(paths, tmp_path / "whole.parquet") == 30
    whole = pq.read_table(tmp_path / "whole.parquet")
    monkeypatch.setattr(parameter_table, "ROWS_AT_ONCE", 4)
    assemble_rows(paths, tmp_path / "pieces.parquet")

    assert whole.schema.equals(SCHEMA)
    assert list(zip(whole["sku"].to_pylist(), whole["location"].to_pylist(), strict=True)) == sorted(names)
    assert [row[0] for row in whole["forecast_mean"].to_pylist()] == whole["safety_stock"].to_pylist()
    assert np.shape(whole["forecast_quantiles"].to_pylist()) == (30, 28, 11)
    assert pq.read_table(tmp_path / "pieces.parquet").equals(whole)


def test_the_file_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    """Nothing of the time or place of writing is in the file."""
    for at in ("a", "b"):
        write_rows(tmp_path / f"{at}.rows", columns([("x", "L1"), ("w", "L1")]))
        assemble_rows([tmp_path / f"{at}.rows"], tmp_path / at)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_without_rows_there_is_a_table(tmp_path: Path) -> None:
    """No rows make an empty file with the same schema."""
    assert assemble_rows([], tmp_path / "none.parquet") == 0
    assert pq.read_table(tmp_path / "none.parquet").schema.equals(SCHEMA)


@pytest.mark.parametrize("change", [lambda c: c.pop("method"), lambda c: c.update(colour=[])])
def test_other_columns_are_refused(tmp_path: Path, change: Any) -> None:
    """A missing or unknown column is named, so that the file's schema never drifts."""
    given = columns([])
    change(given)

    with pytest.raises(ValueError, match=r"parameter rows: required columns sku, location, .*, got sku, location"):
        write_rows(tmp_path / "rows", given)
