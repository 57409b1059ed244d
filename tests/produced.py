"""Items of sinks for tests."""

from collections.abc import Iterable
from typing import Any

from sensing.outputs import Produced


def produced(outputs: Iterable[Any], position: int = 1, machine: str = "000-shard") -> Produced:
    """What a call has produced."""
    return Produced(machine, position, list(outputs))
