"""Output records of a shard: planning parameters and automatic decisions, and the context of its findings. A
backfilling shard has no outputs.
"""

import math
from typing import Any

import numpy as np

from sensing.contracts.audit import AutomaticDecision
from sensing.contracts.parameters import PlanningParameters
from sensing.contracts.subjects import parameters_subject
from sensing.detection.finding import DetectionContext, LineName
from sensing.machines.master_facts import complete_parameters, decimals_of
from sensing.machines.shard_state import ShardState
from sensing.machines.unit_money import unit_money
from sensing.outputs import AUDIT, PARAMETERS
from sensing.supply.parameter_documents import Published


def context_of(
    s: ShardState, row: int, instant: int, event_time: int, causes: tuple[str, ...] = (), *, customer: int = 0,
    line: Any = None, day: int | None = None, orders: tuple[LineName, ...] = (),
) -> DetectionContext:  # fmt: skip
    """Detection context of a row: names, money of a unit, instants, causes, facts that raise severity.

    ``customer`` is the hash of the customer of the order line that is the cause, 0 if there is none. The price is that
    of ``line`` (a record), if it is given and has one, else that of the newest order, else that of the item. ``day`` is
    the local day that the context is about; None: that of the event time.
    """
    priced = s.rows.hot[row] if line is None or np.isnan(line["price"]) else line
    sku, location = s.names_of(row)
    item = s.supply.master.item(sku)
    money = unit_money(s, item, float(priced["price"]), bytes(priced["currency"]).decode() or None)
    return DetectionContext(
        sku=sku, location=location, row=row, instant=instant, event_time=event_time,
        day=s.zones.local_hour(s.zone_of(row), event_time) // 24 if day is None else day, price=money.price,
        currency=money.currency, margin=money.margin, rate=money.rate, base_currency=s.supply.master.rates.base,
        strategic=item is not None and item.strategic, regulated=item is not None and item.regulated,
        customer=s.customers.find(customer), cause_event_ids=causes, orders=orders,
        money_min=s.supply.master.stated("exception_money_min", sku, location, math.nan),
    )  # fmt: skip


def put_parameters(
    s: ShardState, instant: int, published: Published, event_time: int, cause: str | None = None
) -> None:
    """Put out the planning parameters of one row.

    Without a ``cause`` (the event id of a person's decision) the publication is an automatic decision, put out as well.
    """
    document = published.document
    complete_parameters(s, document, published.row)
    subject = parameters_subject(document.sku, document.location)
    identity = f"{subject}#{document.version}"
    attributes = {"demandclass": document.demand_class, "status": document.status, "correlationid": subject}
    if document.region is not None:
        attributes["region"] = document.region
    causes = document.change.cause_event_ids
    if cause is not None or causes:
        attributes["causationid"] = cause or causes[-1]
    kind = f"parameters.{document.status}"
    s.outbox.put(
        instant, PARAMETERS, kind, identity, subject, event_time, document, attributes, rounded=published.rounded
    )
    if cause is None:
        _put_publication(s, instant, document, subject, identity)


def _put_publication(s: ShardState, instant: int, document: PlanningParameters, subject: str, identity: str) -> None:
    change = document.change
    decision = AutomaticDecision(
        rule="publish_parameters",
        subject=subject,
        sku=document.sku,
        location=document.location,
        inputs={"version": document.version, "dead_band": s.settings.dead_band},
        prior=document.proposed.reorder_point - change.total if document.version > 1 else None,
        value=document.proposed.reorder_point,
        reason=change.sentence,
        cause_event_ids=list(change.cause_event_ids),
        decimals=document.decimals,
    )
    _put(s, instant, instant, f"parameters/{identity}", decision)


def put_decision(s: ShardState, instant: int, event_time: int, identity: str, decision: AutomaticDecision) -> None:
    """Put out one automatic decision, unless the shard is backfilling."""
    decision.decimals = decimals_of(s, decision.sku, decision.location)
    _put(s, instant, event_time, identity, decision)


def _put(s: ShardState, instant: int, event_time: int, identity: str, decision: AutomaticDecision) -> None:
    if s.backfilling:
        return
    attributes: dict[str, Any] = {"correlationid": decision.subject}
    if decision.cause_event_ids:
        attributes["causationid"] = decision.cause_event_ids[-1]
    s.outbox.put(
        instant, AUDIT, "decision.automatic", f"audit/{identity}", decision.subject, event_time, decision, attributes
    )
