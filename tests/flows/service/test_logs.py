"""Logs: one line an event, JSON or text, bounded for other libraries, without secrets."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from confluent_kafka import Consumer

from flows.service.logs import FOREIGN_LINES_MAX, Allowance, configure
from flows.service.secrets import MASK
from flows.service.settings import LogSettings
from sinks.kafka_client import logged
from tests.flows.service.clock import Clock

SECRET = "hunter2-Zq9"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Events written as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_service_logs_json_lines() -> None:
    """Time in UTC, level and event first, then what belongs to it; one line each, whatever is in it."""
    stream = io.StringIO()
    configure(LogSettings(), stream=stream)
    structlog.get_logger().info("started", port=1, text="a\nb", kinds={("a", "b"): 1}.keys())

    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert list(event) == ["time", "level", "event", "port", "text", "kinds"]
    assert (event["level"], event["event"], event["port"], event["text"]) == ("info", "started", 1, "a\nb")
    assert event["time"].endswith("Z")


@pytest.mark.parametrize(
    ("settings", "stream", "is_json"),
    [
        (LogSettings(), Terminal(), False),
        (LogSettings(format="json"), Terminal(), True),
        (LogSettings(format="console"), io.StringIO(), False),
    ],
)
def test_a_terminal_gets_text(settings: LogSettings, stream: io.StringIO, is_json: bool) -> None:
    """Auto looks at the stream; the others do not."""
    configure(settings, stream=stream)
    structlog.get_logger().info("started")
    assert stream.getvalue().startswith("{") is is_json
    assert "started" in stream.getvalue()


def test_the_level_holds_for_all() -> None:
    """Below it neither we nor others log."""
    stream = io.StringIO()
    configure(LogSettings(level="warning"), stream=stream)
    structlog.get_logger().info("a")
    logging.getLogger("other").info("b")
    structlog.get_logger().warning("c")
    logging.getLogger("other").warning("d")
    assert [(event["level"], event["event"]) for event in lines(stream)] == [("warning", "c"), ("warning", "d")]


def test_a_bound_traceparent_is_in_every_line() -> None:
    """What is bound to the context goes with all events in it, and no further."""
    stream = io.StringIO()
    configure(LogSettings(), stream=stream)
    with structlog.contextvars.bound_contextvars(traceparent="00-a-b-01"):
        structlog.get_logger().info("in")
    structlog.get_logger().info("out")
    assert [event.get("traceparent") for event in lines(stream)] == ["00-a-b-01", None]


@pytest.mark.parametrize("style", ["json", "console"])
def test_secrets_are_masked_wherever_they_are(style: Any) -> None:
    """In events, values, keys, nested ones, exceptions with their traces, and what other libraries log."""
    stream = io.StringIO()
    configure(LogSettings(format=style), [SECRET, ""], stream)
    log = structlog.get_logger()
    log.info(
        f"got {SECRET}", url=f"redis://:{SECRET}@h", deep={"a": [SECRET, {SECRET: (SECRET,)}], "n": 1, "none": None}
    )
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("failed")
    logging.getLogger("redis").warning("auth with %s", SECRET)

    assert SECRET not in stream.getvalue()
    assert stream.getvalue().count(MASK) >= 6


def test_short_texts_are_not_masked() -> None:
    """A secret of three letters would tear holes into words."""
    stream = io.StringIO()
    configure(LogSettings(), ["lag"], stream)
    structlog.get_logger().info("lag")
    assert lines(stream)[0]["event"] == "lag"


def test_others_log_at_a_bounded_rate() -> None:
    """Of a flood so many lines of each logger pass; ours are never held back."""
    stream = io.StringIO()
    configure(LogSettings(), stream=stream)
    for number in range(1000):
        logging.getLogger("flood").error("line %d", number)
    for number in range(5):
        logging.getLogger("other").error("line %d", number)
    structlog.get_logger().info("ours")
    events = lines(stream)
    assert sum(event.get("logger") == "flood" for event in events) == FOREIGN_LINES_MAX
    assert sum(event.get("logger") == "other" for event in events) == 5
    assert events[-1]["event"] == "ours"


def test_an_allowance_comes_back_and_says_what_was_held_back() -> None:
    """So many in an interval; the first after it tells how many were not let through."""
    clock = Clock()
    allowance = Allowance(2, 10.0, clock)
    assert [allowance.take() for _ in range(5)] == [0, 0, None, None, None]
    clock.now += 9.9
    assert allowance.take() is None
    clock.now += 0.1
    assert [allowance.take() for _ in range(3)] == [4, 0, None]


def test_exceptions_of_others_have_their_trace() -> None:
    """A record with an exception is logged with it."""
    stream = io.StringIO()
    configure(LogSettings(), stream=stream)
    try:
        raise ValueError("why")  # noqa: EM101 - this is what is looked for
    except ValueError:
        logging.getLogger("other").exception("failed")
    (event,) = lines(stream)
    assert event["event"] == "failed"
    assert "ValueError: why" in event["exception"]


def test_configuring_again_replaces() -> None:
    """A second set-up in one process does not write every line twice."""
    first, second = io.StringIO(), io.StringIO()
    configure(LogSettings(), stream=first)
    configure(LogSettings(), stream=second)
    logging.getLogger("other").warning("once")
    assert (first.getvalue(), len(lines(second))) == ("", 1)


def test_librdkafka_logs_through_us() -> None:
    """What the C library has to say arrives as an event when its client is polled."""
    stream = io.StringIO()
    configure(LogSettings(level="debug"), stream=stream)
    consumer = Consumer(logged({"group.id": "g", "bootstrap.servers": "", "debug": "conf"}))
    try:
        for _ in range(50):
            consumer.poll(0.1)
            if stream.getvalue():
                break
    finally:
        consumer.close()
    assert all(event["logger"] == "librdkafka" for event in lines(stream))
    assert "Client configuration:" in stream.getvalue()


def test_attempts_to_connect_are_for_debugging() -> None:
    """A broker that is away is told of by the engine, once; librdkafka's line for every attempt would hide that."""
    for level, expected in (
        ("info", ["Client has no brokers"]),
        ("debug", ["FAIL [x]: refused", "Client has no brokers"]),
    ):
        stream = io.StringIO()
        configure(LogSettings(level=level), stream=stream)  # type: ignore[arg-type]  # a literal
        logging.getLogger("librdkafka").error("FAIL [x]: refused")
        logging.getLogger("librdkafka").error("Client has no brokers")
        assert [event["event"] for event in lines(stream)] == expected
