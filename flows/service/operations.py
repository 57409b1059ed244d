"""Everything by which a running engine is watched, set up together: logs, counters, health, endpoints."""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import structlog

from flows.service.epoch_log import EpochLog
from flows.service.health import Health
from flows.service.http import Endpoints
from flows.service.logs import configure
from flows.service.metrics import registry
from flows.service.settings import RunSettings
from flows.service.telemetry import Telemetry
from sensing.settings import MINUTE_MS


class Operations(NamedTuple):
    """What the flow tells how it is; ``port`` is where that can be asked for."""

    telemetry: Telemetry
    health: Health
    log: EpochLog
    port: int

    def epoch(self, seconds: float, traceparent: str | None = None) -> None:
        """Note the end of an epoch of a length in seconds; ``traceparent`` as in :meth:`EpochLog.epoch`."""
        self.telemetry.epochs.observe(seconds)
        self.health.beat()
        self.log.epoch(seconds, traceparent)


@contextlib.contextmanager
def operations(settings: RunSettings) -> Iterator[Operations]:
    """Set up logs and serve the endpoints while the context is open.

    Raises
    ------
    TidegaugeError
        The endpoints cannot listen where they should.
    """
    configure(settings.log, settings.secret_texts())
    telemetry = Telemetry(settings.engine.lateness_minutes * MINUTE_MS)
    health = Health()
    with Endpoints(settings.http, registry(telemetry, health), health) as endpoints:
        structlog.get_logger().info("listening", host=settings.http.host, port=endpoints.port)
        yield Operations(telemetry, health, EpochLog(telemetry), endpoints.port)
