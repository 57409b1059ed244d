"""Hands what the flow tells of itself to health, telemetry and log."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from flows.service.operations import Operations
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
        # Looked up once: it counts every single record.
        self._to_kafka = telemetry.deliveries.labels("kafka")
        self.ok = watched.health.ok
        self.failing = watched.health.failing
        self.reference_read = watched.health.reference_read
        self.partition = telemetry.partition

    def read(self, topic: str, records: int, size_bytes: int) -> None:
        """Records were read from a topic, whose values have so many bytes."""
        self._telemetry.records.labels(topic).inc(records)
        self._telemetry.bytes.labels(topic).inc(size_bytes)

    def tombstones(self, topic: str, records: int) -> None:
        """Some of the records read had no value."""
        self._telemetry.tombstones.labels(topic).inc(records)

    def error(self, client: str, kind: str) -> None:
        """A client (kafka-consumer, kafka-producer, redis) met with an error, by the library's name for it."""
        self._telemetry.errors.labels(client, kind).inc()

    def backoff(self, part: str, seconds: float) -> None:
        """A pause before something is tried again."""
        self._telemetry.backoffs.labels(part).inc()
        self._telemetry.backoff_seconds.labels(part).inc(seconds)

    def inputs_read(self) -> None:
        """Every input has been at its end once: from here on, delays are those of the engine."""
        self._caught_up = True
        self._watched.health.inputs_read()

    def epoch(self, seconds: float) -> None:
        """An epoch is over, its outputs delivered."""
        self._telemetry.committed_ms = int(self._telemetry.wall() * 1000)
        self._watched.epoch(seconds, self._traceparent)
        self._traceparent = None

    def outputs(self, records: list[OutputRecord]) -> None:
        """A machine has put something out."""
        for kind, count in Counter((record.topic, record.type) for record in records).items():
            self._telemetry.outputs.labels(*kind).inc(count)
        for record in records:
            if record.topic == DEAD_LETTERS:
                self._telemetry.dead_letters.labels(record.attributes["reason"]).inc()
            elif record.topic == EXCEPTIONS:
                self._traceparent = record.attributes.get("traceparent", self._traceparent)

    def delivered(self, record: OutputRecord, at_s: float) -> None:
        """Kafka has acknowledged a record, at so many seconds since 1970."""
        self._to_kafka.inc()
        if self._caught_up and record.topic == EXCEPTIONS:
            self._telemetry.latencies.observe(max(at_s - record.time / 1000, 0.0))

    def written(self, records: int) -> None:
        """Redis has acknowledged some records."""
        self._telemetry.deliveries.labels("redis").inc(records)

    def machine(self, number: int, machine: Any) -> None:
        """A machine at the end of an epoch; what it holds is counted now and then."""
        now = self._steady()
        if not isinstance(machine, ShardMachine) or now - self._looked.get(number, -LOOK_SECONDS) < LOOK_SECONDS:
            return
        self._looked[number] = now
        state = machine.state
        self._telemetry.outcomes(number, state.totals())
        self._telemetry.machines[number] = gauges(state)
