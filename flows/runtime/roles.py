"""Roles and ids of machines, and the items of the flow: a batch for one machine under that machine's key.

Bytewax routes items and stores state by this key.
"""

from enum import StrEnum
from typing import Any, NamedTuple


class Role(StrEnum):
    """Role of a machine."""

    SHARD = "shard"
    LEDGER = "ledger"
    ROLL_UP = "roll-up"


class MachineId(NamedTuple):
    """One machine of the flow.

    ``number`` orders the outputs of machines at one instant. A shard has its shard number, ledger and roll-up the next
    ones.
    """

    role: Role
    number: int

    @property
    def key(self) -> str:
        """Key of the machine in Bytewax; keys sort like the numbers."""
        return f"{self.number:03d}-{self.role}"

    def __str__(self) -> str:
        """Name of the machine in error messages."""
        return f"{self.role} {self.number}" if self.role is Role.SHARD else self.role


def shard_id(number: int) -> MachineId:
    """Id of the shard with this number."""
    return MachineId(Role.SHARD, number)


def ledger_id(shards: int) -> MachineId:
    """Id of the ledger of a flow with ``shards`` shards."""
    return MachineId(Role.LEDGER, shards)


def roll_up_id(shards: int) -> MachineId:
    """Id of the roll-up of a flow with ``shards`` shards."""
    return MachineId(Role.ROLL_UP, shards + 1)


def machine_ids(shards: int) -> list[MachineId]:
    """Ids of all machines of a flow, by number."""
    return [*map(shard_id, range(shards)), ledger_id(shards), roll_up_id(shards)]


class Addressed(NamedTuple):
    """A batch with the id of its machine, which Bytewax does not pass to a logic; ``final`` marks the last batch."""

    machine: MachineId
    load: Any
    final: bool = False


Item = tuple[str, Addressed]
