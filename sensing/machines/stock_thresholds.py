"""Stock thresholds: below which on-hand a movement makes Python look at the projection again.

A threshold is set when a row is planned, and at every look. Until the row closes again no stock-out opens above it, as
long as lead times and purchase orders say what they said then. Orders raise it. A purchase order that comes later or
brings less lets the next movement be looked at, whatever the stock. What else changes the projection (new purchase
orders, receipts, master data) shows at the close.
"""

import numpy as np
from numpy.typing import NDArray

from sensing.detection.stockout import HISTORY_DAYS_MIN
from sensing.machines.forecast_and_plan import forecast_and_plan
from sensing.machines.shard_state import ShardState
from sensing.supply.plan import Plan
from sensing.supply.projection import idle_stock_thresholds, stock_thresholds
from sensing.supply.supply_record import NEVER

ANY_STOCK = np.inf
FORECAST_MARGIN = 1.05
"""Pools are folded after a row has closed, which moves its forecast a little."""


def set_stock_thresholds(s: ShardState, plan: Plan, margin: float = FORECAST_MARGIN) -> None:
    """Set the thresholds of planned rows for the local day that comes; ``margin`` allows for forecasts that move."""
    thresholds = np.empty(plan.rows.size)
    learned = _learned(s, plan.rows)
    stock_thresholds(
        plan.overdue, plan.open_day, plan.receipts, margin * plan.forecast_mean, plan.lead_time_days_mean, learned,
        thresholds,
    )  # fmt: skip
    s.rows.hot["stock_threshold"][plan.rows] = thresholds


def set_idle_stock_thresholds(s: ShardState, rows: NDArray[np.int64], day: int, end: int) -> None:
    """Set the thresholds of rows that closed ``day`` without having been planned, the first time since they were.

    They hold until the row is planned again, which may be weeks later: the thresholds of one day would not.
    """
    hot = s.rows.hot
    if not len(rows):
        return
    first = rows[(hot["thresholds_day"][rows] == day & 255) & ~np.isnan(hot["stock_threshold"][rows])]
    counted = s.supply.supply["count_time"][first] != NEVER
    hot["stock_threshold"][first[~counted]] = ANY_STOCK
    first = first[counted]
    if len(first):
        plan = forecast_and_plan(s, first, day, end).plan
        thresholds = np.empty(len(first))
        mean = FORECAST_MARGIN * plan.forecast_mean
        idle_stock_thresholds(plan.open_demand, mean, plan.lead_time_days_mean, _learned(s, first), thresholds)
        hot["stock_threshold"][first] = thresholds


def lower_stock_threshold(s: ShardState, plan: Plan, at: int) -> None:
    """Set the threshold of a row whose stock-out is known: about a day later, or when much less is there."""
    # A day's orders raise the threshold by as much as their shipments lower the stock.
    stock, day = plan.on_hand[at], 2.0 * plan.forecast_mean[at, 0]
    s.rows.hot["stock_threshold"][plan.rows[at]] = stock - max(1.0, abs(stock) / 2.0, day)


def check_next_movement(s: ShardState, row: int) -> None:
    """Let the next movement of a row that was planned be looked at, whatever its stock."""
    if not np.isnan(s.rows.hot["stock_threshold"][row]):
        s.rows.hot["stock_threshold"][row] = ANY_STOCK


def _learned(s: ShardState, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(s.demand.demand["days"][rows] >= HISTORY_DAYS_MIN)
