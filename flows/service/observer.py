"""Hands what the flow tells of itself to health, telemetry and log."""

import time
from collections.abc import Callable
from typing import Any

from flows.service.operations import Operations
from flows.service.telemetry import Machine
from sensing.machines.gauges import gauges
from sensing.machines.shard import ShardMachine
from sensing.outputs import DEAD_LETTERS, EXCEPTIONS, OutputRecord

LOOK_SECONDS = 5.0


class FlowObserver:
    """Takes what sources, machines and sinks tell.

    Parameters
    ----------
    steady
        Seconds that never jump.
    """

    def __init__(self, watched: Operations, steady: Callable[[], float] = time.monotonic) -> None:
        self._watched = watched
        self._telemetry = telemetry = watched.telemetry
        self._steady = steady
        self._looked: dict[int, float] = {}
        self._caught_up = False
        self._traceparent: str | None = None
        self.ok = watched.health.ok
        self.failing = watched.health.failing
        self.reference_read = watched.health.reference_read
        self.read = telemetry.read
        self.tombstones = telemetry.tombstones
        self.partition = telemetry.partition
        self.error = telemetry.error
        self.backoff = telemetry.backoff

    def inputs_read(self) -> None:
        """Every input has been at its end once: from here on, delays are those of the engine."""
        self._caught_up = True
        self._watched.health.inputs_read()

    def epoch(self, seconds: float) -> None:
        """An epoch is over, its outputs delivered."""
        self._telemetry.committed(int(self._telemetry.wall() * 1000))
        self._watched.epoch(seconds, self._traceparent)
        self._traceparent = None

    def outputs(self, records: list[OutputRecord]) -> None:
        """A machine has put something out."""
        for record in records:
            self._telemetry.output(record.topic, record.type)
            if record.topic == DEAD_LETTERS:
                self._telemetry.dead_letter(record.attributes["reason"])
            elif record.topic == EXCEPTIONS:
                self._traceparent = record.attributes.get("traceparent", self._traceparent)

    def delivered(self, record: OutputRecord, at_s: float) -> None:
        """Kafka has acknowledged a record, at so many seconds since 1970."""
        self._telemetry.delivered("kafka", 1)
        if self._caught_up and record.topic == EXCEPTIONS:
            self._telemetry.latency(max(at_s - record.time / 1000, 0.0))

    def written(self, records: int) -> None:
        """Redis has acknowledged some records."""
        self._telemetry.delivered("redis", records)

    def machine(self, number: int, machine: Any) -> None:
        """A machine at the end of an epoch; what it holds is counted now and then."""
        now = self._steady()
        if not isinstance(machine, ShardMachine) or now - self._looked.get(number, -LOOK_SECONDS) < LOOK_SECONDS:
            return
        self._looked[number] = now
        state = machine.state
        held = gauges(state)
        self._telemetry.outcomes(number, state.totals())
        self._telemetry.machine(
            number,
            Machine(
                rows=held.rows,
                river_rows=held.river_rows,
                lines=held.lines,
                lines_evicted=held.lines_evicted,
                exceptions_refused=held.problems_refused,
                open_exceptions={(str(kind), str(grade)): count for (kind, grade), count in held.open_problems.items()},
                oldest_closed_day=held.oldest_closed_day,
                newest_closed_day=held.newest_closed_day,
            ),
        )
