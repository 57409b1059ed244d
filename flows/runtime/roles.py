"""Machines by role, and the items of the flow: a batch for one machine under that machine's key.

The key names the role; Bytewax routes and stores by it.
"""

from enum import StrEnum
from typing import Any, NamedTuple


class Role(StrEnum):
    """What a machine is for."""

    SHARD = "shard"
    LEDGER = "ledger"


class MachineId(NamedTuple):
    """One machine of the flow.

    ``number`` orders the outputs of all machines at one instant; shards have their own index.
    """

    role: Role
    number: int

    @property
    def key(self) -> str:
        """Key of the machine in Bytewax; keys sort like numbers."""
        return f"{self.number:03d}-{self.role}"

    def __str__(self) -> str:
        """How messages call the machine."""
        return f"{self.role} {self.number}" if self.role is Role.SHARD else self.role


def shard_id(number: int) -> MachineId:
    """The shard of a number."""
    return MachineId(Role.SHARD, number)


def ledger_id(shards: int) -> MachineId:
    """The ledger of a flow with so many shards."""
    return MachineId(Role.LEDGER, shards)


def machine_ids(shards: int) -> list[MachineId]:
    """All machines of a flow, by number."""
    return [*map(shard_id, range(shards)), ledger_id(shards)]


class Addressed(NamedTuple):
    """A batch and its machine, since Bytewax does not tell a logic its key; ``final`` marks the machine's last one."""

    machine: MachineId
    load: Any
    final: bool = False


Item = tuple[str, Addressed]
