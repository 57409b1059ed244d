"""The clock of several source groups."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.record import BEFORE_ALL, EVENT, Batch, Rare
from sensing.state.groups import Groups


def batch_of(group: int, watermarks: list[int]) -> Batch:
    """A batch of one group: a record and a rare event per watermark, which do not fall."""
    records = np.zeros(len(watermarks), EVENT)
    records["watermark"] = watermarks
    rare = [(at, Rare(None, 0, watermark, 0, 0, 0)) for at, watermark in enumerate(watermarks)]
    return Batch(records, rare, watermarks[-1] if watermarks else BEFORE_ALL, group=group)


scripts = st.lists(st.tuples(st.integers(0, 2), st.lists(st.integers(1, 50), min_size=1, max_size=3)), max_size=8)


@given(scripts)
def test_the_clock_is_the_minimum_of_all_groups(script: list[tuple[int, list[int]]]) -> None:
    """Every record carries the least of its own watermark and the newest of each other group, which starts at none."""
    groups = Groups(3)
    newest = [BEFORE_ALL] * 3
    for group, steps in script:
        watermarks = [newest[group] + step for step in np.cumsum(steps).tolist()]
        given_batch = batch_of(group, watermarks)
        found = groups.merged(given_batch)

        others = min(watermark for number, watermark in enumerate(newest) if number != group)
        expected = [min(watermark, others) for watermark in watermarks]
        assert found.records["watermark"].tolist() == expected
        assert [item.watermark for _, item in found.rare] == expected
        assert found.watermark == expected[-1]
        assert given_batch.records["watermark"].tolist() == watermarks
        newest[group] = watermarks[-1]


def test_one_group_needs_no_work() -> None:
    """The batch of the only group is handed on as it is."""
    batch = batch_of(0, [3, 4])
    assert Groups(1).merged(batch) is batch


def test_groups_go_on_from_their_dump() -> None:
    """A restored clock merges as the other one does."""
    groups, restored = Groups(2), Groups(2)
    groups.merged(batch_of(0, [7]))
    restored.load(groups.dump())
    assert restored.merged(batch_of(1, [9])).watermark == groups.merged(batch_of(1, [9])).watermark == 7
