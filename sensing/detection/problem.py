"""Problem: the state of one problem, its id, and the record that is published about it."""

import datetime as dt

import msgspec

from sensing.codec.instants import EPOCH, rfc3339
from sensing.contracts.decisions import Label
from sensing.contracts.exceptions import ExceptionState, ExceptionType, Severity, Status
from sensing.contracts.subjects import exception_subject
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.finding import CAUSES_MAX, Finding, is_strategic
from sensing.detection.remarks import remarks
from sensing.state.decision_record import DecisionRecord

CAUSES_FIRST = 3
"""Number of first causes that are kept. The remaining ones are the latest."""
MATERIAL_FACTOR = 1.5
"""A change of the observed quantity or the money by this factor is published."""


class Problem(msgspec.Struct, kw_only=True):
    """One problem. Times are UTC ms; ``*_time`` are event times, the others instants of the machine.

    ``active_findings`` counts those before the opening, ``cleared_findings`` cleared ones in a row since
    ``cleared_since``. ``shown_*`` is what the latest publication said. ``finding`` is the latest one that did not
    clear, or the one that ended the problem; ``seen`` the instant of the latest of any kind. ``reason_override``
    replaces the finding's reason where the end has one of its own. ``last_transition_version`` is the version that told
    of the latest opening or escalation. ``dismissed`` says that a person ended it as no problem.
    """

    exception_type: ExceptionType
    finding: Finding
    status: Status = "candidate"
    severity: Severity = "low"
    exception_id: str = ""
    version: int = 0
    active_findings: int = 0
    cleared_findings: int = 0
    cleared_since: int = 0
    opened: int = 0
    opened_time: int = 0
    published_time: int = 0
    ended_time: int | None = None
    deadline: int = 0
    cool_until: int = 0
    first_causes: list[str] = []
    latest_causes: list[str] = []
    seen: int = 0
    published_observed: float | None = None
    published_money: float | None = None
    published_marker: str = ""
    reason_override: str = ""
    last_transition_version: int = 1
    dismissed: bool = False
    label: Label | None = None
    decision_record: DecisionRecord | None = None

    @property
    def is_open(self) -> bool:
        """Whether the problem is published and has not ended."""
        return self.status not in ("candidate", "resolved", "expired")


def keep_causes(problem: Problem, finding: Finding) -> None:
    """Keep the ids of the first and the latest events that caused the problem, each once."""
    for cause in finding.cause_event_ids:
        if cause in problem.first_causes or cause in problem.latest_causes:
            continue
        if len(problem.first_causes) < CAUSES_FIRST:
            problem.first_causes.append(cause)
        else:
            problem.latest_causes = [*problem.latest_causes, cause][-(CAUSES_MAX - CAUSES_FIRST) :]


def name_problem(finding: Finding) -> str:
    """Id of the exception that this finding opens."""
    opening = (EPOCH + dt.timedelta(milliseconds=finding.instant)).strftime("%Y%m%dT%H%M%S")
    stamp = f"{opening}{finding.instant % 1000:03d}"
    return exception_subject(DETECTORS[finding.exception_type].prefix, finding.key, stamp)


def is_material(problem: Problem, finding: Finding) -> bool:
    """Whether the difference to the last publication is worth an update."""
    return (
        finding.marker != problem.published_marker
        or _moved(problem.published_observed, finding.observed)
        or _moved(problem.published_money, finding.comparable_money)
    )


def _moved(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return (before is None) != (now is None)
    low, high = min(abs(before), abs(now)), max(abs(before), abs(now))
    # Changes below one unit are not material. A change of sign always is.
    return before * now < 0.0 or high >= max(1.0, low * MATERIAL_FACTOR)


def exception_state(problem: Problem) -> ExceptionState:
    """State of a problem as published."""
    finding, decision_record, customer = problem.finding, problem.decision_record, problem.finding.customer
    return ExceptionState(
        exception_id=problem.exception_id,
        exception_type=problem.exception_type,
        version=problem.version,
        status=problem.status,
        severity=problem.severity,
        sku=finding.sku or None,
        location=finding.location or None,
        opened_at=rfc3339(problem.opened_time),
        updated_at=rfc3339(problem.published_time),
        resolved_at=None if problem.ended_time is None else rfc3339(problem.ended_time),
        expected=finding.expected,
        observed=finding.observed,
        probability=finding.probability,
        window_start=None if finding.window_start is None else rfc3339(finding.window_start),
        window_end=None if finding.window_end is None else rfc3339(finding.window_end),
        money=finding.money,
        currency=finding.currency,
        margin=finding.margin,
        money_base=finding.money_base,
        base_currency=finding.base_currency,
        money_status=finding.money_status,
        reason=problem.reason_override or finding.reason + remarks(finding),
        route=finding.route,
        inform=list(finding.inform),
        deadline=rfc3339(problem.deadline),
        cause_event_ids=[*problem.first_causes, *problem.latest_causes],
        details=finding.details,
        label=problem.label,
        decision=None if decision_record is None else decision_record.decision,
        decided_by=None if decision_record is None else decision_record.decider,
        decided_role=None if decision_record is None else decision_record.role,
        decided_at=None if decision_record is None else rfc3339(decision_record.time),
        decision_reason=None if decision_record is None else decision_record.reason,
        strategic=finding.strategic,
        regulated=finding.regulated,
        customer=None if customer is None else customer.customer,
        customer_strategic=is_strategic(customer),
        customer_segment=None if customer is None else customer.segment,
        customer_region=None if customer is None else customer.region,
    )
