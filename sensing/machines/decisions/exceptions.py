"""Decisions about exceptions: acknowledge, label, reject, release."""

from sensing.codec.record import Rare
from sensing.contracts.decisions import DecisionMade
from sensing.contracts.subjects import sku_of
from sensing.detection.problem import Problem
from sensing.detection.quality import CHECK
from sensing.machines.decisions.answer import About, Answer, rejected, ruling_of, sentence
from sensing.machines.decisions.release import release
from sensing.machines.decisions.roles import exception_roles
from sensing.machines.report import put_exception
from sensing.machines.state import ShardState

PUBLISHED = "an exception that was published and is remembered; and sku, where the id does not name it whole"


def decide_exception(s: ShardState, item: Rare, exception_id: str) -> Answer:
    """Let a decision about an exception have its effect; one that is rejected changes nothing."""
    event: DecisionMade = item.event
    problem = s.problems.named(exception_id)
    if problem is None or problem.finding.sku != sku_of(event):
        return rejected("unknown_subject", PUBLISHED, exception_id)
    refusal = _unfit(problem, event) or _past(problem, event, muted=s.muted)
    if refusal is not None:
        return refusal
    before, ruling, ending = problem.status, ruling_of(item), None
    if event.decision == "release":
        ending = release(s, item, problem.finding, ruling)
        if ending is None:
            horizon = f"one of the last {s.settings.line_horizon_days} days"
            return rejected("stale", f"a line that is still remembered, {horizon}", "an older one", _about(problem))
    state = s.problems.rule(exception_id, ruling, event.label, s.clock, ending)
    if state is not None:
        put_exception(s, s.clock, item.time, state, cause=event.event_id)
    said = f"{sentence(event, ruling)} The exception is {problem.status}."
    return Answer(_about(problem), said, prior=before, value=problem.status)


def _unfit(problem: Problem, event: DecisionMade) -> Answer | None:
    """Why a decision does not apply to a problem, or may not be made by this role."""
    about, finding = _about(problem), problem.finding
    held = finding.details.get("check") == CHECK
    roles = exception_roles(event.decision, finding.route, finding.inform)
    if not roles:
        return rejected("not_applicable", "acknowledge, label, reject or release", event.decision, about)
    if event.decision == "release" and not held:
        return rejected("not_applicable", "release of a held order line", f"that of {problem.exception_type}", about)
    if event.decision == "reject" and held:
        required = "release, or a correction or cancellation of the order, since a held line must not be forgotten"
        return rejected("not_applicable", required, "reject", about)
    if event.decision == "label" and event.label is None:
        return rejected("invalid_value", "a label", "none", about)
    if event.role not in roles:
        return rejected("wrong_role", f"role {' or '.join(roles)}", event.role, about)
    return None


def _past(problem: Problem, event: DecisionMade, *, muted: bool) -> Answer | None:
    """Why a decision is about a state that is past, or never was. In the quiet time nothing has a version."""
    about, version = _about(problem), event.exception_version
    if not problem.is_open and event.decision != "label":
        return rejected("stale", "an exception that is open", f"one that is {problem.status}", about)
    if version is None or muted:
        return None
    if version > problem.version:
        return rejected("unknown_version", f"at most version {problem.version}", f"version {version}", about)
    if version < problem.turned:
        required = f"version {problem.turned} or later, since it was opened or escalated then"
        return rejected("stale", required, f"version {version}", about)
    return None


def _about(problem: Problem) -> About:
    finding = problem.finding
    return About(finding.sku, finding.location, problem.version, problem.status)
