"""Hand-overs of a shard: successions that are due, what has arrived of them, and stock under the names of old items.

Every shard knows all successions. The shard of an old item sends its rows at the instant, that of the successor waits
for them. Stock of old items is part of the successor's balance. A count names one of the two only, so the part under
old names is kept apart, with the newest movements of it: a count is as of its own time.
"""

import heapq

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.item_links import item_hash
from sensing.codec.successions import Successions
from sensing.machines.machine_messages import HandOver, OldStock
from sensing.state.snapshot import Encoded, pack, unpack

NEVER = 2**62


class _State(msgspec.Struct):
    due: list[tuple[int, str]]
    given: list[str]
    arrived: list[HandOver]
    old_names: dict[str, list[str]]
    stock: list[tuple[int, str, OldStock]]
    units: dict[str, dict[str, float]]


class HandOvers:
    """Hand-overs of one shard.

    Attributes
    ----------
    successions
        All successions, by old item.
    waiting
        Whether a hand-over is due that has not arrived, so that the shard's clock stands still.
    sent
        Hand-overs to be sent with the outputs of this call.
    old_names
        Items that have passed over, by successor, in the order of their instants.
    successor_hashes
        Hashes of the successors, as in the keys of their rows.
    stock
        Stock under old names, by row and old item.
    units
        Base units of the successor in each unit of the items that have passed over to it, by old item.
    """

    def __init__(self) -> None:
        self.successions = Successions()
        self.waiting = False
        self.sent: list[HandOver] = []
        self.old_names: dict[str, list[str]] = {}
        self.successor_hashes: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self.stock: dict[int, dict[str, OldStock]] = {}
        self.units: dict[str, dict[str, float]] = {}
        self._due: list[tuple[int, str]] = []
        self._given: dict[str, None] = {}
        self._arrived: dict[str, HandOver] = {}

    def schedule(self, old: str) -> None:
        """Schedule the hand-over of an item whose succession has changed."""
        heapq.heappush(self._due, (self.successions.of[old].since, old))

    def next_instant(self) -> int:
        """Instant (UTC ms) of the next hand-over; NEVER if there is none."""
        while self._due:
            since, old = self._due[0]
            found = self.successions.of.get(old)
            if found is not None and found.since == since:
                return since
            heapq.heappop(self._due)  # it was withdrawn or moved
        return NEVER

    def next_due(self, until: int) -> str | None:
        """The next item that is due by ``until``."""
        return self._due[0][1] if self.next_instant() <= until else None

    def done(self) -> None:
        """Remove the next item, which has passed over."""
        heapq.heappop(self._due)

    def first_time(self, old: str) -> bool:
        """Whether an item is to be given, which it is once."""
        if old in self._given:
            return False
        self._given[old] = None
        return True

    def arrive(self, message: HandOver) -> None:
        """Keep a hand-over until its instant."""
        self._arrived[message.old] = message

    def take_arrived(self, old: str) -> HandOver | None:
        """Remove and return the hand-over of an item; None if it has not arrived."""
        return self._arrived.pop(old, None)

    def take_sent(self) -> list[HandOver]:
        """Remove and return the hand-overs to send."""
        sent, self.sent = self.sent, []
        return sent

    def has_passed(self, old: str) -> bool:
        """Whether an item of this shard has been given."""
        return old in self._given

    def name_predecessors(self, successor: str, names: list[str]) -> None:
        """Note items that have passed over to a successor."""
        self.old_names.setdefault(successor, []).extend(names)
        self._hash_successors()

    def take_predecessors(self, successor: str) -> list[str]:
        """Remove and return the items that have passed over to one that passes over itself."""
        names = self.old_names.pop(successor, [])
        self._hash_successors()
        return names

    def _hash_successors(self) -> None:
        self.successor_hashes = np.array([item_hash(sku) for sku in self.old_names], np.uint64)

    def under_old_names(self, row: int) -> int:
        """Thousandths of a row's balance under old names."""
        return sum(part.quantity for part in self.stock.get(row, {}).values())

    def convert(self, sku: str, rows: list[int], factor: float) -> None:
        """Multiply what is known of the items that an item has taken over from, when its base unit has changed."""
        for old in self.old_names.get(sku, []):
            if old in self.units:
                self.units[old] = {unit: each * factor for unit, each in self.units[old].items()}
        for row in rows:
            if row in self.stock:
                self.stock[row] = {old: part.times(factor) for old, part in self.stock[row].items()}

    def dump(self) -> bytes:
        """The whole state as bytes."""
        stock = [(row, old, part) for row, parts in self.stock.items() for old, part in parts.items()]
        arrived = list(self._arrived.values())
        state = _State(sorted(self._due), list(self._given), arrived, self.old_names, stock, self.units)
        return pack({"successions": self.successions.dump(), "state": Encoded(state, _State)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        found = unpack(block, {"state": _State})
        self.successions.load(found["successions"])
        state = found["state"]
        self._due, self._given, self.old_names = state.due, dict.fromkeys(state.given), state.old_names
        self._arrived = {message.old: message for message in state.arrived}
        self.units = state.units
        self._hash_successors()
        for row, old, part in state.stock:
            self.stock.setdefault(row, {})[old] = part
