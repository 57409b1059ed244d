"""All metrics in one table: name, type, help, labels and where the figure comes from.

SKU and location are no labels: there are too many of them. Counters count the life of the process.
"""

import platform
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from typing import Literal, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from flows.service.health import Health
from flows.service.histogram import Histogram
from flows.service.telemetry import Machine, Partition, Telemetry

DAY_S = 86_400

Figures = Mapping[tuple[str, ...], float] | Histogram


class Seen(NamedTuple):
    """What a scrape looks at; ``now`` in seconds since 1970."""

    telemetry: Telemetry
    health: Health
    now: float

    def partitions(self) -> dict[tuple[str, int], Partition]:
        """Partitions as they are now."""
        return self.telemetry.partitions.copy()

    def held(self, figure: Callable[[Machine], int]) -> Figures:
        """Sum of a figure over all machines."""
        return {(): sum(figure(machine) for machine in self.telemetry.machines.copy().values())}


class Metric(NamedTuple):
    """One metric. Counters get their ``_total`` in the exposition."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...]
    figures: Callable[[Seen], Figures]


def _build(_seen: Seen) -> Figures:
    return {(version("tidegauge"), platform.python_version()): 1}


def _lag_records(seen: Seen) -> Figures:
    return {(topic, str(partition)): lag for (topic, partition), lag in seen.telemetry.lag_records().items()}


def _lag_seconds(seen: Seen) -> Figures:
    lags: dict[tuple[str, ...], float] = {}
    for (topic, partition), read in seen.partitions().items():
        if read.at_end:
            lags[topic, str(partition)] = 0.0
        elif read.watermark_ms is not None:
            newest_s = (read.watermark_ms + seen.telemetry.lateness_ms) / 1000
            lags[topic, str(partition)] = max(seen.now - newest_s, 0.0)
    return lags


def _watermark_age(seen: Seen) -> Figures:
    ages: dict[tuple[str, ...], float] = {}
    for (topic, _partition), read in seen.partitions().items():
        if read.watermark_ms is not None:
            ages[topic,] = max(ages.get((topic,), 0.0), seen.now - read.watermark_ms / 1000)
    return ages


def _commit_age(seen: Seen) -> Figures:
    committed = seen.telemetry.committed_ms
    return {} if committed is None else {(): seen.now - committed / 1000}


def _open_exceptions(seen: Seen) -> Figures:
    counts: dict[tuple[str, ...], int] = {}
    for machine in seen.telemetry.machines.copy().values():
        for key, number in machine.open_exceptions.items():
            counts[key] = counts.get(key, 0) + number
    return counts


def _forecast_age(
    day: Callable[[Machine], int | None], chosen: Callable[[list[int]], int]
) -> Callable[[Seen], Figures]:
    def age(seen: Seen) -> Figures:
        days = [closed for machine in seen.telemetry.machines.copy().values() if (closed := day(machine)) is not None]
        return {(): seen.now - (chosen(days) + 1) * DAY_S} if days else {}

    return age


METRICS = (
    Metric("tidegauge_build_info", "gauge", "Always 1; what is running.", ("version", "python"), _build),
    Metric(
        "tidegauge_records_read", "counter", "Records read, by input topic.", ("topic",),
        lambda seen: seen.telemetry.records.copy(),
    ),
    Metric(
        "tidegauge_read_bytes", "counter", "Bytes of the values read, by input topic.", ("topic",),
        lambda seen: seen.telemetry.bytes.copy(),
    ),
    Metric(
        "tidegauge_tombstones_read", "counter", "Records read that had no value.", ("topic",),
        lambda seen: seen.telemetry.tombstone_records.copy(),
    ),
    Metric(
        "tidegauge_events", "counter", "Control totals: events by what became of them.", ("topic", "outcome"),
        lambda seen: seen.telemetry.outcome_counts(),
    ),
    Metric(
        "tidegauge_dead_letters", "counter", "Events refused, by reason.", ("reason",),
        lambda seen: seen.telemetry.dead_letters.copy(),
    ),
    Metric(
        "tidegauge_consumer_lag_records", "gauge", "Records not read yet.", ("topic", "partition"), _lag_records
    ),
    Metric(
        "tidegauge_consumer_lag_seconds", "gauge",
        "Age of the newest event read where there are more to read; 0 at the end.", ("topic", "partition"),
        _lag_seconds,
    ),
    Metric(
        "tidegauge_watermark_age_seconds", "gauge",
        "Age of the least watermark of a topic; where all is read it is the lateness.", ("topic",), _watermark_age,
    ),
    Metric(
        "tidegauge_epoch_seconds", "histogram", "Length of epochs.", (), lambda seen: seen.telemetry.epochs
    ),
    Metric(
        "tidegauge_commit_age_seconds", "gauge", "Time since outputs were last delivered and positions committed.",
        (), _commit_age,
    ),
    Metric(
        "tidegauge_outputs", "counter", "Output records made, by CloudEvents type.", ("topic", "type"),
        lambda seen: seen.telemetry.outputs.copy(),
    ),
    Metric(
        "tidegauge_delivered_records", "counter", "Output records acknowledged by kafka and by redis.", ("target",),
        lambda seen: seen.telemetry.deliveries.copy(),
    ),
    Metric(
        "tidegauge_open_exceptions", "gauge", "Exceptions that are open now.", ("type", "severity"), _open_exceptions
    ),
    Metric(
        "tidegauge_order_to_exception_seconds", "histogram",
        "From the time of an event to the delivery of the exception it caused, once inputs were read.", (),
        lambda seen: seen.telemetry.latencies,
    ),
    Metric(
        "tidegauge_forecast_age_oldest_seconds", "gauge",
        "Time since the end of the last closed day, of the machine furthest behind.", (),
        _forecast_age(lambda machine: machine.oldest_closed_day, min),
    ),
    Metric(
        "tidegauge_forecast_age_newest_seconds", "gauge",
        "Time since the end of the last closed day, of the machine furthest ahead.", (),
        _forecast_age(lambda machine: machine.newest_closed_day, max),
    ),
    Metric("tidegauge_rows", "gauge", "SKU-locations known.", (), lambda seen: seen.held(lambda held: held.rows)),
    Metric(
        "tidegauge_river_rows", "gauge", "SKU-locations with River models.", (),
        lambda seen: seen.held(lambda held: held.river_rows),
    ),
    Metric(
        "tidegauge_lines", "gauge", "Order lines remembered.", (), lambda seen: seen.held(lambda held: held.lines)
    ),
    Metric(
        "tidegauge_lines_evicted", "counter", "Order lines forgotten, of age or because the table was full.", (),
        lambda seen: seen.held(lambda held: held.lines_evicted),
    ),
    Metric(
        "tidegauge_exceptions_refused", "counter", "Exceptions not opened because the table was full.", (),
        lambda seen: seen.held(lambda held: held.exceptions_refused),
    ),
    Metric(
        "tidegauge_client_errors", "counter", "Errors of the Kafka and Redis clients.", ("client", "kind"),
        lambda seen: seen.telemetry.errors.copy(),
    ),
    Metric(
        "tidegauge_backoffs", "counter", "Pauses before something was tried again.", ("part",),
        lambda seen: seen.telemetry.backoffs.copy(),
    ),
    Metric(
        "tidegauge_backoff_seconds", "counter", "Time spent in such pauses.", ("part",),
        lambda seen: seen.telemetry.backoff_seconds.copy(),
    ),
    Metric(
        "tidegauge_part_up", "gauge", "1 while a part (kafka, redis, ...) works, 0 while it does not.", ("part",),
        lambda seen: {(part,): float(ok) for part, (ok, _outages) in seen.health.states().items()},
    ),
    Metric(
        "tidegauge_part_outages", "counter", "Outages of a part.", ("part",),
        lambda seen: {(part,): outages for part, (_ok, outages) in seen.health.states().items()},
    ),
    Metric("tidegauge_ready", "gauge", "What /readyz says.", (), lambda seen: {(): float(seen.health.ready().good)}),
)  # fmt: skip


class EngineCollector(Collector):
    """Reads all metrics when they are asked for."""

    def __init__(self, telemetry: Telemetry, health: Health) -> None:
        self._telemetry = telemetry
        self._health = health

    def collect(self) -> Iterator[Family]:
        """All metrics as they are now; those without a figure yet have no samples."""
        seen = Seen(self._telemetry, self._health, self._telemetry.wall())
        for metric in METRICS:
            yield _family(metric, metric.figures(seen))


def _family(metric: Metric, figures: Figures) -> Family:
    if isinstance(figures, Histogram):
        buckets, total = figures.read()
        return HistogramMetricFamily(metric.name, metric.help, buckets=buckets, sum_value=total)
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, figure in figures.items():
        family.add_metric(labels, figure)
    return family


def registry(telemetry: Telemetry, health: Health) -> CollectorRegistry:
    """A registry of the engine's metrics and those of its process (memory, CPU, files)."""
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    made.register(EngineCollector(telemetry, health))
    return made
