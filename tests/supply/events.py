"""Helpers that make purchase-order events and apply them to a supply state."""

import datetime as dt
from typing import Any

import numpy as np

from sensing.codec.event_record import NO_DAY, InfrequentEvent, Topic
from sensing.codec.purchase_notices import purchase_records
from sensing.codec.purchase_record import Purchase
from sensing.contracts import suppliers as po
from sensing.machine_settings import DAY_MS, Settings
from sensing.state.line_table import COUNT, TRACKED_OPEN, LineTable, add_line
from sensing.supply.allocations import Allocations
from sensing.supply.backlog import link
from sensing.supply.purchases import MovedLine, PoOutcome
from sensing.supply.supply_state import SupplyState

DAY = 20_000
"""Local day on which the tests begin."""
KINDS = {
    "placed": po.PurchaseOrderPlaced,
    "confirmed": po.PurchaseOrderConfirmed,
    "delayed": po.PurchaseOrderDelayed,
    "shipped": po.PurchaseOrderShipped,
    "received": po.PurchaseOrderReceived,
    "cancelled": po.PurchaseOrderCancelled,
}


def date(day: int) -> dt.date:
    """Date of a day number."""
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)


def names(row: int) -> tuple[str, str]:
    """SKU and location of a row of the tests."""
    return f"S{row}", "L"


def book(rows: int = 4, **settings: Any) -> SupplyState:
    """Supply state with some rows."""
    made = SupplyState(Settings(**settings), LineTable(64), Allocations(64), names)
    made.ensure(rows)
    return made


def event(kind: str, day: float, row: int = 0, promised: int | None = None, **fields: Any) -> Any:
    """Event of purchase order P about a row, at DAY + ``day``; ``promised`` counts from DAY as well."""
    if promised is not None:
        fields["promised_date"] = date(DAY + promised)
    time = round((DAY + day) * DAY_MS)
    given = {"event_id": f"{kind}{day}", "event_time": time, "sku": f"S{row}", "location": "L", "po_id": "P"}
    return KINDS[kind](**{**given, **fields})


def tell(to: SupplyState, kind: str, day: float, row: int = 0, **fields: Any) -> PoOutcome:
    """Make an event and apply it to a supply state."""
    made = event(kind, day, row, **fields)
    return apply_event(to, made, row)


def owe(to: SupplyState, row: int, day: int, quantity: int) -> None:
    """Add an open order line of a row: ``quantity`` thousandths, requested for local ``day``."""
    table, number = to._lines, np.uint64(to._lines.state[COUNT] + 1)
    slot = add_line(table.lines, table.index, table.state, number, number)
    line = table.lines[slot]
    line["row"], line["requested_day"], line["quantity"], line["flags"] = row, day, quantity, TRACKED_OPEN
    to.supply["open_total"][row] += quantity
    link(to.supply, table.lines, slot)


def disrupted(to: SupplyState, day: float = 0, **fields: Any) -> list[MovedLine]:
    """Disrupt supplier A at DAY + ``day``; ``until`` counts from DAY as well. Returns the lines that it moved."""
    if "until" in fields:
        fields["until"] = date(DAY + fields["until"])
    time = round((DAY + day) * DAY_MS)
    made = po.SupplierDisrupted(**{"event_id": f"d{day}", "event_time": time, "supplier": "A", **fields})
    disruption = to.disrupt(made, time)
    moved = (to.postpone(disruption, key) for key in to.purchases.of_supplier(disruption.supplier))
    return [each for each in moved if each is not None]


def due(to: SupplyState, row: int = 0) -> list[tuple[float, int | None]]:
    """Units and expected day, counted from DAY, of the open schedule lines of a row; None: no day."""
    parts = [part for _, line in to.purchases.of_row(row) for part in line.schedule]
    return [(part.quantity / 1000, None if part.expected == NO_DAY else part.expected - DAY) for part in parts]


def purchase_of(made: Any) -> Purchase:
    """The purchase record of an event, read at a watermark of its time."""
    message = InfrequentEvent(made, made.event_time, made.event_time, Topic.SUPPLIERS, 0, 0)
    return Purchase(*purchase_records([message])[0].tolist())


def apply_event(to: SupplyState, made: Any, row: int = 0) -> PoOutcome:
    """Apply an event to a supply state."""
    factor = to.master.unit_factor(made.sku, made.unit_of_measure)
    assert factor is not None, "a shard refuses an unknown unit before"
    to.heard.hear(purchase_of(made), made.event_time // DAY_MS, to.lanes)
    return to.purchase(made, row, made.event_time, made.event_time // DAY_MS, made.event_time, factor)
