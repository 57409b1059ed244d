"""The endpoints, asked over real connections."""

import contextlib
import gzip
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.service import http as endpoints
from flows.service.health import Health
from flows.service.http import Endpoints
from flows.service.metrics import described, registry
from flows.service.settings import HttpSettings
from flows.service.telemetry import Telemetry
from sinks.errors import TidegaugeError
from tests.flows.service.clock import Clock


class Service:
    """Endpoints on a free port, and what they tell of."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.clock = Clock()
        self.telemetry = Telemetry(0, wall=self.clock)
        self.health = Health(wall=self.clock, steady=self.clock)
        settings = HttpSettings(host=host, port=0)
        self.endpoints = Endpoints(settings, registry(self.telemetry, self.health), self.health)

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer."""
        connection = http.client.HTTPConnection(self.host, self.endpoints.port, timeout=10)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


@pytest.fixture
def service() -> Iterator[Service]:
    """Endpoints that are closed after the test."""
    made = Service()
    with made.endpoints:
        yield made


def test_metrics_are_served_as_prometheus_reads_them(service: Service) -> None:
    """Text by default, OpenMetrics for who asks; both are the former is read by the library's own parser."""
    service.telemetry.records.labels("orders").inc(7)
    status, headers, body = service.ask("/metrics")
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    assert families["tidegauge_records_fetched"].samples[0].value == 7
    assert {metric.name for metric in described()} <= set(families)

    status, headers, body = service.ask("/metrics?name=x", Accept="application/openmetrics-text; version=1.0.0")
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    assert b'tidegauge_records_fetched_total{topic="orders"} 7.0' in body


def test_metrics_are_compressed_for_who_asks(service: Service) -> None:
    """Prometheus asks for gzip."""
    _status, headers, body = service.ask("/metrics", **{"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert b"tidegauge_ready 0.0" in gzip.decompress(body)


def test_health_is_served_with_its_story(service: Service) -> None:
    """200 and degraded in an outage, 503 when the flow stands still."""
    service.health.failing("redis", "connection refused")
    status, headers, body = service.ask("/healthz")
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "application/json", "no-store")
    told = json.loads(body)
    assert (told["status"], told["parts"]["redis"]["last_problem"]["problem"]) == ("degraded", "connection refused")
    assert headers["Server"] == "tidegauge"

    service.health.beat()
    service.clock.now += 1000
    status, _headers, body = service.ask("/healthz")
    assert (status, json.loads(body)["status"]) == (503, "failing")


def test_startup_liveness_and_readiness_are_three_answers(service: Service) -> None:
    """While it starts it is alive and not started; in its first epochs started and not ready; busy is not dead."""
    service.health.stage("kernels are being compiled")

    def answers() -> list[tuple[int, str]]:
        asked = [service.ask(path) for path in ("/startupz", "/livez", "/readyz")]
        return [(status, json.loads(body)["status"]) for status, _headers, body in asked]

    assert answers() == [(503, "starting"), (200, "starting"), (503, "not ready")]
    assert json.loads(service.ask("/startupz")[2])["reasons"] == ["kernels are being compiled"]
    service.health.beat()
    assert answers() == [(200, "started"), (200, "ok"), (503, "not ready")]
    service.clock.now += 1000
    service.health.work()
    assert answers()[:2] == [(200, "started"), (200, "busy")]
    service.clock.now += 1000
    assert answers()[:2] == [(200, "started"), (503, "failing")]
    assert service.ask("/livez")[2] == service.ask("/healthz")[2]


def test_readiness_is_served_with_its_reasons(service: Service) -> None:
    """503 with reasons until history is read, 200 then."""
    status, _headers, body = service.ask("/readyz")
    assert (status, json.loads(body)["reasons"][0]) == (503, "reference has not been read to its end")
    service.health.reference_read()
    service.health.inputs_read()
    assert service.ask("/readyz")[0] == 200


@pytest.mark.parametrize("path", ["/metrics", "/startupz", "/livez", "/healthz", "/readyz", "/other"])
def test_head_is_get_without_the_body(service: Service, path: str) -> None:
    """Same status, type and length; nothing behind them."""
    status, headers, body = service.ask(path)
    head_status, head_headers, head_body = service.ask(path, "HEAD")
    assert (head_status, head_headers["Content-Type"]) == (status, headers["Content-Type"])
    assert int(headers["Content-Length"]) == len(body)
    assert head_body == b""


@pytest.mark.parametrize("path", ["/", "/metrics/", "/healthz2", "/%2e%2e/metrics"])
def test_other_paths_are_not_found(service: Service, path: str) -> None:
    """404 says which paths there are."""
    status, _headers, body = service.ask(path)
    assert (status, body) == (404, b"There are /metrics, /startupz, /livez, /readyz, /healthz.\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(service: Service, method: str) -> None:
    """Other methods are refused with those that are allowed."""
    status, headers, _body = service.ask("/healthz", method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_a_figure_that_cannot_be_made_fails_its_request_alone(service: Service) -> None:
    """500 for the scrape; the next request is answered."""
    service.telemetry.control_totals = {0: ("no totals",)}  # type: ignore[dict-item]  # what cannot be shown
    status, _headers, body = service.ask("/metrics")
    assert (status, body) == (500, b"The answer could not be made; the log says why.\n")
    service.telemetry.control_totals = {}
    assert service.ask("/metrics")[0] == 200


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_an_address_may_be_of_version_6() -> None:
    """The endpoints listen on an IPv6 address as on any other."""
    service = Service("::1")
    with service.endpoints:
        assert service.ask("/healthz")[0] == 200


def test_garbage_harms_nobody(service: Service) -> None:
    """A client that speaks no HTTP, or goes away, leaves the next one its answer."""
    for sent in (b"\x00\xff\r\n\r\n", b"GET /metrics HTTP/1.1\r\n", b""):
        with socket.create_connection(("127.0.0.1", service.endpoints.port), timeout=10) as connection:
            connection.sendall(sent)
    assert service.ask("/healthz")[0] == 200


def slow_clients(service: Service, count: int, sent: bytes) -> list[socket.socket]:
    """Connections that have sent the beginning of a request."""
    address = ("127.0.0.1", service.endpoints.port)
    held = [socket.create_connection(address, timeout=10) for _ in range(count)]
    for connection in held:
        connection.sendall(sent)
    return held


@pytest.mark.parametrize("sent", [b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nX: y\r\n"])
def test_slow_clients_do_not_starve_probes(service: Service, sent: bytes) -> None:
    """More of them than there are threads, each sending a byte now and then: every probe is answered at once."""
    held = slow_clients(service, 3 * endpoints.CONNECTIONS_MAX, sent)
    stop = threading.Event()

    def trickle() -> None:
        while not stop.wait(0.05):
            for connection in held:
                with contextlib.suppress(OSError):
                    connection.sendall(b"a")

    trickling = threading.Thread(target=trickle)
    trickling.start()
    try:
        for _ in range(20):
            asked_at = time.monotonic()
            assert service.ask("/livez")[0] == 200
            assert time.monotonic() - asked_at < 2
        assert threading.active_count() < 2 * endpoints.CONNECTIONS_MAX
    finally:
        stop.set()
        trickling.join()
        for connection in held:
            connection.close()


def test_a_request_has_a_deadline(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """It covers the whole connection, however often a byte comes."""
    monkeypatch.setattr(endpoints, "REQUEST_SECONDS_MAX", 0.5)
    [slow] = slow_clients(service, 1, b"GET /healthz")
    began, ended = time.monotonic(), False
    with slow:
        while not ended and time.monotonic() - began < 10:
            with contextlib.suppress(OSError):
                slow.sendall(b"a")
            slow.settimeout(0.05)
            try:
                ended = slow.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                ended = True
    assert ended
    assert 0.3 < time.monotonic() - began < 5


def test_a_client_that_reads_nothing_is_cut_off(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is not taken does not keep its thread."""
    monkeypatch.setattr(endpoints, "REQUEST_SECONDS_MAX", 0.5)
    monkeypatch.setattr(endpoints, "_text", lambda _code, _text: ("404 Not Found", [], b"x" * (64 << 20)))
    [slow] = slow_clients(service, 1, b"GET /other HTTP/1.0\r\n\r\n")
    with slow:
        deadline = time.monotonic() + 10
        while service.endpoints._server._open and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not service.endpoints._server._open
        assert service.ask("/livez")[0] == 200


def test_a_port_in_use_is_refused(service: Service) -> None:
    """The error names the setting, the port and the fix."""
    taken = HttpSettings(port=service.endpoints.port)
    with pytest.raises(TidegaugeError) as error:
        Endpoints(taken, registry(service.telemetry, service.health), service.health)
    assert str(error.value) == (
        f"http.port: required a free port on 127.0.0.1, got {service.endpoints.port}, which somebody listens on; "
        "set http.port to another one, or 0 for any"
    )


def test_an_address_of_another_machine_is_refused(service: Service) -> None:
    """An address that is not ours cannot be listened on (192.0.2.0/24 is for documentation)."""
    with pytest.raises(
        TidegaugeError, match=r"http\.host: required an address of this machine to listen on, got 192\.0"
    ):
        Endpoints(HttpSettings(host="192.0.2.1", port=0), registry(service.telemetry, service.health), service.health)


def test_closing_frees_the_port() -> None:
    """After a clean stop the same port can be listened on again, at once."""
    first = Service()
    with first.endpoints:
        assert first.ask("/healthz")[0] == 200
    again = Endpoints(HttpSettings(port=first.endpoints.port), registry(first.telemetry, first.health), first.health)
    again.close()
    with pytest.raises(ConnectionRefusedError):
        first.ask("/healthz")
