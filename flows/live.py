"""The engine as a service: Kafka in, Kafka and Redis out, until it is stopped."""

import contextlib
import datetime as dt
import secrets
import time
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import structlog

from flows import engine, topology, warm
from flows.addresses import machine_keys
from flows.control import Control
from flows.errors import TidegaugeError
from flows.replay import machines
from flows.service.observer import FlowObserver
from flows.service.operations import operations
from flows.service.settings import RunSettings
from flows.sources.kafka.live import LiveSource
from flows.sources.kafka.survey import survey
from sensing.codec.record import TOPICS
from sensing.contracts.topics import published
from sinks.errors import SinkError
from sinks.kafka import KafkaSink
from sinks.redis_view import RedisView

STOP_SECONDS_MAX = 30.0
"""How long a stop waits for brokers and Redis to take what was made."""


class Ended(NamedTuple):
    """What a run did: messages read, wall-clock seconds, output records by type."""

    messages: int
    seconds: float
    outputs: dict[str, int]


def run_live(settings: RunSettings, *, until_end: bool = False) -> Ended:
    """Run until a signal stops it or, with ``until_end``, until the present end of all topics by event time alone.

    Raises
    ------
    TidegaugeError
        When it cannot start, or cannot go on.
    """
    started = time.monotonic()
    with operations(settings) as watched:
        log = structlog.get_logger()
        try:
            warm.ensure()
            control = _run(settings, FlowObserver(watched), until_end=until_end)
        except BaseException as error:
            watched.health.fail(str(error))
            log.error("ended", reason=str(error) or type(error).__name__)
            raise
        ended = Ended(control.lines, time.monotonic() - started, control.outputs())
        log.info("stopped", messages=ended.messages, seconds=round(ended.seconds, 1), outputs=ended.outputs)
        return ended


def _run(settings: RunSettings, observer: FlowObserver, *, until_end: bool) -> Control:
    kafka, core = settings.kafka, settings.engine.core()
    if until_end:
        core = msgspec.structs.replace(core, source_groups=1)  # One merge needs the heads of all partitions.
    # To be stopped in good order is for what runs on; of what reads to the end, less than all is a failure.
    control = Control(len(machine_keys(core.shards)), lasting=not until_end, observer=observer)
    inputs = {topic: kafka.topic_prefix + topic for topic in TOPICS}
    logs = survey(kafka.client_config(), inputs, [kafka.topic_prefix + spec.name for spec in published()])
    source = LiveSource(
        kafka.consumer_config(), kafka.client_config(), logs, core, control, observer, until_end=until_end
    )
    sink = KafkaSink(
        kafka.producer_config(),
        partitions=settings.engine.sink_partitions,
        prefix=kafka.topic_prefix,
        lineage=new_lineage(),
        status=observer,
        stop=lambda: control.stopping or control.failure is not None,
        stop_timeout_s=STOP_SECONDS_MAX,
        abandon=lambda: isinstance(control.failure, KeyboardInterrupt),
        on_delivered=observer.delivered,
    )
    flow = topology.build(core.shards, source, machines(core), sink, control)
    with _view(settings, observer, until_end=until_end), contextlib.closing(source), contextlib.closing(sink):
        engine.run(flow, control, epoch=dt.timedelta(seconds=settings.engine.epoch_seconds))
        source.finish()
    return control


@contextlib.contextmanager
def _view(settings: RunSettings, observer: FlowObserver, *, until_end: bool) -> Iterator[None]:
    """Keep the view in Redis, where one is wanted; at the end of a run it is given what is in the topics by then."""
    redis, kafka = settings.redis.client_config(), settings.kafka
    if redis is None:
        yield
        return
    log = structlog.get_logger()
    try:
        view = RedisView(
            kafka.client_config(), kafka.topic_prefix, redis, settings.redis.key_prefix, observer,
            note=lambda sentence: log.info("view", note=sentence), on_written=observer.written,
        )  # fmt: skip
    except SinkError as error:
        raise TidegaugeError(str(error)) from error
    view.start()
    try:
        yield
        _bring_up_to_date(view, until_end=until_end)
    finally:
        view.stop()


def _bring_up_to_date(view: RedisView, *, until_end: bool) -> None:
    """Let the view take in what is in the topics by now.

    A stop is bounded, whatever the view is at; a run to the end waits as long as the view gets on.
    """
    taken = view.counts.taken
    while not view.drain(STOP_SECONDS_MAX):
        before, taken = taken, view.counts.taken
        if until_end and taken > before:
            continue
        sentence = (
            f"redis: required a view that is up to date, got none within {STOP_SECONDS_MAX:.0f} s; "
            "all is in the topics, and the next run goes on with the view"
        )
        if until_end:
            raise TidegaugeError(sentence)
        structlog.get_logger().warning("view", note=sentence)
        return


def new_lineage() -> str:
    """Id of a run; ids sort in the order in which runs began."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(5)}"
