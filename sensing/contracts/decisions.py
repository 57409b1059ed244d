"""Topic ``decisions``: what people and the ERP made of what the engine proposed.

Every decision is answered once on ``audit``: ``decision.accepted`` with its effect, or ``decision.rejected`` with the
reason and what is current. A repeat of an event id has no effect and no answer. In a quiet time decisions take effect
and are not answered; what refers to published parameters finds none then.

A decision is about one exception or about the parameters of one SKU-location:

- about an exception where it has an ``exception_id``, or where ``subject`` is one and there is no
  ``parameters_version``;
- else about parameters, whose subject is ``sku/location``.

It goes by the SKU that the subject names: of an exception the first part of what it is about, of parameters all before
the last slash. Where that is not the SKU (a location with a slash in it, an id in which even the SKU was shortened),
``sku`` has to say it.
"""

import datetime as dt
from typing import Annotated, Literal, get_args

from msgspec import Meta

from sensing.contracts.common import Event, Id, QuantityOrZero, Revision, Sku, Subject, Text
from sensing.contracts.topic_spec import TopicSpec

Verdict = Literal["acknowledge", "approve", "reject", "override", "label", "release"]
Label = Literal["confirmed", "expected", "false_alarm", "new_trend"]


class DecisionMade(Event, tag="decision.made", kw_only=True, gc=False):
    """A person decided about an exception or a proposal; ``subject`` and the id are echoed from what was decided on.

    Versions are echoed so that nothing is decided on a state that nobody saw. Without one the decision is about what is
    current. An exception's is stale where the problem was opened or escalated after it; parameters' where there is a
    newer one. An exception that has ended can be labelled, while it is remembered, and nothing else.

    On an exception
        ``acknowledge``: somebody is at it; status ``acknowledged``. ``label``: what it was, in ``label``, which other
        decisions may bring along. ``reject``: it is no problem; resolved, and for a week it comes back only if it is
        graver. ``release``: the quantity that ``data_quality`` holds is right; it is booked when it was ordered, counts
        from now on, and the exception is resolved.
    On parameters
        ``approve``: status ``approved``, until the execution is confirmed. ``reject``: status ``rejected``, what is in
        force stays, and nothing is proposed anew before it has left the dead band around what was rejected.
        ``override``: ``value`` (base units, or days) is put in place of ``field``, one of safety_stock, reorder_point,
        order_up_to, order_quantity and lead_time_days, and what follows from it follows; it is an approval; it stands
        up to and with the local day ``until`` (28 days where not told), or until it is overridden anew or released.
        ``release``: all overrides are lifted.
    """

    subject: Subject
    exception_id: Subject | None = None
    exception_version: Revision | None = None
    parameters_version: Revision | None = None
    decision: Verdict
    label: Label | None = None
    decider: Id
    role: Id
    reason: Text | None = None
    field: Id | None = None
    value: QuantityOrZero | None = None
    until: Annotated[dt.date, Meta(description="Last local day of an override.")] | None = None
    sku: Sku | None = None


class ExecutionConfirmed(Event, tag="execution.confirmed", kw_only=True, gc=False):
    """The ERP executed.

    Version ``parameters_version`` of the proposal for ``subject`` is in force since the event time, or action
    ``action_id`` is done. Without a version it is the one last approved, else the current one. Other versions are
    stale, since nobody remembers what they said: the ERP then tells ``parameters.in_force``.
    """

    subject: Subject
    parameters_version: Revision | None = None
    action_id: Id | None = None
    reference: Text | None = None
    sku: Sku | None = None


DecisionEvent = DecisionMade | ExecutionConfirmed

SPEC = TopicSpec(name="decisions", about=__doc__, structs=get_args(DecisionEvent))
