"""Transfers in transit, with values: stock at both ends, what is on order by day, deliveries, delays, ends by date."""

import itertools
from typing import Any

import pytest

from sensing.contracts.parameters import Stock
from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.machines.forecast_and_plan import forecast_and_plan_of_row, forecast_summary
from sensing.machines.gauges import gauges
from sensing.supply.publication_causes import Causes
from sensing.supply.stock_ledger import on_hand
from tests.machines.streams import MONDAY, Line, Result, Stream, line, run, sizes

pytestmark = pytest.mark.compiled

NOON = MONDAY + 12 * HOUR_MS
SETTINGS = Settings(shards=1, dead_band=0.0)
REFERENCE = [
    line("item.updated", "i", None, sku="X", units={"CASE": 12}),
    line("location.updated", "l", None, location="S1", time_zone="America/New_York"),
    line("location.updated", "d", None, location="DC"),
]
COUNTS = [
    line("inventory.counted", f"c{place}", MONDAY, sku="X", location=place, quantity=quantity)
    for place, quantity in (("DC", 900), ("S1", 20))
]


def day(number: int) -> str:
    """ISO date, counted from the first Monday."""
    return f"2026-02-{2 + number:02}"


def at(number: float) -> int:
    """Noon (UTC) of a day."""
    return NOON + round(number * DAY_MS)


def sent(time: int = NOON, event_id: str = "t", **more: Any) -> Line:
    """50 leave DC for S1, expected on Thursday."""
    fields = {"shipment_id": "T", "quantity": 50, "expected_date": day(3), "to_location": "S1"} | more
    fields = {name: value for name, value in fields.items() if value is not None}
    return line("shipment.transferred", event_id, time, sku="X", location="DC", **fields)


def delivered(time: int, event_id: str = "a", **more: Any) -> Line:
    """What arrives at S1."""
    fields = {"shipment_id": "T", "location": "S1", "quantity": 50} | more
    return line("shipment.delivered", event_id, time, sku="X", **fields)


def order(number: int, quantity: float = 4) -> Line:
    """An order at S1 that is shipped from nowhere: it moves the clock."""
    return line("order.lost", f"o{number}", at(number), sku="X", location="S1", quantity=quantity)


def after(*lines: Line, until: float = 1) -> Result:
    """The lines after counts and master data; the clock ends at noon of day ``until``."""
    stream = Stream([*REFERENCE, *COUNTS, order(0), *lines], end=at(until))
    return run(stream, SETTINGS)


def stock(result: Result, place: str) -> Stock:
    """Stock of a row as a publication would state it."""
    s = result.shards[0].state
    (row,) = [row for row in range(s.rows.count) if s.names_of(row) == ("X", place)]
    found = forecast_and_plan_of_row(s, row, s.clock)
    (published,) = s.supply.publish(
        found.plan, found.plan.rows * 0, forecast_summary(s, found, found.plan.rows * 0), [Causes.of("day_close")]
    )
    found_stock = published.document.stock
    assert found_stock.on_hand == on_hand(s.supply.supply, row) / 1000
    return found_stock


def state(result: Result) -> tuple[float | None, float, float, dict[str, float]]:
    """On hand, on order, in transit and on order by day at S1."""
    found = stock(result, "S1")
    return found.on_hand, found.on_order, found.in_transit, found.on_order_by_day


def test_goods_with_a_date_are_on_order_until_they_arrive() -> None:
    """They have left DC at once; at S1 they are on order for Thursday, not on hand."""
    result = after(sent())
    assert stock(result, "DC").on_hand == 850.0
    assert state(result) == (20.0, 50.0, 50.0, {day(3): 50.0})
    assert state(after(sent(), delivered(at(2)), until=3)) == (70.0, 0.0, 0.0, {})


@pytest.mark.parametrize("more", [{"expected_date": None}, {"expected_date": None, "shipment_id": None},
                                  {"expected_date": "9999-12-31"}, {"expected_date": "1900-01-01"},
                                  {"expected_date": "2026-01-20"}])  # fmt: skip
def test_without_a_date_goods_are_on_hand_at_once(more: dict[str, Any]) -> None:
    """As without one are a date that is no date and one that is over. A later delivery brings nothing more."""
    assert state(after(sent(**more))) == (70.0, 0.0, 0.0, {})
    ends = delivered(at(1), order_id="STO", line="1")
    assert state(after(sent(**more), *([ends] if more.get("shipment_id", "T") else []), until=2)) == (70.0, 0, 0, {})


def test_units_and_parts() -> None:
    """Cases are converted; what is delivered in part leaves the rest in transit."""
    cases = sent(quantity=5, unit_of_measure="CASE")
    assert state(after(cases, delivered(at(1), quantity=24), until=2)) == (44.0, 36.0, 36.0, {day(3): 36.0})
    both = (delivered(at(1), quantity=24), delivered(at(1.5), "b", quantity=3, unit_of_measure="CASE"))
    assert state(after(cases, *both, until=2)) == (80.0, 0.0, 0.0, {})


def decisions(result: Result, rule: str) -> list[dict[str, Any]]:
    """Automatic decisions of a rule."""
    return [data for data in result.data("audit") if data.get("rule") == rule]


@pytest.mark.parametrize("date", [day(3), None])
def test_what_is_delivered_beyond_what_was_sent_is_in_stock(date: str | None) -> None:
    """With a sentence; whichever is heard of first, and not again if more of the shipment turns out to be sent."""
    transfer, more = sent(at(0.1), expected_date=date), delivered(at(0.2), quantity=62)
    for both in ((transfer, more), (more, transfer)):
        result = after(*both, until=2)
        assert state(result) == (82.0, 0.0, 0.0, {})
        assert stock(result, "DC").on_hand == 850.0
        (decision,) = decisions(result, "exceed_transfer")
        assert (decision["prior"], decision["value"], decision["location"]) == (50.0, 62.0, "S1")
        assert decision["reason"] == "The transfer T to S1 brought 62, but only 50 were sent; all are in stock."
    rest = sent(at(0.3), "rest", quantity=12, expected_date=date)
    for three in itertools.permutations([transfer, more, rest]):
        result = after(*three, until=2)
        assert state(result) == (82.0, 0.0, 0.0, {})
    assert state(after(transfer, more, sent(at(0.3), "rest", quantity=20, expected_date=day(4)), until=2))[:2] == (
        82.0, 8.0,
    )  # fmt: skip


@pytest.mark.parametrize(("shipment", "name"), [("T", "T"), (None, "t")])
def test_what_ends_by_date_is_said(shipment: str | None, name: str) -> None:
    """One decision names the transfer, its date and what counts as arrived."""
    result = after(sent(shipment_id=shipment), until=12)
    (decision,) = decisions(result, "end_transfer")
    assert (decision["prior"], decision["value"], decision["subject"]) == (50.0, 0.0, "X/S1")
    assert decision["reason"] == (
        f"The transfer {name} to S1 was expected on {day(3)}, and no delivery said otherwise: the 50 in transit count"
        " as arrived."
    )
    assert decisions(after(sent(), delivered(at(1)), until=12), "end_transfer") == []


@pytest.mark.parametrize(("late", "last"), [(None, 10), (0, 3), (2.5, 6)])
def test_it_ends_some_days_after_its_date(late: float | None, last: int) -> None:
    """At the local end of the day, New York's, after the days of policy; a delivery after that brings nothing more."""
    policy = [] if late is None else [line("policy.updated", "p", None, location="S1", transfer_days_late=late)]
    midnight = MONDAY + (last + 1) * DAY_MS + 5 * HOUR_MS
    for hours, on_hand_then in ((-1, 20.0), (1, 70.0)):
        until = (midnight + hours * HOUR_MS - NOON) / DAY_MS
        for transfer in (sent(), sent(shipment_id=None)):
            assert state(after(*policy, transfer, until=until))[0] == on_hand_then
    again = delivered(at(last + 2))
    assert state(after(*policy, sent(), again, until=last + 3)) == (70.0, 0.0, 0.0, {})


def test_what_is_late_is_expected_soon() -> None:
    """Between its date and its end it is expected tomorrow."""
    assert state(after(sent(), until=6))[3] == {day(7): 50.0}


def test_a_delay_moves_the_date() -> None:
    """Of both, what is expected and when it ends; at either end of the shipment."""
    for place in ("S1", "DC"):
        delay = line("shipment.delayed", "d", at(1), sku="X", location=place, shipment_id="T", quantity=50,
                     expected_date=day(8))  # fmt: skip
        assert state(after(sent(), delay, until=2)) == (20.0, 50.0, 50.0, {day(8): 50.0})
        assert state(after(sent(), delay, until=13))[0] == 20.0
        assert state(after(sent(), delay, until=17))[0] == 70.0


def test_a_delivery_may_come_first() -> None:
    """A transfer that is heard of after its delivery is on hand; in any order, and whichever place a delivery names."""
    for place in ("S1", "DC"):
        first, second = delivered(at(0.2), "a", quantity=20, location=place), delivered(at(0.3), "b", quantity=30)
        found = [state(after(*each, until=2)) for each in itertools.permutations([sent(at(0.1)), first, second])]
        assert found == [(70.0, 0.0, 0.0, {})] * 6
    assert state(after(delivered(at(0.2), quantity=20), sent(at(0.1)), until=2))[:3] == (40.0, 30.0, 30.0)


def test_repeats_and_other_shipments_change_nothing() -> None:
    """A repeat is a duplicate; a delivery of another shipment, of another item or elsewhere is none of this one."""
    others = [delivered(at(1), "o1", shipment_id="U"), delivered(at(1), "o2", location="S2")]
    assert state(after(sent(), sent(), *others, until=2)) == (20.0, 50.0, 50.0, {day(3): 50.0})
    assert state(after(sent(), delivered(at(1), quantity=9), delivered(at(1.1), quantity=9), until=2))[0] == 29.0


def test_a_delivery_of_a_transfer_ships_no_order() -> None:
    """A delivery with the order of the transfer lowers no stock, at S1 nor at DC."""
    for place in ("S1", "DC"):
        result = after(sent(order_id="STO"), delivered(at(1), location=place, order_id="STO", line="1"), until=2)
        assert state(result) == (70.0, 0.0, 0.0, {})
        assert stock(result, "DC").on_hand == 850.0


def test_a_count_in_between_is_the_stock_without_them() -> None:
    """What is in transit arrives on top of it."""
    count = line("inventory.counted", "again", at(1), sku="X", location="S1", quantity=11)
    assert state(after(sent(), count, delivered(at(2)), until=3))[0] == 61.0


def test_the_projection_counts_them() -> None:
    """20 on hand and 9 a day: short within the lead time of 7 days unless 50 come on Thursday."""
    usual = [order(number, 9) for number in range(1, 3)]
    assert stock(after(*usual, until=2.6), "S1").stockout_date is not None
    short = stock(after(*usual, until=2.6), "S1").stockout_date
    saved = stock(after(sent(), *usual, until=2.6), "S1").stockout_date
    assert short is not None
    assert saved is None or saved > short


def test_a_changed_base_unit_converts_them() -> None:
    """50 PC become 5 boxes of ten, in transit and on order."""
    change = line("item.updated", "i2", at(1), sku="X", base_unit="BOX", units={"EA": 0.1})
    assert state(after(sent(), change, until=2)) == (2.0, 5.0, 5.0, {day(3): 5.0})
    ends = delivered(at(1.5), quantity=50, unit_of_measure="EA")
    assert state(after(sent(), change, ends, until=2)) == (7.0, 0.0, 0.0, {})


LIFE = [sent(), delivered(at(0.5), "a", quantity=5), sent(at(0.6), "t2", shipment_id=None), order(2),
        line("shipment.delayed", "d", at(1), sku="X", location="S1", shipment_id="T", quantity=1, expected_date=day(5)),
        *(order(number) for number in range(5, 16)), delivered(at(15.5), "b", quantity=5)]  # fmt: skip


def test_cuts_and_restarts_change_nothing() -> None:
    """The same outputs for blocks of any size, and with all machines restored after every block."""
    stream = Stream([*REFERENCE, *COUNTS, order(0), *LIFE], end=at(17))
    whole = run(stream, SETTINGS)
    assert state(whole)[:3] == (120.0, 0.0, 0.0)
    for size in (1, 3):
        assert run(stream, SETTINGS, cuts=sizes(stream, size)).plain() == whole.plain()
        assert run(stream, SETTINGS, cuts=sizes(stream, size), restarts=sizes(stream, size)).plain() == whole.plain()


def test_the_bound_is_counted() -> None:
    """A transfer that the full table cannot take is on hand at once."""
    few = Settings(shards=1, purchase_lines_max=1)
    stream = Stream([*REFERENCE, *COUNTS, sent(), sent(at(0.1), "t2", shipment_id="U")], end=at(1))
    result = run(stream, few)
    assert state(result)[:3] == (70.0, 50.0, 50.0)
    limits = gauges(result.shards[0].state).limits
    assert (limits["transfers_refused"], limits["transfers_forgotten"]) == (1, 0)
