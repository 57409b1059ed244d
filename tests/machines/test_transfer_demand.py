"""Transfers out of a location are its demand, as policy says."""

from typing import Any

import pytest

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.supply.stock_ledger import on_hand
from tests.machines.streams import MONDAY, Line, Result, Stream, Sums, line, run, sums

pytestmark = pytest.mark.compiled

NOON = MONDAY + 12 * HOUR_MS
TODAY = MONDAY // DAY_MS
ITEM = line("item.updated", "i", None, sku="X", units={"CASE": 12})
COUNTS = [
    line("inventory.counted", f"c{place}", MONDAY, sku="X", location=place, quantity=900) for place in ("DC", "S1")
]


def transfer(event_id: str = "t", time: int = NOON, quantity: float = 4, **more: Any) -> Line:
    """Goods that leave DC for S1."""
    fields = {"sku": "X", "location": "DC", "to_location": "S1", "quantity": quantity} | more
    return line("shipment.transferred", event_id, time, **fields)


def order(event_id: str = "o", time: int = NOON) -> Line:
    """An order of 7 at DC."""
    return line("order.placed", event_id, time, order_id=event_id, line="1", sku="X", location="DC", quantity=7)


def policy(demand: str, event_id: str = "p", time: int | None = None, **about: Any) -> Line:
    """A policy that says what is demand."""
    return line("policy.updated", event_id, time, demand=demand, **about)


def after(*lines: Line) -> Result:
    """The lines, after the counts, in one block."""
    return run(Stream([ITEM, *COUNTS, *lines]), Settings(shards=1))


def at_dc(result: Result) -> Sums:
    """Demand, lines and open quantity of DC."""
    return sums(result.shards[0])["X", "DC"]


def stock(result: Result, place: str) -> float:
    """Units on hand at a location."""
    s = result.shards[0].state
    (row,) = [row for row in range(s.rows.count) if s.names_of(row) == ("X", place)]
    return on_hand(s.supply.supply, row) / 1000


def test_a_transfer_is_one_line_of_demand_where_the_goods_leave() -> None:
    """In base units, on the day of the event and never open; the receiver gets stock and no demand."""
    result = after(transfer(unit_of_measure="CASE"))
    found = at_dc(result)
    assert (found.quantity, found.day_lines, found.open) == ({TODAY: 48_000}, {TODAY: 1}, 0)
    assert sums(result.shards[0])["X", "S1"].quantity == {}
    assert (stock(result, "DC"), stock(result, "S1")) == (852.0, 948.0)


def test_a_repeated_transfer_counts_once() -> None:
    """The line has the key of the event's id, so a repeat is a duplicate in every way."""
    result = after(transfer(), transfer(), transfer(time=NOON + HOUR_MS))
    assert at_dc(result).quantity == {TODAY: 4_000}
    assert stock(result, "DC") == 896.0
    (outcomes,) = [counts for topic, _, counts in result.totals[-1].counts if topic == "shipments"]
    assert outcomes[:3] == (1, 0, 2)


@pytest.mark.parametrize(
    ("demand", "thousandths"), [("independent", 7_000), ("dependent", 4_000), ("both", 11_000), (None, 11_000)]
)
def test_policy_says_what_is_demand(demand: str | None, thousandths: int) -> None:
    """Orders, transfers or both; the order is open and the stock falls in any case."""
    result = after(*([policy(demand)] if demand else []), order(), transfer())
    found = at_dc(result)
    assert (found.quantity, found.open) == ({TODAY: thousandths}, 7_000)
    assert stock(result, "DC") == 896.0


def test_a_repeat_of_a_transfer_that_is_no_demand_is_a_duplicate() -> None:
    """The event's id is remembered all the same."""
    result = after(policy("independent"), transfer(), transfer())
    assert (at_dc(result).quantity, stock(result, "DC")) == ({}, 896.0)


@pytest.mark.parametrize(
    ("about", "thousandths"),
    [({"sku": "X", "location": "DC"}, 4_000), ({"sku": "X"}, 4_000), ({"location": "DC"}, 4_000),
     ({"location": "S1"}, 7_000), ({"sku": "Y"}, 7_000)],
)  # fmt: skip
def test_the_most_specific_policy_wins(about: dict[str, str], thousandths: int) -> None:
    """Against one for all; a policy of another place or item changes nothing."""
    found = at_dc(after(policy("independent", "all"), policy("dependent", "one", None, **about), order(), transfer()))
    assert found.quantity == {TODAY: thousandths}


def test_a_policy_holds_from_its_event_time() -> None:
    """Orders before it are demand, orders after it are not, and it is taken back by a later one."""
    day = 1 * DAY_MS
    found = at_dc(
        after(
            policy("dependent", "p1", MONDAY + day, sku="X", location="DC"),
            policy("both", "p2", MONDAY + 2 * day, sku="X", location="DC"),
            order("o1", NOON), order("o2", NOON + day), transfer("t", NOON + day), order("o3", NOON + 2 * day),
        )
    )  # fmt: skip
    assert found.quantity == {TODAY: 7_000, TODAY + 1: 4_000, TODAY + 2: 7_000}
    assert found.open == 21_000


def test_goods_that_stay_are_no_demand() -> None:
    """A transfer of a location to itself moves nothing."""
    result = after(transfer(to_location="DC"))
    assert (at_dc(result).quantity, stock(result, "DC")) == ({}, 900.0)


def test_a_huge_transfer_is_capped_in_what_it_teaches_and_never_held() -> None:
    """The goods have left, so there is nothing to hold; the day has the whole quantity, the sizes do not."""
    usual = [transfer(f"t{day}", NOON + day * DAY_MS, 4 + day % 3) for day in range(20)]
    result = after(*usual, transfer("huge", NOON + 20 * DAY_MS, 5_000))
    found = at_dc(result)
    assert found.quantity[TODAY + 20] == 5_000_000
    hot = result.shards[0].state.rows.hot[0]
    assert hot["excess"].max() > 4_900
    assert hot["size_max"] < 3
    assert {state["exception_type"] for state in result.data("exceptions")} == {"stockout_projected"}


def test_a_transfer_takes_part_in_surges() -> None:
    """Many transfers on one day after a quiet month are a surge of the location that gives."""
    usual = [transfer(f"t{day}", NOON + day * DAY_MS) for day in range(40)]
    many = [transfer(f"m{minute}", NOON + 40 * DAY_MS + minute * 60_000) for minute in range(30)]
    opened = [state for state in after(*usual, *many).data("exceptions") if state["exception_type"] == "order_surge"]
    assert opened
    assert opened[0]["location"] == "DC"
