"""Output records of a shard: exceptions, planning parameters, automatic decisions. A backfilling shard has none."""

from typing import Any

from sensing.contracts.audit import AutomaticDecision
from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.parameters import PlanningParameters
from sensing.contracts.subjects import parameters_subject
from sensing.detection.finding import DetectionContext, Finding
from sensing.machines.shard_state import ShardState
from sensing.outputs import AUDIT, EXCEPTIONS, PARAMETERS


def context_of(
    s: ShardState, row: int, instant: int, event_time: int, causes: tuple[str, ...] = ()
) -> DetectionContext:
    """Detection context of a row: names, price, instants, causes. The price is the newest order's, else the item's."""
    hot = s.rows.hot[row]
    price, currency = float(hot["price"]), bytes(hot["currency"]).decode() or None
    sku, location = s.names_of(row)
    if price != price:
        item = s.supply.master.item(sku)
        if item is not None and item.unit_price is not None:
            price, currency = item.unit_price, item.currency
    return DetectionContext(
        sku=sku, location=location, row=row, instant=instant, event_time=event_time, price=price, currency=currency,
        cause_event_ids=causes,
    )  # fmt: skip


def observe(s: ShardState, finding: Finding) -> None:
    """Update the problem that a finding is about, and put out its state if it must be published."""
    state = s.problems.observe(finding)
    if state is not None:
        put_exception(s, finding.instant, finding.event_time, state)


def put_exception(
    s: ShardState, instant: int, event_time: int, state: ExceptionState, cause: str | None = None
) -> None:
    """Put out the whole state of one problem; ``cause`` is the event id of the decision that changed it, if any."""
    attributes = {
        "exceptiontype": state.exception_type,
        "severity": state.severity,
        "route": state.route,
        "correlationid": state.exception_id,
    }
    region = region_of(s, state.location)
    if region is not None:
        attributes["region"] = region
    if cause is not None or state.cause_event_ids:
        attributes["causationid"] = cause or state.cause_event_ids[-1]
    s.outbox.put(
        instant, EXCEPTIONS, f"exception.{state.status}", f"{state.exception_id}#{state.version}", state.exception_id,
        event_time, state, attributes,
    )  # fmt: skip


def put_tombstone(s: ShardState, instant: int, exception_id: str, version: int) -> None:
    """Put out the tombstone of an exception that ended long ago; it deletes the key from the compacted topic."""
    s.outbox.put(
        instant, EXCEPTIONS, "exception.forgotten", f"{exception_id}#{version}", exception_id, instant, None,
        {"correlationid": exception_id},
    )  # fmt: skip


def put_parameters(
    s: ShardState, instant: int, document: PlanningParameters, event_time: int, cause: str | None = None
) -> None:
    """Put out the planning parameters of one row.

    Without a ``cause`` (the event id of a person's decision) the publication is an automatic decision, put out as well.
    """
    subject = parameters_subject(document.sku, document.location)
    identity = f"{subject}#{document.version}"
    attributes = {"demandclass": document.demand_class, "status": document.status, "correlationid": subject}
    region = region_of(s, document.location)
    if region is not None:
        attributes["region"] = region
    if cause is not None:
        attributes["causationid"] = cause
    kind = f"parameters.{document.status}"
    s.outbox.put(instant, PARAMETERS, kind, identity, subject, event_time, document, attributes)
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
    )
    put_decision(s, instant, instant, f"parameters/{identity}", decision)


def put_decision(s: ShardState, instant: int, event_time: int, identity: str, decision: AutomaticDecision) -> None:
    """Put out one automatic decision, unless the shard is backfilling."""
    if s.backfilling:
        return
    attributes: dict[str, Any] = {"correlationid": decision.subject}
    if decision.cause_event_ids:
        attributes["causationid"] = decision.cause_event_ids[-1]
    s.outbox.put(
        instant, AUDIT, "decision.automatic", f"audit/{identity}", decision.subject, event_time, decision, attributes
    )


def region_of(s: ShardState, location: str) -> str | None:
    """Region of a location; None if master data do not name it."""
    number = s.locations.numbers.get(location)
    return None if number is None else s.locations.records[number].region
