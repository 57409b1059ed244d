"""Logs: one event a line to standard error, as JSON or, on a terminal, as text. `operations` sets them up.

Masking of secrets and rate limits for lines of other libraries are hand-written, since structlog has neither.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from flows.service.secrets import MASK
from flows.service.settings import LogSettings

# Masking shorter texts would also mask parts of ordinary words.
SECRET_LENGTH_MIN = 4
FOREIGN_LINES_MAX = 20
FOREIGN_INTERVAL_S = 60.0
# librdkafka writes a line for every failed attempt of every client to connect. The engine itself logs when an outage
# begins and when it ends, so these lines are for debugging.
LIBRDKAFKA = "librdkafka"
CONNECTION_LINES = ("FAIL ", "ERROR ", "REQTMOUT ")


def configure(settings: LogSettings, secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Set up structlog, and forward log records of other libraries to it at a limited rate.

    Parameters
    ----------
    secrets
        Texts to mask in all lines.
    stream
        Output stream; standard error by default.
    """
    stream = stream or sys.stderr
    as_text = settings.format == "console" or (settings.format == "auto" and stream.isatty())
    render: Processor = structlog.dev.ConsoleRenderer(colors=stream.isatty()) if as_text else _json
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            _Masks(secrets),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Forward)]:
        root.removeHandler(handler)
    root.addHandler(_Forward())
    root.setLevel(settings.level.upper())


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    head = {key: event.pop(key) for key in ("time", "level", "event") if key in event}
    return orjson.dumps(
        {**head, **event}, default=str, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    ).decode()


class _Masks:
    """Masks secrets in all texts of an event, nested ones included."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({text for text in secrets if len(text) >= SECRET_LENGTH_MIN}, key=len, reverse=True)

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {self._mask(key): self._mask(value) for key, value in event.items()} if self._secrets else event

    def _mask(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._mask(key): self._mask(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._mask(inner) for inner in value]
        if isinstance(value, int | float | None):
            return value
        text = str(value)
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text


class Allowance:
    """Rate limit: passes ``lines_max`` lines per interval and counts the others.

    Parameters
    ----------
    clock
        Monotonic clock, seconds.
    """

    def __init__(
        self,
        lines_max: int = FOREIGN_LINES_MAX,
        interval_s: float = FOREIGN_INTERVAL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lines_max = lines_max
        self._interval_s = interval_s
        self._clock = clock
        self._from = clock()
        self._passed = 0
        self._held_back = 0

    def take(self) -> int | None:
        """Request one line: None if it must not pass, else the number of lines suppressed since the last one."""
        now = self._clock()
        if now - self._from >= self._interval_s:
            self._from, self._passed = now, 0
        if self._passed >= self._lines_max:
            self._held_back += 1
            return None
        self._passed += 1
        held_back, self._held_back = self._held_back, 0
        return held_back


class _Forward(logging.Handler):
    """Forwards log records of other libraries to structlog, with a rate limit per logger."""

    def __init__(self) -> None:
        super().__init__()
        self._allowances: dict[str, Allowance] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record unless its logger is over the limit."""
        level, message = record.levelno, record.getMessage()
        if record.name == LIBRDKAFKA and message.startswith(CONNECTION_LINES):
            level = logging.DEBUG
        if level < logging.getLogger().level:
            return
        held_back = self._allowances.setdefault(record.name, Allowance()).take()
        if held_back is None:
            return
        more: dict[str, Any] = {"held_back": held_back} if held_back else {}
        if record.exc_info:
            more["exc_info"] = record.exc_info
        structlog.get_logger().log(level, message, logger=record.name, **more)
