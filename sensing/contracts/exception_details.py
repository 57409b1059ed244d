"""Details of exceptions: what a record states beside the fields of all types, one struct per exception type.

`ExceptionState.details` is one of them; its field ``type`` is the exception type. A detector's spec names its struct,
and the published schema lists all of them. Quantities are base units, dates are local days. The first line of a struct
is what the published schema says of its exception type.
"""

import datetime as dt
from typing import Annotated, Literal

import msgspec

from sensing.contracts.number_kinds import BaseMoney, Duration, Expectation, Price, Quantity, Ratio
from sensing.contracts.output_fields import Count, Instant, Share, about

DelayCause = Literal["promise", "disruption", "overdue", "unconfirmed"]
DELAY_CAUSES: dict[DelayCause, str] = {
    "promise": "the supplier promises a later day",
    "disruption": "a disruption of the supplier puts it off",
    "overdue": "its day has passed",
    "unconfirmed": "a part of the line is not confirmed",
}
DelayOutcome = Literal["received", "closed_short", "cancelled", "on_time"]
DELAY_OUTCOMES: dict[DelayOutcome, str] = {
    "received": "all has arrived",
    "closed_short": "closed with less than was ordered",
    "cancelled": "nothing will arrive any more",
    "on_time": "it is expected on its first day again",
}
LargeOutcome = Literal["shipped", "cancelled", "changed", "settled"]
LARGE_OUTCOMES: dict[LargeOutcome, str] = {
    "shipped": "nothing of it is open any more",
    "cancelled": "the line was cancelled",
    "changed": "changed to a usual quantity",
    "settled": "a stock count or its age has ended the line",
}
HeldOutcome = Literal["released", "cancelled", "changed"]
HELD_OUTCOMES: dict[HeldOutcome, str] = {
    "released": "a person said that it is right",
    "cancelled": "the line was cancelled",
    "changed": "changed to a usual quantity",
}
NameKind = Literal["item", "location", "supplier", "unit"]
NAME_KINDS: dict[NameKind, str] = {
    "item": "a SKU",
    "location": "a location",
    "supplier": "a supplier",
    "unit": "a unit of measure of the item `sku`",
}
Sign = Literal["multiple", "price", "cancelled_twin"]
SIGNS: dict[Sign, str] = {
    "multiple": "an exact multiple of a usual quantity",
    "price": "the price fits another, usual quantity",
    "cancelled_twin": "the same quantity was cancelled shortly before",
}
PROMISERS: dict[str, str] = {"supplier": "its confirmation", "order": "the purchase order"}
WORST_MAX = 10
"""Lines that a digest names at most; the others are counted."""

OrderId = Annotated[str, about("Id of the order.")]
OrderLine = Annotated[str, about("Line of the order; the SKU if the order numbers no lines.")]
OrderQuantity = Annotated[Quantity, about("Quantity of the order line.", minimum=0)]
RequestedDate = Annotated[dt.date | None, about("Day for which the line was ordered; null: none was named.")]
UnitPrice = Annotated[Price | None, about("Price of the line; null: it has none.", minimum=0)]
PurchaseOrder = Annotated[str, about("Id of the purchase order.")]
PurchaseLine = Annotated[str, about("Line of the purchase order; the SKU if it numbers no lines.")]


class SurgeDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="order_surge"):
    """More order lines than usual, beyond chance."""

    window_hours: Annotated[int, about("Length of the window.", {24: "a day", 72: "three days"})]
    lift: Annotated[Ratio, about("Order lines over expected ones, less an allowance for a short history.", minimum=0)]
    units: Annotated[Quantity | None, about("Units ordered on the local days of the window; null: not counted.")] = None
    customers: Annotated[Count | None, about("About how many customers ordered on these days; null: not counted.")] = (
        None
    )
    promotions: Annotated[str | None, about("Promotions that raise what is expected, in words; null: none.")] = None
    size_lift: Annotated[
        Ratio | None, about("Units of a line over those of a usual line; null: they are not unusual.", minimum=0)
    ] = None


class DropDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="demand_drop"):
    """Fewer order lines than usual, or none, beyond chance."""

    window_days: Annotated[int, about("Local days that are compared: 7, 14, or those since the last line.", minimum=1)]
    silence_days: Annotated[Count, about("Local days without an order line up to now.")]
    last_line_date: Annotated[dt.date | None, about("Day of the last order line; null: not known any more.")] = None


class VarianceDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="forecast_variance"):
    """The forecast from orders differs from the published plan by more than policy allows."""

    plan: Annotated[str, about("Event id of the plan.")]
    plan_per_day: Annotated[Expectation, about("What the plan says, a day.", minimum=0)]
    plan_weight: Annotated[Share, about("Weight of the plan in the forecast, 0 to 1.")]
    planned_days: Annotated[int, about("Days of the plan among the next 28.", minimum=0, maximum=28)]
    difference: Annotated[Expectation, about("Forecast from orders less plan, on these days.")]


class DelayDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="supplier_delay"):
    """A purchase-order line that is late, and needed. `schedule_*` and dates are those of its latest schedule line."""

    po_id: PurchaseOrder
    line: PurchaseLine
    supplier: Annotated[str, about("Supplier of the purchase order.")]
    supplier_region: Annotated[str | None, about("Region of the supplier; null: master data name none.")] = None
    units_open: Annotated[Quantity, about("What of the line has not arrived.", minimum=0)]
    units_late: Annotated[Quantity, about("What of it is late.", minimum=0)] = 0.0
    schedule_line: Annotated[str | None, about("Id of the schedule line; null: the line has none.")] = None
    schedule_quantity: Annotated[
        Quantity | None, about("Quantity of the schedule line; null: nothing is late any more.", minimum=0)
    ] = None
    promised_date: Annotated[dt.date | None, about("First day that was promised; null: none was.")] = None
    promised_by: Annotated[
        Literal["supplier", "order"] | None, about("What named `promised_date`; null: nothing did.", PROMISERS)
    ] = None
    expected_date: Annotated[dt.date | None, about("Day on which it is expected now; null: not known.")] = None
    days_late: Annotated[
        int,
        about("Days from `promised_date` to `expected_date`, or to today if that has passed; negative: before it."),
    ] = 0
    usual_days_late: Annotated[
        Count, about("Days late that the supplier stays within, nineteen times in twenty (its 0.95 quantile).")
    ] = 0
    cover_days: Annotated[Duration | None, about("How long the stock lasts; null: for ever, or not known.")] = None
    covered: Annotated[
        bool | None,
        about("Whether it lasts until the expected day plus the usual lateness; null: the stock is not known."),
    ] = None
    cause: Annotated[DelayCause | None, about("Why it is late; null: it is not any more.", DELAY_CAUSES)] = None
    outcome: Annotated[DelayOutcome | None, about("How the delay ended; null: it has not.", DELAY_OUTCOMES)] = None


class DigestLine(msgspec.Struct, frozen=True, kw_only=True):
    """A late purchase-order line that stock covers."""

    po_id: PurchaseOrder
    line: PurchaseLine
    sku: Annotated[str, about("Item of the line.")]
    location: Annotated[str, about("Location of the line.")]
    units_late: Annotated[Quantity, about("What of the line is late.", minimum=0)]
    promised_date: Annotated[dt.date | None, about("First day that was promised; null: none was.")] = None
    expected_date: Annotated[dt.date, about("Day on which it is expected now.")]
    days_late: Annotated[Count, about("Days from `promised_date` to `expected_date`, or to today if that has passed.")]
    money_base: Annotated[BaseMoney | None, about("What is late, at price; null: price or rate is not known.")] = None


class DigestDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="delay_digest"):
    """Late purchase-order lines of one supplier that stock covers, at all locations."""

    supplier: Annotated[str, about("The supplier.")]
    lines: Annotated[Count, about("Number of late lines.")]
    items: Annotated[Count, about("Number of items among them.")]
    days_late_max: Annotated[Count, about("Days that the latest of them is late.")]
    lines_without_money: Annotated[Count, about("Lines whose money is not known, so that `money_base` misses it.")]
    worst: Annotated[list[DigestLine], about("The latest lines, the worst first.", maxItems=WORST_MAX)] = []


class StockoutDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="stockout_projected"):
    """Stock and receipts will probably not last."""

    stockout_date: Annotated[
        dt.date | None, about("Day on which it will be gone, by what is expected; null: not known.")
    ] = None
    oversold_since: Annotated[
        dt.date | None, about("Day on which due orders were first found to exceed stock; null: they do not.")
    ] = None
    next_receipt_date: Annotated[dt.date | None, about("Day of the next receipt; null: none is due.")] = None
    window_days: Annotated[int, about("Days until the next receipt or, if longer, the lead time.", minimum=0)]
    needed_days: Annotated[
        int | None,
        about(
            "Days of which `expected` is the demand: through the worst day of the window, usually the last one before"
            " goods come; null: not known.",
            minimum=0,
        ),
    ] = None
    lost_units: Annotated[
        Expectation | None,
        about("Expected demand of these days that stock and receipts do not serve; null: not known.", minimum=0),
    ] = None
    receipt_due: Annotated[bool, about("Whether a receipt is due.")]


class LargeOrderDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="large_order"):
    """An order line far beyond the usual sizes, which counts as demand."""

    order_id: OrderId
    line: OrderLine
    quantity: OrderQuantity
    units_open: Annotated[Quantity, about("What of it is not shipped.", minimum=0)]
    largest_usual: Annotated[Expectation, about("Largest usual order line before this one.", minimum=0)]
    on_hand: Annotated[Quantity | None, about("Stock; null: not known.")] = None
    free: Annotated[Quantity | None, about("Stock less all that is due, with this line; null: not known.")] = None
    share_of_stock: Annotated[Ratio | None, about("The line over the stock; null: no stock, or not known.")] = None
    requested_date: RequestedDate = None
    unit_price: UnitPrice = None
    customer: Annotated[str | None, about("Customer of the order; null: none is named.")] = None
    outcome: Annotated[LargeOutcome | None, about("How it ended; null: it has not.", LARGE_OUTCOMES)] = None


class DriftDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="inventory_out_of_sync"):
    """A stock count that differs from the balance by more than policy allows."""

    drift: Annotated[Quantity, about("Count less balance.")]
    tolerance: Annotated[Ratio, about("Share of the balance by which a count may differ.", minimum=0)]


class HeldLineDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="data_quality"):
    """An order line of an impossible quantity, which is held and counts for nothing."""

    order_id: OrderId
    line: OrderLine
    quantity: OrderQuantity
    check: Annotated[
        Literal["impossible_quantity"],
        about("What is wrong with it.", {"impossible_quantity": "the quantity must be a slip"}),
    ] = "impossible_quantity"
    signs: Annotated[
        tuple[Sign, ...], about("Signs that it is a slip; none once it has ended.", SIGNS, maxItems=len(SIGNS))
    ] = ()
    requested_date: RequestedDate = None
    unit_price: UnitPrice = None
    partition: Annotated[Count | None, about("Partition of its event; null: it has ended.")] = None
    outcome: Annotated[HeldOutcome | None, about("How it ended; null: it has not.", HELD_OUTCOMES)] = None


class NameDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="master_data"):
    """A name of an item, location, supplier or unit that no record of master data has."""

    kind: Annotated[NameKind, about("What is named.", NAME_KINDS)]
    name: Annotated[str, about("The name.")]
    events: Annotated[Count, about("Events that name it.")]
    waiting: Annotated[Count, about("Those that are held until the name is known.")]
    dead_letters: Annotated[Count, about("Those that became dead letters.")]
    released: Annotated[Count, about("Those that were held and have been applied.")]
    first_event: Annotated[str, about("Id of the first of them, by event time.")]
    first_event_time: Annotated[Instant, about("Its event time.")]
    last_event: Annotated[str, about("Id of the last of them.")]
    last_event_time: Annotated[Instant, about("Its event time.")]
    ordered_quantity: Annotated[
        Quantity | None,
        about("What their orders ask for, in `unit_of_measure`; null: no orders, or of several items or units."),
    ] = None
    unit_of_measure: Annotated[str | None, about("Unit of `ordered_quantity`; null: base units.")] = None


Details = (
    SurgeDetails
    | DropDetails
    | VarianceDetails
    | DelayDetails
    | DigestDetails
    | StockoutDetails
    | LargeOrderDetails
    | DriftDetails
    | HeldLineDetails
    | NameDetails
)
