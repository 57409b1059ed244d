"""Topic ``exceptions`` (compacted by exception id): one stateful object per problem.

The latest record is its whole state.
"""

from typing import Literal, get_args

import msgspec

from sensing.contracts.decisions import Label, Verdict
from sensing.contracts.exception_details import Details
from sensing.contracts.number_kinds import BaseMoney, Expectation, Money, Ratio
from sensing.contracts.reference import DECIMALS_MAX
from sensing.contracts.topic_spec import View, output, typed

Status = Literal["candidate", "opened", "escalated", "acknowledged", "resolved", "expired"]
Change = Literal["opened", "changed", "escalated", "de_escalated", "acknowledged", "resolved", "reopened"]
"""What a record has changed: the last part of its event type."""
Resolution = Literal[
    "back_to_normal", "received", "shipped", "cancelled", "corrected", "released", "rejected", "expired", "known",
    "plan_ended", "plan_replaced", "item_ending", "row_ended", "not_found_again",
]  # fmt: skip
"""How a problem ended."""
Severity = Literal["low", "medium", "high", "critical"]
Informed = Literal["planner", "buyer", "finance", "commercial", "data_steward", "customer_service", "transportation"]
"""Roles that are told of a problem and do not decide."""
Route = Literal["auto", "planner", "buyer", "finance", "commercial", "data_steward"]

MoneyStatus = Literal["ranked", "no_price", "no_rate"]

SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")


ExceptionType = str
"""Name of a detector. The published schema lists all names."""


class OrderConcerned(msgspec.Struct, frozen=True):
    """An order line that an event behind a problem was about. ``line`` is that of the event, else the SKU."""

    order_id: str
    line: str


class ExceptionState(msgspec.Struct, kw_only=True):
    """Whole state of one problem. The event type says what the record has changed, ``status`` what holds now.

    Times are RFC 3339 UTC strings, quantities base units. ``updated_at`` is the time of the event or, where it came
    late, the engine's clock. ``money`` at price and ``margin`` (absent if no cost is
    known) are in ``currency``, the currency of the price. ``money_base`` is ``money`` in ``base_currency``; severity
    and ranks depend on it alone. ``money_status`` says whether there is one: ``ranked``, ``no_price`` or ``no_rate``.
    ``item_name``, ``family``, ``category``, ``strategic`` and ``regulated`` are those of the item, ``region`` that of
    the location. ``owner`` is the person that master data name for ``route``: the steward of the item or location, or
    the buyer of the supplier. ``customer`` is the customer with a record whose order line caused the problem.
    ``decision`` is the latest decision of a person about the problem, with who, when and why; ``label`` is the latest
    label. If the severity rises after an acknowledgement, the status becomes ``escalated`` again. ``sku`` and
    ``location`` are null where the problem has none, such as that of an unknown location or supplier.
    ``deadline`` follows the severity. ``overdue``: it passed before anybody acknowledged the problem, which raised the
    severity by one grade. ``resolution`` says how the problem ended. ``caused_by`` are the ids of open exceptions that
    cause this one. ``orders`` are order lines of the events behind it, the first and the latest as in
    ``cause_event_ids``; ``purchase_order`` and ``purchase_order_line`` name the line that it is about. ``decimals`` are
    those of quantities in the base unit.
    """

    exception_id: str
    exception_type: ExceptionType
    version: int
    status: Status
    severity: Severity
    sku: str | None = None
    location: str | None = None
    opened_at: str
    updated_at: str
    resolved_at: str | None = None
    expected: Expectation | None = None
    observed: Expectation | None = None
    probability: Ratio | None = None
    window_start: str | None = None
    window_end: str | None = None
    money: Money | None = None
    currency: str | None = None
    margin: Money | None = None
    money_base: BaseMoney | None = None
    base_currency: str | None = None
    money_status: MoneyStatus = "no_price"
    reason: str = ""
    route: Route = "planner"
    inform: list[str] = []
    deadline: str | None = None
    cause_event_ids: list[str] = []
    details: Details | None = None
    label: Label | None = None
    decision: Verdict | None = None
    decided_by: str | None = None
    decided_role: str | None = None
    decided_at: str | None = None
    decision_reason: str | None = None
    owner: str | None = None
    item_name: str | None = None
    family: str | None = None
    category: str | None = None
    strategic: bool = False
    regulated: bool = False
    region: str | None = None
    customer: str | None = None
    customer_strategic: bool = False
    customer_segment: str | None = None
    customer_region: str | None = None
    overdue: bool = False
    resolution: Resolution | None = None
    caused_by: list[str] = []
    orders: list[OrderConcerned] = []
    purchase_order: str | None = None
    purchase_order_line: str | None = None
    decimals: int = DECIMALS_MAX


ENDED: tuple[Status, ...] = ("resolved", "expired")

SPEC = output(
    "exceptions",
    __doc__,
    typed("exception", get_args(Change), ExceptionState),
    "Exception id. A tombstone follows some days after the end of the exception.",
    compacted=True,
    view=View(hash="exception", channel="exceptions"),
)
