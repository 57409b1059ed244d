"""Callbacks: Python's reaction to a record for which the kernel raised a callback entry. The shard calls them.

The kernel stops behind such a record, so a callback sees exactly the state that the record left.
"""

from typing import Any

import numpy as np

from sensing.codec.event_record import NO_DAY, THOUSANDTHS
from sensing.codec.text_table import EventTexts
from sensing.contracts.audit import AutomaticDecision, Rule
from sensing.contracts.subjects import parameters_subject, problem_key
from sensing.detection.finding import LineName
from sensing.detection.out_of_sync import INVENTORY_OUT_OF_SYNC, TOLERANCE, CountDrift
from sensing.detection.quality import DATA_QUALITY, HeldLine, ReleasedLine
from sensing.detection.stockout import STOCKOUT_PROJECTED, could_open, stockout_evidence
from sensing.detection.surge import (
    LINES_MIN,
    ORDER_SURGE,
    explained_thresholds,
    is_explained,
    surge_evidence,
    surge_step,
)
from sensing.machine_settings import DAY_MINUTES
from sensing.machines.exception_outputs import observe
from sensing.machines.forecast_and_plan import forecast_and_plan_of_row
from sensing.machines.kernel_tables import (
    AMBIGUOUS,
    CONFLICT,
    COUNT_DRIFT,
    IMPOSSIBLE,
    LARGE_LINE,
    LOW_STOCK,
    RELEASE,
    SURGE,
)
from sensing.machines.line_rejects import reject_ambiguous, reject_conflict
from sensing.machines.order_judgement import facts_of, line_of, report_large_line
from sensing.machines.order_lines import is_order
from sensing.machines.shard_outputs import context_of, put_decision
from sensing.machines.shard_state import ShardState
from sensing.machines.stock_thresholds import lower_stock_threshold, set_stock_thresholds
from sensing.machines.suppressed_surges import report_suppressed
from sensing.state.line_table import find_line
from sensing.supply.plan import Plan


def run_callback(s: ShardState, entry: Any, event: Any, texts: EventTexts) -> None:
    """Run one callback entry; ``event`` is the record that raised it."""
    kind, row = int(entry["kind"]), int(entry["row"])
    if kind == SURGE:
        detect_surge(s, row, int(event["time"]), texts.event_id, int(event["party"]), line_of(texts))
    elif kind == IMPOSSIBLE:
        _hold(s, row, event, texts)
    elif kind == RELEASE:
        _release(s, row, event, texts, float(entry["quantity"]))
    elif kind == LOW_STOCK:
        recheck_stock(s, row, int(event["time"]), texts.event_id, line_of(texts))
        if _is_for_later(s, row, event):
            s.plan_on_event(row, "future_orders", texts.event_id, int(event["time"]))
    elif kind == CONFLICT:
        reject_conflict(s, int(entry["quantity"]), row, event, texts)
    elif kind == AMBIGUOUS:
        reject_ambiguous(s, event, texts)
    elif kind == COUNT_DRIFT:
        _report_drift(s, row, event, texts, float(entry["quantity"]))
    elif kind == LARGE_LINE:
        report_large_line(s, row, int(entry["quantity"]), event, texts)
        recheck_stock(s, row, int(event["time"]), texts.event_id, line_of(texts))


def _is_for_later(s: ShardState, row: int, event: Any) -> bool:
    """Whether a record is an order that is requested for a day after that of its event."""
    today = s.zones.local_hour(s.zone_of(row), int(event["time"])) // 24
    requested = int(event["requested_day"])
    return bool(is_order(event["kind"])) and requested != NO_DAY and requested > today


def detect_surge(
    s: ShardState, row: int, event_time: int, cause: str, customer: int = 0, orders: tuple[LineName, ...] = ()
) -> None:
    """Test the trailing windows of a row after a line count has reached its threshold, and raise the thresholds.

    ``customer`` is the hash of the customer of the line that reached it, ``orders`` its name.
    """
    context = context_of(s, row, s.clock, event_time, (cause,), customer=customer, orders=orders)
    evidence = surge_evidence(s, row)
    observe(s, ORDER_SURGE.finding(context, evidence))
    hot = s.rows.hot[row]
    today = int(hot["hour"]) // 24 & 255
    if is_explained(evidence):
        report_suppressed(s, row, evidence, event_time, cause)
        hot["thresholds_day"] = today
        hot["surge_threshold_24"], hot["surge_threshold_72"] = explained_thresholds(s, row, evidence)
        return
    if hot["thresholds_day"] != today:
        hot["thresholds_day"], hot["surge_threshold_24"], hot["surge_threshold_72"] = today, LINES_MIN, LINES_MIN
    for window, threshold in (("window_24", "surge_threshold_24"), ("window_72", "surge_threshold_72")):
        if hot[window] >= hot[threshold]:
            hot[threshold] = surge_step(float(hot[window]))


def _hold(s: ShardState, row: int, event: Any, texts: EventTexts) -> None:
    customer, judged = int(event["party"]), s.judgement
    assert judged is not None, "a record is judged before it is held"
    context = context_of(
        s, row, s.clock, int(event["time"]), (texts.event_id,), customer=customer, line=event, orders=line_of(texts)
    )
    evidence = HeldLine(
        order_id=texts.document,
        line=texts.line_or_sku,
        quantity=_units(event),
        typical=judged.typical,
        largest=judged.largest,
        signs=judged.signs,
        order_day=_order_day(s, event, context.day),
        partition=int(event["partition"]),
        **facts_of(event),
    )
    finding = DATA_QUALITY.finding(context, evidence)
    _decide(s, texts, event, "hold_impossible_quantity", None, finding.reason)
    observe(s, finding)


def _order_day(s: ShardState, event: Any, day: int) -> int:
    """Local day of the placement of a held line; ``day`` is that of the event."""
    slot = find_line(s.lines.lines, s.lines.index, event["line_hi"], event["line_lo"])
    return day if slot < 0 else int(s.lines.lines["minute"][slot]) // DAY_MINUTES


def _release(s: ShardState, row: int, event: Any, texts: EventTexts, quantity: float) -> None:
    context = context_of(s, row, s.clock, int(event["time"]), (texts.event_id,), orders=line_of(texts))
    order_id, line = texts.document, texts.line_or_sku
    opened = s.problems.latest(DATA_QUALITY.name, problem_key(context.sku, context.location, order_id, line))
    before = opened.observed if opened is not None and opened.observed is not None else np.nan
    changed_to = quantity if quantity > 0 else None
    evidence = ReleasedLine(order_id=order_id, line=line, quantity=before, changed_to=changed_to)
    finding = DATA_QUALITY.finding(context, evidence)
    _decide(s, texts, event, "release_held_line", before, finding.reason)
    observe(s, finding)


def _report_drift(s: ShardState, row: int, event: Any, texts: EventTexts, drift: float) -> None:
    tolerance = s.supply.master.stated("count_tolerance", *s.names_of(row), TOLERANCE)
    evidence = CountDrift(counted=_units(event), drift=drift, tolerance=tolerance)
    s.rows.hot["out_of_sync"][row] = evidence.out_of_sync
    context = context_of(s, row, s.clock, int(event["time"]), (texts.event_id,))
    observe(s, INVENTORY_OUT_OF_SYNC.finding(context, evidence))
    if drift:
        s.plan_on_event(row, "count_drift", texts.event_id, int(event["time"]))


def recheck_stock(s: ShardState, row: int, event_time: int, cause: str, orders: tuple[LineName, ...] = ()) -> None:
    """Project the stock of a row again after an event that changed it."""
    if s.rows.hot["active"][row]:
        check_projection(s, row, forecast_and_plan_of_row(s, row, s.clock).plan, event_time, cause, orders)


def check_projection(
    s: ShardState, row: int, plan: Plan, event_time: int, cause: str, orders: tuple[LineName, ...] = ()
) -> None:
    """Judge the stock projection of a row, which is planned alone, and set its stock threshold."""
    short = bool(could_open(s, plan)[0])
    if short or STOCKOUT_PROJECTED.name in s.problems.open_types(row):
        context = context_of(s, row, s.clock, event_time, (cause,), orders=orders)
        known = s.problems.open_findings(row, STOCKOUT_PROJECTED.name)
        evidence = stockout_evidence(plan, 0, plan.day + 1, known[0] if known else None)
        observe(s, STOCKOUT_PROJECTED.finding(context, evidence))
    if short or STOCKOUT_PROJECTED.name in s.problems.open_types(row):
        lower_stock_threshold(s, plan, 0)
    else:
        set_stock_thresholds(s, plan, 1.0)


def _decide(s: ShardState, texts: EventTexts, event: Any, rule: Rule, prior: float | None, reason: str) -> None:
    sku, location, event_id = texts.sku, texts.location, texts.event_id
    decision = AutomaticDecision(
        rule=rule, subject=parameters_subject(sku, location), sku=sku, location=location, prior=prior,
        value=_units(event), reason=reason, cause_event_ids=[event_id],
    )  # fmt: skip
    put_decision(s, s.clock, int(event["time"]), f"{rule}/{event_id}", decision)


def _units(event: Any) -> float:
    return int(event["quantity"]) / THOUSANDTHS
