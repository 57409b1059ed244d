"""Stock floors: below which on-hand a movement makes Python look at the projection again.

A floor is set when a row is planned, and at every look. Until the row closes again no stock-out opens above it, as long
as lead times and purchase orders say what they said then. Orders raise it. A purchase order that comes later or brings
less lets the next movement be looked at, whatever the stock. What else changes the projection (new purchase orders,
receipts, master data) shows at the close.
"""

import numpy as np
from numpy.typing import NDArray

from sensing.detection.stockout import HISTORY_DAYS_MIN
from sensing.machines.outlook import outlook
from sensing.machines.state import ShardState
from sensing.supply.plan import Plan
from sensing.supply.projection import quiet_floors, stock_floors
from sensing.supply.record import NEVER

ANY_STOCK = np.inf
FORECAST_MARGIN = 1.05
"""Pools are folded after a row has closed, which moves its forecast a little."""


def set_stock_floors(s: ShardState, plan: Plan, margin: float = FORECAST_MARGIN) -> None:
    """Set the floors of planned rows for the local day that comes; ``margin`` allows for forecasts that move."""
    floors = np.empty(plan.rows.size)
    learned = _learned(s, plan.rows)
    stock_floors(
        plan.overdue, plan.open_day, plan.receipts, margin * plan.forecast_mean, plan.lead_time_days_mean, learned,
        floors,
    )  # fmt: skip
    s.rows.hot["stock_floor"][plan.rows] = floors


def set_quiet_floors(s: ShardState, rows: NDArray[np.int64], day: int, end: int) -> None:
    """Set the floors of rows that closed ``day`` without having been planned, the first time since they were.

    They hold until the row is planned again, which may be weeks later: the floors of one day would not.
    """
    hot = s.rows.hot
    if not len(rows):
        return
    first = rows[(hot["floors_day"][rows] == day & 255) & ~np.isnan(hot["stock_floor"][rows])]
    counted = s.supply.supply["count_time"][first] != NEVER
    hot["stock_floor"][first[~counted]] = ANY_STOCK
    first = first[counted]
    if len(first):
        plan = outlook(s, first, day, end).plan
        floors = np.empty(len(first))
        mean = FORECAST_MARGIN * plan.forecast_mean
        quiet_floors(plan.open_demand, mean, plan.lead_time_days_mean, _learned(s, first), floors)
        hot["stock_floor"][first] = floors


def step_down(s: ShardState, plan: Plan, at: int) -> None:
    """Set the floor of a row whose stock-out is known: about a day later, or when much less is there."""
    # A day's orders raise the floor by as much as their shipments lower the stock.
    stock, day = plan.on_hand[at], 2.0 * plan.forecast_mean[at, 0]
    s.rows.hot["stock_floor"][plan.rows[at]] = stock - max(1.0, abs(stock) / 2.0, day)


def look_next(s: ShardState, row: int) -> None:
    """Let the next movement of a row that was planned be looked at, whatever its stock."""
    if not np.isnan(s.rows.hot["stock_floor"][row]):
        s.rows.hot["stock_floor"][row] = ANY_STOCK


def _learned(s: ShardState, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(s.demand.demand["days"][rows] >= HISTORY_DAYS_MIN)
