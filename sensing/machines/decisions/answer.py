"""The answer to a decision, on topic audit."""

from typing import NamedTuple

from sensing.codec.record import Rare
from sensing.contracts.audit import DecisionAnswer, Outcome, Rejection
from sensing.contracts.decisions import DecisionMade, Verdict
from sensing.contracts.subjects import exception_of
from sensing.machines.state import ShardState
from sensing.outputs import AUDIT
from sensing.state.ruling import Ruling


class About(NamedTuple):
    """What a decision is about, as it stands."""

    sku: str | None = None
    location: str | None = None
    version: int | None = None
    status: str | None = None


class Answer(NamedTuple):
    """What became of a decision: accepted with what it changed, or rejected for a reason, and a sentence."""

    about: About
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


def ruling_of(item: Rare) -> Ruling:
    """A decision as it is remembered."""
    event: DecisionMade = item.event
    return Ruling(decision=event.decision, decider=event.decider, role=event.role, time=item.time, reason=event.reason)


def sentence(event: DecisionMade, ruling: Ruling) -> str:
    """What was decided by whom, and why: "Rejected and labelled as expected by ann (planner): a campaign."."""
    label = f"{'' if event.decision == 'label' else ' and labelled'} as {event.label}" if event.label else ""
    field = f", {event.field} = {event.value:g}," if event.decision == "override" else ""
    return f"{DONE[event.decision]}{label}{field} {ruling.said()}"


def rejected(rejection: Rejection, required: str, got: str, about: About | None = None) -> Answer:
    """A decision without effect."""
    return Answer(about or About(), f"Required {required}, got {got}.", rejection)


def put_answer(s: ShardState, item: Rare, answer: Answer) -> None:
    """Put out the answer to a decision; in the quiet time there is none."""
    if s.muted:
        return
    event = item.event
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
        **answer.about._asdict(),
        **({"reason": event.reference} if made is None else _told(made)),
    )
    attributes = {"correlationid": event.subject, "causationid": event.event_id}
    s.outbox.put(
        s.clock, AUDIT, f"decision.{outcome}", f"audit/decision/{event.subject}/{event.event_id}", event.subject,
        item.time, data, attributes,
    )  # fmt: skip


def _told(event: DecisionMade) -> dict[str, str | None]:
    names = ("field", "label", "decider", "role", "reason")
    return {name: getattr(event, name) for name in names}
