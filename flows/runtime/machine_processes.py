"""Machine processes: hosts shards in worker processes, because only one thread of a Python process runs at a time. The
replay job uses it.

The flow stays in the parent process. A step before the shards submits every batch to the worker process of its machine.
A proxy replaces the machine in the flow and waits for the outputs of the same batch. So all processes work on batches
that arrive together, and every output still belongs to its batch. A machine that is busy after a batch proceeds at
once; the proxy waits for that call at its next turn.
"""

import contextlib
import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

from flows.runtime.execute import COLLECT_AFTER
from flows.runtime.machine_logic import BoundedMachine, Machine, MakeMachine
from flows.runtime.roles import Item, MachineId, Role
from sensing.codec.event_record import Batch
from sensing.codec.text_table import needed
from sinks.errors import TidegaugeError

Call = Future[tuple[list[Any], bool]]
"""A call of a machine in another process: its outputs, and whether it is still busy."""


class MachineHosts(NamedTuple):
    """How a flow reaches its machines: ``make`` makes a machine or its proxy; ``submit``, if any, is a step before."""

    make: MakeMachine
    submit: Callable[[Item], Item] | None = None


@contextlib.contextmanager
def machine_processes(make: MakeMachine, shards: int, count: int) -> Iterator[MachineHosts]:
    """Host shards in ``count`` worker processes, and the ledger in this one; the workers end with the context.

    Parameters
    ----------
    make
        Makes the machine of an id; it is pickled.
    """
    # A process forked from one with threads may inherit locks that are never released.
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        processes = [ProcessPoolExecutor(1, context, _begin, (make,)) for _ in range(min(count, shards))]
        for process in processes:
            stack.callback(process.shutdown, cancel_futures=True)
            with _signals_blocked():
                process.submit(int)  # Starts the process, so that all of them load the engine at the same time.

        def call(machine: MachineId, load: Any) -> Call:
            with _killed_is_an_error(machine):
                return processes[machine.number % len(processes)].submit(_call, machine, load)

        def submit(item: Item) -> Item:
            key, addressed = item
            load = addressed.load
            if isinstance(load, Batch):
                load = load._replace(texts=needed(load.texts, load.records))
            return key, addressed._replace(load=call(addressed.machine, load))

        def proxy(machine: MachineId) -> Machine:
            return MachineProxy(machine, call) if machine.role is Role.SHARD else make(machine)

        yield MachineHosts(proxy, submit)


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block SIGINT and SIGTERM for good in processes started inside this context; the parent handles them."""
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
    """Proxy of a machine in a worker process; ``call`` makes the machine apply a batch or, without one, proceed."""

    def __init__(self, machine: MachineId, call: Callable[[MachineId, Any], Call]) -> None:
        self._id = machine
        self._call = call
        self._calls: deque[Call] = deque()

    @property
    def busy(self) -> bool:
        """Whether a call is pending."""
        return bool(self._calls)

    def apply(self, submitted: Call, /) -> list[Any]:
        """Wait for all outputs of a submitted batch and of those before it."""
        self.accept(submitted)
        outputs = []
        while self.busy:
            outputs += self.proceed()
        return outputs

    def accept(self, submitted: Call, /) -> None:
        """Queue the call of a submitted batch."""
        self._calls.append(submitted)

    def proceed(self) -> list[Any]:
        """Wait for the outputs of the pending calls; a machine that is still busy then gets its next call.

        Raises
        ------
        TidegaugeError
            When the worker process has ended. An exception of the machine is raised unchanged.
        """
        outputs: list[Any] = []
        busy = False
        with _killed_is_an_error(self._id):
            while self._calls:
                made, busy = self._calls.popleft().result()
                outputs += made
        if busy:
            self._calls.append(self._call(self._id, None))
        return outputs


# The code below runs in the worker process.

_machines: dict[MachineId, Machine] = {}
_make: MakeMachine


def _begin(make: MakeMachine) -> None:
    """Initialise a worker process; it ends when its parent ends."""
    global _make  # one per process
    _make = make
    gc.set_threshold(*COLLECT_AFTER)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "called in a process that was started by another"
    parent.join()
    os._exit(1)


def _call(machine: MachineId, load: Any) -> tuple[list[Any], bool]:
    """Apply a batch, or proceed if there is none; returns the outputs, and whether the machine is still busy."""
    if machine not in _machines:
        _machines[machine] = _make(machine)
    found = _machines[machine]
    bounded = found if isinstance(found, BoundedMachine) else None
    outputs = bounded.proceed() if bounded is not None and load is None else found.apply(load)
    return outputs, bounded is not None and bounded.busy
