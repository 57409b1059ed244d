"""Importance and money of a finding: points, status, sentences, and the customer that a problem keeps."""

import math
from typing import Any

import msgspec
import pytest

from sensing.contracts.reference import CustomerUpdated
from sensing.detection.finding import Finding
from sensing.detection.lifecycle import Problems
from sensing.detection.remarks import remarks
from sensing.detection.severity import importance_points
from tests.detection.contexts import context, finding

KEY = CustomerUpdated(event_id="k", customer="KEY", strategic=True, segment="shops", region="north")
USUAL = CustomerUpdated(event_id="u", customer="USUAL")


def known(state: str = "active", **fields: Any) -> Finding:
    """A finding with some facts."""
    changed = {name: fields.pop(name) for name in list(fields) if name in Finding.__struct_fields__}
    day = fields.pop("day", 0.0)
    return msgspec.structs.replace(finding(state, day=day), **changed)


def test_importance_has_a_limit() -> None:
    """One point for each fact, at most two."""
    none = {"strategic": False, "regulated": False, "strategic_customer": False}
    assert importance_points(**none) == 0.0
    assert [importance_points(**none | {name: True}) for name in none] == [1.0, 1.0, 1.0]
    assert importance_points(strategic=True, regulated=True, strategic_customer=True) == 2.0


def test_points_add_up() -> None:
    """Evidence and importance; a customer that is not strategic counts for nothing."""
    assert known(severity_points=1.0).points == 1.0
    assert known(severity_points=1.0, strategic=True, customer=USUAL).points == 2.0
    assert known(severity_points=1.0, strategic=True, customer=KEY).points == 3.0


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({}, "no_price", ""),
        ({"money": 50.0, "money_base": 50.0, "currency": "EUR"}, "ranked", ""),
        (
            {"money": 50.0, "money_base": 45.0, "currency": "USD", "base_currency": "EUR", "margin": 12.5},
            "ranked",
            " At stake: 50 USD, 12.5 of it margin.",
        ),
        (
            {"money": 1234.5, "currency": "USD", "base_currency": "EUR"},
            "no_rate",
            " At stake: 1,234 USD; not ranked by money, since no policy states a rate of USD to EUR.",
        ),
        (
            {"money": 50.0, "currency": "USD", "margin": 20.0},
            "no_rate",
            " At stake: 50 USD, 20 of it margin; not ranked by money, since several currencies are in use and no policy"
            " states the base currency.",
        ),
        ({"strategic": True}, "no_price", " The item is strategic."),
        (
            {"strategic": True, "regulated": True, "customer": KEY},
            "no_price",
            " The item is strategic and regulated. Customer KEY is strategic.",
        ),
        ({"customer": USUAL}, "no_price", ""),
    ],
)
def test_what_is_remarked(fields: dict[str, Any], status: str, said: str) -> None:
    """Margin, a missing rate and importance, while the problem holds."""
    assert (known(**fields).money_status, remarks(known(**fields))) == (status, said)
    assert remarks(known("cleared", **fields)) == remarks(known("final", **fields)) == ""


def test_a_context_gives_money_in_both_currencies_and_the_margin() -> None:
    """Each only if it is known."""
    priced = msgspec.structs.replace(context(price=10.0), rate=0.5, margin=4.0)
    assert (priced.money(3.0), priced.money_base(3.0), priced.margin_of(3.0)) == (30.0, 15.0, 12.0)
    assert (priced.money(math.nan), priced.margin_of(math.nan)) == (None, None)
    unknown = msgspec.structs.replace(priced, rate=math.nan, margin=math.nan)
    assert (unknown.money(3.0), unknown.money_base(3.0), unknown.margin_of(3.0)) == (30.0, None, None)


def test_severity_depends_on_money_in_the_base_currency_alone() -> None:
    """A million without a rate is worth no point."""
    found = [Problems(9).observe(known(money=1e6, **more)) for more in ({"currency": "ZWL"}, {"money_base": 1e4})]
    opened, ranked = (each.state for each in found if each is not None)
    assert (opened.severity, opened.money_status) == ("low", "no_rate")
    assert (ranked.severity, ranked.money_base) == ("medium", 1e4)


def test_a_problem_keeps_its_strategic_customer() -> None:
    """Later findings with another customer or none do not lower its severity; ``commercial`` is informed."""
    problems = Problems(9)
    problems.observe(known(customer=USUAL, severity_points=1.0))
    found = problems.observe(known(day=0.1, customer=KEY, severity_points=1.0))
    assert found is not None
    escalated = found.state
    assert (escalated.status, escalated.severity, escalated.customer) == ("escalated", "medium", "KEY")
    assert (escalated.customer_strategic, escalated.customer_segment, escalated.customer_region) == (
        True, "shops", "north",
    )  # fmt: skip
    for day, customer in ((0.2, None), (0.3, USUAL)):
        found = problems.observe(known(day=day, customer=customer, severity_points=1.0, marker=str(day)))
        assert found is not None
        state = found.state
        assert (state.severity, state.customer, state.inform) == ("medium", "KEY", ["commercial"])
