"""Gauges of a shard, against its outputs and a row-by-row count of its tables."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sensing.codec.event_record import InfrequentEvent, Topic
from sensing.contracts.reference import ItemUpdated
from sensing.machine_settings import Settings
from sensing.machines.gauges import LIMITS, Gauges, gauges, roll_up_gauges
from sensing.machines.reference_queue import ReferenceQueue
from sensing.machines.shard import ShardMachine
from sensing.outputs import EXCEPTIONS
from tests.machines.business import usual, young_stream
from tests.machines.streams import run


def test_a_fresh_shard_holds_nothing() -> None:
    """Zeros, and no day that has closed."""
    assert gauges(ShardMachine(0, Settings()).state) == Gauges(
        rows=0, river_rows=0, lines=0, quarantined=0, limits={limit.name: 0 for limit in LIMITS}, surges_suppressed=0,
        open_problems={}, below_floor={}, oldest_closed_day=None, newest_closed_day=None, accuracy={},
    )  # fmt: skip


@pytest.mark.compiled
def test_a_shard_is_counted_row_by_row() -> None:
    """Rows that were born, models, lines, days that closed, and exceptions that subscribers take for open."""
    result = usual()
    found = [gauges(shard.state) for shard in result.shards]
    for shard, told in zip(result.shards, found, strict=True):
        state = shard.state
        rows = [state.rows.hot[row] for row in range(state.rows.count)]
        active = [row for row in rows if row["active"]]
        assert told.rows == len(active) > 0
        assert told.river_rows == sum(row in state.demand.models for row in range(state.rows.count))
        days = [int(row["closed_day"]) for row in active if row["closed_day"] >= row["first_hour"] // 24]
        assert (told.oldest_closed_day, told.newest_closed_day) == (min(days), max(days))
        assert told.limits["exceptions_refused"] == 0
        assert told.lines == len(state.lines.in_use()) > 0
        # Three months have passed, and lines are remembered for one.
        assert told.limits["lines_evicted"] > 0
    # Rows are one per name that ever had a parameter row, over all shards.
    assert sum(told.rows for told in found) == len(result.table())

    latest = {state["exception_id"]: state for state in result.data(EXCEPTIONS)}
    shown = Counter(
        (state["exception_type"], state["severity"])
        for state in latest.values()
        if state["status"] not in ("resolved", "expired")
    )
    counted: Counter[tuple[str, str]] = Counter()
    for told in [*found, roll_up_gauges(result.roll_up)]:
        counted.update({(str(kind), str(severity)): count for (kind, severity), count in told.open_problems.items()})
    assert counted.keys() == shown.keys() >= {("master_data", "high")}
    assert counted.total() == shown.total() > 0


@pytest.mark.compiled
def test_bounds_that_were_reached_are_counted() -> None:
    """Lines that had to make room, however young, and findings that found no place."""
    shard = run(young_stream(3), Settings(shards=1, lines_max=64, open_problems_max=1)).shards[0]
    told = gauges(shard.state)
    assert told.lines == 64
    assert told.limits["lines_evicted"] > 0
    assert told.limits["exceptions_refused"] == shard.state.problems.refused > 0


def test_every_counter_of_a_bounded_table_is_published() -> None:
    """Each counter named ``evicted``, ``forgotten`` or ``refused`` anywhere in a shard moves a limit of its own."""
    s = ShardMachine(0, Settings()).state
    counters = list(_counters(s, set()))
    assert len(counters) >= 5, "the walk finds the tables"
    for number, (holder, name) in enumerate(counters, start=1):
        setattr(holder, name, 1000 + number)
    published = gauges(s).limits.values()
    missing = [f"{type(holder).__name__}.{name}" for holder, name in counters if getattr(holder, name) not in published]
    assert not missing, f"add a Limit to sensing/machines/gauges.py for {', '.join(missing)}"


def _counters(part: Any, seen: set[int]) -> Iterator[tuple[Any, str]]:
    """Objects below ``part``, each with the name of a counter that it holds."""
    if id(part) in seen or not type(part).__module__.startswith("sensing."):
        return
    seen.add(id(part))
    for name, value in getattr(part, "__dict__", {}).items():
        if name in ("evicted", "forgotten", "refused"):
            yield part, name
        yield from _counters(value, seen)


def test_ids_of_reference_records_that_made_room_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest id goes at the bound."""
    monkeypatch.setattr("sensing.machines.reference_queue.IDS_MAX", 2)
    pending = ReferenceQueue()
    for number in range(5):
        event = ItemUpdated(event_id=f"e{number}", sku="A")
        pending.add(InfrequentEvent(event, 0, 0, Topic.REFERENCE, 0, number))
    assert (pending.evicted, list(pending.ids)) == (3, ["e3", "e4"])
