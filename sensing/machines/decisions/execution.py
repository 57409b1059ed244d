"""The ERP executed: the values of a proposal are in force."""

import numpy as np

from sensing.codec.instants import rfc3339
from sensing.codec.record import Rare
from sensing.contracts.common import QUANTITY_MAX
from sensing.contracts.decisions import ExecutionConfirmed
from sensing.contracts.reference import ParametersInForce
from sensing.machines.decisions.answer import Answer, rejected
from sensing.machines.decisions.parameters import PUBLISHED, Found, find_row, past, publish_again
from sensing.machines.outlook import outlook_of_row
from sensing.machines.state import ShardState
from sensing.supply.publish import values_of
from sensing.supply.standing import Values


def confirm_execution(s: ShardState, item: Rare) -> Answer:
    """Move the proposal that was executed into force, as ``parameters.in_force`` does, and publish the row again."""
    event: ExecutionConfirmed = item.event
    if event.action_id is not None:
        return rejected("unknown_subject", "an action that was published", event.action_id)
    found = find_row(s, event)
    if found is None or not found.about.version:
        return rejected("unknown_subject", PUBLISHED, event.subject)
    row, about = found.row, found.about
    sku, location = s.names_of(row)
    version, values = _executed(s, found, event.parameters_version)
    if values is None:
        return past(version, about) or rejected("stale", "the current version", f"version {version}", about)
    before = s.supply.master.in_force(sku, location)
    if before is not None and before[0] > item.time:
        required = f"an execution after {rfc3339(before[0])}, since when the ERP runs on other values"
        return rejected("stale", required, f"one at {rfc3339(item.time)}", about)
    standing = s.supply.standings.make(row, about.version or 0)
    if standing is None:
        most = f"at most {s.settings.decided_rows_max} SKU-locations of a shard with decisions"
        return rejected("table_full", most, "one more", about)
    standing.judged = None
    told = {field: min(value, QUANTITY_MAX) for field, value in values.items()}
    record = ParametersInForce(
        event_id=event.event_id, event_time=event.event_time, sku=sku, location=location, proposed_version=version,
        **told,
    )  # fmt: skip
    s.supply.reference(record, np.array([row]), item.time)
    document = publish_again(s, item, outlook_of_row(s, row, s.clock))
    s.supply.standings.tidy(row, document.version)
    s.rows.hot["touched"][row] = 1
    prior = None if before is None else before[1].reorder_point
    said = f"Version {version} is in force since {rfc3339(item.time)}. The parameters are {document.status}."
    about = about._replace(version=document.version, status=document.status)
    return Answer(about, said, prior=prior, value=values["reorder_point"])


def _executed(s: ShardState, found: Found, version: int | None) -> tuple[int, Values | None]:
    """The version that was executed, and its values: None where nobody remembers them.

    Remembered is what was published last, in whatever status, and what was approved last.
    """
    current = found.about.version or 0
    standing = s.supply.standings.of(found.row)
    since = current if standing is None else standing.since
    judged = None if standing is None else standing.judged
    approved = judged if judged is not None and judged.status == "approved" else None
    if version is None:
        version = current if approved is None else approved.last
    if since <= version <= current:
        return version, values_of(s.supply.as_published(outlook_of_row(s, found.row, s.clock).plan), 0)
    if approved is not None and approved.first <= version <= approved.last:
        return version, approved.values
    return version, None
