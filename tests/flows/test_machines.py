"""Bytewax's logic around a machine: what fails in it ends the run in good order, never in a panic."""

from typing import Any

import numpy as np

from flows.addresses import Addressed
from flows.control import Control
from flows.machines import MachineLogic
from sensing.codec.record import EVENT, Batch
from sensing.machines.messages import Totals
from sensing.machines.shard import ShardMachine
from sensing.outputs import OutputRecord
from sensing.settings import Settings

SETTINGS = Settings(shards=1)


class Blind:
    """An observer that fails when it is shown a machine."""

    def machine(self, number: int, machine: Any) -> None:
        """Fail."""
        msg = f"cannot look at {number}"
        raise ValueError(msg)

    def outputs(self, records: list[OutputRecord]) -> None:
        """Take them."""


def test_an_observer_that_fails_ends_the_run() -> None:
    """At the end of an epoch: the failure says which machine, and nothing more is applied."""
    control = Control(2, observer=Blind())
    logic = MachineLogic(lambda number: ShardMachine(number, SETTINGS), control)
    tick = Addressed(0, Batch(np.empty(0, EVENT), [], 1))
    logic.on_batch([tick])
    logic.snapshot()
    assert str(control.failure) == "the run failed in machine 0: ValueError: cannot look at 0"
    assert logic.on_batch([tick]) == ([], False)


def test_a_logic_ends_with_the_final_batch() -> None:
    """Totals come one by one behind the outputs; Bytewax may then forget the logic."""
    control = Control(2)
    logic = MachineLogic(lambda number: ShardMachine(number, SETTINGS), control)
    none = np.empty(0, EVENT)
    assert logic.on_batch([Addressed(0, Batch(none, [], 1))]) == ([], False)
    (rows, totals), ended = logic.on_batch(
        [Addressed(0, Batch(none, [], 2)), Addressed(0, Batch(none, [], 3, final=True, account=1))]
    )
    assert isinstance(totals, Totals)
    assert not any(isinstance(output, Totals) for output in rows)
    assert ended
