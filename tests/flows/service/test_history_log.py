"""Progress while history is read: how far, how fast, and how long it will take."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from flows.service.history_log import INTERVAL_S, HistoryLog, duration
from flows.service.telemetry import Telemetry
from sensing.contracts.audit import ControlTotals
from sensing.machine_settings import DAY_MS
from tests.flows.events import MONDAY
from tests.flows.service.clock import Clock


class Reading:
    """An engine that reads history."""

    def __init__(self) -> None:
        self.clock = Clock(MONDAY / 1000)
        self.telemetry = Telemetry(0, wall=self.clock)
        self.log = HistoryLog(self.telemetry, clock=self.clock)

    def applied(self, records: int) -> None:
        """Machines have applied so many records."""
        names = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter")
        outcomes = dict.fromkeys(names, 0) | {"absorbed": records}
        self.telemetry.control_totals[0] = (ControlTotals(topic="orders", partition=0, read=records, **outcomes),)

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

    reading.telemetry.records.labels("orders").inc(3_000)  # most of them wait for the machines
    reading.applied(1_000)
    reading.telemetry.partition("orders", 0, 3_000, 4_000, MONDAY - 90 * DAY_MS, at_end=False)
    assert reading.told(INTERVAL_S - 0.1) == []
    assert reading.told(0.1) == [
        {
            "event": "reading history", "log_level": "info", "read": 1_000, "of": 4_000, "share": "25%",
            "records_per_second": 100, "remaining": "about 30 s", "watermark": "2009-10-06T00:00:00.000Z",
        }
    ]  # fmt: skip


def test_what_waits_for_the_machines_is_still_to_be_read(reading: Reading) -> None:
    """All records are fetched, and half of them applied."""
    reading.telemetry.records.labels("orders").inc(4_000)
    reading.telemetry.partition("orders", 0, 4_000, 4_000, MONDAY, at_end=True)
    reading.applied(2_000)
    (line,) = reading.told(20)
    assert (line["event"], line["share"], line["remaining"]) == ("reading history", "50%", "about 20 s")
    reading.applied(4_000)
    assert [line["event"] for line in reading.told(20)] == ["catching up with the present"]


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
