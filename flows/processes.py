"""Shards in processes of their own: in one process of Python a single thread runs at a time.

The flow stays as it is, in its process; what stands in it for a shard hands loads to the process that has the shard.
"""

import contextlib
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from flows.engine import COLLECT_AFTER
from flows.machines import Machine, MakeMachine
from sensing.codec.record import Batch
from sensing.codec.text_table import needed
from sinks.errors import TidegaugeError


@contextlib.contextmanager
def in_processes(make: MakeMachine, shards: int, count: int) -> Iterator[MakeMachine]:
    """Make shards in ``count`` processes, the ledger here; when the context is left, the processes have ended.

    Parameters
    ----------
    make
        Makes the machine of a number; it is pickled.
    """
    # A process that is forked from one with threads may find locks that nobody will ever open.
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        processes = [ProcessPoolExecutor(1, context, _begin, (make,)) for _ in range(min(count, shards))]
        for process in processes:
            stack.callback(process.shutdown, cancel_futures=True)
            with _signals_held():
                process.submit(int)  # Starts it: all of them load the engine at the same time.

        def stand_in(number: int) -> Machine:
            return make(number) if number == shards else RemoteMachine(processes[number % len(processes)], number)

        yield stand_in


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Hold signals back, for good in processes started meanwhile: what they do to a run is for this one to say."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class RemoteMachine:
    """Stands for a machine in another process, which works on one load while the next is read."""

    def __init__(self, process: ProcessPoolExecutor, number: int) -> None:
        self._process = process
        self._number = number
        self._under_way: Future[list[Any]] | None = None

    def apply(self, load: Any, /) -> list[Any]:
        """Hand on a load and return what came of the one before; with the final batch, of both.

        Raises
        ------
        TidegaugeError
            When the process has ended. What fails in the machine is raised as it is, at the load after.
        """
        try:
            if isinstance(load, Batch):
                load = load._replace(texts=needed(load.texts, load.records))
            asked = self._process.submit(_apply, self._number, load)
            before, self._under_way = self._under_way, asked
            outputs = before.result() if before is not None else []
            return outputs + asked.result() if isinstance(load, Batch) and load.final else outputs
        except BrokenProcessPool as error:
            msg = (
                f"machine {self._number}: required a process that runs to the end, got one that was killed, "
                "perhaps for want of memory; run it again with more memory"
            )
            raise TidegaugeError(msg) from error


# What follows runs in the other process.

_machines: dict[int, Machine] = {}
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


def _apply(number: int, load: Any) -> list[Any]:
    if number not in _machines:
        _machines[number] = _make(number)
    return _machines[number].apply(load)
