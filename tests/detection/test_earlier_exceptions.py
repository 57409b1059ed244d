"""Exceptions that an earlier run has left in the topic: what is found goes on, what is not ends, decisions hold."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.instants import rfc3339
from sensing.contracts.decisions import Verdict
from sensing.contracts.exception_details import DelayDetails, SurgeDetails
from sensing.contracts.exceptions import ENDED, ExceptionState
from sensing.detection.deadlines import NEVER
from sensing.detection.lifecycle import Problems
from sensing.detection.problem import Publication
from sensing.machine_settings import DAY_MS, HOUR_MS
from sensing.state.decision_record import DecisionRecord
from tests.detection.contexts import NOW, finding
from tests.snapshots import resumed

DAY_LONG, THREE_DAYS_LONG = (SurgeDetails(window_hours=hours, lift=2.0) for hours in (24, 72))
ID = "surge:85123A|UK:20111122"


def left(**fields: Any) -> ExceptionState:
    """An open surge of medium severity, as an earlier run has left it."""
    problems = Problems(10)
    found = problems.observe(finding(severity_points=2.0))
    assert found is not None
    return msgspec.structs.replace(found.state, version=4, **fields)


def decided(decision: Verdict, day: float = 0.1, **fields: Any) -> ExceptionState:
    """The same with a decision of Ann."""
    at = rfc3339(NOW + round(day * DAY_MS))
    return left(decision=decision, decided_by="ann", decided_role="planner", decided_at=at, **fields)


def knowing(*states: ExceptionState, backfilling: bool = False) -> Problems:
    """A new run that has read these states."""
    problems = Problems(10, backfilling=backfilling)
    for state in states:
        problems.earlier.add(state)
    return problems


def words(found: list[Publication]) -> list[tuple[str, int, str]]:
    """Change, version and status of what is published."""
    return [(each.change, each.state.version, each.state.status) for each in found]


def test_what_is_not_found_again_ends() -> None:
    """Once the clock has passed the newest of them by the lateness: with the next version, and a tombstone later."""
    problems = knowing(left(), left(exception_id="surge:X|UK:20111101", status="resolved",
                                    resolved_at=rfc3339(NOW), resolution="received"))  # fmt: skip
    problems = resumed(Problems(10), problems.dump())
    due = NOW + HOUR_MS
    assert problems.earlier.due(HOUR_MS) == due
    [ended] = problems.settle_earlier(due)
    assert (ended.change, ended.state.status, ended.state.version) == ("resolved", "resolved", 5)
    assert (ended.state.resolution, ended.state.resolved_at) == ("not_found_again", rfc3339(due))
    assert ended.state.reason == (
        "It was not found again after a restart, with all that is known by now. It last said: It is active."
    )
    assert (problems.earlier.due(HOUR_MS), problems.settle_earlier(due)) == (NEVER, [])
    assert problems.ended.take_tombstones(NOW + 8 * DAY_MS) == [("surge:X|UK:20111101", 5)]
    assert problems.ended.take_tombstones(due + 8 * DAY_MS) == [(ID, 6)]


def test_what_is_found_goes_on() -> None:
    """A run publishes it again under its id; nothing is said about it later, and no version is used twice."""
    problems = knowing(left())
    assert problems.observe(finding(severity_points=2.0)) is not None
    assert problems.settle_earlier(NOW + HOUR_MS) == []
    again = problems.observe(finding(severity_points=2.0, observed=90.0))
    assert again is not None
    assert words([again]) == [("changed", 5, "opened")]


def test_an_acknowledgement_is_kept() -> None:
    """Also if this run could not apply it; a graver problem is escalated all the same."""
    problems = knowing(decided("acknowledge", status="acknowledged", label="expected"))
    problems.observe(finding(severity_points=2.0))
    [kept] = problems.settle_earlier(NOW + HOUR_MS)
    assert words([kept]) == [("acknowledged", 5, "acknowledged")]
    assert (kept.state.decided_by, kept.state.label) == ("ann", "expected")

    graver = knowing(decided("acknowledge", status="acknowledged"))
    graver.observe(finding(severity_points=6.0))
    assert words(graver.settle_earlier(NOW + HOUR_MS)) == [("changed", 5, "opened")]


def test_a_rejection_is_kept() -> None:
    """The problem is resolved again, and recurs only if it is graver."""
    rejected = decided("reject", status="resolved", resolution="rejected", resolved_at=rfc3339(NOW + HOUR_MS))
    problems = knowing(rejected)
    problems.observe(finding(severity_points=2.0))
    [ended] = problems.settle_earlier(NOW + 3 * HOUR_MS)
    assert (ended.change, ended.state.resolution, ended.state.version) == ("resolved", "rejected", 5)
    assert problems.observe(finding(day=1.0, severity_points=2.0)) is None


def test_a_decision_that_this_run_knows_as_well_is_no_news() -> None:
    """As it is when inputs were on time; whatever was decided later stands."""
    for day in (0.1, 0.2):
        problems = knowing(decided("acknowledge", status="acknowledged"))
        problems.observe(finding(severity_points=2.0))
        time = NOW + round(day * DAY_MS)
        record = DecisionRecord(decision="acknowledge", decider="bob", role="planner", time=time)
        problems.apply_decision(ID, record, None, NOW)
        assert problems.settle_earlier(NOW + HOUR_MS) == []
        problem = problems.named(ID)
        assert problem is not None
        assert problem.decision_record == record


def test_versions_and_decisions_of_the_earlier_run_are_known() -> None:
    """Until they are settled: they are what people have seen."""
    earlier = knowing(decided("acknowledge")).earlier
    assert (earlier.version(ID), earlier.version("x")) == (4, 0)
    at = NOW + round(0.1 * DAY_MS)
    assert [earlier.has_judged(ID, time) for time in (at, at + 1)] == [True, False]
    assert not earlier.has_judged("x", at)
    assert not knowing(left()).earlier.has_judged(ID, NOW)


def late(**fields: Any) -> DelayDetails:
    """Details of a late line."""
    given: dict[str, Any] = {"po_id": "P", "line": "1", "supplier": "S", "units_open": 4.0, "covered": True}
    return DelayDetails(**(given | fields))


@pytest.mark.parametrize(
    ("known", "now", "found"),
    [
        (left(), {}, []),
        (left(), {"observed": 14.0}, []),
        (left(), {"observed": 90.0}, [("changed", 5, "opened")]),
        (left(), {"severity_points": 6.0}, [("escalated", 5, "escalated")]),
        (left(severity="critical", status="escalated"), {}, [("de_escalated", 5, "opened")]),
        (left(status="escalated"), {}, []),
        (left(severity="high", overdue=True, status="escalated"), {}, []),
        (left(status="resolved", resolved_at=rfc3339(NOW)), {}, [("reopened", 5, "opened")]),
        (decided("acknowledge", status="acknowledged"), {}, []),
        (left(details=late()), {"marker": "m", "details": late()}, []),
        (left(details=late(supplier_region="west")), {"marker": "m", "details": late()}, []),
        (left(details=late(units_late=4.0)), {"marker": "m", "details": late(units_late=4.0004)}, []),
        (left(details=late()), {"marker": "m", "details": late(units_late=9.0)}, [("changed", 5, "opened")]),
        (left(details=late()), {"marker": "m", "details": late(covered=False)}, [("changed", 5, "opened")]),
        (left(details=None), {"marker": "m", "details": late()}, [("changed", 5, "opened")]),
        (left(details=DAY_LONG), {"marker": "m", "details": DAY_LONG}, []),
        (left(details=DAY_LONG), {"marker": "m", "details": THREE_DAYS_LONG}, [("changed", 5, "opened")]),
    ],
)
def test_the_end_of_a_backfill_repeats_nothing(
    known: ExceptionState, now: dict[str, Any], found: list[tuple[str, int, str]]
) -> None:
    """What subscribers know goes on with its version, and only if something has changed."""
    problems = knowing(known, backfilling=True)
    problems.observe(finding(**({"severity_points": 2.0} | now)))
    assert words(problems.publish(problems.end_backfill(), NOW + DAY_MS)) == found
    assert problems.settle_earlier(NOW + DAY_MS) == []
    problem = problems.named(ID)
    assert problem is not None
    if not found:
        assert problem.deadline == NOW + DAY_MS


def test_what_a_backfill_saw_rejected_ends() -> None:
    """The topic still has it as open; after a decision that was already published nothing is."""
    for known, found in ((left(), [("resolved", 5, "resolved")]), (left(status="resolved"), [])):
        problems = knowing(known, backfilling=True)
        problems.observe(finding(severity_points=2.0))
        record = DecisionRecord(decision="reject", decider="ann", role="planner", time=NOW)
        assert problems.apply_decision(ID, record, None, NOW) is None
        assert problems.publish(problems.end_backfill(), NOW + DAY_MS) == []
        assert words(problems.settle_earlier(NOW + DAY_MS)) == found


def test_what_comes_later_is_not_told_again() -> None:
    """At the end of the backfill the problem is open; that it was rejected later, subscribers know."""
    later = rfc3339(NOW + 2 * HOUR_MS)
    known = decided("reject", 1 / 12, status="resolved", resolution="rejected", resolved_at=later, updated_at=later)
    problems = knowing(known, backfilling=True)
    problems.observe(finding(severity_points=2.0))
    assert problems.publish(problems.end_backfill(), NOW + HOUR_MS) == []
    rejection = DecisionRecord(decision="reject", decider="ann", role="planner", time=NOW + 2 * HOUR_MS)
    assert problems.apply_decision(ID, rejection, None, NOW + HOUR_MS) is None
    assert problems.settle_earlier(NOW + 3 * HOUR_MS) == []
    problem = problems.named(ID)
    assert problem is not None
    assert (problem.status, problem.version, ID in problems.ended) == ("resolved", 4, True)


def test_an_acknowledgement_is_not_told_again() -> None:
    """The topic has it; the decision itself comes after the end of the backfill."""
    problems = knowing(decided("acknowledge", status="acknowledged"), backfilling=True)
    problems.observe(finding(severity_points=2.0))
    assert problems.publish(problems.end_backfill(), NOW + HOUR_MS) == []
    at = NOW + round(0.1 * DAY_MS)
    record = DecisionRecord(decision="acknowledge", decider="ann", role="planner", time=at)
    assert problems.apply_decision(ID, record, None, at) is None


def test_what_earlier_and_later_runs_see_differently_is_told_when_they_settle() -> None:
    """The topic has it as resolved at an instant at which this run finds it open, and the other way round."""
    later = rfc3339(NOW + 2 * HOUR_MS)
    problems = knowing(left(status="resolved", resolved_at=later, updated_at=later), backfilling=True)
    problems.observe(finding(severity_points=2.0))
    assert problems.publish(problems.end_backfill(), NOW + HOUR_MS) == []
    assert words(problems.settle_earlier(NOW + 3 * HOUR_MS)) == [("reopened", 5, "opened")]

    problems = knowing(left(updated_at=later), backfilling=True)
    problems.observe(finding(severity_points=2.0))
    assert problems.publish(problems.end_backfill(), NOW + HOUR_MS) == []
    assert problems.observe(finding("final", day=1 / 24)) is None
    assert words(problems.settle_earlier(NOW + 3 * HOUR_MS)) == [("resolved", 5, "resolved")]


def test_an_episode_within_the_cool_down_keeps_its_id_in_a_backfill() -> None:
    """What ended in the backfill recurs as the same object, as it does when everything is published."""
    ids = []
    for backfilling in (False, True):
        problems = Problems(10, backfilling=backfilling)
        for day, state in enumerate(("active", "final", "active")):
            problems.observe(finding(state, day=0.1 * day + (0.9 if day == 2 else 0.0), severity_points=2.0))
        ids.append(problems.named(ID) is not None and problems.named("surge:85123A|UK:20111123") is None)
    assert ids == [True, True]


def test_the_table_of_earlier_ones_is_bounded() -> None:
    """Twice the problems, open and ended ones; others are counted, and a dump keeps the count."""
    problems = Problems(1)
    for number in range(3):
        problems.earlier.add(left(exception_id=f"surge:{number}|UK:20111122"))
    assert (len(problems.earlier), problems.earlier.refused) == (2, 1)
    assert resumed(Problems(1), problems.dump()).earlier.refused == 1


KEYS = [f"{name}|UK" for name in "abc"]


@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(["active", "cleared"])), max_size=12),
    st.lists(st.integers(0, 11), max_size=4),
    st.booleans(),
)
def test_no_zombie_is_left(steps: list[tuple[str, str]], missed: list[int], backfilling: bool) -> None:
    """Whatever the second run misses of what the first has seen: in the end the topic has open what it has."""
    topic: dict[str, ExceptionState] = {}

    def play(problems: Problems, left_out: list[int]) -> None:
        for at, (key, state) in enumerate(steps):
            if at not in left_out:
                found = problems.observe(finding(state, key=key, day=float(at)))
                topic.update({} if found is None else {found.state.exception_id: found.state})

    play(Problems(10), [])
    second = knowing(*topic.values(), backfilling=backfilling)
    play(second, missed)
    end = NOW + 100 * DAY_MS
    published = second.publish(second.end_backfill(), end) if backfilling else []
    for found in [*published, *second.settle_earlier(end)]:
        assert found.state.version > topic[found.state.exception_id].version if found.change != "opened" else True
        topic[found.state.exception_id] = found.state
    left_open = {exception_id for exception_id, state in topic.items() if state.status not in ENDED}
    assert left_open == {problem.exception_id for problem in second._problems.values() if problem.is_open}


@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(["active", "cleared", "final"])), max_size=14),
    st.integers(0, 14),
)
def test_a_quiet_run_that_sees_the_same_says_nothing(steps: list[tuple[str, str]], cut: int) -> None:
    """Wherever its backfill ends: all that it finds was told before, under the same ids."""
    topic: dict[str, ExceptionState] = {}

    def play(problems: Problems, first: int, stop: int) -> list[Publication]:
        found = [
            problems.observe(finding(state, key=key, day=float(at)))
            for at, (key, state) in enumerate(steps) if first <= at < stop
        ]  # fmt: skip
        return [each for each in found if each is not None]

    for found in play(Problems(10), 0, len(steps)):
        topic[found.state.exception_id] = found.state
    second = knowing(*topic.values(), backfilling=True)
    said = play(second, 0, cut)
    said += second.publish(second.end_backfill(), NOW + round((cut - 0.5) * DAY_MS))
    said += play(second, cut, len(steps)) + second.settle_earlier(NOW + 100 * DAY_MS)

    assert words(said) == []
    known = {name: problem for name in topic if (problem := second.named(name)) is not None}
    assert {name: problem.version for name, problem in known.items()} == {name: topic[name].version for name in known}
    assert all(problem.has_ended == (topic[name].status in ENDED) for name, problem in known.items())
