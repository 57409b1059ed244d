"""What the threads of one run share: how far it is, what failed, how much is under way to machines."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from sensing.outputs import EXCEPTIONS, OutputRecord
from sinks.errors import TidegaugeError

ITEMS_UNDER_WAY_MAX = 64
RECENT_MAX = 20
PROGRESS_INTERVAL_S = 0.1


class Progress(NamedTuple):
    """How far a replay is.

    ``share`` (0 to 1) is that of the input's bytes, ``clock`` the watermark (UTC ms, None before the first event),
    ``outputs`` counts records by type, ``recent`` holds the latest records of topic exceptions, oldest first.
    """

    lines: int
    share: float
    clock: int | None
    outputs: dict[str, int]
    recent: list[OutputRecord]


class Observer(Protocol):
    """Watches the machines of a run, from the thread that runs them."""

    def machine(self, number: int, machine: Any) -> None:
        """A machine, at the end of an epoch in which it was given something."""
        ...

    def outputs(self, records: list[OutputRecord]) -> None:
        """What a machine has just put out."""
        ...


class Control:
    """Shared by source, machines and sink of one run, which may be in different threads of one process.

    ``lasting`` is a service, which is stopped and does not end by itself. Every number has one writer at a time, so no
    lock is needed: the source counts what it sent, each machine what it took.
    """

    def __init__(
        self, machines: int, report: Callable[[Progress], None] | None = None, *, lasting: bool = False,
        observer: Observer | None = None,
    ) -> None:  # fmt: skip
        self.failure: BaseException | None = None
        self.stopping = False
        self.reference_given = False
        self.lines = 0
        self._report = report
        self._lasting = lasting
        self._observer = observer
        self._reported = 0.0
        self._sent = 0
        self._taken = [0] * machines
        self._outputs: list[dict[str, int]] = [{} for _ in range(machines)]
        self._recent: deque[OutputRecord] = deque(maxlen=RECENT_MAX)

    def fail(self, error: BaseException) -> None:
        """Let the source end the flow as it is; the first failure of a run is the one that is told."""
        self.failure = self.failure or error

    def stop(self) -> None:
        """Let the source end the flow in good order: what was read is finished and delivered."""
        self.stopping = True

    def interrupt(self) -> None:
        """A signal came: a service is stopped, at the second one it ends at once; a replay ends as it is."""
        if self._lasting and not self.stopping:
            self.stop()
        else:
            self.fail(KeyboardInterrupt())

    def failing(self, step: str) -> "_Failing":
        """Context that keeps exceptions from Bytewax; ``step`` says where they came from."""
        return _Failing(self, step)

    def sent(self, items: int) -> None:
        """Note items that left the source."""
        self._sent += items

    def taken(self, machine: int, items: int) -> None:
        """Note items that a machine has applied."""
        self._taken[machine] += items

    @property
    def full(self) -> bool:
        """Whether machines are so far behind that the source has to wait; Bytewax itself queues without bound."""
        return self._sent - sum(self._taken) >= ITEMS_UNDER_WAY_MAX

    def look_at(self, number: int, machine: Any) -> None:
        """Show a machine to whoever wants to see it."""
        if self._observer is not None:
            self._observer.machine(number, machine)

    def produced(self, machine: int, records: list[OutputRecord]) -> None:
        """Count output records of a machine and keep the latest exceptions."""
        if self._observer is not None and records:
            self._observer.outputs(records)
        counts = self._outputs[machine]
        for record in records:
            counts[record.type] = counts.get(record.type, 0) + 1
            if record.topic == EXCEPTIONS and record.data:
                self._recent.append(record)

    def outputs(self) -> dict[str, int]:
        """Output records so far by type, in order of their names."""
        total: dict[str, int] = {}
        for counts in self._outputs:
            for kind, count in list(counts.items()):
                total[kind] = total.get(kind, 0) + count
        return dict(sorted(total.items()))

    def progress(self, share: float, clock: int | None, *, last: bool = False) -> None:
        """Report now and then, and at the last call in any case."""
        now = time.monotonic()
        if self._report is None or (not last and now - self._reported < PROGRESS_INTERVAL_S):
            return
        self._reported = now
        self._report(Progress(self.lines, share, clock, self.outputs(), list(self._recent)))


class _Failing:
    """Notes an exception as the failure of the run and goes on. The end of an input is no failure."""

    def __init__(self, control: Control, step: str) -> None:
        self._control = control
        self._step = step

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, Exception) or isinstance(error, StopIteration):
            return False
        if isinstance(error, TidegaugeError):
            self._control.fail(error)
            return True
        failure = TidegaugeError(f"the run failed in {self._step}: {type(error).__name__}: {error}")
        failure.__cause__ = error
        self._control.fail(failure)
        return True
