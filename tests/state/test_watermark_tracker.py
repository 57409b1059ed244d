"""The watermark tracker of a machine with several source groups: its clock, and the batches that it buffers."""

import itertools
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.decode import decode
from sensing.codec.event_record import AFTER_ALL, BEFORE_ALL, EVENT, TOPICS, Batch, InfrequentEvent
from sensing.codec.message_block import Block
from sensing.codec.purchase_record import PURCHASE
from sensing.machine_settings import HOUR_MS
from sensing.state.watermark_tracker import GROUP_DRIFT_MS, WatermarkTracker
from tests.contracts.examples import EXAMPLES, Event


def batch_of(group: int, watermarks: list[int], **more: Any) -> Batch:
    """A batch of one group: a record and an infrequent event per watermark, which do not fall."""
    records = np.zeros(len(watermarks), EVENT)
    records["watermark"] = watermarks
    infrequent = [(at, InfrequentEvent(None, 0, watermark, 0, 0, 0)) for at, watermark in enumerate(watermarks)]
    return Batch(records, infrequent, watermarks[-1] if watermarks else BEFORE_ALL, group=group, **more)


def ready(group: int, watermarks: list[int]) -> Batch:
    """A batch that waits for nothing."""
    return batch_of(group, watermarks, reference_read=True, progress=AFTER_ALL)


scripts = st.lists(st.tuples(st.integers(0, 2), st.lists(st.integers(1, 50), min_size=1, max_size=3)), max_size=8)


@given(scripts)
def test_the_clock_is_the_minimum_of_all_groups(script: list[tuple[int, list[int]]]) -> None:
    """Every record carries the least of its own watermark and the newest of each other group, which starts at none."""
    groups = WatermarkTracker(3)
    newest = [BEFORE_ALL] * 3
    for group, steps in script:
        watermarks = [newest[group] + step for step in np.cumsum(steps).tolist()]
        given_batch = ready(group, watermarks)
        (found,) = groups.admit(given_batch)

        others = min(watermark for number, watermark in enumerate(newest) if number != group)
        expected = [min(watermark, others) for watermark in watermarks]
        assert found.records["watermark"].tolist() == expected
        assert [item.watermark for _, item in found.infrequent] == expected
        assert found.watermark == expected[-1]
        assert given_batch.records["watermark"].tolist() == watermarks
        newest[group] = watermarks[-1]


def test_one_group_needs_no_work() -> None:
    """The batch of the only group is admitted as it is, whatever it says of itself."""
    batch = batch_of(0, [3, 4])
    (admitted,) = WatermarkTracker(1).admit(batch)
    assert admitted is batch


def test_input_waits_until_the_reference_is_read() -> None:
    """Reference goes before everything; then all that waited follows, each group in its order."""
    groups = WatermarkTracker(2)
    early = [batch_of(1, [at], progress=AFTER_ALL) for at in (1, 2)]
    assert [groups.admit(batch) for batch in early] == [[], []]
    reference = Batch(
        np.empty(0, EVENT), [(0, InfrequentEvent(None, 0, 0, TOPICS.index("reference"), 0, 0))], BEFORE_ALL
    )
    assert len(groups.admit(reference)) == 1
    admitted = groups.admit(batch_of(0, [], progress=AFTER_ALL, reference_read=True))
    assert [(batch.group, len(batch.records)) for batch in admitted] == [(0, 0), (1, 1), (1, 1)]
    assert not any(groups.waiting)


def test_input_far_ahead_of_another_group_waits_for_it() -> None:
    """In the order of its group, until the other's ticks say that it is as far, or has ended."""
    groups = WatermarkTracker(2)
    start = batch_of(0, [], reference_read=True, progress=HOUR_MS)
    assert len(groups.admit(start)) == 1
    near = batch_of(1, [1], progress=20 * HOUR_MS, newest_time=HOUR_MS + GROUP_DRIFT_MS)
    far = near._replace(newest_time=near.newest_time + 1)
    assert [len(groups.admit(batch)) for batch in (near, far, near)] == [1, 0, 0]
    assert [batch.newest_time for batch in groups.admit(start._replace(progress=HOUR_MS + 1))] == [
        BEFORE_ALL, far.newest_time, near.newest_time,
    ]  # fmt: skip
    assert groups.admit(far._replace(newest_time=AFTER_ALL // 2)) == []
    assert len(groups.admit(start._replace(progress=AFTER_ALL))) == 2


steps = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), max_size=30)


@given(steps)
def test_nothing_is_lost_or_overtakes_its_group(script: list[tuple[int, int]]) -> None:
    """Whatever the order in which groups are heard: when all have ended, every batch was admitted once, in order."""
    groups = WatermarkTracker(3)
    reached, numbers = [0] * 3, itertools.count(1)
    sent: list[list[int]] = [[], [], []]
    admitted: list[list[int]] = [[], [], []]
    script = [*script, *((group, -1) for group in range(3))]
    for group, hours in script:
        reached[group] += max(hours, 0) * HOUR_MS
        number = next(numbers)
        sent[group].append(number)
        progress = AFTER_ALL if hours < 0 else reached[group]
        batch = batch_of(
            group,
            [number],
            reconciliation=number,
            progress=progress,
            newest_time=reached[group],
            reference_read=group == 0,
        )
        for found in groups.admit(batch):
            admitted[found.group].append(found.reconciliation)
            least = min(int(time) for other, time in enumerate(groups.progress) if other != found.group)
            assert found.newest_time <= least + GROUP_DRIFT_MS
    assert admitted == sent


def test_purchase_records_wait_and_have_the_watermark_of_all_groups() -> None:
    """As the other records of a batch do, even where a batch has nothing else."""
    groups = WatermarkTracker(2)
    purchases = np.zeros(1, PURCHASE)
    purchases["watermark"] = 9
    batch = batch_of(1, [], progress=AFTER_ALL)._replace(purchases=purchases)
    assert groups.admit(batch) == []
    found = groups.admit(ready(0, [7]))
    assert [each.purchases["watermark"].tolist() for each in found] == [[], [7]]
    assert purchases["watermark"] == 9


def test_groups_go_on_from_their_dump() -> None:
    """A restored tracker merges as the other one does."""
    groups, restored = WatermarkTracker(2), WatermarkTracker(2)
    groups.admit(ready(0, [7]))
    restored.load(groups.dump())
    found = [tracker.admit(ready(1, [9]))[0].watermark for tracker in (restored, groups)]
    assert found == [7, 7]


@pytest.mark.parametrize(("topic", "event"), EXAMPLES, ids=lambda case: case if isinstance(case, str) else "")
def test_a_batch_that_waits_is_in_the_dump(topic: str, event: Event) -> None:
    """With its records, infrequent events of every type, traces and all that it says of its group."""
    groups, restored = WatermarkTracker(2), WatermarkTracker(2)
    decoded = decode(topic, 3, Block.of([orjson.dumps(event)], np.array([5])))
    purchases = np.zeros(1, PURCHASE)
    purchases["supplier"] = b"A"
    batch = Batch(
        decoded.records,
        decoded.infrequent,
        4,
        reconciliation=2,
        group=1,
        traces={(2, 3, 5): "trace"},
        progress=6,
        newest_time=7,
        purchases=purchases,
    )
    first = Batch(np.zeros(1, EVENT), [], 3, group=1)
    assert [groups.admit(waiting) for waiting in (first, batch)] == [[], []]
    restored.load(groups.dump())
    (_, kept) = restored.waiting[1]
    assert kept.records.tobytes() == batch.records.tobytes()
    assert kept.purchases.tobytes() == batch.purchases.tobytes()
    assert kept._replace(records=batch.records, purchases=batch.purchases) == batch
