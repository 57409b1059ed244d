"""Problem: the state of one problem, its id, and the record that is published about it."""

from typing import Literal, NamedTuple, TypeVar, cast

import msgspec

from sensing.codec.instants import local_date, rfc3339
from sensing.contracts.decisions import Label
from sensing.contracts.exceptions import (
    ENDED,
    Change,
    ExceptionState,
    ExceptionType,
    ExceptionVerdict,
    OrderConcerned,
    Resolution,
    Severity,
    Status,
)
from sensing.contracts.output_fields import CAUSES_MAX
from sensing.contracts.subjects import exception_subject
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.finding import Finding, LineName, is_strategic
from sensing.detection.remarks import remarks
from sensing.state.decision_record import DecisionRecord

T = TypeVar("T")

CAUSES_FIRST = 3
"""Number of first causes that are kept. The remaining ones are the latest."""
MATERIAL_FACTOR = 1.5
"""A change of the observed quantity or the money by this factor is published."""


class Publication(NamedTuple):
    """A record to publish: what it changes, the state of the problem, and the row of the problem."""

    change: Change
    state: ExceptionState
    row: int


class Problem(msgspec.Struct, kw_only=True):
    """One problem. Times are UTC ms; ``*_time`` and ``since`` are event times, the others instants of the machine.

    ``active_findings`` counts those before the opening, ``cleared_findings`` cleared ones in a row since
    ``cleared_since``. ``published_*`` is what the latest publication said. ``finding`` is the latest one that did not
    clear, or the one that ended the problem; ``seen`` the instant of the latest of any kind. ``reason_override``
    replaces the finding's reason where the end has one of its own. ``last_transition_version`` is the version that told
    of the latest opening or escalation. ``dismissed`` says that a person ended it as no problem. ``since`` is the
    latest opening. Findings have been milder than ``severity`` since ``milder_since``, at most ``milder``.
    """

    exception_type: ExceptionType
    finding: Finding
    status: Status | Literal["candidate"] = "candidate"
    severity: Severity = "low"
    exception_id: str = ""
    version: int = 0
    active_findings: int = 0
    cleared_findings: int = 0
    cleared_since: int = 0
    since: int = 0
    opened_time: int = 0
    published_time: int = 0
    ended_time: int | None = None
    resolution: Resolution | None = None
    deadline: int = 0
    overdue: bool = False
    milder_since: int | None = None
    milder: Severity = "low"
    cool_until: int = 0
    first_causes: list[str] = []
    latest_causes: list[str] = []
    first_orders: list[LineName] = []
    latest_orders: list[LineName] = []
    caused_by: list[str] = []
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
    def has_ended(self) -> bool:
        """Whether the problem has ended; it may cool down."""
        return self.status in ENDED

    @property
    def is_open(self) -> bool:
        """Whether the problem is published and has not ended."""
        return self.status != "candidate" and not self.has_ended

    @property
    def awaits_attention(self) -> bool:
        """Whether the problem is open, and nobody has acknowledged it in its present severity."""
        return self.status in ("opened", "escalated")


def keep_causes(problem: Problem, finding: Finding) -> None:
    """Keep the ids of the first and the latest events that caused the problem, and their order lines, each once."""
    problem.latest_causes = _kept(problem.first_causes, problem.latest_causes, finding.cause_event_ids)
    problem.latest_orders = _kept(problem.first_orders, problem.latest_orders, finding.orders)


def _kept(first: list[T], latest: list[T], new: tuple[T, ...]) -> list[T]:
    """The latest ones with the new ones; the first ones are added to ``first`` while there is room."""
    for each in new:
        if each in first or each in latest:
            continue
        if len(first) < CAUSES_FIRST:
            first.append(each)
        else:
            latest = [*latest, each][-(CAUSES_MAX - CAUSES_FIRST) :]
    return latest


def name_problem(finding: Finding) -> str:
    """Id of the exception that this finding opens. It depends on the episode alone, not on the event that tipped it."""
    start = local_date(finding.start).replace("-", "")
    return exception_subject(DETECTORS[finding.exception_type].prefix, finding.key, start)


def is_material(problem: Problem, finding: Finding) -> bool:
    """Whether the difference to the last publication is worth an update."""
    return (
        finding.marker != problem.published_marker
        or moved(problem.published_observed, finding.observed)
        or moved(problem.published_money, finding.comparable_money)
    )


def moved(before: float | None, now: float | None) -> bool:
    """Whether a quantity or money has changed materially."""
    if before is None or now is None:
        return (before is None) != (now is None)
    low, high = min(abs(before), abs(now)), max(abs(before), abs(now))
    # Changes below one unit are not material. A change of sign always is.
    return before * now < 0.0 or high >= max(1.0, low * MATERIAL_FACTOR)


def exception_state(problem: Problem) -> ExceptionState:
    """State of a problem as published."""
    finding, decision_record, customer = problem.finding, problem.decision_record, problem.finding.customer
    assert problem.status != "candidate", "what has not opened is not published"
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
        reason=problem.reason_override or finding.reason + remarks(finding, overdue=problem.overdue),
        route=finding.route,
        inform=list(finding.inform),
        deadline=rfc3339(problem.deadline),
        cause_event_ids=[*problem.first_causes, *problem.latest_causes],
        details=finding.details,
        label=problem.label,
        decision=None if decision_record is None else cast("ExceptionVerdict", decision_record.decision),
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
        overdue=problem.overdue,
        resolution=problem.resolution,
        caused_by=list(problem.caused_by),
        orders=[OrderConcerned(*name) for name in (*problem.first_orders, *problem.latest_orders)],
        purchase_order=None if finding.purchase_order is None else finding.purchase_order[0],
        purchase_order_line=None if finding.purchase_order is None else finding.purchase_order[1],
    )
