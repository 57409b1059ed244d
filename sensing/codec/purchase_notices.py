"""Purchase notices: a source group tells every shard of every purchase-order event. Routers call it before the split.

The events of a purchase order go to the shard of its SKU, but the lead times of a supplier concern all its items,
wherever they live. Purchase-order events are few beside orders, so every shard hears all of them and keeps the same
pools; see `sensing.supply.heard_purchases`.
"""

from sensing.codec.event_record import Batch, InfrequentEvent, PurchaseHeard
from sensing.contracts.suppliers import PurchaseOrderEvent


def announce_purchases(batch: Batch) -> Batch:
    """The batch with a PurchaseHeard before each event about a purchase-order line."""
    if not any(isinstance(message.event, PurchaseOrderEvent) for _, message in batch.infrequent):
        return batch
    infrequent: list[tuple[int, InfrequentEvent]] = []
    for before, message in batch.infrequent:
        if isinstance(message.event, PurchaseOrderEvent):
            infrequent.append((before, message._replace(event=PurchaseHeard(message.event), trace=None)))
        infrequent.append((before, message))
    return batch._replace(infrequent=infrequent)
