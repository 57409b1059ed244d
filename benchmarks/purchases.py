"""Purchase orders: a year of them on few items, from file to files, all received and none of them; processor time."""

import tempfile
from pathlib import Path
from time import process_time

from benchmarks import workloads
from benchmarks.replay import outputs_hash
from benchmarks.workloads import Workload
from flows.replay_job import replay
from sensing.machine_settings import Settings

SEED = 6
LOADS = {
    "smoke": Workload(seed=SEED, skus=5, locations=1, days=30, lines_per_day=1),
    "full": Workload(seed=SEED, skus=50, locations=1, days=365, lines_per_day=1),
}
ORDERS_PER_DAY = {"smoke": 40, "full": 548}
CASES = {"received": True, "never_received": False}
"""Whether the orders of a case are received."""


def run(size: str) -> dict[str, object]:
    """Replay both cases, after a short replay that loads the kernels."""
    load, per_day = LOADS[size], ORDERS_PER_DAY[size]
    with tempfile.TemporaryDirectory() as folder:
        _replay(Path(folder) / "warm", workloads.purchase_lines(LOADS["smoke"], 1))
        found = {
            name: _replay(Path(folder) / name, workloads.purchase_lines(load, per_day, received=received))
            for name, received in CASES.items()
        }
    return {
        "seed": SEED,
        "sizes": {"orders": per_day * load.days, "skus": load.skus, "days": load.days},
        **{name: figures for name, (figures, _) in found.items()},
        "answer": [answer for _, answer in found.values()],
    }


def _replay(folder: Path, lines: bytes) -> tuple[dict[str, float], str]:
    """Processor time of a replay of messages of topic ``suppliers``, and a hash of its outputs."""
    source, target = folder / "in", folder / "out"
    source.mkdir(parents=True)
    (source / "suppliers.ndjson").write_bytes(lines)
    started = process_time()
    summary = replay(source, target, Settings())
    spent = process_time() - started
    figures = {
        "events": summary.lines,
        "outputs": sum(summary.outputs.values()),
        "cpu_seconds": spent,
        "cpu_seconds_per_100000_events": spent / summary.lines * 100_000,
    }
    return figures, outputs_hash(target)
