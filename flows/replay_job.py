"""The replay job: reads input files and writes output files. `tidegauge replay`, the demo and benchmarks call it."""

import contextlib
import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from flows import topology
from flows.input.file_source import FileSource
from flows.input.input_folder import find_inputs
from flows.input.prefetch import PrefetchingSource
from flows.input.skipping import NO_SKIPS, Skips
from flows.output_folder import work_folder
from flows.runtime.context import Progress, RunContext
from flows.runtime.execute import execute
from flows.runtime.machine_logic import MakeMachine
from flows.runtime.machine_processes import MachineHosts, machine_processes
from flows.runtime.machines import machines
from flows.runtime.roles import machine_ids
from sensing.codec.instants import rfc3339
from sensing.machine_settings import Settings
from sensing.machines.call_budget import REPLAY
from sinks.envelope import SOURCE
from sinks.finished_files import assemble
from sinks.part_files import PartFiles

BATCH_MESSAGES = 8_192
EACH_BATCH = dt.timedelta(0)
"""Every batch is an epoch of its own, so only one batch is in the flow; short epochs cost nothing without snapshots."""


class Summary(NamedTuple):
    """Result of a replay.

    Attributes
    ----------
    lines, seconds, rows
        Messages read, wall-clock seconds, rows of the parameter table.
    outputs, problems
        Output records by type, and problems opened by exception type.
    written
        Lines of every output file by topic.
    tombstones
        Lines without a value, which were skipped.
    """

    lines: int
    seconds: float
    rows: int
    outputs: dict[str, int]
    problems: dict[str, int]
    written: dict[str, int]
    tombstones: int = 0


def replay(
    input_folder: Path,
    output_folder: Path,
    settings: Settings | None = None,
    *,
    until: int | None = None,
    batch_messages: int = BATCH_MESSAGES,
    workers: int = 1,
    skips: Skips = NO_SKIPS,
    source: str = SOURCE,
    progress: Callable[[Progress], None] | None = None,
    make_machine: MakeMachine | None = None,
) -> Summary:
    """Replay the NDJSON files of a folder and write exceptions, parameters, audit and dead letters to another.

    Parameters
    ----------
    until
        Instant at which the clock ends, UTC ms, after the last event; None: the end of the last event's local day.
    batch_messages
        Approximate number of messages of a file that are applied at once; results do not depend on it.
    workers
        Worker processes that share the shards, while this process reads and writes; with 1 this process does all.
        Results do not depend on it.
    skips
        Positions of lines that become dead letters.
    source
        The CloudEvents attribute ``source`` of all outputs.
    progress
        Called about ten times a second from the thread that reads.
    make_machine
        Makes the machine of an id; None: the engine's machines. It is pickled for worker processes.

    Raises
    ------
    UsageError
        When a folder or ``until`` is not usable; nothing was written.
    TidegaugeError
        When the run failed; the output folder is as it was before.
    """
    settings = settings or Settings()
    find_inputs(input_folder)
    started = time.perf_counter()
    recorded = rfc3339(int(dt.datetime.now(dt.UTC).timestamp() * 1000))
    keys = [machine.key for machine in machine_ids(settings.shards)]
    context = RunContext(progress)
    files = FileSource(input_folder, settings, batch_messages, until, context, skips)
    make = make_machine or machines(settings, REPLAY)
    with work_folder(output_folder) as parts, contextlib.closing(files):
        sink = PartFiles(parts, keys, recorded, source)
        with contextlib.closing(sink), contextlib.ExitStack() as stack:
            hosts = MachineHosts(make)
            reader: FileSource | PrefetchingSource = files
            if workers > 1:
                hosts = stack.enter_context(machine_processes(make, settings.shards, workers))
                reader = stack.enter_context(contextlib.closing(PrefetchingSource(files)))
            execute(topology.build(settings.shards, reader, hosts, sink, context), context, epoch=EACH_BATCH)
        finished = assemble(parts, output_folder, keys)
    seconds = time.perf_counter() - started
    return Summary(
        context.lines, seconds, finished.rows, context.outputs(), context.opened(), finished.lines, files.tombstones
    )
