"""Messages to and from machines besides batches: input of the ledger, totals of the shards, and final parameters."""

from typing import Any, NamedTuple

from sensing.codec.event_record import Reject

OUTCOMES = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter", "released", "unknown_line")


class LedgerBatch(NamedTuple):
    """Rejects of one block, and its read counts: (topic, partition, messages read).

    ``reconciliation`` (0: none) asks for control totals of everything that source group ``group`` has read up to and
    including this block. Shards get the same number at the same position of the group's stream.
    """

    rejects: list[Reject]
    read: list[tuple[str, int, int]]
    watermark: int
    reconciliation: int = 0
    group: int = 0


class Totals(NamedTuple):
    """Outcomes that a shard has counted since its start, up to a reconciliation that a source group asked for.

    ``counts`` holds (topic, partition, counts in the order of ``OUTCOMES``), also for partitions of other groups.
    """

    machine: int
    counts: list[tuple[str, int, tuple[int, ...]]]
    reconciliation: int
    group: int = 0


class ParameterRows(NamedTuple):
    """Planning parameters of all rows of a shard at the end of the input; every column has one entry per row."""

    machine: int
    columns: dict[str, Any]
