"""Topic ``planning-parameters`` (compacted by sku and location).

Parameters in force at the ERP, proposed parameters, and the reason of the last change.
"""

from typing import Annotated, Literal, get_args

import msgspec

from sensing.contracts.forecast_parts import (
    BaselineShare,
    NearTermForecast,
    OpportunityShare,
    PromotionUsed,
    SignalUsed,
)
from sensing.contracts.number_kinds import Duration, Exact, Expectation, Quantity, Ratio
from sensing.contracts.output_fields import (
    CAUSES_MAX,
    VERDICTS,
    Category,
    Day,
    DecidedAt,
    Decider,
    DeciderRole,
    Decimals,
    DecisionReason,
    Family,
    Instant,
    ItemName,
    Region,
    Regulated,
    Share,
    Strategic,
    about,
)
from sensing.contracts.reference import DECIMALS_MAX
from sensing.contracts.topic_spec import View, output, typed

DemandClass = Literal["new", "smooth", "intermittent", "erratic", "lumpy", "ending"]
DEMAND_CLASSES: dict[DemandClass, str] = {
    "new": "too few days to tell",
    "smooth": "often, in like quantities",
    "intermittent": "seldom, in like quantities",
    "erratic": "often, in unlike quantities",
    "lumpy": "seldom, in unlike quantities",
    "ending": "demand has stopped",
}
Method = Literal["none", "smoothing", "river"]
METHODS: dict[Method, str] = {
    "none": "no demand is known",
    "smoothing": "exponential smoothing with a weekday profile",
    "river": "a combination of that and online regressions",
}
Lifecycle = Literal["active", "ending", "ended"]
LIFECYCLES: dict[Lifecycle, str] = {
    "active": "no last day is known",
    "ending": "`last_day` is ahead",
    "ended": "`last_day` is over",
}
ParameterStatus = Literal["proposed", "stale", "in_force", "approved", "rejected"]
STATUSES: dict[ParameterStatus, str] = {
    "proposed": "nobody has decided",
    "stale": "nobody has decided, and its location has not been heard of for so long that it should not be acted on",
    "in_force": "the ERP uses it",
    "approved": "a person approved it, and its execution is not confirmed yet",
    "rejected": "a person rejected it, and the values in force stay",
}
"""Status of a proposal, which holds until another one replaces it."""
OverrideField = Literal["safety_stock", "reorder_point", "order_up_to", "order_quantity", "lead_time_days"]
OVERRIDE_FIELDS: dict[OverrideField, str] = {
    "safety_stock": "stock beyond expected demand",
    "reorder_point": "inventory position at which to order",
    "order_up_to": "reorder point and order quantity",
    "order_quantity": "what to order at a time",
    "lead_time_days": "days from order to receipt",
}
ProposalVerdict = Literal["approve", "reject", "override"]
OPEN: dict[str, str] = {"known": "it is", "unknown": "lines end by age, as neither shipments nor counts were heard of"}
SHIPMENTS: dict[str, str] = {"heard": "it does", "not_heard": "it does not: a count settles the lines that were due"}

Trigger = Literal[
    "day_close", "end_of_backfill", "order_surge", "demand_drop", "large_order", "stockout", "future_orders",
    "purchase_order_placed", "purchase_order_confirmed", "purchase_order_delayed", "purchase_order_shipped",
    "purchase_order_received", "purchase_order_cancelled", "supplier_disrupted", "count_drift", "promotion",
    "plan", "policy", "parameters_in_force", "decision",
]  # fmt: skip
TRIGGERS: dict[Trigger, str] = {
    "day_close": "the local day has ended",
    "end_of_backfill": "the first publication after a history was read",
    "order_surge": "a surge opened, escalated or resolved",
    "demand_drop": "a drop opened, escalated or resolved",
    "large_order": "a large order came, changed or ended",
    "stockout": "a projected stock-out opened, escalated or resolved",
    "future_orders": "orders for later days exceed what was expected and may empty the stock",
    "purchase_order_placed": "a purchase-order line was placed",
    "purchase_order_confirmed": "a supplier confirmed a line",
    "purchase_order_delayed": "a supplier delayed a line",
    "purchase_order_shipped": "a supplier shipped goods of a line",
    "purchase_order_received": "goods of a line were received",
    "purchase_order_cancelled": "a line was cancelled",
    "supplier_disrupted": "the supplier is disrupted",
    "count_drift": "a count differed from the balance",
    "promotion": "a promotion took effect",
    "plan": "a baseline plan took effect",
    "policy": "a planning policy took effect",
    "parameters_in_force": "the ERP runs on other values",
    "decision": "a person decided",
}

QUANTILE_LEVELS = (0.005, 0.025, 0.05, 0.165, 0.25, 0.5, 0.75, 0.835, 0.95, 0.975, 0.995)
HORIZON_DAYS = 28


class InForce(msgspec.Struct, kw_only=True):
    """Values in force at the ERP, as far as it has reported them."""

    safety_stock: Annotated[Expectation | None, about("Safety stock; null: not reported.", minimum=0)] = None
    reorder_point: Annotated[Expectation | None, about("Reorder point; null: not reported.", minimum=0)] = None
    order_up_to: Annotated[Expectation | None, about("Order-up-to level; null: not reported.", minimum=0)] = None
    order_quantity: Annotated[Expectation | None, about("Order quantity; null: not reported.", minimum=0)] = None
    lead_time_days: Annotated[Duration | None, about("Lead time; null: not reported.", minimum=0)] = None
    since: Annotated[Instant | None, about("Since when; null: from the beginning, or not reported.")] = None


class Forecast(msgspec.Struct, kw_only=True):
    """Demand per local day from ``start``.

    The uplift of a promotion multiplies what is sensed from orders; of promotions that overlap the one with the
    greatest uplift holds. So do the factors of signals. The result is blended with ``baseline``, to which the same
    factors apply. Then ``opportunities`` are added.
    """

    start: Annotated[Day, about("First day.")]
    method: Annotated[Method, about("How demand is sensed from orders.", METHODS)]
    mean: Annotated[
        list[Expectation],
        about(
            "Expected units of each day; of one that has begun, what came and what is still to come.",
            minItems=HORIZON_DAYS,
            maxItems=HORIZON_DAYS,
        ),
    ]
    levels: Annotated[
        list[Exact],
        about("Levels of `quantiles`.", minItems=len(QUANTILE_LEVELS), maxItems=len(QUANTILE_LEVELS)),
    ]
    quantiles: Annotated[
        list[list[Expectation]],
        about(
            "Of each day the units that it stays within, at each level.", minItems=HORIZON_DAYS, maxItems=HORIZON_DAYS
        ),
    ]
    promotions: Annotated[list[PromotionUsed], about("Promotions with days in it.")] = []
    baseline: Annotated[BaselineShare | None, about("Part of the published plan; null: there is none.")] = None
    opportunities: Annotated[list[OpportunityShare], about("Opportunities with days in it.")] = []
    signals: Annotated[list[SignalUsed], about("Signals that are used.", maxItems=4)] = []
    near_term: Annotated[
        NearTermForecast | None,
        about("What the day so far says of its rest and of a week; null: it was planned when a day closed."),
    ] = None


class Proposed(msgspec.Struct, kw_only=True):
    """Recommended values. Lead-time demand is demand over the (random) lead time plus review time."""

    lead_time_days_mean: Annotated[Duration, about("Mean lead time.", minimum=0)]
    lead_time_days_sd: Annotated[Duration, about("Standard deviation of the lead time.", minimum=0)]
    lead_time_demand_mean: Annotated[Expectation, about("Mean lead-time demand.", minimum=0)]
    lead_time_demand_sd: Annotated[Expectation, about("Standard deviation of lead-time demand.", minimum=0)]
    lead_time_demand_quantile: Annotated[
        Expectation, about("What lead-time demand stays within, at the service target.", minimum=0)
    ]
    service_target: Annotated[Share, about("Share of replenishment cycles without a stock-out, 0 to 1.")]
    safety_stock: Annotated[Quantity, about("Reorder point less mean lead-time demand.", minimum=0)]
    reorder_point: Annotated[Quantity, about("Inventory position at or below which to order.", minimum=0)]
    order_up_to: Annotated[Quantity, about("Reorder point and order quantity.", minimum=0)]
    order_quantity: Annotated[
        Quantity, about("What to order at a time, at least the minimum and a multiple of the multiple.", minimum=0)
    ]
    lead_time_days_p50: Annotated[
        Duration | None,
        about("Days that half of all orders come within; null: written before it was known.", minimum=0),
    ] = None
    lead_time_days_p90: Annotated[
        Duration | None, about("Days that nine of ten orders come within; null: as above.", minimum=0)
    ] = None


class Stock(msgspec.Struct, kw_only=True):
    """Inventory position."""

    on_hand: Annotated[Quantity | None, about("Stock; negative: more went out than was known; null: not known.")]
    on_order: Annotated[Quantity, about("What purchase orders and transfers are to bring.", minimum=0)]
    open_demand: Annotated[Quantity, about("What is ordered and not shipped.", minimum=0)]
    open_demand_by_day: Annotated[
        dict[Day, Quantity], about("The same by requested day, as far as it is ahead; days without any are left out.")
    ]
    stockout_date: Annotated[
        Day | None,
        about(
            "First day on which the projection is below zero; null: not within 28 days or, if longer, the lead time."
        ),
    ]
    cover_days: Annotated[Duration | None, about("How long the stock lasts; null: for ever, or not known.", minimum=0)]
    owed: Annotated[Quantity, about("Part of `open_demand` requested before `as_of` ended.", minimum=0)] = 0.0
    allocated: Annotated[Quantity, about("What is reserved for open order lines.", minimum=0)] = 0.0
    free: Annotated[
        Quantity | None, about("Stock less what is owed and allocated; negative: oversold; null: not known.")
    ] = None
    on_order_by_day: Annotated[
        dict[Day, Quantity], about("`on_order` by expected day; days without any are left out.")
    ] = {}
    open: Annotated[Literal["known", "unknown"], about("Whether it is known what is open.", OPEN)] = "known"
    shipments: Annotated[Literal["heard", "not_heard"], about("Whether the location reports shipments.", SHIPMENTS)] = (
        "heard"
    )
    in_transit: Annotated[Quantity, about("Part of `on_order` that has left another location.", minimum=0)] = 0.0
    left_over: Annotated[
        Expectation | None,
        about("What will be left of stock and orders when the item ends; null: no last day is known.", minimum=0),
    ] = None
    under_old_names: Annotated[
        Quantity, about("Part of `on_hand` under the names of items that this one has taken over from.")
    ] = 0.0


class Change(msgspec.Struct, kw_only=True):
    """Additive split of the change of the reorder point since the last published version.

    The parts add up to ``total`` and have one decimal more than the unit.
    """

    total: Annotated[Expectation, about("Change of the reorder point.")]
    demand_mean: Annotated[Expectation, about("Part of the demand level.")]
    demand_spread: Annotated[Expectation, about("Part of the spread of demand.")]
    lead_time_mean: Annotated[Expectation, about("Part of the mean lead time.")]
    lead_time_spread: Annotated[Expectation, about("Part of the spread of the lead time.")]
    service_target: Annotated[Expectation, about("Part of the service target.")]
    sentence: Annotated[str, about("The change in a sentence or a few, in English.")]
    override: Annotated[Expectation, about("Part of a person's value.")] = 0.0
    rounding: Annotated[Expectation, about("What whole steps of the unit add or take.")] = 0.0
    triggers: Annotated[list[Trigger], about("Why the row was planned, each once, in order of time.", TRIGGERS)] = []
    cause_event_ids: Annotated[
        list[str], about("Event ids of the causes, the newest ones last.", maxItems=CAUSES_MAX)
    ] = []
    events: Annotated[int, about("Number of the causes, also of those that are not listed.", minimum=0)] = 0


class Override(msgspec.Struct, kw_only=True):
    """A person's value that replaces the engine's."""

    field: Annotated[OverrideField, about("What it replaces.", OVERRIDE_FIELDS)]
    value: Annotated[Expectation, about("The value, in base units; a lead time in days.", minimum=0)]
    decided_by: Annotated[str, about("Who set it.")]
    decided_role: Annotated[str, about("Role in which they set it.")]
    decided_at: Annotated[Instant, about("Event time of the decision.")]
    until: Annotated[Day, about("Last day on which it holds.")]
    reason: Annotated[str | None, about("Why, in their words; null: not said.")] = None


class Accuracy(msgspec.Struct, kw_only=True):
    """Accuracy of the forecasts of the next day, over about the last hundred days."""

    wape: Annotated[Ratio | None, about("Sum of absolute errors over sum of demand; null: not known.", minimum=0)]
    bias: Annotated[Ratio | None, about("Sum of forecast less demand over sum of demand; null: not known.")]
    coverage_95: Annotated[Share | None, about("Share of days not above the 0.95 quantile, 0 to 1; null: not known.")]
    days: Annotated[Duration, about("Discounted number of days.", minimum=0)]


class PlanningParameters(msgspec.Struct, kw_only=True):
    """Whole record of one SKU-location."""

    sku: Annotated[str, about("Item, at most 64 bytes.")]
    location: Annotated[str, about("Location, at most 40 bytes.")]
    version: Annotated[int, about("Number of the record among those of this SKU-location, from 1.", minimum=1)]
    status: Annotated[ParameterStatus, about("What holds of the proposal.", STATUSES)]
    as_of: Annotated[Day, about("Last local day that it includes.")]
    demand_class: Annotated[DemandClass, about("How demand comes.", DEMAND_CLASSES)]
    in_force: Annotated[InForce, about("What the ERP runs on.")]
    proposed: Annotated[Proposed, about("What the engine recommends, with overrides.")]
    forecast: Annotated[Forecast, about("Demand of the next 28 days.")]
    stock: Annotated[Stock, about("Stock, open demand and orders when it was planned.")]
    change: Annotated[Change, about("Why the reorder point has changed.")]
    freshness: Annotated[dict[str, Instant | None], about("Newest event time by input topic; null: nothing was heard.")]
    accuracy: Annotated[Accuracy | None, about("How good forecasts were; null: not measured.")] = None
    overrides: Annotated[
        list[Override],
        about("Values of persons in `proposed`; values that depend on them follow.", maxItems=len(OVERRIDE_FIELDS)),
    ] = []
    decision: Annotated[
        ProposalVerdict | None,
        about(
            "Decision of a person from which `status` follows; null: it follows from none.",
            {verdict: VERDICTS[verdict] for verdict in get_args(ProposalVerdict)},
        ),
    ] = None
    decided_by: Decider = None
    decided_role: DeciderRole = None
    decided_at: DecidedAt = None
    decision_reason: DecisionReason = None
    item_name: ItemName = None
    family: Family = None
    category: Category = None
    strategic: Strategic = False
    regulated: Regulated = False
    region: Region = None
    supplier: Annotated[
        str | None, about("Supplier of the newest purchase order, else of the item; null: not known.")
    ] = None
    buyer: Annotated[str | None, about("Buyer of the supplier; null: master data name none.")] = None
    lifecycle: Annotated[Lifecycle, about("Whether the item ends.", LIFECYCLES)] = "active"
    last_day: Annotated[Day | None, about("Last day with demand of the item; null: none is known.")] = None
    successor: Annotated[str | None, about("Item that has taken over from this one; null: none has.")] = None
    predecessors: Annotated[list[str], about("Items that this one has taken over from, in this order.")] = []
    kit: Annotated[
        bool, about("Whether the item is a kit: its parts are ordered, so it has no stock and proposes zero.")
    ] = False
    decimals: Decimals = DECIMALS_MAX


SPEC = output(
    "planning-parameters",
    __doc__,
    typed("parameters", get_args(ParameterStatus), PlanningParameters),
    "`sku/location`; within a part `/` is `%2F` and `%` is `%25`.",
    compacted=True,
    summaries={f"parameters.{status}": f"Status: {meaning}." for status, meaning in STATUSES.items()},
    view=View(hash="parameters", channel="parameters"),
)
