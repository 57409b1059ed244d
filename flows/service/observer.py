"""Flow observer: source, machines and sinks report to it; it updates health, telemetry and log."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from flows.service.epoch_log import EpochLog
from flows.service.health import Health
from flows.service.history_log import HistoryLog
from flows.service.telemetry import Telemetry
from sensing.machines.gauges import gauges, roll_up_gauges
from sensing.machines.ledger import LedgerMachine
from sensing.machines.rollup import RollUpMachine
from sensing.machines.shard import ShardMachine
from sensing.outputs import DEAD_LETTERS, EXCEPTIONS, PARAMETERS, OutputRecord
from sinks.status import LOG_BEGINS_LATE

LOOK_SECONDS = 5.0
WARN_SECONDS = 60.0
BRIEF = timedelta(days=1)
"""An exception that is back to normal sooner was a false alarm."""


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
        self._warned: dict[str, float] = {}
        self.reference_read = health.reference_read
        self.worked = health.work
        self.stage = health.stage
        self.partition = telemetry.partition

    def ok(self, part: str) -> None:
        """Report that a part works; the end of an outage is logged."""
        lasted = self.health.ok(part)
        if lasted is not None:
            structlog.get_logger().info("part works again", part=part, outage_seconds=round(lasted, 1))

    def failing(self, part: str, problem: str) -> None:
        """Report that a part does not work; the beginning of an outage is logged."""
        if self.health.failing(part, problem):
            structlog.get_logger().warning("part is failing", part=part, problem=problem)

    def warn(self, subject: str, sentence: str, count: int = 1) -> None:
        """Report what a person should look at: counted, shown by the probes, and logged once a minute at most."""
        self.telemetry.warnings.labels(subject).inc(count)
        self.health.warn(subject, sentence, count)
        now = self._steady()
        if now - self._warned.get(subject, -WARN_SECONDS) >= WARN_SECONDS:
            self._warned[subject] = now
            structlog.get_logger().warning(sentence, subject=subject)

    def read(self, topic: str, records: int, size_bytes: int) -> None:
        """Report records read from a topic, and the bytes of their values."""
        self.telemetry.records.labels(topic).inc(records)
        self.telemetry.bytes.labels(topic).inc(size_bytes)

    def tombstones(self, topic: str, records: int) -> None:
        """Report records without a value among those read."""
        self.telemetry.tombstones.labels(topic).inc(records)

    def log_begins(self, topic: str, partition: int, offset: int) -> None:
        """Report the first offset of a partition; what was before it is lost to every start from now on."""
        before = self.telemetry.missing.get((topic, partition), 0)
        self.telemetry.missing[topic, partition] = offset
        if offset > before:
            sentence = (
                f"the log of topic {topic}, partition {partition} begins at offset {offset}: the {offset} records "
                "before it are missing, and a start without them gives other results; set retention.ms=-1 and "
                "retention.bytes=-1, and load what is missing into a new topic"
            )
            self.warn(LOG_BEGINS_LATE, sentence, offset - before)

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
                if record.type == "exception.resolved":
                    self._count_end(record)
            elif record.topic == PARAMETERS:
                self.telemetry.parameters.labels(record.attributes["demandclass"]).inc()

    def _count_end(self, record: OutputRecord) -> None:
        """Count an exception that ended, and whether it was a false alarm."""
        state = orjson.loads(record.data)
        kind, resolution = state["exception_type"], state["resolution"]
        self.telemetry.ended.labels(kind, resolution).inc()
        lasted = datetime.fromisoformat(state["resolved_at"]) - datetime.fromisoformat(state["opened_at"])
        if resolution == "rejected" or (resolution == "back_to_normal" and lasted < BRIEF):
            self.telemetry.false_alarms.labels(kind).inc()

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
        if isinstance(machine, LedgerMachine):
            self.telemetry.control_totals = dict(machine.control_totals)
            return
        now = self._steady()
        if now - self._looked.get(number, -LOOK_SECONDS) < LOOK_SECONDS:
            return
        self._looked[number] = now
        if isinstance(machine, RollUpMachine):
            self.telemetry.machines[number] = roll_up_gauges(machine)
        if isinstance(machine, ShardMachine):
            self.telemetry.machines[number] = gauges(machine.state)
