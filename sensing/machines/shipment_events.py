"""Infrequent events about the fulfilment of order lines: allocations, backorders, delays, substitutions, deliveries.

`sensing.machines.infrequent_events` calls it for events that master data accept and that are no duplicates.
"""

from typing import Any

import numpy as np

from sensing.codec.event_record import DERIVED, EVENT, NO_LINE, InfrequentEvent
from sensing.codec.instants import day_number
from sensing.codec.keys import keys_of
from sensing.codec.kit_parts import is_derived
from sensing.codec.text_table import EventTexts
from sensing.codec.thousandths import exact_thousandths
from sensing.contracts.orders import OrderAllocated
from sensing.contracts.shipments import Backordered, Delivered, ShipmentDelayed, Substituted
from sensing.machines.booking import advance_row_of
from sensing.machines.callbacks import recheck_stock
from sensing.machines.fulfilment import expect_later, serve
from sensing.machines.item_units import unit_factor
from sensing.machines.kernel_tables import CALLBACK, CALLBACKS_MAX
from sensing.machines.old_lines import old_line_key
from sensing.machines.order_judgement import report_large_line
from sensing.machines.row_lookup import converted
from sensing.machines.shard_state import ShardState
from sensing.machines.transfers import deliver_transfer, postpone_transfer
from sensing.state.line_table import find_line
from sensing.supply.stock_ledger import book_movement, refresh_stock

LINES_PER_REPORT = 3
"""Lines that one report may add: the order line and its two entries."""
FULFILMENTS = (OrderAllocated, Backordered, Delivered, ShipmentDelayed, Substituted)


def apply_fulfilment(s: ShardState, message: InfrequentEvent, row: int) -> None:
    """Apply one event about an order line of ``row`` or a transfer. An event that names no order has no line."""
    event = message.event
    if isinstance(event, Delivered) and deliver_transfer(s, message, row):
        return
    if isinstance(event, ShipmentDelayed) and postpone_transfer(s, message, row):
        return
    record = _record(s, message)
    if event.order_id is None:
        return
    hour = s.zones.local_hour(s.zone_of(row), message.time)
    if isinstance(event, OrderAllocated):
        s.allocations.add(row, (int(record["line_hi"]), int(record["line_lo"])), int(record["quantity"]))
        recheck_stock(s, row, message.time, event.event_id)
    elif isinstance(event, (Backordered, ShipmentDelayed)):
        _expect_later(s, message, record, row)
    elif isinstance(event, Substituted):
        _serve(s, message, record, row, hour)
    else:
        _deliver(s, message, record, row, hour)


def _record(s: ShardState, message: InfrequentEvent) -> Any:
    """The event as a record that kernels take."""
    event = message.event
    record = np.zeros(1, EVENT)[0]
    # A line keeps the key of the item that it was ordered as.
    keys = keys_of(
        message.named[0] or event.sku, event.location, event.event_id, event.order_id or "", event.line or ""
    )
    for name in ("line_hi", "line_lo", "id_hi", "id_lo"):
        record[name] = keys[name]
    if event.order_id is not None and not message.named[0]:
        key = old_line_key(s, record, event.sku, event.order_id, event.line or "")
        if key is not None:
            record["line_hi"], record["line_lo"] = key
    factor = unit_factor(s, event.sku, event.unit_of_measure, message.named[0]) or 1.0
    record["quantity"] = converted(exact_thousandths(event.quantity), factor)
    record["time"], record["watermark"] = message.time, message.watermark
    record["flags"] = NO_LINE if event.order_id is not None and event.line is None else 0
    if is_derived(message):
        record["flags"] |= DERIVED
    return record


def _serve(
    s: ShardState, message: InfrequentEvent, record: Any, row: int, hour: int, *, delivered: bool = False
) -> int:  # fmt: skip
    """Serve the line that a record names; returns the thousandths that leave the stock."""
    s.lines.ensure(LINES_PER_REPORT)
    callbacks = np.zeros(CALLBACKS_MAX, CALLBACK)
    moved, added = serve(s.tables(), record, row, hour, callbacks, delivered)
    event = message.event
    texts = EventTexts(event.sku, event.location, event.order_id or "", event.line or "", event.event_id)
    for entry in callbacks[:added]:
        report_large_line(s, int(entry["row"]), int(entry["quantity"]), record, texts)
    return int(moved)


def _deliver(s: ShardState, message: InfrequentEvent, record: Any, row: int, hour: int) -> None:
    """Ship what was delivered and never reported as shipped."""
    unheard = _serve(s, message, record, row, hour, delivered=True)
    if unheard == 0:
        return
    advance_row_of(s.rows.hot, row, hour)
    book_movement(s.supply.supply, row, message.time, -unheard)
    refresh_stock(s.rows.hot, s.supply.supply, row)
    recheck_stock(s, row, message.time, message.event.event_id)


def _expect_later(s: ShardState, message: InfrequentEvent, record: Any, row: int) -> None:
    """Owe what is open on a line on the day that the event names."""
    if message.event.expected_date is None:
        return
    slot = find_line(s.lines.lines, s.lines.index, record["line_hi"], record["line_lo"])
    if slot >= 0 and expect_later(s.tables(), slot, day_number(message.event.expected_date)):
        recheck_stock(s, row, message.time, message.event.event_id)
