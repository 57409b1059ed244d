"""Successions of items: which item takes over from which, and from when on.

Source groups learn them from the reference records that they read, and tell all shards. Routers and shards look up by
watermark, the clock of both: before the instant an event of the old item goes to its shard, from then on to that of the
successor. A shard reaches the instant before the first event that has reached it, whichever shard that event is for.
"""

from typing import NamedTuple

import msgspec

from sensing.codec.event_record import BEFORE_ALL

SUCCESSIONS_MAX = 1 << 18
"""Old items; records of further ones are refused."""
CHAIN_MAX = 64
"""Items that take over one from the other at most."""


class Succession(NamedTuple):
    """The successor of an item from the watermark ``since`` (UTC ms) on, by a record that took effect at ``time``."""

    successor: str
    since: int
    time: int
    event_id: str


class Change(NamedTuple):
    """What a record changes: the succession in its place (None: withdrawn), or why it changes nothing."""

    before: Succession | None
    after: Succession | None
    refused: str = ""


class Successions:
    """Successions by old item."""

    def __init__(self) -> None:
        self.of: dict[str, Succession] = {}

    def __len__(self) -> int:
        """Number of old items."""
        return len(self.of)

    def successor(self, sku: str, watermark: int) -> str:
        """The item that stands for ``sku`` at a watermark: the last of the items that have taken over."""
        for _ in range(CHAIN_MAX):
            found = self.of.get(sku)
            if found is None or found.since > watermark:
                return sku
            sku = found.successor
        return sku

    def change(self, old: str, new: Succession | None, time: int, clock: int, lateness_ms: int) -> Change | None:
        """Judge a record of an item that takes effect at ``time``; the caller puts the change in force.

        Parameters
        ----------
        new
            What the record says; None: it names no successor.
        clock
            The watermark.

        Returns
        -------
        Change or None
            None if the record says nothing new.
        """
        kept = self.of.get(old)
        if kept is not None and (kept.since <= clock or time - lateness_ms >= kept.since):
            if new is None or new.successor == kept.successor:
                return None
            return Change(kept, kept, f"{old} passes over to {kept.successor} before it takes effect")
        if kept is not None and time < kept.time:
            return None
        if new is None:
            return None if kept is None else Change(kept, None)
        if self._leads_to(new.successor, old):
            return Change(kept, kept, f"{new.successor} is {old} or leads back to it")
        if kept is None and len(self.of) >= SUCCESSIONS_MAX:
            return Change(None, None, f"there are {SUCCESSIONS_MAX:,} items with successors already")
        return Change(kept, new)

    def put(self, old: str, succession: Succession | None) -> None:
        """Put a succession in force; None withdraws it."""
        if succession is None:
            self.of.pop(old, None)
        else:
            self.of[old] = succession

    def dump(self) -> bytes:
        """The whole state as bytes."""
        return msgspec.msgpack.encode(self.of)

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        self.of = msgspec.msgpack.decode(block, type=dict[str, Succession])

    def _leads_to(self, start: str, wanted: str) -> bool:
        sku = start
        for _ in range(CHAIN_MAX):
            if sku == wanted:
                return True
            if sku not in self.of:
                return False
            sku = self.of[sku].successor
        return True


def start_of(stated: int | None, time: int, lateness_ms: int) -> int:
    """Watermark from which a successor stands for an item: when events reach the stated instant (UTC ms).

    Reference records take effect then, too; ``time`` is when the record itself does.
    """
    return max(max(time, stated or time) - lateness_ms, BEFORE_ALL)
