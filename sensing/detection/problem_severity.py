"""Severity and deadline of a problem over time: up at once, down after a day, and once more up when the deadline has
passed unacknowledged. `Problems` calls it.
"""

from sensing.contracts.exceptions import SEVERITIES, Severity
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.finding import Finding
from sensing.detection.problem import Problem
from sensing.detection.severity import grade, rank
from sensing.machine_settings import DAY_MS

FALL_AFTER_MS = DAY_MS
"""A severity falls when all findings of this time were milder, to the highest of them. So it does not flap."""


def begin_episode(problem: Problem, finding: Finding) -> None:
    """Set severity and deadline of a problem that opens, or opens again."""
    problem.severity = _first_severity(finding)
    problem.since = finding.event_time
    problem.milder_since = None
    problem.overdue = False
    problem.deadline = deadline_of(problem, max(finding.event_time, finding.instant))


def update_severity(problem: Problem, finding: Finding) -> int:
    """Update severity and deadline after a finding; returns the number of grades that the severity has risen.

    A deadline is not moved later by a rise, nor is it by a finding that leaves the severity as it is. But one that has
    passed is replaced when the severity rises: the problem asks for attention again.
    """
    before = rank(problem.severity)
    days_open = max(finding.event_time - problem.since, 0) / DAY_MS
    target = rank(grade(finding.points, finding.money_base, days_open)) + problem.overdue
    step = _settled(problem, min(target, len(SEVERITIES) - 1), finding.event_time) - before
    if step:
        problem.severity = SEVERITIES[before + step]
        due = deadline_of(problem, max(finding.event_time, finding.instant))
        lapsed = problem.deadline <= finding.instant
        problem.deadline = due if step < 0 or lapsed else min(problem.deadline, due)
    return step


def pass_deadline(problem: Problem, instant: int) -> None:
    """The deadline has passed: the severity rises by one grade until the end of the problem."""
    problem.overdue = True
    problem.milder_since = None
    problem.severity = SEVERITIES[min(rank(problem.severity) + 1, len(SEVERITIES) - 1)]
    problem.deadline = deadline_of(problem, instant)


def deadline_of(problem: Problem, since: int) -> int:
    """Deadline to act on a problem that has its severity since an instant."""
    return DETECTORS[problem.exception_type].deadline(problem.severity, since)


def recurs(problem: Problem, finding: Finding) -> bool:
    """Whether a finding reopens a cooling problem. A rejected problem reopens only with a higher severity."""
    if finding.below_floor or not finding.active or not problem.dismissed:
        return finding.active and not finding.below_floor
    return rank(_first_severity(finding)) > rank(problem.severity)


def _first_severity(finding: Finding) -> Severity:
    return grade(finding.points, finding.money_base, 0.0)


def _settled(problem: Problem, target: int, time: int) -> int:
    """Rank of the severity after a finding of rank ``target`` at an event time."""
    held = rank(problem.severity)
    if target >= held:
        problem.milder_since = None
        return target
    if problem.milder_since is None:
        problem.milder_since, problem.milder = time, SEVERITIES[target]
        return held
    milder = max(rank(problem.milder), target)
    problem.milder = SEVERITIES[milder]
    if time - problem.milder_since < FALL_AFTER_MS:
        return held
    problem.milder_since = None
    return milder
