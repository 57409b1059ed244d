"""Every shard hears of every purchase-order event."""

import datetime as dt

import numpy as np

from sensing.codec.event_record import NO_DAY, Batch, InfrequentEvent
from sensing.codec.identifiers import text_hashes
from sensing.codec.instants import day_number
from sensing.codec.purchase_notices import announce_purchases
from sensing.codec.purchase_record import Purchase, PurchaseKind
from sensing.codec.shard_split import shard_of, split
from sensing.contracts.suppliers import PurchaseOrderLine
from tests.machines.streams import MONDAY, Line, Stream, line

SHARDS = 4


def stream() -> list[Line]:
    """Purchase orders of ten items, and events of other kinds between them."""
    found = []
    for k in range(10):
        keys = {"sku": f"S{k}", "location": "L", "quantity": 5}
        found.append(line("po.placed", f"p{k}", MONDAY + k, po_id=f"P{k}", supplier="A", **keys))
        found.append(line("order.placed", f"o{k}", MONDAY + k, **keys))
        found.append(line("po.received", f"r{k}", MONDAY + k, po_id=f"P{k}", **keys))
    return [*found, line("supplier.disrupted", "d", MONDAY + 99, supplier="A", delay_days=3)]


def announced() -> Batch:
    """The stream as one batch, with its notices."""
    made = Stream(stream())
    return announce_purchases(made.cut(0, len(made)))


def test_there_is_a_record_of_each_purchase_order_event() -> None:
    """In reading order, with the time and watermark of its event; a disruption goes to all shards itself."""
    batch = announced()
    messages = [message for _, message in batch.infrequent if isinstance(message.event, PurchaseOrderLine)]
    found = [Purchase(*record) for record in batch.purchases.tolist()]
    assert len(found) == len(messages) == 20
    for message, said in zip(messages, found, strict=True):
        event = message.event
        assert (said.time, said.watermark, said.quantity) == (message.time, message.watermark, 5.0)
        hashes = [int(value) for value in text_hashes([event.po_id, event.sku, event.event_id])]
        assert [said.order, said.line, said.event] == hashes
        assert (said.unit, said.location) == (event.unit_of_measure.encode(), b"L")


def test_a_record_says_what_a_pool_needs() -> None:
    """Kind, promise, and whether the line ends; names of several bytes a letter stay whole."""
    keys = {"sku": "S", "location": "Köln", "po_id": "P", "line": "1"}
    told = [
        line("po.placed", "p", MONDAY, quantity=5, supplier="Möbel", promised_date="2026-01-09", **keys),
        line("po.confirmed", "c", MONDAY, promised_date="2026-01-10", **keys),
        line("po.cancelled", "x", MONDAY, schedule_line="A", **keys),
        line("po.received", "r", MONDAY, quantity=5, last=True, **keys),
        line("po.cancelled", "y", MONDAY, **keys),
    ]
    made = Stream(told)
    found = [Purchase(*record) for record in announce_purchases(made.cut(0, len(made))).purchases.tolist()]
    assert [said.kind for said in found] == [
        PurchaseKind.PLACED, PurchaseKind.PROMISED, PurchaseKind.CANCELLED, PurchaseKind.RECEIVED,
        PurchaseKind.CANCELLED,
    ]  # fmt: skip
    assert [said.ends for said in found] == [0, 0, 0, 1, 1]
    assert [said.quantity for said in found] == [5.0, 0.0, 0.0, 5.0, 0.0]
    days = [day_number(dt.date(2026, 1, day)) for day in (9, 10)]
    assert [said.promised_day for said in found] == [*days, NO_DAY, NO_DAY, NO_DAY]
    assert [said.supplier.decode() for said in found] == ["Möbel", "", "", "", ""]
    assert {said.location.decode() for said in found} == {"Köln"}


def test_every_shard_hears_the_same() -> None:
    """All shards have all records; the events themselves go to the shards of their items."""
    batch = announced()
    for shard, part in enumerate(split(batch, SHARDS)):
        np.testing.assert_array_equal(part.purchases, batch.purchases)
        own: list[InfrequentEvent] = [message for _, message in part.infrequent if hasattr(message.event, "po_id")]
        assert {shard_of(message.event.sku, SHARDS) for message in own} <= {shard}


def test_a_batch_without_purchase_orders_stays() -> None:
    """Most batches have none, and cost nothing."""
    made = Stream([each for each in stream() if each.topic == "orders"])
    batch = made.cut(0, len(made))
    assert announce_purchases(batch) is batch
