"""Health of the engine for the probes: which parts fail since when, earlier failures, and warnings.

Three questions have three answers. Startup: has the first epoch ended? Liveness: does the flow go on, or should the
process be replaced? Readiness: are outputs and view current? A flow that works without ending an epoch is busy, and
alive; one that does nothing is not.

The flow and its clients report to it through `FlowObserver`; the HTTP endpoints and two metrics read it.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sensing.codec.instants import rfc3339
from sinks.status import VIEW

HEARTBEAT_MAX_S = 60.0
# The engine cannot run without Kafka. It can run without Redis; but a view that another engine owns is not current.
NEEDED = "kafka"
FOR_READINESS = (NEEDED, VIEW)


class Answer(NamedTuple):
    """Probe result: healthy flag and JSON body."""

    good: bool
    body: dict[str, Any]


class _Part:
    """State of one part that the engine depends on. Times are seconds since 1970."""

    def __init__(self, now: float) -> None:
        self.ok = True
        self.since = now
        self.outages = 0
        self.failures = 0
        self.problem: str | None = None
        self.began = now

    def as_json(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "state": "ok" if self.ok else "failing",
            "since": _instant(self.since),
            "outages": self.outages,
            "failures": self.failures,
        }
        if self.problem is not None:
            ended = _instant(self.since) if self.ok else None
            fields["last_problem"] = {"problem": self.problem, "from": _instant(self.began), "to": ended}
        return fields


class _Warning:
    """Something that a person should look at. Times are seconds since 1970."""

    def __init__(self, now: float) -> None:
        self.began = self.last = now
        self.count = 0
        self.text = ""

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text, "count": self.count, "from": _instant(self.began), "last": _instant(self.last)}


class Health:
    """Collects the health of the flow and its clients. They report to it from any thread.

    Parameters
    ----------
    heartbeat_max_s
        The flow counts as stuck if for so long it has ended no epoch and no machine has ended a call.
    wall, steady
        Wall clock (seconds since 1970) and monotonic clock (seconds).
    """

    def __init__(
        self,
        *,
        heartbeat_max_s: float = HEARTBEAT_MAX_S,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._heartbeat_max_s = heartbeat_max_s
        self._wall = wall
        self._steady = steady
        self._started = wall()
        self._beat: float | None = None
        self._worked = steady()
        self._stage = "the process has just started"
        self._recovered = steady()
        self._fatal: str | None = None
        self._reference_read = False
        self._inputs_read = False
        self._parts: dict[str, _Part] = {}
        self._warnings: dict[str, _Warning] = {}
        self._lock = threading.Lock()

    def ok(self, part: str) -> float | None:
        """Note that a part works. This ends its outage: returns the seconds that it took, None if there was none."""
        with self._lock:
            known = self._part(part)
            if known.ok:
                return None
            known.ok, known.since = True, self._wall()
            self._recovered = self._steady()
            return known.since - known.began

    def failing(self, part: str, problem: str) -> bool:
        """Note that a part does not work, and why; returns whether this begins an outage or continues one."""
        with self._lock:
            known = self._part(part)
            begins = known.ok
            if begins:
                known.ok = False
                known.since = known.began = self._wall()
                known.outages += 1
            known.failures += 1
            known.problem = problem
            return begins

    def warn(self, subject: str, sentence: str, count: int = 1) -> None:
        """Note what a person should look at and what stops nothing. The newest sentence of a subject is kept."""
        with self._lock:
            known = self._warnings.setdefault(subject, _Warning(self._wall()))
            known.text, known.last = sentence, self._wall()
            known.count += count

    def beat(self) -> None:
        """Note that the flow has completed an epoch."""
        self._beat = self._steady()

    def work(self) -> None:
        """Note that a machine has ended a call; the flow may be busy, but it is not stuck."""
        self._worked = self._steady()

    def stage(self, text: str) -> None:
        """Note what the start is doing."""
        self._stage = text

    def fail(self, problem: str) -> None:
        """Note why the run ends. The first reason is kept."""
        self._fatal = self._fatal or problem

    def reference_read(self) -> None:
        """Note that master data have been read."""
        self._reference_read = True

    def inputs_read(self) -> None:
        """Note that every input has been read to its end once."""
        self._inputs_read = True

    def startup(self) -> Answer:
        """Startup: whether the first epoch has ended. Before it kernels are compiled and topics are looked for."""
        reasons = [self._fatal] if self._fatal is not None else []
        if self._beat is None:
            reasons.append(self._stage)
        return Answer(not reasons, {"status": "starting" if reasons else "started", "reasons": reasons})

    def live(self) -> Answer:
        """Liveness: whether the process should keep running. Outages of Kafka or Redis do not make it unhealthy."""
        # The heartbeat counts from the first epoch; before it the startup probe has the say.
        now = self._steady()
        age = 0.0 if self._beat is None else now - self._beat
        with self._lock:
            parts = {name: part.as_json() for name, part in sorted(self._parts.items())}
            failing = [name for name, part in self._parts.items() if not part.ok]
            warnings = {subject: warning.as_json() for subject, warning in sorted(self._warnings.items())}
        reason = self._fatal
        # A flow that waits for Kafka completes no epoch. The time limit starts anew when Kafka is back.
        waits = any(name.startswith(NEEDED) for name in failing)
        overdue = min(age, now - self._recovered) > self._heartbeat_max_s
        busy = overdue and now - self._worked <= self._heartbeat_max_s
        if reason is None and overdue and not busy and not waits:
            reason = f"no epoch and no call of a machine has ended for {min(age, now - self._worked):.0f} s, "
            reason += f"required one within {self._heartbeat_max_s:.0f} s"
        body: dict[str, Any] = {
            "status": self._status(reason, failing, busy=busy),
            "started": _instant(self._started),
            "heartbeat_age_seconds": round(age, 3),
            "parts": parts,
            "warnings": warnings,
        }
        if reason is not None:
            body["reason"] = reason
        return Answer(reason is None, body)

    def _status(self, reason: str | None, failing: list[str], *, busy: bool) -> str:
        if reason is not None:
            return "failing"
        if failing:
            return "degraded"
        if self._beat is None:
            return "starting"
        return "busy" if busy else "ok"

    def ready(self) -> Answer:
        """Readiness: whether outputs are current: history is read, Kafka answers, no other engine owns the view."""
        reasons = []
        if not self._reference_read:
            reasons.append("reference has not been read to its end")
        if not self._inputs_read:
            reasons.append("inputs have not been read to their ends")
        if self._fatal is not None:
            reasons.append(self._fatal)
        with self._lock:
            reasons += [
                f"{name} is failing since {_instant(part.since)}: {part.problem}"
                for name, part in sorted(self._parts.items())
                if name.startswith(FOR_READINESS) and not part.ok
            ]
        return Answer(not reasons, {"status": "not ready" if reasons else "ready", "reasons": reasons})

    def states(self) -> dict[str, tuple[bool, int]]:
        """State of every part: whether it works, and its number of outages."""
        with self._lock:
            return {name: (part.ok, part.outages) for name, part in sorted(self._parts.items())}

    def _part(self, name: str) -> _Part:
        return self._parts.setdefault(name, _Part(self._wall()))


def _instant(seconds: float) -> str:
    return rfc3339(int(seconds * 1000))
