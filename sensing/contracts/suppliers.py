"""Topic ``suppliers``: supply, one event per purchase-order line and state of that line."""

from typing import Annotated, get_args

from msgspec import Meta

from sensing.contracts.common import (
    DEFAULT_UNIT,
    Days,
    Event,
    Id,
    ItemEvent,
    LastDay,
    Line,
    Location,
    PromisedDate,
    Quantity,
    QuantityOrZero,
    Sku,
    Text,
    Unit,
    Version,
)
from sensing.contracts.topic_spec import TopicSpec


class PurchaseOrderLine(ItemEvent, kw_only=True, gc=False):
    """Common fields of a purchase-order line. ``line`` defaults to the sku.

    Events about one line may arrive in any order. Confirmations, delays and shipments of one line without a
    ``line_version`` are ordered by ``event_time``. A date further from the event time than 10 years is no date.

    A line may come in schedule lines. ``schedule_line`` names one; it has versions of its own. Without it,
    confirmations of different dates whose sum stays within the quantity to come are schedule lines. The same date, or a
    sum beyond that quantity, replaces what was confirmed before.
    """

    po_id: Id
    line: Line | None = None
    line_version: Version | None = None
    supplier: Id | None = None
    unit_of_measure: Unit = DEFAULT_UNIT


class PurchaseOrderPlaced(PurchaseOrderLine, tag="po.placed", kw_only=True, gc=False):
    """The line was ordered from ``supplier``. Version 1 by default; ``promised_date`` may come later.

    ``quantity_open`` is what is still to come of an order that was placed before the engine's first day. It is read
    only if this is the first event about the line.
    """

    quantity: Quantity
    promised_date: PromisedDate | None = None
    quantity_open: QuantityOrZero | None = None


class PurchaseOrderConfirmed(PurchaseOrderLine, tag="po.confirmed", kw_only=True, gc=False):
    """The supplier confirmed ``quantity`` (default: as ordered) for ``promised_date``.

    What it leaves out stays on order without a date, and is expected one lead time later.
    """

    promised_date: PromisedDate
    quantity: Quantity | None = None
    schedule_line: Line | None = None


class PurchaseOrderDelayed(PurchaseOrderLine, tag="po.delayed", kw_only=True, gc=False):
    """The supplier now promises a later date.

    Without ``schedule_line`` it moves every schedule line that was due before.
    """

    promised_date: PromisedDate
    reason: Text | None = None
    schedule_line: Line | None = None


class PurchaseOrderShipped(PurchaseOrderLine, tag="po.shipped", kw_only=True, gc=False):
    """The supplier shipped ``quantity`` of what is due first; ``promised_date`` is the expected arrival where known.

    Without ``quantity`` it is the whole schedule line.
    """

    promised_date: PromisedDate | None = None
    quantity: Quantity | None = None
    schedule_line: Line | None = None


class PurchaseOrderReceived(PurchaseOrderLine, tag="po.received", kw_only=True, gc=False):
    """``quantity`` arrived (partial receipts add up); raises on-hand.

    Keyed by ``event_id``. It serves its ``schedule_line`` first, then what is due first. ``last`` closes a short line.
    """

    quantity: Quantity
    last: Annotated[bool, Meta(description="Whether nothing more will arrive of the line.")] = False
    schedule_line: Line | None = None


class PurchaseOrderCancelled(PurchaseOrderLine, tag="po.cancelled", kw_only=True, gc=False):
    """The open quantity of the line, or of its ``schedule_line``, will not arrive.

    By default its version is "after all others".
    """

    schedule_line: Line | None = None


class SupplierDisrupted(Event, tag="supplier.disrupted", kw_only=True, gc=False):
    """All open lines of ``supplier`` (or only of ``sku`` or ``location``) are expected ``delay_days`` later, and not
    before ``until``, until the supplier promises a date again.

    So is what would be ordered while it lasts: until ``until`` or, without it, for ``delay_days``. A newer event about
    the same supplier, sku and location replaces one that still lasts.
    """

    supplier: Id
    sku: Sku | None = None
    location: Location | None = None
    delay_days: Days = 0.0
    until: LastDay | None = None
    reason: Text | None = None


PurchaseOrderEvent = (
    PurchaseOrderPlaced
    | PurchaseOrderConfirmed
    | PurchaseOrderDelayed
    | PurchaseOrderShipped
    | PurchaseOrderReceived
    | PurchaseOrderCancelled
)
SupplierEvent = PurchaseOrderEvent | SupplierDisrupted

SPEC = TopicSpec(name="suppliers", about=__doc__, structs=get_args(SupplierEvent))
