"""Topic ``audit``: every automatic decision, the answer to every decision of a person, and the control totals."""

from typing import Literal, get_args

import msgspec

from sensing.contracts.decisions import Label, Verdict
from sensing.contracts.number_kinds import Expectation, Measure
from sensing.contracts.reference import DECIMALS_MAX
from sensing.contracts.topic_spec import output, typed

Outcome = Literal["accepted", "rejected"]
Rejection = Literal[
    "unknown_subject",
    "unknown_version",
    "stale",
    "wrong_role",
    "not_applicable",
    "invalid_value",
    "table_full",
    "malformed",
]
"""Why a decision has no effect.

``unknown_subject``: the subject is not known, or not any more; ``unknown_version``: the version was never published;
``stale``: it is about an earlier state; ``wrong_role``: the role has no right to it; ``not_applicable``: this decision
is not possible for the subject; ``invalid_value``: field, value or date is not legal; ``table_full``: the table of
decisions is full; ``malformed``: the message is a dead letter as well, since it is no valid event.
"""


class ControlTotals(msgspec.Struct, kw_only=True):
    """Control totals of one topic partition: ``read`` is the sum of the six outcomes.

    ``unknown_line`` counts absorbed changes of order lines that were not heard of before.
    ``held`` counts impossible order lines and events in quarantine and never falls; ``released`` counts those that left
    it. What became of a released event is counted nowhere else, even if it became a dead letter.
    """

    topic: str
    partition: int
    read: int
    absorbed: int
    absorbed_late: int
    duplicate: int
    superseded: int
    held: int
    dead_letter: int
    released: int = 0
    unknown_line: int = 0


class AutomaticDecision(msgspec.Struct, kw_only=True):
    """One automatic decision: which rule, on what, from which value to which, and which events caused it.

    ``decimals`` are those of quantities in the base unit.
    """

    rule: str
    subject: str
    sku: str | None = None
    location: str | None = None
    inputs: dict[str, Measure | int | str | None] = {}
    prior: Expectation | str | None = None
    value: Expectation | str | None = None
    reason: str = ""
    cause_event_ids: list[str] = []
    decimals: int = DECIMALS_MAX


class DecisionAnswer(msgspec.Struct, kw_only=True):
    """The answer to one ``decision.made`` or ``execution.confirmed``, whose id is ``event_id``.

    ``prior`` and ``value`` are what an accepted decision changed: statuses, or numbers in base units. ``version`` and
    ``status`` are those of the subject after the decision. ``answer`` is the outcome as a sentence. ``decimals`` are
    those of quantities in the base unit.

    Of a malformed decision the answer has what can be read of it: texts are empty and ``decision`` is ``unreadable``
    where nothing can. Then ``field`` is the field of the message that is wrong, ``required`` and ``got`` are as in the
    dead letter.
    """

    event_id: str
    decision: Verdict | Literal["execute", "unreadable"]
    outcome: Outcome
    rejection: Rejection | None = None
    answer: str
    subject: str
    sku: str | None = None
    location: str | None = None
    exception_id: str | None = None
    version: int | None = None
    status: str | None = None
    prior: Expectation | str | None = None
    value: Expectation | str | None = None
    field: str | None = None
    label: Label | None = None
    decider: str | None = None
    role: str | None = None
    reason: str | None = None
    required: str | None = None
    got: str | None = None
    decimals: int = DECIMALS_MAX


SPEC = output(
    "audit",
    __doc__,
    {
        "decision.automatic": AutomaticDecision,
        **typed("decision", get_args(Outcome), DecisionAnswer),
        "control.totals": ControlTotals,
    },
    "Entity that was decided on, or the topic that was counted.",
    retention_days=365,
)
