"""What holds for every case: all events are counted, and every number that leaves the engine is finite."""

import math
from typing import Any

import pytest

from benchmarks.case_results import cases_in
from tests.cases.conftest import FOLDER, Case

NAMES = [path.name for path in cases_in(FOLDER)]
OUTCOMES = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter")


def not_finite(value: Any, where: str) -> list[str]:
    """Places of numbers that are NaN or infinite."""
    if isinstance(value, float):
        return [] if math.isfinite(value) else [where]
    if isinstance(value, dict):
        return [found for name, part in value.items() for found in not_finite(part, f"{where}.{name}")]
    if isinstance(value, list):
        return [found for at, part in enumerate(value) for found in not_finite(part, f"{where}[{at}]")]
    return []


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_counted(case: Case, name: str) -> None:
    """Read is the sum of the outcomes, and as many lines as the files have."""
    for topic, counts in case(name).totals.items():
        lines = (FOLDER / name / f"{topic}.ndjson").read_bytes().count(b"\n")
        assert counts["read"] == lines == sum(counts[outcome] for outcome in OUTCOMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_number_is_finite(case: Case, name: str) -> None:
    """No NaN is in the Parquet file. JSON has null in its place, so forecasts in topics hold no null."""
    result = case(name)
    stored = {"/".join(key): row.stored for key, row in result.rows.items()}
    assert not_finite(stored, name) == []
    assert all(row.parameters is not None for row in result.rows.values())
    for documents in result.published.values():
        for document in documents:
            assert all(mean is not None for mean in document.forecast.mean)
