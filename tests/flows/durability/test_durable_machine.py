"""A machine with a journal goes on after crashes as one that never stopped, and makes again what may be lost."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.durability.durable_machine import DurableMachine, Execution
from flows.durability.pointer import Pointer
from sensing.machines.machine_messages import LedgerBatch
from tests.flows.durability.faulty_disk import FaultyDisk

KEY = "003-toy"


class Killed(BaseException):
    """The process ends here."""


class Toy:
    """A machine whose state and outputs depend on all loads and calls, and their order."""

    def __init__(self) -> None:
        self.state = (0, 0)

    def call(self, loads: list[LedgerBatch]) -> list[Any]:
        """Fold the loads into the state; outputs are the states in between."""
        calls, mixed = self.state
        outputs = []
        for load in loads:
            mixed = hash((mixed, load.watermark))
            outputs.append(mixed)
        self.state = (calls + 1, mixed)
        return outputs

    def dump(self) -> bytes:
        """The state as bytes."""
        return msgspec.msgpack.encode(self.state)

    def load(self, block: bytes) -> None:
        """Restore it."""
        self.state = msgspec.msgpack.decode(block, type=tuple[int, int])


class World:
    """Executions of a toy on one disk, in epochs. An epoch is committed after the sync; then its outputs are sent.

    It draws calls, bases, kills and losses of power by its seed.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.disk = FaultyDisk(seed)
        self.disk.before = self._before  # type: ignore[method-assign]  # the test decides where the process ends
        self.committed: Pointer | None = None
        self.sent: dict[int, list[Any]] = {}
        self.calls: list[int] = []
        self.loads: dict[int, list[LedgerBatch]] = {}
        self.executions = 0
        self.kills = True

    def _before(self) -> None:
        if self.kills and self.random.random() < 0.01:
            raise Killed

    def execute(self, epochs: int) -> None:
        """Run until the end or a kill."""
        try:
            self._execute(epochs)
        except Killed:
            self.disk.crash(power=self.random.random() < 0.6)

    def _execute(self, epochs: int) -> None:
        self.executions += 1
        toy = Toy()
        execution = Execution(self.disk, f"e{self.executions:03d}", "run", "engine 1")
        machine = DurableMachine(execution, KEY, toy, toy.call, self.committed)
        sealed = [(made.position, made.outputs) for made in machine.again]
        write: Callable[[], None] | None = None
        since_base = 0
        for _ in range(epochs):
            produced = []
            for _ in range(self.random.randrange(1, 6)):
                loads = self.loads.setdefault(machine.position, self._draw())
                produced.append(machine.call(loads))
                since_base += 1
                if write is not None and self.random.random() < 0.3:
                    write()
                    write = None
                if write is None and since_base > 3 and self.random.random() < 0.1:
                    write, since_base = machine.begin_base(), 0
            pointer = Pointer.decode(machine.snapshot().encode())
            machine.sync()
            self._deliver(sealed)  # a sink waits for its last delivery before the next epoch is done
            self.committed = pointer
            sealed = [(made.position, made.outputs) for made in produced]
            machine.committed()
            self.disk.before()
        self._deliver(sealed)

    def _draw(self) -> list[LedgerBatch]:
        count = self.random.randrange(3)
        return [LedgerBatch([], [], self.random.randrange(1000)) for _ in range(count)]

    def _deliver(self, outputs: list[tuple[int, list[Any]]]) -> None:
        for position, made in outputs:
            # Marker and outputs are one transaction, so what was sent before is dropped here.
            assert self.sent.setdefault(position, made) == made
        self.disk.before()


def expected(world: World) -> dict[int, list[Any]]:
    """Outputs by position of a toy that never stopped."""
    toy = Toy()
    assert world.committed is not None
    return {at + 1: toy.call(world.loads[at]) for at in range(world.committed.position)}


@given(st.integers(0, 10**9))
@settings(max_examples=150)
def test_nothing_is_lost_over_crashes(seed: int) -> None:
    """After any kills and losses of power all outputs are there once, as if the machine had never stopped."""
    world = World(seed)
    for _ in range(world.random.randrange(1, 8)):
        world.execute(world.random.randrange(1, 12))
    world.kills = False
    world.execute(3)
    world.kills = True
    assert {position: world.sent[position] for position in expected(world)} == expected(world)
