"""Epoch log: at most one log line per epoch, and only if something happened. `FlowObserver` calls it."""

import time
from collections.abc import Callable

import structlog

from flows.service.telemetry import Telemetry, counts
from sensing.codec.instants import rfc3339

QUIET_MAX_S = 60.0


class EpochLog:
    """Logs what happened since its last line.

    Parameters
    ----------
    quiet_max_s
        A line is logged at least this often, also if nothing happened.
    clock
        Monotonic clock, seconds.
    """

    def __init__(
        self, telemetry: Telemetry, *, quiet_max_s: float = QUIET_MAX_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._telemetry = telemetry
        self._quiet_max_s = quiet_max_s
        self._clock = clock
        self._said_at = clock()
        self._records = 0
        self._outputs: dict[tuple[str, ...], int] = {}
        self._dead_letters = 0
        self._log = structlog.get_logger()

    def epoch(self, seconds: float, traceparent: str | None = None, *, history: bool = False) -> None:
        """Log an epoch that took ``seconds``; ``traceparent`` is that of its last exception, if any.

        While ``history`` is read the level is debug, since `HistoryLog` says how far it is.
        """
        telemetry, now = self._telemetry, self._clock()
        records = sum(counts(telemetry.records).values())
        outputs = counts(telemetry.outputs)
        dead_letters = sum(counts(telemetry.dead_letters).values())
        happened = (records, outputs, dead_letters) != (self._records, self._outputs, self._dead_letters)
        if not happened and now - self._said_at < self._quiet_max_s:
            return
        made = {key[1]: count - self._outputs.get(key, 0) for key, count in sorted(outputs.items())}
        watermark = telemetry.watermark_ms()
        fields = {
            "records": records - self._records,
            "outputs": {kind: count for kind, count in made.items() if count},
            "dead_letters": dead_letters - self._dead_letters,
            "lag_records": sum(telemetry.lag_records().values()),
            "watermark": None if watermark is None else rfc3339(watermark),
            "epoch_ms": round(seconds * 1000, 1),
        }
        if traceparent is not None:
            fields["traceparent"] = traceparent
        log = self._log.debug if history else self._log.info
        log("epoch", **fields)
        self._said_at = now
        self._records, self._outputs, self._dead_letters = records, outputs, dead_letters
