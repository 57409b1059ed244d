"""forecast_variance: thresholds, what ends it, sentences."""

import math
from typing import Any

import pytest

from sensing.contracts.reference import PolicyUpdated
from sensing.detection.finding import Finding
from sensing.detection.forecast_variance import (
    FORECAST_VARIANCE,
    VarianceEvidence,
    VarianceThresholds,
    thresholds_of,
)
from sensing.supply.master_data import MasterData
from tests.detection.contexts import context, details


def variance(price_of_unit: float = math.nan, **fields: Any) -> Finding:
    """The finding about a plan of 10 a day, of which 140 of 280 are sensed."""
    values: dict[str, Any] = {
        "sensed": 140.0, "planned": 280.0, "days": 28, "end": 20_500, "quantity_per_day": 10.0, "plan": "plan-1",
        "weight": 0.31, "deviation": 15.0, "learned": True,
    } | fields  # fmt: skip
    return FORECAST_VARIANCE.finding(context(price=price_of_unit), VarianceEvidence(**values))


def test_half_of_the_plan_opens() -> None:
    """Units, money, share and weight are stated."""
    found = variance(2.0)

    assert (found.active, found.cleared, found.final) == (True, False, False)
    assert (found.observed, found.expected, found.money) == (140.0, 280.0, 280.0)
    assert (found.route, found.inform) == ("planner", ("commercial",))
    assert details(found) == {
        "type": "forecast_variance", "plan": "plan-1", "plan_per_day": 10.0, "plan_weight": 0.31, "planned_days": 28,
        "difference": -140.0,
    }  # fmt: skip
    assert found.reason == (
        "The sensed forecast is 140 for the next 28 planned days, 140 fewer (50 %) than the plan of 280"
        " (10 a day until 16 Feb 2026); the plan has a weight of 31 % in the forecast."
    )


def test_more_than_a_plan_of_nothing_opens() -> None:
    """There is no share of a plan of nothing."""
    found = variance(planned=0.0, quantity_per_day=0.0)

    assert found.active
    assert "140 more than the plan of 0 (0 a day" in found.reason
    assert found.severity_points == 3.0


@pytest.mark.parametrize(
    ("fields", "active", "cleared"),
    [
        ({"sensed": 196.0}, False, False),  # 30 % is not more than 30 %
        ({"sensed": 195.0}, True, False),
        ({"sensed": 222.0}, False, True),  # within 70 % of the thresholds
        ({"sensed": 364.0}, False, False),
        ({"sensed": 365.0}, True, False),
        ({"sensed": 10.0, "planned": 19.0, "deviation": 1.0}, False, False),  # 9 units
        ({"sensed": 10.0, "planned": 20.0, "deviation": 1.0}, True, False),
        ({"deviation": 70.0}, False, False),  # two deviations
        ({"deviation": 101.0}, False, True),
        ({"learned": False}, False, False),
        ({"price": 3.0, "thresholds": VarianceThresholds(0.3, 10.0, 421.0)}, False, False),
        ({"price": 3.0, "thresholds": VarianceThresholds(0.3, 10.0, 420.0)}, True, False),
        ({"price": math.nan, "thresholds": VarianceThresholds(0.3, 10.0, 1e9)}, True, False),
    ],
)
def test_thresholds(fields: dict[str, Any], active: bool, cleared: bool) -> None:
    """Share, units, money where a price is known, and noise must all be exceeded."""
    found = variance(**fields)

    assert (found.active, found.cleared, found.final) == (active, cleared, False)


def test_a_plan_that_ends_ends_it() -> None:
    """At once, and the sentence says so."""
    found = FORECAST_VARIANCE.finding(context(), VarianceEvidence(plan="plan-1"))

    assert (found.active, found.final) == (False, True)
    assert found.reason == "The plan has ended or covers none of the next 28 days."


def test_a_new_plan_that_is_close_ends_it() -> None:
    """At once; one that differs as much keeps it open, under its own id."""
    close = variance(replaced=True, sensed=260.0)
    assert (close.active, close.final) == (False, True)
    assert close.reason == "A new plan of 280 for the next 28 planned days is close to the sensed forecast of 260."
    assert (variance(replaced=True).active, variance(replaced=True).final) == (True, False)


def test_agreement_reads_as_such() -> None:
    """Resolved by the forecast."""
    assert variance(sensed=270.0).reason == (
        "The sensed forecast of 270 for the next 28 planned days agrees with the plan of 280 again."
    )


def test_the_most_specific_policy_counts() -> None:
    """Each threshold for itself; without policies the defaults."""
    master = MasterData()
    assert thresholds_of(master, "A", "L")[:2] == (0.3, 10.0)
    assert math.isnan(thresholds_of(master, "A", "L").money)
    master.apply(PolicyUpdated(event_id="1", forecast_variance_share=0.5, forecast_variance_money=100.0))
    master.apply(PolicyUpdated(event_id="2", sku="A", forecast_variance_share=0.1))
    assert thresholds_of(master, "A", "L") == (0.1, 10.0, 100.0)
    assert thresholds_of(master, "B", "L") == (0.5, 10.0, 100.0)
