"""A decision that this shard answers for: its effect, and its answer."""

from sensing.codec.record import Rare
from sensing.contracts.decisions import ExecutionConfirmed
from sensing.contracts.subjects import exception_of
from sensing.machines.decisions.answer import put_answer
from sensing.machines.decisions.exceptions import decide_exception
from sensing.machines.decisions.execution import confirm_execution
from sensing.machines.decisions.parameters import decide_parameters
from sensing.machines.state import ShardState


def decide(s: ShardState, item: Rare) -> None:
    """Let a decision that is no repeat have its effect, and answer it once."""
    exception_id = exception_of(item.event)
    if isinstance(item.event, ExecutionConfirmed):
        answer = confirm_execution(s, item)
    elif exception_id is not None:
        answer = decide_exception(s, item, exception_id)
    else:
        answer = decide_parameters(s, item)
    put_answer(s, item, answer)
