"""Money of whole machines: base currency, rates, margins, and unit costs of order quantities."""

from typing import Any

import pytest

from sensing.machine_settings import Settings
from tests.claims import at, count, in_order, orders, states, world
from tests.machines.streams import Line, Result, Stream, line, run

DAYS = 40
EUR: dict[str, Any] = {"unit_price": 20.0, "currency": "EUR"}


def shop(**fields: Any) -> list[Line]:
    """Three items for some weeks, with prices in euros."""
    return [each for sku in "ABC" for each in orders(f"{sku}.", range(DAYS), 4.0, sku=sku, **(EUR | fields))]


def giant(day: float = 30.5, sku: str = "A", **fields: Any) -> Line:
    """A large order of 5,000 units."""
    keys = {"order_id": f"giant{day}{sku}", "sku": sku, "location": "L", "quantity": 5_000}
    return line("order.placed", f"giant{day}{sku}", at(day), **keys, **fields)


def policy(event_id: str, time: int | None = None, **fields: Any) -> Line:
    """A policy."""
    return line("policy.updated", event_id, time, **fields)


def item(sku: str = "A", **fields: Any) -> Line:
    """An item from the beginning."""
    return line("item.updated", f"i{sku}", None, sku=sku, **fields)


def large(found: Result) -> list[dict[str, Any]]:
    """First states of large orders, in order of time."""
    return sorted((s for s in states(found, "large_order") if s["version"] == 1), key=lambda s: str(s["opened_at"]))


MONEY = ("money", "currency", "money_base", "base_currency", "money_status", "severity")


def money(state: dict[str, Any]) -> tuple[Any, ...]:
    """Money and severity of a state."""
    return tuple(state[name] for name in MONEY)


def test_a_single_currency_is_the_base() -> None:
    """Money is ranked, and nothing is remarked."""
    (state,) = large(world([*shop(), giant(**EUR)], DAYS))
    assert money(state) == (100_000, "EUR", 100_000, "EUR", "ranked", "critical")
    assert "At stake" not in state["reason"]


def test_no_currency_at_all_is_one_currency() -> None:
    """Money without a name is ranked as well."""
    (state,) = large(world([*shop(currency=None), giant(unit_price=20.0)], DAYS))
    assert money(state) == (100_000, None, 100_000, None, "ranked", "critical")


def test_several_currencies_without_a_base_are_not_ranked() -> None:
    """From the first event on that names a second one, whichever item it is about; the record says why."""
    other = line("order.placed", "usd", at(31), order_id="usd", sku="C", location="L", quantity=1, unit_price=1,
                 currency="USD")  # fmt: skip
    before, after = large(world([*shop(), giant(30.5, **EUR), other, giant(31.5, **EUR)], DAYS))
    assert money(before) == (100_000, "EUR", 100_000, "EUR", "ranked", "critical")
    assert money(after) == (100_000, "EUR", None, None, "no_rate", "medium")
    assert after["reason"].endswith(
        " At stake: 100,000 EUR; not ranked by money, since several currencies are in use and no policy states the base"
        " currency."
    )


def test_stated_rates_rank_and_the_original_is_kept() -> None:
    """Severity follows from the base currency: a million yen are few euros. A currency without a rate is not ranked."""
    rates = policy("p", base_currency="EUR", rates={"JPY": 0.006, "USD": 0.9})
    yen, dollars, pounds = (
        giant(30.5 + number, sku, unit_price=10.0, currency=currency)
        for number, (sku, currency) in enumerate((("A", "JPY"), ("B", "USD"), ("C", "GBP")))
    )
    found = large(world([rates, *shop(), yen, dollars, pounds], DAYS))
    assert [money(state) for state in found] == [
        (50_000, "JPY", 300, "EUR", "ranked", "medium"),
        (50_000, "USD", 45_000, "EUR", "ranked", "high"),
        (50_000, "GBP", None, "EUR", "no_rate", "medium"),
    ]
    assert "no policy states a rate of GBP to EUR" in found[2]["reason"]


def test_rates_take_effect_at_their_time() -> None:
    """Each giant is ranked at the rate of its day; a policy that states none ends it."""
    rates = [
        policy("p1", at(20), base_currency="EUR", rates={"USD": 0.5}),
        policy("p2", at(31), base_currency="EUR", rates={"USD": 2.0}),
        policy("p3", at(33), dead_band=0.2),
    ]
    giants = [giant(day, sku, unit_price=10.0, currency="USD") for day, sku in ((30.5, "A"), (31.5, "B"), (33.5, "C"))]
    found = large(world([*rates, *shop(), *giants], DAYS))
    assert [state["money_base"] for state in found] == [25_000, 100_000, None]


@pytest.mark.parametrize("shards", [1, 3, 8])
def test_all_shards_know_the_currencies_in_use(shards: int) -> None:
    """A second currency of one SKU ends the ranking in all shards at once; cuts and restarts change nothing."""
    lines = in_order([*shop(), giant(30.5, "A", **EUR), giant(31.5, "B", unit_price=1, currency="USD"), giant(32, "C")])
    stream = Stream(lines, end=at(DAYS))
    cuts = list(range(100, len(lines), 100))
    found = run(stream, Settings(shards=shards), cuts, restarts=cuts[2:4])
    assert [money(state) for state in large(found)] == [
        (100_000, "EUR", 100_000, "EUR", "ranked", "critical"),
        (5_000, "USD", None, None, "no_rate", "medium"),
        (100_000, "EUR", None, None, "no_rate", "medium"),
    ]
    assert found.plain() == run(stream, Settings(shards=shards)).plain()


def test_an_order_without_a_currency_has_that_of_its_item() -> None:
    """The item's record names it, for prices of orders and for its own; with a base stated, else the base."""
    rates = policy("p", base_currency="EUR", rates={"USD": 0.5})
    lines = [rates, item(currency="USD", unit_price=3.0), *shop(currency=None), giant(), giant(31.5, unit_price=10.0)]
    own, named = large(world([*lines], DAYS))
    assert (own["money"], own["currency"], own["money_base"]) == (100_000, "USD", 50_000)
    assert (named["money"], named["currency"], named["money_base"]) == (50_000, "USD", 25_000)
    (other,) = large(world([rates, *shop(currency=None), giant()], DAYS))
    assert (other["money"], other["currency"], other["money_base"]) == (100_000, "EUR", 100_000)


@pytest.mark.parametrize(
    ("cost", "rates", "margin"),
    [
        ({"unit_cost": 6.0, "currency": "EUR"}, None, 70_000),
        ({"unit_cost": 6.0}, None, 70_000),
        ({"unit_cost": 6.0, "currency": "USD"}, None, None),
        ({"unit_cost": 6.0, "currency": "USD"}, {"USD": 0.5}, 85_000),
        ({"unit_cost": 22.0, "currency": "EUR"}, {"USD": 0.5}, -10_000),
        ({"unit_price": 6.0, "currency": "EUR"}, None, None),
    ],
)
def test_margin(cost: dict[str, Any], rates: dict[str, float] | None, margin: float | None) -> None:
    """Money less cost, in the currency of the price; absent if cost or rate are unknown."""
    stated = [] if rates is None else [policy("p", base_currency="EUR", rates=rates)]
    (state,) = large(world([*stated, item(**cost), *shop(), giant(**EUR)], DAYS))
    assert (state["money"], state["currency"], state["margin"]) == (100_000, "EUR", margin)
    said = "" if margin is None else f"{margin:,} of it margin"
    assert said in state["reason"]


def test_a_projected_stock_out_states_its_lost_margin() -> None:
    """Lost units at price and at margin."""
    lines = [item(unit_cost=6.0, unit_price=10.0, currency="EUR"), *shop(), count(20, 30)]
    state = states(world(lines, 32), "stockout_projected")[0]
    lost = state["details"]["lost_units"]
    assert state["money"] == pytest.approx(20.0 * lost, abs=0.02)
    assert state["margin"] == pytest.approx(14.0 * lost, abs=0.02)
    assert "of it margin." in state["reason"]


def quantity(lines: list[Line]) -> float:
    """Proposed order quantity of A at the end."""
    return float(world(lines, DAYS).table()["A", "L"]["order_quantity"])


def test_order_quantities_compare_costs_in_the_base_currency() -> None:
    """A unit cost in dollars is that in euros at the rate; without a rate the quantity is days of cover."""
    costs: dict[str, Any] = {"order_cost": 40, "holding_rate_year": 0.2}
    euros = quantity([policy("p", **costs), item(unit_cost=3.0, currency="EUR"), *shop()])
    stated = policy("p", **costs, base_currency="EUR", rates={"USD": 0.5})
    dollars = quantity([stated, item(unit_cost=6.0, currency="USD"), *shop()])
    unknown = quantity([policy("p", **costs), item(unit_cost=6.0, currency="USD"), *shop()])
    assert dollars == euros
    assert unknown == quantity(shop()) != euros


def test_prices_of_orders_are_costs_in_the_base_currency() -> None:
    """Items without a cost and a price: the newest price of an order, at its rate."""
    stated = policy("p", order_cost=40, holding_rate_year=0.2, base_currency="EUR", rates={"USD": 0.5})
    euros = quantity([stated, *shop(unit_price=5.0)])
    assert quantity([stated, *shop(unit_price=10.0, currency="USD")]) == euros
    assert quantity([stated, item(currency="USD"), *shop(unit_price=10.0, currency=None)]) == euros
    assert quantity([stated, *shop(unit_price=5.0, currency=None)]) == euros
    assert quantity([stated, *shop(unit_price=10.0, currency="GBP")]) == quantity(shop())


@pytest.mark.parametrize(
    ("fields", "field", "required"),
    [
        ({"sku": "A", "base_currency": "EUR"}, "base_currency", "none in a policy of a sku or location"),
        ({"location": "L", "base_currency": "EUR"}, "base_currency", "none in a policy of a sku or location"),
        ({"rates": {"USD": 2.0}}, "rates", "a base_currency beside them"),
        ({"sku": "A", "rates": {"USD": 2.0}}, "rates", "a base_currency beside them"),
    ],
)
@pytest.mark.parametrize("shards", [1, 4])
def test_rates_belong_to_the_policy_for_all(fields: dict[str, Any], field: str, required: str, shards: int) -> None:
    """Elsewhere, and without a base currency, they are refused, once."""
    stream = Stream(in_order([policy("p", **fields), *shop()]), end=at(DAYS))
    found = run(stream, Settings(shards=shards))
    (letter,) = found.data("dead-letters")
    assert (letter["reason"], letter["field"], letter["required"]) == ("out_of_range", field, required)
    counted = [counts for totals in found.totals for topic, _, counts in totals.counts if topic == "reference"]
    assert [sum(column) for column in zip(*counted, strict=True)] == [0, 0, 0, 0, 0, 1, 0, 0]
