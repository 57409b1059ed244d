"""Plain counters that the flow writes once per batch and that others read.

Nothing here takes a lock: every key has one writer at a time, and a reader copies a table in one step of the
interpreter. A reader may see a batch in one table and not yet in the next.
"""

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from flows.service.histogram import Histogram
from sensing.machines.messages import OUTCOMES

EPOCH_BOUNDS_S = (0.01, 0.05, 0.1, 0.25, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0)
LATENCY_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0)

Counts = dict[tuple[str, ...], int]


class Partition(NamedTuple):
    """How far a Kafka partition has been read.

    ``position`` is the offset read next, ``end`` the offset after the last record there is; ``watermark_ms`` (UTC) is
    None where no event has moved it, or none ever does. ``at_end``: its end was seen since its last record was.
    """

    position: int
    end: int
    watermark_ms: int | None
    at_end: bool


class Machine(NamedTuple):
    """What a machine holds. Days count from 1970; None: no day has closed. ``open_exceptions`` by (type, severity)."""

    rows: int = 0
    river_rows: int = 0
    lines: int = 0
    lines_evicted: int = 0
    exceptions_refused: int = 0
    open_exceptions: dict[tuple[str, str], int] = {}  # noqa: RUF012 - replaced as a whole, never changed
    oldest_closed_day: int | None = None
    newest_closed_day: int | None = None


class Telemetry:
    """Counters of one process, over its life.

    Parameters
    ----------
    lateness_ms
        How far watermarks are kept behind the newest event.
    wall
        Seconds since 1970.
    """

    def __init__(self, lateness_ms: int, wall: Callable[[], float] = time.time) -> None:
        self.lateness_ms = lateness_ms
        self.wall = wall
        self.records: Counts = {}
        self.bytes: Counts = {}
        self.tombstone_records: Counts = {}
        self.outputs: Counts = {}
        self.deliveries: Counts = {}
        self.dead_letters: Counts = {}
        self.errors: Counts = {}
        self.backoffs: Counts = {}
        self.backoff_seconds: dict[tuple[str, ...], float] = {}
        self.partitions: dict[tuple[str, int], Partition] = {}
        self.totals: dict[int, list[tuple[str, int, tuple[int, ...]]]] = {}
        self.machines: dict[int, Machine] = {}
        self.committed_ms: int | None = None
        self.epochs = Histogram(EPOCH_BOUNDS_S)
        self.latencies = Histogram(LATENCY_BOUNDS_S)

    def read(self, topic: str, records: int, size_bytes: int) -> None:
        """Count records read from a topic, and the bytes of their values."""
        _add(self.records, (topic,), records)
        _add(self.bytes, (topic,), size_bytes)

    def tombstones(self, topic: str, records: int) -> None:
        """Count records without a value among those read."""
        _add(self.tombstone_records, (topic,), records)

    def partition(
        self, topic: str, partition: int, position: int, end: int, watermark_ms: int | None, *, at_end: bool
    ) -> None:
        """Say how far a partition has been read; see :class:`Partition`."""
        self.partitions[topic, partition] = Partition(position, end, watermark_ms, at_end)

    def epoch(self, seconds: float) -> None:
        """Count an epoch."""
        self.epochs.observe(seconds)

    def committed(self, wall_ms: int) -> None:
        """Note that outputs up to here have been delivered and positions committed."""
        self.committed_ms = wall_ms

    def output(self, topic: str, kind: str, records: int = 1) -> None:
        """Count output records that machines made, by CloudEvents type."""
        _add(self.outputs, (topic, kind), records)

    def delivered(self, target: str, records: int) -> None:
        """Count output records that a target (kafka, redis) has acknowledged."""
        _add(self.deliveries, (target,), records)

    def latency(self, seconds: float) -> None:
        """Count an exception by the time from its cause to its delivery."""
        self.latencies.observe(seconds)

    def dead_letter(self, reason: str, records: int = 1) -> None:
        """Count dead letters."""
        _add(self.dead_letters, (reason,), records)

    def outcomes(self, machine: int, totals: Iterable[tuple[str, int, tuple[int, ...]]]) -> None:
        """Take over what a machine has counted over its life: (topic, partition, counts in the order of OUTCOMES)."""
        self.totals[machine] = list(totals)

    def machine(self, machine: int, held: Machine) -> None:
        """Take over what a machine holds."""
        self.machines[machine] = held

    def error(self, client: str, kind: str) -> None:
        """Count an error of a client (kafka-consumer, kafka-producer, redis) by the library's name for it."""
        _add(self.errors, (client, kind), 1)

    def backoff(self, part: str, seconds: float) -> None:
        """Count a pause before something is tried again."""
        _add(self.backoffs, (part,), 1)
        self.backoff_seconds[part,] = self.backoff_seconds.get((part,), 0.0) + seconds

    def lag_records(self) -> dict[tuple[str, int], int]:
        """Records of each partition that have not been read."""
        return {key: max(read.end - read.position, 0) for key, read in self.partitions.copy().items()}

    def watermark_ms(self) -> int | None:
        """The least watermark of all partitions that have one."""
        return min(
            (read.watermark_ms for read in self.partitions.copy().values() if read.watermark_ms is not None),
            default=None,
        )

    def outcome_counts(self) -> Counts:
        """Events by (topic, outcome), over all machines and partitions."""
        counts: Counts = {}
        for totals in self.totals.copy().values():
            for topic, _partition, numbers in totals:
                for outcome, number in zip(OUTCOMES, numbers, strict=True):
                    _add(counts, (topic, outcome), number)
        return counts


def _add(counts: Counts, key: tuple[str, ...], number: int) -> None:
    counts[key] = counts.get(key, 0) + number
