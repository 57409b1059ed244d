"""Plan of rows whose local day has closed: lead time, safety stock, reorder point, order quantity, stock projection.

`SupplyState` makes plans. Documents, dead band and detectors read them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS
from sensing.state.line_table import LineTable
from sensing.supply.allocations import Allocations
from sensing.supply.backlog import open_by_day, open_days
from sensing.supply.end_of_life import EndingRows
from sensing.supply.lanes import Lanes
from sensing.supply.lead_time import LogLeadTimes, in_days, include_open_lines, log_lead_times
from sensing.supply.lead_time_demand import protection_time_demand
from sensing.supply.order_quantity import order_quantities
from sensing.supply.projection import (
    ARRIVING,
    COVER_DAYS,
    NEEDED,
    NEEDED_VARIANCE,
    PROBABILITY,
    WORST_DAYS,
    lead_days,
    project,
)
from sensing.supply.purchases import OpenLines, Purchases
from sensing.supply.rounding import in_units, rounded
from sensing.supply.stock_ledger import stock
from sensing.supply.transit import InTransit

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


class Plan(NamedTuple):
    """Planning parameters of n rows after local day ``day``. Quantities are base units, NaN without a forecast.

    Columns that a row's record keeps after publication are float32.
    """

    day: int
    """The closed local day. The forecast and all columns of 28 days start the day after."""
    rows: NDArray[np.int64]
    demand_class: NDArray[np.uint8]
    """(n,) position in the classes of `sensing.contracts.parameters.DemandClass`."""
    forecast_mean: Floats
    """(n, 28) units."""
    forecast_variance: Floats
    """(n, 28) units squared."""
    demand_mean: Singles
    """(n,) units a day over the protection time."""
    demand_variance: Singles
    """(n,) units squared a day over the protection time."""
    lead_time_days_mean: Singles
    lead_time_days_sd: Singles
    lead_time_days_p50: Singles
    """(n,) the .5 and .9 quantiles of the lead time."""
    lead_time_days_p90: Singles
    review_days: Singles
    service_target: Singles
    lead_time_demand_mean: Floats
    lead_time_demand_sd: Floats
    lead_time_demand_quantile: Floats
    safety_stock: Floats
    reorder_point: Floats
    """(n,) the quantile, rounded up to the decimals of the unit, as are the three columns around it."""
    order_quantity: Floats
    order_up_to: Floats
    on_hand: Floats
    """(n,) units, NaN if stock was never counted."""
    on_order: Floats
    open_demand: Floats
    open_day: Floats
    """(n, h) open demand by requested day; h is the longest projection of all rows, at least 28 days."""
    overdue: Floats
    """(n,) open demand that is overdue."""
    allocated: Floats
    """(n,) units on hand that are reserved for open order lines."""
    free: Floats
    """(n,) units on hand that are neither allocated nor overdue; NaN if stock was never counted."""
    in_transit: Floats
    """(n,) units on order that have left another location."""
    open_beyond: dict[int, dict[int, float]]
    """Units open after the 28 days, by position of the row and local day; rows that have none are left out."""
    receipts: Floats
    """(n, h) due receipts."""
    stockout: NDArray[np.int64]
    """(n,) first day, from 0, at whose end the projected stock is below zero; -1: not in 28 days or the lead time."""
    window_days: NDArray[np.int64]
    """(n,) days until the next due receipt, at least the lead time."""
    stockout_probability: Floats
    """(n,) probability of a stock-out on the worst day of the window."""
    needed: Floats
    """(n,) demand from tomorrow through the worst day of the window."""
    needed_variance: Floats
    arriving: Floats
    """(n,) due receipts through the worst day of the window."""
    worst_days: Floats
    """(n,) days through the worst day of the window; NaN: stock is not known."""
    cover_days: Floats
    """(n,) days that the stock lasts without receipts; NaN: without end, or not known."""
    policy: NDArray[Any]
    """(n,) records of `sensing.supply.resolved_policy.RESOLVED_POLICY`; ``decimals`` is resolved for every row."""
    stale: NDArray[np.bool_]
    """(n,) whether the location of a row has been silent for so long that nothing should be proposed."""
    left_over: Floats
    """(n,) units of stock and orders that will be left when a row ends; NaN: it does not end, or stock is not known."""


def has_figures(plan: Plan) -> NDArray[np.bool_]:
    """(n,) whether a row has a forecast and all figures made from it are finite; others are not published."""
    return np.asarray(np.isfinite(plan.reorder_point + plan.order_quantity + plan.lead_time_demand_sd))


def steps_of(policy: NDArray[Any]) -> Floats:
    """Units in which quantities come, from resolved policies of rows (n,) or of one: those of the last decimal."""
    return np.asarray(10.0 ** -policy["decimals"])


def single(values: Any) -> Singles:
    """Values rounded to six digits, as published, as float32, as in a row's record."""
    return rounded(values).astype(np.float32)


class PlanInputs(NamedTuple):
    """Inputs of plans besides forecasts: planning policy of the rows, supply records, lanes, purchase orders,
    transfers in transit, order lines and what is allocated to them.

    ``stale`` (n,) says whether a row's location has been silent for long, ``left`` (n, 2) which share of the demand of
    the first two days is still to come. ``default_days`` is the lead time of a row of which nothing is known.
    ``override_lead_times`` replaces estimated lead times (n,) of rows (n,) by those that a person has set. ``sums`` is
    that of the forecast. ``lengthen`` adds to mean lead times (n,) what disruptions of suppliers add on a local day.
    """

    policy: NDArray[Any]
    supply: NDArray[Any]
    lanes: Lanes
    purchases: Purchases
    transit: InTransit
    lines: LineTable
    allocations: Allocations
    stale: NDArray[np.bool_]
    left: Floats
    default_days: float
    override_lead_times: Callable[[NDArray[np.int64], Singles], None]
    sums: Floats
    lengthen: Callable[[Floats, int], None]


def add_open_lines(found: LogLeadTimes, lane: NDArray[np.int32], lines: OpenLines) -> None:
    """Include the open lines of rows in their lead times (n,), in place; ``lane`` (n,) is the lane of each row.

    The next order uses the row's current lane, so lines of other lanes do not count.
    """
    own = (lines.lane == lane[lines.at]) & ~np.isnan(lines.age_days)
    include_open_lines(found.mean, found.variance, found.weight, lines.at[own], lines.age_days[own], lines.share[own])


def lead_times(rows: NDArray[np.int64], today: int, now: int, inputs: PlanInputs) -> tuple[Singles, OpenLines]:
    """(4, n) mean, standard deviation, .5 and .9 quantile of lead times in days, with open lines, disruptions and
    overrides, and the open lines.

    A disruption or a person's value moves the mean and, by as many days, the quantiles.
    """
    policy, lanes, lane = inputs.policy, inputs.lanes, inputs.supply["lane"][rows]
    found = log_lead_times(lanes, lane, policy["supplier"], policy["lead_time_days"], inputs.default_days, now)
    expected = in_days(lanes, found)[0]
    inputs.lengthen(expected, today)
    lines = inputs.purchases.open_lines(rows, today, now, inputs.supply, lanes, expected)
    add_open_lines(found, lane, lines)
    days = in_days(lanes, found)
    mean = days[0].copy()
    inputs.lengthen(mean, today)
    days[2:] += mean - days[0]
    days[0] = mean
    singles = single(days)
    before = singles[0].copy()
    inputs.override_lead_times(rows, singles[0])
    moved = singles[0] != before
    singles[2:, moved] = single(np.maximum(days[2:, moved] + (singles[0] - before)[moved], 0.0))
    return singles, lines


def due_receipts(rows: int, days: int, today: int, lines: OpenLines) -> Floats:
    """(rows, days) units due per day from ``today`` on."""
    receipts = np.zeros((rows, days))
    if not lines.at.size:
        return receipts
    within = lines.due_day - today < days
    np.add.at(receipts, (lines.at[within], lines.due_day[within] - today), lines.quantity[within])
    return receipts


def allocate(
    inputs: PlanInputs, rows: NDArray[np.int64], first_day: int, open_day: Floats, overdue: Floats
) -> tuple[Floats, Floats, Floats]:
    """(n,) units allocated, and overdue and open demand by day in which allocated units count as overdue."""
    allocated, owed, due = np.zeros(rows.size), overdue, open_day
    for at in inputs.allocations.rows(rows):
        if owed is overdue:
            owed, due = overdue.copy(), open_day.copy()
        for day, quantity in inputs.allocations.of_row(int(rows[at]), inputs.lines.lines, inputs.lines.index):
            units = quantity / THOUSANDTHS
            allocated[at] += units
            if day >= first_day:
                owed[at] += units
                if day - first_day < due.shape[1]:
                    due[at, day - first_day] -= units
    return allocated, owed, due


def open_beyond(
    supply: NDArray[Any], lines: NDArray[Any], rows: NDArray[np.int64], last_day: int, until: Floats
) -> dict[int, dict[int, float]]:
    """Units open after local ``last_day`` of each row whose open demand exceeds ``until`` (n,), what is due by then."""
    later = np.flatnonzero(supply["open_total"][rows] / THOUSANDTHS - until > 0.5 / THOUSANDTHS)
    return {
        at: {day: units for day, units in open_days(supply, lines, int(rows[at])).items() if day > last_day}
        for at in later.tolist()
    }


def make_plan(
    rows: NDArray[np.int64], day: int, now: int, forecast_mean: Floats, forecast_variance: Floats,
    demand_class: NDArray[np.uint8], inputs: PlanInputs,
) -> Plan:  # fmt: skip
    """Plan ``rows`` at instant ``now``; see `sensing.supply.supply_state.SupplyState.plan`."""
    count, days = forecast_mean.shape
    policy, supply = inputs.policy, inputs.supply
    lead_days_of_rows, lines = lead_times(rows, day + 1, now, inputs)
    mean_days, sd_days, p50_days, p90_days = lead_days_of_rows
    review, service = single(np.array([policy["review_days"], policy["service_target"]]))
    kits = policy["kit"] > 0.0  # never bought: no time to protect, so no stock of their own
    lead_days_of_rows[:, kits] = review[kits] = 0.0
    out = np.empty((count, 5))
    step = steps_of(policy)
    protection_time_demand(
        forecast_mean, forecast_variance, inputs.sums, mean_days, sd_days, review, service, step, out
    )
    ending = EndingRows.of(forecast_mean, forecast_variance, inputs.sums, step, policy["last_day"], day)
    ending.protect(mean_days, sd_days, review, service, out)
    quantity = np.empty(count)
    days_with_demand = np.clip(policy["last_day"] - day, 1.0, days)
    order_quantities(np.add.reduce(forecast_mean, axis=1) / days_with_demand, policy, quantity)
    ending.cap(policy, out, quantity)
    quantity[kits] = 0.0
    decimals = policy["decimals"]
    mean, demand_sd, quantile = rounded(np.array([out[:, 2], np.sqrt(out[:, 3]), out[:, 4]]))
    point = in_units(out[:, 4], decimals, up=True)
    safety = in_units(np.maximum(point - mean, 0.0), decimals)
    horizon = max(days, lead_days(mean_days.max(initial=0.0)))
    open_day, overdue = np.empty((count, horizon)), np.empty(count)
    open_by_day(supply, inputs.lines.lines, rows, day + 1, open_day, overdue)
    allocated, owed, due = allocate(inputs, rows, day + 1, open_day, overdue)
    beyond = open_beyond(supply, inputs.lines.lines, rows, day + days, overdue + open_day[:, :days].sum(axis=1))
    receipts = due_receipts(count, horizon, day + 1, lines)
    in_transit = inputs.transit.add_receipts(rows, day + 1, receipts)
    on_hand = np.empty(count)
    stock(supply, rows, on_hand)
    on_hand[kits] = np.nan
    found, projected = np.empty((count, 2), np.int64), np.empty((count, 6))
    project(
        on_hand, owed, due, receipts, forecast_mean, forecast_variance, inputs.left, inputs.sums, step, mean_days,
        found, projected,
    )  # fmt: skip
    ending.project((on_hand, owed, inputs.left), due, receipts, mean_days, found, projected)
    on_order, open_demand = supply["on_order"][rows] / THOUSANDTHS, supply["open_total"][rows] / THOUSANDTHS
    return Plan(
        day, rows, demand_class, forecast_mean, forecast_variance, out[:, 0].astype(np.float32),
        out[:, 1].astype(np.float32), mean_days, sd_days, p50_days, p90_days, review, service, mean, demand_sd,
        quantile, safety, point, quantity, in_units(point + quantity, decimals), on_hand, on_order, open_demand,
        open_day, overdue, allocated, on_hand - owed, in_transit, beyond, receipts, found[:, 0], found[:, 1],
        projected[:, PROBABILITY], projected[:, NEEDED], projected[:, NEEDED_VARIANCE], projected[:, ARRIVING],
        projected[:, WORST_DAYS], projected[:, COVER_DAYS], policy, inputs.stale,
        ending.left_over(on_hand, on_order, open_demand),
    )  # fmt: skip
