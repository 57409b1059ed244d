"""What travels through the flow: a load for one machine, under the machine's key."""

from typing import NamedTuple

from sensing.codec.record import Batch
from sensing.codec.split import split
from sensing.machines.messages import LedgerBatch, Totals


class Addressed(NamedTuple):
    """A load and the number of the machine it is for: Bytewax does not tell a logic its key."""

    machine: int
    load: Batch | LedgerBatch | Totals


Item = tuple[str, Addressed]


def machine_keys(shards: int) -> list[str]:
    """Keys of all machines, the ledger's last; equally long, so that they sort as texts in order of their numbers."""
    width = len(str(shards))
    return [f"{machine:0{width}d}" for machine in range(shards + 1)]


def to_shards(batch: Batch, keys: list[str], *, everyone: bool) -> list[Item]:
    """Split a batch; ``everyone`` says whether shards for which it holds nothing get the tick all the same."""
    parts = split(batch, len(keys) - 1)
    return [
        (keys[shard], Addressed(shard, part))
        for shard, part in enumerate(parts)
        if everyone or part.rare or len(part.records)
    ]


def to_ledger(load: LedgerBatch | Totals, keys: list[str]) -> Item:
    """Address the ledger."""
    return keys[-1], Addressed(len(keys) - 1, load)
