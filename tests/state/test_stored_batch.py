"""Batches as a snapshot keeps them."""

import datetime as dt
from typing import Any

import msgspec
import numpy as np

from sensing.codec.event_record import (
    EVENT,
    HEARD_COUNT,
    HEARD_DELIVERY,
    HEARD_SHIPMENT,
    Batch,
    InfrequentEvent,
    LocationHeard,
    Topic,
)
from sensing.codec.purchase_notices import announce_purchases
from sensing.contracts.shipments import Delivered
from sensing.contracts.suppliers import PurchaseOrderEvent, PurchaseOrderPlaced, PurchaseOrderReceived
from sensing.state.stored_batch import StoredBatch


def test_location_notices_are_kept_in_front_of_their_events() -> None:
    """A batch that waits keeps its notices, of every kind and topic, next to the events that cause them."""
    delivered = Delivered(
        event_id="d", event_time=dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC), sku="A", location="L", quantity=2.0
    )
    found = [
        (0, InfrequentEvent(LocationHeard("L", HEARD_DELIVERY), 5, 4, Topic.SHIPMENTS, 1, 7)),
        (0, InfrequentEvent(delivered, 5, 4, Topic.SHIPMENTS, 1, 7, "00-trace")),
        (1, InfrequentEvent(LocationHeard("L", HEARD_SHIPMENT), 6, 5, Topic.SHIPMENTS, 1, 8)),
        (2, InfrequentEvent(LocationHeard("M", HEARD_COUNT), 7, 6, Topic.INVENTORY, 0, 3)),
    ]
    batch = Batch(np.zeros(2, EVENT), found, 9)
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(StoredBatch.of(batch)), type=StoredBatch)
    assert stored.batch().infrequent == found


def test_purchase_records_are_kept_with_their_batch() -> None:
    """A shard that waits still hears what other shards' purchase orders say."""
    common: dict[str, Any] = {
        "event_time": dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC),
        "sku": "A",
        "location": "L",
        "po_id": "P",
    }
    events: list[PurchaseOrderEvent] = [
        PurchaseOrderPlaced(event_id="p", quantity=2.0, promised_date=dt.date(2026, 1, 9), supplier="S", **common),
        PurchaseOrderReceived(event_id="r", quantity=2.0, last=True, **common),
    ]
    found = [(k, InfrequentEvent(each, 5, 4, Topic.SUPPLIERS, 1, k)) for k, each in enumerate(events)]
    batch = announce_purchases(Batch(np.zeros(2, EVENT), found, 9))
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(StoredBatch.of(batch)), type=StoredBatch).batch()
    assert len(stored.purchases) == 2
    np.testing.assert_array_equal(stored.purchases, batch.purchases)
