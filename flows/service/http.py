"""``/metrics``, ``/healthz`` and ``/readyz`` on one port, in threads of their own."""

import errno
import http.server
import socket
import socketserver
import threading
from typing import Any, NamedTuple, Self

import orjson
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from flows.service.health import Answer, Health
from flows.service.settings import HttpSettings
from sinks.errors import TidegaugeError

CONNECTIONS_MAX = 32
READ_TIMEOUT_S = 10.0
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
PATHS = ("/metrics", "/healthz", "/readyz")


class _Reply(NamedTuple):
    code: int
    kind: str
    body: bytes


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers one connection; slow clients are cut off."""

    server: "_Server"
    timeout = READ_TIMEOUT_S

    def do_GET(self) -> None:
        """Answer with a body."""
        self._send(self._reply())

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self._send(self._reply())

    def do_POST(self) -> None:
        """Refuse: nothing can be changed here."""
        self._send(_Reply(405, TEXT, b"Only GET and HEAD.\n"))

    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST

    def _reply(self) -> _Reply:
        try:
            match self.path.partition("?")[0]:
                case "/metrics":
                    encode, kind = choose_encoder(self.headers.get("Accept", ""))
                    return _Reply(200, kind, encode(self.server.registry))
                case "/healthz":
                    return _of(self.server.health.live())
                case "/readyz":
                    return _of(self.server.health.ready())
        except Exception:
            structlog.get_logger("flows.service.http").exception("request failed", path=self.path)
            return _Reply(500, TEXT, b"The answer could not be made; the log says why.\n")
        return _Reply(404, TEXT, f"There are {', '.join(PATHS)}.\n".encode())

    def _send(self, reply: _Reply) -> None:
        self.send_response(reply.code)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Cache-Control", "no-store")
        if reply.code == 405:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def version_string(self) -> str:
        """Who serves; not with which library."""
        return "tidegauge"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: probes come every few seconds."""


def _of(answer: Answer) -> _Reply:
    body = orjson.dumps(answer.body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return _Reply(200 if answer.good else 503, JSON, body)


class _Server(http.server.ThreadingHTTPServer):
    """One thread per connection, up to a bound; above it connections are closed at once."""

    daemon_threads = True
    request_queue_size = CONNECTIONS_MAX
    # A port somebody else listens on is refused all the same.
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], registry: CollectorRegistry, health: Health) -> None:
        self.registry = registry
        self.health = health
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without asking the name service what this machine is called."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand a connection to a thread, if there is one left."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client went away before it had its answer."""


class Endpoints:
    """Serves while it is open; a context manager.

    Raises
    ------
    TidegaugeError
        The address cannot be listened on.
    """

    def __init__(self, settings: HttpSettings, registry: CollectorRegistry, health: Health) -> None:
        try:
            self._server = _Server((settings.host, settings.port), registry, health)
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
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="http", daemon=True
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
