"""Reports of the flow reach health, metrics and log."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from flows.service import observer as observer_module
from flows.service.health import Health
from flows.service.observer import LOOK_SECONDS, FlowObserver
from flows.service.telemetry import Telemetry, counts
from sensing.machine_settings import Settings
from sensing.machines.ledger import LedgerMachine
from sensing.machines.machine_messages import LedgerBatch, Totals
from sensing.machines.rollup import RollUpMachine
from sensing.machines.shard import ShardMachine
from sensing.outputs import DEAD_LETTERS, EXCEPTIONS, PARAMETERS, OutputRecord
from tests.flows.service.clock import Clock


def record(topic: str, kind: str, **attributes: str) -> OutputRecord:
    """An output record of an event at the clock's start."""
    return OutputRecord(0, 0, 0, topic, kind, "id", "subject", 1_600_000_000_000, attributes, b"{}")


class Watched:
    """An observer and what it tells."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.health = Health(wall=self.clock, steady=self.clock)
        self.telemetry = Telemetry(0, wall=self.clock)
        self.observer = FlowObserver(self.telemetry, self.health, self.clock)

    def figure(self, name: str) -> float | None:
        """A figure without labels, as it is exposed."""
        return self.telemetry.registry.get_sample_value(f"tidegauge_{name}")


@pytest.fixture
def watched() -> Watched:
    """A flow that has just started."""
    return Watched()


def test_an_epoch_is_heartbeat_commit_and_line(watched: Watched) -> None:
    """The end of an epoch shows everywhere; the line carries the traceparent of its last exception, once."""
    watched.observer.inputs_read()
    watched.observer.read("orders", 1, 10)
    watched.observer.outputs(
        [
            record(EXCEPTIONS, "exception.opened", traceparent="00-a-b-01"),
            record(EXCEPTIONS, "exception.opened"),
            record(DEAD_LETTERS, "dead.letter", reason="not_json"),
        ]
    )
    with capture_logs() as first:
        watched.observer.epoch(0.4)
    watched.observer.read("orders", 1, 10)
    with capture_logs() as second:
        watched.observer.epoch(0.4)

    assert watched.telemetry.committed_ms == 1_600_000_000_000
    assert watched.figure("epoch_seconds_count") == 2
    assert counts(watched.telemetry.records) == {("orders",): 2}
    assert counts(watched.telemetry.bytes) == {("orders",): 20}
    assert counts(watched.telemetry.outputs)[EXCEPTIONS, "exception.opened"] == 2
    assert counts(watched.telemetry.dead_letters) == {("not_json",): 1}
    assert [first[0].get("traceparent"), second[0].get("traceparent")] == ["00-a-b-01", None]
    watched.clock.now += 61
    assert not watched.health.live().good


def test_history_has_progress_instead_of_lines(watched: Watched) -> None:
    """Until the inputs are read, an epoch logs the progress, and that every few seconds only."""
    watched.observer.read("orders", 1, 10)
    with capture_logs() as silent:
        watched.observer.epoch(0.4)
    watched.clock.now += 5
    with capture_logs() as told:
        watched.observer.epoch(0.4)

    shown = [[line["event"] for line in lines if line["log_level"] != "debug"] for lines in (silent, told)]
    assert shown == [[], ["reading history"]]


def test_delays_count_once_history_is_read(watched: Watched) -> None:
    """Exceptions of history are no measure of the engine; afterwards each is, and never a negative one."""
    opened = record(EXCEPTIONS, "exception.opened")
    watched.observer.delivered(opened, 1_600_000_001.0)
    watched.observer.inputs_read()
    watched.observer.delivered(opened, 1_600_000_001.0)
    watched.observer.delivered(opened, 1_599_999_999.0)
    watched.observer.delivered(record(DEAD_LETTERS, "dead.letter"), 1_600_000_001.0)

    assert counts(watched.telemetry.deliveries) == {("kafka",): 4}
    name = "order_to_exception_seconds"
    assert (watched.figure(f"{name}_count"), watched.figure(f"{name}_sum")) == (2, 1.0)


def test_what_sinks_tell_is_counted(watched: Watched) -> None:
    """Records that Redis has, errors of clients, and the time spent waiting before another attempt."""
    watched.observer.written(3)
    watched.observer.written(4)
    watched.observer.error("redis", "ConnectionError")
    watched.observer.backoff("redis", 0.5)
    watched.observer.backoff("redis", 1.5)
    watched.observer.tombstones("reference", 2)

    assert counts(watched.telemetry.deliveries) == {("kafka",): 0, ("redis",): 7}
    assert counts(watched.telemetry.errors) == {("redis", "ConnectionError"): 1}
    assert counts(watched.telemetry.backoffs) == {("redis",): 2}
    assert counts(watched.telemetry.backoff_seconds) == {("redis",): 2}
    assert counts(watched.telemetry.tombstones) == {("reference",): 2}


def test_machines_are_looked_at_now_and_then(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards and the roll-up are counted at most every few seconds each; the ledger has no gauges."""
    looked: list[int] = []

    def look(state: Any) -> str:
        looked.append(state.shard)
        return "gauges"

    monkeypatch.setattr(observer_module, "gauges", look)
    shards = [ShardMachine(0, Settings()), ShardMachine(1, Settings())]
    for _ in range(3):
        for number, shard in enumerate(shards):
            watched.observer.machine(number, shard)
        watched.observer.machine(16, LedgerMachine(16, 16))
        watched.observer.machine(17, RollUpMachine(17, Settings()))
    watched.clock.now += LOOK_SECONDS
    watched.observer.machine(0, shards[0])

    assert looked == [0, 1, 0]
    assert watched.telemetry.machines.keys() == {0, 1, 17}


def test_control_totals_are_those_of_the_ledger(watched: Watched) -> None:
    """At the end of every epoch the newest complete ones are shown, published or not."""
    ledger = LedgerMachine(1, 1)
    ledger.apply(LedgerBatch([], [("orders", 0, 3)], 0, 1, publish=False))
    watched.observer.machine(1, ledger)
    assert watched.telemetry.control_totals == {}
    ledger.apply(Totals(0, [("orders", 0, (2, 0, 1, 0, 0, 0, 0, 0))], 1))
    watched.observer.machine(1, ledger)

    [shown] = watched.telemetry.control_totals[0]
    assert (shown.read, shown.absorbed, shown.duplicate) == (3, 2, 1)


def test_outages_and_warnings_are_logged_once(watched: Watched) -> None:
    """The beginning and the end of an outage; a warning once a minute, while every one is counted."""
    with capture_logs() as lines:
        for _ in range(3):
            watched.observer.failing("kafka-consumer", "connection refused")
            watched.clock.now += 7
        watched.observer.ok("kafka-consumer")
        watched.observer.ok("kafka-consumer")
        for _ in range(3):
            watched.observer.warn("second_engine", "another engine", 2)
            watched.clock.now += 31
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "part is failing"), ("info", "part works again"), ("warning", "another engine"),
        ("warning", "another engine"),
    ]  # fmt: skip
    assert (lines[0]["problem"], lines[1]["outage_seconds"]) == ("connection refused", 21)
    assert counts(watched.telemetry.warnings) == {("second_engine",): 6}
    assert watched.health.live().body["warnings"]["second_engine"]["count"] == 6


def test_ends_and_false_alarms_are_counted(watched: Watched) -> None:
    """By type and resolution; what was back to normal within a day was a false alarm, and what a person rejected."""

    def ended(resolution: str, at: str) -> OutputRecord:
        state = f'{{"exception_type":"order_surge","resolution":"{resolution}","opened_at":"2026-03-01T10:00:00Z"'
        made = record(EXCEPTIONS, "exception.resolved")
        return made._replace(data=f'{state},"resolved_at":"{at}"}}'.encode())

    watched.observer.outputs(
        [
            ended("back_to_normal", "2026-03-02T09:59:59.999Z"),
            ended("back_to_normal", "2026-03-02T10:00:00Z"),
            ended("rejected", "2026-03-09T10:00:00Z"),
            ended("expired", "2026-03-01T11:00:00Z"),
            record(EXCEPTIONS, "exception.changed"),
        ]
    )
    assert counts(watched.telemetry.ended) == {
        ("order_surge", "back_to_normal"): 2,
        ("order_surge", "rejected"): 1,
        ("order_surge", "expired"): 1,
    }
    assert counts(watched.telemetry.false_alarms) == {("order_surge",): 2}


def test_publications_are_counted_by_class(watched: Watched) -> None:
    """The demand class is an attribute of the record."""
    made = [record(PARAMETERS, "parameters.proposed", demandclass=name) for name in ("smooth", "lumpy", "smooth")]
    watched.observer.outputs(made)
    assert counts(watched.telemetry.parameters) == {("smooth",): 2, ("lumpy",): 1}
