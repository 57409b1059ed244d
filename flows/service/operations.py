"""Operations of a running engine, set up together: logs, metrics, health, HTTP endpoint. The service job calls it."""

import contextlib
from collections.abc import Iterator

import structlog

from flows.service.health import Health
from flows.service.http import Endpoints
from flows.service.logs import configure
from flows.service.metrics import registry
from flows.service.observer import FlowObserver
from flows.service.settings import RunSettings
from flows.service.telemetry import Telemetry
from sensing.machine_settings import MINUTE_MS


@contextlib.contextmanager
def operations(settings: RunSettings) -> Iterator[FlowObserver]:
    """Set up logs and serve the endpoints while the context is open.

    Raises
    ------
    TidegaugeError
        The HTTP address is not available.
    """
    configure(settings.log, settings.secret_texts())
    observer = FlowObserver(Telemetry(settings.engine.lateness_minutes * MINUTE_MS), Health())
    with Endpoints(settings.http, registry(observer.telemetry, observer.health), observer.health) as endpoints:
        structlog.get_logger().info("listening", host=settings.http.host, port=endpoints.port)
        yield observer
