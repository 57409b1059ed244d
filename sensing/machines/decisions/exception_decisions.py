"""Decisions about exceptions: acknowledge, label, reject, release. `decide` calls it in shards; the roll-up calls it
for its own exceptions.
"""

from collections.abc import Callable

from sensing.codec.event_record import InfrequentEvent
from sensing.contracts.decisions import DecisionMade
from sensing.contracts.exception_details import HeldLineDetails
from sensing.contracts.subjects import sku_of
from sensing.detection.finding import Finding
from sensing.detection.problem import Problem
from sensing.machines.decisions.decision_answer import Answer, DecisionTarget, decision_record_of, rejected, sentence
from sensing.machines.decisions.roles import exception_roles
from sensing.machines.exception_outputs import ProblemKeeper, put_exception
from sensing.state.decision_record import DecisionRecord

PUBLISHED = "an exception that was published and is remembered; and sku, where the id does not name it whole"


Release = Callable[[Finding, DecisionRecord], Finding | None]
"""Releases the held line of a finding; returns the finding that ends the problem, None if the line was evicted."""


def decide_exception(k: ProblemKeeper, message: InfrequentEvent, exception_id: str, release: Release) -> Answer:
    """Apply a decision about an exception; a rejected one changes nothing."""
    event: DecisionMade = message.event
    problem = k.problems.named(exception_id)
    if problem is None or problem.finding.sku not in ("", sku_of(event)):
        return rejected("unknown_subject", PUBLISHED, exception_id)
    refusal = _unfit(problem, event) or _is_stale(k, problem, message)
    if refusal is not None:
        return refusal
    before, decision_record, ending = problem.status, decision_record_of(message), None
    if event.decision == "release":
        ending = release(problem.finding, decision_record)
        if ending is None:
            horizon = f"one of the last {k.settings.line_horizon_days} days"
            return rejected("stale", f"a line that is still remembered, {horizon}", "an older one", _target(problem))
    found = k.problems.apply_decision(exception_id, decision_record, event.label, k.clock, ending)
    put_exception(k, k.clock, message.time, found, cause=event.event_id)
    text = f"{sentence(event, decision_record)} The exception is {problem.status}."
    return Answer(_target(problem), text, prior=before, value=problem.status)


def _unfit(problem: Problem, event: DecisionMade) -> Answer | None:
    """Rejection of a decision that does not apply to the problem or that the role may not make; else None."""
    target, finding = _target(problem), problem.finding
    held = isinstance(finding.details, HeldLineDetails)
    roles = exception_roles(event.decision, finding.route, finding.inform)
    if not roles:
        return rejected("not_applicable", "acknowledge, label, reject or release", event.decision, target)
    if event.decision == "release" and not held:
        return rejected("not_applicable", "release of a held order line", f"that of {problem.exception_type}", target)
    if event.decision == "reject" and held:
        required = "release, or a correction or cancellation of the order, since a held line must not be forgotten"
        return rejected("not_applicable", required, "reject", target)
    if event.decision == "label" and event.label is None:
        return rejected("invalid_value", "a label", "none", target)
    if event.role not in roles:
        return rejected("wrong_role", f"role {' or '.join(roles)}", event.role, target)
    return None


def _is_stale(k: ProblemKeeper, problem: Problem, message: InfrequentEvent) -> Answer | None:
    """Rejection of a decision about an earlier or unknown version; else None.

    In the backfill nothing has a version. A decision that an earlier run has accepted is not compared again, since the
    versions of both runs may differ where events came late.
    """
    event: DecisionMade = message.event
    target, version = _target(problem), event.exception_version
    if not problem.is_open and event.decision != "label":
        return rejected("stale", "an exception that is open", f"one that is {problem.status}", target)
    if version is None or k.backfilling or k.problems.earlier.has_judged(problem.exception_id, message.time):
        return None
    newest = max(problem.version, k.problems.earlier.version(problem.exception_id))
    if version > newest:
        return rejected("unknown_version", f"at most version {newest}", f"version {version}", target)
    if version < problem.last_transition_version:
        required = f"version {problem.last_transition_version} or later, since it was opened or escalated then"
        return rejected("stale", required, f"version {version}", target)
    return None


def _target(problem: Problem) -> DecisionTarget:
    finding = problem.finding
    return DecisionTarget(finding.sku or None, finding.location or None, problem.version or None, problem.status)
