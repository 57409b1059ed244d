"""Parts of a state that go on from a snapshot."""

from typing import TypeVar

from sensing.state.snapshot import Snapshot

P = TypeVar("P", bound=Snapshot)


def resumed(fresh: P, block: bytes) -> P:
    """A fresh part that has taken over a snapshot."""
    fresh.load(block)
    return fresh
