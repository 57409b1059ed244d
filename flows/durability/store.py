"""Store of the machines of a process: it syncs their journals at the end of an epoch, and writes their bases.

Journals are synced in parallel by threads, while the epoch ends. Bases are written when the journals would take longer
than `REPLAY_SECONDS` to apply again, one at a time, so that copying never stops all machines.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from flows.durability.durable_machine import DurableMachine, Execution
from flows.durability.pointer import Pointer
from sensing.state.snapshot import Snapshot

REPLAY_SECONDS = 3.0
"""Time that applying all journals of a process again may take."""
THREADS = 8


class Store:
    """Durable machines of a process, and the threads that write for them.

    Parameters
    ----------
    monotonic
        A clock in seconds.
    """

    def __init__(self, execution: Execution, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._execution = execution
        self._monotonic = monotonic
        self._machines: dict[str, DurableMachine] = {}
        self._seconds: dict[str, float] = {}
        self._syncs: list[Future[None]] = []
        self._base: Future[None] | None = None
        self._threads = ThreadPoolExecutor(THREADS, "state")

    def machine(
        self, key: str, machine: Snapshot, call: Callable[[list[Any]], list[Any]], saved: bytes | None
    ) -> DurableMachine:
        """A machine with its journal, restored; arguments as of `DurableMachine`."""

        def timed(loads: list[Any]) -> list[Any]:
            begun = self._monotonic()
            outputs = call(loads)
            self._seconds[key] += self._monotonic() - begun
            return outputs

        self._seconds[key] = 0.0
        pointer = None if saved is None else Pointer.decode(saved)
        found = self._machines[key] = DurableMachine(self._execution, key, machine, timed, pointer)
        return found

    def snapshot(self, key: str) -> bytes:
        """Pointer of a machine; begins to sync its journal."""
        machine = self._machines[key]
        pointer = machine.snapshot()
        self._syncs.append(self._threads.submit(machine.sync))
        return pointer.encode()

    def wait(self) -> None:
        """Return when the journals of all machines that have taken a snapshot are synced; the first error is raised."""
        waiting, self._syncs = self._syncs, []
        for sync in waiting:
            sync.result()

    def write_base_if_due(self, key: str) -> None:
        """Copy the state of a machine, and write it in a thread, if it is the one whose turn it is."""
        if self._base is not None:
            if not self._base.done():
                return
            self._base.result()
            self._base = None
        if sum(self._seconds.values()) > REPLAY_SECONDS and self._seconds[key] == max(self._seconds.values()):
            self._base = self._threads.submit(self._machines[key].begin_base())
            self._seconds[key] = 0.0

    def close(self) -> None:
        """Close all journals; what is being written is finished first."""
        self._threads.shutdown()
        for machine in self._machines.values():
            machine.close()
