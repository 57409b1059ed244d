"""Purchase notices: a source group tells every shard of every purchase-order event. Routers call it before the split.

The events of a purchase order go to the shard of its SKU, but the lead times of a supplier concern all its items,
wherever they live. Purchase-order events are few beside orders, so every shard hears all of them and keeps the same
pools; see `sensing.supply.heard_purchases`. Their records travel with the batch beside its events, and are no input
events of their own: no shard counts them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import Batch, InfrequentEvent
from sensing.codec.identifiers import column, text_hashes
from sensing.codec.instants import days
from sensing.codec.purchase_record import PURCHASE, PurchaseKind
from sensing.contracts.common import ID_BYTES_MAX, LOCATION_BYTES_MAX, UNIT_BYTES_MAX
from sensing.contracts.suppliers import (
    PurchaseOrderCancelled,
    PurchaseOrderLine,
    PurchaseOrderPlaced,
    PurchaseOrderReceived,
)

KINDS: dict[type, PurchaseKind] = {
    PurchaseOrderPlaced: PurchaseKind.PLACED,
    PurchaseOrderReceived: PurchaseKind.RECEIVED,
    PurchaseOrderCancelled: PurchaseKind.CANCELLED,
}
"""Kinds of events; all others promise a day, or nothing."""


def announce_purchases(batch: Batch) -> Batch:
    """The batch with a record of `PURCHASE` for each of its events about a purchase-order line."""
    messages = [message for _, message in batch.infrequent if isinstance(message.event, PurchaseOrderLine)]
    return batch._replace(purchases=purchase_records(messages)) if messages else batch


def purchase_records(messages: Sequence[InfrequentEvent]) -> NDArray[Any]:
    """(n,) records of `PURCHASE` of events about purchase-order lines."""
    events = [message.event for message in messages]
    found = np.zeros(len(events), PURCHASE)
    found["time"] = [message.time for message in messages]
    found["watermark"] = [message.watermark for message in messages]
    found["quantity"] = [getattr(event, "quantity", None) or 0.0 for event in events]
    found["order"] = text_hashes([event.po_id for event in events])
    found["line"] = text_hashes([event.line or event.sku for event in events])
    found["event"] = text_hashes([event.event_id for event in events])
    found["promised_day"] = days([getattr(event, "promised_date", None) for event in events])
    found["kind"] = [KINDS.get(type(event), PurchaseKind.PROMISED) for event in events]
    found["ends"] = [_ends(event) for event in events]
    found["unit"] = column([event.unit_of_measure for event in events], UNIT_BYTES_MAX)
    found["location"] = column([event.location for event in events], LOCATION_BYTES_MAX)
    found["supplier"] = column([event.supplier or "" for event in events], ID_BYTES_MAX)
    return found


def _ends(event: PurchaseOrderLine) -> bool:
    """Whether nothing more will arrive of the line after an event."""
    if isinstance(event, PurchaseOrderCancelled):
        return event.schedule_line is None
    return isinstance(event, PurchaseOrderReceived) and event.last
