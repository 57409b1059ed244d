"""A notice of history begins a backfill in shards: before the first event, and only then."""

import numpy as np
import pytest

from sensing.codec.event_record import BEFORE_ALL, EVENT, Batch, HistoryHeard, InfrequentEvent, Topic
from sensing.machine_settings import Settings
from sensing.machines.machine_messages import HistoryReport, ShardReport
from sensing.machines.shard import ShardMachine

SETTINGS = Settings(shards=1)


def batch(until: int, watermark: int = BEFORE_ALL) -> Batch:
    """A batch with a notice alone."""
    notice = InfrequentEvent(HistoryHeard(until), BEFORE_ALL, BEFORE_ALL, Topic.ORDERS, 0, 0)
    return Batch(np.empty(0, EVENT), [(0, notice)] if until else [], watermark)


def reported(machine: ShardMachine, given: Batch) -> list[int]:
    """What a shard tells the roll-up of history."""
    found = [output for output in machine.apply(given) if isinstance(output, ShardReport)]
    return [message.until for report in found for _, message in report.messages if isinstance(message, HistoryReport)]


def backfilling(machine: ShardMachine) -> tuple[bool, bool]:
    """Whether a shard and its problems are in a backfill."""
    return machine.state.backfilling, machine.state.problems.backfilling


def test_history_is_a_backfill() -> None:
    """It lasts until the instant, a later notice prolongs it, an earlier one does not shorten it; a dump keeps it."""
    machine = ShardMachine(0, SETTINGS)
    assert reported(machine, batch(5_000_000)) == [5_000_000]
    assert reported(machine, batch(9_000_000)) == [9_000_000]
    assert reported(machine, batch(7_000_000)) == [7_000_000]
    assert (backfilling(machine), machine.state.quiet_until) == ((True, True), 9_000_000)
    restored = ShardMachine(0, SETTINGS)
    restored.load(machine.dump())
    for each in (machine, restored):
        each.apply(batch(0, 8_999_999))
        assert backfilling(each) == (True, True)
        each.apply(batch(0, 9_000_000))
        assert backfilling(each) == (False, False)


def test_later_history_is_no_backfill() -> None:
    """Once the clock runs, things were published: a snapshot taken then is read like any other events."""
    machine = ShardMachine(0, SETTINGS)
    machine.apply(batch(0, 1_000))
    assert reported(machine, batch(9_000_000)) == []
    assert backfilling(machine) == (False, False)


def test_the_backfill_of_the_settings_is_prolonged() -> None:
    """The later of both ends counts."""
    machine = ShardMachine(0, Settings(shards=1, quiet_until=9_000_000))
    machine.apply(batch(5_000_000))
    assert machine.state.quiet_until == 9_000_000


@pytest.mark.parametrize("until", [5_000_000])
def test_a_notice_is_not_counted(until: int) -> None:
    """It is no event."""
    machine = ShardMachine(0, SETTINGS)
    machine.apply(batch(until))
    assert machine.state.counts.sum() == 0
