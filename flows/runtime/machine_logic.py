"""Bytewax's stateful logic around a pure machine; `flows.topology` uses it for every role."""

import datetime as dt
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from bytewax.operators import StatefulBatchLogic

from flows.runtime.context import RunContext
from flows.runtime.roles import Addressed, MachineId
from sensing.machines.machine_messages import Totals
from sensing.outputs import OutputRecord


class Machine(Protocol):
    """A pure machine: its outputs and state depend on the batches that it was given, in that order, alone."""

    def apply(self, load: Any, /) -> list[Any]:
        """Apply one batch and return output records, and at the end totals and rows."""
        ...


@runtime_checkable
class BoundedMachine(Protocol):
    """A machine that accepts batches and applies them in calls of bounded size."""

    @property
    def busy(self) -> bool:
        """Whether anything is left to do."""
        ...

    def accept(self, load: Any, /) -> None:
        """Take one batch in."""
        ...

    def proceed(self) -> list[Any]:
        """Go on with what was accepted; returns what `Machine.apply` does."""
        ...


MakeMachine = Callable[[MachineId], Machine]


class MachineLogic(StatefulBatchLogic[Addressed, Any, None]):
    """Applies batches to one machine, which is made when the first batch names it.

    Emits one list of output records for every call and totals one by one. The first call of an epoch emits its list
    even when it is empty, so every sink partition has an item in every epoch. A machine that is busy after a batch goes
    on by itself, one call at a time, so epochs can end in between; at the end of the input it goes on to the end. After
    the final batch a shard is done: Bytewax drops the logic and with it the machine's memory. Snapshots hold nothing:
    Bytewax would copy all state every epoch.
    """

    def __init__(self, make: MakeMachine, context: RunContext) -> None:
        self._make = make
        self._context = context
        self._id: MachineId | None = None
        self._machine: Machine | None = None
        self._bounded: BoundedMachine | None = None
        self._heartbeat_due = True
        self._epoch_ended = False

    def on_batch(self, values: list[Addressed]) -> tuple[list[Any], bool]:
        """Apply batches one by one, in the order in which they were sent."""
        machine = values[0].machine
        self._epoch_ended = False
        with self._context.errors.capture(str(machine)):
            instance = self._instance(machine)
            if self._bounded is not None:
                # One call, however many batches have come.
                for value in values:
                    self._bounded.accept(value.load)
                produced = self._bounded.proceed()
            else:
                produced = [output for value in values for output in instance.apply(value.load)]
            return self._emitted(machine, produced), values[-1].final

    def notify_at(self) -> dt.datetime | None:
        """At once, where the machine is busy.

        Between the end of an epoch and the first batch of the next one it rests: Bytewax runs callbacks meanwhile, and
        an epoch would last as long as a call takes for every step on the way to its end.
        """
        if self._bounded is None or not self._bounded.busy or self._epoch_ended:
            return None
        return dt.datetime.now(dt.UTC)

    def on_notify(self) -> tuple[list[Any], bool]:
        """Let the machine go on."""
        return ([], False) if self._epoch_ended else self._proceed(to_end=False)

    def on_eof(self) -> tuple[list[Any], bool]:
        """Let the machine go on to the end."""
        return self._proceed(to_end=True)

    def snapshot(self) -> None:
        """Note the end of an epoch and show the machine to whoever watches the run."""
        self._heartbeat_due = self._epoch_ended = True
        if self._id is not None:
            with self._context.errors.capture(str(self._id)):
                self._context.show_machine(self._id, self._machine)

    def _proceed(self, *, to_end: bool) -> tuple[list[Any], bool]:
        if self._bounded is None or self._id is None:
            return [], False
        with self._context.errors.capture(str(self._id)):
            produced: list[Any] = []
            while self._bounded.busy:
                produced.extend(self._bounded.proceed())
                if not to_end:
                    break
            return self._emitted(self._id, produced), False

    def _emitted(self, machine: MachineId, produced: list[Any]) -> list[Any]:
        totals = [output for output in produced if isinstance(output, Totals)]
        outputs = [output for output in produced if not isinstance(output, Totals)]
        self._context.count_outputs(machine, [output for output in outputs if isinstance(output, OutputRecord)])
        emitted = [outputs, *totals] if outputs or self._heartbeat_due else [*totals]
        self._heartbeat_due = False
        return emitted

    def _instance(self, machine: MachineId) -> Machine:
        if self._machine is None:
            self._id = machine
            self._machine = self._make(machine)
            self._bounded = self._machine if isinstance(self._machine, BoundedMachine) else None
        return self._machine
