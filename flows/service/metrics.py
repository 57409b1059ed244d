"""All metrics: those that `flows.service.telemetry` counts, and those that a collector computes at each scrape.

The collector is hand-written, since its figures depend on the time of the scrape or are sums over machines. SKU and
location are never labels: there are too many. Counters cover the life of the process.
"""

import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from itertools import chain
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from flows.service.accuracy_metrics import METRICS as ACCURACY
from flows.service.accuracy_metrics import AccuracyMetric, summed
from flows.service.health import Health
from flows.service.telemetry import Described, Partition, Telemetry
from sensing.contracts.audit import ControlTotals
from sensing.machines.accuracy_totals import Totals
from sensing.machines.gauges import LIMITS, Gauges

DAY_S = 86_400
EXCLUSIVE = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter")
"""Outcomes of which every record has exactly one."""

Figures = Mapping[tuple[str, ...], float]


class Seen(NamedTuple):
    """Inputs of a scrape; ``now`` in seconds since 1970. All figures of ``totals`` are of one moment."""

    telemetry: Telemetry
    health: Health
    now: float
    totals: tuple[ControlTotals, ...]
    accuracy: Totals

    def partitions(self) -> dict[tuple[str, int], Partition]:
        """Current state of the partitions."""
        return self.telemetry.partitions.copy()

    def held(self, figure: Callable[[Gauges], int]) -> Figures:
        """Sum of a figure over all machines."""
        return {(): sum(figure(machine) for machine in self.telemetry.machines.copy().values())}


def _build(_seen: Seen) -> Figures:
    return {(version("tidegauge"), platform.python_version()): 1}


def _lag_records(seen: Seen) -> Figures:
    return {(topic, str(partition)): lag for (topic, partition), lag in seen.telemetry.lag_records().items()}


def _missing(seen: Seen) -> Figures:
    return {(topic, str(partition)): count for (topic, partition), count in seen.telemetry.missing.copy().items()}


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


def _totals_of(figure: Callable[[ControlTotals], int]) -> Callable[[Seen], Figures]:
    """Sum of a figure of the control totals, by topic."""

    def by_topic(seen: Seen) -> Figures:
        found = Counter[tuple[str, ...]]()
        for totals in seen.totals:
            found[totals.topic,] += figure(totals)
        return found

    return by_topic


def _outcomes(seen: Seen) -> Figures:
    found = Counter[tuple[str, ...]]()
    for totals in seen.totals:
        found.update({(totals.topic, outcome): getattr(totals, outcome) for outcome in EXCLUSIVE})
    return found


def _open_exceptions(seen: Seen) -> Figures:
    found = Counter[tuple[str, ...]]()
    for machine in seen.telemetry.machines.copy().values():
        found.update({tuple(key): count for key, count in machine.open_problems.items()})
    return found


def _below_floor(seen: Seen) -> Figures:
    found = Counter[tuple[str, ...]]()
    for machine in seen.telemetry.machines.copy().values():
        found.update({(kind,): count for kind, count in machine.below_floor.items()})
    return found


def _forecast_age(day: Callable[[Gauges], int | None], chosen: Callable[[list[int]], int]) -> Callable[[Seen], Figures]:
    def age(seen: Seen) -> Figures:
        days = [closed for machine in seen.telemetry.machines.copy().values() if (closed := day(machine)) is not None]
        return {(): seen.now - (chosen(days) + 1) * DAY_S} if days else {}

    return age


def _reached(limit: str) -> Callable[[Seen], Figures]:
    return lambda seen: seen.held(lambda machine: machine.limits[limit])


def _accuracy(metric: AccuracyMetric) -> Callable[[Seen], Figures]:
    return lambda seen: metric.figures(seen.accuracy)


def _figure(
    kind: str, name: str, text: str, labels: tuple[str, ...], figures: Callable[[Seen], Figures]
) -> tuple[Described, Callable[[Seen], Figures]]:
    return Described(f"tidegauge_{name}", kind, text, labels), figures


COMPUTED = (
    _figure("gauge", "build_info", "Always 1; what is running.", ("version", "python"), _build),
    _figure(
        "counter", "records_read", "Control totals: records read. At every scrape it is the sum of their outcomes.",
        ("topic",), _totals_of(lambda totals: totals.read),
    ),
    _figure(
        "counter", "events", "Control totals: records read, each by its one outcome.", ("topic", "outcome"), _outcomes
    ),
    _figure(
        "counter", "events_released", "Control totals: events that were held and have left the quarantine.", ("topic",),
        _totals_of(lambda totals: totals.released),
    ),
    _figure(
        "counter", "events_unknown_line", "Control totals: absorbed changes of order lines not heard of before.",
        ("topic",), _totals_of(lambda totals: totals.unknown_line),
    ),
    _figure(
        "gauge", "missing_records", "Records that a log does not hold any more: its first offset.",
        ("topic", "partition"), _missing,
    ),
    _figure("gauge", "consumer_lag_records", "Records not read yet.", ("topic", "partition"), _lag_records),
    _figure(
        "gauge", "consumer_lag_seconds", "Age of the newest event read where there are more to read; 0 at the end.",
        ("topic", "partition"), _lag_seconds,
    ),
    _figure(
        "gauge", "watermark_age_seconds",
        "Age of the least watermark of a topic; where all is read it is the lateness.",
        ("topic",), _watermark_age,
    ),
    _figure(
        "gauge", "commit_age_seconds",
        "Time since outputs were last delivered and positions committed.", (), _commit_age,
    ),
    _figure("gauge", "open_exceptions", "Exceptions that are open now.", ("type", "severity"), _open_exceptions),
    _figure(
        "gauge", "exceptions_below_floor",
        "Problems that would be open but for the money floor of policy (exception_money_min).", ("type",), _below_floor,
    ),
    _figure(
        "gauge", "forecast_age_oldest_seconds",
        "Time since the end of the last closed day, of the machine furthest behind.", (),
        _forecast_age(lambda machine: machine.oldest_closed_day, min),
    ),
    _figure(
        "gauge", "forecast_age_newest_seconds",
        "Time since the end of the last closed day, of the machine furthest ahead.", (),
        _forecast_age(lambda machine: machine.newest_closed_day, max),
    ),
    _figure("gauge", "rows", "SKU-locations known.", (), lambda seen: seen.held(lambda held: held.rows)),
    _figure(
        "gauge", "quarantined_events", "Events that wait for master data.", (),
        lambda seen: seen.held(lambda held: held.quarantined),
    ),
    _figure(
        "gauge", "river_rows", "SKU-locations with River models.", (),
        lambda seen: seen.held(lambda held: held.river_rows),
    ),
    _figure("gauge", "lines", "Order lines remembered.", (), lambda seen: seen.held(lambda held: held.lines)),
    _figure(
        "counter", "surges_suppressed", "Order surges that a promotion explained, one per SKU-location and day.", (),
        lambda seen: seen.held(lambda held: held.surges_suppressed),
    ),
    _figure(
        "counter", "suspicious_pairs", "Pairs of SKUs or locations that differ only in letter case and the like.", (),
        lambda seen: seen.held(lambda held: held.suspicious_pairs),
    ),
    *(_figure("counter", limit.name, limit.text, (), _reached(limit.name)) for limit in LIMITS),
    *(_figure("gauge", metric.name, metric.text, metric.labels, _accuracy(metric)) for metric in ACCURACY),
    _figure(
        "gauge", "part_up", "1 while a part (kafka, redis, ...) works, 0 while it does not.", ("part",),
        lambda seen: {(part,): float(ok) for part, (ok, _outages) in seen.health.states().items()},
    ),
    _figure(
        "counter", "part_outages", "Outages of a part.", ("part",),
        lambda seen: {(part,): outages for part, (_ok, outages) in seen.health.states().items()},
    ),
    _figure("gauge", "ready", "What /readyz says.", (), lambda seen: {(): float(seen.health.ready().good)}),
)  # fmt: skip


def described() -> list[Described]:
    """All metrics of the engine."""
    return [*Telemetry(0).described, *(about for about, _figures in COMPUTED)]


class EngineCollector(Collector):
    """Computes figures at each scrape. Figures that are not known yet have no samples."""

    def __init__(self, telemetry: Telemetry, health: Health) -> None:
        self._telemetry = telemetry
        self._health = health

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """All current figures."""
        totals = tuple(chain.from_iterable(self._telemetry.control_totals.values()))
        accuracy = summed(self._telemetry.machines.copy().values())
        seen = Seen(self._telemetry, self._health, self._telemetry.wall(), totals, accuracy)
        for about, figures in COMPUTED:
            kind = CounterMetricFamily if about.kind == "counter" else GaugeMetricFamily
            family = kind(about.name, about.help, labels=about.labels)
            for labels, figure in figures(seen).items():
                family.add_metric(labels, figure)
            yield family


def registry(telemetry: Telemetry, health: Health) -> CollectorRegistry:
    """The registry of the engine's metrics and those of its process (memory, CPU, files)."""
    ProcessCollector(registry=telemetry.registry)
    telemetry.registry.register(EngineCollector(telemetry, health))
    return telemetry.registry
