"""Transfers in transit: goods that have left one location and are not yet on hand at the other.

`SupplyState` owns the table, `sensing.machines.transfers` calls it. A shipment is named by its id and its destination;
a transfer without ``shipment_id`` is one of its own. What is in transit is what was sent less what has arrived. It
arrives when it is delivered, or all at once when the shipment ends: some days after its expected date, see
``policy.transfer_days_late``. What was delivered first arrives when it is sent. What is delivered beyond what was sent
arrives as well.

Invariants
- A shipment is in ``_open`` while something of it is in transit, else in ``_done``.
- ``_of_row`` has the open shipments of each row in the order of ``_open``.
"""

import heapq
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY, THOUSANDTHS
from sensing.state.snapshot import Encoded, pack, unpack

NEVER = 2**62
DAYS_LATE = 7.0
"""Default of ``policy.transfer_days_late``."""

Key = tuple[str, int]
"""Shipment id and row of the destination."""


class Transfer(msgspec.Struct):
    """One shipment to a row. Quantities are thousandths of the base unit."""

    origin: int
    """Row that gives; -1: not known, since only a delivery was heard of."""
    sent: int = 0
    arrived: int = 0
    """Thousandths that are on hand at the destination."""
    delivered: int = 0
    """Thousandths that deliveries named, maybe before they were sent."""
    due: int = NO_DAY
    """Expected local day of the destination."""
    ends: int = NEVER
    """Instant (UTC ms) at which what is still in transit counts as arrived."""
    newest: int = 0
    """Newest event time, UTC ms."""

    @property
    def in_transit(self) -> int:
        """Thousandths on the way."""
        return max(self.sent - self.arrived, 0)

    @property
    def beyond(self) -> int:
        """Thousandths that have arrived beyond what was sent."""
        return max(self.arrived - self.sent, 0)

    def arriving(self) -> int:
        """Thousandths that deliveries have brought and that are not booked yet; they are booked with this call."""
        quantity = max(self.delivered - self.arrived, 0) if self.sent else 0
        self.arrived += quantity
        return quantity


class Ended(NamedTuple):
    """A shipment that has ended at ``instant`` (UTC ms): what was in transit of it, and its expected local day."""

    instant: int
    key: Key
    quantity: int
    due: int


_Tables = tuple[list[tuple[str, int, Transfer]], list[tuple[str, int, Transfer]], int, int]
"""Open and finished shipments, the number refused, and the number of finished ones forgotten."""


class InTransit:
    """Shipments between locations, at most ``shipments_max``.

    At the bound the oldest finished shipment is forgotten; where none is finished, a new one is refused: its goods are
    on hand at once. Both are counted.
    """

    def __init__(self, shipments_max: int) -> None:
        self.shipments_max = shipments_max
        self.refused = 0
        self.forgotten = 0
        self._open: dict[Key, Transfer] = {}
        self._done: dict[Key, Transfer] = {}
        self._of_row: dict[int, dict[Key, None]] = {}
        self._from: dict[Key, int] = {}
        self._ends: list[tuple[int, Key]] = []

    def find(self, shipment_id: str, row: int) -> tuple[Key, Transfer] | None:
        """The shipment of an id that a row is the destination of, else the one that it has sent."""
        for key in ((shipment_id, row), (shipment_id, self._from.get((shipment_id, row), -1))):
            found = self._open.get(key) or self._done.get(key)
            if found is not None:
                return key, found
        return None

    def begin(self, key: Key, origin: int) -> Transfer | None:
        """The shipment of a key, a new one if there is none; None if the table is full.

        Deliveries that named the place it leaves, before it was heard of, become its own.
        """
        found = self._open.get(key) or self._done.get(key)
        if found is None:
            if len(self._open) + len(self._done) >= self.shipments_max:
                if not self._done:
                    self.refused += 1
                    return None
                self._forget(next(iter(self._done)))
                self.forgotten += 1
            found = Transfer(origin)
            self._done[key] = found
        if origin >= 0:
            found.origin = origin
            self._from[key[0], origin] = key[1]
            early = self._done.get((key[0], origin))
            if early is not None and early.sent == 0:
                found.delivered += early.delivered
                self._forget((key[0], origin))
        return found

    def file(self, key: Key, transfer: Transfer) -> None:
        """Keep a changed shipment where it belongs."""
        row = key[1]
        if transfer.sent > transfer.arrived:
            self._done.pop(key, None)
            self._open[key] = transfer
            self._of_row.setdefault(row, {})[key] = None
            heapq.heappush(self._ends, (transfer.ends, key))
        elif self._open.pop(key, None) is not None:
            self._done[key] = transfer
            del self._of_row[row][key]
            if not self._of_row[row]:
                del self._of_row[row]

    def next_end(self) -> int:
        """Instant at which the next shipment ends; NEVER if none is in transit."""
        while self._ends:
            instant, key = self._ends[0]
            if key in self._open and self._open[key].ends == instant:
                return instant
            heapq.heappop(self._ends)
        return NEVER

    def take_ended(self, until: int) -> Ended | None:
        """The next shipment that ends by ``until``, which has arrived then."""
        instant = self.next_end()
        if instant > until:
            return None
        _, key = heapq.heappop(self._ends)
        transfer = self._open[key]
        quantity = transfer.in_transit
        transfer.arrived = transfer.sent
        transfer.newest = max(transfer.newest, instant)
        self.file(key, transfer)
        return Ended(instant, key, quantity, transfer.due)

    def take_row(self, row: int) -> int:
        """Count what is in transit to a row as arrived; returns its thousandths."""
        total = 0
        for key in list(self._of_row.get(row, ())):
            transfer = self._open[key]
            total += transfer.sent - transfer.arrived
            transfer.arrived = transfer.sent
            self.file(key, transfer)
        return total

    def forget_old(self, before: int) -> None:
        """Forget finished shipments whose newest event is older than ``before``, UTC ms."""
        for key in [key for key, transfer in self._done.items() if transfer.newest < before]:
            self._forget(key)

    def rows(self, rows: NDArray[np.int64]) -> list[int]:
        """Positions in ``rows`` of those that goods are in transit to."""
        if not self._of_row:
            return []
        return [at for at, row in enumerate(rows.tolist()) if row in self._of_row]

    def of_row(self, row: int) -> list[tuple[int, int]]:
        """Expected local day and thousandths of each shipment in transit to a row."""
        found = (self._open[key] for key in self._of_row.get(row, ()))
        return [(transfer.due, transfer.sent - transfer.arrived) for transfer in found]

    def add_receipts(self, rows: NDArray[np.int64], today: int, receipts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add what is in transit to ``receipts`` (n, h), units per day from local day ``today`` on.

        What is late is expected on the day after ``today``, as late purchase orders are at the earliest. Returns (n,)
        units in transit.
        """
        total = np.zeros(rows.size)
        for at in self.rows(rows):
            for due, quantity in self.of_row(int(rows[at])):
                day = due - today if due >= today else 1
                total[at] += quantity / THOUSANDTHS
                if day < receipts.shape[1]:
                    receipts[at, day] += quantity / THOUSANDTHS
        return total

    def convert(self, row: int, factor: float) -> int:
        """Multiply the shipments to a row by ``factor``, when its base unit has changed.

        Returns the change of the thousandths in transit.
        """
        change = 0
        for key, transfer in [*self._open.items(), *self._done.items()]:
            if key[1] != row:
                continue
            before = transfer.in_transit
            for name in ("sent", "arrived", "delivered"):
                setattr(transfer, name, round(getattr(transfer, name) * factor))
            change += transfer.in_transit - before
            self.file(key, transfer)
        return change

    def dump(self) -> bytes:
        """The whole table as bytes."""
        parts = [[(*key, each) for key, each in table.items()] for table in (self._open, self._done)]
        return pack({"transit": Encoded((*parts, self.refused, self.forgotten), _Tables)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        opened, done, self.refused, self.forgotten = unpack(block, {"transit": _Tables})["transit"]
        self._done = {(name, row): transfer for name, row, transfer in done}
        for key, transfer in self._done.items():
            self._link(key, transfer)
        for name, row, transfer in opened:
            self._link((name, row), transfer)
            self.file((name, row), transfer)

    def _link(self, key: Key, transfer: Any) -> None:
        if transfer.origin >= 0:
            self._from[key[0], transfer.origin] = key[1]

    def _forget(self, key: Key) -> None:
        transfer = self._done.pop(key)
        self._from.pop((key[0], transfer.origin), None)
