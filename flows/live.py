"""The engine as a service: Kafka in, Kafka and Redis out, until it is stopped."""

import contextlib
import datetime as dt
import secrets
import time
from typing import NamedTuple

import structlog

from flows import engine, topology, warm
from flows.addresses import machine_keys
from flows.control import Control
from flows.replay import machines
from flows.service import logs
from flows.service.epoch_log import EpochLog
from flows.service.health import Health
from flows.service.http import Endpoints
from flows.service.metrics import registry
from flows.service.observer import FlowObserver
from flows.service.settings import RunSettings
from flows.service.telemetry import Telemetry
from flows.sources.kafka.live import LiveSource
from flows.sources.kafka.survey import survey
from sensing.codec.record import TOPICS
from sinks.kafka import KafkaSink

STOP_SECONDS_MAX = 30.0
"""How long a stop waits for brokers to acknowledge what was sent."""


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
    logs.configure(settings.log, settings.secret_texts())
    core = settings.engine.core()
    health, telemetry = Health(), Telemetry(core.lateness_ms)
    observer = FlowObserver(health, telemetry, EpochLog(telemetry))
    started = time.monotonic()
    log = structlog.get_logger()
    with Endpoints(settings.http, registry(telemetry, health), health) as endpoints:
        log.info("started", bootstrap_servers=settings.kafka.bootstrap_servers, http_port=endpoints.port)
        try:
            warm.ensure()
            control = _run(settings, observer, until_end=until_end)
        except BaseException as error:
            health.fail(str(error))
            log.error("ended", reason=str(error) or type(error).__name__)
            raise
        ended = Ended(control.lines, time.monotonic() - started, control.outputs())
        log.info("stopped", messages=ended.messages, seconds=round(ended.seconds, 1), outputs=ended.outputs)
        return ended


def _run(settings: RunSettings, observer: FlowObserver, *, until_end: bool) -> Control:
    kafka, core = settings.kafka, settings.engine.core()
    names = {topic: kafka.topic_prefix + topic for topic in TOPICS}
    keys = machine_keys(core.shards)
    control = Control(len(keys), lasting=True, observer=observer)
    admin = kafka.client_config()
    logs_found = survey(admin, names)
    source = LiveSource(kafka.consumer_config(), admin, logs_found, core, control, observer, until_end=until_end)
    sink = KafkaSink(
        kafka.producer_config(),
        partitions=settings.engine.sink_partitions,
        prefix=kafka.topic_prefix,
        lineage=new_lineage(),
        status=observer,
        stop=lambda: control.stopping,
        stop_timeout_s=STOP_SECONDS_MAX,
        on_delivered=observer.delivered,
    )
    flow = topology.build(core.shards, source, machines(core), sink, control, keep=False)
    with contextlib.closing(source), contextlib.closing(sink):
        engine.run(flow, 1, control, epoch=dt.timedelta(seconds=settings.engine.epoch_seconds))
    return control


def new_lineage() -> str:
    """Id of a run; ids sort in the order in which runs began."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(5)}"
