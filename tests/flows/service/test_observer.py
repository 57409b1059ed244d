"""Reports of the flow reach health, metrics and log."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from flows.service.health import Health
from flows.service.observer import LOOK_SECONDS, FlowObserver
from flows.service.telemetry import Telemetry, counts
from sensing.machine_settings import Settings
from sensing.machines.ledger import LedgerMachine
from sensing.machines.rollup import RollUpMachine
from sensing.machines.shard import ShardMachine
from sensing.outputs import DEAD_LETTERS, EXCEPTIONS, OutputRecord
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
    """Shards and the roll-up are counted at most every few seconds each, the ledger never."""
    looked: list[int] = []
    telemetry: Any = watched.telemetry
    monkeypatch.setattr(telemetry, "outcomes", lambda number, _totals: looked.append(number))
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
    assert watched.telemetry.machines[0].rows == 0
