"""Stock floors: below which on-hand a movement makes Python look at the projection again.

A floor is set when a row is planned, and at every look. No stock-out opens above it, as long as purchase orders and
lead times say what they said then: an event about the row's own purchase orders lifts it until the next look; what else
changes them shows at the row's next close.
"""

import numpy as np
from numpy.typing import NDArray

from sensing.machines.checks import STOCK_HISTORY_DAYS_MIN
from sensing.machines.outlook import outlook
from sensing.machines.state import ShardState
from sensing.supply.plan import Plan
from sensing.supply.projection import quiet_floors, stock_floors
from sensing.supply.record import NEVER

ANY_STOCK = np.inf


def set_stock_floors(s: ShardState, plan: Plan) -> None:
    """Set the floors of planned rows for the local day that comes."""
    floors = np.empty(plan.rows.size)
    learned = _learned(s, plan.rows)
    stock_floors(
        plan.overdue, plan.open_day, plan.receipts, plan.forecast_mean, plan.lead_time_days_mean, learned, floors
    )
    s.rows.hot["stock_floor"][plan.rows] = floors


def set_quiet_floors(s: ShardState, rows: NDArray[np.int64], day: int, end: int) -> None:
    """Set the floors of rows that closed ``day`` without having been planned, the first time since they were.

    They hold until the row is planned again, which may be weeks later: the floors of one day would not.
    """
    hot = s.rows.hot
    first = rows[(hot["floors_day"][rows] == day & 255) & ~np.isnan(hot["stock_floor"][rows])]
    counted = s.supply.supply["count_time"][first] != NEVER
    hot["stock_floor"][first[~counted]] = ANY_STOCK
    first = first[counted]
    if len(first):
        plan = outlook(s, first, day, end).plan
        floors = np.empty(len(first))
        quiet_floors(plan.open_demand, plan.forecast_mean, plan.lead_time_days_mean, _learned(s, first), floors)
        hot["stock_floor"][first] = floors


def step_down(s: ShardState, plan: Plan, at: int) -> None:
    """Set the floor of a row whose stock-out is known: it is looked at again when a day's demand more is gone."""
    stock = plan.on_hand[at]
    s.rows.hot["stock_floor"][plan.rows[at]] = stock - max(1.0, abs(stock) / 3.0, plan.forecast_mean[at, 0])


def look_next(s: ShardState, row: int) -> None:
    """Let the next movement of a row that was planned be looked at, whatever its stock."""
    if not np.isnan(s.rows.hot["stock_floor"][row]):
        s.rows.hot["stock_floor"][row] = ANY_STOCK


def _learned(s: ShardState, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(s.demand.demand["days"][rows] >= STOCK_HISTORY_DAYS_MIN)
