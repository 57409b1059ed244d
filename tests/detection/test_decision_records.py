"""Decisions about problems in their life cycle."""

import pytest

from sensing.contracts.decisions import Label, Verdict
from sensing.contracts.exceptions import ExceptionState
from sensing.detection.lifecycle import Problems
from sensing.detection.published_problems import DISMISSED_MS
from sensing.machine_settings import DAY_MS
from sensing.state.decision_record import DecisionRecord
from tests.detection.contexts import NOW, finding
from tests.snapshots import resumed

NAME = "surge:85123A|UK:20111122"
DISMISSED_DAYS = DISMISSED_MS / DAY_MS


def apply_decision(
    problems: Problems, verdict: Verdict, day: float = 0.5, label: Label | None = None, reason: str | None = None
) -> ExceptionState | None:
    """Ann decides ``day`` days after the problem opened."""
    time = NOW + round(day * DAY_MS)
    decision_record = DecisionRecord(decision=verdict, decider="ann", role="planner", time=time, reason=reason)
    found = problems.apply_decision(NAME, decision_record, label, time)
    return None if found is None else found.state


def opened(*, backfilling: bool = False, severity_points: float = 2.0) -> Problems:
    """One open surge of medium severity."""
    problems = Problems(10, backfilling=backfilling)
    problems.observe(finding(severity_points=severity_points))
    return problems


def test_problems_are_known_by_their_ids() -> None:
    """From opening until the end of their cool-down, across a dump; candidates have no id."""
    problems = opened()
    problems.observe(finding(kind="demand_drop"))
    assert problems.named("drop:85123A|UK:20111122") is None
    for known in (problems, resumed(Problems(problems.problems_max), problems.dump())):
        found = known.named(NAME)
        assert found is not None
        assert found.finding.key == "85123A|UK"
    problems.observe(finding("cleared", day=1.0))
    assert problems.named(NAME) is not None
    problems.expire(NOW + 30 * DAY_MS)
    assert problems.named(NAME) is None


def test_an_acknowledged_problem_stays_so_until_it_is_graver() -> None:
    """Material changes and milder ones are published acknowledged, a graver one escalated."""
    problems = opened()
    apply_decision(problems, "acknowledge")
    looks = ((0.6, 2.0, 40.0), (0.7, 0.0, 40.0), (1.7, 0.0, 40.0), (1.8, 4.0, 40.0), (1.9, 4.0, 90.0))
    found = [problems.observe(finding(day=day, severity_points=points, observed=seen)) for day, points, seen in looks]
    assert [(each.change, each.state.status, each.state.severity) for each in found if each is not None] == [
        ("changed", "acknowledged", "medium"), ("de_escalated", "acknowledged", "low"),
        ("escalated", "escalated", "high"), ("changed", "escalated", "high"),
    ]  # fmt: skip
    assert {each.state.decided_by for each in found if each is not None} == {"ann"}
    assert problems.observe(finding("cleared", day=2.0)) is not None


def test_the_type_says_what_a_decision_has_changed() -> None:
    """Acknowledged once; labels and repeats are changes; a rejection resolves, and its tombstone comes."""
    problems = opened()
    decisions: list[Verdict] = ["acknowledge", "acknowledge", "label", "reject"]
    records = [DecisionRecord(decision=each, decider="ann", role="planner", time=NOW) for each in decisions]
    found = [problems.apply_decision(NAME, record, None, NOW) for record in records]
    assert [each.change for each in found if each is not None] == ["acknowledged", "changed", "changed", "resolved"]
    last = found[-1]
    assert last is not None
    assert (last.state.resolution, last.state.version) == ("rejected", 5)
    assert problems.ended.take_tombstones(NOW + 9 * DAY_MS) == [(NAME, 6)]


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
    assert (again.change, again.state.exception_id, again.state.version, again.state.severity) == (
        "reopened", NAME, 3, "high",
    )  # fmt: skip
    assert problems.observe(finding("cleared", day=4.0)) is not None
    assert problems.observe(finding(day=4.5, severity_points=0.0)) is not None

    other = opened()
    apply_decision(other, "reject")
    assert other.observe(finding(day=0.5 + DISMISSED_DAYS - 0.01, severity_points=2.0)) is None
    found = other.observe(finding(day=0.5 + DISMISSED_DAYS, severity_points=2.0))
    assert found is not None
    assert (found.change, found.state.version, found.state.decided_by) == ("opened", 1, None)
    assert found.state.exception_id != NAME


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
    (found,) = problems.publish(problems.end_backfill(), NOW + DAY_MS)
    assert (found.change, found.state.version, found.state.status) == ("opened", 1, "acknowledged")
    assert found.state.decided_by == "ann"

    problems = opened(backfilling=True)
    assert apply_decision(problems, "reject") is None
    problems = resumed(Problems(problems.problems_max), problems.dump())
    assert problems.publish(problems.end_backfill(), NOW + DAY_MS) == []
    assert problems.observe(finding(day=1.5, severity_points=2.0)) is None
    graver = problems.observe(finding(day=1.6, severity_points=4.0))
    assert graver is not None
    assert (graver.change, graver.state.version, graver.state.exception_id) == ("opened", 1, NAME)


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
