"""Purchase orders of all shards, as far as the pools of suppliers need them: when, how much, and promised for when.

Every shard hears every event about a purchase-order line (`sensing.codec.purchase_notices`) and turns receipts into
observations of `Lanes`. So all shards keep the same pools. The shard of the SKU keeps the line itself, see `purchases`;
what it learns about the lane of the line does not come from here.

A line here has its first placement, its latest promise and what was received; versions, schedule lines and units are
those of `purchases` alone. A receipt in another unit than the order counts as the whole line.

At most LINES_MAX lines are kept, the oldest go first. A line without events for the line horizon goes when it is done,
and after LINE_DAYS_MAX in any case. ``evicted`` counts lines that had to go.
"""

import msgspec
import numpy as np

from sensing.codec.event_record import NO_DAY
from sensing.contracts.suppliers import (
    PurchaseOrderCancelled,
    PurchaseOrderLine,
    PurchaseOrderPlaced,
    PurchaseOrderReceived,
)
from sensing.machine_settings import DAY_MS
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.supply.lanes import Lanes
from sensing.supply.open_table import Key
from sensing.supply.purchase_line import plausible_day
from sensing.supply.supply_record import NEVER

LINES_MAX = 1 << 16
LINE_DAYS_MAX = 400
RECEIPTS_MAX = 64
"""Receipts of one line; further ones teach nothing."""


class HeardReceipt(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A receipt: ``time`` in UTC ms, ``day`` local."""

    event_id: str
    time: int
    day: int
    quantity: float
    unit: str


class HeardLine(msgspec.Struct, array_like=True, gc=False):
    """What was heard of a line. Times are UTC ms, days are local, quantities are in the unit of their event."""

    supplier: str = ""
    placed_time: int = NEVER
    quantity: float = 0.0
    unit: str = ""
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


_Lines = tuple[list[tuple[Key, HeardLine]], int]
"""Lines in order of first mention, and lines evicted."""


class HeardPurchases:
    """The purchase-order lines that a shard has heard of."""

    def __init__(self, horizon_days: int) -> None:
        self.horizon_ms = horizon_days * DAY_MS
        self.evicted = 0
        self._lines: dict[Key, HeardLine] = {}

    def __len__(self) -> int:
        """Number of lines."""
        return len(self._lines)

    def hear(self, event: PurchaseOrderLine, time: int, local_day: int, lanes: Lanes) -> None:
        """Take in an event at ``time`` (UTC ms), ``local_day`` at its location; learn receipts of placed lines."""
        key = event.po_id, event.line or event.sku
        line = self._lines.get(key)
        if isinstance(event, PurchaseOrderCancelled):
            if line is not None and event.schedule_line is None:
                line.received = 1.0
            return
        if line is None:
            self._make_room()
            line = self._lines[key] = HeardLine()
        line.supplier = event.supplier or line.supplier
        line.last_time = max(line.last_time, time)
        if isinstance(event, PurchaseOrderReceived):
            self._receive(line, event, time, local_day, lanes)
            return
        promised_day = plausible_day(getattr(event, "promised_date", None), local_day)
        if promised_day != NO_DAY and time >= line.promised_time:
            line.promised_day, line.promised_time = promised_day, time
        if isinstance(event, PurchaseOrderPlaced) and line.placed_time == NEVER:
            line.placed_time, line.quantity, line.unit = time, float(event.quantity), event.unit_of_measure
            for receipt in line.receipts:
                _learn(line, receipt, lanes)

    def forget_old(self, instant: int) -> None:
        """Drop done lines without events for the line horizon, and lines without any for LINE_DAYS_MAX."""
        old, done = instant - LINE_DAYS_MAX * DAY_MS, instant - self.horizon_ms
        self._lines = {key: line for key, line in self._lines.items() if line.last_time >= (done if line.done else old)}

    def dump(self) -> bytes:
        """All lines as bytes."""
        return pack({"heard": Encoded((list(self._lines.items()), self.evicted), _Lines)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        lines, self.evicted = unpack(block, {"heard": _Lines})["heard"]
        self._lines = dict(lines)

    def _receive(self, line: HeardLine, event: PurchaseOrderReceived, time: int, local_day: int, lanes: Lanes) -> None:
        if len(line.receipts) >= RECEIPTS_MAX or any(known.event_id == event.event_id for known in line.receipts):
            return
        receipt = HeardReceipt(event.event_id, time, local_day, float(event.quantity), event.unit_of_measure)
        line.receipts = [*line.receipts, receipt]
        if line.placed_time != NEVER:
            _learn(line, receipt, lanes)
        if event.last:
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
