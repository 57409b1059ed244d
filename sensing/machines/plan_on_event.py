"""Plans on events: rows that an event has changed are planned again and published, as of the instant that they are due.

The shard calls it between two records, as soon as rows are due; see `sensing.machines.changed_rows`. A plan reads the
state as of then: stock, open orders, due receipts, and what is still to come of the day that has begun. Policy applies
as at a day close: what stays within its dead bands is not published, unless the projected stock has changed.
"""

import numpy as np
from numpy.typing import NDArray

from sensing.machine_settings import DAY_MINUTES
from sensing.machines.call_budget import CallBudget
from sensing.machines.changed_rows import ChangedRow
from sensing.machines.day_inputs import hour_shares
from sensing.machines.forecast_and_plan import (
    PUBLISHED_OUTPUTS,
    ROWS_AT_ONCE,
    forecast_and_plan,
    forecast_summary,
    may_propose,
    since_shift,
)
from sensing.machines.shard_outputs import put_parameters
from sensing.machines.shard_state import ShardState
from sensing.supply.dead_band import projection_moved
from sensing.supply.plan import has_figures
from sensing.supply.projection import DAYS_LEFT

Integers = NDArray[np.int64]


def plan_changed_rows(s: ShardState, budget: CallBudget) -> None:
    """Plan and publish the rows that are due at the shard's clock, as many as the budget allows."""
    before = s.outbox.number
    due = s.changed.take_due(s.clock, budget.rows_to_plan(ROWS_AT_ONCE, PUBLISHED_OUTPUTS))
    planned = [changed for changed in due if s.rows.hot["active"][changed.row]]
    groups: dict[tuple[int, int], list[ChangedRow]] = {}
    for changed in planned:
        groups.setdefault((changed.instant, int(s.rows.hot["closed_day"][changed.row])), []).append(changed)
    for (instant, day), rows in groups.items():
        _publish(s, rows, day, instant)
    budget.spend(planned=len(due), outputs=s.outbox.number - before)


def _publish(s: ShardState, changed: list[ChangedRow], day: int, instant: int) -> None:
    """Plan rows that closed the same day as of ``instant``, and publish those that must be."""
    rows = np.array([each.row for each in changed], np.int64)
    result = forecast_and_plan(s, rows, day, instant, days_left(s, rows, day, instant))
    plan = result.plan
    due = np.zeros(rows.size, np.bool_)
    due[s.supply.due(plan, since_shift(s, plan))] = True
    due |= projection_moved(plan, s.supply.supply) & has_figures(plan)
    at = np.flatnonzero(due & may_propose(s, rows))
    if not len(at):
        return
    causes = [changed[position].causes for position in at.tolist()]
    found = s.supply.publish(plan, at, forecast_summary(s, result, at), causes)
    for position, (_, document) in zip(at.tolist(), found, strict=True):
        put_parameters(s, instant, document, changed[position].event_time)


def days_left(s: ShardState, rows: Integers, day: int, instant: int) -> NDArray[np.float64]:
    """(n, 2) share of the demand of the two days after local ``day`` that is still to come at ``instant`` (UTC ms).

    Events of up to the lateness after the watermark have been heard. The day's demand comes in the hours in which
    orders come at the location.
    """
    s.demand.ensure(s.rows.count, len(s.locations.records))
    left = np.ones((rows.size, DAYS_LEFT))
    location = s.rows.hot["location"][rows]
    for zone in np.unique(s.locations.zone[location]).tolist():
        of_zone = s.locations.zone[location] == zone
        minute = s.zones.local_minute(zone, instant + s.settings.lateness_ms) - (day + 1) * DAY_MINUTES
        for at in range(DAYS_LEFT):
            gone = min(max(minute - at * DAY_MINUTES, 0), DAY_MINUTES)
            if gone:
                hours = hour_shares(s, day + 1 + at, location[of_zone])
                left[of_zone, at] = _share_left(hours, gone / 60.0)
    return left


def _share_left(hours: NDArray[np.float64], gone: float) -> NDArray[np.float64]:
    """(n,) share of a day after its first ``gone`` hours, of which each has the share ``hours`` (n, 24)."""
    whole = int(gone)
    if whole == 24:
        return np.zeros(len(hours))
    passed = hours[:, :whole].sum(axis=1) + (gone - whole) * hours[:, whole]
    return np.asarray(np.clip(1.0 - passed, 0.0, 1.0))
