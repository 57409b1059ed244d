"""Telemetry: counters and histograms of prometheus-client, and the state of partitions and machines.

`FlowObserver` writes; `flows.service.metrics` and `EpochLog` read. No lock is needed: each state has one writer that
replaces it as a whole, and readers copy the dictionary, which is atomic in CPython.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from sensing.contracts.audit import ControlTotals
from sensing.machines.gauges import Gauges

EPOCH_BOUNDS_S = (0.01, 0.05, 0.1, 0.25, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0)
LATENCY_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0)

# The ``_created`` series beside every counter and histogram would double the number of series.
disable_created_metrics()


class Described(NamedTuple):
    """A metric for the README table. The exposition appends ``_total`` to names of counters."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]


class Partition(NamedTuple):
    """Read position of a Kafka partition.

    ``position`` is the next offset to read, ``end`` the offset after the last record. ``watermark_ms`` (UTC) is None if
    no event has moved it. ``at_end``: the reader was at the end after the last record.
    """

    position: int
    end: int
    watermark_ms: int | None
    at_end: bool


class Telemetry:
    """Figures of one process, over its life.

    Parameters
    ----------
    lateness_ms
        Milliseconds that watermarks stay behind the newest event.
    wall
        Seconds since 1970.
    """

    def __init__(self, lateness_ms: int, wall: Callable[[], float] = time.time) -> None:
        self.lateness_ms = lateness_ms
        self.wall = wall
        self.registry = CollectorRegistry()
        self.described: list[Described] = []
        self.records = self._counter(
            "records_fetched",
            "Records with a value that were fetched; ahead of those read by what is under way.",
            "topic",
        )
        self.bytes = self._counter("read_bytes", "Bytes of the values fetched, by input topic.", "topic")
        self.tombstones = self._counter("tombstones_read", "Records fetched that had no value.", "topic")
        self.dead_letters = self._counter("dead_letters", "Events refused, by reason.", "reason")
        self.outputs = self._counter("outputs", "Output records made, by CloudEvents type.", "topic", "type")
        self.parameters = self._counter(
            "parameters_published", "Publications of planning parameters; how often they move, by demand class.",
            "demand_class",
        )  # fmt: skip
        self.ended = self._counter(
            "exceptions_ended", "Exceptions that ended, by how they ended.", "type", "resolution"
        )
        self.false_alarms = self._counter(
            "false_alarms",
            "Exceptions that a person rejected, or that were back to normal within a day of their opening.",
            "type",
        )
        self.deliveries = self._counter(
            "delivered_records", "Output records acknowledged by kafka and by redis.", "target"
        )
        self.errors = self._counter("client_errors", "Errors of the Kafka and Redis clients.", "client", "kind")
        self.backoffs = self._counter("backoffs", "Pauses before something was tried again.", "part")
        self.backoff_seconds = self._counter("backoff_seconds", "Time spent in such pauses.", "part")
        self.warnings = self._counter(
            "warnings", "Findings that a person should look at and that stop nothing; the log and /healthz say more.",
            "subject",
        )  # fmt: skip
        self.epochs = self._histogram("epoch_seconds", "Length of epochs.", EPOCH_BOUNDS_S)
        self.latencies = self._histogram(
            "order_to_exception_seconds",
            "From the time of an event to the delivery of the exception it caused, once inputs were read.",
            LATENCY_BOUNDS_S,
        )
        self.partitions: dict[tuple[str, int], Partition] = {}
        self.missing: dict[tuple[str, int], int] = {}
        """Records that the logs of partitions do not hold any more: their first offsets."""
        self.control_totals: dict[int, tuple[ControlTotals, ...]] = {}
        """By source group; replaced as a whole, so that a scrape never mixes two moments."""
        self.machines: dict[int, Gauges] = {}
        self.committed_ms: int | None = None

    def partition(
        self, topic: str, partition: int, position: int, end: int, watermark_ms: int | None, *, at_end: bool
    ) -> None:
        """Set the read position of a partition; see :class:`Partition`."""
        self.partitions[topic, partition] = Partition(position, end, watermark_ms, at_end)

    def lag_records(self) -> dict[tuple[str, int], int]:
        """Number of unread records of each partition."""
        return {key: max(read.end - read.position, 0) for key, read in self.partitions.copy().items()}

    def history(self) -> tuple[int, int]:
        """Records that machines have applied, and records that the logs have in all, as far as it is known."""
        totals = list(self.control_totals.values())
        missing = self.missing.copy()
        ends = sum(max(read.end - missing.get(key, 0), 0) for key, read in self.partitions.copy().items())
        return sum(of_partition.read for of_group in totals for of_partition in of_group), ends

    def watermark_ms(self) -> int | None:
        """The least watermark of all partitions that have one."""
        return min(
            (read.watermark_ms for read in self.partitions.copy().values() if read.watermark_ms is not None),
            default=None,
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        name = f"tidegauge_{name}"
        self.described.append(Described(name, "counter", text, labels))
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, bounds: tuple[float, ...]) -> Histogram:
        name = f"tidegauge_{name}"
        self.described.append(Described(name, "histogram", text, ()))
        return Histogram(name, text, registry=self.registry, buckets=bounds)


def counts(counter: Counter) -> dict[tuple[str, ...], int]:
    """Values of an integer counter by label values."""
    (family,) = counter.collect()
    return {tuple(sample.labels.values()): int(sample.value) for sample in family.samples}
