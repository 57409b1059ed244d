"""Answers to decisions that are refused as dead letters. The ledger calls it, since no shard gets such a message.

Whoever sent it may not read dead letters, but waits for an answer on ``audit``. An event id is answered once; the ids
of the last ``ANSWERED_MAX`` answers are remembered.
"""

from typing import Any, Literal

import msgspec

from sensing.codec.careful_decoder import read_json
from sensing.codec.clean_keys import clean
from sensing.codec.cloudevents import NoData, event_body
from sensing.codec.event_record import Reject
from sensing.codec.fault import Fault
from sensing.codec.identifiers import CONTROL
from sensing.contracts import decisions
from sensing.contracts.audit import DecisionAnswer
from sensing.contracts.common import ID_BYTES_MAX
from sensing.contracts.decisions import ExecutionConfirmed, Verdict
from sensing.contracts.topic_spec import event_type
from sensing.machines.outbox import Outbox
from sensing.outputs import AUDIT

ANSWERED_MAX = 1 << 16
TOPIC = decisions.SPEC.name


class RefusedDecisions:
    """Answers to refused decisions.

    Attributes
    ----------
    answered
        Event ids that were answered, the oldest first.
    """

    def __init__(self) -> None:
        self.answered: dict[str, None] = {}

    def answer(self, outbox: Outbox, instant: int, reject: Reject) -> None:
        """Put out the answer to a message of topic ``decisions`` that is a dead letter."""
        event = _readable(reject)
        event_id, subject = _text(event, "event_id"), _text(event, "subject")
        if event_id:
            if event_id in self.answered:
                return
            self.answered[event_id] = None
            if len(self.answered) > ANSWERED_MAX:
                del self.answered[next(iter(self.answered))]
        place = f"{reject.topic}/{reject.partition}/{reject.offset}"
        where = "" if reject.field is None else f"{reject.field}: "
        data = DecisionAnswer(
            event_id=event_id,
            decision=_verdict(event),
            outcome="rejected",
            rejection="malformed",
            answer=f"The message is a dead letter ({reject.reason}). {where}required {reject.required}, "
            f"got {reject.got}.",
            subject=subject,
            exception_id=_text(event, "exception_id") or None,
            field=reject.field,
            required=reject.required,
            got=reject.got,
            decider=_text(event, "decider") or None,
            role=_text(event, "role") or None,
            reason=_text(event, "reason") or None,
        )
        attributes = {"correlationid": subject, "causationid": event_id}
        identity = f"audit/decision/{subject}/{event_id}" if event_id else f"audit/decision/{place}"
        outbox.put(
            instant, AUDIT, "decision.rejected", identity, subject or place, reject.time, data,
            {name: value for name, value in attributes.items() if value},
        )  # fmt: skip


def _readable(reject: Reject) -> dict[str, Any]:
    """The fields of a refused message, as far as they can be read."""
    plain = read_json(reject.value)
    try:
        body = event_body({} if isinstance(plain, Fault) or not isinstance(plain, dict) else plain, reject.headers)
    except UnicodeDecodeError:
        return {}
    return {} if isinstance(body, NoData) else body


def _text(event: dict[str, Any], name: str) -> str:
    """A text of an event; empty if it is none, or no text that an identifier may be."""
    text = event.get(name)
    if not isinstance(text, str) or CONTROL.search(text):
        return ""
    try:
        return clean(text) if len(text.encode()) <= ID_BYTES_MAX else ""
    except UnicodeEncodeError:
        return ""


def _verdict(event: dict[str, Any]) -> Verdict | Literal["execute", "unreadable"]:
    if event.get("event_type") == event_type(ExecutionConfirmed):
        return "execute"
    try:
        verdict: Verdict = msgspec.convert(event.get("decision"), Verdict)
    except msgspec.ValidationError:
        return "unreadable"
    return verdict
