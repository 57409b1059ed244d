"""Rates to the base currency: what a policy states, and what holds without one."""

import math

import pytest

from sensing.contracts.reference import PolicyUpdated
from sensing.supply.master_data import MasterData
from sensing.supply.rates import Rates, rates_of

STATED = PolicyUpdated(event_id="p", base_currency="EUR", rates={"USD": 0.9, "EUR": 7.0})


@pytest.mark.parametrize(
    ("policy", "in_use", "base", "known"),
    [
        (None, [], None, {None: 1.0}),
        (None, ["EUR"], "EUR", {None: 1.0, "EUR": 1.0}),
        (None, ["EUR", "USD"], None, {None: math.nan, "EUR": math.nan, "USD": math.nan}),
        (PolicyUpdated(event_id="p", dead_band=0.1), ["EUR", "USD"], None, {"EUR": math.nan}),
        (STATED, [], "EUR", {None: 1.0, "EUR": 1.0, "USD": 0.9, "GBP": math.nan}),
        (STATED, ["USD", "GBP"], "EUR", {None: 1.0, "EUR": 1.0, "USD": 0.9, "GBP": math.nan}),
    ],
)
def test_rates(
    policy: PolicyUpdated | None, in_use: list[str], base: str | None, known: dict[str | None, float]
) -> None:
    """The base has rate 1 whatever its entry says; one currency is the base; several without a base have no rate."""
    rates = rates_of(policy, in_use)

    assert rates.base == base
    for currency, rate in known.items():
        assert rates.rate(currency) == pytest.approx(rate, nan_ok=True)


def test_master_data_keeps_the_rates_of_the_policy_in_force() -> None:
    """The policy for all counts, from its time on; a change of the currencies in use says whether plans change."""
    master = MasterData()
    assert master.rates == Rates()
    assert not master.see_currency("EUR")
    assert not master.see_currency("EUR")
    assert (master.rates.base, master.rates.uniform) == ("EUR", True)
    assert master.see_currency("USD")
    assert not master.see_currency("GBP")
    assert math.isnan(master.rates.rate("EUR"))

    master.apply(STATED, 5)
    assert (master.rates.base, master.rates.rate("USD")) == ("EUR", 0.9)
    master.apply(PolicyUpdated(event_id="q", base_currency="USD"), 4)
    assert master.rates.base == "EUR"
    master.apply(PolicyUpdated(event_id="q", location="L"), 9)
    assert master.rates.base == "EUR"
    again = MasterData()
    again.load(master.dump())
    assert again.rates == master.rates
    master.apply(PolicyUpdated(event_id="r", dead_band=0.1), 6)
    assert master.rates.base is None


def test_a_second_currency_changes_no_plan_while_a_base_is_stated() -> None:
    """Nothing is resolved again then."""
    master = MasterData()
    master.apply(STATED, 5)
    assert not master.see_currency("EUR")
    assert not master.see_currency("USD")
