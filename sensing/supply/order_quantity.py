"""Order quantity: economic order quantity, or days of cover if costs are not known, within the item's limits.

Plans call it.

Source: Harris (1913), How many parts to make at once: sqrt(2 K D / h), with K the cost of an order, D demand a year
and h the cost of holding a unit for a year (rate x unit cost).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS
from sensing.jit import kernel
from sensing.supply.rounding import step_of, to_steps

DAYS_A_YEAR = 365.0
Floats = NDArray[np.float64]


@kernel
def economic_order_quantity(daily_mean: float, order_cost: float, holding_rate_year: float, unit_cost: float) -> float:
    """Economic order quantity in units; NaN if a cost is not known or the holding cost is not positive."""
    holding = holding_rate_year * unit_cost
    if not holding > 0.0:
        return math.nan
    return math.sqrt(2.0 * order_cost * daily_mean * DAYS_A_YEAR / holding)


@kernel
def order_quantity(
    daily_mean: float, economic_quantity: float, cover_days: float, shelf_life_days: float, minimum: float,
    multiple: float, decimals: float,
) -> float:  # fmt: skip
    """Units per order; 0 without demand, NaN if demand is not known.

    It is the economic quantity, or ``cover_days`` of demand if that is not known. It is cut to the demand of the shelf
    life, raised to the minimum and rounded up to the multiple and to the ``decimals`` of its unit. Minimum and multiple
    win, since the supplier sets them. It is at least one step, since an order of nothing is none.
    """
    if math.isnan(daily_mean) or daily_mean <= 0.0:
        return daily_mean * 0.0
    quantity = cover_days * daily_mean if math.isnan(economic_quantity) else economic_quantity
    if shelf_life_days * daily_mean < quantity:
        quantity = shelf_life_days * daily_mean
    if minimum > quantity:
        quantity = minimum
    _, step = step_of(decimals, multiple)
    return max(to_steps(quantity, decimals, multiple, True), step / THOUSANDTHS)


@kernel
def order_quantities(daily_mean: Floats, policy: NDArray[Any], out: Floats) -> None:
    """Fill ``out`` (n,) with order quantities, from mean daily demand (n,) and planning policy (n,) of the rows."""
    for i in range(out.size):
        row_policy = policy[i]
        batch = economic_order_quantity(
            daily_mean[i], row_policy.order_cost, row_policy.holding_rate_year, row_policy.unit_cost
        )
        out[i] = order_quantity(
            daily_mean[i],
            batch,
            row_policy.cover_days,
            row_policy.shelf_life_days,
            row_policy.minimum,
            row_policy.multiple,
            row_policy.decimals,
        )
