"""Decisions about planning parameters: approve, reject, override, release."""

from typing import Any, Literal, NamedTuple

import numpy as np

from sensing.codec.instants import day_number, local_date
from sensing.codec.record import Rare
from sensing.contracts.decisions import DecisionMade
from sensing.contracts.parameters import OverrideField, PlanningParameters
from sensing.contracts.subjects import parameters_subject, sku_of
from sensing.machines.decisions.answer import About, Answer, rejected, ruling_of, sentence
from sensing.machines.decisions.roles import parameter_roles
from sensing.machines.incoming import row_of_known
from sensing.machines.outlook import Outlook, outlook_of_row, told_of
from sensing.machines.report import put_parameters
from sensing.machines.state import ShardState
from sensing.supply.due import EXPIRES_DAYS
from sensing.supply.lead_time import LEAD_TIME_DAYS_MAX
from sensing.supply.publish import values_of
from sensing.supply.rounding import rounded
from sensing.supply.standing import FIELDS, Judged, Overridden, Standing

PUBLISHED = "a sku/location whose parameters were published; and sku, where the location holds a slash"
ONE = np.zeros(1, np.int64)


class Found(NamedTuple):
    """The row that a decision is about, and what was published of it."""

    row: int
    about: About


def find_row(s: ShardState, event: Any) -> Found | None:
    """The row that the subject of a decision names.

    None where there is none, or where nothing was published of it: in the quiet time nothing ever is.
    """
    sku = sku_of(event)
    location = event.subject.removeprefix(parameters_subject(sku, ""))
    row = row_of_known(s, sku, location) if event.subject == parameters_subject(sku, location) else None
    if row is None or not s.rows.hot["born"][row]:
        return None
    version = int(s.supply.supply["version"][row])
    return Found(row, About(sku, location, version, s.supply.status(row))) if version > 0 or s.muted else None


def decide_parameters(s: ShardState, item: Rare) -> Answer:
    """Let a decision about parameters have its effect; one that is rejected changes nothing."""
    event: DecisionMade = item.event
    found = find_row(s, event)
    if found is None:
        return rejected("unknown_subject", PUBLISHED, event.subject)
    # In the quiet time nothing was published that a version could be told from.
    version = event.parameters_version if found.about.version else None
    refusal = _unfit(event, found.about) or past(version, found.about)
    if refusal is not None:
        return refusal
    standing = s.supply.standings.make(found.row, found.about.version or 0)
    if standing is None:
        most = f"at most {s.settings.decided_rows_max} SKU-locations of a shard with decisions"
        return rejected("table_full", most, "one more", found.about)
    if event.decision in ("approve", "reject"):
        answer = _judge(s, item, found, standing)
    else:
        answer = _overrule(s, item, found, standing)
    s.supply.standings.tidy(found.row, int(s.supply.supply["version"][found.row]))
    if answer.rejection is None:
        s.rows.hot["touched"][found.row] = 1
    return answer


def past(version: int | None, about: About) -> Answer | None:
    """Why a decision is about another version of parameters than the current one, ``about.version``."""
    if version is None or version == about.version:
        return None
    newest = f"version {about.version}, which is the current one"
    return rejected(
        "unknown_version" if version > (about.version or 0) else "stale", newest, f"version {version}", about
    )


def publish_again(s: ShardState, item: Rare, view: Outlook) -> PlanningParameters:
    """Publish the proposal of a row again as it was, in the status that it has now."""
    document = s.supply.restate(view.plan, told_of(s, view, ONE))
    put_parameters(s, s.clock, document, item.time, cause=item.event.event_id)
    return document


def _unfit(event: DecisionMade, about: About) -> Answer | None:
    """Why a decision does not apply to parameters, may not be made by this role, or says too little."""
    roles = parameter_roles(event.decision, event.field)
    if not roles:
        return rejected("not_applicable", "approve, reject, override or release", event.decision, about)
    if event.decision == "override":
        if event.field not in FIELDS:
            return rejected("invalid_value", f"field, one of {', '.join(FIELDS)}", str(event.field), about)
        if event.value is None or (event.field == "lead_time_days" and event.value > LEAD_TIME_DAYS_MAX):
            most = f" of at most {LEAD_TIME_DAYS_MAX:g} days" if event.field == "lead_time_days" else ""
            return rejected("invalid_value", f"a value{most}", str(event.value), about)
    if event.role not in roles:
        return rejected("wrong_role", f"role {' or '.join(roles)}", event.role, about)
    return None


def _judge(s: ShardState, item: Rare, found: Found, standing: Standing) -> Answer:
    """Approve or reject what was published last; in the quiet time that is nothing."""
    event, row, before = item.event, found.row, found.about
    if before.version == 0:
        return rejected("unknown_subject", PUBLISHED, event.subject)
    if before.status == "in_force":
        return rejected("not_applicable", "a proposal that is not in force", event.decision, before)
    view, ruling = outlook_of_row(s, row, s.clock), ruling_of(item)
    values = values_of(s.supply.as_published(view.plan), 0)
    status: Literal["approved", "rejected"] = "approved" if event.decision == "approve" else "rejected"
    standing.judged = Judged(status, values, standing.since, before.version or 0, ruling)
    document = publish_again(s, item, view)
    about = before._replace(version=document.version, status=document.status)
    said = f"{sentence(event, ruling)} The parameters are {document.status}."
    return Answer(about, said, prior=before.status, value=document.status)


def _overrule(s: ShardState, item: Rare, found: Found, standing: Standing) -> Answer:
    """Set an override, or lift all of them, and publish what follows; in the quiet time that is left to its end."""
    event, row, before, ruling = item.event, found.row, found.about, ruling_of(item)
    closed = int(s.rows.hot["closed_day"][row])
    until = closed + EXPIRES_DAYS if event.until is None else day_number(event.until)
    prior: float | str | None = ", ".join(sorted(standing.overrides))
    value: float | str | None = None
    if event.decision == "release":
        if not standing.overrides:
            return rejected("not_applicable", "parameters with an override", "parameters without", before)
        standing.overrides = {}
    else:
        if until <= closed:
            required = f"until a day from {local_date(closed + 1)} on"
            return rejected("invalid_value", required, str(event.until), before)
        value = float(rounded(event.value))
        prior = _published_value(s, found, event.field)
        standing.overrides = {**standing.overrides, event.field: Overridden(value, until, ruling)}
    standing.due = True
    if s.muted or not before.version:
        return Answer(before, "")
    view = outlook_of_row(s, row, s.clock)
    next_version = before.version + 1
    overrides = event.decision == "override"
    standing.judged = (
        Judged("approved", values_of(view.plan, 0), next_version, next_version, ruling) if overrides else None
    )
    ((_, document),) = s.supply.publish(view.plan, ONE, told_of(s, view, ONE))
    put_parameters(s, s.clock, document, item.time, cause=event.event_id)
    said = f"{sentence(event, ruling)} The parameters are {document.status}."
    return Answer(before._replace(version=document.version, status=document.status), said, prior=prior, value=value)


def _published_value(s: ShardState, found: Found, field: OverrideField) -> float | None:
    """What was published last in a field; None in the quiet time."""
    if not found.about.version:
        return None
    return values_of(s.supply.as_published(outlook_of_row(s, found.row, s.clock).plan), 0)[field]
