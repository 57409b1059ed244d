"""Progress while history is read: how far, how fast, and how long it will take."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from flows.service.history_log import INTERVAL_S, HistoryLog, duration
from flows.service.telemetry import Telemetry
from sensing.machine_settings import DAY_MS
from tests.flows.events import MONDAY
from tests.flows.service.clock import Clock


class Reading:
    """An engine that reads history."""

    def __init__(self) -> None:
        self.clock = Clock(MONDAY / 1000)
        self.telemetry = Telemetry(0, wall=self.clock)
        self.log = HistoryLog(self.telemetry, clock=self.clock)

    def told(self, seconds: float) -> list[Any]:
        """Lines of an epoch that ends so much later."""
        self.clock.now += seconds
        with capture_logs() as lines:
            self.log.epoch()
        return list(lines)


@pytest.fixture
def reading() -> Reading:
    """Nothing has been read."""
    return Reading()


def test_reading_says_how_far_and_how_long(reading: Reading) -> None:
    """The rest takes as long as its share at the speed so far; a line comes every few seconds."""
    reading.telemetry.partition("orders", 0, 0, 4_000, None, at_end=False)
    (first,) = reading.told(INTERVAL_S)
    assert (first["read"], first["of"], first["share"], first["remaining"]) == (0, 4_000, "0%", "unknown")

    reading.telemetry.records.labels("orders").inc(1_000)
    reading.telemetry.partition("orders", 0, 1_000, 4_000, MONDAY - 90 * DAY_MS, at_end=False)
    assert reading.told(INTERVAL_S - 0.1) == []
    assert reading.told(0.1) == [
        {
            "event": "reading history", "log_level": "info", "read": 1_000, "of": 4_000, "share": "25%",
            "records_per_second": 100, "remaining": "about 30 s", "watermark": "2009-10-06T00:00:00.000Z",
        }
    ]  # fmt: skip


def test_catching_up_says_how_many_days(reading: Reading) -> None:
    """When all is read, the clock goes on to the present at the speed since then."""
    reading.telemetry.partition("orders", 0, 9, 9, MONDAY - 100 * DAY_MS, at_end=True)
    (first,) = reading.told(10)
    assert (first["event"], first["remaining"]) == ("catching up with the present", "unknown")
    reading.telemetry.partition("orders", 0, 9, 9, MONDAY - 80 * DAY_MS, at_end=True)
    (second,) = reading.told(10)
    assert (second["days_behind"], second["remaining"]) == (80.0, "about 40 s")


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "about 0 s"), (99, "about 99 s"), (150, "about 2 min")])
def test_durations(seconds: float, text: str) -> None:
    """Seconds, and minutes from 100 seconds on."""
    assert duration(seconds) == text
