"""Tombstones of ended problems: once, not before they are due, and not for recurring problems."""

from hypothesis import given
from hypothesis import strategies as st

from sensing.detection.detector_registry import DETECTORS
from sensing.detection.ended_problems import TOMBSTONE_AFTER_MS
from sensing.detection.lifecycle import Problems
from sensing.machine_settings import DAY_MS
from tests.detection.contexts import NOW, finding
from tests.snapshots import resumed


def test_it_stays_longer_than_any_cool_down() -> None:
    """While a problem may come back under its id, its record stays."""
    assert max(detector.hysteresis.cool_down_ms for detector in DETECTORS.values()) < TOMBSTONE_AFTER_MS


def test_an_ended_problem_is_forgotten_once() -> None:
    """Not while it is open, not in the days after its end, then once, under its id and latest version."""
    problems = Problems(10)
    opened = problems.observe(finding())
    assert opened is not None
    assert problems.ended.take_tombstones(NOW + 100 * DAY_MS) == []
    problems.observe(finding("final", day=1.0))
    end = NOW + DAY_MS
    assert problems.ended.take_tombstones(end + TOMBSTONE_AFTER_MS - 1) == []
    assert problems.ended.take_tombstones(end + TOMBSTONE_AFTER_MS) == [(opened.state.exception_id, 3)]
    assert problems.ended.take_tombstones(end + 2 * TOMBSTONE_AFTER_MS) == []


def test_a_problem_that_came_back_is_not_forgotten() -> None:
    """It is open again under the same id; its second end counts."""
    problems = Problems(10)
    problems.observe(finding())
    problems.observe(finding("final", day=1.0))
    again = problems.observe(finding(day=1.5))
    assert again is not None
    assert again.state.version == 3
    assert problems.ended.take_tombstones(NOW + 100 * DAY_MS) == []
    problems.observe(finding("final", day=2.0))
    assert problems.ended.take_tombstones(NOW + 2 * DAY_MS + TOMBSTONE_AFTER_MS) == [(again.state.exception_id, 5)]


def test_what_was_never_published_leaves_nothing() -> None:
    """In the backfill nothing stands in the topic, so nothing is taken out of it."""
    problems = Problems(10, backfilling=True)
    problems.observe(finding())
    problems.observe(finding("final", day=1.0))
    assert problems.ended.take_tombstones(NOW + 100 * DAY_MS) == []


@given(st.integers(1, 5), st.integers(0, 8))
def test_the_bound_lets_the_oldest_go_early(bound: int, ended: int) -> None:
    """No more wait than there may be problems; a dump remembers those that wait."""
    problems = Problems(bound * 2)
    for number in range(ended):
        problems.observe(finding(key=f"k{number}"))
        problems.observe(finding("final", key=f"k{number}", day=0.01))
        problems.expire(NOW + 30 * DAY_MS)
    restored = resumed(Problems(problems.problems_max), problems.dump())
    early = problems.ended.take_tombstones(NOW)
    assert restored.ended.take_tombstones(NOW) == early
    assert len(early) == max(ended - bound * 2, 0)
    assert len(problems.ended.take_tombstones(NOW + 100 * DAY_MS)) == min(ended, bound * 2)
