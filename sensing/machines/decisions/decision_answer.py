"""The engine's answer to a decision: a record on topic audit that says whether it was accepted, and why not."""

from typing import NamedTuple

from sensing.codec.event_record import InfrequentEvent
from sensing.contracts.audit import DecisionAnswer, Outcome, Rejection
from sensing.contracts.decisions import DecisionMade, Verdict
from sensing.contracts.subjects import exception_of
from sensing.machines.exception_outputs import ProblemKeeper
from sensing.machines.master_facts import decimals_of
from sensing.machines.shard_state import ShardState
from sensing.outputs import AUDIT
from sensing.state.decision_record import DecisionRecord


class DecisionTarget(NamedTuple):
    """The subject of a decision: names, and its present version and status."""

    sku: str | None = None
    location: str | None = None
    version: int | None = None
    status: str | None = None


class Answer(NamedTuple):
    """Result of a decision: a sentence, and either the change from ``prior`` to ``value`` or a rejection."""

    target: DecisionTarget
    sentence: str
    rejection: Rejection | None = None
    prior: float | str | None = None
    value: float | str | None = None


DONE: dict[Verdict, str] = {
    "acknowledge": "Acknowledged",
    "label": "Labelled",
    "reject": "Rejected",
    "release": "Released",
    "approve": "Approved",
    "override": "Overridden",
}


def decision_record_of(message: InfrequentEvent) -> DecisionRecord:
    """The decision record that the state keeps of a decision."""
    event: DecisionMade = message.event
    return DecisionRecord(
        decision=event.decision, decider=event.decider, role=event.role, time=message.time, reason=event.reason
    )


def sentence(event: DecisionMade, decision_record: DecisionRecord) -> str:
    """Who decided what and why: "Rejected and labelled as expected by ann (planner): a campaign."."""
    label = f"{'' if event.decision == 'label' else ' and labelled'} as {event.label}" if event.label else ""
    field = f", {event.field} = {event.value:g}," if event.decision == "override" else ""
    return f"{DONE[event.decision]}{label}{field} {decision_record.as_text()}"


def rejected(rejection: Rejection, required: str, got: str, target: DecisionTarget | None = None) -> Answer:
    """The answer to a rejected decision."""
    return Answer(target or DecisionTarget(), f"Required {required}, got {got}.", rejection)


def put_answer(k: ProblemKeeper, message: InfrequentEvent, answer: Answer) -> None:
    """Put out the answer to a decision. It is the only output of a machine that is backfilling."""
    event = message.event
    made = event if isinstance(event, DecisionMade) else None
    outcome: Outcome = "accepted" if answer.rejection is None else "rejected"
    data = DecisionAnswer(
        event_id=event.event_id,
        decision="execute" if made is None else made.decision,
        outcome=outcome,
        rejection=answer.rejection,
        answer=answer.sentence,
        subject=event.subject,
        exception_id=exception_of(event),
        prior=answer.prior,
        value=answer.value,
        **answer.target._asdict(),
        **({"reason": event.reference} if made is None else _decision_fields(made)),
    )
    if isinstance(k, ShardState):
        data.decimals = decimals_of(k, data.sku, data.location)
    attributes = {"correlationid": event.subject, "causationid": event.event_id}
    k.outbox.put(
        k.clock, AUDIT, f"decision.{outcome}", f"audit/decision/{event.subject}/{event.event_id}", event.subject,
        message.time, data, attributes,
    )  # fmt: skip


def _decision_fields(event: DecisionMade) -> dict[str, str | None]:
    names = ("field", "label", "decider", "role", "reason")
    return {name: getattr(event, name) for name in names}
