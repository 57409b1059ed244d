"""HTTP endpoint: metrics and probes on one port. `flows.service.operations` starts it.

prometheus-client brings the metrics application and a threaded server. Hand-written are the probes, and what keeps slow
clients from starving them: a connection has one request and a few seconds for all of it, and when all threads are taken
the oldest connection makes room for a new one. A probe takes milliseconds, so the oldest is a slow client.
"""

import contextlib
import errno
import io
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Self, TextIO
from wsgiref.simple_server import WSGIRequestHandler

import orjson
import structlog
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from flows.service.health import Answer, Health
from flows.service.settings import HttpSettings
from sinks.errors import TidegaugeError

CONNECTIONS_MAX = 32
REQUEST_SECONDS_MAX = 5.0
"""Time from the connection to the end of the answer."""
ROOM_SECONDS_MAX = 1.0
"""How long a new connection waits for the thread of the oldest one."""
CHECK_SECONDS = 0.1
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
PATHS = ("/metrics", "/startupz", "/livez", "/readyz", "/healthz")

Headers = list[tuple[str, str]]
Reply = tuple[str, Headers, bytes]
"""Status, headers and body."""
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def application(registry: CollectorRegistry, health: Health) -> Application:
    """The WSGI application: GET and HEAD of ``PATHS``."""
    metrics = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        try:
            status, headers, body = _reply(environ, metrics, health)
        except Exception:
            structlog.get_logger("flows.service.http").exception("request failed", path=environ["PATH_INFO"])
            status, headers, body = _text(500, "The answer could not be made; the log says why.\n")
        own = [("Content-Length", str(len(body))), ("Cache-Control", "no-store"), ("Server", "tidegauge")]
        start_response(status, [*headers, *own])
        return [] if method == "HEAD" else [body]

    return answer


def _reply(environ: dict[str, Any], metrics: Application, health: Health) -> Reply:
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        status, headers, body = _text(405, "Only GET and HEAD.\n")
        return status, [*headers, ("Allow", "GET, HEAD")], body
    match environ["PATH_INFO"]:
        case "/metrics":
            started: list[tuple[str, Headers]] = []
            body = b"".join(metrics(environ | {"REQUEST_METHOD": "GET"}, lambda *head: started.append(head)))
            return *started[0], body
        case "/startupz":
            return _probe(health.startup())
        case "/livez" | "/healthz":
            return _probe(health.live())
        case "/readyz":
            return _probe(health.ready())
    return _text(404, f"There are {', '.join(PATHS)}.\n")


def _probe(answer: Answer) -> Reply:
    body = orjson.dumps(answer.body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return _status(200 if answer.good else 503), [("Content-Type", JSON)], body


def _text(code: int, text: str) -> Reply:
    return _status(code), [("Content-Type", TEXT)], text.encode()


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"


class _Handler(WSGIRequestHandler):
    """Serves the one request of a connection."""

    server_version, sys_version = "tidegauge", ""

    def get_stderr(self) -> TextIO:
        """Discard error messages about clients that disconnected."""
        return io.StringIO()

    def log_message(self, format: str, *args: Any) -> None:
        """Do not log requests: probes come every few seconds."""


class _Server(ThreadingWSGIServer):
    """One thread per connection, up to ``CONNECTIONS_MAX``."""

    request_queue_size = CONNECTIONS_MAX

    def __init__(self, address: tuple[str, int], app: Application) -> None:
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self._lock = threading.Lock()
        self._open: dict[socket.socket, float] = {}
        """Connections, the oldest first, each with the end of its time (monotonic seconds)."""
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)
        self.set_app(app)

    def server_bind(self) -> None:
        """Bind without a DNS lookup of the host name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection; if all are taken, cut off the oldest connection first."""
        if not self._free.acquire(blocking=False):
            with self._lock:
                oldest = next(iter(self._open), None)
                if oldest is not None:
                    del self._open[oldest]
                    _cut_off(oldest)
            if not self._free.acquire(timeout=ROOM_SECONDS_MAX):
                self.shutdown_request(request)
                return
        with self._lock:
            self._open[request] = time.monotonic() + REQUEST_SECONDS_MAX
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cut off connections whose time is over; called every ``CHECK_SECONDS`` and after every new connection."""
        now = time.monotonic()
        with self._lock:
            for request in [request for request, end in self._open.items() if end <= now]:
                del self._open[request]
                _cut_off(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of clients that disconnected before the answer."""


def _cut_off(request: socket.socket) -> None:
    """Wake the thread of a connection; it then closes it. Under the server's lock the socket is still open."""
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


class Endpoints:
    """HTTP server in a thread of its own; a context manager.

    Raises
    ------
    TidegaugeError
        The address is not available.
    """

    def __init__(self, settings: HttpSettings, registry: CollectorRegistry, health: Health) -> None:
        try:
            self._server = _Server((settings.host, settings.port), application(registry, health))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                msg = (
                    f"http.port: required a free port on {settings.host}, got {settings.port}, "
                    "which somebody listens on; set http.port to another one, or 0 for any"
                )
            else:
                msg = (
                    f"http.host: required an address of this machine to listen on, "
                    f"got {settings.host} port {settings.port}: {error.strerror}; set http.host and http.port"
                )
            raise TidegaugeError(msg) from error
        self.port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": CHECK_SECONDS}, name="http", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
