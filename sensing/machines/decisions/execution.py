"""Execution confirmations: the ERP has put a proposal's values in force. `decide` calls it."""

import numpy as np

from sensing.codec.event_record import InfrequentEvent
from sensing.codec.instants import rfc3339
from sensing.contracts.common import QUANTITY_MAX
from sensing.contracts.decisions import ExecutionConfirmed
from sensing.contracts.reference import ParametersInForce
from sensing.machines.decisions.decision_answer import Answer, rejected
from sensing.machines.decisions.parameter_decisions import PUBLISHED, DecidedRow, find_row, past, republish_row
from sensing.machines.forecast_and_plan import forecast_and_plan_of_row
from sensing.machines.shard_state import ShardState
from sensing.supply.parameter_documents import values_of
from sensing.supply.planner_decisions import Values


def confirm_execution(s: ShardState, message: InfrequentEvent) -> Answer:
    """Put the executed proposal in force, as a ``parameters.in_force`` record does, and publish the row again."""
    event: ExecutionConfirmed = message.event
    if event.action_id is not None:
        return rejected("unknown_subject", "an action that was published", event.action_id)
    found = find_row(s, event)
    if found is None or not found.target.version:
        return rejected("unknown_subject", PUBLISHED, event.subject)
    row, target = found.row, found.target
    sku, location = s.names_of(row)
    version, values = _executed(s, found, event.parameters_version)
    if values is None:
        return past(version, target) or rejected("stale", "the current version", f"version {version}", target)
    before = s.supply.master.in_force(sku, location)
    if before is not None and before[0] > message.time:
        required = f"an execution after {rfc3339(before[0])}, since when the ERP runs on other values"
        return rejected("stale", required, f"one at {rfc3339(message.time)}", target)
    decision_state = s.supply.decision_states.make(row, target.version or 0)
    if decision_state is None:
        most = f"at most {s.settings.decided_rows_max} SKU-locations of a shard with decisions"
        return rejected("table_full", most, "one more", target)
    decision_state.proposal_decision = None
    in_force_values = {field: min(value, QUANTITY_MAX) for field, value in values.items()}
    record = ParametersInForce(
        event_id=event.event_id, event_time=event.event_time, sku=sku, location=location, proposed_version=version,
        **in_force_values,
    )  # fmt: skip
    s.supply.reference(record, np.array([row]), message.time)
    document = republish_row(s, message, forecast_and_plan_of_row(s, row, s.clock))
    s.supply.decision_states.drop_if_empty(row, document.version)
    s.rows.hot["dirty"][row] = 1
    prior = None if before is None else before[1].reorder_point
    text = f"Version {version} is in force since {rfc3339(message.time)}. The parameters are {document.status}."
    target = target._replace(version=document.version, status=document.status)
    return Answer(target, text, prior=prior, value=values["reorder_point"])


def _executed(s: ShardState, found: DecidedRow, version: int | None) -> tuple[int, Values | None]:
    """The executed version, and its values; None if the values are no longer known.

    The state keeps the values published last, in whatever status, and those approved last.
    """
    current = found.target.version or 0
    decision_state = s.supply.decision_states.of(found.row)
    since = current if decision_state is None else decision_state.since
    proposal_decision = None if decision_state is None else decision_state.proposal_decision
    approved = proposal_decision if proposal_decision is not None and proposal_decision.status == "approved" else None
    if version is None:
        version = current if approved is None else approved.last
    if since <= version <= current:
        return version, values_of(s.supply.as_published(forecast_and_plan_of_row(s, found.row, s.clock).plan), 0)
    if approved is not None and approved.first <= version <= approved.last:
        return version, approved.values
    return version, None
