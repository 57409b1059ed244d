"""Bytewax's stateful logic around a pure machine; `flows.topology` uses it for every role."""

import datetime as dt
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from bytewax.operators import StatefulBatchLogic

from flows.durability.durable_machine import DurableMachine
from flows.durability.store import Store
from flows.runtime.context import RunContext
from flows.runtime.roles import Addressed, MachineId
from sensing.machines.machine_messages import HandOver, ShardReport, Totals
from sensing.outputs import OutputRecord, Produced
from sensing.state.snapshot import Snapshot

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


class MachineLogic(StatefulBatchLogic[Addressed, Any, bytes | None]):
    """Applies batches to one machine, which is made when its first batch arrives.

    Every call emits what it has produced, and messages to other machines one by one. The first call of an epoch emits
    even if it has produced nothing, so every sink partition has an item in every epoch. If the machine is busy after a
    batch, Bytewax calls it again by a notification, one call at a time, so epochs can end in between. At the end of
    the input it runs until it is no longer busy. After a shard's final batch Bytewax drops the logic and so frees the
    machine's memory.

    With a store the machine has a journal: a snapshot is a pointer into it, and the first call of an execution emits
    again what may not have been delivered. Without one snapshots are empty, because Bytewax would copy all state every
    epoch.
    """

    def __init__(
        self, make: MakeMachine, context: RunContext, store: Store | None = None, saved: bytes | None = None
    ) -> None:
        self._make = make
        self._context = context
        self._store = store
        self._saved = saved
        self._id: MachineId | None = None
        self._machine: Machine | None = None
        self._bounded: BoundedMachine | None = None
        self._durable: DurableMachine | None = None
        self._calls = 0
        self._heartbeat_due = True
        self._epoch_ended = False

    def on_batch(self, values: list[Addressed]) -> tuple[list[Any], bool]:
        """Apply batches in the order in which they were sent."""
        machine = values[0].machine
        with self._context.errors.capture(str(machine)):
            again = self._begin(machine)
            self._begin_epoch(machine)
            return [*again, *self._called(machine, [value.load for value in values])], values[-1].final

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

    def snapshot(self) -> bytes | None:
        """Pointer of the machine at the end of an epoch; also shows the machine to the observer."""
        self._heartbeat_due = self._epoch_ended = True
        if self._id is None:
            return self._saved
        with self._context.errors.capture(str(self._id)):
            self._context.show_machine(self._id, self._machine)
            return None if self._store is None else self._store.snapshot(self._id.key)

    def _begin(self, machine: MachineId) -> list[Produced]:
        """Make the machine, once; returns what it has produced before and may not have delivered."""
        if self._machine is not None:
            return []
        self._id = machine
        self._machine = self._make(machine)
        self._bounded = self._machine if isinstance(self._machine, BoundedMachine) else None
        if self._store is None:
            return []
        assert isinstance(self._machine, Snapshot), "a machine with a journal has a state that can be stored"
        self._durable = self._store.machine(machine.key, self._machine, self._apply, self._saved)
        again, self._durable.again = self._durable.again, []
        return [made._replace(outputs=_without_messages(made.outputs)) for made in again]

    def _begin_epoch(self, machine: MachineId) -> None:
        """A batch after a snapshot proves that the epoch of that snapshot is durable."""
        if self._epoch_ended and self._store is not None and self._durable is not None:
            self._durable.committed()
            self._store.write_base_if_due(machine.key)
        self._epoch_ended = False

    def _apply(self, loads: list[Any]) -> list[Any]:
        """One bounded call, however many loads have arrived."""
        if self._bounded is not None:
            for load in loads:
                self._bounded.accept(load)
            return self._bounded.proceed()
        assert self._machine is not None, "called after the machine was made"
        return [output for load in loads for output in self._machine.apply(load)]

    def _proceed(self, *, to_end: bool) -> tuple[list[Any], bool]:
        if self._bounded is None or self._id is None:
            return [], False
        with self._context.errors.capture(str(self._id)):
            emitted: list[Any] = []
            while self._bounded.busy:
                emitted += self._called(self._id, [])
                if not to_end or self._context.interrupted:
                    break
            return emitted, False

    def _called(self, machine: MachineId, loads: list[Any]) -> list[Any]:
        """Call the machine; returns the items that it emits."""
        if self._durable is not None:
            _, position, produced = self._durable.call(loads)
        else:
            self._calls += 1
            position, produced = self._calls, self._apply(loads)
        messages = [output for output in produced if isinstance(output, MESSAGES)]
        outputs = _without_messages(produced)
        self._context.count_outputs(machine, [output for output in outputs if isinstance(output, OutputRecord)])
        emitted = [Produced(machine.key, position, outputs), *messages] if outputs or self._heartbeat_due else messages
        self._heartbeat_due = False
        return emitted


def _without_messages(produced: list[Any]) -> list[Any]:
    return [output for output in produced if not isinstance(output, MESSAGES)]
