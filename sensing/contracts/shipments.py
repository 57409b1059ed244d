"""Topic ``shipments``: fulfilment and movement between locations. Every event is keyed by its ``event_id``."""

from typing import get_args

from sensing.contracts.common import (
    DEFAULT_UNIT,
    ExpectedDate,
    Id,
    ItemEvent,
    Line,
    Location,
    Quantity,
    Sku,
    Text,
    Unit,
)
from sensing.contracts.topic_spec import TopicSpec


class Shipment(ItemEvent, kw_only=True, gc=False):
    """Common fields.

    ``order_id`` and ``line`` (default: the sku) name the order line; ``location`` is where the goods leave.
    """

    quantity: Quantity
    shipment_id: Id | None = None
    order_id: Id | None = None
    line: Line | None = None
    unit_of_measure: Unit = DEFAULT_UNIT


class Shipped(Shipment, tag="shipment.shipped", kw_only=True, gc=False):
    """Goods left ``location``: lowers on-hand and the open quantity of the order line."""


class ShipmentDelayed(Shipment, tag="shipment.delayed", kw_only=True, gc=False):
    """The shipment will leave or arrive later, at ``expected_date``: what is open of its order line is owed then."""

    expected_date: ExpectedDate
    reason: Text | None = None


class Backordered(Shipment, tag="shipment.backordered", kw_only=True, gc=False):
    """``quantity`` could not be shipped and is backordered: it is owed on ``expected_date``, if known."""

    expected_date: ExpectedDate | None = None


class Substituted(Shipment, tag="shipment.substituted", kw_only=True, gc=False):
    """``substitute_sku`` was shipped in place of ``sku``: lowers the substitute's on-hand at the same location.

    It serves the order line of ``sku`` as a shipment would.
    """

    substitute_sku: Sku


class Transferred(Shipment, tag="shipment.transferred", kw_only=True, gc=False):
    """Goods moved from ``location`` to ``to_location`` of the same SKU.

    They are demand at ``location``, as one line at the event's time, unless ``policy.updated`` says that only orders
    are. With ``expected_date`` they are in transit: on order at ``to_location``, and on hand there when a
    ``shipment.delivered`` of the same ``shipment_id`` says so, or when ``transfer_days_late`` days of policy have
    passed since that date. ``shipment.delayed`` of the same ``shipment_id`` moves the date. Without a date they are on
    hand at once. A date further from the event time than 10 years is no date.
    """

    to_location: Location
    expected_date: ExpectedDate | None = None


class Delivered(Shipment, tag="shipment.delivered", kw_only=True, gc=False):
    """The customer has received the goods. If their shipment was not heard of, they leave the stock now.

    With the ``shipment_id`` of a transfer, the goods have arrived at its ``to_location``: they are on hand there now.
    What is delivered in part leaves the rest in transit.
    """


ShipmentEvent = Shipped | ShipmentDelayed | Backordered | Substituted | Transferred | Delivered

SPEC = TopicSpec(name="shipments", about=__doc__, structs=get_args(ShipmentEvent))
