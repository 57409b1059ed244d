"""Stock under old names: what an event that names a superseded item does to its part of the successor's balance.

The shard applies such events alone. A movement changes the part by what it changes the balance. A count states one part
only: that of the old item it names, or the successor's own; the balance is counted as this and the others as of then.
So a movement of another part that is older than the count and arrives after it is not booked.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import SUPERSEDED, InfrequentEvent, Kind
from sensing.codec.text_table import TextLookup
from sensing.machines.hand_overs import HandOvers
from sensing.machines.handed_rows import movements
from sensing.machines.machine_messages import OldStock
from sensing.machines.row_lookup import row_of_known
from sensing.machines.shard_state import ShardState
from sensing.supply.stock_ledger import on_hand
from sensing.supply.supply_record import NEVER

STOCK_KINDS = (Kind.RETURNED, Kind.SHIPPED, Kind.COUNTED, Kind.ADJUSTED)
"""Kinds of records that change a balance."""


def next_piece(h: HandOvers, records: NDArray[Any], start: int, stop: int) -> tuple[int, bool]:
    """End of the next piece of a batch's records, and whether it is one record to be applied alone."""
    if not h.old_names:
        return stop, False
    part = records[start:stop]
    moving = np.flatnonzero(np.isin(part["kind"], STOCK_KINDS))
    superseded = part["flags"][moving] & SUPERSEDED != 0
    counted = (part["kind"][moving] == Kind.COUNTED) & np.isin(part["row_hi"][moving], h.successor_hashes)
    alone = moving[superseded | counted]
    if not len(alone):
        return stop, False
    first = start + int(alone[0])
    return (first, False) if first > start else (start + 1, True)


class AloneRecord(NamedTuple):
    """One record that is applied alone: the record (1,) for the kernel, and what it was before."""

    events: NDArray[Any]
    row: int
    old: str
    """The old item that it names; empty: it counts the successor's own stock."""
    stated: int
    before: int

    @classmethod
    def of(cls, s: ShardState, events: NDArray[Any], rows: NDArray[np.int32], texts: TextLookup) -> "AloneRecord":
        """Prepare a record: the quantity of a count becomes that of the whole balance."""
        row, event = int(rows[0]), events[0]
        old = texts.one(event).sku if event["flags"] & SUPERSEDED else ""
        stated = int(event["quantity"])
        if row < 0:
            return cls(events, row, old, stated, 0)
        if event["kind"] == Kind.COUNTED:
            events = events.copy()
            events["quantity"] += _others(s, row, old, int(event["time"]))
        return cls(events, row, old, stated, int(on_hand(s.supply.supply, row)))

    def book(self, s: ShardState) -> None:
        """Book the applied record on its part of the balance."""
        if self.row < 0 or not self.old or s.supply.supply["count_time"][self.row] == NEVER:
            return
        event, part = self.events[0], _part(s, self.row, self.old)
        time = int(event["time"])
        if event["kind"] != Kind.COUNTED:
            _move(part, time, int(on_hand(s.supply.supply, self.row)) - self.before)
        elif s.supply.supply["count_time"][self.row] == time:
            part.quantity = self.stated + part.later(time)


@contextlib.contextmanager
def booking_old_stock(s: ShardState, message: InfrequentEvent) -> Iterator[None]:
    """Context in which an infrequent event is applied: what it moves under an old name is booked on that part."""
    event = message.event
    old = message.named[1] if hasattr(event, "substitute_sku") else message.named[0]
    if not old:
        yield
        return
    sku = getattr(event, "substitute_sku", event.sku)
    places = [place for field in ("location", "to_location") if (place := getattr(event, field, None)) is not None]
    before = [_balance(s, sku, place) for place in places]
    yield
    for place, quantity in zip(places, before, strict=True):
        row = row_of_known(s, sku, place)
        if row is not None and s.supply.supply["count_time"][row] != NEVER:
            _move(_part(s, row, old), message.time, _balance(s, sku, place) - quantity)


def _balance(s: ShardState, sku: str, location: str) -> int:
    row = row_of_known(s, sku, location)
    return 0 if row is None else int(on_hand(s.supply.supply, row))


def _others(s: ShardState, row: int, old: str, time: int) -> int:
    """Thousandths of a row's balance as of an instant that a count of one part does not state."""
    parts = s.hand_overs.stock.get(row, {})
    olds = sum(part.at(time) for name, part in parts.items() if name != old)
    if not old or s.supply.supply["count_time"][row] == NEVER:
        return olds
    record = s.supply.supply[row]
    later = sum(quantity for moved, quantity in movements(record) if moved > time)
    counted = parts[old].at(time) if old in parts else 0
    return int(on_hand(s.supply.supply, row)) - later - counted


def _part(s: ShardState, row: int, old: str) -> OldStock:
    return s.hand_overs.stock.setdefault(row, {}).setdefault(old, OldStock(0))


def _move(part: OldStock, time: int, quantity: int) -> None:
    if quantity:
        part.move(time, quantity)
