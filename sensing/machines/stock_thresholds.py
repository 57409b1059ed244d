"""Stock thresholds: a movement that takes on-hand below the threshold makes the kernel raise a LOW_STOCK callback.

`sensing.machines.day_close` sets the threshold when a row is planned, the callback sets it again. Above the threshold
no stock-out can open before the row's next close, provided that lead times and purchase orders stay as they were.
Orders and receipts raise the threshold. If a purchase order is delayed or reduced, the projection runs at once. If the
supplier of a row is disrupted, the next movement raises the callback whatever the stock. Other changes of the
projection (new purchase orders, master data) are seen at the next close.
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
"""Margin of 5 %: the pools are aggregated after a row has closed, which moves its forecast a little."""


def set_stock_thresholds(s: ShardState, plan: Plan, margin: float = FORECAST_MARGIN) -> None:
    """Set the thresholds of planned rows for the next local day; ``margin`` multiplies the forecast."""
    thresholds = np.empty(plan.rows.size)
    learned = _learned(s, plan.rows)
    stock_thresholds(
        plan.overdue, plan.open_day, plan.receipts, margin * plan.forecast_mean, plan.lead_time_days_mean, learned,
        thresholds,
    )  # fmt: skip
    s.rows.hot["stock_threshold"][plan.rows] = thresholds


def set_idle_stock_thresholds(s: ShardState, rows: NDArray[np.int64], day: int, end: int) -> None:
    """Set the thresholds of rows that closed ``day`` unplanned for the first time since their last plan.

    Such a threshold must hold until the row is planned again, up to 28 days later. The usual one holds for one day.
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
    """Set the threshold of a row with a known stock-out: it is rechecked after about a day, or when stock halves."""
    # Orders raise the threshold, their shipments lower the stock: a day's demand closes a gap of two days' demand.
    stock, day = plan.on_hand[at], 2.0 * np.nan_to_num(plan.forecast_mean[at, 0])
    s.rows.hot["stock_threshold"][plan.rows[at]] = stock - max(1.0, abs(stock) / 2.0, day)


def check_next_movement(s: ShardState, rows: NDArray[np.int64]) -> None:
    """Let the next movement of planned rows raise a callback, whatever their stock."""
    thresholds = s.rows.hot["stock_threshold"]
    thresholds[rows[~np.isnan(thresholds[rows])]] = ANY_STOCK


def expect_less(s: ShardState, row: int, units: float) -> None:
    """Raise the threshold of a row by units that are due no longer."""
    s.rows.hot["stock_threshold"][row] += np.float32(units)


def _learned(s: ShardState, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(s.demand.demand["days"][rows] >= HISTORY_DAYS_MIN)
