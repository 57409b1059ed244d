"""Log, metrics and health of an engine together."""

import http.client
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from flows.service.operations import operations
from flows.service.settings import HttpSettings, RunSettings
from sensing.outputs import EXCEPTIONS
from tests.flows.service.test_observer import record


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_an_engine_is_watched_while_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The log says where; an epoch shows in the metrics, as a heartbeat and as a line; afterwards nobody listens."""
    with operations(RunSettings(http=HttpSettings(port=0))) as observer:
        observer.inputs_read()
        observer.read("orders", 3, 300)
        observer.outputs([record(EXCEPTIONS, "exception.opened", traceparent="00-a-b-01")])
        observer.epoch(0.25)
        said = capsys.readouterr().err
        port = json.loads(said.splitlines()[0])["port"]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/metrics")
        scraped = connection.getresponse().read().decode()
        connection.close()

    told = [json.loads(line) for line in said.splitlines()]
    # What clients of other tests still have to say comes through the same log.
    listening, epoch = (line for line in told if "logger" not in line)
    assert listening["event"] == "listening"
    assert (epoch["event"], epoch["records"], epoch["epoch_ms"]) == ("epoch", 3, 250.0)
    assert epoch["traceparent"] == "00-a-b-01"
    assert 'tidegauge_records_read_total{topic="orders"} 3.0' in scraped
    assert "tidegauge_epoch_seconds_count 1.0" in scraped
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", port, timeout=10).request("GET", "/metrics")


def test_secrets_of_the_settings_are_not_logged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What settings hold as secrets is masked in logs from the first line on."""
    monkeypatch.setenv("PW", "hunter2-Zq9")
    settings = RunSettings.model_validate({"http": {"port": 0}, "redis": {"secrets": {"password": "env:PW"}}})
    with operations(settings):
        structlog.get_logger().error("redis", problem="auth failed for hunter2-Zq9")
    written = capsys.readouterr().err
    assert "auth failed for **********" in written
    assert "hunter2" not in written
