"""Decisions about planning parameters: approve, reject, override, release. `decide` calls it."""

from typing import Any, Literal, NamedTuple

import numpy as np

from sensing.codec.event_record import InfrequentEvent
from sensing.codec.instants import day_number, local_date
from sensing.contracts.decisions import DecisionMade
from sensing.contracts.parameters import OverrideField, PlanningParameters
from sensing.contracts.subjects import parameters_names
from sensing.machines.decisions.decision_answer import Answer, DecisionTarget, decision_record_of, rejected, sentence
from sensing.machines.decisions.roles import parameter_roles
from sensing.machines.forecast_and_plan import ForecastAndPlan, forecast_and_plan_of_row, forecast_summary
from sensing.machines.row_lookup import row_of_known
from sensing.machines.shard_outputs import put_parameters
from sensing.machines.shard_state import ShardState
from sensing.supply.parameter_documents import values_of
from sensing.supply.planner_decisions import FIELDS, KEPT_DAYS, DecisionState, PlannerOverride, ProposalDecision
from sensing.supply.publication_causes import Causes
from sensing.supply.receipt_statistics import LEAD_TIME_DAYS_MAX

PUBLISHED = "a sku/location whose parameters were published, with a slash in a name as %2F"
ONE = np.zeros(1, np.int64)


class DecidedRow(NamedTuple):
    """The row that a decision is about, and the version and status published last; None in the backfill."""

    row: int
    target: DecisionTarget


def find_row(s: ShardState, event: Any) -> DecidedRow | None:
    """The row that the subject of a decision names.

    None if there is no such row or nothing was published of it. In the backfill, unpublished rows count as well.
    """
    sku, location = parameters_names(event)
    row = row_of_known(s, sku, location)
    if row is None or not s.rows.hot["active"][row]:
        return None
    version = int(s.supply.supply["version"][row])
    if version > 0:
        return DecidedRow(row, DecisionTarget(sku, location, version, s.supply.status(row)))
    return DecidedRow(row, DecisionTarget(sku, location)) if s.backfilling else None


def decide_parameters(s: ShardState, message: InfrequentEvent) -> Answer:
    """Apply a decision about parameters; a rejected one changes nothing."""
    event: DecisionMade = message.event
    found = find_row(s, event)
    if found is None:
        return rejected("unknown_subject", PUBLISHED, event.subject)
    # In the backfill nothing is published, so there is no version to compare with.
    version = event.parameters_version if found.target.version else None
    refusal = _unfit(event, found.target) or past(version, found.target)
    if refusal is not None:
        return refusal
    decision_state = s.supply.decision_states.make(found.row, found.target.version or 0)
    if decision_state is None:
        most = f"at most {s.settings.decided_rows_max} SKU-locations of a shard with decisions"
        return rejected("table_full", most, "one more", found.target)
    if event.decision in ("approve", "reject"):
        answer = _decide_proposal(s, message, found, decision_state)
    else:
        answer = _override_parameters(s, message, found, decision_state)
    s.supply.decision_states.drop_if_empty(found.row, int(s.supply.supply["version"][found.row]))
    if answer.rejection is None:
        s.rows.hot["dirty"][found.row] = 1
    return answer


def past(version: int | None, target: DecisionTarget) -> Answer | None:
    """Rejection of a decision about a version other than the current one, ``target.version``; else None."""
    if version is None or version == target.version:
        return None
    newest = f"version {target.version}, which is the current one"
    return rejected(
        "unknown_version" if version > (target.version or 0) else "stale", newest, f"version {version}", target
    )


def republish_row(s: ShardState, message: InfrequentEvent, result: ForecastAndPlan) -> PlanningParameters:
    """Publish the unchanged proposal of a row again with its present status."""
    causes = Causes.of("decision", message.event.event_id)
    published = s.supply.republish(result.plan, forecast_summary(s, result, ONE), causes)
    put_parameters(s, s.clock, published, message.time, cause=message.event.event_id)
    return published.document


def _unfit(event: DecisionMade, target: DecisionTarget) -> Answer | None:
    """Rejection of a decision that does not apply, that the role may not make, or without a valid value; else None."""
    roles = parameter_roles(event.decision, event.field)
    if not roles:
        return rejected("not_applicable", "approve, reject, override or release", event.decision, target)
    if event.decision == "override":
        if event.field not in FIELDS:
            return rejected("invalid_value", f"field, one of {', '.join(FIELDS)}", str(event.field), target)
        if event.value is None or (event.field == "lead_time_days" and event.value > LEAD_TIME_DAYS_MAX):
            most = f" of at most {LEAD_TIME_DAYS_MAX:g} days" if event.field == "lead_time_days" else ""
            return rejected("invalid_value", f"a value{most}", str(event.value), target)
    if event.role not in roles:
        return rejected("wrong_role", f"role {' or '.join(roles)}", event.role, target)
    return None


def _decide_proposal(
    s: ShardState, message: InfrequentEvent, found: DecidedRow, decision_state: DecisionState
) -> Answer:
    """Approve or reject the proposal published last; in the backfill there is none."""
    event, row, before = message.event, found.row, found.target
    if before.version is None:
        return rejected("unknown_subject", PUBLISHED, event.subject)
    if before.status == "in_force":
        return rejected("not_applicable", "a proposal that is not in force", event.decision, before)
    result, decision_record = forecast_and_plan_of_row(s, row, s.clock), decision_record_of(message)
    values = values_of(s.supply.as_published(result.plan), 0)
    status: Literal["approved", "rejected"] = "approved" if event.decision == "approve" else "rejected"
    decision_state.proposal_decision = ProposalDecision(
        status, values, decision_state.since, before.version or 0, decision_record
    )
    document = republish_row(s, message, result)
    target = before._replace(version=document.version, status=document.status)
    text = f"{sentence(event, decision_record)} The parameters are {document.status}."
    return Answer(target, text, prior=before.status, value=document.status)


def _override_parameters(
    s: ShardState, message: InfrequentEvent, found: DecidedRow, decision_state: DecisionState
) -> Answer:
    """Set one override or lift all, and publish the new parameters; in the backfill its end publishes them."""
    event, row, before, decision_record = message.event, found.row, found.target, decision_record_of(message)
    closed = int(s.rows.hot["closed_day"][row])
    until = closed + KEPT_DAYS if event.until is None else day_number(event.until)
    prior: float | str | None = ", ".join(sorted(decision_state.overrides))
    value: float | str | None = None
    if event.decision == "release":
        if not decision_state.overrides:
            return rejected("not_applicable", "parameters with an override", "parameters without", before)
        decision_state.overrides = {}
    else:
        if until <= closed:
            required = f"until a day from {local_date(closed + 1)} on"
            return rejected("invalid_value", required, str(event.until), before)
        value = s.supply.decided_value(row, event.field, event.value)
        prior = _published_value(s, found, event.field)
        decision_state.overrides = {
            **decision_state.overrides,
            event.field: PlannerOverride(value, until, decision_record),
        }
    decision_state.due = True
    rounded = "" if value in (None, event.value) else f" The value is {value:.12g} in its steps."
    done = sentence(event, decision_record) + rounded
    if before.version is None:
        text = f"{done} The parameters are published at the end of the backfill."
        return Answer(before, text, prior=prior, value=value)
    result = forecast_and_plan_of_row(s, row, s.clock)
    next_version = before.version + 1
    overrides = event.decision == "override"
    decision_state.proposal_decision = (
        ProposalDecision("approved", values_of(result.plan, 0), next_version, next_version, decision_record)
        if overrides
        else None
    )
    causes = Causes.of("decision", event.event_id)
    (published,) = s.supply.publish(result.plan, ONE, forecast_summary(s, result, ONE), [causes])
    document = published.document
    put_parameters(s, s.clock, published, message.time, cause=event.event_id)
    text = f"{done} The parameters are {document.status}."
    return Answer(before._replace(version=document.version, status=document.status), text, prior=prior, value=value)


def _published_value(s: ShardState, found: DecidedRow, field: OverrideField) -> float | None:
    """The value of a field that was published last; None in the backfill."""
    if not found.target.version:
        return None
    return values_of(s.supply.as_published(forecast_and_plan_of_row(s, found.row, s.clock).plan), 0)[field]
