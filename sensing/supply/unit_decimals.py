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
from sensing.jit import kernel
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
    out = np.empty(rows.size)
    resolve_decimals(policy, supply, rows, out)
    return out


@kernel
def resolve_decimals(
    policy: NDArray[Any], supply: NDArray[Any], rows: NDArray[np.int64], out: NDArray[np.float64]
) -> None:
    """Fill ``out`` (n,), see :func:`resolved_decimals`."""
    for i in range(rows.size):
        stated, record = policy[i], supply[rows[i]]
        out[i] = stated.decimals
        if stated.decimals != stated.decimals:
            fractional = record.fractional == 1
            fractional |= record.open_total % THOUSANDTHS != 0 or record.on_order % THOUSANDTHS != 0
            # A quantity that is not stated is NaN, which has no fraction.
            fractional |= stated.minimum % 1.0 > 0.0 or stated.multiple % 1.0 > 0.0
            out[i] = DECIMALS_MAX if fractional else 0.0
