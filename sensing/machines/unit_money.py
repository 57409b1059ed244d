"""Price, margin and rate of a unit: what a row's units are worth. Detection contexts and plans read it."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.contracts.reference import ItemUpdated
from sensing.machines.shard_state import ShardState
from sensing.supply.rates import Rates


class UnitMoney(NamedTuple):
    """Price and margin of a base unit in ``currency``, and ``rate`` to the base currency; NaN if unknown."""

    price: float = math.nan
    currency: str | None = None
    margin: float = math.nan
    rate: float = math.nan


def unit_money(s: ShardState, item: ItemUpdated | None, price: float, currency: str | None) -> UnitMoney:
    """Money of a unit that an order priced at ``price`` (NaN: not at all, then at the item's price).

    An order that names no currency has that of the item; if that names none either, the base currency.
    """
    rates = s.supply.master.rates
    if item is not None:
        if math.isnan(price) and item.unit_price is not None:
            price, currency = item.unit_price, item.currency
        currency = currency or item.currency
    currency = currency or rates.base
    if math.isnan(price):
        return UnitMoney()
    return UnitMoney(price, currency, price - _cost(rates, item, currency), rates.rate(currency))


def _cost(rates: Rates, item: ItemUpdated | None, currency: str | None) -> float:
    """Cost of a unit of an item in ``currency``; NaN if cost or rate are unknown."""
    if item is None or item.unit_cost is None:
        return math.nan
    own = item.currency or rates.base
    # Amounts in one currency need no rate.
    return item.unit_cost * (1.0 if own == currency else rates.rate(own) / rates.rate(currency))


def prices_in_base(s: ShardState, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) prices of the newest orders of some rows in the base currency; NaN if price or rate are unknown."""
    hot, rates = s.rows.hot, s.supply.master.rates
    price: NDArray[np.float64] = hot["price"][rows]
    if rates.uniform:
        return price
    named, at = np.unique(hot["currency"][rows], return_inverse=True)
    factors = np.array([rates.rate(_text(currency)) for currency in named])[at]
    for k in np.flatnonzero((hot["currency"][rows] == b"") & ~np.isnan(price)).tolist():
        item = s.supply.master.item(s.sku_of(int(rows[k])))
        factors[k] = rates.rate(None if item is None else item.currency)
    return np.asarray(price * factors)


def _text(currency: Any) -> str | None:
    return bytes(currency).decode() or None
