"""One purchase-order line, and the rules by which its events change it. `sensing.supply.purchases` calls it.

Events may arrive in any order:

- Events with a version: a version equal to the newest is a duplicate, a lower one is superseded.
- Events without a version (confirmed, delayed, shipped) are ordered by event time, then by kind in this order. They
  never revive a cancelled line.
- The first placement sets the time of the order. Quantity and promised day of newer versions that arrived before it
  stay; it sets only those that are still missing.
- A cancellation without a version is newer than all other events.
- Receipts are always booked, whatever the state of the line.
"""

from typing import Any, Literal

import msgspec

from sensing.codec.event_record import NO_DAY, THOUSANDTHS
from sensing.contracts.common import VERSION_LAST
from sensing.contracts.suppliers import (
    PurchaseOrderCancelled,
    PurchaseOrderConfirmed,
    PurchaseOrderDelayed,
    PurchaseOrderPlaced,
    PurchaseOrderShipped,
)
from sensing.supply.lanes import NO_LANE, UNKNOWN
from sensing.supply.supply_record import NEVER

Outcome = Literal["absorbed", "duplicate", "superseded", "line_changed_item"]
UNTOLD = -1
_RANK: dict[Any, int] = {PurchaseOrderConfirmed: 1, PurchaseOrderDelayed: 2, PurchaseOrderShipped: 3}


class PurchaseLine(msgspec.Struct, array_like=True, gc=False):
    """State of a line. Quantities are in thousandths of the base unit, days are local, times are UTC ms."""

    row: int
    supplier: int = UNKNOWN
    lane: int = NO_LANE
    placed_time: int = NEVER
    ordered: int = UNTOLD
    received: int = 0
    promised_day: int = NO_DAY
    shift_days: float = 0.0
    """Days that disruptions add to the promised day. A new promise of the supplier resets them."""
    version: int = 0
    time: int = NEVER
    rank: int = 0
    last_event_time: int = NEVER
    cancelled: bool = False
    finished: bool = False
    """The last receipt has arrived. The missing quantity will not come."""
    early: int = 0
    """Thousandths received before the placement arrived."""
    early_time: int = NEVER
    """Mean time of these receipts, weighted by quantity. A sum of thousandths x ms would not fit 64 bits."""

    @property
    def placed(self) -> bool:
        """Whether the placement has arrived."""
        return self.placed_time != NEVER

    @property
    def open(self) -> int:
        """Thousandths still to come."""
        if self.cancelled or self.finished:
            return 0
        return max(self.ordered - self.received, 0)


def thousandths(quantity: float, factor: float) -> int:
    """Quantity in thousandths of the base unit; at least 1. ``factor`` is base units per unit of measure."""
    return max(round(quantity * factor * THOUSANDTHS), 1)


def classify_event(line: PurchaseLine, event: Any, time: int) -> Outcome:
    """Outcome of an event for the line, for all kinds but receipts. ``time`` is the event time, UTC ms."""
    if isinstance(event, PurchaseOrderPlaced) and not line.placed and not line.cancelled:
        return "absorbed"
    version = _version(event)
    if version is not None:
        if version == line.version:
            return "duplicate"
        return "absorbed" if version > line.version else "superseded"
    if line.cancelled:
        return "superseded"
    mark = (time, _RANK[type(event)])
    if mark == (line.time, line.rank):
        return "duplicate"
    return "absorbed" if mark > (line.time, line.rank) else "superseded"


def _version(event: Any) -> int | None:
    if event.line_version is not None:
        return int(event.line_version)
    if isinstance(event, PurchaseOrderPlaced):
        return 1
    return VERSION_LAST if isinstance(event, PurchaseOrderCancelled) else None


def change(line: PurchaseLine, event: Any, time: int, factor: float, promised_day: int) -> None:
    """Apply an absorbed event to the line, for all kinds but receipts.

    Parameters
    ----------
    line, event
        The line and the event.
    time
        Event time, UTC ms.
    factor
        Base units per unit of measure.
    promised_day
        The event's promised date as a local day, or NO_DAY.
    """
    version = _version(event)
    first_placement = isinstance(event, PurchaseOrderPlaced) and not line.placed
    newest = version is None or version > line.version
    if first_placement:
        line.placed_time = time
    if newest or not first_placement:
        _state(line, event, factor, promised_day)
    else:
        # This placement arrived after a newer version. It only fills in values that are still missing.
        if line.ordered == UNTOLD:
            line.ordered = thousandths(event.quantity, factor)
        if line.promised_day == NO_DAY:
            line.promised_day = promised_day
    if version is not None:
        line.version = max(line.version, version)
    line.time, line.rank = max((line.time, line.rank), (time, _RANK.get(type(event), 0)))


def _state(line: PurchaseLine, event: Any, factor: float, promised_day: int) -> None:
    if isinstance(event, PurchaseOrderCancelled):
        line.cancelled = True
        return
    line.cancelled = False
    quantity = None if isinstance(event, PurchaseOrderShipped) else getattr(event, "quantity", None)
    if quantity is not None:
        line.ordered = thousandths(quantity, factor)
    if promised_day != NO_DAY:
        line.promised_day = promised_day
        line.shift_days = 0.0
