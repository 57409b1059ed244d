"""Bytewax's stateful logic around a pure machine."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

from bytewax.operators import StatefulBatchLogic

from flows.addresses import Addressed
from flows.control import Control
from sensing.codec.record import Batch
from sensing.machines.messages import Totals
from sensing.outputs import OutputRecord


class Machine(Protocol):
    """A pure machine: what it returns and becomes depends on what it was given, in that order, and on nothing else."""

    def apply(self, load: Any, /) -> list[Any]:
        """Take one load and return output records, and at the end totals and rows."""
        ...


@runtime_checkable
class KeptMachine(Machine, Protocol):
    """A machine whose state can be kept."""

    def dump(self) -> bytes:
        """The whole state as bytes."""
        ...

    def load(self, block: bytes, /) -> None:
        """Take over a dumped state."""
        ...


MakeMachine = Callable[[int], Machine]


class Saved(NamedTuple):
    """Snapshot of a machine: an immutable copy, since Bytewax pickles it only after the machine may have gone on."""

    machine: int
    state: bytes


class MachineLogic(StatefulBatchLogic[Addressed, Any, Saved | None]):
    """Hands loads to one machine, which is made when the first one names it.

    Emits one list of output records for every call (none: nothing), and totals one by one. After the final batch a
    shard is done: Bytewax drops the logic and with it the machine's memory. ``keep`` says whether snapshots hold the
    state, for which machines must be `KeptMachine`: a service would copy all of it every epoch.
    """

    def __init__(self, make: MakeMachine, control: Control, saved: Saved | None, *, keep: bool) -> None:
        self._make = make
        self._control = control
        self._keep = keep
        self._number = -1
        self._machine: Machine | None = None
        if saved is not None:
            _kept(self._start(saved.machine)).load(saved.state)

    def on_batch(self, values: list[Addressed]) -> tuple[list[Any], bool]:
        """Apply loads one by one, in the order in which they were sent; after a failure in the run, none."""
        if self._control.failure is None:
            with self._control.failing(f"machine {values[0].machine}"):
                return self._apply(values)
        return [], False

    def _apply(self, values: list[Addressed]) -> tuple[list[Any], bool]:
        machine = self._machine or self._start(values[0].machine)
        produced: list[Any] = []
        for value in values:
            produced.extend(machine.apply(value.load))
        totals = [output for output in produced if isinstance(output, Totals)]
        outputs = [output for output in produced if not isinstance(output, Totals)]
        self._control.produced(self._number, [output for output in outputs if isinstance(output, OutputRecord)])
        self._control.taken(self._number, sum(not isinstance(value.load, Totals) for value in values))
        last = values[-1].load
        return ([outputs, *totals] if outputs else [*totals]), isinstance(last, Batch) and last.final

    def snapshot(self) -> Saved | None:
        """The machine as it is, where states are kept; of a run that failed nothing is."""
        if self._machine is None or self._control.failure is not None:
            return None
        with self._control.failing(f"machine {self._number}"):
            self._control.look_at(self._number, self._machine)
            return Saved(self._number, _kept(self._machine).dump()) if self._keep else None
        return None

    def _start(self, number: int) -> Machine:
        self._number = number
        self._machine = self._make(number)
        return self._machine


def _kept(machine: Machine) -> KeptMachine:
    assert isinstance(machine, KeptMachine), "machines in other processes are not kept"
    return machine
