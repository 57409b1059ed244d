"""Plans on events: rows that an event has changed are planned again and published, as of the instant that they are due.

The shard calls it between two records, as soon as rows are due; see `sensing.machines.changed_rows`. A plan reads the
state as of then: stock, open orders, due receipts, and what is still to come of the day that has begun. Policy applies
as at a day close: what stays within its dead bands is not published, unless the projected stock has changed.
"""

import numpy as np
from numpy.typing import NDArray

from sensing.machines.call_budget import CallBudget
from sensing.machines.changed_rows import ChangedRow
from sensing.machines.forecast_and_plan import (
    PUBLISHED_OUTPUTS,
    ROWS_AT_ONCE,
    ForecastAndPlan,
    forecast_and_plan,
    forecast_summary,
    may_propose,
    since_shift,
    usual_days,
)
from sensing.machines.shard_outputs import put_parameters
from sensing.machines.shard_state import ShardState
from sensing.supply.dead_band import projection_moved
from sensing.supply.parameter_documents import ForecastSummary
from sensing.supply.plan import Plan, has_figures
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
    result = forecast_and_plan(s, rows, day, instant, begun=True)
    plan = result.plan
    due = np.zeros(rows.size, np.bool_)
    due[s.supply.due(plan, since_shift(s, plan))] = True
    due |= projection_moved(plan, s.supply.supply) & has_figures(plan)
    at = np.flatnonzero(due & may_propose(s, rows))
    if not len(at):
        return
    causes = [changed[position].causes for position in at.tolist()]
    summary, told = _told(s, result, at)
    found = s.supply.publish(told, at, summary, causes)
    for position, published in zip(at.tolist(), found, strict=True):
        put_parameters(s, instant, published, changed[position].event_time)


def _told(s: ShardState, result: ForecastAndPlan, at: Integers) -> tuple[ForecastSummary, Plan]:
    """Forecast data of the rows at positions ``at``, and the plan, for documents.

    Of a day that has begun they state what came and what is still to come.
    """
    begun, plan = result.begun, result.plan
    assert begun is not None, "rows are planned as of an instant"
    to_come = begun.still_to_come(result.forecast)
    summary = forecast_summary(s, result._replace(forecast=to_come), at)
    summary.quantiles[:, :DAYS_LEFT] += begun.come[at, :, np.newaxis]
    usual = usual_days(s, result, at)
    for added, position, baseline in zip(summary.added, at.tolist(), usual, strict=True):
        added["near_term"] = begun.stated(position, plan.day, to_come.mean[position], baseline)
    mean = to_come.mean.copy()
    mean[:, :DAYS_LEFT] += begun.come
    return summary, plan._replace(forecast_mean=mean)
