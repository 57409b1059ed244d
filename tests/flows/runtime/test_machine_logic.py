"""Bytewax's logic around a machine: its outputs, its end, and its failures."""

from typing import Any

import numpy as np
import pytest

from flows.runtime.context import RunContext
from flows.runtime.machine_logic import MachineLogic
from flows.runtime.machines import machines
from flows.runtime.roles import Addressed, shard_id
from sensing.codec.event_record import EVENT, Batch
from sensing.machine_settings import Settings
from sensing.machines.machine_messages import Totals
from sensing.outputs import OutputRecord
from sinks.errors import TidegaugeError

MAKE = machines(Settings(shards=1))
NONE = np.empty(0, EVENT)


class Blind:
    """An observer that fails when it is shown a machine."""

    def machine(self, number: int, machine: Any) -> None:
        """Fail."""
        msg = f"cannot look at {number}"
        raise ValueError(msg)

    def outputs(self, records: list[OutputRecord]) -> None:
        """Take them."""


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
    """Totals come one by one behind the outputs; Bytewax may then forget the logic."""
    logic = MachineLogic(MAKE, RunContext())
    assert logic.on_batch([tick(1)]) == ([[]], False)
    (rows, totals), ended = logic.on_batch([tick(2), tick(3, final=True, reconciliation=1)])
    assert isinstance(totals, Totals)
    assert not any(isinstance(output, Totals) for output in rows)
    assert ended
