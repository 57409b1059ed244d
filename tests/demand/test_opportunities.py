"""Opportunities: expected units and spread over the horizon, replacement, withdrawal, orders against them, bounds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.reference import SignalObserved
from sensing.demand.opportunities import Opportunities

KEY = (1, 2)
NOTHING: dict[int, float] = {}


def signal(signal: str = "deal", **fields: Any) -> SignalObserved:
    """An opportunity of 100 units at 60 % within ten days."""
    values = {"probability": 0.6, "quantity": 100.0, "horizon_days": 10.0} | fields
    return SignalObserved(event_id="e", signal=signal, kind="opportunity", sku="A", location="L", **values)


def table(*signals: SignalObserved, day: int = 20) -> Opportunities:
    """Opportunities whose signals come on a day, one after another."""
    found = Opportunities()
    for time, each in enumerate(signals):
        assert found.apply(KEY, each, time, day)
    return found


def mean(found: Opportunities, first: int = 21, ordered: dict[int, float] = NOTHING) -> Any:
    """Expected units of the 28 days from ``first`` on."""
    return sum((each.mean for each in found.expected(KEY, first, 28, ordered)), np.zeros(28))


def test_expected_demand_is_even_over_the_horizon() -> None:
    """60 units in ten days are 6 a day, with the variance of all or nothing."""
    (each,) = table(signal()).expected(KEY, 21, 28, {})

    assert each.mean.tolist() == [6.0] * 10 + [0.0] * 18
    assert each.variance.sum() == pytest.approx(0.6 * 0.4 * 100.0**2)


def test_the_horizon_goes_by() -> None:
    """Four days later six days remain, after the tenth nothing does, and the record is forgotten."""
    found = table(signal())

    assert mean(found, 25).tolist() == [6.0] * 6 + [0.0] * 22
    assert not mean(found, 31).any()
    found.close(KEY, 30, 0.0)
    assert (found.of_row, found.count) == ({}, 0)


def test_the_newest_record_of_a_signal_replaces() -> None:
    """More likely now; an older record that arrives later changes nothing; probability 0 withdraws."""
    found = table(signal(), signal(probability=0.9))
    assert mean(found).sum() == pytest.approx(90.0)
    assert not found.apply(KEY, signal(probability=0.1), 0, 20)
    assert mean(found).sum() == pytest.approx(90.0)
    assert found.apply(KEY, signal(probability=0.0), 2, 20)
    assert not mean(found).any()
    assert not found.apply(KEY, signal(), 1, 20)
    assert not mean(found).any()


@pytest.mark.parametrize("fields", [{"probability": None}, {"quantity": None}, {"horizon_days": 0.0}])
def test_without_probability_quantity_or_horizon_nothing_is_expected(fields: dict[str, Any]) -> None:
    """Nothing is made up."""
    assert not mean(table(signal(**fields))).any()


def test_the_default_horizon_is_28_days() -> None:
    """An opportunity without a horizon."""
    assert mean(table(signal(horizon_days=None))).tolist() == pytest.approx([60.0 / 28.0] * 28)


def test_a_large_order_takes_from_the_opportunity() -> None:
    """A large order of an open day counts at once, a closed day's for good; neither counts twice."""
    found = table(signal())

    assert mean(found, 21, {22: 100.0}).sum() == pytest.approx(0.0)
    assert mean(found, 21, {22: 40.0}).sum() == pytest.approx(36.0)
    assert mean(found, 21).sum() == pytest.approx(60.0)
    found.close(KEY, 21, 40.0)
    assert mean(found, 22).sum() == pytest.approx(0.6 * 60.0 * 0.9)
    assert found.apply(KEY, signal(), 5, 21), "a newer record says what is still expected"
    assert mean(found, 22).sum() == pytest.approx(60.0)


def test_an_order_serves_the_oldest_opportunity_first() -> None:
    """130 units close the first of 100 and take 30 from the second; orders before the signal are not of it."""
    found = table(signal("old"), signal("new"))
    found.close(KEY, 19, 500.0)
    assert mean(found).sum() == pytest.approx(120.0)

    found.close(KEY, 20, 130.0)

    assert [each.units for each in found.expected(KEY, 21, 28, {})] == [70.0]


def test_the_table_is_bounded() -> None:
    """A further opportunity is refused and counted; one that is known may change."""
    found = Opportunities(1)
    assert found.apply(KEY, signal("one"), 0, 20)
    assert not found.apply(KEY, signal("two"), 0, 20)
    assert found.apply(KEY, signal("one", quantity=5.0), 1, 20)
    assert (found.refused, found.count) == (1, 1)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1e6), st.floats(0, 60)), min_size=1, max_size=5),
    st.lists(st.floats(0, 1e6), max_size=20),
)
def test_orders_never_make_expectations_grow(
    opportunities: list[tuple[float, float, float]], orders: list[float]
) -> None:
    """Expected units lie between 0 and probability times quantity, fall with every order, and survive a dump."""
    found = table(
        *(
            signal(str(at), probability=p, quantity=q, horizon_days=days)
            for at, (p, q, days) in enumerate(opportunities)
        )
    )
    before = mean(found, 21)
    assert (before >= 0.0).all()
    # The smallest floats have no relative precision.
    assert before.sum() <= sum(p * q for p, q, _ in opportunities) * (1 + 1e-9) + 1e-300
    for day, units in enumerate(orders, 20):
        found.close(KEY, day, units)
        now = mean(found, 21)
        assert (now <= before + 1e-6).all()
        before = now
    copy = Opportunities()
    copy.load(found.dump())
    assert copy.dump() == found.dump()
    assert mean(copy, 21).tolist() == mean(found, 21).tolist()


def test_a_new_base_unit_converts() -> None:
    """Quantities and what was ordered against them."""
    found = table(signal())
    found.close(KEY, 20, 40.0)
    found.convert(KEY, 12.0)
    assert mean(found).sum() == pytest.approx(0.6 * 60.0 * 12.0)
