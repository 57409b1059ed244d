"""Rates to the base currency, in which money is ranked and compared. `MasterData` keeps those in force.

The policy for all states base currency and rates. Without a stated base currency it is the only currency in use; if
several are in use, no rate is known.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from sensing.contracts.reference import PolicyUpdated

CURRENCIES_MAX = 2
"""Currencies in use that are kept: whether there are several is all that matters."""
NO_RATES: Mapping[str, float] = {}


class Rates(NamedTuple):
    """Rates in force.

    ``base`` is the base currency; None: no amount has named a currency yet, or several are in use and none is stated.
    ``stated`` says whether a policy states it.
    """

    base: str | None = None
    stated: bool = False
    several: bool = False
    rates: Mapping[str, float] = NO_RATES

    @property
    def uniform(self) -> bool:
        """Whether all amounts are in the base currency."""
        return not self.several and not self.stated

    def rate(self, currency: str | None) -> float:
        """Units of the base currency per unit of a currency; NaN if not known.

        An amount that names no currency is in the base currency.
        """
        if not self.stated:
            return math.nan if self.several else 1.0
        return 1.0 if currency in (None, self.base) else self.rates.get(currency or "", math.nan)


def rates_of(policy: PolicyUpdated | None, in_use: list[str]) -> Rates:
    """Rates that follow from the policy for all and from the currencies in use, at most CURRENCIES_MAX."""
    several = len(in_use) > 1
    if policy is not None and policy.base_currency is not None:
        return Rates(policy.base_currency, True, several, policy.rates)
    return Rates(None if several or not in_use else in_use[0], False, several)
