"""Output records of exceptions. Shards and the roll-up, which keep problems, put them out."""

from typing import Protocol

from sensing.contracts.audit import AutomaticDecision
from sensing.contracts.exceptions import ExceptionType
from sensing.contracts.parameters import Trigger
from sensing.contracts.subjects import parameters_subject
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.drop import DEMAND_DROP
from sensing.detection.earlier_exceptions import milliseconds
from sensing.detection.finding import Finding
from sensing.detection.large_order import LARGE_ORDER
from sensing.detection.lifecycle import Problems
from sensing.detection.problem import Publication
from sensing.detection.sentences import are, number
from sensing.detection.severity import rank
from sensing.detection.stockout import STOCKOUT_PROJECTED
from sensing.detection.surge import ORDER_SURGE
from sensing.machine_settings import Settings
from sensing.machines.changed_rows import NO_SEVERITY
from sensing.machines.close_schedule import NEVER
from sensing.machines.master_facts import complete_exception
from sensing.machines.outbox import Outbox
from sensing.machines.shard_state import ShardState
from sensing.outputs import AUDIT, EXCEPTIONS

CAUSES = frozenset(cause for detector in DETECTORS.values() for cause in detector.caused_by)
"""Types of problems that cause others."""


PLANNED_ON: dict[ExceptionType, Trigger] = {
    ORDER_SURGE.name: "order_surge",
    DEMAND_DROP.name: "demand_drop",
    LARGE_ORDER.name: "large_order",
    STOCKOUT_PROJECTED.name: "stockout",
}
"""Types of problems that change what a row should plan with, and the trigger that they are."""


class ProblemKeeper(Protocol):
    """State of a machine that keeps problems: a shard or the roll-up. ``clock`` is UTC ms."""

    settings: Settings
    clock: int
    backfilling: bool
    problems: Problems
    outbox: Outbox


def observe(k: ProblemKeeper, finding: Finding) -> None:
    """Update the problem that a finding is about, and put out its state if it must be published."""
    held_back = finding.below_floor and k.problems.is_below_floor(finding.exception_type, finding.key)
    found = k.problems.observe(finding)
    put_exception(k, finding.instant, finding.event_time, found)
    if isinstance(k, ShardState) and found is not None and finding.cause_event_ids:
        _plan_on(k, finding, found)
    if finding.below_floor and not held_back and k.problems.is_below_floor(finding.exception_type, finding.key):
        _put_below_floor(k, finding)


def _plan_on(s: ShardState, finding: Finding, found: Publication) -> None:
    """Plan the row of a problem that an event has opened, escalated or ended. A day close plans its rows itself."""
    trigger = PLANNED_ON.get(finding.exception_type)
    if trigger is None or found.change in ("changed", "acknowledged"):
        return
    raised = found.change in ("opened", "reopened", "escalated")
    severity = rank(found.state.severity) if raised else NO_SEVERITY
    s.plan_on_event(found.row, trigger, finding.cause_event_ids[-1], finding.event_time, severity)


def _put_below_floor(k: ProblemKeeper, finding: Finding) -> None:
    """Put out the decision that a problem does not open, once: too little money is at stake for policy."""
    if k.backfilling:
        return
    money = finding.money_base or 0.0
    subject = parameters_subject(finding.sku, finding.location)
    decision = AutomaticDecision(
        rule="suppress_exception", subject=subject, sku=finding.sku, location=finding.location, value=money,
        inputs={"exception_type": finding.exception_type},
        reason=f"No exception, since {number(money)} {finding.base_currency or ''}".rstrip()
        + f" at stake {are(money)} less than policy asks (exception_money_min): {finding.reason}",
        cause_event_ids=list(finding.cause_event_ids),
    )  # fmt: skip
    k.outbox.put(
        finding.instant, AUDIT, "decision.automatic",
        f"audit/suppress_exception/{finding.exception_type}|{finding.key}/{finding.instant}", subject,
        finding.event_time, decision, {"correlationid": subject},
    )  # fmt: skip


def put_exception(
    k: ProblemKeeper, instant: int, event_time: int, found: Publication | None, cause: str | None = None
) -> None:
    """Put out the whole state of one problem, if there is one to publish, and of those that it causes.

    ``cause`` is the event id of the decision that changed it, if any.
    """
    if found is None:
        return
    state = found.state
    if isinstance(k, ShardState):
        complete_exception(k, state)
    attributes = {
        "exceptiontype": state.exception_type,
        "severity": state.severity,
        "route": state.route,
        "correlationid": state.exception_id,
    }
    attributes |= {name: value for name, value in (("region", state.region), ("owner", state.owner)) if value}
    if cause is not None or state.cause_event_ids:
        attributes["causationid"] = cause or state.cause_event_ids[-1]
    k.outbox.put(
        instant, EXCEPTIONS, f"exception.{found.change}", f"{state.exception_id}#{state.version}", state.exception_id,
        event_time, state, attributes,
    )  # fmt: skip
    if state.exception_type in CAUSES:
        for linked in k.problems.relink(found.row, state.exception_type, max(event_time, instant)):
            put_exception(k, instant, event_time, linked)


def put_tombstone(k: ProblemKeeper, instant: int, exception_id: str, version: int) -> None:
    """Put out the tombstone of an exception that ended long ago; it deletes the key from the compacted topic."""
    k.outbox.put(
        instant, EXCEPTIONS, "exception.forgotten", f"{exception_id}#{version}", exception_id, instant, None,
        {"correlationid": exception_id},
    )  # fmt: skip


def expire_problems(k: ProblemKeeper, instant: int) -> None:
    """Daily housekeeping: end problems whose findings have stopped, and delete what ended long ago from the topic."""
    for found in k.problems.expire(instant):
        put_exception(k, instant, instant, found)
    for exception_id, version in k.problems.ended.take_tombstones(instant):
        put_tombstone(k, instant, exception_id, version)


def next_problem_timer(k: ProblemKeeper) -> int:
    """Instant (UTC ms) of the next deadline, or at which the exceptions of an earlier run are settled; or NEVER."""
    if k.backfilling:
        return NEVER
    return min(k.problems.next_deadline(), k.problems.earlier.due(k.settings.lateness_ms))


def run_problem_timers(k: ProblemKeeper, instant: int, *, final: bool = False) -> None:
    """Settle the exceptions of an earlier run if they are due or the input ends, and escalate what is past its
    deadline.
    """
    if k.backfilling:
        return
    if final or k.problems.earlier.due(k.settings.lateness_ms) <= instant:
        for found in k.problems.settle_earlier(k.clock):
            put_exception(k, k.clock, k.clock, found)
    for found in k.problems.pass_deadlines(instant):
        # The event that moved the problem last may have been ahead of the clock.
        put_exception(k, k.clock, milliseconds(found.state.updated_at), found)
