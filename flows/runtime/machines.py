"""Makes the machines of the engine by role; the jobs call it."""

import functools
from collections.abc import Callable

from flows.runtime.machine_logic import Machine, MakeMachine
from flows.runtime.roles import MachineId, Role
from sensing.machine_settings import Settings
from sensing.machines.call_budget import UNBOUNDED, CallBounds
from sensing.machines.ledger import LedgerMachine
from sensing.machines.rollup import RollUpMachine
from sensing.machines.shard import ShardMachine

MACHINES: dict[Role, Callable[[MachineId, Settings, CallBounds], Machine]] = {
    Role.SHARD: lambda machine, settings, bounds: ShardMachine(machine.number, settings, bounds),
    Role.LEDGER: lambda machine, settings, _bounds: LedgerMachine(machine.number, settings.shards),
    Role.ROLL_UP: lambda machine, settings, _bounds: RollUpMachine(machine.number, settings),
}


def machines(settings: Settings, bounds: CallBounds = UNBOUNDED) -> MakeMachine:
    """A function that makes the machine of an id; it can be pickled. ``bounds`` limit one call of a shard."""
    return functools.partial(_machine, settings, bounds)


def _machine(settings: Settings, bounds: CallBounds, machine: MachineId) -> Machine:
    return MACHINES[machine.role](machine, settings, bounds)
