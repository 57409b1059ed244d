"""The ordered merge of a source group: order, timing and watermarks of its output."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.input import ordered_merge
from flows.input.group_progress import GroupProgress
from flows.input.ordered_merge import CATCH_UP_STEP_MS, PATIENCE_SECONDS, OrderedMerge
from flows.input.partition_buffer import PartitionBuffer
from flows.input.record_timestamps import RecordTimestamps
from sensing.codec.event_record import AFTER_ALL
from sensing.codec.message_block import Block
from sensing.machine_settings import HOUR_MS, Settings
from sensing.state.watermark_tracker import GROUP_DRIFT_MS
from sinks.kafka_client import Log
from tests.flows.events import MONDAY, order
from tests.flows.input.blocks import gathered

SETTINGS = Settings(lateness_ms=2 * HOUR_MS, horizon_ms=10 * HOUR_MS, skew_ms=5 * HOUR_MS)
BUFFERS = 3


class Step(NamedTuple):
    """What happens before messages are taken: hours of new ones by buffer, ends, and how far the clocks go on."""

    messages: list[tuple[int, list[int]]]
    ends: list[int]
    away: list[int]
    hours: int
    seconds: float


steps = st.lists(
    st.builds(
        Step,
        st.lists(
            st.tuples(st.integers(0, BUFFERS - 1), st.lists(st.integers(0, 60), min_size=1, max_size=4)), max_size=3
        ),
        st.lists(st.integers(0, BUFFERS - 1), max_size=3),
        st.lists(st.integers(0, BUFFERS - 1), max_size=1),
        st.integers(0, 20),
        st.sampled_from([0.0, 0.4, 1.5]),
    ),
    max_size=12,
)


def buffer_of(number: int) -> PartitionBuffer:
    """A partition of orders that starts at offset 10."""
    log = Log("orders", "t.orders", number, "id", 10, 10)
    return PartitionBuffer(number, log, 10, SETTINGS, RecordTimestamps(SETTINGS.skew_ms))


def give(buffer: PartitionBuffer, hours: list[int], wall: int, now: float) -> None:
    """Let a buffer get orders of some event times, hours after Monday."""
    first = buffer.position
    values = [order(buffer.number * 1000 + first + at, MONDAY + hour * HOUR_MS) for at, hour in enumerate(hours)]
    offsets = np.arange(first, first + len(values), dtype=np.int64)
    buffer.add(Block.of(values, offsets, np.full(len(values), wall, np.int64)), now)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock go on as far as it can in one step."""
    monkeypatch.setattr(ordered_merge, "CATCH_UP_STEP_MS", 10**13)


@pytest.mark.usefixtures("at_once")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_the_clock_of_a_group(script: list[Step]) -> None:
    """Each message once and in its order; watermarks never fall, and hold for every partition; the late are refused."""
    buffers = [buffer_of(source) for source in range(BUFFERS)]
    away: set[int] = set()
    merge = OrderedMerge(buffers, SETTINGS, lambda buffer: buffer.number in away)
    wall, now = MONDAY, 100.0
    seen: list[list[int]] = [[] for _ in buffers]
    known = [0] * BUFFERS
    taken: list[tuple[int, int]] = []
    watermarks = [0]
    for step in script:
        wall, now = wall + step.hours * HOUR_MS, now + step.seconds
        for source, hours in step.messages:
            give(buffers[source], hours, wall, now)
            times = [MONDAY + hour * HOUR_MS for hour in hours]
            seen[source] += times
            # What is ahead of its record's timestamp, which is the wall clock here, does not say that more is known.
            known[source] = max([known[source], *(min(t, wall) for t in times if t <= wall + SETTINGS.skew_ms)])
        for source in step.ends:
            buffers[source].at_end, buffers[source].last_seen = True, now
        away = set(step.away)
        ended = [buffer.at_end and buffer.number not in away for buffer in buffers]
        before = [buffer.watermark_time for buffer in buffers]
        # What comes before the first event goes by itself.
        runs = [merge.take(wall, now)]
        while len(runs[-1]):
            runs.append(merge.take(wall, now))
        run = gathered(runs)

        known = [max(told, wall) if end else told for told, end in zip(known, ended, strict=True)]
        assert [buffer.watermark_time for buffer in buffers] == known
        limits = [
            reached + (GROUP_DRIFT_MS if now - buffer.last_seen > PATIENCE_SECONDS else 0)
            for buffer, reached, end in zip(buffers, before, ended, strict=True)
            if not end
        ]
        assert all(key <= limit for key in run.keys.tolist() for limit in limits)
        taken += zip(run.sources.tolist(), run.numbers.tolist(), strict=True)
        assert run.keys.tolist() == sorted(run.keys.tolist())
        marks = [*run.records["watermark"].tolist(), merge.watermark]
        watermarks += marks
        assert max(marks) <= wall - SETTINGS.lateness_ms or max(marks) == 0
        assert merge.watermark <= max(watermarks[0], min(known) - SETTINGS.lateness_ms) or watermarks[-2] >= marks[-1]
        if all(ended):
            assert not any(len(buffer) for buffer in buffers)
            assert merge.watermark == wall - SETTINGS.lateness_ms
        assert all(run.records["time"] >= run.records["watermark"] - SETTINGS.horizon_ms)
        for reject in run.rejects:
            if reject.reason == "too_late":
                assert reject.time < max(watermarks) - SETTINGS.horizon_ms
            else:
                assert (reject.reason, reject.time > wall - 20 * 12 * HOUR_MS) == ("far_future", True)
            assert b'"event_time":%d' % reject.time in reject.value
    assert all(first <= second for first, second in pairwise(watermarks))
    for buffer, times in zip(buffers, seen, strict=True):
        mine = [number for source, number in taken if source == buffer.number]
        assert mine == list(range(10, buffer.consumed))
        assert buffer.position == 10 + len(times)
        assert len(buffer) == buffer.position - buffer.consumed


def test_a_partition_that_was_never_read_holds_the_clock() -> None:
    """Nothing is known of it, so nothing may be counted as over, and nothing leaves."""
    buffers = [buffer_of(0), buffer_of(1)]
    merge = OrderedMerge(buffers, SETTINGS, lambda _: False)
    give(buffers[0], [1, 2], MONDAY + 2 * HOUR_MS, 0.0)
    assert len(merge.take(MONDAY, 1000.0)) == 0
    assert merge.watermark == 0
    buffers[1].at_end = True
    assert len(merge.take(MONDAY + 9 * HOUR_MS, 1000.0)) == 2
    assert merge.watermark == MONDAY + 2 * HOUR_MS - SETTINGS.lateness_ms


def test_a_partition_whose_broker_is_away_holds_the_clock_but_not_the_others() -> None:
    """After a second the others run ahead; what it had reached is all that the clock may say."""
    buffers = [buffer_of(0), buffer_of(1)]
    away: set[int] = set()
    merge = OrderedMerge(buffers, SETTINGS, lambda buffer: buffer.number in away)
    for buffer in buffers:
        buffer.at_end, buffer.last_seen = True, 10.0
    merge.take(MONDAY, 10.0)
    away.add(1)
    buffers[1].at_end = False
    give(buffers[0], [3], MONDAY + 4 * HOUR_MS, 10.5)
    buffers[0].at_end = True
    assert len(merge.take(MONDAY + 4 * HOUR_MS, 10.5)) == 0
    run = merge.take(MONDAY + 4 * HOUR_MS, 11.5)
    assert run.records["time"].tolist() == [MONDAY + 3 * HOUR_MS]
    assert merge.watermark == MONDAY - SETTINGS.lateness_ms
    away.clear()
    buffers[1].at_end = True
    merge.take(MONDAY + 4 * HOUR_MS, 12.0)
    assert merge.watermark == MONDAY + 4 * HOUR_MS - SETTINGS.lateness_ms


def test_an_event_ahead_of_the_wall_clock_does_not_move_it() -> None:
    """Within the allowed skew it is taken, the clock stays behind the wall, and what follows is not held up by it."""
    buffers = [buffer_of(0), buffer_of(1)]
    merge = OrderedMerge(buffers, SETTINGS, lambda _: False)
    give(buffers[0], [4], MONDAY, 0.0)
    give(buffers[0], [2], MONDAY + 2 * HOUR_MS, 0.0)
    give(buffers[1], [1], MONDAY + 2 * HOUR_MS, 0.0)
    run = merge.take(MONDAY + 2 * HOUR_MS, 0.0)
    assert run.records["time"].tolist() == [MONDAY + hour * HOUR_MS for hour in (4, 1)]
    assert run.records["watermark"].tolist() == [MONDAY + hour * HOUR_MS - SETTINGS.lateness_ms for hour in (0, 1)]
    assert buffers[0].watermark_time == MONDAY + 2 * HOUR_MS


def test_a_busy_partition_with_old_events_holds_the_clock_but_not_the_others() -> None:
    """It is never seen at its end; once it is current, others go on, and its event times still hold the merge."""
    buffers = [buffer_of(0), buffer_of(1)]
    merge = OrderedMerge(buffers, SETTINGS, lambda _: False)
    give(buffers[0], [2], MONDAY + 9 * HOUR_MS, 0.0)
    give(buffers[1], [9], MONDAY + 9 * HOUR_MS, 0.0)
    assert merge.take(MONDAY + 9 * HOUR_MS, 0.0).sources.tolist() == [0]
    assert (merge.progress, len(buffers[1])) == (MONDAY + 2 * HOUR_MS, 1)
    buffers[0].current = True
    run = merge.take(MONDAY + 9 * HOUR_MS, 0.0)
    assert run.records["time"].tolist() == [MONDAY + 9 * HOUR_MS]
    assert run.records["watermark"].tolist() == [MONDAY + 2 * HOUR_MS - SETTINGS.lateness_ms] == [merge.watermark]
    buffers[0].lose()
    give(buffers[1], [10], MONDAY + 10 * HOUR_MS, 0.0)
    assert len(merge.take(MONDAY + 10 * HOUR_MS, 0.0)) == 0


def test_what_had_to_wait_leaves_in_portions() -> None:
    """So many of a partition at once, and all of equal key with them; order and watermarks are the same."""
    found = []
    for portions in (True, False):
        buffers = [buffer_of(0), buffer_of(1)]
        size = 3 if portions else 1000
        merge = OrderedMerge(buffers, SETTINGS, lambda _: False, event_time=True, batch_messages=size)
        for hours in ([1, 1, 2, 2, 2, 3], [4, 4, 9]):
            give(buffers[0], hours, MONDAY + 9 * HOUR_MS, 0.0)
            if not portions:
                merge.take(0, 0.0)
        give(buffers[1], [1, 2, 3, 4, 5, 6], MONDAY + 9 * HOUR_MS, 0.0)
        for buffer in buffers:
            buffer.at_end = True
        sizes, runs = [], []
        while not merge.over:
            runs.append(merge.take(0, 0.0))
            sizes.append(len(runs[-1]))
        if portions:
            assert sizes == [6, 5, 4]
        run = gathered(runs)
        found.append((run.sources.tolist(), run.numbers.tolist(), run.records["watermark"].tolist()))
    assert found[0] == found[1]


def test_a_partition_that_never_had_an_event_holds_nothing_once_it_is_current() -> None:
    """Empty, or full of rejects, too busy to be seen at its end: messages of others come with a watermark."""
    buffers = [buffer_of(0), buffer_of(1)]
    merge = OrderedMerge(buffers, SETTINGS, lambda _: False)
    give(buffers[0], [2], MONDAY + 2 * HOUR_MS, 0.0)
    assert len(merge.take(MONDAY + 2 * HOUR_MS, 0.0)) == 0
    buffers[1].current = True
    run = merge.take(MONDAY + 2 * HOUR_MS, 0.0)
    assert run.records["watermark"].tolist() == [MONDAY] == [merge.watermark]


def test_the_clock_comes_to_the_next_event_and_to_the_present_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """No further than a day at once; messages and watermarks are those of a clock that leaps."""
    found = []
    wall = MONDAY + 3000 * HOUR_MS
    for leap in (CATCH_UP_STEP_MS, 10**13):
        monkeypatch.setattr(ordered_merge, "CATCH_UP_STEP_MS", leap)
        buffers = [buffer_of(0), buffer_of(1)]
        merge = OrderedMerge(buffers, SETTINGS, lambda _: False)
        give(buffers[0], [1, 30, 31, 2000], wall, 0.0)
        give(buffers[1], [5, 40, 900], wall, 0.0)
        for buffer in buffers:
            buffer.at_end = True
        runs, marks, leaps = [merge.take(wall, 0.0)], [merge.watermark], 0
        while not (merge.over and merge.watermark == wall - SETTINGS.lateness_ms):
            runs.append(merge.take(wall, 0.0))
            marks.append(merge.watermark)
            leaps += merge.catching_up
            assert not (merge.catching_up and len(runs[-1]))
        assert all(0 <= after - before <= leap for before, after in pairwise(marks))
        assert (leaps > 30) == (leap == CATCH_UP_STEP_MS)
        run = gathered(runs)
        found.append((run.sources.tolist(), run.numbers.tolist(), run.records["watermark"].tolist(), marks[-1]))
    assert found[0] == found[1]


def test_refusals_before_the_first_event_do_not_start_the_clock() -> None:
    """They go by themselves; the clock begins where the first event is."""
    buffers = [buffer_of(0)]
    merge = OrderedMerge(buffers, SETTINGS, lambda _: False)
    give(buffers[0], [90, 2], MONDAY + 2 * HOUR_MS, 0.0)
    buffers[0].at_end = True
    run = merge.take(MONDAY + 2 * HOUR_MS, 0.0)
    assert ([reject.reason for reject in run.rejects], len(run.records), merge.watermark) == (["far_future"], 0, 0)
    run = merge.take(MONDAY + 2 * HOUR_MS, 0.0)
    assert run.records["watermark"].tolist() == [MONDAY] == [merge.watermark]


def test_groups_stay_side_by_side() -> None:
    """None hands on more than some hours of event time beyond what another could; one that is current holds nobody."""
    progress = GroupProgress()
    for group in (0, 1):
        progress.join(group, reads_reference=False)
    buffers = [buffer_of(0), buffer_of(1)]
    merges = [OrderedMerge([buffer], SETTINGS, lambda _: False) for buffer in buffers]
    drift = GROUP_DRIFT_MS // HOUR_MS
    give(buffers[0], [1], MONDAY + 40 * HOUR_MS, 0.0)
    give(buffers[1], [2, 1 + drift, 2 + drift], MONDAY + 40 * HOUR_MS, 0.0)
    assert len(merges[1].take(MONDAY + 40 * HOUR_MS, 0.0, progress.others(1))) == 0
    for group in (0, 1):
        merges[group].take(MONDAY + 40 * HOUR_MS, 0.0, AFTER_ALL if group == 0 else progress.others(1))
        progress.set(group, merges[group].progress)
    assert [progress.others(1), progress.others(0)] == [MONDAY + HOUR_MS, MONDAY + (2 + drift) * HOUR_MS]
    assert len(buffers[1]) == 1
    buffers[0].end(buffers[0].position, 0.0)
    merges[0].take(MONDAY + 40 * HOUR_MS, 0.0, progress.others(0))
    progress.set(0, merges[0].progress)
    assert progress.others(1) == AFTER_ALL
    merges[1].take(MONDAY + 40 * HOUR_MS, 0.0, progress.others(1))
    assert len(buffers[1]) == 0


def test_refusals_of_the_source_name_what_was_wrong() -> None:
    """Far ahead of the record's timestamp, or too far behind the watermark: field, required and got, original bytes."""
    buffers = [buffer_of(0)]
    merge = OrderedMerge(buffers, SETTINGS, lambda _: False)
    give(buffers[0], [20, 6, 9], MONDAY + 20 * HOUR_MS, 0.0)
    give(buffers[0], [90], MONDAY + 20 * HOUR_MS, 0.0)
    run = merge.take(MONDAY + 20 * HOUR_MS, 0.0)
    late, ahead = run.rejects
    assert (late.reason, late.offset, late.field, late.got) == (
        "too_late", 11, "event_time", "2010-01-04T06:00:00.000Z",
    )  # fmt: skip
    assert late.required == "at most 36000000 ms behind the watermark 2010-01-04T18:00:00.000Z"
    assert (ahead.reason, ahead.offset, ahead.topic, ahead.partition) == ("far_future", 13, "orders", 0)
    assert ahead.required == "at most 18000000 ms ahead of the record's timestamp 2010-01-04T20:00:00.000Z"
    assert ahead.value == order(13, MONDAY + 90 * HOUR_MS)
    assert run.records["time"].tolist() == [MONDAY + 20 * HOUR_MS, MONDAY + 9 * HOUR_MS]


def test_trace_contexts_travel_with_their_messages() -> None:
    """A well-formed traceparent of a message leaves with it, under its place; others are not there."""
    buffer = buffer_of(0)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = [{"traceparent": trace.encode()}, None, {"ce_traceparent": b"nonsense"}]
    values = [order(at, MONDAY + at) for at in range(3)]
    buffer.add(Block.of(values, np.arange(10, 13), np.full(3, MONDAY), headers), 0.0)
    assert buffer.traces() == {}
    buffer.take(MONDAY + 5)
    assert buffer.traces() == {(2, 0, 10): trace}
    assert buffer.traces() == {}


def test_by_event_times_alone_the_clock_leaps_to_the_next_event() -> None:
    """However far it is: a machine bounds its calls itself."""
    buffers = [buffer_of(0)]
    merge = OrderedMerge(buffers, SETTINGS, lambda _: False, event_time=True)
    give(buffers[0], [1, 2000], MONDAY + 3000 * HOUR_MS, 0.0)
    buffers[0].at_end = True
    runs = []
    while not merge.over:
        runs.append(merge.take(MONDAY, 0.0))
        assert not merge.catching_up
    assert len(runs) <= 3
    found = gathered(runs).records
    assert (found["time"] - found["watermark"]).tolist() == [SETTINGS.lateness_ms] * 2
