"""Topic ``orders``: demand, one event per order line and state of that line.

``order.placed`` and ``order.changed`` carry the line's full state and a version that grows; the engine books the
difference. Without ``order_id`` the event is its own line, version 1. ``line`` defaults to the sku.
"""

import datetime as dt
from typing import Annotated, get_args

from msgspec import Meta

from sensing.contracts.common import (
    DEFAULT_UNIT,
    Currency,
    Id,
    ItemEvent,
    Line,
    Price,
    Quantity,
    QuantityOrZero,
    Text,
    Unit,
    Version,
)
from sensing.contracts.topic_spec import TopicSpec


class OrderLine(ItemEvent, kw_only=True, gc=False):
    """Optional fields that all order events share.

    Defaults: ``line`` the sku; ``unit_of_measure`` EA; ``requested_date`` the day of the order; no price means the
    master price, if any; customer, channel, region and promotion unknown.
    """

    order_id: Id | None = None
    line: Line | None = None
    unit_of_measure: Unit = DEFAULT_UNIT
    customer: Id | None = None
    channel: Id | None = None
    region: Id | None = None
    requested_date: (
        Annotated[dt.date, Meta(description="Local day for which it is ordered. Default: the day of the order.")] | None
    ) = None
    unit_price: Price | None = None
    currency: Currency | None = None
    promotion: Id | None = None


class OrderPlaced(OrderLine, tag="order.placed", kw_only=True, gc=False):
    """A line was ordered. ``line_version`` defaults to 1.

    ``quantity_open`` is what was not shipped yet; it is read when the line is first heard of. A line from before the
    engine began is sent with its own ``event_time``; it teaches no demand that daily sums (`demand.daily`) have.
    """

    quantity: Quantity
    line_version: Version = 1
    quantity_open: QuantityOrZero | None = None


class OrderChanged(OrderLine, tag="order.changed", kw_only=True, gc=False):
    """A line was changed; the event has its new state. ``line_version`` is required. Quantity 0 empties the line.

    A change at version 1 places a line that was not heard of. At a higher version it teaches no demand; the line counts
    as open with ``quantity_open``, or if its requested date lies within the horizon or ahead.
    """

    quantity: QuantityOrZero
    line_version: Version
    quantity_open: QuantityOrZero | None = None


class OrderCancelled(OrderLine, tag="order.cancelled", kw_only=True, gc=False):
    """What is not shipped is cancelled, what was shipped stays demand.

    ``quantity`` is ignored. ``line_version`` defaults to "after all others".
    """

    quantity: QuantityOrZero = 0.0
    line_version: Version | None = None


class OrderClosed(OrderLine, tag="order.closed", kw_only=True, gc=False):
    """The line was closed short: nothing more will be shipped, what was shipped stays demand. Same as a cancellation.

    ``quantity`` is ignored. ``line_version`` defaults to "after all others".
    """

    quantity: QuantityOrZero = 0.0
    line_version: Version | None = None


class OrderReturned(OrderLine, tag="order.returned", kw_only=True, gc=False):
    """Goods came back. Raises stock, unless they are not ``restocked``, and does not lower demand.

    Keyed by ``event_id``.
    """

    quantity: Quantity
    restocked: Annotated[bool, Meta(description="Whether the goods are in stock again.")] = True
    reason: Text | None = None


class OrderAllocated(OrderLine, tag="order.allocated", kw_only=True, gc=False):
    """Stock was reserved for a line: it is not free for others until it is shipped. Keyed by ``event_id``."""

    quantity: Quantity


class OrderLost(OrderLine, tag="order.lost", kw_only=True, gc=False):
    """Demand that was refused (no stock, price). Counts as demand, not as open quantity. Keyed by ``event_id``."""

    quantity: Quantity
    reason: Text | None = None


class DemandDaily(ItemEvent, tag="demand.daily", kw_only=True, gc=False):
    """Demand of one local day before the engine began, as a sum: what was ordered on the day of ``event_time``.

    It teaches as the orders of that day would, but no hours of the day, and raises no alarm. ``event_time`` is best the
    start of the local day, and days come in their order. An order line of the same SKU-location that was placed up to
    the newest day with a sum is in the sums: it may be open, and teaches no demand. Several sums of a day add up.
    Keyed by ``event_id``.

    A sum of a kit is one of its parts as well, so sums of parts have only their own order lines. Sums of a location
    that supplies others include what it sent, unless these transfers are sent as events.
    """

    quantity: Quantity
    order_lines: Annotated[int, Meta(ge=1, le=100_000, description="Order lines that make up the quantity.")]
    largest_line: (
        Annotated[
            Quantity, Meta(description="Quantity of the largest line. Default: unknown, it may be the whole sum.")
        ]
        | None
    ) = None
    unit_of_measure: Unit = DEFAULT_UNIT
    unit_price: Price | None = None
    currency: Currency | None = None


OrderEvent = (
    OrderPlaced | OrderChanged | OrderCancelled | OrderClosed | OrderReturned | OrderAllocated | OrderLost | DemandDaily
)

SPEC = TopicSpec(name="orders", about=__doc__, structs=get_args(OrderEvent))
