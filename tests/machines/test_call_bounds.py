"""Bounded calls of a shard give the same outputs per row as unbounded calls."""

from collections import defaultdict
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensing.machine_settings import DAY_MS, HOUR_MS, MINUTE_MS, Settings
from sensing.machines.call_budget import QUEUE_UNIT, UNBOUNDED, CallBounds, CallBudget
from sensing.machines.machine_messages import NameReport, ShardReport
from sensing.machines.reports import Reports
from sensing.machines.shard import ShardMachine
from sensing.outputs import PARAMETERS, OutputRecord
from tests.machines.business import usual, usual_stream, young_stream
from tests.machines.streams import MONDAY, Line, Result, Run, Stream, line, run, sizes
from tests.searches import examples

SETTINGS = Settings(shards=2)
TIGHT = CallBounds(learned=2, planned=2, outputs=1)


def bounded(
    stream: Stream, options: Settings, cuts: list[int], bounds: CallBounds = TIGHT, *, calls: int = 1,
    restarts: bool = False,
) -> Result:  # fmt: skip
    """Feed a stream to bounded machines, with a limited number of further calls after each block."""
    engine = Run(options, bounds)
    start = 0
    for stop in cuts:
        engine.apply(stream.cut(start, stop), stream.books(start, stop))
        start = stop
        for _ in range(calls):
            if restarts:
                engine.restart()
            engine.proceed()
    engine.end(stream)
    return engine.result()


def by_subject(result: Result) -> dict[tuple[str, str], list[Any]]:
    """Outputs of shards and roll-up by topic and key, in order, without their number among those of a machine."""
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for records in [*result.outputs[:-2], result.outputs[-1]]:
        for record in records:
            found[record.topic, record.subject].append(record._replace(number=0))
    return found


def same(found: Result, expected: Result) -> None:
    """Compare what rows put out, control totals, and parameters at the end."""
    assert by_subject(found) == by_subject(expected)
    assert found.plain()[1:] == expected.plain()[1:]


@pytest.mark.parametrize(("size", "calls"), [(50, 1), (1_000, 0), (1_000, 40)])
def test_bounds_do_not_show_in_the_outputs_of_a_row(size: int, calls: int) -> None:
    """Every key has the same records in the same order, whatever a call may do and however often calls go on."""
    stream = usual_stream()
    same(bounded(stream, SETTINGS, sizes(stream, size), calls=calls), usual())


few = st.integers(1, 5)


@given(st.integers(0, 10**6), st.data())
@settings(max_examples=examples(6), deadline=None)
def test_bounds_of_any_kind_do_not_show(seed: int, data: st.DataObject) -> None:
    """The same for any small business, cuts, bounds and backfill; and when machines are restarted in between."""
    stream = young_stream(seed)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=40)) | {len(stream)})
    bounds = CallBounds(*data.draw(st.tuples(few, few, few, st.booleans())))
    quiet = data.draw(st.one_of(st.none(), st.integers(0, 11 * 24)))
    options = msgspec.structs.replace(SETTINGS, quiet_until=None if quiet is None else MONDAY + quiet * HOUR_MS)
    calls = data.draw(st.integers(0, 3))
    found = bounded(stream, options, cuts, bounds, calls=calls, restarts=data.draw(st.booleans()))
    if bounds.in_order:
        assert found.outputs[:-2] == run(stream, options).outputs[:-2]
    same(found, run(stream, options))


def many_rows(rows: int, days: int) -> list[Line]:
    """Every row sells one unit at noon of every day."""
    return [
        line("order.placed", f"{day}-{row}", MONDAY + day * DAY_MS + 12 * HOUR_MS + row, sku=f"S{row}", location="L",
             quantity=1)
        for day in range(days) for row in range(rows)
    ]  # fmt: skip


def records_of(outputs: list[Any]) -> list[OutputRecord]:
    """Output records among what a machine put out."""
    return [output for output in outputs if isinstance(output, OutputRecord)]


def calls_of(machine: ShardMachine) -> list[list[OutputRecord]]:
    """What further calls put out, call by call, until nothing is left to do."""
    found = []
    while machine.busy:
        found.append(records_of(machine.proceed()))
    return found


def test_a_call_ends_in_the_middle_of_a_close() -> None:
    """A midnight of 300 rows takes several calls, none of which puts out much more than its bound."""
    stream = Stream(many_rows(300, 3))
    machine = ShardMachine(0, Settings(shards=1), CallBounds(learned=100, planned=40, outputs=10))
    machine.apply(stream.cut(0, 600))
    for _ in calls_of(machine):
        pass
    first = records_of(machine.apply(stream.cut(600, 601)._replace(watermark=MONDAY + 2 * DAY_MS + 2 * HOUR_MS)))
    counts = [sum(record.topic == PARAMETERS for record in call) for call in [first, *calls_of(machine)]]
    assert sum(counts) == 300
    assert max(counts) <= 40
    assert len(counts) >= 10


def test_the_first_publication_takes_several_calls() -> None:
    """The end of the backfill publishes every row once, in portions."""
    stream = Stream(many_rows(200, 4))
    quiet = MONDAY + 3 * DAY_MS + 3 * HOUR_MS
    machine = ShardMachine(0, Settings(shards=1, quiet_until=quiet), CallBounds(1_000, 500, outputs=10))
    machine.apply(stream.cut(0, 600))
    assert calls_of(machine) == []
    first = records_of(machine.apply(stream.cut(600, 601)._replace(watermark=quiet + HOUR_MS)))
    calls = [first, *calls_of(machine)]
    published = [record.subject for call in calls for record in call if record.topic == PARAMETERS]
    assert len(set(published)) == len(published) == 200
    assert len(calls) >= 2 * 200 / 10


def test_records_of_other_rows_do_not_wait_for_a_publication() -> None:
    """A row is published before its own next order, and its surge is found while hundreds of rows are still to come."""
    quiet = MONDAY + 40 * DAY_MS
    history = many_rows(300, 40)
    burst = [
        line("order.placed", f"burst{n}", quiet + n, sku="S299", location="L", quantity=1, customer=f"c{n}")
        for n in range(60)
    ]
    stream = Stream([*history, *burst])
    machine = ShardMachine(0, Settings(shards=1, quiet_until=quiet - 2 * HOUR_MS), CallBounds(1_000, 500, outputs=10))
    assert not records_of(machine.apply(stream.cut(0, len(history))))
    assert not any(calls_of(machine))
    outputs = records_of(machine.apply(stream.cut(len(history), len(stream))))
    of_row = [record for record in outputs if "S299" in record.subject]
    assert of_row[0].topic == PARAMETERS
    assert any(b'"order_surge"' in record.data for record in of_row)
    assert len({record.subject for record in outputs if record.topic == PARAMETERS}) < 300


def test_the_reported_clock_waits_for_the_rows_of_a_close() -> None:
    """A record of half past midnight passes a close. What waiting rows may still report is of an earlier instant."""
    midnight = MONDAY + 2 * DAY_MS
    half_past = midnight + 30 * MINUTE_MS
    time = half_past + Settings().lateness_ms
    stream = Stream([*many_rows(300, 2), line("order.placed", "x", time, sku="S299", location="L", quantity=1)])
    machine = ShardMachine(0, Settings(shards=1), CallBounds(learned=1_000, planned=10, outputs=10))
    machine.apply(stream.cut(0, 600))
    calls = [machine.apply(stream.cut(600, 601))]
    passed = 0
    while machine.busy:
        passed += machine.state.clock == half_past
        calls.append(machine.proceed())
    assert passed > 1
    clocks = [max((each.clock for each in call if isinstance(each, ShardReport)), default=0) for call in calls]
    for number, clock in enumerate(clocks):
        assert all(record.instant >= clock for call in calls[number + 1 :] for record in records_of(call))
    assert any(midnight < clock < half_past for clock in clocks)
    assert max(clocks) == half_past


def test_at_the_end_of_the_input_messages_are_as_of_the_clock() -> None:
    """The last day closes at instants behind the clock, which the roll-up would wait for in vain."""
    reports = Reports(0)
    message = NameReport("A", "L")
    reports.put(5, message)
    assert reports.take(3, final=False) == ShardReport(0, 3, [(5, message)], final=False)
    reports.put(5, message)
    assert reports.take(3, final=True) == ShardReport(0, 3, [(3, message)], final=True)


def test_a_call_may_do_more_the_longer_the_queue() -> None:
    """What a call may do grows with the batches that wait, so that these stay few."""
    one, three = CallBudget(TIGHT, QUEUE_UNIT - 1), CallBudget(TIGHT, 2 * QUEUE_UNIT)
    assert (one.rows_to_learn(100), three.rows_to_learn(100)) == (2, 6)
    assert (one.rows_to_plan(100, 1.0), three.rows_to_plan(100, 1.0)) == (1, 3)
    assert CallBudget(UNBOUNDED, 0).rows_to_plan(100, 1.0) == 100
