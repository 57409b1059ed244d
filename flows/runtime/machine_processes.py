"""Shards in processes of their own: in one Python process a single thread runs at a time.

The flow stays in its process. A step before the shards submits every batch to the process that has its machine; a proxy
in place of the machine waits for the outputs of that same batch. So all processes work on the batches that come
together, and an output belongs to the batch that it came of.
"""

import contextlib
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

from flows.runtime.execute import COLLECT_AFTER
from flows.runtime.machine_logic import Machine, MakeMachine
from flows.runtime.roles import Item, MachineId, Role
from sensing.codec.record import Batch
from sensing.codec.text_table import needed
from sinks.errors import TidegaugeError


class MachineHosts(NamedTuple):
    """Where machines are: ``make`` makes what applies batches, ``submit`` (None: nothing) comes before it."""

    make: MakeMachine
    submit: Callable[[Item], Item] | None = None


@contextlib.contextmanager
def machine_processes(make: MakeMachine, shards: int, count: int) -> Iterator[MachineHosts]:
    """Host shards in ``count`` processes, the ledger here; when the context is left, the processes have ended.

    Parameters
    ----------
    make
        Makes the machine of an id; it is pickled.
    """
    # A process that is forked from one with threads may find locks that nobody will ever open.
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        processes = [ProcessPoolExecutor(1, context, _begin, (make,)) for _ in range(min(count, shards))]
        for process in processes:
            stack.callback(process.shutdown, cancel_futures=True)
            with _signals_blocked():
                process.submit(int)  # Starts it: all of them load the engine at the same time.

        def submit(item: Item) -> Item:
            key, addressed = item
            machine, load = addressed.machine, addressed.load
            if isinstance(load, Batch):
                load = load._replace(texts=needed(load.texts, load.records))
            with _killed_is_an_error(machine):
                future = processes[machine.number % len(processes)].submit(_apply, machine, load)
            return key, addressed._replace(load=future)

        def proxy(machine: MachineId) -> Machine:
            return MachineProxy(machine) if machine.role is Role.SHARD else make(machine)

        yield MachineHosts(proxy, submit)


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block SIGINT and SIGTERM in processes started meanwhile, for good; the parent handles them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _killed_is_an_error(machine: MachineId) -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        msg = (
            f"{machine}: required a process that runs to the end, got one that was killed, "
            "perhaps for want of memory; run it again with more memory"
        )
        raise TidegaugeError(msg) from error


class MachineProxy:
    """Stands for a machine in another process."""

    def __init__(self, machine: MachineId) -> None:
        self._id = machine

    def apply(self, submitted: Future[list[Any]], /) -> list[Any]:
        """Wait for the outputs of a batch that was submitted.

        Raises
        ------
        TidegaugeError
            When the process has ended. What fails in the machine is raised as it is.
        """
        with _killed_is_an_error(self._id):
            return submitted.result()


# What follows runs in the other process.

_machines: dict[MachineId, Machine] = {}
_make: MakeMachine


def _begin(make: MakeMachine) -> None:
    """Make the process ready: it ends with the one that started it."""
    global _make  # a process has one
    _make = make
    gc.set_threshold(*COLLECT_AFTER)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "called in a process that was started by another"
    parent.join()
    os._exit(1)


def _apply(machine: MachineId, load: Any) -> list[Any]:
    if machine not in _machines:
        _machines[machine] = _make(machine)
    return _machines[machine].apply(load)
