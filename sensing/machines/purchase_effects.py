"""Effects of purchase orders and disruptions beyond the supply state: exceptions, audit, stock checks, rows to plan.

`infrequent_events` and `disruption` call it after an event, `timers` once a day while a disruption lasts.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS, InfrequentEvent
from sensing.codec.keys import keys_of
from sensing.contracts.audit import AutomaticDecision
from sensing.contracts.exception_details import DelayDetails
from sensing.contracts.subjects import parameters_subject, problem_key
from sensing.contracts.suppliers import PurchaseOrderCancelled, PurchaseOrderReceived
from sensing.detection.delay import SUPPLIER_DELAY
from sensing.detection.delay_evidence import delay_evidence, late_parts
from sensing.detection.sentences import number
from sensing.machine_settings import DAY_MS
from sensing.machines.callbacks import check_projection
from sensing.machines.exception_outputs import observe
from sensing.machines.forecast_and_plan import forecast_and_plan_of_row
from sensing.machines.late_line_reports import note_late_line
from sensing.machines.shard_outputs import context_of, put_decision
from sensing.machines.shard_state import ShardState
from sensing.machines.stock_thresholds import expect_less
from sensing.supply.purchase_line import PurchaseLine
from sensing.supply.purchases import MovedLine, PoOutcome, line_key
from sensing.supply.receipt_statistics import LEAD_TIME_DAYS_MAX
from sensing.supply.stock_ledger import book_movement, refresh_stock
from sensing.supply.usual_lateness import usual_days_late

FORGET_EVERY_DAYS = 7
"""Old purchase-order lines of other shards are looked for once in so many days, since that reads all lines."""


def plan_disrupted_rows(s: ShardState, instant: int) -> None:
    """Plan the rows of disrupted suppliers at their next close: lead times change while a disruption lasts and ends."""
    s.supply.disruptions.expire(instant // DAY_MS)
    suppliers = s.supply.disruptions.suppliers()
    if suppliers:
        s.schedule_plans(rows_of_suppliers(s, suppliers))


def learn_purchases(s: ShardState, instant: int) -> None:
    """Have the pools of suppliers learn purchase orders of all shards that were read before ``instant`` (UTC ms)."""

    def local_day(location: str, time: int) -> int:
        return s.zones.local_hour(s.locations.zone_of(location), time) // 24

    s.supply.heard.hear_waiting(instant, local_day, s.supply.lanes)
    s.supply.lanes.take_in()
    if instant // DAY_MS % FORGET_EVERY_DAYS == 0:
        s.supply.heard.forget_old(instant)


def rows_of_suppliers(s: ShardState, suppliers: list[int]) -> NDArray[np.int64]:
    """Rows of suppliers: those with a purchase order, and those of items whose master data name the supplier."""
    lanes = s.supply.lanes
    found = [lanes.lanes["row"][np.isin(lanes.lanes["supplier"], suppliers)].astype(np.int64)]
    skus = s.supply.master.items_of({lanes.names[number] for number in suppliers})
    found.extend(s.row_index.of_sku(s.rows.hot, keys_of(sku)["row_hi"]) for sku in skus)
    return np.unique(np.concatenate(found))


def book_receipt(s: ShardState, message: InfrequentEvent, row: int, quantity: int) -> None:
    """Book received thousandths as stock. They are no longer due, so the stock threshold rises, too."""
    book_movement(s.supply.supply, row, message.time, quantity)
    refresh_stock(s.rows.hot, s.supply.supply, row)
    expect_less(s, row, quantity / THOUSANDTHS)


def report_moved(s: ShardState, event_id: str, event_time: int, moved: MovedLine) -> None:
    """Put out what the changed dates of a line mean: a delay, the end of one, or a stock-out."""
    row, key = moved.row, moved.key
    line = s.supply.purchases.find(key)
    assert line is not None, "a line that has changed is kept"
    sku, location = s.names_of(row)
    today = s.zones.local_hour(s.zone_of(row), event_time) // 24
    late = any(part.cause != "unconfirmed" for part in late_parts(line, today, LEAD_TIME_DAYS_MAX))
    name = problem_key(sku, location, *key)
    delayed = late or s.problems.is_tracked(SUPPLIER_DELAY.name, name) or s.late_lines.get(row, key) is not None
    if not delayed and not moved.later:
        return
    plan = forecast_and_plan_of_row(s, row, s.clock).plan
    if delayed:
        opened = s.problems.latest(SUPPLIER_DELAY.name, name)
        lanes, known = s.supply.lanes, None if opened is None else opened.details
        evidence = delay_evidence(
            key, line, lanes.names[line.supplier], today, cover_days=float(plan.cover_days[0]),
            lead_time_days=float(plan.lead_time_days_mean[0]),
            usual_days_late=usual_days_late(lanes.pools[line.supplier]), stock_known=not math.isnan(plan.on_hand[0]),
            known=known if isinstance(known, DelayDetails) else None,
        )  # fmt: skip
        finding = SUPPLIER_DELAY.finding(context_of(s, row, s.clock, event_time, (event_id,)), evidence)
        observe(s, finding)
        note_late_line(s, finding)
    if moved.later:
        check_projection(s, row, plan, event_time, event_id)


def report_closed(s: ShardState, message: InfrequentEvent, row: int, outcome: PoOutcome) -> None:
    """Put out a decision if a line ends with less or more than was ordered."""
    event = message.event
    line = s.supply.purchases.find(line_key(event))
    assert line is not None, "the event was applied to it"
    reason = _ending(event, line, outcome)
    if reason is None:
        return
    sku, location = s.names_of(row)
    po_id, name = line_key(event)
    decision = AutomaticDecision(
        rule="close_purchase_line", subject=parameters_subject(sku, location), sku=sku, location=location,
        inputs={"po_id": po_id, "line": name, "ordered": line.ordered / THOUSANDTHS,
                "received": line.received / THOUSANDTHS},
        prior=outcome.open_before / THOUSANDTHS, value=line.open / THOUSANDTHS,
        reason=f"Line {name} of purchase order {po_id} {reason}.", cause_event_ids=[event.event_id],
    )  # fmt: skip
    put_decision(s, s.clock, message.time, f"close_purchase_line/{event.event_id}", decision)


def _ending(event: object, line: PurchaseLine, outcome: PoOutcome) -> str | None:
    """How a line ended short or beyond its quantity; None if it did not."""
    missing = outcome.open_before - outcome.movement - line.open
    ordered, received = number(line.ordered / THOUSANDTHS), number(line.received / THOUSANDTHS)
    if isinstance(event, PurchaseOrderCancelled) and missing > 0:
        part = f" in part (schedule line {event.schedule_line})" if event.schedule_line else ""
        return f"was cancelled{part}: {number(missing / THOUSANDTHS)} will not arrive, {received} were received"
    if not isinstance(event, PurchaseOrderReceived):
        return None
    if event.last and missing > 0:
        return (
            f"was closed short: {received} of {ordered} were received, {number(missing / THOUSANDTHS)} will not arrive"
        )
    if line.cancelled:
        return f"was cancelled, but {number(outcome.movement / THOUSANDTHS)} were received; they are in stock"
    if line.placed and line.received > line.ordered:
        over = number((line.received - line.ordered) / THOUSANDTHS)
        return f"was delivered beyond its quantity: {received} received of {ordered} ordered, {over} more than ordered"
    return None
