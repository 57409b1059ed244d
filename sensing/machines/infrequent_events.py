"""Infrequent events: purchase orders, transfers, substitutions, disruptions and decisions. The shard applies them one
by one in Python, outside the kernel.
"""

import numpy as np

from sensing.codec.event_record import (
    CurrencyHeard,
    ExceptionPublished,
    HistoryHeard,
    InfrequentEvent,
    LocationHeard,
    SuccessionHeard,
)
from sensing.codec.kit_parts import is_derived, key_of
from sensing.codec.thousandths import exact_thousandths
from sensing.contracts.decisions import DecisionMade, ExecutionConfirmed
from sensing.contracts.parameters import Trigger
from sensing.contracts.shipments import Substituted, Transferred
from sensing.contracts.suppliers import (
    PurchaseOrderCancelled,
    PurchaseOrderConfirmed,
    PurchaseOrderDelayed,
    PurchaseOrderLine,
    PurchaseOrderPlaced,
    PurchaseOrderReceived,
    PurchaseOrderShipped,
    SupplierDisrupted,
)
from sensing.machine_settings import HOUR_MS
from sensing.machines.booking import advance_row_of, new_line
from sensing.machines.callbacks import recheck_stock
from sensing.machines.decisions.decide import decide, hear_earlier
from sensing.machines.disruption import SupplierDisruption
from sensing.machines.item_units import unit_factor
from sensing.machines.kernel_tables import ABSORBED, ABSORBED_LATE, DEAD_LETTER, DUPLICATE, HELD_BACK, SUPERSEDED
from sensing.machines.machine_messages import HistoryReport
from sensing.machines.old_names import booking_old_stock
from sensing.machines.purchase_effects import book_receipt, report_closed, report_moved
from sensing.machines.purchase_rejects import purchase_conflict
from sensing.machines.refusals import Refusal, answers_for, refusal_of, reject_infrequent
from sensing.machines.row_lookup import converted, row_of
from sensing.machines.shard_state import ShardState
from sensing.machines.shipment_events import FULFILMENTS, apply_fulfilment
from sensing.machines.succession import hear_succession
from sensing.machines.transfer_demand import book_transfer, is_demand
from sensing.machines.transfers import put_in_transit
from sensing.machines.unknown_names import admit_infrequent
from sensing.state.line_table import ALL_OPEN, find_line
from sensing.state.rows import FULL
from sensing.supply.stock_ledger import book_movement, refresh_stock

OUTCOME_OF_WORD = {"absorbed": ABSORBED, "duplicate": DUPLICATE, "superseded": SUPERSEDED}
PURCHASE_TRIGGERS: dict[type, Trigger] = {
    PurchaseOrderPlaced: "purchase_order_placed",
    PurchaseOrderConfirmed: "purchase_order_confirmed",
    PurchaseOrderDelayed: "purchase_order_delayed",
    PurchaseOrderShipped: "purchase_order_shipped",
    PurchaseOrderReceived: "purchase_order_received",
    PurchaseOrderCancelled: "purchase_order_cancelled",
}


def apply_infrequent(s: ShardState, message: InfrequentEvent) -> SupplierDisruption | None:
    """Apply one infrequent event (not reference) and count its outcome.

    An event without a SKU goes to every shard; the first shard counts it. Notices of source groups are no messages of
    their own and are not counted. A disruption is resumable: it is returned for the shard to step.
    """
    if isinstance(message.event, LocationHeard):
        s.locations.hear(message.event.location, message.event.kind)
        return None
    if isinstance(message.event, SuccessionHeard):
        hear_succession(s, message.event)
        return None
    if isinstance(message.event, ExceptionPublished):
        hear_earlier(s, message.event)
        return None
    if isinstance(message.event, CurrencyHeard):
        if s.supply.see_currency(message.event.currency):
            s.schedule_plans()
        return None
    if isinstance(message.event, HistoryHeard):
        if s.begin_backfill(message.event.until):
            s.reports.put(s.clock, HistoryReport(message.event.until))
        return None
    with booking_old_stock(s, message):
        outcome = _apply(s, message)
    if outcome == ABSORBED and message.time < message.watermark:
        outcome = ABSORBED_LATE
    if answers_for(s, message.event) and not is_derived(message):
        s.count(message.topic, message.partition, outcome)
    disrupted = isinstance(message.event, SupplierDisrupted) and outcome in (ABSORBED, ABSORBED_LATE)
    return SupplierDisruption.begin(s, message) if disrupted else None


def _apply(s: ShardState, message: InfrequentEvent) -> int:
    event = message.event
    moves = _movements(s, message)
    refusal = refusal_of(s, message)
    if refusal is not None:
        refusal = admit_infrequent(s, message, refusal)
        return HELD_BACK if refusal is None else reject_infrequent(s, message, refusal)
    places = (
        [(event.sku, event.location)] if isinstance(event, PurchaseOrderLine) else [movement[:2] for movement in moves]
    )
    rows = [row_of(s, *place) for place in places]
    if FULL in rows:
        required = f"at most {s.settings.rows_max} SKU-locations in a shard"
        return reject_infrequent(s, message, Refusal("table_full", "sku", required, places[rows.index(FULL)][0]))
    key = key_of(message)
    if find_line(s.lines.lines, s.lines.index, *key) >= 0:
        return DUPLICATE  # A refused event is not remembered, so it may come again.
    outcome = ABSORBED
    if isinstance(event, PurchaseOrderLine):
        outcome = _purchase(s, message, rows[0])
    elif isinstance(event, (DecisionMade, ExecutionConfirmed)):
        decide(s, message)
    elif isinstance(event, FULFILMENTS) and answers_for(s, event):
        apply_fulfilment(s, message, row_of(s, event.sku, event.location))
    # Goods of an old item are on hand at once: its part of the balance does not follow them on their way.
    if isinstance(event, Transferred) and not message.named[0] and put_in_transit(s, message, *rows):
        moves = moves[:1]
    for row, (sku, _, quantity) in zip(rows, moves, strict=False):
        _book_movement(s, message, row, sku, quantity)
    if isinstance(event, Transferred) and is_demand(s, event.sku, event.location, event.to_location):
        factor = unit_factor(s, event.sku, event.unit_of_measure, message.named[0]) or 1.0
        book_transfer(s, message, rows[0], converted(exact_thousandths(event.quantity), factor))
    elif outcome != DEAD_LETTER:
        _remember(s, message, key, rows[0] if rows else 0)
    return outcome


def _movements(s: ShardState, message: InfrequentEvent) -> list[tuple[str, str, float]]:
    """Stock movements of an event in this shard: SKU, location, signed quantity in the event's unit.

    What replaces a kit leaves the stock once, not once for each part.
    """
    event = message.event
    if isinstance(event, Transferred):
        return [(event.sku, event.location, -event.quantity), (event.sku, event.to_location, event.quantity)]
    if isinstance(event, Substituted) and not is_derived(message) and s.owns(event.substitute_sku):
        return [(event.substitute_sku, event.location, -event.quantity)]
    return []


def _remember(s: ShardState, message: InfrequentEvent, key: tuple[np.uint64, np.uint64], row: int) -> None:
    """Keep the key of the event's id with its row, so that a repeat counts as a duplicate."""
    s.lines.ensure(1)
    new_line(s.tables(), *key, row, message.time // HOUR_MS)
    s.lines.state[ALL_OPEN] = 0


def _local_hour(s: ShardState, row: int, time: int) -> int:
    return s.zones.local_hour(s.zone_of(row), time)


def _book_movement(s: ShardState, message: InfrequentEvent, row: int, sku: str, quantity: float) -> None:
    """Book a stock movement, in the event's unit, and recheck the projection if stock fell."""
    # The shard of a substitute knows only the substitute's units.
    old = message.named[1 if isinstance(message.event, Substituted) else 0]
    factor = unit_factor(s, sku, message.event.unit_of_measure, old) or 1.0
    advance_row_of(s.rows.hot, row, _local_hour(s, row, message.time))
    book_movement(s.supply.supply, row, message.time, converted(exact_thousandths(quantity), factor))
    refresh_stock(s.rows.hot, s.supply.supply, row)
    if quantity < 0:
        event = message.event
        orders = ((event.order_id, event.line or event.sku),) if event.order_id else ()
        recheck_stock(s, row, message.time, event.event_id, orders)


def _purchase(s: ShardState, message: InfrequentEvent, row: int) -> int:
    event = message.event
    hour = _local_hour(s, row, message.time)
    factor = unit_factor(s, event.sku, event.unit_of_measure, message.named[0]) or 1.0
    outcome = s.supply.purchase(event, row, message.time, hour // 24, message.watermark, factor)
    if outcome.word == "line_changed_item":
        refusal = Refusal("line_changed_item", "location", "the line's sku and location", event.location)
        return reject_infrequent(s, message, refusal)
    if outcome.conflict is not None:
        return reject_infrequent(s, message, purchase_conflict(s, event, outcome.conflict))
    if outcome.word == "duplicate":
        return DUPLICATE
    if outcome.word == "absorbed":
        advance_row_of(s.rows.hot, row, hour)
    if outcome.movement:
        book_receipt(s, message, row, outcome.movement)
    report_closed(s, message, row, outcome)
    if outcome.moved is not None:
        report_moved(s, event.event_id, message.time, outcome.moved)
    if outcome.word == "absorbed":
        s.plan_on_event(row, PURCHASE_TRIGGERS[type(event)], event.event_id, message.time)
    return OUTCOME_OF_WORD[outcome.word]
