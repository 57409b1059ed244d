"""Health of the engine for ``/healthz`` and ``/readyz``: which parts fail since when, and earlier failures.

The flow and its clients report to it through `FlowObserver`; the HTTP endpoints and two metrics read it.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sensing.codec.instants import rfc3339

HEARTBEAT_MAX_S = 60.0
# The engine cannot run without Kafka. It can run without the view in Redis.
NEEDED = "kafka"


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


class Health:
    """Collects the health of the flow and its clients. They report to it from any thread.

    Parameters
    ----------
    heartbeat_max_s
        The flow counts as stuck if it completes no epoch for so long.
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
        self._recovered = steady()
        self._fatal: str | None = None
        self._reference_read = False
        self._inputs_read = False
        self._parts: dict[str, _Part] = {}
        self._lock = threading.Lock()

    def ok(self, part: str) -> None:
        """Note that a part works. This ends its outage."""
        with self._lock:
            known = self._part(part)
            if not known.ok:
                known.ok, known.since = True, self._wall()
                self._recovered = self._steady()

    def failing(self, part: str, problem: str) -> None:
        """Note that a part does not work, and why. Repeated calls continue the same outage."""
        with self._lock:
            known = self._part(part)
            if known.ok:
                known.ok = False
                known.since = known.began = self._wall()
                known.outages += 1
            known.failures += 1
            known.problem = problem

    def beat(self) -> None:
        """Note that the flow has completed an epoch."""
        self._beat = self._steady()

    def fail(self, problem: str) -> None:
        """Note why the run ends. The first reason is kept."""
        self._fatal = self._fatal or problem

    def reference_read(self) -> None:
        """Note that master data have been read."""
        self._reference_read = True

    def inputs_read(self) -> None:
        """Note that every input has been read to its end once."""
        self._inputs_read = True

    def live(self) -> Answer:
        """Liveness: whether the process should keep running. Outages of Kafka or Redis do not make it unhealthy."""
        # The heartbeat counts from the first epoch: kernels may have to be compiled before it.
        age = 0.0 if self._beat is None else self._steady() - self._beat
        with self._lock:
            parts = {name: part.as_json() for name, part in sorted(self._parts.items())}
            failing = [name for name, part in self._parts.items() if not part.ok]
        reason = self._fatal
        # A flow that waits for Kafka completes no epoch. The time limit starts anew when Kafka is back.
        waits = any(name.startswith(NEEDED) for name in failing)
        overdue = min(age, self._steady() - self._recovered) > self._heartbeat_max_s
        if reason is None and overdue and not waits:
            reason = f"no epoch has been completed for {age:.0f} s, required one within {self._heartbeat_max_s:.0f} s"
        body: dict[str, Any] = {
            "status": "failing" if reason is not None else "degraded" if failing else "ok",
            "started": _instant(self._started),
            "heartbeat_age_seconds": round(age, 3),
            "parts": parts,
        }
        if reason is not None:
            body["reason"] = reason
        return Answer(reason is None, body)

    def ready(self) -> Answer:
        """Readiness: whether outputs are current. History has been read and Kafka is available."""
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
                if name.startswith(NEEDED) and not part.ok
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
