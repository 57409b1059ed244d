"""The policy's money floor in a whole machine: no exception, one decision on `audit`, a gauge."""

from typing import Any

import pytest

from sensing.machines.gauges import gauges
from tests.claims import count, orders, states, world
from tests.machines.streams import Line, Result, line

pytestmark = pytest.mark.compiled

USUAL = orders("u", range(40), 4.0, unit_price=10.0, currency="EUR")


def policy(floor: float, **scope: Any) -> Line:
    """A policy with a floor."""
    return line("policy.updated", "p", None, exception_money_min=floor, **scope)


def short(*lines: Line) -> Result:
    """Stock for two days against a lead time of seven."""
    return world([*USUAL, count(8, 35), *lines], 40)


def decisions(found: Result) -> list[dict[str, Any]]:
    """The decisions not to open an exception."""
    return [data for data in found.data("audit") if data.get("rule") == "suppress_exception"]


def test_too_little_money_opens_nothing() -> None:
    """The decision is put out once, with the sentence of the exception that there is not; the gauge counts it."""
    found = short(policy(5_000.0))

    assert states(found, "stockout_projected") == []
    (decision,) = decisions(found)
    assert (decision["subject"], decision["sku"], decision["location"]) == ("A/L", "A", "L")
    assert decision["inputs"] == {"exception_type": "stockout_projected"}
    assert 100 < decision["value"] < 5_000
    assert decision["reason"].startswith("No exception, since ")
    assert " EUR at stake are less than policy asks (exception_money_min): A stock-out is likely" in decision["reason"]
    assert gauges(found.shards[0].state).below_floor == {"stockout_projected": 1}


@pytest.mark.parametrize("others", [(policy(10.0),), (policy(5_000.0, sku="B"),), ()])
def test_enough_money_opens(others: tuple[Line, ...]) -> None:
    """Or another scope, or no floor."""
    found = short(*others)

    assert states(found, "stockout_projected")[0]["status"] == "opened"
    assert decisions(found) == []
    assert gauges(found.shards[0].state).below_floor == {}


def test_strategic_items_have_no_floor() -> None:
    """They open whatever is at stake."""
    found = short(policy(5_000.0), line("item.updated", "i", None, sku="A", strategic=True))

    assert states(found, "stockout_projected")[0]["strategic"]
