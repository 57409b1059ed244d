"""Flow observer: source, machines and sinks report to it; it updates health, telemetry and log."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from flows.service.epoch_log import EpochLog
from flows.service.health import Health
from flows.service.history_log import HistoryLog
from flows.service.telemetry import Telemetry
from sensing.machines.gauges import gauges, roll_up_gauges
from sensing.machines.rollup import RollUpMachine
from sensing.machines.shard import ShardMachine
from sensing.outputs import DEAD_LETTERS, EXCEPTIONS, OutputRecord

LOOK_SECONDS = 5.0


class FlowObserver:
    """Receives the reports of sources, machines and sinks.

    Parameters
    ----------
    steady
        Monotonic clock, seconds.
    """

    def __init__(self, telemetry: Telemetry, health: Health, steady: Callable[[], float] = time.monotonic) -> None:
        self.telemetry = telemetry
        self.health = health
        self._log = EpochLog(telemetry, clock=steady)
        self._history = HistoryLog(telemetry, clock=steady)
        self._steady = steady
        self._looked: dict[int, float] = {}
        self._caught_up = False
        self._traceparent: str | None = None
        # Looked up once, since it is incremented for every record.
        self._to_kafka = telemetry.deliveries.labels("kafka")
        self.ok = health.ok
        self.failing = health.failing
        self.reference_read = health.reference_read
        self.partition = telemetry.partition

    def read(self, topic: str, records: int, size_bytes: int) -> None:
        """Report records read from a topic, and the bytes of their values."""
        self.telemetry.records.labels(topic).inc(records)
        self.telemetry.bytes.labels(topic).inc(size_bytes)

    def tombstones(self, topic: str, records: int) -> None:
        """Report records without a value among those read."""
        self.telemetry.tombstones.labels(topic).inc(records)

    def error(self, client: str, kind: str) -> None:
        """Report an error of a client (kafka-consumer, kafka-producer, redis); ``kind`` is the library's name of it."""
        self.telemetry.errors.labels(client, kind).inc()

    def backoff(self, part: str, seconds: float) -> None:
        """Report a pause before a retry."""
        self.telemetry.backoffs.labels(part).inc()
        self.telemetry.backoff_seconds.labels(part).inc(seconds)

    def inputs_read(self) -> None:
        """Report that every input has been read to its end once. From then on latencies are measured."""
        self._caught_up = True
        self.health.inputs_read()

    def epoch(self, seconds: float) -> None:
        """Report that an epoch has ended and its outputs are delivered."""
        self.telemetry.committed_ms = int(self.telemetry.wall() * 1000)
        self.telemetry.epochs.observe(seconds)
        self.health.beat()
        if not self._caught_up:
            self._history.epoch()
        self._log.epoch(seconds, self._traceparent, history=not self._caught_up)
        self._traceparent = None

    def outputs(self, records: list[OutputRecord]) -> None:
        """Report output records of a machine."""
        for kind, count in Counter((record.topic, record.type) for record in records).items():
            self.telemetry.outputs.labels(*kind).inc(count)
        for record in records:
            if record.topic == DEAD_LETTERS:
                self.telemetry.dead_letters.labels(record.attributes["reason"]).inc()
            elif record.topic == EXCEPTIONS:
                self._traceparent = record.attributes.get("traceparent", self._traceparent)

    def delivered(self, record: OutputRecord, at_s: float) -> None:
        """Report that Kafka acknowledged a record at ``at_s`` (seconds since 1970)."""
        self._to_kafka.inc()
        if self._caught_up and record.topic == EXCEPTIONS:
            self.telemetry.latencies.observe(max(at_s - record.time / 1000, 0.0))

    def written(self, records: int) -> None:
        """Report records that Redis acknowledged."""
        self.telemetry.deliveries.labels("redis").inc(records)

    def machine(self, number: int, machine: Any) -> None:
        """Report a machine at the end of an epoch. Its gauges are read every ``LOOK_SECONDS``."""
        now = self._steady()
        if now - self._looked.get(number, -LOOK_SECONDS) < LOOK_SECONDS:
            return
        self._looked[number] = now
        if isinstance(machine, RollUpMachine):
            self.telemetry.machines[number] = roll_up_gauges(machine)
        if not isinstance(machine, ShardMachine):
            return
        state = machine.state
        self.telemetry.outcomes(number, state.totals())
        self.telemetry.machines[number] = gauges(state)
