"""Topic ``decisions``: what people and the ERP made of what the engine proposed."""

from typing import Literal

from sensing.contracts.common import Event, Id, QuantityOrZero, Revision, Text

Verdict = Literal["acknowledge", "approve", "reject", "override", "label", "release"]
Label = Literal["confirmed", "expected", "false_alarm", "new_trend"]


class DecisionMade(Event, tag="decision.made", kw_only=True, gc=False):
    """A person decided about an exception or a proposal; ``subject`` and the id are echoed from what was decided on."""

    subject: Id
    exception_id: Id | None = None
    parameters_version: Revision | None = None
    decision: Verdict
    label: Label | None = None
    decider: Id
    role: Id
    reason: Text | None = None
    field: Id | None = None
    value: QuantityOrZero | None = None


class ExecutionConfirmed(Event, tag="execution.confirmed", kw_only=True, gc=False):
    """The ERP executed.

    Version ``parameters_version`` of the proposal for ``subject`` is in force, or action ``action_id`` is done.
    """

    subject: Id
    parameters_version: Revision | None = None
    action_id: Id | None = None
    reference: Text | None = None


DecisionEvent = DecisionMade | ExecutionConfirmed
