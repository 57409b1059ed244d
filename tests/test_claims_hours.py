"""Planted surges are detected at every hour and weekday of their start, without other surges."""

from pathlib import Path

import numpy as np
import orjson
import pytest

from flows.replay_job import replay
from sensing.machine_settings import DAY_MS, HOUR_MS
from tests.machines.streams import MONDAY

ROWS, SURGING = 40, 20
DAYS, PER_DAY, BURST = 16, 10, 25


def write(folder: Path, end_ms: int) -> None:
    """Sixteen days of ten lines a day, evenly, up to ``end_ms``; then 25 lines within two seconds on half the rows."""
    draw = np.random.default_rng(7)
    step_ms = DAY_MS // PER_DAY
    found = []
    for row in range(ROWS):
        before = end_ms - ((np.arange(DAYS * PER_DAY) + draw.random(DAYS * PER_DAY)) * step_ms).astype(np.int64)
        burst = end_ms + draw.integers(0, 2_000, BURST if row < SURGING else 0)
        for number, time in enumerate([*before.tolist(), *burst.tolist()]):
            name = f"S{row:02}-{number}"
            event = {"event_id": name, "order_id": name, "event_type": "order.placed", "event_time": time}
            found.append((time, event | {"sku": f"S{row:02}", "location": "L", "quantity": int(draw.integers(1, 9))}))
    folder.mkdir()
    lines = [orjson.dumps(event) for _, event in sorted(found, key=lambda entry: entry[0])]
    (folder / "orders.ndjson").write_bytes(b"\n".join(lines) + b"\n")


@pytest.mark.parametrize("weekday", [2, 6])
@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_surges_are_found_at_any_hour(hour: int, weekday: int, tmp_path: Path) -> None:
    """Twenty of twenty, and nothing on the rows without one."""
    write(tmp_path / "in", MONDAY + weekday * DAY_MS + hour * HOUR_MS)
    replay(tmp_path / "in", tmp_path / "out")
    raised = [orjson.loads(line)["data"] for line in (tmp_path / "out" / "exceptions.ndjson").read_bytes().splitlines()]
    opened = sorted(data["sku"] for data in raised if data["exception_type"] == "order_surge" and data["version"] == 1)
    assert opened == [f"S{row:02}" for row in range(SURGING)]
