"""Topic ``planning-parameters`` (compacted by sku and location).

Parameters in force at the ERP, proposed parameters, and the reason of the last change.
"""

from typing import Literal, get_args

import msgspec

from sensing.contracts.decisions import Verdict
from sensing.contracts.number_kinds import Duration, Exact, Expectation, Measure, Quantity, Ratio
from sensing.contracts.reference import DECIMALS_MAX
from sensing.contracts.topic_spec import View, output, typed

DemandClass = Literal["new", "smooth", "intermittent", "erratic", "lumpy", "ending"]
Lifecycle = Literal["active", "ending", "ended"]
ParameterStatus = Literal["proposed", "stale", "in_force", "approved", "rejected"]
"""Status of a proposal, which holds until another one replaces it.

``proposed``: nobody has decided; ``stale``: nobody has decided, and its location has not been heard of for so long that
it should not be acted on; ``approved``: a person approved it, its execution is not confirmed yet; ``rejected``: a
person rejected it, the values in force stay; ``in_force``: the ERP uses it.
"""
OverrideField = Literal["safety_stock", "reorder_point", "order_up_to", "order_quantity", "lead_time_days"]

QUANTILE_LEVELS = (0.005, 0.025, 0.05, 0.165, 0.25, 0.5, 0.75, 0.835, 0.95, 0.975, 0.995)
HORIZON_DAYS = 28


class InForce(msgspec.Struct, kw_only=True):
    """Values in force at the ERP, as far as it has reported them."""

    safety_stock: Expectation | None = None
    reorder_point: Expectation | None = None
    order_up_to: Expectation | None = None
    order_quantity: Expectation | None = None
    lead_time_days: Duration | None = None
    since: str | None = None


class PromotionUsed(msgspec.Struct, kw_only=True):
    """A promotion with days in the forecast, from ``start`` to ``end``.

    ``uplift`` is the relative change of demand that was used. ``source`` says where it comes from: ``stated`` in the
    promotion's record, ``learned`` from promoted days of the SKU-location and of its category, ``mixed`` from both, or
    ``none``: nothing was stated, nothing is learned yet. ``stated`` is what the record states.
    """

    promotion: str
    start: str
    end: str
    uplift: Ratio
    source: Literal["stated", "mixed", "learned", "none"]
    stated: Ratio | None = None


class BaselineShare(msgspec.Struct, kw_only=True):
    """Part of the baseline plan in a forecast: on the days that it covers, mean = sensed + weight x (plan - sensed).

    ``weight`` follows from the mean squared errors of plan and sensed forecast over ``measured_days``, shrunk to one
    half, or to 1 while the row has no history. ``quantity_per_day``, ``start`` and ``end`` are what the plan says,
    ``plan`` is the id of its record. ``planned`` and ``sensed`` are the units of both over its ``days`` of the next 28.
    """

    weight: Ratio
    quantity_per_day: Expectation
    start: str
    end: str
    days: int
    planned: Expectation
    sensed: Expectation
    measured_days: Duration
    plan: str


class OpportunityShare(msgspec.Struct, kw_only=True):
    """Part of an opportunity in a forecast: ``expected`` units in the next 28 days, evenly from ``start`` to ``end``.

    ``quantity`` is what is still to be ordered if it is won; large orders since the signal are taken off.
    """

    signal: str
    probability: Ratio
    quantity: Expectation
    start: str
    end: str
    expected: Expectation


class SignalUsed(msgspec.Struct, kw_only=True):
    """A signal in force in a forecast: it multiplies the demand of a day by 1 + effect x (value - mean) / sd.

    ``value`` is what is known for the first day, ``factor`` the factor of that day; null and 1 if the signal is stale.
    ``days`` of the next 28 have a known value. ``mean`` covers about the last 28 days. ``learned_from`` says whether
    the days of the SKU-location make up most of the effect, or those of its pool (same signal, category and region).
    ``error_ratio`` is the mean squared error of the forecast with the signal over that without it, of the
    SKU-location over its last ``measured_days``.
    """

    signal: str
    kind: str
    value: Measure | None
    factor: Ratio
    effect: Ratio
    mean: Measure
    sd: Measure
    days: int
    learned_from: Literal["row", "pool"]
    error_ratio: Ratio
    measured_days: int


class Forecast(msgspec.Struct, kw_only=True):
    """Demand per local day from ``start``: 28 means, and per day the quantiles at ``levels``; units per day.

    ``method`` is that of the sensed forecast. The uplift of ``promotions`` multiplies it; of those that overlap the one
    with the greatest uplift holds. So do the factors of the ``signals`` in force. It is blended with ``baseline``, to
    which the same factors apply. Then ``opportunities`` are added.
    """

    start: str
    method: str
    mean: list[Expectation]
    levels: list[Exact]
    quantiles: list[list[Expectation]]
    promotions: list[PromotionUsed] = []
    baseline: BaselineShare | None = None
    opportunities: list[OpportunityShare] = []
    signals: list[SignalUsed] = []


class Proposed(msgspec.Struct, kw_only=True):
    """Recommended values, base units; lead-time demand is demand over the (random) lead time plus review time."""

    lead_time_days_mean: Duration
    lead_time_days_sd: Duration
    lead_time_demand_mean: Expectation
    lead_time_demand_sd: Expectation
    lead_time_demand_quantile: Expectation
    service_target: Ratio
    safety_stock: Quantity
    reorder_point: Quantity
    order_up_to: Quantity
    order_quantity: Quantity


class Stock(msgspec.Struct, kw_only=True):
    """Inventory position, base units.

    ``stockout_date`` is the first local day on which the projection is below zero (absent: not within 28 days, or the
    lead time if that is longer). ``owed`` is open demand requested before ``as_of`` ended, ``allocated`` what is
    reserved for open order lines, ``free`` what is on hand less both. ``on_order`` is what purchase orders and
    transfers are to bring, ``on_order_by_day`` the same by expected day; ``in_transit`` is the part of it that has left
    another location. ``open`` is ``unknown`` where neither shipments, deliveries nor counts were heard of for the
    location, so that lines end by age. ``shipments`` says whether the location reports shipments; where it does not, a
    count settles the lines that were due.

    ``under_old_names`` is the part of ``on_hand`` under the names of items that this one has taken over from.

    ``left_over`` is what will be left of stock and orders when the item ends, absent where no last day is known.
    """

    on_hand: Quantity | None
    on_order: Quantity
    open_demand: Quantity
    open_demand_by_day: dict[str, Quantity]
    stockout_date: str | None
    cover_days: Duration | None
    owed: Quantity = 0.0
    allocated: Quantity = 0.0
    free: Quantity | None = None
    on_order_by_day: dict[str, Quantity] = {}
    open: Literal["known", "unknown"] = "known"
    shipments: Literal["heard", "not_heard"] = "heard"
    in_transit: Quantity = 0.0
    left_over: Expectation | None = None
    under_old_names: Quantity = 0.0


class Change(msgspec.Struct, kw_only=True):
    """Additive split of the change of the reorder point since the last published version.

    The parts add up to ``total``. ``override`` is the part of a person's value, ``rounding`` what whole steps of the
    unit add or take. Parts have one decimal more than the unit.
    """

    total: Expectation
    demand_mean: Expectation
    demand_spread: Expectation
    lead_time_mean: Expectation
    lead_time_spread: Expectation
    service_target: Expectation
    sentence: str
    override: Expectation = 0.0
    rounding: Expectation = 0.0


class Override(msgspec.Struct, kw_only=True):
    """A person's value that replaces the engine's, up to and including the local day ``until``."""

    field: OverrideField
    value: Expectation
    decided_by: str
    decided_role: str
    decided_at: str
    until: str
    reason: str | None = None


class Accuracy(msgspec.Struct, kw_only=True):
    """Accuracy of the forecasts of the next day, over about the last hundred days; null if not known.

    ``wape`` is the sum of absolute errors over the sum of demand, ``bias`` the sum of forecast minus demand over the
    sum of demand, ``coverage_95`` the share of days not above the .95 quantile, ``days`` the discounted number of days.
    """

    wape: Ratio | None
    bias: Ratio | None
    coverage_95: Ratio | None
    days: Duration


class PlanningParameters(msgspec.Struct, kw_only=True):
    """Whole record of one SKU-location. ``freshness`` maps an input to its newest event time.

    ``decision`` is a person's decision about this proposal, with who, when and why, if the status follows from it.
    ``overrides`` are values in ``proposed`` that a person set; dependent values there follow from them. ``item_name``,
    ``family``, ``category``, ``strategic`` and ``regulated`` are those of the item, ``region`` that of the location.
    ``supplier`` is that of the newest purchase order, else of the item; ``buyer`` is its buyer.

    ``lifecycle`` is ``ending`` if ``last_day``, the last local day with demand, is known, and ``ended`` from that day's
    close on. One record then proposes zero; after it a record is published only if its proposal moved. ``successor``
    has taken over from the item, and the item from its ``predecessors``, in this order.

    ``decimals`` are those of quantities in the base unit; expectations have up to three more.

    ``kit`` says that the item is a kit: it has a forecast and no stock, and proposes zero, since its parts are ordered.
    """

    sku: str
    location: str
    version: int
    status: ParameterStatus
    as_of: str
    demand_class: DemandClass
    in_force: InForce
    proposed: Proposed
    forecast: Forecast
    stock: Stock
    change: Change
    freshness: dict[str, str | None]
    accuracy: Accuracy | None = None
    overrides: list[Override] = []
    decision: Verdict | None = None
    decided_by: str | None = None
    decided_role: str | None = None
    decided_at: str | None = None
    decision_reason: str | None = None
    item_name: str | None = None
    family: str | None = None
    category: str | None = None
    strategic: bool = False
    regulated: bool = False
    region: str | None = None
    supplier: str | None = None
    buyer: str | None = None
    lifecycle: Lifecycle = "active"
    last_day: str | None = None
    successor: str | None = None
    predecessors: list[str] = []
    kit: bool = False
    decimals: int = DECIMALS_MAX


SPEC = output(
    "planning-parameters",
    __doc__,
    typed("parameters", get_args(ParameterStatus), PlanningParameters),
    "SKU and location.",
    compacted=True,
    view=View(hash="parameters", channel="parameters"),
)
