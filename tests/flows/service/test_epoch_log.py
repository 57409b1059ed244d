"""Log line of an epoch: at most one per epoch, and only if something happened."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from flows.service.epoch_log import EpochLog
from flows.service.telemetry import Telemetry
from tests.flows.events import MONDAY
from tests.flows.service.clock import Clock


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def telemetry() -> Telemetry:
    """Nothing has happened yet."""
    return Telemetry(0)


def told(log: EpochLog, seconds: float = 0.4, traceparent: str | None = None) -> list[Any]:
    """Lines of one epoch."""
    with capture_logs() as events:
        log.epoch(seconds, traceparent)
    return list(events)


def test_an_epoch_is_told_with_what_happened_in_it(telemetry: Telemetry, clock: Clock) -> None:
    """Records, outputs and dead letters since the last line; lag, watermark and length as they are."""
    log = EpochLog(telemetry, clock=clock)
    telemetry.records.labels("orders").inc(10)
    telemetry.outputs.labels("exceptions", "exception.opened").inc(2)
    telemetry.dead_letters.labels("not_json").inc()
    telemetry.partition("orders", 0, 10, 15, MONDAY, at_end=False)
    assert told(log, 0.4123, "00-a-b-01") == [
        {
            "event": "epoch", "log_level": "info", "records": 10, "outputs": {"exception.opened": 2}, "dead_letters": 1,
            "lag_records": 5, "watermark": "2010-01-04T00:00:00.000Z", "epoch_ms": 412.3, "traceparent": "00-a-b-01",
        }
    ]  # fmt: skip

    telemetry.records.labels("orders").inc(5)
    telemetry.outputs.labels("exceptions", "exception.resolved").inc(1)
    (event,) = told(log)
    assert (event["records"], event["outputs"], event["dead_letters"]) == (5, {"exception.resolved": 1}, 0)
    assert "traceparent" not in event


def test_nothing_is_said_of_nothing(telemetry: Telemetry, clock: Clock) -> None:
    """Silent epochs have no line, but for one now and then that says the flow goes on."""
    log = EpochLog(telemetry, quiet_max_s=10, clock=clock)
    for _ in range(20):
        assert told(log) == []
    clock.now += 10
    (event,) = told(log)
    assert (event["records"], event["outputs"], event["watermark"]) == (0, {}, None)
    assert told(log) == []


def test_every_kind_of_happening_is_told(telemetry: Telemetry, clock: Clock) -> None:
    """Records alone, outputs alone (a day closes without input) and dead letters alone each make a line."""
    log = EpochLog(telemetry, clock=clock)
    telemetry.records.labels("orders").inc(1)
    assert len(told(log)) == 1
    telemetry.outputs.labels("planning-parameters", "parameters.proposed").inc()
    assert len(told(log)) == 1
    telemetry.dead_letters.labels("too_late").inc()
    assert len(told(log)) == 1
    assert told(log) == []
