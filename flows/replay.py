"""Files in, files out: one call that replays a folder of events."""

import contextlib
import datetime as dt
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from flows import engine, topology
from flows.addresses import machine_keys
from flows.control import Control, Progress
from flows.machines import Machine, MakeMachine
from flows.output_folder import work_folder
from flows.processes import in_processes
from flows.sources.folder import find_inputs
from flows.sources.replay import ReplaySource
from sensing.machines.ledger import LedgerMachine
from sensing.machines.shard import ShardMachine
from sensing.settings import Settings
from sinks.envelope import timestamp
from sinks.files import assemble
from sinks.parts import PartFiles

BLOCK_SIZE = 16_384


class Summary(NamedTuple):
    """What a replay did: messages read, wall-clock seconds, rows of parameters, output records by type."""

    lines: int
    seconds: float
    rows: int
    outputs: dict[str, int]


def replay(
    input_folder: Path,
    output_folder: Path,
    settings: Settings | None = None,
    *,
    until: int | None = None,
    block_size: int = BLOCK_SIZE,
    workers: int = 1,
    progress: Callable[[Progress], None] | None = None,
    make_machine: MakeMachine | None = None,
) -> Summary:
    """Replay the NDJSON files of a folder and write exceptions, parameters, audit and dead letters to another.

    Parameters
    ----------
    until
        Instant at which the clock ends, UTC ms, after the last event; None: the end of the last event's local day.
    block_size
        The most messages handed to machines at once; it does not show in the results.
    workers
        Processes that share the shards, beside this one, which reads and writes; with 1 all is done here. They do not
        show in the results.
    progress
        Called about ten times a second from the thread that reads.
    make_machine
        Makes the machine of a number; by default the shards and, after them, the ledger. It is pickled for processes.

    Raises
    ------
    UsageError
        When the folders or ``until`` do not fit; nothing has been written then.
    TidegaugeError
        When the run failed; the output folder is as it was.
    """
    settings = settings or Settings()
    find_inputs(input_folder)
    started = time.perf_counter()
    recorded = timestamp(int(dt.datetime.now(dt.UTC).timestamp() * 1000))
    keys = machine_keys(settings.shards)
    control = Control(len(keys), progress)
    source = ReplaySource(input_folder, settings, block_size, until, control)
    make = make_machine or machines(settings)
    with work_folder(output_folder) as parts, contextlib.closing(source):
        sink = PartFiles(parts, keys, recorded)
        with contextlib.closing(sink), contextlib.ExitStack() as stack:
            if workers > 1:
                make = stack.enter_context(in_processes(make, settings.shards, workers))
            engine.run(topology.build(settings.shards, source, make, sink, control), control)
        finished = assemble(parts, output_folder, keys)
    return Summary(control.lines, time.perf_counter() - started, finished.rows, control.outputs())


def machines(settings: Settings) -> MakeMachine:
    """The machines of the engine by number: shards, then the ledger."""
    return functools.partial(_machine, settings)


def _machine(settings: Settings, number: int) -> Machine:
    return LedgerMachine(number, settings.shards) if number == settings.shards else ShardMachine(number, settings)
