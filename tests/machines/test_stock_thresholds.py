"""Stock thresholds: no stock-out is missed between two closes, and sufficient stock causes no detector run."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sensing.machines.shard
from sensing.codec.shard_split import split
from sensing.codec.text_table import EventTexts
from sensing.detection.stockout import STOCKOUT_PROJECTED, could_open, stockout_evidence
from sensing.machine_settings import HOUR_MS, Settings
from sensing.machines.callbacks import run_callback
from sensing.machines.forecast_and_plan import forecast_and_plan_of_row
from sensing.machines.kernel_tables import LOW_STOCK
from sensing.machines.row_lookup import row_of_known
from sensing.machines.shard import ShardMachine
from sensing.machines.shard_outputs import context_of
from sensing.machines.shard_state import ShardState
from tests.claims import at, count, orders, shipped
from tests.machines.business import usual_stream, young_stream
from tests.machines.streams import Line, Stream, line
from tests.searches import examples

pytestmark = pytest.mark.compiled

ONE = Settings(shards=1)
KEYS = {"sku": "A", "location": "L"}
MOVEMENTS = ("shipment.shipped", "order.returned", "inventory.counted", "inventory.adjusted")
RENEWING = ("po.placed", "po.received")


def short(state: ShardState, row: int) -> bool:
    """What a full look at the projection of a row that was planned says now: whether it opens a stock-out."""
    hot = state.rows.hot[row]
    if hot["closed_day"] < hot["first_hour"] // 24 or np.isnan(hot["stock_threshold"]):
        return False
    plan = forecast_and_plan_of_row(state, row, state.clock).plan
    if not could_open(state, plan)[0]:
        return False
    context = context_of(state, row, state.clock, state.clock)
    return STOCKOUT_PROJECTED.finding(context, stockout_evidence(plan, 0, plan.day + 1)).active


def step_by_step(machine: ShardMachine, stream: Stream) -> Iterator[tuple[Line, ShardState]]:
    """Apply a stream message by message."""
    for number, message in enumerate(stream.lines):
        (batch,) = split(stream.cut(number, number + 1), 1)
        machine.apply(batch)
        yield message, machine.state


def check_no_miss(machine: ShardMachine, stream: Stream) -> int:
    """After every movement of which a full look finds a stock-out there is one open; returns how many there were.

    New purchase orders and receipts may show at the next close only.
    """
    found = 0
    renewed: dict[int, int] = {}
    for message, state in step_by_step(machine, stream):
        event = orjson.loads(message.value)
        row = row_of_known(state, event.get("sku", ""), event.get("location") or "")
        if row is None:
            continue
        closed = int(state.rows.hot["closed_day"][row])
        if event["event_type"] in RENEWING:
            renewed[row] = closed
        if event["event_type"] in MOVEMENTS and renewed.get(row) != closed and short(state, row):
            found += 1
            assert "stockout_projected" in state.problems.open_types(row), message.value
    return found


@cache
def after_four_weeks(per_day: float) -> bytes:
    """A machine after four weeks of orders that are shipped the same day, from more stock than they need, with goods on
    order for the days that come.
    """
    usual = shipped(orders("u", range(28), per_day), 2)
    due = line("po.placed", "p", at(20), po_id="P", quantity=30, promised_date="2026-03-04", **KEYS)
    machine = ShardMachine(0, ONE)
    stream = Stream(sorted([count(400, 1), due, *usual], key=_time), end=at(28))
    for _ in step_by_step(machine, stream):
        pass
    return machine.dump()


def _time(entry: Line) -> int:
    return int(entry.value.partition(b'"event_time":')[2][:13])


EVENTS = st.tuples(
    st.sampled_from(("order", "order", "ship", "ship", "ship", "count", "adjust", "return", "delay", "cancel")),
    st.integers(0, 40),
    st.integers(0, 6),
)


def message(number: int, kind: str, time: int, units: int, day: str) -> Line:
    """One event of row A at L."""
    name, told = f"{kind}{number}", {"quantity": units + 1, **KEYS}
    match kind:
        case "order":
            return line("order.placed", name, time, order_id=name, requested_date=day, **told)
        case "ship":
            return line("shipment.shipped", name, time, order_id=f"order{number - 1}", line="A", **told)
        case "count":
            return line("inventory.counted", name, time, **(told | {"quantity": 6 * units}))
        case "adjust":
            return line("inventory.adjusted", name, time, **(told | {"quantity": 3 - 2 * units}))
        case "return":
            return line("order.returned", name, time, **told)
        case "delay":
            return line("po.delayed", name, time, po_id="P", promised_date="2026-03-20", **KEYS)
        case _:
            return line("po.cancelled", name, time, po_id="P", **KEYS)


@given(st.sampled_from((0.2, 1.0, 5.0)), st.integers(0, 90), st.lists(EVENTS, max_size=25), st.data())
@settings(max_examples=examples(25), deadline=None)
def test_no_stock_out_is_missed(
    per_day: float, stock: int, drawn: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    """Whatever happens to a planned row over some days, orders for any day and bad news of its purchase order included:
    after every movement a full look at the projection finds no stock-out that is not open.
    """
    lines = [line("inventory.counted", "c0", at(28, 3), quantity=stock, **KEYS)]
    for number, (kind, hours, units) in enumerate(drawn):
        day = data.draw(st.sampled_from(("2026-03-01", "2026-03-04", "2026-03-09")))
        lines.append(message(number, kind, _time(lines[-1]) + hours * HOUR_MS // 4, units, day))
    machine = ShardMachine(0, ONE)
    machine.load(after_four_weeks(per_day))
    check_no_miss(machine, Stream(lines))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_stock_out_is_missed_in_a_business(seed: int) -> None:
    """The same over ten days of everything that can happen; rows that nothing happened to for days included."""
    check_no_miss(ShardMachine(0, ONE), young_stream(seed))


def test_no_stock_out_is_missed_in_a_month() -> None:
    """The same on the first weeks of the usual stream, where rows have learned; some stock-outs are found."""
    stream = usual_stream()
    part = Stream(stream.lines[: len(stream) // 3])
    assert check_no_miss(ShardMachine(0, ONE), part) > 10


def looks(lines: list[Line], monkeypatch: pytest.MonkeyPatch) -> int:
    """How often the kernel asks for a look at stock."""
    asked = []

    def counted(s: ShardState, entry: Any, event: Any, texts: EventTexts) -> None:
        asked.append(int(entry["kind"]))
        run_callback(s, entry, event, texts)

    monkeypatch.setattr(sensing.machines.shard, "run_callback", counted)
    machine = ShardMachine(0, ONE)
    for _ in step_by_step(machine, Stream(sorted(lines, key=_time))):
        pass
    return asked.count(LOW_STOCK)


def test_plenty_of_stock_costs_no_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six weeks of orders and shipments from stock that lasts for more: not one look."""
    usual = shipped(orders("u", range(42), 6.0), 2)
    assert looks([count(2000, 1), *usual], monkeypatch) == 0


def test_a_row_that_runs_out_is_looked_at_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """On its way from plenty to far below nothing a row costs a few looks, not one per movement."""
    usual = shipped(orders("u", range(42), 6.0), 2)
    asked = looks([count(300, 1), *usual], monkeypatch)
    assert 1 <= asked < len(usual) / 2 / 5


def test_without_any_count_nothing_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a count there is no stock-out; the first count runs the detector."""
    usual = shipped(orders("u", range(30), 6.0), 2)
    assert looks(usual, monkeypatch) == 0
    first = line("inventory.counted", "c", at(29, 22), quantity=1, **KEYS)
    assert looks([*usual, first], monkeypatch) == 1


def test_a_row_that_was_never_planned_has_its_open_demand_as_floor() -> None:
    """Before its first close the stock threshold is what is open, or none after a check until the next plan."""
    machine = ShardMachine(0, ONE)
    lines = [count(5, 1), *shipped(orders("u", [1], 6.0, hours=(8, 9)), 1)]
    for _, state in step_by_step(machine, Stream(sorted(lines, key=_time))):
        assert state.rows.hot["stock_threshold"][0] <= 12.0


def test_a_shipment_that_empties_the_shelf_is_told_at_once() -> None:
    """A stock-out opens at the movement that makes it likely, hours before the close."""
    usual = shipped(orders("u", range(28), 5.0), 2)
    gone = line("inventory.adjusted", "stolen", at(28, 9), quantity=-380, **KEYS)
    machine = ShardMachine(0, ONE)
    found = [
        state.problems.open_types(0)
        for _, state in step_by_step(machine, Stream([*sorted([count(680, 1), *usual], key=_time), gone]))
    ]
    assert "stockout_projected" not in found[-2]
    assert "stockout_projected" in found[-1]


def opened_by(lines: list[Line], last: Line) -> tuple[bool, bool]:
    """Whether a stock-out is open before the last line and after it."""
    *_, before, after = [
        "stockout_projected" in state.problems.open_types(0)
        for _, state in step_by_step(ShardMachine(0, ONE), Stream([*sorted(lines, key=_time), last]))
    ]
    return before, after


@pytest.mark.parametrize(
    "bad",
    [
        line("po.delayed", "d", at(28, 9), po_id="P", promised_date="2026-03-20", **KEYS),
        line("po.confirmed", "d", at(28, 9), po_id="P", promised_date="2026-03-03", quantity=20, **KEYS),
        line("po.cancelled", "d", at(28, 9), po_id="P", **KEYS),
        line("po.received", "d", at(28, 9), po_id="P", quantity=1, last=True, **KEYS),
        line("supplier.disrupted", "d", at(28, 9), supplier="ACME", delay_days=20),
    ],
    ids=lambda bad: str(orjson.loads(bad.value)["event_type"]),
)
def test_bad_news_of_a_purchase_order_is_looked_at_at_once(bad: Line) -> None:
    """A row that waits for goods due tomorrow needs little; when less of them is to come, or later, stock does not
    last. That is seen on the event, not at the next movement.
    """
    keys = {"supplier": "ACME", **KEYS}
    lines = [
        *shipped(orders("u", range(28), 5.0), 2),
        line("po.placed", "p", at(20), po_id="P", quantity=500, promised_date="2026-03-03", **keys),
        line("inventory.counted", "c", at(27, 22), quantity=40, **KEYS),
    ]
    assert opened_by(lines, bad) == (False, True)
    sold = line("shipment.shipped", "s", at(28, 10), quantity=1, **KEYS)
    assert opened_by(lines, sold) == (False, False)


def test_the_first_movement_after_quiet_days_is_looked_at() -> None:
    """A row that was planned on Friday, for a weekend without sales, and not since: what Monday takes away is
    judged by what Monday needs.
    """
    weekdays = [day for day in range(56) if day % 7 < 5]
    lines = [
        line("item.updated", "i", at(0), sku="A", lead_time_days=1),
        count(2000, 1),
        *shipped(orders("u", weekdays, 6.0), 2),
    ]
    counted = line("inventory.counted", "c", at(56, 7), quantity=6, **KEYS)
    assert opened_by(lines, counted) == (False, True)
