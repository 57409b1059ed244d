"""What travels between machines besides batches, and what leaves the last batch of an input."""

from typing import Any, NamedTuple

from sensing.codec.event_record import Reject

OUTCOMES = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter", "released")


class LedgerBatch(NamedTuple):
    """Rejects and read counts of one block: (topic, partition, messages read).

    ``reconciliation`` (0: none) asks for control totals of all that the source group ``group`` has read up to and
    including this block; shards get the same number at the same place of the group's stream.
    """

    rejects: list[Reject]
    read: list[tuple[str, int, int]]
    watermark: int
    reconciliation: int = 0
    group: int = 0


class Totals(NamedTuple):
    """Outcomes a machine counted over its life, up to an account that a source group asked for.

    ``counts`` are (topic, partition, counts in the order of ``OUTCOMES``), those of other groups' partitions included.
    """

    machine: int
    counts: list[tuple[str, int, tuple[int, ...]]]
    reconciliation: int
    group: int = 0


class ParameterRows(NamedTuple):
    """Planning parameters of all rows of a shard at the end of the input, one entry per row in every column."""

    machine: int
    columns: dict[str, Any]
