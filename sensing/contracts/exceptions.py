"""Topic ``exceptions`` (compacted by exception id): one stateful object per problem.

The latest record is its whole state.
"""

from typing import Annotated, Literal, get_args

import msgspec

from sensing.contracts.decisions import Label
from sensing.contracts.exception_details import Details
from sensing.contracts.number_kinds import BaseMoney, Expectation, Money
from sensing.contracts.output_fields import (
    CAUSES_MAX,
    LABELS,
    VERDICTS,
    Category,
    DecidedAt,
    Decider,
    DeciderRole,
    Decimals,
    DecisionReason,
    Family,
    Instant,
    ItemName,
    Region,
    Regulated,
    Share,
    Strategic,
    about,
)
from sensing.contracts.reference import DECIMALS_MAX
from sensing.contracts.topic_spec import View, output, typed

Status = Literal["opened", "escalated", "acknowledged", "resolved", "expired"]
STATUSES: dict[Status, str] = {
    "opened": "open, nobody has acknowledged it",
    "escalated": "open; its severity has risen, and nobody has acknowledged it since",
    "acknowledged": "open, and a person works on it",
    "resolved": "ended",
    "expired": "ended, since nothing was heard of it any more",
}
Change = Literal["opened", "changed", "escalated", "de_escalated", "acknowledged", "resolved", "reopened"]
CHANGES: dict[Change, str] = {
    "opened": "A problem is published for the first time: once an id, always version 1. Its status is `opened`, or "
    "`acknowledged` if that was decided in a backfill.",
    "changed": "Evidence, money, causes or label have changed; severity and status have not.",
    "escalated": "The severity has risen, or the deadline of a critical problem has passed. Its status is `escalated`.",
    "de_escalated": "The severity has fallen. Its status is `opened`, or still `acknowledged`.",
    "acknowledged": "A person works on it. Its status is `acknowledged`.",
    "resolved": "It has ended; `resolution` says how. Its status is `resolved`, or `expired` if nothing was heard of "
    "it any more.",
    "reopened": "A problem that had ended has recurred under its id. Its status is `opened`.",
}
"""What a record has changed: the last part of its event type."""
Resolution = Literal[
    "back_to_normal", "received", "shipped", "cancelled", "corrected", "released", "rejected", "expired", "known",
    "plan_ended", "plan_replaced", "item_ending", "row_ended", "not_found_again",
]  # fmt: skip
RESOLUTIONS: dict[Resolution, str] = {
    "back_to_normal": "what was unusual is not any more",
    "received": "the goods have arrived",
    "shipped": "nothing of the order line is open any more",
    "cancelled": "the order line or purchase-order line was cancelled",
    "corrected": "the order line was changed to a usual quantity",
    "released": "a person said that the held order line is right",
    "rejected": "a person said that it is no problem",
    "expired": "nothing was heard of it any more",
    "known": "the name is in master data now",
    "plan_ended": "the days of the plan are over",
    "plan_replaced": "another plan differs by less",
    "item_ending": "the item ends",
    "row_ended": "a successor has taken over from the item",
    "not_found_again": "the engine was restarted and did not find it again",
}
Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
SEVERITY_WORDS: dict[Severity, str] = {
    "low": "can wait", "medium": "soon", "high": "today", "critical": "at once",
}  # fmt: skip
Informed = Literal["planner", "buyer", "commercial", "data_steward", "customer_service"]
"""Roles that are told of a problem and do not decide."""
Route = Literal["planner", "buyer", "data_steward"]
ROLES: dict[str, str] = {
    "planner": "plans stock and orders",
    "buyer": "orders from suppliers",
    "data_steward": "keeps master data and order entry right",
    "commercial": "knows customers and promotions",
    "customer_service": "talks to customers",
}
MoneyStatus = Literal["ranked", "no_price", "no_rate"]
MONEY_STATUSES: dict[MoneyStatus, str] = {
    "ranked": "`money_base` gives severity and rank",
    "no_price": "no price is known",
    "no_rate": "no rate to the base currency is known",
}

ExceptionType = str
"""Name of a detector. The published schema lists all names."""


ExceptionVerdict = Literal["acknowledge", "reject", "label", "release"]
"""Decisions that a person may make about an exception."""


class OrderConcerned(msgspec.Struct, frozen=True):
    """An order line that an event behind a problem was about."""

    order_id: Annotated[str, about("Id of the order.")]
    line: Annotated[str, about("Line of the order; the SKU if the event names none.")]


class ExceptionState(msgspec.Struct, kw_only=True):
    """Whole state of one problem. The event type says what the record has changed, ``status`` what holds now."""

    exception_id: Annotated[
        str,
        about(
            "Id of the problem, and key of the record: short type, key and local day on which the episode began, as "
            "`surge:SKU|LOCATION:20260105`. Within a part of the key `|` is `%7C` and `%` is `%25`. "
            "At most 128 bytes; a longer key is cut and ends in a digest.",
        ),
    ]
    exception_type: Annotated[ExceptionType, about("What kind of problem it is.")]
    version: Annotated[int, about("Number of the record among those of this id, from 1.", minimum=1)]
    status: Annotated[Status, about("What holds now.", STATUSES)]
    severity: Annotated[
        Severity, about("How urgent it is, by evidence, importance, money and persistence.", SEVERITY_WORDS)
    ]
    sku: Annotated[str | None, about("Item; null: the problem has none, as an unknown location.")] = None
    location: Annotated[str | None, about("Location; null: the problem has none, as an unknown supplier.")] = None
    opened_at: Annotated[Instant, about("Event time at which it opened.")]
    updated_at: Annotated[
        Instant, about("Time of the latest event about it or, if that came late, the engine's clock.")
    ]
    resolved_at: Annotated[Instant | None, about("Event time at which it ended; null: it has not.")] = None
    expected: Annotated[Expectation | None, about("What was to be expected; null: the type has no such number.")] = None
    observed: Annotated[Expectation | None, about("What was found instead; null: the type has no such number.")] = None
    probability: Annotated[
        Share | None, about("Chance of what was found or, of a stock-out, that it comes, 0 to 1; null: not computed.")
    ] = None
    window_start: Annotated[Instant | None, about("Begin of the window; null: the type has none.")] = None
    window_end: Annotated[Instant | None, about("End of the window; null: the type has none.")] = None
    money: Annotated[Money | None, about("What is at stake, at price; null: no price is known.")] = None
    currency: Annotated[
        str | None, about("ISO 4217 code of the currency of the price; null: not known.", pattern="^[A-Z]{3}$")
    ] = None
    margin: Annotated[Money | None, about("Part of `money` beyond the cost; null: no cost is known.")] = None
    money_base: Annotated[BaseMoney | None, about("The same as `money`; null: price or rate is not known.")] = None
    base_currency: Annotated[
        str | None,
        about("ISO 4217 code of the currency in which problems are ranked; null: none.", pattern="^[A-Z]{3}$"),
    ] = None
    money_status: Annotated[MoneyStatus, about("Whether money counts.", MONEY_STATUSES)] = "no_price"
    reason: Annotated[str, about("The problem in a sentence or a few, in English.")] = ""
    route: Annotated[Route, about("Role that decides.", {role: ROLES[role] for role in get_args(Route)})] = "planner"
    inform: Annotated[
        list[Informed], about("Roles that are told.", {role: ROLES[role] for role in get_args(Informed)})
    ] = []
    deadline: Annotated[
        Instant | None, about("Until when somebody should have acknowledged it; null: in no record.")
    ] = None
    cause_event_ids: Annotated[
        list[str], about("Ids of events behind it: the first three and the latest.", maxItems=CAUSES_MAX)
    ] = []
    details: Annotated[
        Details | None, about("What is special to the type, which is its field `type`; null: nothing.")
    ] = None
    label: Annotated[Label | None, about("What a person says it was; null: nobody has said.", LABELS)] = None
    decision: Annotated[
        ExceptionVerdict | None,
        about(
            "Latest decision of a person about it; null: there was none.",
            {verdict: VERDICTS[verdict] for verdict in get_args(ExceptionVerdict)},
        ),
    ] = None
    decided_by: Decider = None
    decided_role: DeciderRole = None
    decided_at: DecidedAt = None
    decision_reason: DecisionReason = None
    owner: Annotated[
        str | None,
        about("Person for `route`: steward of item or location, buyer of the supplier; null: master data name none."),
    ] = None
    item_name: ItemName = None
    family: Family = None
    category: Category = None
    strategic: Strategic = False
    regulated: Regulated = False
    region: Region = None
    customer: Annotated[
        str | None, about("Customer whose order line caused it; null: none, or one without a record.")
    ] = None
    customer_strategic: Annotated[bool, about("Whether master data call `customer` strategic.")] = False
    customer_segment: Annotated[str | None, about("Segment of `customer`; null: master data name none.")] = None
    customer_region: Annotated[str | None, about("Region of `customer`; null: master data name none.")] = None
    overdue: Annotated[
        bool, about("Whether the deadline passed before anybody acknowledged it, which raised the severity by a grade.")
    ] = False
    resolution: Annotated[Resolution | None, about("How it ended; null: it has not.", RESOLUTIONS)] = None
    caused_by: Annotated[list[str], about("Ids of open exceptions that cause this one.", maxItems=CAUSES_MAX)] = []
    orders: Annotated[
        list[OrderConcerned],
        about("Order lines of events behind it: the first three and the latest.", maxItems=CAUSES_MAX),
    ] = []
    purchase_order: Annotated[str | None, about("Purchase order that it is about; null: it is about none.")] = None
    purchase_order_line: Annotated[str | None, about("Line of `purchase_order`; null: it is about none.")] = None
    decimals: Decimals = DECIMALS_MAX


ENDED: tuple[Status, ...] = ("resolved", "expired")

SPEC = output(
    "exceptions",
    __doc__,
    typed("exception", get_args(Change), ExceptionState),
    "Exception id.",
    compacted=True,
    tombstone="exception.forgotten",
    summaries={f"exception.{change}": meaning for change, meaning in CHANGES.items()},
    view=View(hash="exception", channel="exceptions"),
)
