"""Bytewax's stateful logic around a pure machine."""

from collections.abc import Callable
from typing import Any, Protocol

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


MakeMachine = Callable[[int], Machine]


class MachineLogic(StatefulBatchLogic[Addressed, Any, None]):
    """Hands loads to one machine, which is made when the first one names it.

    Emits one list of output records for every call (none: nothing), and totals one by one. After the final batch a
    shard is done: Bytewax drops the logic and with it the machine's memory. Snapshots hold nothing: Bytewax would copy
    all state every epoch.
    """

    def __init__(self, make: MakeMachine, control: Control) -> None:
        self._make = make
        self._control = control
        self._number = -1
        self._machine: Machine | None = None

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

    def snapshot(self) -> None:
        """Show the machine to whoever watches the run, at the end of an epoch in which it was given something."""
        if self._machine is not None and self._control.failure is None:
            with self._control.failing(f"machine {self._number}"):
                self._control.look_at(self._number, self._machine)

    def _start(self, number: int) -> Machine:
        self._number = number
        self._machine = self._make(number)
        return self._machine
