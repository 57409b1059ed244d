"""Decisions about problems in their life cycle."""

import pytest

from sensing.contracts.decisions import Label, Verdict
from sensing.contracts.exceptions import ExceptionState
from sensing.detection.lifecycle import DISMISSED_MS, Problems
from sensing.machine_settings import DAY_MS
from sensing.state.decision_record import DecisionRecord
from tests.detection.contexts import NOW, finding
from tests.snapshots import resumed

NAME = "surge:85123A|UK:20111122T221320000"
DISMISSED_DAYS = DISMISSED_MS / DAY_MS


def apply_decision(
    problems: Problems, verdict: Verdict, day: float = 0.5, label: Label | None = None, reason: str | None = None
) -> ExceptionState | None:
    """Ann decides ``day`` days after the problem opened."""
    time = NOW + round(day * DAY_MS)
    decision_record = DecisionRecord(decision=verdict, decider="ann", role="planner", time=time, reason=reason)
    return problems.apply_decision(NAME, decision_record, label, time)


def opened(*, backfilling: bool = False, severity_points: float = 2.0) -> Problems:
    """One open surge of medium severity."""
    problems = Problems(10, backfilling=backfilling)
    problems.observe(finding(severity_points=severity_points))
    return problems


def test_problems_are_known_by_their_ids() -> None:
    """From opening until the end of their cool-down, across a dump; candidates have no id."""
    problems = opened()
    problems.observe(finding(kind="demand_drop"))
    assert problems.named("drop:85123A|UK:20111122T221320000") is None
    for known in (problems, resumed(Problems(problems.problems_max), problems.dump())):
        found = known.named(NAME)
        assert found is not None
        assert found.finding.key == "85123A|UK"
    problems.observe(finding("cleared", day=1.0))
    assert problems.named(NAME) is not None
    problems.expire(NOW + 30 * DAY_MS)
    assert problems.named(NAME) is None


def test_an_acknowledged_problem_stays_so_until_it_is_graver() -> None:
    """Material changes and milder ones are published acknowledged, a graver one escalated, with an earlier deadline."""
    problems = opened()
    apply_decision(problems, "acknowledge")
    changes = [
        problems.observe(finding(day=day, severity_points=severity_points, observed=observed))
        for day, severity_points, observed in ((0.6, 2.0, 40.0), (0.7, 0.0, 40.0), (0.8, 2.0, 40.0), (0.9, 4.0, 40.0))
    ]
    states = [state for state in changes if state is not None]
    assert [(state.status, state.severity) for state in states] == [
        ("acknowledged", "medium"), ("acknowledged", "low"), ("escalated", "medium"), ("escalated", "high"),
    ]  # fmt: skip
    assert {state.decided_by for state in states} == {"ann"}
    assert problems.observe(finding("cleared", day=1.0)) is not None


def test_turning_points_are_openings_and_escalations() -> None:
    """They are the versions that make decisions about earlier ones stale."""
    problems = opened()
    last_transition_version: list[tuple[int, int]] = []
    for state in ("active", "active", "cleared", "active"):
        day = len(last_transition_version) + 1.0
        severity_points = {0: 2.0, 1: 6.0}.get(len(last_transition_version), 2.0)
        problems.observe(
            finding(state, day=day, severity_points=severity_points, observed=10.0 * 2 ** len(last_transition_version))
        )
        problem = problems.named(NAME)
        assert problem is not None
        last_transition_version.append((problem.version, problem.last_transition_version))
    assert last_transition_version == [(1, 1), (2, 2), (3, 2), (4, 4)]


@pytest.mark.parametrize("restored", [False, True])
def test_a_dismissed_problem_recurs_only_if_graver(restored: bool) -> None:
    """Within a week the same evidence opens nothing; graver evidence opens the same object again, which is then an
    ordinary one; after the week another one opens.
    """
    problems = opened()
    state = apply_decision(problems, "reject", label="false_alarm")
    assert state is not None
    assert (state.status, state.label, state.version) == ("resolved", "false_alarm", 2)
    if restored:
        problems = resumed(Problems(problems.problems_max), problems.dump())
    assert problems.observe(finding(day=1.0, severity_points=2.0)) is None
    assert problems.observe(finding("cleared", day=2.0)) is None
    again = problems.observe(finding(day=3.0, severity_points=4.0))
    assert again is not None
    assert (again.exception_id, again.status, again.version, again.severity) == (NAME, "opened", 3, "high")
    assert problems.observe(finding("cleared", day=4.0)) is not None
    assert problems.observe(finding(day=4.5, severity_points=0.0)) is not None

    other = opened()
    apply_decision(other, "reject")
    assert other.observe(finding(day=0.5 + DISMISSED_DAYS - 0.01, severity_points=2.0)) is None
    state = other.observe(finding(day=0.5 + DISMISSED_DAYS, severity_points=2.0))
    assert state is not None
    assert (state.version, state.decided_by) == (1, None)
    assert state.exception_id != NAME


def test_persistence_alone_is_not_graver() -> None:
    """A rejected problem does not recur because of the severity that it had gained by its duration."""
    problems = opened()
    problems.observe(finding(day=3.5, severity_points=2.0))
    apply_decision(problems, "reject", day=3.6)
    assert problems.observe(finding(day=3.7, severity_points=2.0)) is None


def test_quiet_rulings_are_kept() -> None:
    """During a backfill nothing is published. At its end an acknowledged problem is published as such; a rejected one
    is not, and does not recur.
    """
    problems = opened(backfilling=True)
    assert apply_decision(problems, "acknowledge") is None
    (state,) = problems.publish(problems.end_backfill(), NOW + DAY_MS)
    assert (state.version, state.status, state.decided_by) == (1, "acknowledged", "ann")

    problems = opened(backfilling=True)
    assert apply_decision(problems, "reject") is None
    problems = resumed(Problems(problems.problems_max), problems.dump())
    assert problems.publish(problems.end_backfill(), NOW + DAY_MS) == []
    assert problems.observe(finding(day=1.5, severity_points=2.0)) is None
    graver = problems.observe(finding(day=1.6, severity_points=4.0))
    assert graver is not None
    assert (graver.version, graver.exception_id) == (1, NAME)


def test_a_problem_never_ends_before_it_opened() -> None:
    """A decision whose event time is before the opening's ends the problem at its opening."""
    state = apply_decision(opened(), "reject", day=-0.1)
    assert state is not None
    assert state.resolved_at == state.opened_at


@pytest.mark.parametrize(
    ("reason", "words"),
    [(None, "by ann (planner)."), ("a fair", "by ann (planner): a fair."), ("a fair.", "by ann (planner): a fair.")],
)
def test_a_ruling_reads_as_the_end_of_a_sentence(reason: str | None, words: str) -> None:
    """With and without a reason, with and without its full stop."""
    assert DecisionRecord(decision="label", decider="ann", role="planner", time=0, reason=reason).as_text() == words
