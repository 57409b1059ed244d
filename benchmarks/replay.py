"""Replay: throughput of a replay with closes, on rows with two months of history; processor time by step.

The history is applied to the machines directly; the file has the days after it. The measurement is between two noons of
the simulated clock, so it excludes start and end of the run.
"""

import re
import tempfile
from hashlib import sha256
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

from benchmarks import workloads
from benchmarks.shards import Shards
from benchmarks.timed import Watch
from benchmarks.workloads import DAY_MS, HOUR_MS, Workload
from flows.input.source_group import SourceGroup
from flows.replay_job import BATCH_MESSAGES, replay
from flows.runtime.context import Progress
from flows.runtime.machine_logic import Machine, MachineLogic, MakeMachine
from flows.runtime.machines import machines
from flows.runtime.roles import MachineId, Role
from sensing.machine_settings import Settings
from sensing.machines.resumable import DayClose
from sinks.part_files import MachinePart

SEED = 4
HISTORY_DAYS = 58
STEADY_DAYS = {"smoke": 3, "full": 2}
BATCH_SIZES = {"smoke": 512, "full": BATCH_MESSAGES}
LOADS = {
    "smoke": Workload(seed=SEED, skus=40, locations=5, days=HISTORY_DAYS + 5, lines_per_day=4_000),
    "full": Workload(seed=SEED, skus=5_000, locations=10, days=HISTORY_DAYS + 3, lines_per_day=1_000_000),
}


class Mark(NamedTuple):
    """Progress of a replay at one moment: clock (UTC ms), lines read, seconds, and seconds by step."""

    clock: int
    lines: int
    wall: float
    cpu: float
    steps: dict[str, float]
    outputs: dict[str, int]


def run(size: str) -> dict[str, object]:
    """Give machines a history, replay the days after it, and measure from noon to noon."""
    load = LOADS[size]
    begin = load.start_ms + HISTORY_DAYS * DAY_MS + DAY_MS // 2
    end = begin + STEADY_DAYS[size] * DAY_MS
    days = workloads.arrivals(load)
    shards = Shards(Settings())
    for lines in islice(days, HISTORY_DAYS):
        shards.take(lines)
    marks: list[Mark] = []
    watch = _watch()

    def progress(now: Progress) -> None:
        mark = Mark(now.clock or 0, now.lines, perf_counter(), process_time(), dict(watch.seconds), now.outputs)
        marks.append(mark)

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in", Path(folder) / "out"
        source.mkdir()
        with (source / "orders.ndjson").open("wb") as file:
            for lines in days:
                file.writelines(workloads.order_lines(lines[lines["arrival_ms"] < end + 2 * HOUR_MS]))
        started = perf_counter()
        summary = replay(
            source,
            target,
            Settings(),
            batch_messages=BATCH_SIZES[size],
            progress=progress,
            make_machine=_machines(shards),
        )
        ended = perf_counter(), process_time()
        answer = outputs_hash(target)
    first, last = (next(mark for mark in marks if mark.clock >= at) for at in (begin, end))
    return {
        "seed": SEED,
        "sizes": {
            "sku_locations": summary.rows,
            "river_rows": sum(len(machine.state.demand.models) for machine in shards.machines),
            "history_days": HISTORY_DAYS,
            "lines": summary.lines,
            "lines_timed": last.lines - first.lines,
        },
        **_figures(first, last, STEADY_DAYS[size]),
        "whole_run_wall_seconds": ended[0] - started,
        "finish_cpu_seconds": ended[1] - marks[-1].cpu,
        "answer": answer,
    }


def _machines(shards: Shards) -> MakeMachine:
    """Return the machines of the flow: shards with the history, and a new ledger."""
    new = machines(Settings())

    def make(machine: MachineId) -> Machine:
        return shards.machines[machine.number] if machine.role is Role.SHARD else new(machine)

    return make


def _watch() -> Watch:
    """Measure the processor time of the steps of the flow, and of closes within the machines."""
    watch = Watch()
    watch.over(SourceGroup, "next_batch", "source")
    watch.over(MachineLogic, "on_batch", "sense")
    watch.over(DayClose, "step", "close")
    watch.over(MachinePart, "write_batch", "deliver")
    return watch


def _figures(first: Mark, last: Mark, days: int) -> dict[str, object]:
    """Figures between two marks, per second, per line and per day."""
    lines, cpu = last.lines - first.lines, last.cpu - first.cpu
    steps = {name: last.steps[name] - first.steps.get(name, 0.0) for name in last.steps}
    steps["sense"] -= steps["close"]
    steps["flow"] = cpu - sum(steps.values())
    return {
        "lines_per_second": lines / (last.wall - first.wall),
        "lines_per_cpu_second": lines / cpu,
        "cpu_ns_per_line": {name: taken / lines * 1e9 for name, taken in sorted(steps.items())},
        "close_share": steps["close"] / cpu,
        "close_cpu_seconds_per_day": steps["close"] / days,
        "outputs_per_day": {
            kind: (count - first.outputs.get(kind, 0)) / days for kind, count in sorted(last.outputs.items())
        },
    }


def outputs_hash(folder: Path) -> str:
    """Hash of all output files without the time of recording."""
    content = sha256()
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            for line in file:
                content.update(re.sub(rb'"recordedtime":"[^"]*"', b"", line))
    return content.hexdigest()
