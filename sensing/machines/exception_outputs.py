"""Output records of exceptions. Shards and the roll-up, which keep problems, put them out."""

from typing import Protocol

from sensing.contracts.audit import AutomaticDecision
from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.subjects import parameters_subject
from sensing.detection.finding import Finding
from sensing.detection.lifecycle import Problems
from sensing.detection.sentences import are, number
from sensing.machine_settings import Settings
from sensing.machines.master_facts import complete_exception
from sensing.machines.outbox import Outbox
from sensing.machines.shard_state import ShardState
from sensing.outputs import AUDIT, EXCEPTIONS


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
    state = k.problems.observe(finding)
    if state is not None:
        put_exception(k, finding.instant, finding.event_time, state)
    if finding.below_floor and not held_back and k.problems.is_below_floor(finding.exception_type, finding.key):
        _put_below_floor(k, finding)


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
    k: ProblemKeeper, instant: int, event_time: int, state: ExceptionState, cause: str | None = None
) -> None:
    """Put out the whole state of one problem; ``cause`` is the event id of the decision that changed it, if any."""
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
        instant, EXCEPTIONS, f"exception.{state.status}", f"{state.exception_id}#{state.version}", state.exception_id,
        event_time, state, attributes,
    )  # fmt: skip


def put_tombstone(k: ProblemKeeper, instant: int, exception_id: str, version: int) -> None:
    """Put out the tombstone of an exception that ended long ago; it deletes the key from the compacted topic."""
    k.outbox.put(
        instant, EXCEPTIONS, "exception.forgotten", f"{exception_id}#{version}", exception_id, instant, None,
        {"correlationid": exception_id},
    )  # fmt: skip


def expire_problems(k: ProblemKeeper, instant: int) -> None:
    """Daily housekeeping: end problems whose findings have stopped, and delete what ended long ago from the topic."""
    for state in k.problems.expire(instant):
        put_exception(k, instant, instant, state)
    for exception_id, version in k.problems.take_tombstones(instant):
        put_tombstone(k, instant, exception_id, version + 1)
