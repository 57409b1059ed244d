"""Batches as a snapshot keeps them."""

import datetime as dt

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
from sensing.contracts.shipments import Delivered
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
