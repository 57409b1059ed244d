"""Topic ``audit``: every automatic decision, the answer to every decision of a person, and the control totals."""

from typing import Annotated, Literal, get_args

import msgspec

from sensing.contracts.decisions import Label, Verdict
from sensing.contracts.number_kinds import Expectation, Measure
from sensing.contracts.output_fields import CAUSES_MAX, LABELS, VERDICTS, Count, Decimals, about
from sensing.contracts.reference import DECIMALS_MAX
from sensing.contracts.topic_spec import output, typed

Outcome = Literal["accepted", "rejected"]
OUTCOMES: dict[Outcome, str] = {"accepted": "it has its effect", "rejected": "it has none; `rejection` says why"}
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
REJECTIONS: dict[Rejection, str] = {
    "unknown_subject": "the subject is not known, or not any more",
    "unknown_version": "the version was never published",
    "stale": "it is about an earlier state",
    "wrong_role": "the role has no right to it",
    "not_applicable": "the decision is not possible for the subject",
    "invalid_value": "field, value or date is not legal",
    "table_full": "the table of decisions is full",
    "malformed": "the message is no valid event, and a dead letter as well",
}
"""Why a decision has no effect."""
Rule = Literal[
    "publish_parameters",
    "end_override",
    "use_signal",
    "drop_signal",
    "suppress_exception",
    "suppress_surge",
    "hold_impossible_quantity",
    "release_held_line",
    "quarantine_event",
    "release_quarantined_event",
    "close_purchase_line",
    "end_transfer",
    "exceed_transfer",
    "supersede_item",
    "convert_base_unit",
    "suspicious_pair",
    "forget_open_lines",
]
RULES: dict[Rule, str] = {
    "publish_parameters": "a proposal was published; reorder points; inputs `version`, `dead_band`",
    "end_override": "a person's value has run out and the engine's holds again; input `field`",
    "use_signal": "forecasts use a signal from now on; inputs `signal`, `kind`, `effect`, `error_ratio`, `days`",
    "drop_signal": "forecasts use a signal no more; inputs as of `use_signal`",
    "suppress_exception": "too little money is at stake for an exception; value: that money; input `exception_type`",
    "suppress_surge": "promotions explain a surge; order lines expected without and with them; inputs `observed`, "
    "`window_hours`, `promotions`",
    "hold_impossible_quantity": "an order line is held; value: its quantity",
    "release_held_line": "a held order line ended by a later version; quantities held and booked",
    "quarantine_event": "an event waits for a name that no record has",
    "release_quarantined_event": "such an event was applied",
    "close_purchase_line": "a purchase-order line ended with less or more than was ordered; open quantity before and "
    "after; inputs `po_id`, `line`, `ordered`, `received`",
    "end_transfer": "goods in transit are expected no more; quantities before and after",
    "exceed_transfer": "more arrived than was sent; quantities sent and arrived",
    "supersede_item": "an item has taken over from another, or does not; SKUs before and after; inputs `locations`, "
    "`on_hand`, `open_demand`, `on_order`, `factor`, `successor`",
    "convert_base_unit": "the base unit of an item has changed; units before and after; input `factor`",
    "suspicious_pair": "two SKUs or locations look alike; inputs `kind`, `other`",
    "forget_open_lines": "the table of order lines was full of open ones; lines forgotten so far; input `lines_max`",
}


class ControlTotals(msgspec.Struct, kw_only=True):
    """Control totals of one topic partition: ``read`` is the sum of the six outcomes.

    What became of a released event is counted nowhere else, even if it became a dead letter.
    """

    topic: Annotated[str, about("Input topic, without prefix.")]
    partition: Annotated[Count, about("Partition of the topic; of a file 0.")]
    read: Annotated[Count, about("Messages read since the first one.")]
    absorbed: Annotated[Count, about("Outcome: applied, and on time.")]
    absorbed_late: Annotated[Count, about("Outcome: applied, and behind the watermark.")]
    duplicate: Annotated[Count, about("Outcome: a repeat, without effect.")]
    superseded: Annotated[Count, about("Outcome: an older version, without effect.")]
    held: Annotated[Count, about("Outcome: impossible order line or unknown name, held. It never falls.")]
    dead_letter: Annotated[Count, about("Outcome: refused.")]
    released: Annotated[Count, about("Those of `held` that are held no more.")] = 0
    unknown_line: Annotated[Count, about("Changes of order lines that were not heard of before; applied.")] = 0


class AutomaticDecision(msgspec.Struct, kw_only=True):
    """One automatic decision: which rule, on what, from which value to which, and which events caused it."""

    rule: Annotated[Rule, about("What was decided; `prior` and `value` are what it says.", RULES)]
    subject: Annotated[
        str,
        about("What was decided on, and key of the record: `sku/location`, a SKU, a location, or part of the engine."),
    ]
    sku: Annotated[str | None, about("Item that it is about; null: it is about none.")] = None
    location: Annotated[str | None, about("Location that it is about; null: it is about none.")] = None
    inputs: Annotated[
        dict[str, Measure | int | str | None], about("What the rule used, by name; null: not known.")
    ] = {}
    prior: Annotated[Expectation | str | None, about("Number or text before; null: there was none.")] = None
    value: Annotated[Expectation | str | None, about("Number or text after; null: there is none.")] = None
    reason: Annotated[str, about("The decision in a sentence, in English.")] = ""
    cause_event_ids: Annotated[
        list[str], about("Ids of the events that caused it; none: it was time.", maxItems=CAUSES_MAX)
    ] = []
    decimals: Decimals = DECIMALS_MAX


class DecisionAnswer(msgspec.Struct, kw_only=True):
    """The answer to one ``decision.made`` or ``execution.confirmed``.

    Of a malformed decision it has what can be read of the message.
    """

    event_id: Annotated[str, about("Id of the decision; empty: it could not be read.")]
    decision: Annotated[
        Verdict | Literal["execute", "unreadable"],
        about(
            "What was decided.",
            VERDICTS | {"execute": "the ERP executed a proposal", "unreadable": "it could not be read"},
        ),
    ]
    outcome: Annotated[Outcome, about("Whether it has an effect.", OUTCOMES)]
    rejection: Annotated[Rejection | None, about("Why it has none; null: it was accepted.", REJECTIONS)] = None
    answer: Annotated[str, about("The outcome in a sentence, in English.")]
    subject: Annotated[str, about("Subject of the decision; empty: it could not be read.")]
    sku: Annotated[str | None, about("Item of the subject; null: the subject has none, or is not known.")] = None
    location: Annotated[str | None, about("Location of the subject; null: the subject has none, or is not known.")] = (
        None
    )
    exception_id: Annotated[str | None, about("Exception that was decided about; null: about parameters.")] = None
    version: Annotated[
        int | None,
        about("Version of the subject after it; null: the subject is not known or not published.", minimum=1),
    ] = None
    status: Annotated[str | None, about("Status of the subject after it; null: the subject is not known.")] = None
    prior: Annotated[
        Expectation | str | None, about("Status or number (base units, or days) before; null: nothing has changed.")
    ] = None
    value: Annotated[
        Expectation | str | None, about("Status or number (base units, or days) after; null: nothing has changed.")
    ] = None
    field: Annotated[
        str | None, about("Field that was overridden; of a malformed message the one that is wrong; null: none.")
    ] = None
    label: Annotated[Label | None, about("Label that was given; null: none.", LABELS)] = None
    decider: Annotated[str | None, about("Who decided; null: not said.")] = None
    role: Annotated[str | None, about("Role in which they decided; null: not said.")] = None
    reason: Annotated[str | None, about("Why, in their words; of an execution its reference; null: not said.")] = None
    required: Annotated[str | None, about("What `field` must be; null: the message is not malformed.")] = None
    got: Annotated[str | None, about("What it was; null: the message is not malformed.")] = None
    decimals: Decimals = DECIMALS_MAX


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
