"""Transfers between locations: goods in transit, deliveries that end them, and dates that move.

`sensing.machines.infrequent_events` and `sensing.machines.shipment_events` call it for events,
`sensing.machines.timers` for shipments that end by date. A transfer with ``expected_date`` is in transit: what it
brings is on order at the destination and counts in the stock projection on that day. Without a date, with one that is
no date, or with one that is over, the goods are on hand at once.
"""

import datetime as dt
import math

from sensing.codec.event_record import NO_DAY, THOUSANDTHS, InfrequentEvent
from sensing.codec.instants import day_number, local_date
from sensing.codec.thousandths import exact_thousandths
from sensing.contracts.audit import AutomaticDecision, Rule
from sensing.contracts.subjects import parameters_subject
from sensing.detection.sentences import number
from sensing.machines.booking import advance_row_of
from sensing.machines.callbacks import recheck_stock
from sensing.machines.item_units import unit_factor
from sensing.machines.row_lookup import converted
from sensing.machines.shard_outputs import put_decision
from sensing.machines.shard_state import ShardState
from sensing.supply.purchase_line import DATE_DAYS_MAX
from sensing.supply.stock_ledger import book_movement, mark_fractional, refresh_stock
from sensing.supply.transit import DAYS_LATE, NEVER, Key, Transfer


def put_in_transit(s: ShardState, message: InfrequentEvent, origin: int, row: int) -> bool:
    """Send the goods of a transfer to ``row``; False if they are on hand there at once."""
    event = message.event
    if origin == row:
        return False
    due, ends = _expected(s, row, message.time, event.expected_date)
    dated = ends != NEVER and ends > max(message.time, s.clock)
    if not dated and event.shipment_id is None:
        return False
    transit = s.supply.transit
    # An id holds no control characters, so the name of a transfer without one is nobody's id.
    key = (event.shipment_id or f"\n{event.event_id}", row)
    transfer = transit.begin(key, origin)
    if transfer is None:
        return False
    quantity = _quantity(s, message)
    known = min(transfer.beyond, quantity)  # a delivery has brought it already
    transfer.sent += quantity
    transfer.newest = max(transfer.newest, message.time)
    if dated:
        transfer.due, transfer.ends = max(transfer.due, due), max(_ends(transfer.ends), ends)
        s.supply.supply["on_order"][row] += quantity - known
        mark_fractional(s.supply.supply, row, quantity)
        advance_row_of(s.rows.hot, row, s.zones.local_hour(s.zone_of(row), message.time))
    else:  # The goods are there already, so that a delivery of the shipment brings nothing more.
        transfer.arrived += quantity - known
        _book(s, row, message.time, -known)
    _arrive(s, message, key, transfer)
    transit.file(key, transfer)
    return dated


def _ends(instant: int) -> int:
    return 0 if instant == NEVER else instant


def deliver_transfer(s: ShardState, message: InfrequentEvent, row: int) -> bool:
    """Take a delivery of a transfer at ``row``, its destination or its origin; False if it is no transfer's.

    A delivery that names a shipment and no order is kept, since its transfer may arrive later.
    """
    event = message.event
    if event.shipment_id is None:
        return False
    transit = s.supply.transit
    found = transit.find(event.shipment_id, row)
    if found is None:
        transfer = transit.begin((event.shipment_id, row), -1) if event.order_id is None else None
        if transfer is None:
            return False
        key = (event.shipment_id, row)
    else:
        key, transfer = found
    transfer.delivered += _quantity(s, message)
    transfer.newest = max(transfer.newest, message.time)
    _arrive(s, message, key, transfer)
    transit.file(key, transfer)
    return transfer.sent > 0


def postpone_transfer(s: ShardState, message: InfrequentEvent, row: int) -> bool:
    """Expect a transfer on the day that a delay names; False if the delay is no transfer's."""
    event = message.event
    found = None if event.shipment_id is None else s.supply.transit.find(event.shipment_id, row)
    if found is None or found[1].sent == 0:
        return False
    key, transfer = found
    due, ends = _expected(s, key[1], message.time, event.expected_date)
    if transfer.sent > transfer.arrived and ends != NEVER:
        # An end that is over comes with the next timer.
        transfer.due, transfer.ends = due, max(ends, s.clock + 1)
        transfer.newest = max(transfer.newest, message.time)
        s.supply.transit.file(key, transfer)
        recheck_stock(s, key[1], message.time, event.event_id)
    return True


def end_transfers(s: ShardState, instant: int) -> None:
    """Count as arrived what is still in transit of the shipments that end at or before ``instant``."""
    while (ended := s.supply.transit.take_ended(instant)) is not None:
        row = ended.key[1]
        s.supply.supply["on_order"][row] -= ended.quantity
        _book(s, row, ended.instant, ended.quantity)
        reason = (
            f"{_name(ended.key)} to {s.location_of(row)} was expected on {local_date(ended.due)}, and no delivery said "
            f"otherwise: the {number(ended.quantity / THOUSANDTHS)} in transit count as arrived."
        )
        _decide(
            s,
            "end_transfer",
            ended.key,
            ended.instant,
            reason,
            (ended.quantity, 0),
            f"{ended.key[0].strip()}/{ended.instant}",
        )


def _arrive(s: ShardState, message: InfrequentEvent, key: Key, transfer: Transfer) -> None:
    """Book what deliveries have brought; put out a decision if they bring more than was sent."""
    row, in_transit, beyond = key[1], transfer.in_transit, transfer.beyond
    quantity = transfer.arriving()
    s.supply.supply["on_order"][row] -= in_transit - transfer.in_transit
    _book(s, row, message.time, quantity)
    if transfer.beyond > beyond:
        sent, arrived = (number(units / THOUSANDTHS) for units in (transfer.sent, transfer.arrived))
        reason = f"{_name(key)} to {s.location_of(row)} brought {arrived}, but only {sent} were sent; all are in stock."
        values = (transfer.sent, transfer.arrived)
        _decide(s, "exceed_transfer", key, message.time, reason, values, message.event.event_id, message.event.event_id)


def _decide(
    s: ShardState, rule: Rule, key: Key, time: int, reason: str, values: tuple[int, int], identity: str, *causes: str
) -> None:  # fmt: skip
    """Put out an automatic decision about a transfer; ``values`` are prior and new thousandths."""
    sku, location = s.names_of(key[1])
    prior, value = (quantity / THOUSANDTHS for quantity in values)
    decision = AutomaticDecision(
        rule=rule, subject=parameters_subject(sku, location), sku=sku, location=location, prior=prior, value=value,
        reason=reason, cause_event_ids=list(causes),
    )  # fmt: skip
    put_decision(s, s.clock, time, f"{rule}/{identity}/{parameters_subject(sku, location)}", decision)


def _name(key: Key) -> str:
    """A transfer in a sentence; one without a shipment id is named by its event."""
    return f"The transfer {key[0].strip()}"


def _book(s: ShardState, row: int, time: int, quantity: int) -> None:
    """Change the stock of a row by thousandths."""
    if quantity == 0:
        return
    advance_row_of(s.rows.hot, row, s.zones.local_hour(s.zone_of(row), time))
    book_movement(s.supply.supply, row, time, quantity)
    refresh_stock(s.rows.hot, s.supply.supply, row)


def _quantity(s: ShardState, message: InfrequentEvent) -> int:
    event = message.event
    factor = unit_factor(s, event.sku, event.unit_of_measure, message.named[0]) or 1.0
    return converted(exact_thousandths(event.quantity), factor)


def _expected(s: ShardState, row: int, time: int, date: dt.date | None) -> tuple[int, int]:
    """Expected local day of a row, and the instant at which the transfer ends; NO_DAY and NEVER without a date."""
    zone = s.zone_of(row)
    today = s.zones.local_hour(zone, time) // 24
    if date is None or abs(day_number(date) - today) > DATE_DAYS_MAX:
        return NO_DAY, NEVER
    late = s.supply.master.stated("transfer_days_late", *s.names_of(row), DAYS_LATE)
    due = day_number(date)
    return due, s.zones.day_end(zone, due + math.ceil(late))
