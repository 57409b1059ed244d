"""The run context: what belongs to this process alone. Orders from signals, the first failure, what a user is shown.

Source, machines and sink get it; none of them tells another anything by it. What they must know of each other travels
through the flow.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from flows.runtime.error_boundary import ErrorBoundary
from flows.runtime.roles import MachineId
from sensing.outputs import EXCEPTIONS, OutputRecord

RECENT_MAX = 20
PROGRESS_INTERVAL_S = 0.1


class Progress(NamedTuple):
    """How far a run is.

    ``share`` (0 to 1) is that of the input's bytes, ``clock`` the watermark (UTC ms, None before the first event),
    ``outputs`` counts records by type, ``recent`` holds the latest records of topic exceptions, oldest first.
    """

    lines: int
    share: float
    clock: int | None
    outputs: dict[str, int]
    recent: list[OutputRecord]


class Observer(Protocol):
    """Watches the machines of a process, from the thread that runs them."""

    def machine(self, number: int, machine: Any) -> None:
        """A machine, at the end of an epoch in which it was given something."""
        ...

    def outputs(self, records: list[OutputRecord]) -> None:
        """Records that a machine has just put out."""
        ...


class RunContext:
    """Orders, failure and display of one run in this process.

    Parameters
    ----------
    report
        Called with the progress about ten times a second.
    service
        Whether the run drains at a signal, as a service does; else a signal ends it as it is.
    """

    def __init__(
        self, report: Callable[[Progress], None] | None = None, *, service: bool = False,
        observer: Observer | None = None,
    ) -> None:  # fmt: skip
        self.errors = ErrorBoundary()
        self.stopping = False
        self.lines = 0
        self._report = report
        self._service = service
        self._observer = observer
        self._reported = 0.0
        # Worker threads write to counts of their own machines, so no lock is needed.
        self._outputs: dict[MachineId, dict[str, int]] = {}
        self._recent: deque[OutputRecord] = deque(maxlen=RECENT_MAX)

    def stop(self) -> None:
        """Let the sources of this process end: what was read is finished and delivered."""
        self.stopping = True

    def interrupt(self) -> None:
        """A signal came: a service drains, and ends at once at the second one; a replay ends as it is."""
        if self._service and not self.stopping:
            self.stop()
        else:
            self.errors.fail(KeyboardInterrupt())

    @property
    def interrupted(self) -> bool:
        """Whether the run is to end without delivering anything more."""
        return isinstance(self.errors.failure, KeyboardInterrupt)

    def show_machine(self, machine: MachineId, instance: Any) -> None:
        """Show a machine to the observer."""
        if self._observer is not None:
            self._observer.machine(machine.number, instance)

    def count_outputs(self, machine: MachineId, records: list[OutputRecord]) -> None:
        """Count output records of a machine and keep the latest exceptions."""
        if self._observer is not None and records:
            self._observer.outputs(records)
        counts = self._outputs.setdefault(machine, {})
        for record in records:
            counts[record.type] = counts.get(record.type, 0) + 1
            if record.topic == EXCEPTIONS and record.data:
                self._recent.append(record)

    def outputs(self) -> dict[str, int]:
        """Output records so far by type, in order of their names."""
        total: dict[str, int] = {}
        for counts in list(self._outputs.values()):
            for kind, count in list(counts.items()):
                total[kind] = total.get(kind, 0) + count
        return dict(sorted(total.items()))

    def progress(self, share: float, clock: int | None, last: bool) -> None:
        """Report now and then, and at the last call in any case."""
        now = time.monotonic()
        if self._report is None or (not last and now - self._reported < PROGRESS_INTERVAL_S):
            return
        self._reported = now
        self._report(Progress(self.lines, share, clock, self.outputs(), list(self._recent)))
