"""Bytewax's logic around a machine: its outputs, its end, and its failures."""

from typing import Any

import numpy as np
import pytest

from flows.runtime.context import RunContext
from flows.runtime.machine_logic import MachineLogic
from flows.runtime.machines import machines
from flows.runtime.roles import Addressed, ledger_id, shard_id
from sensing.codec.event_record import EVENT, Batch
from sensing.machine_settings import Settings
from sensing.machines.machine_messages import LedgerBatch, ShardReport, Totals
from sensing.outputs import OutputRecord
from sinks.errors import TidegaugeError

MAKE = machines(Settings(shards=1))
NONE = np.empty(0, EVENT)


class Blind:
    """An observer that fails when it is shown a machine."""

    def worked(self) -> None:
        """Take it."""

    def machine(self, number: int, machine: Any) -> None:
        """Fail."""
        msg = f"cannot look at {number}"
        raise ValueError(msg)

    def outputs(self, records: list[OutputRecord]) -> None:
        """Take them."""


class Slow:
    """A bounded machine that needs three calls for a batch."""

    def __init__(self) -> None:
        self.left = 0
        self.calls = 0

    @property
    def busy(self) -> bool:
        """Whether calls are left."""
        return self.left > 0

    def apply(self, load: Batch) -> list[Any]:
        """Take a batch and make one call."""
        self.accept(load)
        return self.proceed()

    def accept(self, _load: Batch) -> None:
        """Take a batch."""
        self.left += 3

    def proceed(self) -> list[Any]:
        """Make one call."""
        self.left -= 1
        self.calls += 1
        return []


def tick(watermark: int, **more: Any) -> Addressed:
    """A batch without records."""
    batch = Batch(NONE, [], watermark, **more)
    return Addressed(shard_id(0), batch, batch.final)


def test_an_observer_that_fails_ends_the_run() -> None:
    """At the end of an epoch: the failure says which machine, and nothing more is applied."""
    context = RunContext(observer=Blind())
    logic = MachineLogic(MAKE, context)
    logic.on_batch([tick(1)])
    expected = "the run failed in shard 0: ValueError: cannot look at 0"
    with pytest.raises(TidegaugeError, match=expected):
        logic.snapshot()
    with pytest.raises(TidegaugeError, match=expected):
        logic.on_batch([tick(2)])
    assert str(context.errors.failure) == expected


def test_every_epoch_emits_something() -> None:
    """The first call of an epoch emits a list even when it is empty, so sinks are called in every epoch."""
    logic = MachineLogic(MAKE, RunContext())
    assert [logic.on_batch([tick(at)])[0] for at in (1, 2)] == [[[]], []]
    logic.snapshot()
    assert [logic.on_batch([tick(at)])[0] for at in (3, 4)] == [[[]], []]


def test_a_logic_ends_with_the_final_batch() -> None:
    """Messages to ledger and roll-up come one by one behind the outputs; Bytewax may then forget the logic."""
    logic = MachineLogic(MAKE, RunContext())
    assert logic.on_batch([tick(1)]) == ([[]], False)
    (rows, totals, report), ended = logic.on_batch([tick(2), tick(3, final=True, reconciliation=1)])
    assert isinstance(totals, Totals)
    assert report == ShardReport(0, 3, [], final=True)
    assert not any(isinstance(output, (Totals, ShardReport)) for output in rows)
    assert ended


def slow() -> tuple[Slow, RunContext, MachineLogic]:
    """A logic around a slow machine."""
    machine, context = Slow(), RunContext()
    return machine, context, MachineLogic(lambda _machine: machine, context)


def test_a_busy_machine_goes_on_by_itself() -> None:
    """One call for the batches that come together, then one for every notification, until nothing is left."""
    machine, _, logic = slow()
    assert logic.notify_at() is None
    logic.on_batch([tick(1), tick(2)])
    assert (machine.calls, machine.left) == (1, 5)
    while logic.notify_at() is not None:
        assert logic.on_notify() == ([], False)
    assert (machine.calls, machine.left) == (6, 0)


def test_a_busy_machine_rests_until_the_next_epoch() -> None:
    """From the end of an epoch on nothing is called until a batch comes, though a notification may be under way."""
    machine, _, logic = slow()
    logic.on_batch([tick(1)])
    logic.snapshot()
    assert logic.notify_at() is None
    assert logic.on_notify() == ([], False)
    assert machine.calls == 1
    logic.on_batch([tick(2)])
    assert logic.notify_at() is not None


def test_a_busy_machine_ends_with_the_input() -> None:
    """At the end of the input it is called until nothing is left, and no longer once the run is interrupted."""
    machine, _, logic = slow()
    logic.on_batch([tick(1)])
    logic.on_eof()
    assert machine.left == 0

    machine, context, logic = slow()
    logic.on_batch([tick(1)])
    context.interrupt()
    with pytest.raises(KeyboardInterrupt):
        logic.on_eof()
    assert machine.calls == 1


def test_a_machine_without_bounds_is_never_called_by_notifications() -> None:
    """Such as the ledger: it is done with a batch when it has applied it."""
    logic = MachineLogic(machines(Settings(shards=1)), RunContext())
    ledger = ledger_id(1)
    logic.on_batch([Addressed(ledger, LedgerBatch([], [], 5))])
    assert logic.notify_at() is None
    assert logic.on_notify() == logic.on_eof() == ([], False)
