"""Purchase orders of all shards, as far as the pools of suppliers need them: when, how much, and promised for when.

Every shard hears every event about a purchase-order line (`sensing.codec.purchase_notices`) and turns receipts into
observations of `Lanes`. So all shards keep the same pools. The shard of the SKU keeps the line itself, see `purchases`;
what it learns about the lane of the line does not come from here.

Records wait until 00:00 UTC, when pools learn: those whose watermark lies before are heard then, in reading order. So
it does not matter in which batch they came. At most WAITING_MAX records of one UTC day wait.

A line here has its first placement, its latest promise and what was received; versions, schedule lines and units are
those of `purchases` alone. A receipt in another unit than the order counts as the whole line.

At most LINES_MAX lines are kept, the oldest go first. A line without events for the line horizon goes when it is done,
and after LINE_DAYS_MAX in any case. ``evicted`` counts lines that had to go, and records that could not wait.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY
from sensing.codec.purchase_record import NO_PURCHASES, PURCHASE, Purchase, PurchaseKind
from sensing.machine_settings import DAY_MS
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.supply.lanes import Lanes
from sensing.supply.purchase_line import DATE_DAYS_MAX
from sensing.supply.supply_record import NEVER

LINES_MAX = 1 << 16
WAITING_MAX = 1 << 16
LINE_DAYS_MAX = 400
RECEIPTS_MAX = 64
"""Receipts of one line; further ones teach nothing."""


class HeardReceipt(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A receipt: hash of the event's id, ``time`` in UTC ms, ``day`` local."""

    event: int
    time: int
    day: int
    quantity: float
    unit: bytes


class HeardLine(msgspec.Struct, array_like=True, gc=False):
    """What was heard of a line. Times are UTC ms, days are local, quantities are in the unit of their event."""

    supplier: str = ""
    placed_time: int = NEVER
    quantity: float = 0.0
    unit: bytes = b""
    promised_day: int = NO_DAY
    promised_time: int = NEVER
    last_time: int = NEVER
    received: float = 0.0
    """Share of the line."""
    receipts: list[HeardReceipt] = []
    """All receipts, so that a repeat is known."""

    @property
    def done(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.received >= 1.0


Key = tuple[int, int]
"""Hashes of the id of a purchase order and of the name of its line."""
LocalDay = Callable[[str, int], int]
"""Local day of an instant (UTC ms) at a location."""
_Lines = tuple[list[tuple[Key, HeardLine]], int]
"""Lines in order of first mention, and lines and records evicted."""


class HeardPurchases:
    """The purchase-order lines that a shard has heard of."""

    def __init__(self, horizon_days: int) -> None:
        self.horizon_ms = horizon_days * DAY_MS
        self.evicted = 0
        self._lines: dict[Key, HeardLine] = {}
        self._waiting: list[NDArray[Any]] = []
        self._waiting_of_day: dict[int, int] = {}

    def __len__(self) -> int:
        """Number of lines."""
        return len(self._lines)

    def wait(self, purchases: NDArray[Any]) -> None:
        """Keep records of `PURCHASE` (n,) until the midnight after their watermarks."""
        if not len(purchases):
            return
        days = purchases["watermark"] // DAY_MS
        for day in np.unique(days).tolist():
            before = self._waiting_of_day.get(day, 0)
            of_day = purchases[days == day]
            kept = of_day[: WAITING_MAX - before]
            self._waiting.append(kept)
            self._waiting_of_day[day] = before + len(kept)
            self.evicted += len(of_day) - len(kept)

    def hear_waiting(self, instant: int, local_day: LocalDay, lanes: Lanes) -> None:
        """Hear the records whose watermark lies before ``instant`` (00:00 UTC, in ms)."""
        waiting = self._all_waiting()
        due = waiting["watermark"] < instant
        for record in waiting[due].tolist():
            said = Purchase(*record)
            self.hear(said, local_day(said.location.decode(), said.time), lanes)
        self._restore_waiting(waiting[~due])

    def hear(self, said: Purchase, local_day: int, lanes: Lanes) -> None:
        """Take in an event on ``local_day`` of its location; learn receipts of placed lines."""
        key = said.order, said.line
        line = self._lines.get(key)
        if said.kind == PurchaseKind.CANCELLED:
            if line is not None and said.ends:
                line.received = 1.0
            return
        if line is None:
            self._make_room()
            line = self._lines[key] = HeardLine()
        line.supplier = said.supplier.decode() or line.supplier
        line.last_time = max(line.last_time, said.time)
        if said.kind == PurchaseKind.RECEIVED:
            self._receive(line, said, local_day, lanes)
            return
        if abs(said.promised_day - local_day) <= DATE_DAYS_MAX and said.time >= line.promised_time:
            line.promised_day, line.promised_time = said.promised_day, said.time
        if said.kind == PurchaseKind.PLACED and line.placed_time == NEVER:
            line.placed_time, line.quantity, line.unit = said.time, said.quantity, said.unit
            for receipt in line.receipts:
                _learn(line, receipt, lanes)

    def forget_old(self, instant: int) -> None:
        """Drop done lines without events for the line horizon, and lines without any for LINE_DAYS_MAX."""
        old, done = instant - LINE_DAYS_MAX * DAY_MS, instant - self.horizon_ms
        self._lines = {key: line for key, line in self._lines.items() if line.last_time >= (done if line.done else old)}

    def dump(self) -> bytes:
        """All lines and waiting records as bytes."""
        lines = Encoded((list(self._lines.items()), self.evicted), _Lines)
        return pack({"heard": lines, "waiting": self._all_waiting()})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        parts = unpack(block, {"heard": _Lines, "waiting": PURCHASE})
        lines, self.evicted = parts["heard"]
        self._lines = dict(lines)
        self._restore_waiting(parts["waiting"])

    def _all_waiting(self) -> NDArray[Any]:
        return np.concatenate([NO_PURCHASES, *self._waiting])

    def _restore_waiting(self, records: NDArray[Any]) -> None:
        """Let records wait that have room, since they waited before."""
        self._waiting = [records] if len(records) else []
        days, counts = np.unique(records["watermark"] // DAY_MS, return_counts=True)
        self._waiting_of_day = dict(zip(days.tolist(), counts.tolist(), strict=True))

    def _receive(self, line: HeardLine, said: Purchase, local_day: int, lanes: Lanes) -> None:
        if len(line.receipts) >= RECEIPTS_MAX or any(known.event == said.event for known in line.receipts):
            return
        receipt = HeardReceipt(said.event, said.time, local_day, said.quantity, said.unit)
        line.receipts = [*line.receipts, receipt]
        if line.placed_time != NEVER:
            _learn(line, receipt, lanes)
        if said.ends:
            line.received = 1.0

    def _make_room(self) -> None:
        if len(self._lines) >= LINES_MAX:
            del self._lines[next(iter(self._lines))]
            self.evicted += 1


def _learn(line: HeardLine, receipt: HeardReceipt, lanes: Lanes) -> None:
    """Learn a receipt, as far as it was ordered."""
    share = receipt.quantity / line.quantity if receipt.unit == line.unit else 1.0
    share = min(share, 1.0 - line.received)
    if share <= 0.0:
        return
    line.received += share
    days = max(receipt.time - line.placed_time, 0) / DAY_MS
    delay = np.nan if line.promised_day == NO_DAY else float(receipt.day - line.promised_day)
    lanes.heard(lanes.supplier(line.supplier), days, share, receipt.time, delay)
