"""Table of all input event types: which machine gets an event, and its effect. README and AsyncAPI document print it.

``unused`` are fields that are accepted and have no effect yet. The contract walk, a test, changes every field of every
type: exactly those listed here, and the routing fields of types that do nothing, may leave all outputs as they are.
"""

from typing import Literal, NamedTuple

Routing = Literal["shard of the SKU", "every shard"]


class InputType(NamedTuple):
    """One type of input event."""

    routed_to: Routing
    effect: str
    unused: tuple[str, ...] = ()


_ORDER_TEXTS = ("channel", "region")

INPUT_TYPES: dict[str, InputType] = {
    "order.placed": InputType("shard of the SKU", "books a line as demand and open quantity", _ORDER_TEXTS),
    "order.changed": InputType("shard of the SKU", "replaces the booking of the version before", _ORDER_TEXTS),
    "order.cancelled": InputType(
        "shard of the SKU", "ends a line: what was shipped is its demand",
        (*_ORDER_TEXTS, "promotion", "customer", "requested_date", "unit_price"),
    ),
    "order.returned": InputType(
        "shard of the SKU", "raises stock; lowers no demand",
        ("order_id", "line", "customer", *_ORDER_TEXTS, "requested_date", "unit_price", "promotion", "reason"),
    ),
    "order.allocated": InputType(
        "shard of the SKU", "reserves stock for a line",
        ("requested_date", "unit_price", "promotion", "customer", *_ORDER_TEXTS),
    ),
    "order.closed": InputType(
        "shard of the SKU", "ends a line short: what was shipped is its demand",
        (*_ORDER_TEXTS, "promotion", "customer", "requested_date", "unit_price"),
    ),
    "demand.daily": InputType("shard of the SKU", "books the demand of a day before the engine began"),
    "order.lost": InputType("shard of the SKU", "counts as demand that was not booked", (*_ORDER_TEXTS, "reason")),
    "shipment.shipped": InputType("shard of the SKU", "lowers stock and what is open of its line", ("shipment_id",)),
    "shipment.delayed": InputType(
        "shard of the SKU", "what is open of its line, or a transfer, is expected later", ("quantity", "reason")
    ),
    "shipment.backordered": InputType(
        "shard of the SKU", "what is open of its line is owed later", ("quantity", "shipment_id")
    ),
    "shipment.substituted": InputType(
        "shard of the SKU", "serves its line; lowers the stock of the substitute", ("shipment_id",)
    ),
    "shipment.transferred": InputType(
        "shard of the SKU", "moves stock between two locations, at once or in transit; demand at the first",
        ("order_id", "line"),
    ),
    "shipment.delivered": InputType(
        "shard of the SKU", "ships what was not reported as shipped; ends a transfer in transit"
    ),
    "po.placed": InputType("shard of the SKU", "opens a purchase-order line"),
    "po.confirmed": InputType("shard of the SKU", "changes dates and quantities of schedule lines"),
    "po.delayed": InputType("shard of the SKU", "moves the dates of schedule lines", ("reason",)),
    "po.shipped": InputType("shard of the SKU", "changes the dates of what was shipped"),
    "po.received": InputType("shard of the SKU", "raises stock; teaches the lead time", ("line_version",)),
    "po.cancelled": InputType("shard of the SKU", "ends a line or a schedule line"),
    "supplier.disrupted": InputType("every shard", "delays a supplier's open lines and lead times", ("reason",)),
    "inventory.counted": InputType("shard of the SKU", "sets stock as of its time"),
    "inventory.adjusted": InputType("shard of the SKU", "changes stock", ("reason",)),
    "item.updated": InputType(
        "shard of the SKU",
        "units, prices, supplier, ordering rules, parts, aliases, last day, successor, name, groups, steward; weight"
        " of an item",
    ),
    "location.updated": InputType(
        "every shard", "time zone, calendar, region, steward and aliases of a location; whether it ships"
    ),
    "supplier.updated": InputType("every shard", "makes a supplier known; its usual lead time, region and buyer"),
    "customer.updated": InputType("every shard", "states a customer in the exceptions that its order lines cause"),
    "calendar.updated": InputType("every shard", "closed days and holidays of locations"),
    "policy.updated": InputType(
        "every shard",
        "service target, cover, costs, dead band, kind of demand, count tolerance, late transfers, base currency, "
        "rates, unknown names, thresholds between forecast and plan",
    ),
    "plan.published": InputType("shard of the SKU", "the baseline plan that the sensed forecast is blended with"),
    "parameters.in_force": InputType(
        "shard of the SKU", "what the ERP runs on: the values that a proposal is compared with", ("proposed_version",)
    ),
    "promotion.approved": InputType(
        "shard of the SKU", "multiplies the demand of an item on its days, by the stated uplift until it is learned"
    ),
    "signal.observed": InputType(
        "every shard",
        "an opportunity adds expected demand; other kinds multiply demand by their learned effect while it pays",
    ),
    "decision.made": InputType("shard of the SKU", "acts on an exception or on parameters, and is answered"),
    "execution.confirmed": InputType("shard of the SKU", "puts proposed parameters in force"),
}  # fmt: skip
"""Input types by event type. Master data and signals without a SKU go to every shard."""
