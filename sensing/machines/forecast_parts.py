"""Parts of a row's forecast beside what is sensed from its orders: the baseline plan and opportunities.

`forecast_and_plan` adds them to every forecast, day closes measure plans, timers put the records in force. Rows without
plan and opportunity cost one dictionary look-up, installations without any cost nothing.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS
from sensing.codec.instants import local_date
from sensing.codec.keys import row_key
from sensing.contracts.forecast_parts import BaselineShare, OpportunityShare
from sensing.contracts.reference import PlanPublished, SignalObserved
from sensing.demand.baseline_plans import BaselineColumns, Key, RowPlans
from sensing.demand.demand_record import HORIZON
from sensing.demand.model_inputs import DayInputs, Forecast, Window
from sensing.demand.opportunities import Expected
from sensing.demand.plan_blend import blend, plan_weights, planned_days
from sensing.demand.seasonal_profile import dispersion
from sensing.demand.sum_variance import OWN, sum_ratio
from sensing.machine_settings import HOUR_MS
from sensing.machines.booking import advance_row_of
from sensing.machines.close_schedule import NEVER
from sensing.machines.day_inputs import window_of
from sensing.machines.promoted_days import NOT_PROMOTED
from sensing.machines.row_lookup import row_of
from sensing.machines.shard_state import ShardState
from sensing.machines.signalled_days import is_regressor, signals_in_force, value_in_force
from sensing.state.rows import DAYS_KEPT, MISSING, RECENT_DAYS
from sensing.supply.projection import STOCKOUT_LEVEL
from sensing.supply.rounding import rounded

Integers = NDArray[np.int64]


class ForecastParts(NamedTuple):
    """What was added to the sensed forecasts of n rows."""

    baselines: BaselineColumns | None
    opportunities: dict[int, list[Expected]]
    """By position of the row."""


def keys_of_rows(s: ShardState, rows: Integers) -> list[Key]:
    """Keys of rows."""
    hot = s.rows.hot
    return list(zip(hot["key_hi"][rows].tolist(), hot["key_lo"][rows].tolist(), strict=True))


def add_parts(
    s: ShardState, rows: Integers, day: int, sensed: Forecast, window: Window, price: NDArray[np.float64]
) -> tuple[Forecast, ForecastParts]:
    """Forecast of rows with their plans and opportunities, and what was added; ``sensed`` itself if there is none."""
    if not s.baselines.plans and not s.opportunities.of_row:
        return sensed, ForecastParts(None, {})
    keys = keys_of_rows(s, rows)
    found = s.baselines.find(keys, day + 1, day + HORIZON)
    expected = _expected(s, rows, keys, day)
    if not found.plans and not expected:
        return sensed, ForecastParts(None, {})
    forecast = sensed._replace(mean=sensed.mean.copy(), variance=sensed.variance.copy(), sums=sensed.sums.copy())
    baselines = _blend(s, rows, day, forecast, window, price, found) if found.plans else None
    for at, added in expected.items():
        for each in added:
            forecast.mean[at] += each.mean
            forecast.variance[at] += each.variance
    # The row's own squared error is of what is sensed; the parts add the variance that they state.
    before, after = sensed.variance.sum(axis=1), forecast.variance.sum(axis=1)
    # A plan that is trusted states less than what is sensed: then the row's own error applies to all of it.
    share = np.divide(before, after, out=np.ones_like(before), where=after > before)
    forecast.sums[:, OWN] = 1.0 + (sensed.sums[:, OWN] - 1.0) * share
    return forecast, ForecastParts(baselines, expected)


def _blend(
    s: ShardState, rows: Integers, day: int, forecast: Forecast, window: Window, price: NDArray[np.float64],
    found: RowPlans,
) -> BaselineColumns:  # fmt: skip
    """Blend the forecasts of rows with a plan in place."""
    at = found.at
    sensed, variance = forecast.mean[at], forecast.variance[at]
    covered = found.covered(day + 1, HORIZON)
    planned = planned_days(sensed, window.closed[at], window.uplift[at], found.column("quantity"))
    weight = _weights(s, rows[at], found)
    blended = blend(sensed, variance, planned, covered, weight, _ratios(s, rows[at], sensed))
    forecast.mean[at], forecast.variance[at] = blended.mean, blended.variance
    parts = (weight, (sensed * covered).sum(axis=1), (variance * covered).sum(axis=1), blended.planned.sum(axis=1))
    weights, sensed_units, variances, planned_units = np.zeros((4, rows.size))
    for column, values in zip((weights, sensed_units, variances, planned_units), parts, strict=True):
        column[at] = values
    days = np.zeros(rows.size, np.int64)
    days[at] = np.count_nonzero(covered, axis=1)
    for i in at.tolist():
        variances[i] *= sum_ratio(forecast.sums[i], float(days[i]), 0.0, STOCKOUT_LEVEL)
    plans = dict(zip(at.tolist(), found.plans, strict=True))
    return BaselineColumns(days, weights, sensed_units, variances, planned_units, price, plans)


def _weights(s: ShardState, rows: Integers, found: RowPlans) -> NDArray[np.float64]:
    learned = s.demand.demand["days"][rows].astype(np.float64)
    return plan_weights(found.column("plan_error"), found.column("sensed_error"), found.column("days"), learned)


def _ratios(s: ShardState, rows: Integers, sensed: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) variance-to-mean ratio of rows of which nothing is sensed."""
    ratios = np.ones(rows.size)
    for i in np.flatnonzero(~sensed.any(axis=1)).tolist():
        row = int(rows[i])
        ratios[i] = dispersion(s.demand.demand, row, s.demand.pool, int(s.rows.hot["location"][row]))
    return ratios


def _expected(s: ShardState, rows: Integers, keys: list[Key], day: int) -> dict[int, list[Expected]]:
    """What opportunities add to the 28 days after ``day``, by position of the row."""
    found: dict[int, list[Expected]] = {}
    if not s.opportunities.of_row:
        return found
    for at, key in enumerate(keys):
        if key in s.opportunities.of_row:
            row = int(rows[at])
            later = range(day + 1, int(s.rows.hot["day"][row]) + 1)
            ordered = {each: _beyond_usual(s, row, each) for each in later}
            added = s.opportunities.expected(key, day + 1, HORIZON, ordered)
            if added:
                found[at] = added
    return found


def _beyond_usual(s: ShardState, row: int, day: int) -> float:
    """Units of a day that lie beyond the row's usual sizes: all of them if the row has learned nothing yet."""
    hot = s.rows.hot[row]
    age_days = int(hot["day"]) - day
    if int(s.demand.demand["days"][row]) == 0:
        return float(hot["day_quantity"][day % DAYS_KEPT]) / THOUSANDTHS if 0 <= age_days < DAYS_KEPT else 0.0
    return float(hot["excess"][day % RECENT_DAYS]) if 0 <= age_days < RECENT_DAYS else 0.0


def learn_parts(s: ShardState, rows: Integers, inputs: DayInputs, kind: NDArray[np.int8]) -> None:
    """Before rows learn a day: measure their plans on it, and take its large orders from their opportunities.

    A plan is measured against the forecast of the day made the day before, on whole days with stock that were not
    promoted by their ``kind``; the plan is a baseline.
    """
    if not s.baselines.plans and not s.opportunities.of_row:
        return
    keys, day = keys_of_rows(s, rows), inputs.day
    usable = (inputs.observed >= 1.0) & ~inputs.censored & (kind == NOT_PROMOTED)
    usable &= s.demand.demand["days"][rows] > 0
    at = np.flatnonzero(usable)
    found = s.baselines.find([keys[i] for i in at.tolist()], day, day)
    if found.plans:
        measured = rows[at[found.at]]
        window = window_of(s, measured, day - 1)
        said = s.demand.forecast(measured, day - 1, s.rows.hot["location"][measured], window)
        planned = planned_days(said.mean, window.closed, window.uplift, found.column("quantity"))
        units = inputs.quantity[at[found.at]]
        s.baselines.learn(found, planned[:, 0], said.mean[:, 0], units, said.demand_class)
    if s.opportunities.of_row:
        for row, key in zip(rows.tolist(), keys, strict=True):
            if key in s.opportunities.of_row:
                s.opportunities.close(key, day, _beyond_usual(s, row, day))


def has_plan(s: ShardState, rows: Integers) -> NDArray[np.bool_]:
    """(n,) whether a plan covers one of the 28 days after each row's last closed day."""
    found = np.zeros(rows.size, np.bool_)
    if s.baselines.plans:
        keys, days = keys_of_rows(s, rows), s.rows.hot["closed_day"][rows].tolist()
        for at, (key, day) in enumerate(zip(keys, days, strict=True)):
            plan = s.baselines.plans.get(key)
            found[at] = plan is not None and plan.start <= day + HORIZON and plan.end > day
    return found


def changes_daily(s: ShardState, rows: Integers) -> NDArray[np.bool_]:
    """(n,) whether a row has a plan, an opportunity or a signal, so that its forecast changes without events."""
    found = has_plan(s, rows) | signals_in_force(s, rows)
    if s.opportunities.of_row:
        found |= [key in s.opportunities.of_row for key in keys_of_rows(s, rows)]
    return found


def plan_in_force(s: ShardState, event: PlanPublished, time: int) -> None:
    """Put a plan in force; a SKU-location without events waits for `start_planned_rows`."""
    key = _key(event.sku, event.location)
    if s.baselines.apply(key, event, time):
        row = s.rows.find(row_key(event.sku, event.location))
        if row == MISSING or not s.rows.hot["active"][row]:
            s.baselines.waiting[key] = (event.sku, event.location)


def signal_in_force(s: ShardState, event: SignalObserved, time: int) -> None:
    """Put a signal in force. An opportunity without SKU, location or event time has no effect."""
    if is_regressor(event):
        value_in_force(s, event, time)
    elif event.sku is not None and event.location is not None and abs(time) < NEVER:
        day = s.zones.local_hour(s.locations.zone_of(event.location), time) // 24
        s.opportunities.apply(_key(event.sku, event.location), event, time, day)


def _key(sku: str, location: str) -> Key:
    hi, lo = row_key(sku, location)
    return int(hi), int(lo)


def start_planned_rows(s: ShardState, instant: int) -> None:
    """Start the rows of plans whose SKU-location has no events, when the plan begins within 28 days.

    A row of an item or location that is not accepted waits until it is.
    """
    for key, (sku, location) in list(s.baselines.waiting.items()):
        plan = s.baselines.plans[key]
        if not s.supply.master.accepts_item(sku) or not s.locations.is_accepted(location):
            continue
        today = instant // HOUR_MS // 24
        if plan.start > today + HORIZON or plan.end < today - 1:
            continue
        row = row_of(s, sku, location)
        if row < 0:
            continue
        if not s.rows.hot["active"][row]:
            advance_row_of(s.rows.hot, row, s.zones.local_hour(s.zone_of(row), instant))
        del s.baselines.waiting[key]


def explained(parts: ForecastParts, at: int) -> dict[str, Any]:
    """Fields of a published forecast that say what was added to what was sensed."""
    fields: dict[str, Any] = {}
    columns = parts.baselines
    if columns is not None and at in columns.plans:
        plan = columns.plans[at]
        weight, planned, sensed = rounded(
            np.array([columns.weight[at], columns.planned[at], columns.sensed[at]])
        ).tolist()
        fields["baseline"] = BaselineShare(
            weight=weight, quantity_per_day=plan.quantity, start=local_date(plan.start), end=local_date(plan.end),
            days=int(columns.days[at]), planned=planned, sensed=sensed, measured_days=plan.days, plan=plan.event_id,
        )  # fmt: skip
    if at in parts.opportunities:
        fields["opportunities"] = [
            OpportunityShare(
                signal=each.opportunity.signal, probability=each.opportunity.probability,
                quantity=float(rounded(each.units)), start=local_date(each.opportunity.start),
                end=local_date(each.opportunity.end), expected=float(rounded(each.mean.sum())),
            )
            for each in parts.opportunities[at]
        ]  # fmt: skip
    return fields
