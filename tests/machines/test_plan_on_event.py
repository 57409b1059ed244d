"""Parameters on the event: what changes what a row should plan with is published at once, with its causes."""

import itertools
from functools import cache
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensing.machine_settings import HOUR_MS, Settings
from sensing.machines.begun_day import days_left
from sensing.machines.call_budget import UNBOUNDED, CallBounds
from sensing.machines.changed_rows import PLAN_EVERY_MS
from sensing.outputs import AUDIT, EXCEPTIONS, PARAMETERS, OutputRecord
from tests.claims import at, count, orders, shipped
from tests.machines.streams import Line, Run, Stream, line
from tests.searches import examples

pytestmark = pytest.mark.compiled

KEYS: dict[str, Any] = {"sku": "A", "location": "L"}
ONE = Settings(shards=1)
LATENESS_MS = ONE.lateness_ms
DAY = 30
"""The day of the events; 2026-03-04. The history before it sells 16 units a day and leaves 400."""
SMALL = CallBounds(learned=1, planned=1, outputs=1)


def history() -> list[Line]:
    """Sales of 30 days, their shipments, and four purchase orders of six days."""
    lines = shipped(orders("u", range(DAY), 8.0, unit_price=2.0, currency="EUR"), 1)
    lines += [count(900, 0), count(400, DAY - 1, hour=23.5)]
    lines.append(line("policy.updated", "rates", at(0), base_currency="EUR"))
    for number in range(4):
        po = {"po_id": f"P{number}", "supplier": "ACME", "quantity": 20} | KEYS
        lines.append(line("po.placed", f"placed{number}", at(7 * number, 9), promised_date=_date(7 * number + 6), **po))
        lines.append(line("po.received", f"received{number}", at(7 * number + 6, 9), **po))
    return sorted(lines, key=lambda message: orjson.loads(message.value)["event_time"])


def _date(day: int) -> str:
    return str(np.datetime64("2026-02-02") + day)


@cache
def state_before() -> bytes:
    """State of a shard after the history, its day closed."""
    stream = Stream(history())
    engine = Run(ONE)
    engine.apply(stream.cut(0, len(stream)))
    engine.tick(at(DAY, 4))
    return engine.shards[0].dump()


def after(
    lines: list[Line], cuts: tuple[int, ...] = (), end: int = 0, bounds: CallBounds = UNBOUNDED, *,
    restarts: bool = False,
) -> list[OutputRecord]:  # fmt: skip
    """Outputs of events after the history, cut into batches; ``end`` is that of the clock."""
    stream = Stream([line("order.placed", "begin", at(DAY, 5), order_id="begin", quantity=2, **KEYS), *lines])
    engine = Run(ONE, bounds)
    engine.shards[0].load(state_before())
    start = 0
    for stop in (*cuts, len(stream)):
        if start < stop <= len(stream):
            engine.apply(stream.cut(start, stop))
            start = stop
            if restarts:
                engine.restart()
    engine.tick(max(end, int(stream.watermarks[-1])))
    while engine.proceed():
        pass
    return engine.outputs[0]


def documents(records: list[OutputRecord]) -> list[dict[str, Any]]:
    """Records of planning parameters."""
    return [orjson.loads(record.data) for record in records if record.topic == PARAMETERS]


def at_seconds(seconds: float) -> int:
    """Instant of the day of the events."""
    return at(DAY, 10) + round(seconds * 1000)


def po(kind: str, event_id: str, seconds: float = 0.0, **fields: Any) -> Line:
    """A message about a purchase order for 300."""
    given = {"po_id": "BIG", "supplier": "ACME", "quantity": 300} | KEYS | fields
    if kind in ("delayed", "cancelled"):
        del given["quantity"]
    return line(f"po.{kind}", event_id, at_seconds(seconds), **given)


def big_order(event_id: str = "big", seconds: float = 0.0, **fields: Any) -> Line:
    """An order of 500 against 400 on hand."""
    given = {"order_id": event_id, "quantity": 500, "unit_price": 2.0, "currency": "EUR"} | KEYS | fields
    return line("order.placed", event_id, at_seconds(seconds), **given)


def test_a_large_order_is_published_with_its_event_as_cause() -> None:
    """A stock-out today; nothing of the reorder point; decision and record name the order, and trace it."""
    records = after([big_order()])
    (document,) = documents(records)
    change = document["change"]
    assert change["triggers"] == ["large_order", "stockout"]
    assert (change["cause_event_ids"], change["events"]) == (["big"], 1)
    assert document["stock"]["stockout_date"] == _date(DAY)
    assert document["stock"]["open_demand"] >= 500
    (published,) = [record for record in records if record.topic == PARAMETERS]
    assert published.attributes["causationid"] == "big"
    assert (published.instant, published.time) == (at_seconds(0) - LATENESS_MS, at_seconds(0))
    reasons = [orjson.loads(record.data) for record in records if record.topic == AUDIT]
    assert [each["cause_event_ids"] for each in reasons if each["rule"] == "publish_parameters"] == [["big"]]


def test_a_delayed_purchase_order_moves_lead_time_reorder_point_and_stock_out() -> None:
    """By 53 days: each of them, and the parts of the change add up."""
    soon = po("placed", "placed", -3_600, promised_date=_date(DAY + 6))
    before = documents(after([soon]))
    late = documents(after([soon, po("delayed", "late", promised_date=_date(DAY + 59))]))
    moved = late[len(before)]
    assert "purchase_order_delayed" in moved["change"]["triggers"]
    assert moved["change"]["cause_event_ids"] == ["late"]
    assert moved["change"]["total"] > 0
    assert moved["change"]["lead_time_mean"] + moved["change"]["lead_time_spread"] > 0
    parts = ("demand_mean", "demand_spread", "lead_time_mean", "lead_time_spread", "service_target", "rounding")
    assert sum(moved["change"][part] for part in parts) == pytest.approx(moved["change"]["total"])
    assert moved["stock"]["stockout_date"] < _date(DAY + 59)
    if before:
        assert moved["proposed"]["lead_time_days_mean"] > before[-1]["proposed"]["lead_time_days_mean"]


ORDERED = po("placed", "placed", -7_200, promised_date=_date(DAY + 2))
EMPTY = line("inventory.counted", "empty", at_seconds(-7_000), quantity=60, **KEYS)
EVENTS: dict[str, tuple[list[Line], Line]] = {
    "purchase_order_placed": ([EMPTY], po("placed", "x", promised_date=_date(DAY + 1))),
    "purchase_order_confirmed": ([EMPTY, ORDERED], po("confirmed", "x", promised_date=_date(DAY + 20))),
    "purchase_order_received": ([EMPTY], po("received", "x")),
    "purchase_order_cancelled": ([EMPTY, ORDERED], po("cancelled", "x")),
    "count_drift": ([], line("inventory.counted", "x", at_seconds(0), quantity=20, **KEYS)),
    "promotion": (
        [],
        line("promotion.approved", "x", at_seconds(0), promotion="P", sku="A", start=_date(DAY + 1),
             end=_date(DAY + 9), uplift=4.0),
    ),
    "plan": ([], line("plan.published", "x", at_seconds(0), start=_date(DAY), days=28, quantity_per_day=90, **KEYS)),
    "policy": ([], line("policy.updated", "x", at_seconds(0), review_days=21, **KEYS)),
    "parameters_in_force": (
        [], line("parameters.in_force", "x", at_seconds(0), reorder_point=126, order_quantity=224, **KEYS)
    ),
    "supplier_disrupted": (
        [], line("supplier.disrupted", "x", at_seconds(0), supplier="ACME", delay_days=40)
    ),
}  # fmt: skip


@pytest.mark.parametrize("trigger", list(EVENTS))
def test_every_kind_of_event_publishes(trigger: str) -> None:
    """With its own trigger and its id as the cause."""
    first, event = EVENTS[trigger]
    end = at_seconds(120) - LATENESS_MS
    before = documents(after(first, end=end))
    found = documents(after([*first, event], end=end))[len(before) :]
    assert trigger in found[0]["change"]["triggers"]
    assert found[0]["change"]["cause_event_ids"] == ["x"]


def test_orders_for_later_days_count_if_they_may_empty_the_stock() -> None:
    """Many usual orders for one later day, together more than the stock."""
    later_day = _date(DAY + 5)
    later = [
        line("order.placed", f"f{n}", at_seconds(n), order_id=f"f{n}", quantity=4, requested_date=later_day, **KEYS)
        for n in range(150)
    ]
    found = documents(after(later, end=at_seconds(400)))
    assert any("future_orders" in each["change"]["triggers"] for each in found)
    assert found[-1]["stock"]["stockout_date"] is not None


def test_what_changes_nothing_publishes_nothing() -> None:
    """A confirmation without news, and values in force that are reported again."""
    again = {"reorder_point": 5, "order_quantity": 5} | KEYS
    lines = [ORDERED, po("confirmed", "same", promised_date=_date(DAY + 2))]
    lines += [line("parameters.in_force", f"f{n}", at_seconds(60 * n), **again) for n in (1, 2)]
    before = documents(after(lines[:1], end=at_seconds(600)))
    assert documents(after(lines, end=at_seconds(600))) == before


def test_a_row_is_planned_once_in_ten_seconds_and_the_last_change_is_published() -> None:
    """Ten counts within nine seconds: the first is published at once, the last ones at the end of the ten seconds."""
    counts = [line("inventory.counted", f"c{n}", at_seconds(n), quantity=300 - 30 * n, **KEYS) for n in range(10)]
    records = [record for record in after(counts, end=at_seconds(60)) if record.topic == PARAMETERS]
    instants = [record.instant - (at_seconds(0) - LATENESS_MS) for record in records]
    escalated = [
        record.instant - (at_seconds(0) - LATENESS_MS)
        for record in after(counts, end=at_seconds(60))
        if record.topic == EXCEPTIONS and record.type in ("exception.opened", "exception.escalated")
    ]
    assert instants[0] == 0
    assert all(b - a >= PLAN_EVERY_MS or b in escalated for a, b in itertools.pairwise(instants))
    assert documents(records)[-1]["stock"]["on_hand"] == 30
    assert documents(records)[-1]["change"]["cause_event_ids"][-1] == "c9"


def test_a_rising_severity_does_not_wait() -> None:
    """A count has planned the row; a large order that empties the stock a second later is published at once."""
    drift = line("inventory.counted", "c", at_seconds(0), quantity=200, **KEYS)
    records = [record for record in after([drift, big_order(seconds=1)]) if record.topic == PARAMETERS]
    assert [record.instant for record in records] == [at_seconds(n) - LATENESS_MS for n in (0, 1)]


def test_a_row_that_waits_at_the_day_close_is_published_then() -> None:
    """Once, with the trigger of the close behind its own; it waits no longer."""
    late = at(DAY + 1) + LATENESS_MS - 5_000
    counts = [line("inventory.counted", f"c{n}", late + n, quantity=300 - 140 * n, **KEYS) for n in range(3)]
    found = documents(after(counts, end=at(DAY + 1, 2)))
    assert [each["change"]["triggers"] for each in found[:1]] == [["count_drift"]]
    assert all("count_drift" in each["change"]["triggers"] for each in found[1:])


def test_nothing_is_published_in_a_backfill() -> None:
    """Its end publishes every row once, whatever happened before."""
    lines = [*history(), big_order(), po("placed", "p", 30, promised_date=_date(DAY + 5))]
    stream = Stream(lines)
    engine = Run(Settings(shards=1, quiet_until=at(DAY, 20)))
    engine.apply(stream.cut(0, len(stream)))
    assert not documents(engine.outputs[0])
    engine.tick(at(DAY, 21))
    (document,) = documents(engine.outputs[0])
    assert document["change"]["triggers"] == ["end_of_backfill"]


def test_only_the_rest_of_a_day_is_expected() -> None:
    """Orders come between 8 and 18. In the hour after midnight all of the day that closes next is over."""
    engine = Run(ONE)
    engine.shards[0].load(state_before())
    s, rows = engine.shards[0].state, np.zeros(1, np.int64)
    day = int(s.rows.hot["closed_day"][0])
    shares = [days_left(s, rows, day, at(DAY, hour) - LATENESS_MS)[0].tolist() for hour in (0.0, 6.0, 12.5, 21.0, 24.5)]
    assert shares[0] == [1.0, 1.0]
    assert shares[1][0] > 0.9 > 0.7 > shares[2][0] > 0.2 > 0.1 > shares[3][0]
    assert [each[1] for each in shares[:4]] == [1.0] * 4
    assert shares[4][0] == 0.0
    assert 0.9 < shares[4][1] < 1.0


def planned_today(lines: list[Line], hour: float, share: float = 0.5) -> dict[str, Any]:
    """Forecast that a count at an hour publishes, after order lines of the day; a ``share`` of deviations lasted."""
    stream = Stream([*lines, line("inventory.counted", "c", at(DAY, hour), quantity=30, **KEYS)])
    engine = Run(ONE)
    engine.shards[0].load(state_before())
    engine.shards[0].state.demand.sums["near"] = np.array([share, 1.0]) * 1e6
    engine.apply(stream.cut(0, len(stream)))
    found: dict[str, Any] = documents(engine.outputs[0])[-1]["forecast"]
    return found


def lines_today(count: int, hour: float, **fields: Any) -> list[Line]:
    """Order lines of 2 units each, before an hour."""
    return [
        line("order.placed", f"m{n}", at(DAY, hour - 1) + n * 1000, order_id=f"m{n}", quantity=2, **(KEYS | fields))
        for n in range(count)
    ]


@pytest.mark.parametrize(("count_today", "hour"), [(25, 10.0), (0, 17.0)])
def test_the_day_so_far_changes_the_near_term(count_today: int, hour: float) -> None:
    """Many lines raise the rest of the day and the days after it, silence lowers them, and less from day to day; the
    first day of the forecast is what came and what is still to come, its quantiles too.
    """
    forecast = planned_today(lines_today(count_today, hour), hour)
    near = forecast["near_term"]
    ratios = np.array(near["sensed"]) / np.array(near["baseline"])
    assert (near["lines"], near["come"]) == (count_today, 2 * count_today)
    assert (near["lines"] > near["expected_lines"]) == (count_today > 0)
    assert ((ratios > 1.0) == (count_today > 0)).all()
    assert near["until"] == _date(DAY + len(ratios) - 1)
    assert forecast["mean"][0] == pytest.approx(near["come"] + near["sensed"][0], rel=1e-3)
    assert forecast["mean"][1] == pytest.approx(near["sensed"][1], rel=1e-3)
    assert min(forecast["quantiles"][0]) >= near["come"]
    assert near["half_life_days"] > 0.5
    assert f"{count_today} order lines came today, where" in near["why"]
    assert "the rest of the day is forecast +" in near["why"] or count_today == 0


def test_lines_of_one_customer_count_as_two() -> None:
    """An order split into many lines says little of what others will order; its units have come all the same."""
    one = planned_today(lines_today(25, 10.0, customer="C"), 10.0)["near_term"]
    many = [each for n in range(25) for each in lines_today(n + 1, 10.0, customer=f"C{n}")[-1:]]
    others = planned_today(many, 10.0)["near_term"]
    assert one["come"] == others["come"] == 50
    assert one["sensed"][-1] < others["sensed"][1]
    assert "25 order lines came today from about 1 customer, where" in one["why"]


def test_a_large_order_is_known_today_and_says_nothing_of_tomorrow() -> None:
    """One line of 500 units: what came is large, what is expected is not."""
    (document,) = documents(after([big_order()]))
    forecast = document["forecast"]
    near = forecast["near_term"]
    assert near["come"] == 502
    assert forecast["mean"][0] == pytest.approx(502 + near["sensed"][0], rel=1e-3)
    assert max(forecast["mean"][1:]) < 50
    assert "; the days to come stay as they were forecast." in near["why"] or near["share"] < 0.01


def test_without_evidence_the_day_so_far_says_nothing_of_the_days_to_come() -> None:
    """A shard that has seen no deviation last publishes the forecast of midnight, and says so."""
    near = planned_today(lines_today(25, 10.0), 10.0, share=0.0)["near_term"]
    assert near["sensed"] == near["baseline"]
    assert (near["until"], near["share"]) == (_date(DAY), 0.0)
    assert "such deviations have not lasted so far" in near["why"]


def day_of_events(draw: Any) -> list[Line]:
    """Events of one row within a minute or two, of every kind that plans it."""
    lines: list[Line] = []
    seconds = 0.0
    for number in range(draw(st.integers(1, 14))):
        seconds += draw(st.sampled_from((0.0, 0.4, 3.0, 9.0, 10.0, 14.0)))
        name = f"n{number}"
        quantity = draw(st.sampled_from((0, 10, 60, 250, 700)))
        kind = draw(st.sampled_from(("count", "order", "placed", "delayed", "received", "policy", "later", "plain")))
        if kind == "count":
            lines.append(line("inventory.counted", name, at_seconds(seconds), quantity=quantity, **KEYS))
        elif kind == "order":
            lines.append(big_order(name, seconds, quantity=quantity + 1))
        elif kind == "policy":
            lines.append(line("policy.updated", name, at_seconds(seconds), review_days=1 + quantity / 20, **KEYS))
        elif kind == "later":
            lines.append(big_order(name, seconds, quantity=9, requested_date=_date(DAY + 3)))
        elif kind == "plain":
            lines.append(big_order(name, seconds, quantity=2))
        elif kind == "received":
            lines.append(po("received", name, seconds, po_id=f"P{number % 2}", quantity=quantity + 5))
        else:
            promised = _date(DAY + 2 + quantity % 40)
            lines.append(po(kind, name, seconds, po_id=f"P{number % 2}", promised_date=promised))
    return lines


@given(st.data())
@settings(max_examples=examples(20))
def test_no_cut_bound_or_restart_shows(data: st.DataObject) -> None:
    """Any cuts of any sequence of events give the same outputs, whatever one call may do, with restarts or without."""
    lines = day_of_events(data.draw)
    cuts = tuple(sorted(data.draw(st.sets(st.integers(1, len(lines)), max_size=8))))
    end = at_seconds(data.draw(st.sampled_from((0.0, 40.0, 200.0))))
    whole = after(lines, end=end)
    assert after(lines, cuts, end) == whole
    assert after(lines, (), end, SMALL) == whole
    assert after(lines, cuts, end, restarts=True) == whole
    published = [record.instant for record in whole if record.topic == PARAMETERS]
    assert published == sorted(published)


def test_the_end_of_the_input_publishes_what_waits() -> None:
    """The last change of a replay is not lost."""
    counts = [line("inventory.counted", f"c{n}", at_seconds(n), quantity=300 - 140 * n, **KEYS) for n in range(3)]
    stream = Stream([*history(), *counts], end=at_seconds(3) - LATENESS_MS + HOUR_MS // 2)
    engine = Run(ONE)
    engine.apply(stream.cut(0, len(stream)))
    engine.end(stream)
    assert documents(engine.outputs[0])[-1]["change"]["cause_event_ids"][-1] == "c2"
