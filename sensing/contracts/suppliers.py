"""Topic ``suppliers``: supply, one event per purchase-order line and state of that line."""

import datetime as dt
from typing import get_args

from sensing.contracts.common import (
    DEFAULT_UNIT,
    Days,
    Event,
    Id,
    ItemEvent,
    Line,
    Location,
    Quantity,
    Sku,
    Text,
    Unit,
    Version,
)
from sensing.contracts.topic_spec import TopicSpec


class PurchaseOrderLine(ItemEvent, kw_only=True, gc=False):
    """Common fields of a purchase-order line. ``line`` defaults to the sku.

    Confirmations, delays and shipments of one line without a ``line_version`` are ordered by ``event_time``.
    """

    po_id: Id
    line: Line | None = None
    line_version: Version | None = None
    supplier: Id | None = None
    unit_of_measure: Unit = DEFAULT_UNIT


class PurchaseOrderPlaced(PurchaseOrderLine, tag="po.placed", kw_only=True, gc=False):
    """The line was ordered from ``supplier``. Version 1 by default; ``promised_date`` may come later."""

    quantity: Quantity
    promised_date: dt.date | None = None


class PurchaseOrderConfirmed(PurchaseOrderLine, tag="po.confirmed", kw_only=True, gc=False):
    """The supplier confirmed ``quantity`` (default: as ordered) for ``promised_date``."""

    promised_date: dt.date
    quantity: Quantity | None = None


class PurchaseOrderDelayed(PurchaseOrderLine, tag="po.delayed", kw_only=True, gc=False):
    """The supplier now promises a later date."""

    promised_date: dt.date
    reason: Text | None = None


class PurchaseOrderShipped(PurchaseOrderLine, tag="po.shipped", kw_only=True, gc=False):
    """The supplier shipped; ``promised_date`` is the expected arrival where known."""

    promised_date: dt.date | None = None
    quantity: Quantity | None = None


class PurchaseOrderReceived(PurchaseOrderLine, tag="po.received", kw_only=True, gc=False):
    """``quantity`` arrived (partial receipts add up); raises on-hand.

    Keyed by ``event_id``. ``last`` closes a short line.
    """

    quantity: Quantity
    last: bool = False


class PurchaseOrderCancelled(PurchaseOrderLine, tag="po.cancelled", kw_only=True, gc=False):
    """The open quantity of the line will not arrive. By default its version is "after all others"."""


class SupplierDisrupted(Event, tag="supplier.disrupted", kw_only=True, gc=False):
    """All open lines of ``supplier`` (or only of ``sku`` or ``location``) are expected ``delay_days`` later."""

    supplier: Id
    sku: Sku | None = None
    location: Location | None = None
    delay_days: Days = 0.0
    until: dt.date | None = None
    reason: Text | None = None


SupplierEvent = (
    PurchaseOrderPlaced
    | PurchaseOrderConfirmed
    | PurchaseOrderDelayed
    | PurchaseOrderShipped
    | PurchaseOrderReceived
    | PurchaseOrderCancelled
    | SupplierDisrupted
)

SPEC = TopicSpec(name="suppliers", about=__doc__, structs=get_args(SupplierEvent))
