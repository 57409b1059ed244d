"""The run context: state of one run in this process. It holds stop orders from signals, the first failure, and the
progress that a user sees.

Source, machines and sink share it. Data travel in the items of the flow, but for the way back: a flow has no loops, so
what a shard has for another one waits here until the source takes it.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from flows.runtime.error_boundary import ErrorBoundary
from flows.runtime.roles import MachineId
from sensing.machines.machine_messages import HandOver
from sensing.outputs import EXCEPTIONS, OutputRecord

RECENT_MAX = 20
OPENED = "exception.opened"
"""Type of the record that opens a problem; each problem has one."""
PROGRESS_INTERVAL_S = 0.1


class Progress(NamedTuple):
    """Progress of a run.

    ``share`` (0 to 1) is the share of the input's bytes that is read, ``clock`` the watermark (UTC ms, None before the
    first event). ``outputs`` counts records by type; ``recent`` holds the latest records of topic exceptions, oldest
    first.
    """

    lines: int
    share: float
    clock: int | None
    outputs: dict[str, int]
    recent: list[OutputRecord]


class Observer(Protocol):
    """Observes the machines of a process; called in the thread that runs them."""

    def worked(self) -> None:
        """A machine has ended a call."""
        ...

    def machine(self, number: int, machine: Any) -> None:
        """A machine at the end of an epoch in which it got a batch."""
        ...

    def outputs(self, records: list[OutputRecord]) -> None:
        """New output records of a machine."""
        ...


class RunContext:
    """Stop orders, failure and progress of one run in this process.

    Parameters
    ----------
    report
        Called with the progress about ten times a second.
    service
        Whether a signal drains the run, as for a service; else a signal is an error that ends it at once.
    """

    def __init__(
        self, report: Callable[[Progress], None] | None = None, *, service: bool = False,
        observer: Observer | None = None,
    ) -> None:  # fmt: skip
        self.errors = ErrorBoundary()
        self.stopping = False
        self.lines = 0
        self.way_back: deque[HandOver] = deque()
        self._report = report
        self.is_service = service
        self._observer = observer
        self._reported = 0.0
        # Each worker thread writes only the counts of its own machines, so no lock is needed.
        self._outputs: dict[MachineId, dict[str, int]] = {}
        self._opened: dict[MachineId, dict[str, int]] = {}
        self._recent: deque[OutputRecord] = deque(maxlen=RECENT_MAX)

    def stop(self) -> None:
        """Stop the sources of this process; everything read so far is applied and delivered."""
        self.stopping = True

    def interrupt(self) -> None:
        """Handle a signal: the first one drains a service; the second one, or any in a replay, ends the run at once."""
        if self.is_service and not self.stopping:
            self.stop()
        else:
            self.errors.fail(KeyboardInterrupt())

    @property
    def interrupted(self) -> bool:
        """Whether the run must end without further deliveries."""
        return isinstance(self.errors.failure, KeyboardInterrupt)

    def show_machine(self, machine: MachineId, instance: Any) -> None:
        """Show a machine to the observer."""
        if self._observer is not None:
            self._observer.machine(machine.number, instance)

    def count_outputs(self, machine: MachineId, records: list[OutputRecord]) -> None:
        """Count output records of one call of a machine and keep the latest exceptions."""
        if self._observer is not None:
            self._observer.worked()
            if records:
                self._observer.outputs(records)
        counts = self._outputs.setdefault(machine, {})
        for record in records:
            counts[record.type] = counts.get(record.type, 0) + 1
            if record.type == OPENED:
                of_type = self._opened.setdefault(machine, {})
                name = record.attributes["exceptiontype"]
                of_type[name] = of_type.get(name, 0) + 1
            if record.topic == EXCEPTIONS and record.data:
                self._recent.append(record)

    def outputs(self) -> dict[str, int]:
        """Number of output records so far by type, sorted by type."""
        return _total(self._outputs)

    def opened(self) -> dict[str, int]:
        """Number of problems opened so far by exception type, sorted by type."""
        return _total(self._opened)

    def progress(self, share: float, clock: int | None, last: bool) -> None:
        """Report the progress at most ten times a second, and always at the last call."""
        now = time.monotonic()
        if self._report is None or (not last and now - self._reported < PROGRESS_INTERVAL_S):
            return
        self._reported = now
        self._report(Progress(self.lines, share, clock, self.outputs(), list(self._recent)))


def _total(of_machines: dict[MachineId, dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for counts in list(of_machines.values()):
        for kind, count in list(counts.items()):
            total[kind] = total.get(kind, 0) + count
    return dict(sorted(total.items()))
