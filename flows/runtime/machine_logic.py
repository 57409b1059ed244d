"""Bytewax's stateful logic around a pure machine; `flows.topology` uses it for every role."""

import datetime as dt
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from bytewax.operators import StatefulBatchLogic

from flows.runtime.context import RunContext
from flows.runtime.roles import Addressed, MachineId
from sensing.machines.machine_messages import HandOver, ShardReport, Totals
from sensing.outputs import OutputRecord

MESSAGES = (Totals, ShardReport, HandOver)
"""Messages of machines to other machines."""


class Machine(Protocol):
    """A pure machine: its outputs and state depend only on its batches and their order."""

    def apply(self, load: Any, /) -> list[Any]:
        """Apply one batch; returns output records, messages to other machines, and parameter rows at the end."""
        ...


@runtime_checkable
class BoundedMachine(Protocol):
    """A machine that accepts batches and applies them in calls of bounded size."""

    @property
    def busy(self) -> bool:
        """Whether `proceed` has work."""
        ...

    def accept(self, load: Any, /) -> None:
        """Queue one batch."""
        ...

    def proceed(self) -> list[Any]:
        """Apply queued batches, up to the bounds of a call; returns the same as `Machine.apply`."""
        ...


MakeMachine = Callable[[MachineId], Machine]


class MachineLogic(StatefulBatchLogic[Addressed, Any, None]):
    """Applies batches to one machine, which is made when its first batch arrives.

    Every call emits one list of output records, and messages to other machines one by one. The first call of an epoch
    emits its list even if it is empty, so every sink partition has an item in every epoch. If the machine is busy after
    a batch, Bytewax calls it again by a notification, one call at a time, so epochs can end in between. At the end of
    the input it runs until it is no longer busy. After a shard's final batch Bytewax drops the logic and so frees the
    machine's memory. Snapshots are empty, because Bytewax would copy all state every epoch.
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
        """Apply batches in the order in which they were sent."""
        machine = values[0].machine
        self._epoch_ended = False
        with self._context.errors.capture(str(machine)):
            instance = self._instance(machine)
            if self._bounded is not None:
                # One bounded call, however many batches have arrived.
                for value in values:
                    self._bounded.accept(value.load)
                produced = self._bounded.proceed()
            else:
                produced = [output for value in values for output in instance.apply(value.load)]
            return self._emitted(machine, produced), values[-1].final

    def notify_at(self) -> dt.datetime | None:
        """Now, if the machine is busy; else None.

        The machine rests between the end of an epoch and its next batch. Bytewax would also run notifications in
        between, and every step on the way to the epoch's end would then wait for one more call.
        """
        if self._bounded is None or not self._bounded.busy or self._epoch_ended:
            return None
        return dt.datetime.now(dt.UTC)

    def on_notify(self) -> tuple[list[Any], bool]:
        """Make one more call of a busy machine."""
        return ([], False) if self._epoch_ended else self._proceed(to_end=False)

    def on_eof(self) -> tuple[list[Any], bool]:
        """Call the machine until it is no longer busy, or the run is to end at once."""
        return self._proceed(to_end=True)

    def snapshot(self) -> None:
        """Note the end of an epoch and show the machine to the observer."""
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
                if not to_end or self._context.interrupted:
                    break
            return self._emitted(self._id, produced), False

    def _emitted(self, machine: MachineId, produced: list[Any]) -> list[Any]:
        messages = [output for output in produced if isinstance(output, MESSAGES)]
        outputs = [output for output in produced if not isinstance(output, MESSAGES)]
        self._context.count_outputs(machine, [output for output in outputs if isinstance(output, OutputRecord)])
        emitted = [outputs, *messages] if outputs or self._heartbeat_due else [*messages]
        self._heartbeat_due = False
        return emitted

    def _instance(self, machine: MachineId) -> Machine:
        if self._machine is None:
            self._id = machine
            self._machine = self._make(machine)
            self._bounded = self._machine if isinstance(self._machine, BoundedMachine) else None
        return self._machine
