"""Processes: the same replay with all shards in one process, and with shards in two worker processes.

Rows are new at first and get River models during the replay. The time includes starting the processes.
"""

import os
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks import workloads
from benchmarks.replay import outputs_hash
from benchmarks.workloads import Workload
from flows.replay_job import Summary, replay
from sensing.machine_settings import Settings

SEED = 9
LOADS = {
    "smoke": Workload(seed=SEED, skus=50, locations=5, days=20, lines_per_day=2_000),
    "full": Workload(seed=SEED, skus=600, locations=10, days=120, lines_per_day=20_000),
}
PROCESSES = {"one_process": 1, "two_processes": 2}


def run(size: str) -> dict[str, object]:
    """Replay once with each number of processes."""
    load = LOADS[size]
    figures: dict[str, dict[str, float]] = {}
    answers: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in"
        source.mkdir()
        with (source / "orders.ndjson").open("wb") as file:
            for lines in workloads.arrivals(load):
                file.writelines(workloads.order_lines(lines))
        for name, workers in PROCESSES.items():
            before = os.times()
            started = perf_counter()
            summary = replay(source, Path(folder) / name, Settings(), workers=workers)
            figures[name] = _figures(summary, perf_counter() - started, before, os.times())
            answers.add(outputs_hash(Path(folder) / name))
    assert len(answers) == 1, "the number of processes shows in no file"
    return {
        "seed": SEED,
        "sizes": {"sku_locations": summary.rows, "days": load.days, "lines": summary.lines},
        **figures,
        "two_to_one_ratio": figures["two_processes"]["lines_per_second"] / figures["one_process"]["lines_per_second"],
        "answer": answers.pop(),
    }


def _figures(summary: Summary, seconds: float, before: os.times_result, after: os.times_result) -> dict[str, float]:
    """Throughput and processor time of one replay. Worker processes count, since they have ended."""
    cpu = sum(after[:4]) - sum(before[:4])
    return {"lines_per_second": summary.lines / seconds, "cpu_ns_per_line": cpu / summary.lines * 1e9}
