"""The machines of the engine by role; jobs make them here."""

import functools
from collections.abc import Callable

from flows.runtime.machine_logic import Machine, MakeMachine
from flows.runtime.roles import MachineId, Role
from sensing.machines.ledger import LedgerMachine
from sensing.machines.shard import ShardMachine
from sensing.settings import Settings

MACHINES: dict[Role, Callable[[MachineId, Settings], Machine]] = {
    Role.SHARD: lambda machine, settings: ShardMachine(machine.number, settings),
    Role.LEDGER: lambda machine, settings: LedgerMachine(machine.number, settings.shards),
}


def machines(settings: Settings) -> MakeMachine:
    """Makes the machine of an id; it can be pickled."""
    return functools.partial(_machine, settings)


def _machine(settings: Settings, machine: MachineId) -> Machine:
    return MACHINES[machine.role](machine, settings)
