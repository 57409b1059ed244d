"""Details of exceptions: what a record states beside the fields of all types, one struct per exception type.

`ExceptionState.details` is one of them; its field ``type`` is the exception type. A detector's spec names its struct,
and the published schema lists all of them. Quantities are base units, dates are local days.
"""

import datetime as dt
from typing import Annotated, Literal

import msgspec

from sensing.contracts.number_kinds import BaseMoney, Duration, Expectation, Price, Quantity, Ratio

Instant = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339, UTC."""

DelayCause = Literal["promise", "disruption", "overdue", "unconfirmed"]
DelayOutcome = Literal["received", "closed_short", "cancelled", "on_time"]
LargeOutcome = Literal["shipped", "cancelled", "changed", "settled"]
HeldOutcome = Literal["released", "cancelled", "changed"]
NameKind = Literal["item", "location", "supplier", "unit"]
Sign = Literal["multiple", "price", "cancelled_twin"]


class SurgeDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="order_surge"):
    """Details of an `order_surge`.

    ``lift`` is the order lines of the window over the expected ones, with allowance for a short history. ``units`` and
    ``customers`` (about how many) are those of the local days of the window. ``promotions`` are those that raise what
    is expected.
    """

    window_hours: int
    lift: Ratio
    units: Quantity | None = None
    customers: int | None = None
    promotions: str | None = None


class DropDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="demand_drop"):
    """Details of a `demand_drop`. The last order line came ``silence_days`` ago, on ``last_line_date``."""

    window_days: int
    silence_days: int
    last_line_date: dt.date | None = None


class VarianceDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="forecast_variance"):
    """Details of a `forecast_variance`.

    ``plan`` is the event id of the plan, ``plan_weight`` its weight in the forecast, ``planned_days`` its days among
    the next 28, ``difference`` what the sensed forecast exceeds it by (units).
    """

    plan: str
    plan_per_day: Expectation
    plan_weight: Ratio
    planned_days: int
    difference: Expectation


class DelayDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="supplier_delay"):
    """Details of a `supplier_delay`: one purchase-order line and its schedule line that is most days late.

    ``units_late`` is what is late of ``units_open``. ``schedule_line`` and ``schedule_quantity`` are the worst schedule
    line, ``promised_date`` its first date, and ``promised_by`` says who named it. ``usual_days_late`` is the lateness
    that the supplier stays within, nineteen times in twenty. Stock lasts ``cover_days`` (null: for ever, or not known);
    ``covered`` says whether that reaches the expected date plus the usual lateness; null if the stock is not known.
    ``outcome`` says how the delay ended.
    """

    po_id: str
    line: str
    supplier: str
    supplier_region: str | None = None
    units_open: Quantity
    units_late: Quantity = 0.0
    schedule_line: str | None = None
    schedule_quantity: Quantity | None = None
    promised_date: dt.date | None = None
    promised_by: Literal["supplier", "order"] | None = None
    expected_date: dt.date | None = None
    days_late: int = 0
    usual_days_late: int = 0
    cover_days: Duration | None = None
    covered: bool | None = None
    cause: DelayCause | None = None
    outcome: DelayOutcome | None = None


class DigestLine(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase-order line of a `delay_digest`. ``money_base`` is its late units at price, in the base currency."""

    po_id: str
    line: str
    sku: str
    location: str
    units_late: Quantity
    promised_date: dt.date | None = None
    expected_date: dt.date
    days_late: int
    money_base: BaseMoney | None = None


class DigestDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="delay_digest"):
    """Details of a `delay_digest`: late lines of one supplier that stock covers, counted, and the ``worst`` of them."""

    supplier: str
    lines: int
    items: int
    days_late_max: int
    lines_without_money: int
    worst: list[DigestLine] = []


class StockoutDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="stockout_projected"):
    """Details of a `stockout_projected`.

    ``window_days`` is days until the next receipt or, if longer, the lead time. ``lost_units`` is the expected demand
    of the window that stock and receipts do not serve. ``oversold_since`` is the day on which due orders were first
    found to exceed stock. ``receipt_due`` says whether a receipt is due, ``next_receipt_date`` when the next one is.
    """

    stockout_date: dt.date | None = None
    oversold_since: dt.date | None = None
    next_receipt_date: dt.date | None = None
    window_days: int
    lost_units: Expectation | None = None
    receipt_due: bool


class LargeOrderDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="large_order"):
    """Details of a `large_order`.

    ``largest_usual`` is the largest usual line of the row before this one, ``on_hand`` its stock, and ``free`` the
    stock less all that is due with this line. ``share_of_stock`` is the line over the stock. ``outcome`` says how it
    ended.
    """

    order_id: str
    line: str
    quantity: Quantity
    units_open: Quantity
    largest_usual: Expectation
    on_hand: Quantity | None = None
    free: Quantity | None = None
    share_of_stock: Ratio | None = None
    requested_date: dt.date | None = None
    unit_price: Price | None = None
    customer: str | None = None
    outcome: LargeOutcome | None = None


class DriftDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="inventory_out_of_sync"):
    """Details of an `inventory_out_of_sync`.

    ``drift`` is the count less the balance (units), ``tolerance`` the share of the balance by which a count may differ.
    """

    drift: Quantity
    tolerance: Ratio


class HeldLineDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="data_quality"):
    """Details of a `data_quality`: an order line that is held, and the ``signs`` that its quantity is a slip.

    ``partition`` is that of its event. ``outcome`` says how it ended.
    """

    order_id: str
    line: str
    quantity: Quantity
    check: Literal["impossible_quantity"] = "impossible_quantity"
    signs: tuple[Sign, ...] = ()
    requested_date: dt.date | None = None
    unit_price: Price | None = None
    partition: int | None = None
    outcome: HeldOutcome | None = None


class NameDetails(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="master_data"):
    """Details of a `master_data`: the name that no record has, and the events that name it.

    ``ordered_quantity`` is what their orders ask for, if they add up, in ``unit_of_measure`` (null: base units).
    """

    kind: NameKind
    name: str
    events: int
    waiting: int
    dead_letters: int
    released: int
    first_event: str
    first_event_time: Instant
    last_event: str
    last_event_time: Instant
    ordered_quantity: Quantity | None = None
    unit_of_measure: str | None = None


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
