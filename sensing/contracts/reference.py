"""Topic ``reference``: master data, plans, parameters in force at the ERP, and external signals.

A record takes effect at its ``event_time``, or from the beginning if it has none. The latest effective record of a key
is in force as a whole: absent fields have their defaults, not earlier values. While there is no record of a kind (such
as locations), all names of that kind are accepted; after that the policy says what becomes of unknown ones.
"""

import datetime as dt
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from sensing.contracts.common import (
    Currency,
    Days,
    EventId,
    EventTime,
    FirstDay,
    Id,
    LastDay,
    Location,
    Price,
    QuantityOrZero,
    Revision,
    Share,
    Sku,
    Text,
    Unit,
)
from sensing.contracts.topic_spec import TopicSpec

ItemName = Annotated[Text, Meta(description="Stated in exceptions and planning parameters.")]
ItemGroup = Annotated[Id, Meta(description="Stated in exceptions and planning parameters, to filter by.")]
ItemSteward = Annotated[Id, Meta(description="Owner of data-quality exceptions of the item.")]
RaisesSeverity = Annotated[bool, Meta(description="Exceptions of the item get one severity point more.")]
UnitCost = Annotated[Price, Meta(description="Per base unit. Read by margins and economic order quantities.")]
UnitPrice = Annotated[Price, Meta(description="Per base unit. Read where no order of the row named a price.")]
OrderCost = Annotated[Price, Meta(description="Cost of one purchase order in the base currency.")]
LocationRegion = Annotated[Id, Meta(description="Stated in exceptions, planning parameters and their headers.")]
LocationSteward = Annotated[
    Id, Meta(description="Owner of data-quality exceptions at the location, of items without a steward.")
]
SupplierRegion = Annotated[Id, Meta(description="Stated in exceptions that name the supplier.")]
Buyer = Annotated[Id, Meta(description="Owner of exceptions that go to the buyer; stated in planning parameters.")]
CustomerFact = Annotated[Id, Meta(description="Stated in exceptions that name the customer.")]
SignalValue = Annotated[
    float, Meta(ge=-1e9, le=1e9, description="In any unit: a series is compared with its own mean and spread.")
]
BaseCurrency = Annotated[
    Currency, Meta(description="Currency in which money is ranked and compared. Default: the only currency in use.")
]
RatesToBase = Annotated[
    dict[
        Annotated[Currency, Meta(description="ISO 4217 currency code.")],
        Annotated[float, Meta(gt=0, le=1e9, description="Units of the base currency per unit of the currency.")],
    ],
    Meta(description="Rates to the base currency, which itself needs no entry."),
]
PARTS_MAX, ALIASES_MAX = 100, 100
DECIMALS_MAX = 3
BaseUnits = Annotated[float, Meta(gt=0, le=1e6, description="Base units.")]
Weekday = Annotated[int, Meta(ge=0, le=6, description="0 is Monday.")]
Decimals = Annotated[
    dict[
        Annotated[Unit, Meta(description="A base unit of items.")],
        Annotated[int, Meta(ge=0, le=DECIMALS_MAX, description="Decimals of quantities in it.")],
    ],
    Meta(
        description="Decimals of published quantities, by base unit. Unset: 0 while all quantities were whole, else 3."
    ),
]
Demand = Annotated[Literal["independent", "dependent", "both"], Meta(description="What is demand at a location.")]
UnknownAction = Annotated[
    Literal["accept", "dead_letter", "quarantine"], Meta(description="What becomes of an event with an unknown name.")
]
"""What becomes of an event that names something that master data do not name."""
UnknownUnitAction = Annotated[
    Literal["dead_letter", "quarantine"], Meta(description="What becomes of an event with an unknown unit.")
]
"""The same for a unit of measure: without a factor its quantity means nothing, so it cannot be accepted."""


class ReferenceEvent(msgspec.Struct, kw_only=True, gc=False, tag_field="event_type"):
    """Base: like every event, but ``event_time`` may be absent ("from the beginning")."""

    event_id: EventId
    event_time: EventTime | None = None


class ItemUpdated(ReferenceEvent, tag="item.updated", kw_only=True, gc=False):
    """An item.

    ``units`` maps a unit of measure to base units (``{"CASE": 12}``); the base unit itself needs no entry. Price and
    cost are per base unit in ``currency``.

    ``parts`` makes it a kit: base units of each part in one base unit of the kit. It has no stock of its own. Its order
    lines are demand for it and, at the same location, for its parts, whatever is shipped; what is open is open of the
    parts. A shipment or delivery may name the parts, each under order and line of the kit, or the kit, which then ships
    its parts. If both are reported, the goods leave once: the larger total counts. Returns, allocations, backorders,
    delays, transfers and substitutions of a kit hold for its parts as well. A kit is never ordered from a supplier.
    A kit may be part of a kit, up to eight levels deep. An event counts with the parts in force at its event time.

    ``aliases`` are ids of the item in other systems: events under them are events of this item. An alias of several
    items belongs to the one with the newest record.

    ``end_of_life`` is the last local day with demand. The forecast is zero after it, and no order covers later demand.
    Order lines requested for later days are open demand as any other.

    ``successor`` takes over from the item at ``successor_from``, but not before this record takes effect: at that
    instant the history, order lines, stock and purchase orders of every location pass to it, once. From then on the
    item is another name of its successor; only a stock count says how much of the item itself is on hand. A record that
    takes effect before the instant replaces or withdraws the successor, a later one does not.
    """

    sku: Sku
    name: ItemName | None = None
    family: ItemGroup | None = None
    category: ItemGroup | None = None
    base_unit: Unit = "EA"
    units: Annotated[dict[Unit, BaseUnits], Meta(description="Base units in each unit of measure.")] = {}
    unit_cost: UnitCost | None = None
    unit_price: UnitPrice | None = None
    currency: Currency | None = None
    supplier: Id | None = None
    lead_time_days: Days | None = None
    order_quantity_min: QuantityOrZero | None = None
    order_quantity_multiple: QuantityOrZero | None = None
    shelf_life_days: Days | None = None
    service_target: Share | None = None
    steward: ItemSteward | None = None
    strategic: RaisesSeverity = False
    regulated: RaisesSeverity = False
    parts: Annotated[
        dict[Sku, BaseUnits], Meta(max_length=PARTS_MAX, description="Base units of each part in one of the kit.")
    ] = {}
    aliases: Annotated[list[Sku], Meta(max_length=ALIASES_MAX, description="Ids in other systems.")] = []
    end_of_life: LastDay | None = None
    successor: Sku | None = None
    successor_from: EventTime | None = None


class LocationUpdated(ReferenceEvent, tag="location.updated", kw_only=True, gc=False):
    """A stocking location with its IANA time zone and its calendar.

    ``shipments`` says whether it reports shipments. Unset, it does from its first shipment on. Where it does not, a
    stock count settles the order lines that were due by its day. ``aliases`` are ids of the location in other systems:
    events under them are events of this location.
    """

    location: Location
    time_zone: Id = "UTC"
    calendar: Id | None = None
    region: LocationRegion | None = None
    steward: LocationSteward | None = None
    shipments: Annotated[bool, Meta(description="Whether it reports shipments.")] | None = None
    aliases: Annotated[list[Location], Meta(max_length=ALIASES_MAX, description="Ids in other systems.")] = []


class SupplierUpdated(ReferenceEvent, tag="supplier.updated", kw_only=True, gc=False):
    """A supplier and its stated lead time."""

    supplier: Id
    lead_time_days: Days | None = None
    region: SupplierRegion | None = None
    buyer: Buyer | None = None


class CustomerUpdated(ReferenceEvent, tag="customer.updated", kw_only=True, gc=False):
    """A customer. Exceptions caused by an order line of the customer state the record.

    ``strategic`` customers raise the severity of these exceptions by one point, and ``commercial`` is informed.
    """

    customer: Id
    strategic: Annotated[bool, Meta(description="Raises the severity of its exceptions.")] = False
    segment: CustomerFact | None = None
    region: CustomerFact | None = None


class Holiday(msgspec.Struct, kw_only=True, gc=False):
    """A special day of a calendar. ``closed`` days have no demand, and models do not learn from them."""

    date: Annotated[dt.date, Meta(description="The local day.")]
    name: Text = ""
    closed: Annotated[bool, Meta(description="Whether it is a day without demand.")] = True


class CalendarUpdated(ReferenceEvent, tag="calendar.updated", kw_only=True, gc=False):
    """A calendar: weekdays on which it is closed (Monday is 0) and special days."""

    calendar: Id
    closed_weekdays: Annotated[list[Weekday], Meta(description="Weekdays on which it is closed.")] = []
    holidays: Annotated[list[Holiday], Meta(description="Special days.")] = []


class PolicyUpdated(ReferenceEvent, tag="policy.updated", kw_only=True, gc=False):
    """Planning policy, for one SKU, one location, one SKU-location, or for all (neither given).

    The most specific wins. ``base_currency``, ``rates`` and ``unknown_*`` are part of the policy for all only. The
    latter say what becomes of an event whose item, location, supplier or unit has no record; ``quarantine`` holds the
    event until the record takes effect. Default: an unknown item is accepted; an event with an unknown location,
    supplier or unit is quarantined. The default of ``unknown_item`` needs no item records; any other value refuses
    items without a record.

    ``transfer_days_late`` (7 by default) is how many days after its expected date a transfer counts as arrived although
    no delivery was heard of. ``count_tolerance`` is the share of the balance by which a count may differ from it.
    ``demand`` says what is demand at a location: order lines and lost sales (``independent``), transfers to other
    locations (``dependent``), or ``both``, the default. What is not demand still changes stock and open lines. Both
    hold for events that are applied after the record took effect.

    ``forecast_variance_share`` (of the plan, default 0.3), ``forecast_variance_units`` (default 10) and
    ``forecast_variance_money`` (base currency, default none) say by how much the sensed forecast may differ from the
    plan over the planned days of the next 28; the exception `forecast_variance` opens when all three are exceeded.

    ``exception_money_min`` (base currency, default none) is the money at stake from which an exception opens. It does
    not hold for strategic or regulated items, strategic customers, held order lines and unknown names, nor where no
    money is known. An exception that is open stays so whatever its money becomes.

    ``decimals`` are those of published quantities of items with a base unit. The most specific policy that names the
    unit holds. Where none does, a SKU-location has none while all its quantities were whole, else three.
    """

    sku: Sku | None = None
    location: Location | None = None
    service_target: Share | None = None
    review_days: Days | None = None
    cover_days: Days | None = None
    order_cost: OrderCost | None = None
    holding_rate_year: (
        Annotated[float, Meta(gt=0, le=10, description="Cost of holding stock for a year, as a share of its value.")]
        | None
    ) = None
    order_quantity_min: QuantityOrZero | None = None
    order_quantity_multiple: QuantityOrZero | None = None
    dead_band: Share | None = None
    count_tolerance: Share | None = None
    transfer_days_late: Days | None = None
    decimals: Decimals = {}
    forecast_variance_share: Annotated[float, Meta(ge=0, le=100, description="Share of the plan.")] | None = None
    forecast_variance_units: QuantityOrZero | None = None
    forecast_variance_money: Price | None = None
    exception_money_min: Price | None = None
    base_currency: BaseCurrency | None = None
    rates: RatesToBase = {}
    demand: Demand | None = None
    unknown_item: UnknownAction | None = None
    unknown_location: UnknownAction | None = None
    unknown_supplier: UnknownAction | None = None
    unknown_unit: UnknownUnitAction | None = None


class PlanPublished(ReferenceEvent, tag="plan.published", kw_only=True, gc=False):
    """The baseline plan of a SKU-location: mean demand per day from ``start`` for ``days`` days.

    In base units, over all days, closed ones included, without promotions and opportunities. The forecast of these days
    blends the plan with what is sensed, by the errors of both; a SKU-location without orders has the forecast of its
    plan. Days beyond the plan, and past days, are not affected.
    """

    sku: Sku
    location: Location
    start: FirstDay
    days: Annotated[int, Meta(ge=1, le=366, description="Number of local days.")] = 28
    quantity_per_day: QuantityOrZero


class ParametersInForce(ReferenceEvent, tag="parameters.in_force", kw_only=True, gc=False):
    """Parameters in force at the ERP for a SKU-location."""

    sku: Sku
    location: Location
    safety_stock: QuantityOrZero | None = None
    reorder_point: QuantityOrZero | None = None
    order_up_to: QuantityOrZero | None = None
    order_quantity: QuantityOrZero | None = None
    lead_time_days: Days | None = None
    proposed_version: Revision | None = None


class PromotionApproved(ReferenceEvent, tag="promotion.approved", kw_only=True, gc=False):
    """A promotion of a SKU (everywhere, or at ``location``) from ``start`` to ``end`` inclusive, local days.

    The forecast of its days is multiplied by the stated ``uplift``, and more and more by the one learned: from promoted
    days of the SKU-location, and of items of its category in the same shard. Its days teach nothing of ordinary days,
    unless they follow each other for more than four weeks. Surges that the uplift explains are suppressed and counted.
    ``promotion``, SKU and location name a promotion; its newest record holds, and one with an ``end`` before its
    ``start`` withdraws it. Of promotions that overlap the one with the greatest uplift holds.
    """

    promotion: Id
    sku: Sku
    location: Location | None = None
    start: FirstDay
    end: LastDay
    uplift: (
        Annotated[float, Meta(ge=-1, le=100, description="Expected relative change of demand, 0.5 = +50 %.")] | None
    ) = None


class SignalObserved(ReferenceEvent, tag="signal.observed", kw_only=True, gc=False):
    """An external signal (weather, market, CRM opportunity, service tickets) about an item, a family or a region.

    ``value`` is what a signal says of a local day: of ``value_date``, which may lie ahead (a weather forecast), else of
    the day of its event time, at ``location`` if that is given, else in the default time zone. The last value that was
    heard about a day holds. It is carried for ``horizon_days`` (default 7, at most 92) or until the next day with a
    value; without a value the signal has none from that day on. ``sku``, ``location``, ``family`` and ``region`` say
    what it is about, all where none is given; signal, kind and these name a series. Its effect on the demand of each
    SKU-location is learned, and used while it lowers the errors of the forecast.

    A signal of kind ``opportunity`` is a sale that may come at ``sku`` and ``location``: ``probability`` times
    ``quantity`` base units are added to the forecast, spread evenly over the ``horizon_days`` (default 28) after the
    local day of its event time. A newer record of the same ``signal`` and SKU replaces it; probability 0 withdraws it.
    Orders beyond the usual sizes of the row are taken from its quantity, so that they do not count twice. Without
    ``sku``, ``location`` or ``event_time`` an opportunity has no effect.
    """

    signal: Id
    kind: Id
    sku: Sku | None = None
    location: Location | None = None
    family: Id | None = None
    region: Id | None = None
    value: SignalValue | None = None
    value_date: Annotated[dt.date, Meta(description="Local day of the value.")] | None = None
    probability: Share | None = None
    quantity: QuantityOrZero | None = None
    horizon_days: Days | None = None


ReferenceRecord = (
    ItemUpdated
    | LocationUpdated
    | SupplierUpdated
    | CustomerUpdated
    | CalendarUpdated
    | PolicyUpdated
    | PlanPublished
    | ParametersInForce
    | PromotionApproved
    | SignalObserved
)

SPEC = TopicSpec(name="reference", about=__doc__, structs=get_args(ReferenceRecord), partitions=1)
