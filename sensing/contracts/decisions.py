"""Topic ``decisions``: decisions of people about exceptions and proposals, and executions by the ERP.

Every decision is answered once on ``audit``: ``decision.accepted`` with its effect, or ``decision.rejected`` with the
reason and what is current. A repeat of an event id has no effect and no answer. Decisions of a backfill are answered as
well; those about published parameters find none then.

A decision is about one exception or about the parameters of one SKU-location:

- about an exception if it has an ``exception_id``, or if ``subject`` is an exception id and there is no
  ``parameters_version``;
- else about parameters; then ``subject`` is ``sku/location``.

The SKU routes a decision. It is read from the subject: for an exception the first part of its key, for parameters the
text before the slash. Within a name ``/`` is written ``%2F``, and ``%`` is ``%25``. If the id was shortened, or the
slash in a location is written as it is, ``sku`` is required.
"""

import datetime as dt
from typing import Annotated, Literal, get_args

from msgspec import Meta

from sensing.contracts.common import Event, Id, QuantityOrZero, Revision, Sku, Subject, Text
from sensing.contracts.topic_spec import TopicSpec

Verdict = Literal["acknowledge", "approve", "reject", "override", "label", "release"]
Label = Literal["confirmed", "expected", "false_alarm", "new_trend"]


class DecisionMade(Event, tag="decision.made", kw_only=True, gc=False):
    """A person decided about an exception or a proposal; ``subject`` and the id are copied from the published record.

    The version is copied too, so that a decision is about the state that the person saw. Without a version it is about
    the current state. The version of an exception is stale if the problem was opened or escalated after it; a version
    of parameters is stale if there is a newer one. An exception that has ended can only be labelled.

    On an exception
        ``acknowledge``: somebody works on it; status ``acknowledged``. ``label``: what it was, in ``label``, which
        other decisions may have as well. ``reject``: it is no problem; it is resolved, and for a week it recurs only
        with a higher severity. ``release``: the quantity that ``data_quality`` holds is right; it is booked at its
        order time, counts from now on, and the exception is resolved.
    On parameters
        ``approve``: status ``approved``, until the execution is confirmed. ``reject``: status ``rejected``; the values
        in force stay, and nothing is proposed until it leaves the dead band around the rejected values. ``override``:
        ``value`` (base units, or days) replaces ``field``, one of safety_stock, reorder_point, order_up_to,
        order_quantity and lead_time_days, and dependent values follow. It is an approval. It ends after the local day
        ``until`` (default: 28 days), or with the next override or release. ``release``: ends all overrides.
    """

    subject: Subject
    exception_id: Subject | None = None
    exception_version: Revision | None = None
    parameters_version: Revision | None = None
    decision: Annotated[Verdict, Meta(description="What was decided.")]
    label: Annotated[Label, Meta(description="What the problem was.")] | None = None
    decider: Id
    role: Id
    reason: Text | None = None
    field: Id | None = None
    value: QuantityOrZero | None = None
    until: Annotated[dt.date, Meta(description="Last local day of an override.")] | None = None
    sku: Sku | None = None


class ExecutionConfirmed(Event, tag="execution.confirmed", kw_only=True, gc=False):
    """The ERP executed a proposal or an action.

    Version ``parameters_version`` of the proposal for ``subject`` is in force since the event time, or action
    ``action_id`` is done. Without a version it is the one last approved, else the current one. Other versions are
    stale, since the engine does not store them: the ERP then sends ``parameters.in_force``.
    """

    subject: Subject
    parameters_version: Revision | None = None
    action_id: Id | None = None
    reference: Text | None = None
    sku: Sku | None = None


DecisionEvent = DecisionMade | ExecutionConfirmed

SPEC = TopicSpec(name="decisions", about=__doc__, structs=get_args(DecisionEvent))
