"""Decimals of a row's quantities: stated by policy for its base unit, else learned from the row's own quantities.

`SupplyState` resolves them for plans and outputs. The most specific policy of the SKU-location that names the base unit
holds. Where none does, a row has no decimals while all its quantities were whole numbers of base units, and three from
the first one on that was not. Quantities are kept in thousandths, so three decimals are all there can be.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS
from sensing.contracts.common import DEFAULT_UNIT
from sensing.contracts.reference import DECIMALS_MAX
from sensing.supply.master_data import MasterData


def stated_decimals(sku: str, location: str, master: MasterData) -> float:
    """Decimals that policy states for the base unit of an item; NaN if it states none."""
    item = master.item(sku)
    unit = DEFAULT_UNIT if item is None else item.base_unit
    for policy in master.policies(sku, location):
        if policy is not None and unit in policy.decimals:
            return float(policy.decimals[unit])
    return np.nan


def resolved_decimals(policy: NDArray[Any], supply: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) decimals of ``rows`` (n,), from their resolved policies (n,) and the supply records of all rows.

    What is open, on order, and minimum and multiple of an order are quantities of the row as well.
    """
    fractional = supply["fractional"][rows] == 1
    for name in ("open_total", "on_order"):
        fractional |= supply[name][rows] % THOUSANDTHS != 0
    for name in ("minimum", "multiple"):
        fractional |= policy[name] % 1.0 > 0.0  # false where there is none (NaN)
    learned = np.where(fractional, float(DECIMALS_MAX), 0.0)
    return np.where(np.isnan(policy["decimals"]), learned, policy["decimals"])
