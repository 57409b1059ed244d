"""Restores parts of a state from snapshots."""

from typing import TypeVar

from sensing.state.snapshot import Snapshot

P = TypeVar("P", bound=Snapshot)


def resumed(fresh: P, block: bytes) -> P:
    """A new part that has loaded the snapshot of another."""
    fresh.load(block)
    return fresh
