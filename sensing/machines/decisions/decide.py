"""Applies one decision message and answers it; `sensing.machines.infrequent_events` calls it for new messages.

A decision about an exception of the roll-up is forwarded to it, and so is what an earlier run has published of one.
"""

from sensing.codec.event_record import ExceptionPublished, InfrequentEvent
from sensing.contracts.decisions import ExecutionConfirmed
from sensing.contracts.subjects import exception_of
from sensing.detection.detector_registry import OVER_ALL_SHARDS
from sensing.machines.decisions.decision_answer import put_answer
from sensing.machines.decisions.exception_decisions import decide_exception
from sensing.machines.decisions.execution import confirm_execution
from sensing.machines.decisions.held_line_release import release
from sensing.machines.decisions.parameter_decisions import decide_parameters
from sensing.machines.machine_messages import EarlierException, ForwardedDecision
from sensing.machines.shard_state import ShardState

FORWARDED = tuple(f"{detector.prefix}:" for detector in OVER_ALL_SHARDS)
"""How the ids of the roll-up's exceptions begin."""


def hear_earlier(s: ShardState, notice: ExceptionPublished) -> None:
    """Take in an exception that an earlier run has left in the topic; one of the roll-up is forwarded once."""
    if not notice.state.exception_id.startswith(FORWARDED):
        if notice.owner_sku is not None or s.shard == 0:
            s.problems.earlier.add(notice.state)
    elif s.shard == 0 if notice.owner_sku is None else s.owns(notice.owner_sku):
        s.reports.put(s.clock, EarlierException(state=notice.state))


def decide(s: ShardState, message: InfrequentEvent) -> None:
    """Apply a decision that is not a duplicate, and put out its answer."""
    exception_id = exception_of(message.event)
    if isinstance(message.event, ExecutionConfirmed):
        answer = confirm_execution(s, message)
    elif exception_id is not None and exception_id.startswith(FORWARDED):
        s.reports.put(s.clock, ForwardedDecision(event=message.event, time=message.time, trace=message.trace))
        return
    elif exception_id is not None:
        answer = decide_exception(
            s, message, exception_id, lambda finding, decided: release(s, message, finding, decided)
        )
        problem = s.problems.named(exception_id)
        if answer.rejection is None and problem is not None and message.event.decision in ("reject", "release"):
            s.plan_on_event(problem.finding.row, "decision", message.event.event_id, message.time)
    else:
        answer = decide_parameters(s, message)
    put_answer(s, message, answer)
