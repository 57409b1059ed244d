"""Applies one decision message and answers it; `sensing.machines.infrequent_events` calls it for new messages.

A decision about an exception of the roll-up is forwarded to it.
"""

from sensing.codec.event_record import InfrequentEvent
from sensing.contracts.decisions import ExecutionConfirmed
from sensing.contracts.subjects import exception_of
from sensing.detection.detector_registry import OVER_ALL_SHARDS
from sensing.machines.decisions.decision_answer import put_answer
from sensing.machines.decisions.exception_decisions import decide_exception
from sensing.machines.decisions.execution import confirm_execution
from sensing.machines.decisions.held_line_release import release
from sensing.machines.decisions.parameter_decisions import decide_parameters
from sensing.machines.machine_messages import ForwardedDecision
from sensing.machines.shard_state import ShardState

FORWARDED = tuple(f"{detector.prefix}:" for detector in OVER_ALL_SHARDS)
"""How the ids of the roll-up's exceptions begin."""


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
    else:
        answer = decide_parameters(s, message)
    put_answer(s, message, answer)
