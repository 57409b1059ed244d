"""Event-time timers other than day closes: reference records that take effect, the end of the backfill, deadlines of
problems, and daily housekeeping. The shard runs them at their instants. Rows that an event has changed are
due like timers, but the shard plans them itself, between two timers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import BEFORE_ALL, InfrequentEvent
from sensing.codec.identifiers import text_hashes
from sensing.codec.keys import keys_of
from sensing.contracts.audit import AutomaticDecision
from sensing.contracts.parameters import Trigger
from sensing.contracts.reference import (
    CalendarUpdated,
    CustomerUpdated,
    ItemUpdated,
    LocationUpdated,
    ParametersInForce,
    PlanPublished,
    PolicyUpdated,
    PromotionApproved,
    SignalObserved,
)
from sensing.machine_settings import DAY_MS
from sensing.machines.base_units import apply_item
from sensing.machines.close_schedule import NEVER
from sensing.machines.exception_outputs import expire_problems, next_problem_timer, run_problem_timers
from sensing.machines.forecast_parts import plan_in_force, signal_in_force, start_planned_rows
from sensing.machines.kernel_tables import ABSORBED, DUPLICATE
from sensing.machines.late_line_reports import drop_ended_lines
from sensing.machines.line_housekeeping import end_old_lines
from sensing.machines.machine_messages import NameReport
from sensing.machines.promoted_days import take_in_uplifts
from sensing.machines.purchase_effects import learn_purchases, plan_disrupted_rows
from sensing.machines.refusals import Refusal, answers_for, reject_infrequent
from sensing.machines.resumable import FirstPublication, Resumable
from sensing.machines.row_lookup import row_of_known
from sensing.machines.shard_outputs import put_decision
from sensing.machines.shard_state import ShardState
from sensing.machines.signalled_days import is_regressor, take_in_signals
from sensing.machines.succession import pass_over, with_end
from sensing.machines.transfers import end_transfers
from sensing.machines.unknown_names import accept_names
from sensing.state.line_table import EVICTED_OPEN
from sensing.state.row_index import NONE
from sensing.supply.resolved_policy import IN_FORCE

PLANNED_ON: dict[type, Trigger] = {
    PromotionApproved: "promotion",
    PlanPublished: "plan",
    PolicyUpdated: "policy",
    ParametersInForce: "parameters_in_force",
}
"""Records whose rows are planned when they take effect, and the trigger that they are. Others wait for the close."""


def apply_reference(s: ShardState, message: InfrequentEvent) -> None:
    """Queue a reference record and count its outcome.

    A record without a SKU goes to every shard; the first shard counts it.
    """
    refusal = _refusal(s, message.event)
    if refusal is not None:
        _count(s, message, reject_infrequent(s, message, Refusal("out_of_range", *refusal)))
        return
    _count(s, message, ABSORBED if s.pending.add(message) else DUPLICATE)
    if isinstance(message.event, ItemUpdated | LocationUpdated) and answers_for(s, message.event):
        names = getattr(message.event, "sku", ""), getattr(message.event, "location", "")
        s.reports.put(s.clock, NameReport(*names))
    apply_due_reference(s, s.clock + s.settings.lateness_ms)


def _refusal(s: ShardState, event: Any) -> tuple[str, str, str] | None:
    """Why a reference record is refused: field, required, got; None if it is accepted."""
    if isinstance(event, LocationUpdated):
        try:
            s.zones.number(event.time_zone)
        except ValueError:
            return "time_zone", "an IANA time zone", event.time_zone
    if isinstance(event, PolicyUpdated):
        for_all = event.sku is None and event.location is None
        if event.base_currency is not None and not for_all:
            return "base_currency", "none in a policy of a sku or location", event.base_currency
        if event.rates and event.base_currency is None:
            return "rates", "a base_currency beside them", str(event.rates)
    return None


def _count(s: ShardState, message: InfrequentEvent, outcome: int) -> None:
    if getattr(message.event, "sku", None) is not None or s.shard == 0:
        s.count(message.topic, message.partition, outcome)


def apply_due_reference(s: ShardState, until: int) -> None:
    """Apply queued records that take effect at or before event time ``until``: the clock plus the lateness."""
    for event, time in s.pending.take(until):
        _in_force(s, event, time)


def _in_force(s: ShardState, event: Any, time: int) -> None:
    concerned = _concerned(s, event)
    changes_plans = _changes_plans(s, event)
    if isinstance(event, LocationUpdated):
        _move_location(s, event)
    elif isinstance(event, CalendarUpdated):
        s.calendars.apply(event)
    elif isinstance(event, PromotionApproved):
        s.promotions.apply(event, time)
    elif isinstance(event, CustomerUpdated):
        s.customers.apply(int(text_hashes([event.customer])[0]), event, time)
    elif isinstance(event, ItemUpdated):
        assert concerned is not None, "an item record names its SKU"
        apply_item(s, with_end(s, event), concerned, time)
    elif isinstance(event, PlanPublished):
        plan_in_force(s, event, time)
    elif isinstance(event, SignalObserved):
        signal_in_force(s, event, time)
    else:
        s.supply.reference(event, concerned, time)
    if isinstance(event, ItemUpdated | LocationUpdated):
        s.signals.rescope()
    if not isinstance(event, CustomerUpdated) and not is_regressor(event):
        # No plan reads customers. Rows with such signals in force are planned every day.
        s.schedule_plans(concerned)
    if isinstance(event, ItemUpdated):
        s.items_known = True
        item = s.supply.master.item(event.sku)  # this record or a newer one
        assert item is not None, "a record that was put in force is there"
        s.base_units[concerned] = item.base_unit.encode()
    elif isinstance(event, PolicyUpdated):
        if s.supply.master.any_dependent:
            for row in range(s.rows.count) if concerned is None else concerned.tolist():
                s.resolve_demand(row)
        s.locations.accept_unknown(s.supply.master.unknown.location == "accept")
    accept_names(s, event, time)
    if changes_plans:
        for row in range(s.rows.count) if concerned is None else concerned.tolist():
            s.plan_on_event(row, PLANNED_ON[type(event)], event.event_id, time if abs(time) < NEVER else s.clock)


def _changes_plans(s: ShardState, event: Any) -> bool:
    """Whether a record that is about to take effect has its rows planned at once.

    An ERP may report the parameters in force of all its items every night; those that stay change no plan.
    """
    if not isinstance(event, ParametersInForce):
        return type(event) in PLANNED_ON
    before = s.supply.master.in_force(event.sku, event.location)
    return before is None or any(getattr(before[1], name) != getattr(event, name) for name in IN_FORCE)


def _concerned(s: ShardState, event: Any) -> NDArray[np.int64] | None:
    """Rows that a record concerns, rising; None for all rows, if it has neither SKU nor location."""
    sku, location = getattr(event, "sku", None), getattr(event, "location", None)
    if sku is None:
        return None if location is None else s.row_index.of_location(s.locations.numbers.get(location, NONE))
    if location is None:
        return s.row_index.of_sku(s.rows.hot, keys_of(sku)["row_hi"])
    row = row_of_known(s, sku, location)
    return np.array([] if row is None else [row], np.int64)


def _move_location(s: ShardState, event: LocationUpdated) -> None:
    number, old, new = s.locations.apply(event)
    if old == new:
        return
    if s.clock != BEFORE_ALL:
        s.schedule.open(new, s.clock)
    rows = s.row_index.of_location(number)
    if len(rows):
        s.schedule.move(rows, s.rows.hot["slot"][rows], old, new, s.clock)


def _report_lost_lines(s: ShardState, instant: int) -> None:
    """Put out a decision if open lines were forgotten since the last report, because the table was full of them."""
    lost = int(s.lines.state[EVICTED_OPEN])
    if lost == s.lost_lines_reported:
        return
    decision = AutomaticDecision(
        rule="forget_open_lines", subject=f"shard {s.shard}", prior=float(s.lost_lines_reported), value=float(lost),
        inputs={"lines_max": s.lines.lines_max},
        reason=f"The table of {s.lines.lines_max:,} order lines was full of open ones, so that"
        f" {lost - s.lost_lines_reported:,} were forgotten: their open demand is missing. Raise engine.lines_max.",
    )  # fmt: skip
    put_decision(s, instant, instant, f"forget_open_lines/{s.shard}/{lost}", decision)
    s.lost_lines_reported = lost


def next_timer(s: ShardState) -> int:
    """Instant (UTC ms) of the next timer other than a day close."""
    reference = s.pending.next_time()
    quiet_end = s.quiet_until if s.backfilling and s.quiet_until is not None else NEVER
    reference = reference if reference == NEVER else reference - s.settings.lateness_ms
    return min(
        reference, quiet_end, s.supply.transit.next_end(), s.hand_overs.next_instant(), next_problem_timer(s),
        s.next_housekeeping, s.changed.next_instant,
    )  # fmt: skip


def run_timer(s: ShardState, instant: int) -> Resumable | None:
    """Run the timers due at ``instant``: reference records, transfers, hand-overs to successors, the end of the
    backfill, deadlines of problems, then housekeeping.

    The end of the backfill is resumable: it is returned for the shard to step. Housekeeping stays due until it ends. A
    shard that waits for a hand-over runs the timers again when it has arrived.
    """
    apply_due_reference(s, instant + s.settings.lateness_ms)
    end_transfers(s, instant)
    pass_over(s, instant)
    if s.hand_overs.waiting:
        return None
    if s.backfilling and s.quiet_until is not None and s.quiet_until <= instant:
        return FirstPublication.begin(s, instant)
    run_problem_timers(s, instant)
    if s.next_housekeeping <= instant:
        end_old_lines(s.tables(), instant, s.settings.line_horizon_days)
        s.supply.transit.forget_old(instant - s.settings.line_horizon_days * DAY_MS)
        _report_lost_lines(s, instant)
        expire_problems(s, instant)
        drop_ended_lines(s)
        plan_disrupted_rows(s, instant)
        start_planned_rows(s, instant)
        take_in_uplifts(s, instant // DAY_MS)
        learn_purchases(s, instant)
        take_in_signals(s, instant)
        s.next_housekeeping = instant + DAY_MS
    return None
