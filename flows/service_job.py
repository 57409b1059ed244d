"""The service job: reads Kafka and writes Kafka and Redis until it is stopped. `tidegauge run` calls it."""

import contextlib
import datetime as dt
import secrets
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
import structlog

from flows import topology
from flows.input.earlier_exceptions import read_earlier
from flows.input.kafka_source import KafkaSource
from flows.input.skipping import read_skips
from flows.runtime.context import RunContext
from flows.runtime.execute import execute, signals_to
from flows.runtime.machine_processes import MachineHosts
from flows.runtime.machines import machines
from flows.runtime.roles import machine_ids
from flows.service.kafka_start import find_topics
from flows.service.observer import FlowObserver
from flows.service.operations import operations
from flows.service.settings import RunSettings
from sensing.machines.call_budget import SERVICE
from sinks.errors import EventError, TidegaugeError
from sinks.kafka_sink import KafkaSink
from sinks.redis_view import RedisView

STOP_SECONDS_MAX = 30.0
"""How long a stop waits for brokers and Redis to accept the last outputs."""


class Ended(NamedTuple):
    """Result of a run: messages read, wall-clock seconds, output records by type."""

    messages: int
    seconds: float
    outputs: dict[str, int]


def run_service(settings: RunSettings, *, until_end: bool = False, prepare: Callable[[], None] = lambda: None) -> Ended:
    """Run until a signal stops the service.

    With ``until_end`` it runs to the present end of all topics, and only event times move the watermark.

    Parameters
    ----------
    prepare
        Called once after logging and HTTP endpoints have started, before anything is read.

    Raises
    ------
    TidegaugeError
        When the run cannot start or has failed.
    """
    started = time.monotonic()
    with operations(settings) as observer:
        log = structlog.get_logger()
        try:
            observer.stage("kernels are compiled where the cache has none")
            prepare()
            context = _run(settings, observer, until_end=until_end)
        except BaseException as error:
            observer.health.fail(str(error))
            log.error("ended", reason=str(error) or type(error).__name__, **_details(error))
            if isinstance(error, TidegaugeError):
                error.trace = ""  # it is in the log
            raise
        ended = Ended(context.lines, time.monotonic() - started, context.outputs())
        log.info("stopped", messages=ended.messages, seconds=round(ended.seconds, 1), outputs=ended.outputs)
        return ended


def _details(error: BaseException) -> dict[str, object]:
    """Fields of the log of an error: exit code, positions of events that failed, traceback of a defect."""
    if not isinstance(error, TidegaugeError):
        return {}
    events = {"events": list(error.positions)} if isinstance(error, EventError) else {}
    trace = {"traceback": error.trace} if error.trace else {}
    return {"exit_code": error.exit_code, **events, **trace}


def _run(settings: RunSettings, observer: FlowObserver, *, until_end: bool) -> RunContext:
    kafka, core = settings.kafka, settings.engine.core()
    if until_end:
        core = msgspec.structs.replace(core, source_groups=1)  # One merge needs the first messages of all partitions.
    # A signal drains a service; with until_end an early stop is an error.
    context = RunContext(service=not until_end, observer=observer)
    with signals_to(context):
        logs = find_topics(kafka, context, observer)
    if logs is None:
        return context
    source = KafkaSource(
        kafka.consumer_config(), kafka.client_config(), logs, core, context, observer, until_end=until_end,
        skips=read_skips(settings.engine.skip), earlier=read_earlier(kafka.client_config(), kafka.topic_prefix),
    )  # fmt: skip
    sink = KafkaSink(
        kafka.producer_config(),
        machines=[machine.key for machine in machine_ids(core.shards)],
        partitions=settings.engine.sink_partitions,
        prefix=kafka.topic_prefix,
        run_id=new_run_id(),
        source=settings.engine.ce_source,
        status=observer,
        stop=lambda: context.stopping or context.errors.failure is not None,
        stop_timeout_s=STOP_SECONDS_MAX,
        abandon=lambda: context.interrupted,
        on_delivered=observer.delivered,
        on_durable=source.epoch_durable,
    )
    flow = topology.build(core.shards, source, MachineHosts(machines(core, SERVICE)), sink, context)
    with _view(settings, observer, until_end=until_end), contextlib.closing(source), contextlib.closing(sink):
        execute(flow, context, epoch=dt.timedelta(seconds=settings.engine.epoch_seconds))
        source.finish()
    return context


@contextlib.contextmanager
def _view(settings: RunSettings, observer: FlowObserver, *, until_end: bool) -> Iterator[None]:
    """Keep the view in Redis, if one is configured; at the end of a run the view catches up with the topics."""
    redis, kafka = settings.redis.client_config(), settings.kafka
    if redis is None:
        yield
        return
    log = structlog.get_logger()
    view = RedisView(
        kafka.client_config(), kafka.topic_prefix, redis, settings.redis.key_prefix, observer,
        note=lambda sentence: log.info("view", note=sentence), on_written=observer.written,
    )  # fmt: skip
    if until_end:
        view.check_owner()
    view.start()
    try:
        yield
        _bring_up_to_date(view, until_end=until_end)
    finally:
        view.stop()


def _bring_up_to_date(view: RedisView, *, until_end: bool) -> None:
    """Let the view catch up with the topics.

    A stop waits at most ``STOP_SECONDS_MAX``. A run to the end waits as long as the view makes progress.
    """
    taken = view.counts.taken
    while not view.drain(STOP_SECONDS_MAX):
        before, taken = taken, view.counts.taken
        if until_end and taken > before:
            continue
        sentence = view.refused or (
            f"redis: required a view that is up to date, got none within {STOP_SECONDS_MAX:.0f} s; "
            "all is in the topics, and the next run goes on with the view"
        )
        if until_end:
            raise TidegaugeError(sentence)
        structlog.get_logger().warning("view", note=sentence)
        return


def new_run_id() -> str:
    """A new run id; ids sort in the order in which runs start."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(5)}"
