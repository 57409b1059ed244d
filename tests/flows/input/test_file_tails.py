"""How late the files of a folder end together, and sparse examples that are accepted because of it."""

import datetime as dt
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from benchmarks.case_results import run_case
from flows.input.file_tails import TAIL_BYTES, end_of_inputs
from flows.input.input_folder import find_inputs
from flows.input.timestamps import EndOfInputs
from sensing.machine_settings import DAY_MS

FIRST = dt.datetime(2026, 1, 5, 8, tzinfo=dt.UTC)
ZERO = round(FIRST.timestamp() * 1000)


def event(kind: str, number: int, days: float, **fields: Any) -> dict[str, Any]:
    """An event ``days`` after the first."""
    time = (FIRST + dt.timedelta(days=days)).isoformat().replace("+00:00", "Z")
    keys = {"event_id": f"{kind}{number}", "event_type": kind, "event_time": time, "sku": "A", "location": "L"}
    return keys | {"quantity": 5} | fields


def write(folder: Path, topic: str, events: Sequence[dict[str, Any]], suffix: str = "") -> None:
    """Write a file of events."""
    data = b"".join(orjson.dumps(each) + b"\n" for each in events)
    (folder / f"{topic}.ndjson{suffix}").write_bytes(gzip.compress(data) if suffix else data)


def counts(days: Sequence[float]) -> list[dict[str, Any]]:
    """Counts of different items."""
    return [event("inventory.counted", at, day, sku=f"S{at}") for at, day in enumerate(days)]


def orders(days: Sequence[float]) -> list[dict[str, Any]]:
    """Orders."""
    return [event("order.placed", at, day) for at, day in enumerate(days)]


OPENING = [minute / 1440 for minute in range(0, 120, 10)]
"""Twelve counts within two hours."""
SPARSE = {
    "weekly counts and a few orders over months": ([*OPENING, 7, 14, 21, 28, 35, 42], [1, 30, 75, 118]),
    "a count after a quarter": ([*OPENING, 95], [1, 2, 3]),
    "orders that pause for months": (OPENING, [*range(20), 110, 170]),
    "one order after half a year": (OPENING, [180]),
}


@pytest.mark.parametrize("name", SPARSE)
def test_a_sparse_example_is_accepted_and_a_wrong_date_is_not(tmp_path: Path, name: str) -> None:
    """In either file; the clock does not move to 2062."""
    counted, ordered = SPARSE[name]
    write(tmp_path, "inventory", counts(counted))
    write(tmp_path, "orders", orders(ordered))
    assert run_case(tmp_path).reasons() == {}
    wrong = {"event_time": "2062-01-05T08:00:00Z", "event_id": "wrong"}
    write(tmp_path, "orders", [*orders(ordered), orders([0])[0] | wrong])
    assert run_case(tmp_path).reasons() == {"far_future": 1}
    write(tmp_path, "orders", orders(ordered))
    write(tmp_path, "inventory", [*counts(counted), counts([0])[0] | wrong])
    assert run_case(tmp_path).reasons() == {"far_future": 1}


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_the_third_latest_of_all_files_counts(tmp_path: Path, suffix: str) -> None:
    """Broken lines, reference records and dates after 2099 are no event times; few event times say nothing."""
    write(tmp_path, "inventory", counts(range(6)), suffix)
    write(tmp_path, "orders", orders([40, 3, 50]))
    files = find_inputs(tmp_path)
    assert end_of_inputs(files) is None
    late = orders([0])[0] | {"event_time": "2999-01-01T00:00:00Z"}
    write(tmp_path, "orders", [*orders([40, 3, 50, 4]), {"event_id": "x"}, late])
    assert end_of_inputs(files) == EndOfInputs(ZERO + 5 * DAY_MS, small=True)
    assert end_of_inputs([]) is None


def test_only_the_tail_of_a_long_file_is_read(tmp_path: Path) -> None:
    """A hundred event times of each file; a file that is longer than its tail is not small, packed or not."""
    many = orders(np.linspace(0, 50, 1_000).tolist())
    write(tmp_path, "orders", many)
    path = tmp_path / "orders.ndjson"
    assert path.stat().st_size > TAIL_BYTES
    found = end_of_inputs(find_inputs(tmp_path))
    assert found is not None
    assert (round((found.latest - ZERO) / DAY_MS, 1), found.small) == (49.9, False)
    path.unlink()
    write(tmp_path, "orders", many, ".gz")
    write(tmp_path, "inventory", counts(range(12)))
    assert end_of_inputs(find_inputs(tmp_path)) == EndOfInputs(ZERO + 9 * DAY_MS, small=False)
    (tmp_path / "orders.ndjson.gz").write_bytes(b"no gzip")
    assert end_of_inputs(find_inputs(tmp_path)) == EndOfInputs(ZERO + 9 * DAY_MS, small=False)
