"""How full a shard is, counted against what it has put out and what its tables hold row by row."""

from collections import Counter

from sensing.machines.gauges import Gauges, gauges
from sensing.machines.shard import ShardMachine
from sensing.outputs import EXCEPTIONS
from sensing.settings import Settings
from tests.machines.business import usual, young_stream
from tests.machines.streams import run


def test_a_fresh_shard_holds_nothing() -> None:
    """Zeros, and no day that has closed."""
    assert gauges(ShardMachine(0, Settings()).state) == Gauges(0, 0, 0, 0, 0, {}, None, None)


def test_a_shard_is_counted_row_by_row() -> None:
    """Rows that were born, models, lines, days that closed, and exceptions that subscribers take for open."""
    result = usual()
    found = [gauges(shard.state) for shard in result.shards]
    for shard, told in zip(result.shards, found, strict=True):
        state = shard.state
        rows = [state.rows.hot[row] for row in range(state.rows.count)]
        born = [row for row in rows if row["born"]]
        assert told.rows == len(born) > 0
        assert told.river_rows == sum(row in state.demand.models for row in range(state.rows.count))
        days = [int(row["closed_day"]) for row in born if row["closed_day"] >= row["first_hour"] // 24]
        assert (told.oldest_closed_day, told.newest_closed_day) == (min(days), max(days))
        assert told.problems_refused == 0
        assert told.lines == len(state.lines.in_order()) > 0
        # Three months have passed, and lines are remembered for one.
        assert told.lines_evicted > 0
    # Rows are one per name that ever had a parameter row, over all shards.
    assert sum(told.rows for told in found) == len(result.table())

    latest = {state["exception_id"]: state for state in result.data(EXCEPTIONS)}
    shown = Counter(
        (state["exception_type"], state["severity"])
        for state in latest.values()
        if state["status"] not in ("resolved", "expired")
    )
    counted: Counter[tuple[str, str]] = Counter()
    for told in found:
        counted.update({(str(kind), str(severity)): count for (kind, severity), count in told.open_problems.items()})
    assert counted.keys() == shown.keys()
    assert counted.total() == shown.total() > 0


def test_bounds_that_were_reached_are_counted() -> None:
    """Lines that had to make room, however young, and findings that found no place."""
    shard = run(young_stream(3), Settings(shards=1, lines_max=64, open_problems_max=1)).shards[0]
    told = gauges(shard.state)
    assert told.lines == 64
    assert told.lines_evicted > 0
    assert told.problems_refused == shard.state.problems.refused > 0
