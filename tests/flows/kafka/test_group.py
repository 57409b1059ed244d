"""The clock of a group: what is handed on, when, and with which watermark."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.sources.kafka import group as group_module
from flows.sources.kafka.feed import FAR, Feed
from flows.sources.kafka.group import DRIFT_MS, LEAP_MS, PATIENCE_SECONDS, GroupClock, Peers
from sensing.codec.block import Block
from sensing.settings import HOUR_MS, Settings
from sinks.kafka_client import Log
from tests.flows.events import MONDAY, order
from tests.flows.kafka.reading import gathered

SETTINGS = Settings(lateness_ms=2 * HOUR_MS, horizon_ms=10 * HOUR_MS, skew_ms=5 * HOUR_MS)
FEEDS = 3


class Step(NamedTuple):
    """What happens before one hand-over: messages (hours, of a feed), ends told, and how far the clocks go on."""

    messages: list[tuple[int, list[int]]]
    ends: list[int]
    away: list[int]
    hours: int
    seconds: float


steps = st.lists(
    st.builds(
        Step,
        st.lists(
            st.tuples(st.integers(0, FEEDS - 1), st.lists(st.integers(0, 60), min_size=1, max_size=4)), max_size=3
        ),
        st.lists(st.integers(0, FEEDS - 1), max_size=3),
        st.lists(st.integers(0, FEEDS - 1), max_size=1),
        st.integers(0, 20),
        st.sampled_from([0.0, 0.4, 1.5]),
    ),
    max_size=12,
)


def feed_of(source: int) -> Feed:
    """A partition of orders that starts at offset 10."""
    return Feed(source, Log("orders", "t.orders", source, "id", 10, 10), 10, SETTINGS)


def give(feed: Feed, hours: list[int], wall: int, now: float) -> None:
    """Let a feed read orders of some event times, hours after Monday."""
    first = feed.position
    values = [order(feed.source * 1000 + first + at, MONDAY + hour * HOUR_MS) for at, hour in enumerate(hours)]
    offsets = np.arange(first, first + len(values), dtype=np.int64)
    feed.take(Block.of(values, offsets, np.full(len(values), wall, np.int64)), now)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock go on as far as it can in one step."""
    monkeypatch.setattr(group_module, "LEAP_MS", 10**13)


@pytest.mark.usefixtures("at_once")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_the_clock_of_a_group(script: list[Step]) -> None:
    """Each message once and in its order; watermarks never fall, and hold for every partition; the late are refused."""
    feeds = [feed_of(source) for source in range(FEEDS)]
    away: set[int] = set()
    clock = GroupClock(feeds, SETTINGS, lambda feed: feed.source in away)
    wall, now = MONDAY, 100.0
    seen: list[list[int]] = [[] for _ in feeds]
    known = [0] * FEEDS
    handed: list[tuple[int, int]] = []
    watermarks = [0]
    for step in script:
        wall, now = wall + step.hours * HOUR_MS, now + step.seconds
        for source, hours in step.messages:
            give(feeds[source], hours, wall, now)
            times = [MONDAY + hour * HOUR_MS for hour in hours]
            seen[source] += times
            # What is ahead of its record's timestamp, which is the wall clock here, does not say that more is known.
            known[source] = max([known[source], *(min(t, wall) for t in times if t <= wall + SETTINGS.skew_ms)])
        for source in step.ends:
            feeds[source].at_end, feeds[source].heard = True, now
        away = set(step.away)
        ended = [feed.at_end and feed.source not in away for feed in feeds]
        before = [feed.reached for feed in feeds]
        # What comes before the first event goes by itself.
        runs = [clock.hand(wall, now)]
        while len(runs[-1]):
            runs.append(clock.hand(wall, now))
        run = gathered(runs)

        known = [max(told, wall) if end else told for told, end in zip(known, ended, strict=True)]
        assert [feed.reached for feed in feeds] == known
        limits = [
            reached + (DRIFT_MS if now - feed.heard > PATIENCE_SECONDS else 0)
            for feed, reached, end in zip(feeds, before, ended, strict=True)
            if not end
        ]
        assert all(key <= limit for key in run.keys.tolist() for limit in limits)
        handed += zip(run.sources.tolist(), run.numbers.tolist(), strict=True)
        assert run.keys.tolist() == sorted(run.keys.tolist())
        marks = [*run.records["watermark"].tolist(), clock.watermark]
        watermarks += marks
        assert max(marks) <= wall - SETTINGS.lateness_ms or max(marks) == 0
        assert clock.watermark <= max(watermarks[0], min(known) - SETTINGS.lateness_ms) or watermarks[-2] >= marks[-1]
        if all(ended):
            assert not any(len(feed) for feed in feeds)
            assert clock.watermark == wall - SETTINGS.lateness_ms
        assert all(run.records["time"] >= run.records["watermark"] - SETTINGS.horizon_ms)
        for reject in run.rejects:
            if reject.reason == "too_late":
                assert reject.time < max(watermarks) - SETTINGS.horizon_ms
            else:
                assert (reject.reason, reject.time > wall - 20 * 12 * HOUR_MS) == ("far_future", True)
            assert b'"event_time":%d' % reject.time in reject.value
    assert all(first <= second for first, second in pairwise(watermarks))
    for feed, times in zip(feeds, seen, strict=True):
        mine = [number for source, number in handed if source == feed.source]
        assert mine == list(range(10, feed.handed))
        assert feed.position == 10 + len(times)
        assert len(feed) == feed.position - feed.handed


def test_a_partition_that_was_never_read_holds_the_clock() -> None:
    """Nothing is known of it, so nothing may be counted as over, and nothing is handed on."""
    feeds = [feed_of(0), feed_of(1)]
    clock = GroupClock(feeds, SETTINGS, lambda _: False)
    give(feeds[0], [1, 2], MONDAY + 2 * HOUR_MS, 0.0)
    assert len(clock.hand(MONDAY, 1000.0)) == 0
    assert clock.watermark == 0
    feeds[1].at_end = True
    assert len(clock.hand(MONDAY + 9 * HOUR_MS, 1000.0)) == 2
    assert clock.watermark == MONDAY + 2 * HOUR_MS - SETTINGS.lateness_ms


def test_a_partition_whose_broker_is_away_holds_the_clock_but_not_the_others() -> None:
    """After a second the others run ahead; what it had reached is all that the clock may say."""
    feeds = [feed_of(0), feed_of(1)]
    away: set[int] = set()
    clock = GroupClock(feeds, SETTINGS, lambda feed: feed.source in away)
    for feed in feeds:
        feed.at_end, feed.heard = True, 10.0
    clock.hand(MONDAY, 10.0)
    away.add(1)
    feeds[1].at_end = False
    give(feeds[0], [3], MONDAY + 4 * HOUR_MS, 10.5)
    feeds[0].at_end = True
    assert len(clock.hand(MONDAY + 4 * HOUR_MS, 10.5)) == 0
    run = clock.hand(MONDAY + 4 * HOUR_MS, 11.5)
    assert run.records["time"].tolist() == [MONDAY + 3 * HOUR_MS]
    assert clock.watermark == MONDAY - SETTINGS.lateness_ms
    away.clear()
    feeds[1].at_end = True
    clock.hand(MONDAY + 4 * HOUR_MS, 12.0)
    assert clock.watermark == MONDAY + 4 * HOUR_MS - SETTINGS.lateness_ms


def test_an_event_ahead_of_the_wall_clock_does_not_move_it() -> None:
    """Within the allowed skew it is taken, the clock stays behind the wall, and what follows is not held up by it."""
    feeds = [feed_of(0), feed_of(1)]
    clock = GroupClock(feeds, SETTINGS, lambda _: False)
    give(feeds[0], [4], MONDAY, 0.0)
    give(feeds[0], [2], MONDAY + 2 * HOUR_MS, 0.0)
    give(feeds[1], [1], MONDAY + 2 * HOUR_MS, 0.0)
    run = clock.hand(MONDAY + 2 * HOUR_MS, 0.0)
    assert run.records["time"].tolist() == [MONDAY + hour * HOUR_MS for hour in (4, 1)]
    assert run.records["watermark"].tolist() == [MONDAY + hour * HOUR_MS - SETTINGS.lateness_ms for hour in (0, 1)]
    assert feeds[0].reached == MONDAY + 2 * HOUR_MS


def test_a_busy_partition_with_old_events_holds_the_clock_but_not_the_others() -> None:
    """It is never seen at its end; once it is current, others go on, and its event times still hold the clock."""
    feeds = [feed_of(0), feed_of(1)]
    clock = GroupClock(feeds, SETTINGS, lambda _: False)
    give(feeds[0], [2], MONDAY + 9 * HOUR_MS, 0.0)
    give(feeds[1], [9], MONDAY + 9 * HOUR_MS, 0.0)
    assert clock.hand(MONDAY + 9 * HOUR_MS, 0.0).sources.tolist() == [0]
    assert (clock.front, len(feeds[1])) == (MONDAY + 2 * HOUR_MS, 1)
    feeds[0].current = True
    run = clock.hand(MONDAY + 9 * HOUR_MS, 0.0)
    assert run.records["time"].tolist() == [MONDAY + 9 * HOUR_MS]
    assert run.records["watermark"].tolist() == [MONDAY + 2 * HOUR_MS - SETTINGS.lateness_ms] == [clock.watermark]
    feeds[0].lose()
    give(feeds[1], [10], MONDAY + 10 * HOUR_MS, 0.0)
    assert len(clock.hand(MONDAY + 10 * HOUR_MS, 0.0)) == 0


def test_what_had_to_wait_is_handed_on_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many of a partition at once, and all of equal key with them; order and watermarks are the same."""
    monkeypatch.setattr(group_module, "HAND_MESSAGES", 3)
    found = []
    for portions in (True, False):
        feeds = [feed_of(0), feed_of(1)]
        clock = GroupClock(feeds, SETTINGS, lambda _: False, event_time=True)
        for hours in ([1, 1, 2, 2, 2, 3], [4, 4, 9]):
            give(feeds[0], hours, MONDAY + 9 * HOUR_MS, 0.0)
            if not portions:
                clock.hand(0, 0.0)
        give(feeds[1], [1, 2, 3, 4, 5, 6], MONDAY + 9 * HOUR_MS, 0.0)
        for feed in feeds:
            feed.at_end = True
        sizes, runs = [], []
        while not clock.over:
            runs.append(clock.hand(0, 0.0))
            sizes.append(len(runs[-1]))
        if portions:
            assert sizes == [6, 5, 4]
        run = gathered(runs)
        found.append((run.sources.tolist(), run.numbers.tolist(), run.records["watermark"].tolist()))
        monkeypatch.undo()
    assert found[0] == found[1]


def test_a_partition_that_never_had_an_event_holds_nothing_once_it_is_current() -> None:
    """Empty, or full of rejects, too busy to be seen at its end: messages of others come with a watermark."""
    feeds = [feed_of(0), feed_of(1)]
    clock = GroupClock(feeds, SETTINGS, lambda _: False)
    give(feeds[0], [2], MONDAY + 2 * HOUR_MS, 0.0)
    assert len(clock.hand(MONDAY + 2 * HOUR_MS, 0.0)) == 0
    feeds[1].current = True
    run = clock.hand(MONDAY + 2 * HOUR_MS, 0.0)
    assert run.records["watermark"].tolist() == [MONDAY] == [clock.watermark]


@pytest.mark.parametrize("event_time", [True, False])
def test_the_clock_comes_to_the_next_event_and_to_the_present_in_steps(
    event_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No further than a day at once; messages and watermarks are those of a clock that leaps."""
    found = []
    wall = MONDAY + 3000 * HOUR_MS
    for leap in (LEAP_MS, 10**13):
        monkeypatch.setattr(group_module, "LEAP_MS", leap)
        feeds = [feed_of(0), feed_of(1)]
        clock = GroupClock(feeds, SETTINGS, lambda _: False, event_time=event_time)
        give(feeds[0], [1, 30, 31, 2000], wall, 0.0)
        give(feeds[1], [5, 40, 900], wall, 0.0)
        for feed in feeds:
            feed.at_end = True
        runs, marks, leaps = [clock.hand(wall, 0.0)], [clock.watermark], 0
        while not (clock.over and (event_time or clock.watermark == wall - SETTINGS.lateness_ms)):
            runs.append(clock.hand(wall, 0.0))
            marks.append(clock.watermark)
            leaps += clock.leaping
            assert not (clock.leaping and len(runs[-1]))
        assert all(0 <= after - before <= leap for before, after in pairwise(marks))
        assert (leaps > 30) == (leap == LEAP_MS)
        run = gathered(runs)
        found.append((run.sources.tolist(), run.numbers.tolist(), run.records["watermark"].tolist(), marks[-1]))
    assert found[0] == found[1]


def test_refusals_before_the_first_event_do_not_start_the_clock() -> None:
    """They go by themselves; the clock begins where the first event is."""
    feeds = [feed_of(0)]
    clock = GroupClock(feeds, SETTINGS, lambda _: False)
    give(feeds[0], [90, 2], MONDAY + 2 * HOUR_MS, 0.0)
    feeds[0].at_end = True
    run = clock.hand(MONDAY + 2 * HOUR_MS, 0.0)
    assert ([reject.reason for reject in run.rejects], len(run.records), clock.watermark) == (["far_future"], 0, 0)
    run = clock.hand(MONDAY + 2 * HOUR_MS, 0.0)
    assert run.records["watermark"].tolist() == [MONDAY] == [clock.watermark]


def test_groups_stay_side_by_side() -> None:
    """None hands on more than some hours of event time beyond what another could; one that is current holds nobody."""
    peers = Peers(2)
    feeds = [feed_of(0), feed_of(1)]
    clocks = [GroupClock([feed], SETTINGS, lambda _: False) for feed in feeds]
    drift = DRIFT_MS // HOUR_MS
    give(feeds[0], [1], MONDAY + 40 * HOUR_MS, 0.0)
    give(feeds[1], [2, 1 + drift, 2 + drift], MONDAY + 40 * HOUR_MS, 0.0)
    assert len(clocks[1].hand(MONDAY + 40 * HOUR_MS, 0.0, peers.others(1))) == 0
    for group in (0, 1):
        clocks[group].hand(MONDAY + 40 * HOUR_MS, 0.0, FAR if group == 0 else peers.others(1))
        peers.fronts[group] = clocks[group].front
    assert peers.fronts == [MONDAY + HOUR_MS, MONDAY + (2 + drift) * HOUR_MS]
    assert len(feeds[1]) == 1
    feeds[0].end(feeds[0].position, 0.0)
    clocks[0].hand(MONDAY + 40 * HOUR_MS, 0.0, peers.others(0))
    peers.fronts[0] = clocks[0].front
    assert peers.others(1) == FAR
    clocks[1].hand(MONDAY + 40 * HOUR_MS, 0.0, peers.others(1))
    assert len(feeds[1]) == 0


def test_refusals_of_the_source_name_what_was_wrong() -> None:
    """Far ahead of the record's timestamp, or too far behind the watermark: field, required and got, original bytes."""
    feeds = [feed_of(0)]
    clock = GroupClock(feeds, SETTINGS, lambda _: False)
    give(feeds[0], [20, 6, 9], MONDAY + 20 * HOUR_MS, 0.0)
    give(feeds[0], [90], MONDAY + 20 * HOUR_MS, 0.0)
    run = clock.hand(MONDAY + 20 * HOUR_MS, 0.0)
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
    """A well-formed traceparent of a message is handed on with it, under its place; others are not there."""
    feed = feed_of(0)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = [{"traceparent": trace.encode()}, None, {"ce_traceparent": b"nonsense"}]
    values = [order(at, MONDAY + at) for at in range(3)]
    feed.take(Block.of(values, np.arange(10, 13), np.full(3, MONDAY), headers), 0.0)
    assert feed.traces() == {}
    feed.hand(MONDAY + 5)
    assert feed.traces() == {(2, 0, 10): trace}
    assert feed.traces() == {}
