"""How much to order: economic order quantity, or days of cover where costs are not known, within the item's bounds.

Source: Harris (1913), How many parts to make at once: sqrt(2 K D / h), with K the cost of an order, D demand a year
and h the cost of holding a unit for a year (rate x unit cost).
"""

import numpy as np
from numpy.typing import NDArray

DAYS_A_YEAR = 365.0
_WHOLE = 1e-9
"""A quantity this little (relative) over a multiple is that multiple."""

Floats = NDArray[np.float64]


def economic(daily_mean: Floats, order_cost: Floats, holding_rate_year: Floats, unit_cost: Floats) -> Floats:
    """Economic order quantity in units; NaN where a cost is not known or holding costs nothing. All arrays (n,)."""
    holding = holding_rate_year * unit_cost
    holding = np.where(holding > 0.0, holding, np.nan)
    return np.asarray(np.sqrt(2.0 * order_cost * daily_mean * DAYS_A_YEAR / holding))


def order_quantity(
    daily_mean: Floats, economic_quantity: Floats, cover_days: Floats, shelf_life_days: Floats, minimum: Floats,
    multiple: Floats,
) -> Floats:  # fmt: skip
    """Units to order at once; all arrays (n,), NaN: not known.

    The economic quantity, or ``cover_days`` of demand where it is not known; no more than sells within the shelf
    life; at least the minimum; rounded up to the multiple. The last two bind the supplier's side and win. Without
    demand nothing.
    """
    quantity = np.where(np.isnan(economic_quantity), cover_days * daily_mean, economic_quantity)
    quantity = np.fmin(quantity, shelf_life_days * daily_mean)
    quantity = np.fmax(quantity, minimum)
    step = np.where(multiple > 0.0, multiple, np.nan)
    rounded = np.ceil(quantity / step * (1.0 - _WHOLE)) * step
    quantity = np.where(np.isnan(step), quantity, rounded)
    return np.asarray(np.where(np.isnan(daily_mean), np.nan, np.where(daily_mean > 0.0, quantity, 0.0)))
