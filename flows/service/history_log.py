"""History log: while the engine reads what was in the topics at its start, how far it is and how long it will take.
`FlowObserver` calls it until the engine has caught up.

First all records are read and applied. If the last ones are old, the clock then goes on day by day to the present.
"""

import time
from collections.abc import Callable

import structlog

from flows.service.telemetry import Telemetry, counts
from sensing.codec.instants import rfc3339
from sensing.machine_settings import DAY_MS

INTERVAL_S = 5.0


class HistoryLog:
    """Logs progress every ``INTERVAL_S``, with an estimate from the mean speed so far.

    Parameters
    ----------
    clock
        Monotonic clock, seconds.
    """

    def __init__(self, telemetry: Telemetry, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._began = self._said_at = clock()
        self._read_at: float | None = None
        self._read_watermark = 0
        self._log = structlog.get_logger()

    def epoch(self) -> None:
        """Log the progress, if it is time to."""
        now = self._clock()
        if now - self._said_at < INTERVAL_S:
            return
        self._said_at = now
        watermark = self._telemetry.watermark_ms()
        applied, known = self._telemetry.history()
        # Logs that were compacted, or have transactions, have fewer records than offsets.
        read = sum(counts(self._telemetry.records).values())
        if applied < read or any(self._telemetry.lag_records().values()) or watermark is None:
            self._read_at = None
            self._reading(now, applied, known, watermark)
        else:
            self._advancing(now, watermark)

    def _reading(self, now: float, applied: int, known: int, watermark: int | None) -> None:
        speed = applied / (now - self._began)
        self._log.info(
            "reading history",
            read=applied,
            of=known,
            share=f"{applied / max(known, 1):.0%}",
            records_per_second=round(speed),
            remaining=duration((known - applied) / speed) if speed else "unknown",
            watermark=None if watermark is None else rfc3339(watermark),
        )

    def _advancing(self, now: float, watermark: int) -> None:
        """All records are read. The speed of the clock is that since then."""
        behind_ms = max(self._telemetry.wall() * 1000 - self._telemetry.lateness_ms - watermark, 0.0)
        if self._read_at is None:
            self._read_at, self._read_watermark = now, watermark
        gone = watermark - self._read_watermark
        self._log.info(
            "catching up with the present",
            days_behind=round(behind_ms / DAY_MS, 1),
            remaining=duration(behind_ms / gone * (now - self._read_at)) if gone else "unknown",
            watermark=rfc3339(watermark),
        )


def duration(seconds: float) -> str:
    """A duration in words."""
    return f"about {seconds:.0f} s" if seconds < 100 else f"about {seconds / 60:.0f} min"
