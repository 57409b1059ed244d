"""The close of a local day; `sensing.machines.resumable` calls it in steps.

Demand models are scored and learn the day. Rows are planned. Detectors raise and resolve exceptions. Planning
parameters that have left their dead band are published.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import local_date
from sensing.contracts.audit import AutomaticDecision
from sensing.contracts.parameters import HORIZON_DAYS, OverrideField, Trigger
from sensing.contracts.subjects import parameters_subject
from sensing.demand.level_shift import SHIFT_FOLLOWED
from sensing.demand.signal_table import Turned
from sensing.detection.delay import SUPPLIER_DELAY
from sensing.detection.detector import Closing
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.finding import Finding
from sensing.detection.stockout import STOCKOUT_PROJECTED
from sensing.machines.close_schedule import DueCloses
from sensing.machines.day_inputs import ObservedDay, inputs_of, observe_day
from sensing.machines.exception_outputs import observe
from sensing.machines.forecast_and_plan import (
    ForecastAndPlan,
    forecast_and_plan,
    forecast_summary,
    may_propose,
    since_shift,
)
from sensing.machines.forecast_parts import changes_daily, learn_parts
from sensing.machines.late_line_reports import note_late_line
from sensing.machines.line_windows import WINDOWS, read_windows
from sensing.machines.promoted_days import learn_uplifts, promoted_rows
from sensing.machines.shard_outputs import context_of, put_decision, put_parameters
from sensing.machines.shard_state import ShardState
from sensing.machines.signalled_days import (
    learn_signals,
    match_signals,
    report_turned,
    signals_of_day,
    turned_rows,
    with_signals,
)
from sensing.machines.silent_locations import stale_rows
from sensing.machines.stock_thresholds import lower_stock_threshold, set_idle_stock_thresholds, set_stock_thresholds
from sensing.machines.surge_thresholds import set_surge_thresholds
from sensing.supply.dead_band import turns_stale
from sensing.supply.parameter_documents import Published, values_of
from sensing.supply.planner_decisions import PlannerOverride
from sensing.supply.publication_causes import Causes

Integers = NDArray[np.int64]
EndedOverrides = dict[int, list[tuple[OverrideField, PlannerOverride]]]
TurnedSignals = dict[int, list[Turned]]

PLAN_EVERY_DAYS = HORIZON_DAYS
"""Days between plans of a row without events: its demand level only sinks, which is not urgent."""
ENDING_DAYS = 365
"""Days before its last day in which a row is planned daily: less demand is left every day."""


def learn_day(s: ShardState, rows: Integers, observed: ObservedDay) -> None:
    """Let rows learn a closed day, after the earlier days that some of them missed.

    A row misses a day if a late event created it after its slot had passed. The split of rows over calls does not
    change results. Their order does: it decides the last bit of the sums of the pools.
    """
    closed = s.rows.hot["closed_day"]
    for missed in range(int(closed[rows].min()) + 1, observed.day):
        _learn(s, rows[closed[rows] < missed], observe_day(s, missed))
    _learn(s, rows, observed)


def plan_rows(s: ShardState, rows: Integers, instants: Integers, due: DueCloses) -> None:
    """Plan and publish rows that have learned a closed day; the split of rows over calls does not change results."""
    hot = s.rows.hot
    windows = np.zeros(len(rows), WINDOWS)
    read_windows(hot, s.demand.demand, s.demand.pool, s.locations.unobserved, rows, due.day, windows)
    if not s.backfilling:
        windows["dropped"][s.locations.are_summed(hot["location"][rows])] = 0  # history teaches without alarms
    ended = s.supply.decision_states.expire(rows, due.day + 1)
    turned = turned_rows(s, rows)
    for row in (*ended, *turned):
        hot["dirty"][row] = 1
    planned = _needs_planning(s, rows, windows, due.day)
    if planned.any():
        # Plans are as of the day's end, so results do not depend on which rows close in one call.
        result = forecast_and_plan(s, rows[planned], due.day, due.end)
        set_surge_thresholds(s.tables(), result.plan.rows, due.day)
        set_stock_thresholds(s, result.plan)
        plan = result.plan
        s.supply.reached.begin(
            plan.rows, plan.policy["in_force_reorder_point"], plan.lead_time_days_mean, plan.demand_class
        )
        hot["dirty"][result.plan.rows] = 0
        s.to_plan[result.plan.rows] = False
        _detect_and_publish(s, instants[planned], result, windows[planned], ended, turned)
    set_idle_stock_thresholds(s, rows[~planned], due.day, due.end)


def aggregate_day(s: ShardState, due: DueCloses, observed: ObservedDay) -> None:
    """Aggregate the pools of zones whose rows have all closed the day."""
    locations = s.locations.in_zones(due.zones)
    s.locations.learn_day(locations, due.day, observed.hours[locations])
    s.demand.aggregate_pools(locations, due.day)


def _learn(s: ShardState, rows: Integers, observed: ObservedDay) -> None:
    match_signals(s, rows)
    signals = signals_of_day(s, rows, observed.day)
    promoted, kind = inputs_of(s, rows, observed)
    inputs = promoted if signals is None else with_signals(promoted, signals)
    learn_parts(s, rows, inputs, kind)
    s.supply.reached.learn(rows, inputs.quantity, inputs.censored)
    usual = s.demand.close_day(rows, inputs)
    if signals is not None:
        usual = learn_signals(s, rows, inputs, kind, usual, signals)
    learn_uplifts(s, rows, promoted, kind, usual)
    s.rows.hot["empty_days"][rows] = s.rows.hot["empty_days"][rows] << 1 | promoted.censored
    s.rows.hot["closed_day"][rows] = observed.day


def _needs_planning(s: ShardState, rows: Integers, windows: NDArray[Any], day: int) -> NDArray[np.bool_]:
    """Rows to plan: with new events, changed master data, promotions, a plan, opportunities, open orders, a demand drop
    or exceptions, whose level shifts, whose location fell silent or was heard of again, and those that end in a year.

    Each of the others is planned every ``PLAN_EVERY_DAYS`` days.
    """
    hot = s.rows.hot
    turn = (day + hot["slot"][rows].astype(np.int64)) % PLAN_EVERY_DAYS == 0
    waiting = (s.supply.supply["on_order"][rows] > 0) | (windows["dropped"] == 1)
    concerned = s.problems.has_problem(rows)
    shift = np.abs(s.demand.demand["shift"][rows])
    shifting = (shift >= SHIFT_FOLLOWED) | (s.demand.demand["shift_day"][rows] == day)
    due = (hot["dirty"][rows] == 1) | s.to_plan[rows] | waiting | concerned | shifting | turn | changes_daily(s, rows)
    # Of these columns alone: the records are long.
    published = {name: s.supply.supply[name][rows] for name in ("version", "agreed", "stale")}
    due |= turns_stale(stale_rows(s, rows, day), published)
    due[[at for at, _ in promoted_rows(s, rows, day, HORIZON_DAYS + 1)]] = True
    if s.supply.master.any_end:
        days_left = s.supply.last_days(rows) - day
        due |= (days_left >= 0.0) & (days_left <= ENDING_DAYS)
    return np.asarray(due)


def _detect_and_publish(
    s: ShardState, instants: Integers, result: ForecastAndPlan, windows: NDArray[Any], ended: EndedOverrides,
    turned: TurnedSignals,
) -> None:  # fmt: skip
    """Put out findings, ends of overrides, signals that turned and documents of planned rows, by (instant, row)."""
    plan = result.plan
    closing = Closing(plan, windows, result.forecast.demand_class, result.parts.baselines)
    triggered = {name: detector.triggers(s, closing) for name, detector in DETECTORS.items() if detector.triggers}
    detected = np.logical_or.reduce([s.problems.has_problem(plan.rows), *triggered.values()])
    documents = {} if s.backfilling else documents_of(s, result, "day_close")
    noteworthy = detected.copy()
    noteworthy[list(documents)] = True
    if ended or turned:
        noteworthy |= np.isin(plan.rows, [*ended, *turned])
    for at in np.flatnonzero(noteworthy).tolist():
        instant = int(instants[at])
        if detected[at]:
            due = {name for name, rows in triggered.items() if rows[at]}
            for finding in _findings(s, instant, closing, at, due):
                observe(s, finding)
                if finding.exception_type == SUPPLIER_DELAY.name:
                    note_late_line(s, finding)
            if STOCKOUT_PROJECTED.name in due | s.problems.open_types(int(plan.rows[at])):
                lower_stock_threshold(s, plan, at)
        for override in ended.get(int(plan.rows[at]), []):
            _report_end(s, instant, result, at, *override)
        for signal in turned.get(int(plan.rows[at]), []):
            report_turned(s, int(plan.rows[at]), instant, signal)
        if at in documents:
            put_parameters(s, instant, documents[at], instant)


def _report_end(
    s: ShardState, instant: int, result: ForecastAndPlan, at: int, field: OverrideField, override: PlannerOverride
) -> None:
    """Put out the decision that ends an override: its value is replaced by the engine's."""
    sku, location = s.names_of(int(result.plan.rows[at]))
    subject = parameters_subject(sku, location)
    decision = AutomaticDecision(
        rule="end_override", subject=subject, sku=sku, location=location, inputs={"field": field},
        prior=override.value, value=values_of(result.plan, at)[field],
        reason=f"The override of {field} stood until {local_date(override.until)}, "
        f"set {override.decision_record.as_text()}",
    )  # fmt: skip
    put_decision(s, instant, instant, f"override/{subject}/{field}/{override.until}", decision)


def _findings(s: ShardState, instant: int, closing: Closing, at: int, due: set[str]) -> list[Finding]:
    """Findings about the row at position ``at``, from the ``due`` detectors and from those with open problems."""
    row = int(closing.plan.rows[at])
    due = due | s.problems.open_types(row)
    context = context_of(s, row, instant, instant, day=closing.plan.day)
    return [
        detector.finding(context, evidence)
        for name, detector in DETECTORS.items()
        if name in due and detector.at_close is not None
        for evidence in detector.at_close(s, closing, at)
    ]


def documents_of(s: ShardState, result: ForecastAndPlan, trigger: Trigger) -> dict[int, Published]:
    """Planning parameters that have left their dead band, by position in the plan; they are marked as published.

    A published row needs no plan any more for the events it waits with; its record names them, then the ``trigger``.
    """
    due = s.supply.due(result.plan, since_shift(s, result.plan))
    # One order says nothing of the next one: nothing is proposed on it.
    due = due[may_propose(s, result.plan.rows[due])]
    if not len(due):
        return {}
    causes = [_causes(s, row, trigger) for row in result.plan.rows[due].tolist()]
    found = s.supply.publish(result.plan, due, forecast_summary(s, result, due), causes)
    return dict(zip(due.tolist(), found, strict=True))


def _causes(s: ShardState, row: int, trigger: Trigger) -> Causes:
    waiting = s.changed.causes(row)
    s.changed.drop(row)
    own = Causes.of(trigger)
    return own if waiting is None else waiting.then(own)


def publish_rows(s: ShardState, rows: Integers, day: int, instant: int) -> None:
    """Publish the planning parameters of rows whose last closed day is ``day``, as of ``instant``."""
    for published in documents_of(s, forecast_and_plan(s, rows, day, instant), "end_of_backfill").values():
        put_parameters(s, instant, published, instant)
