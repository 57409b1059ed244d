"""Valid events with extreme values and event times through a whole replay: it ends, and every line is counted."""

import collections
from pathlib import Path
from random import Random

import orjson
import pytest

from flows.replay_job import replay
from tests.machines.extreme_events import Extremes

pytestmark = pytest.mark.slow

TIMES = (
    0, 1, "0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "1999-12-31T23:59:59+14:00", "2025-12-31T00:00:00-14:00",
    "2026-02-29T00:00:00Z", "2100-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 253402300799999,
)  # fmt: skip
OUTCOMES = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter")
COUNT = 100


@pytest.mark.parametrize("seed", range(3))
def test_no_event_time_stops_a_replay(tmp_path: Path, seed: int) -> None:
    """Inputs of few lines are no exception: nothing is known there of what is usual."""
    random = Random(seed)
    files = collections.defaultdict(list)
    for line in Extremes(seed).lines(COUNT):
        event = orjson.loads(line.value)
        if random.random() < 0.05:
            event["event_time"] = random.choice(TIMES)
        files[line.topic].append(orjson.dumps(event))
    (tmp_path / "in").mkdir()
    for topic, lines in files.items():
        (tmp_path / "in" / f"{topic}.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    replay(tmp_path / "in", tmp_path / "out")
    events = [orjson.loads(line) for line in (tmp_path / "out" / "audit.ndjson").read_bytes().splitlines()]
    totals = [event["data"] for event in events if event["type"] == "control.totals"]
    assert sum(total["read"] for total in totals) == COUNT
    assert all(total["read"] == sum(total[name] for name in OUTCOMES) for total in totals)
