"""Dead band: decides which rows of a plan are published.

A row is published if one of these holds, compared with its last publication:

- it was never published,
- the forecast that was published ends tomorrow, unless demand of less than a step was and is expected in its 28 days,
- the reorder point moved by more than the dead band, by at least one step of its unit (`plan.steps_of`), and by at
  least 0.3 standard deviations of the lead-time demand (a smaller move hardly changes the service: instead of .95 it is
  .91 to .97),
- the order quantity moved by more than 1.25 dead bands and at least one step,
- the lead time moved by more than the dead band and at least half a day,
- the demand class changed,
- the values in force at the ERP have begun or ceased to agree with the proposal,
- an override was set or ended,
- nobody has decided on it, and its location fell silent for so long that it is stale, or was heard of again,
- its last day has closed. After the record of that day only a moved reorder point or order quantity, or an override,
  publishes it.

While an item is new, its estimates move with every sale, so its bands are two and a half times as wide. For four days
after a publication (a week, while new) all bands are twice as wide again. The order-up-to level is the sum of reorder
point and order quantity and needs no band of its own.

On the day on which the level of demand has shifted for good, or a shift that was followed turned out to be none, there
is no band: the row is published if its reorder point, its order quantity or the demand of 28 days moved by a step.
While a shift in doubt is followed, and for two weeks after it, while the level is learned from few days, bands are half
as wide, publications do not widen them, and the demand of 28 days has one, too. This does not hold for new items, all
levels of which are in doubt.

Source of the wider band of the quantity: the cost of q times the economic quantity is (q + 1/q) / 2 times the minimum
cost, which is 1.025 for q = 1.25 (Silver, Pyke and Thomas, Inventory and Production Management, 4.4).
"""

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from sensing.contracts.parameters import HORIZON_DAYS, DemandClass
from sensing.state.record_copies import take_records
from sensing.supply.plan import Plan, has_figures, steps_of
from sensing.supply.planner_decisions import DecisionStates, Values
from sensing.supply.resolved_policy import IN_FORCE
from sensing.supply.rounding import in_units
from sensing.supply.supply_record import NO_STOCKOUT

DEMAND_SD_SHARE = 0.3
QUANTITY_BANDS = 1.25
NEW_BANDS = 2.5
COOL_DOWN_BANDS = 2.0
COOL_DOWN_DAYS = 4
NEW_COOL_DOWN_DAYS = 7
SETTLING_DAYS = 14
SETTLING_BANDS = 0.5
LEAD_TIME_DAYS_STEP = 0.5
DAYS_STEP = 1.0
"""Least change of the days until a stock-out and of cover."""
CLASSES: tuple[DemandClass, ...] = get_args(DemandClass)


def outside_dead_band(after: Any, before: Any, band: Any, step: Any) -> NDArray[np.bool_]:
    """Whether a value left its dead band: it changed by more than the share ``band`` and by at least ``step``."""
    change = np.abs(after - before)
    return np.asarray((change > band * np.abs(before)) & (change >= step))


def agrees(plan: Plan) -> NDArray[np.bool_]:
    """(n,) whether values in force are known and all known ones are within the dead band of the proposal."""
    policy, band = plan.policy, plan.policy["dead_band"]
    any_known = np.zeros(plan.rows.size, np.bool_)
    apart = np.zeros(plan.rows.size, np.bool_)
    for name in IN_FORCE:
        in_force = policy[f"in_force_{name}"]
        known = ~np.isnan(in_force)
        if not known.any():
            continue
        lead_time = name == "lead_time_days"
        proposed = plan.lead_time_days_mean if lead_time else getattr(plan, name)
        step = LEAD_TIME_DAYS_STEP if lead_time else steps_of(policy)
        apart |= known & outside_dead_band(proposed, np.where(known, in_force, 0.0), band, step)
        any_known |= known & (not lead_time)
    return np.asarray(any_known & ~apart)


def published_point(plan: Plan, last: NDArray[Any]) -> NDArray[np.float64]:
    """(n,) reorder points that were published last, from the rows' records ``last`` (n,)."""
    return in_units(last["reorder_point"], plan.policy["decimals"])


def published_quantity(plan: Plan, last: NDArray[Any]) -> NDArray[np.float64]:
    """(n,) order quantities that were published last."""
    return in_units(last["order_quantity"], plan.policy["decimals"])


def turns_stale(stale: NDArray[np.bool_], last: Any) -> NDArray[np.bool_]:
    """(n,) whether published proposals become stale, or cease to be; those in force do not.

    ``last`` has the columns version, agreed and stale (n,) of the rows' records.
    """
    return np.asarray((last["version"] > 0) & (last["agreed"] == 0) & (stale != (last["stale"] == 1)))


def _expects_demand(plan: Plan, last: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) whether a step or more is expected in 28 days, by this forecast or by the one published last."""
    before = HORIZON_DAYS * last["demand_mean"].astype(np.float64)
    return np.asarray(np.maximum(np.add.reduce(plan.forecast_mean, axis=1), before) >= steps_of(plan.policy))


def due(
    plan: Plan, supply: NDArray[Any], decision_states: DecisionStates, since_shift: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(n,) which rows of the plan must be published; ``since_shift`` (n,) are days since the level shifted."""
    last = take_records(supply, plan.rows)
    band = plan.policy["dead_band"]
    point, quantity = published_point(plan, last), published_quantity(plan, last)
    result = (last["version"] == 0) | (last["demand_class"] != plan.demand_class)
    new = plan.demand_class == CLASSES.index("new")
    age_days = plan.day - last["published_day"].astype(np.int64)
    wider = np.where(new, NEW_BANDS, 1.0)
    least = steps_of(plan.policy)
    step = np.maximum(least, DEMAND_SD_SHARE * wider * plan.lead_time_demand_sd)
    # Soon after a publication the bands are wider, so that noise does not cause new publications.
    wider = np.where(age_days < np.where(new, NEW_COOL_DOWN_DAYS, COOL_DOWN_DAYS), COOL_DOWN_BANDS * wider, wider)
    shifted = (since_shift <= SETTLING_DAYS) & ~new
    wider = np.where(shifted, np.where(since_shift == 0, 0.0, SETTLING_BANDS), wider)
    step = np.where(shifted, least, step)
    moved = outside_dead_band(plan.reorder_point, point, wider * band, step)
    moved |= outside_dead_band(plan.order_quantity, quantity, QUANTITY_BANDS * wider * band, least)
    before, after = HORIZON_DAYS * last["demand_mean"].astype(np.float64), HORIZON_DAYS * plan.demand_mean
    moved |= shifted & outside_dead_band(after, before, wider * band, least)
    result |= moved
    result |= outside_dead_band(plan.lead_time_days_mean, last["lead_time_days_mean"], band, LEAD_TIME_DAYS_STEP)
    result |= agrees(plan) != (last["agreed"] == 1)
    result |= (age_days >= HORIZON_DAYS - 1) & _expects_demand(plan, last)
    turned = turns_stale(plan.stale, last)
    for at, decisions in decision_states.of_rows(plan.rows):
        turned[at] &= decisions.proposal_decision is None
    result |= turned
    last_day = plan.policy["last_day"]
    not_told = (last["version"] > 0) & (last["published_day"] < last_day)
    result = np.where(plan.day >= last_day, moved | not_told, result)
    for at, decisions in decision_states.of_rows(plan.rows):
        result[at] |= decisions.due
    return np.asarray(result & has_figures(plan))


def stockout_days(plan: Plan) -> NDArray[np.int64]:
    """(n,) local days of projected stock-outs; NO_STOCKOUT: none."""
    return np.where(plan.stockout < 0, NO_STOCKOUT, plan.day + 1 + plan.stockout)


def projection_moved(plan: Plan, supply: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) whether the projected stock of published rows has changed, which publishes a row that an event has changed.

    It has if a stock-out has appeared or gone, or if the days until it, or those of cover, left their dead band.
    """
    last, band = take_records(supply, plan.rows), plan.policy["dead_band"]
    before, after = last["stockout_day"].astype(np.int64), stockout_days(plan)
    none_before, none_after = before == NO_STOCKOUT, after == NO_STOCKOUT
    until = outside_dead_band(after - plan.day, before - plan.day, band, DAYS_STEP) & ~none_before & ~none_after
    cover, last_cover = plan.cover_days, last["cover_days"].astype(np.float64)
    endless = np.isnan(cover) != np.isnan(last_cover)
    known = outside_dead_band(
        np.where(np.isnan(cover), 0.0, cover), np.where(np.isnan(last_cover), 0.0, last_cover), band, DAYS_STEP
    )
    shorter = np.fmin(cover, last_cover) < HORIZON_DAYS
    return np.asarray((none_before != none_after) | until | ((endless | known) & shorter))


def left_dead_band(plan: Plan, at: int, values: Values) -> bool:
    """Whether the proposal of one row is outside the dead band around other values."""
    band = plan.policy["dead_band"][at]
    least = float(steps_of(plan.policy[at]))
    step = max(least, DEMAND_SD_SHARE * plan.lead_time_demand_sd[at])
    return bool(
        outside_dead_band(plan.reorder_point[at], values["reorder_point"], band, step)
        or outside_dead_band(plan.order_quantity[at], values["order_quantity"], QUANTITY_BANDS * band, least)
        or outside_dead_band(plan.lead_time_days_mean[at], values["lead_time_days"], band, LEAD_TIME_DAYS_STEP)
    )
