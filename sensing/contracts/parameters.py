"""Topic ``planning-parameters`` (compacted by sku and location).

What the ERP runs on, what it should run on, and why.
"""

from typing import Literal

import msgspec

DemandClass = Literal["new", "smooth", "intermittent", "erratic", "lumpy", "ending"]
ParameterStatus = Literal["proposed", "in_force", "pending", "expired"]

QUANTILE_LEVELS = (0.005, 0.025, 0.05, 0.165, 0.25, 0.5, 0.75, 0.835, 0.95, 0.975, 0.995)
HORIZON_DAYS = 28


class InForce(msgspec.Struct, kw_only=True):
    """Values the ERP is known to run on; absent values were never told."""

    safety_stock: float | None = None
    reorder_point: float | None = None
    order_up_to: float | None = None
    order_quantity: float | None = None
    lead_time_days: float | None = None
    since: str | None = None


class Forecast(msgspec.Struct, kw_only=True):
    """Demand per local day from ``start``: 28 means, and per day the quantiles at ``levels``; units per day."""

    start: str
    method: str
    mean: list[float]
    levels: list[float]
    quantiles: list[list[float]]


class Proposed(msgspec.Struct, kw_only=True):
    """Recommended values, base units; lead-time demand is demand over the (random) lead time plus review time."""

    lead_time_days_mean: float
    lead_time_days_sd: float
    lead_time_demand_mean: float
    lead_time_demand_sd: float
    lead_time_demand_quantile: float
    service_target: float
    safety_stock: float
    reorder_point: float
    order_up_to: float
    order_quantity: float


class Stock(msgspec.Struct, kw_only=True):
    """Inventory position, base units.

    ``stockout_date`` is the first local day the projection falls below zero (absent: not within 28 days).
    """

    on_hand: float | None
    on_order: float
    open_demand: float
    open_demand_by_day: dict[str, float]
    stockout_date: str | None
    cover_days: float | None


class Change(msgspec.Struct, kw_only=True):
    """Additive split of the change of the reorder point since the last published version.

    The parts add up to ``total``.
    """

    total: float
    demand_mean: float
    demand_spread: float
    lead_time_mean: float
    lead_time_spread: float
    service_target: float
    sentence: str


class PlanningParameters(msgspec.Struct, kw_only=True):
    """Whole record of one SKU-location. ``freshness`` maps an input to the event time last heard of it."""

    sku: str
    location: str
    version: int
    status: ParameterStatus
    as_of: str
    expires: str
    demand_class: DemandClass
    in_force: InForce
    proposed: Proposed
    forecast: Forecast
    stock: Stock
    change: Change
    freshness: dict[str, str | None]
