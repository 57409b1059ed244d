"""Every shard hears of every purchase-order event."""

from sensing.codec.event_record import Batch, InfrequentEvent, PurchaseHeard
from sensing.codec.purchase_notices import announce_purchases
from sensing.codec.shard_split import shard_of, split
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


def test_a_notice_is_in_front_of_each_purchase_order_event() -> None:
    """With the time, watermark and place of its event and without its trace; a disruption goes to all shards itself."""
    messages = announced().infrequent
    heard = [k for k, (_, message) in enumerate(messages) if isinstance(message.event, PurchaseHeard)]
    assert len(heard) == 20
    for k in heard:
        (at, notice), (before, message) = messages[k : k + 2]
        assert (at, notice) == (before, message._replace(event=PurchaseHeard(message.event), trace=None))


def test_every_shard_hears_the_same() -> None:
    """All shards have all notices in one order; the events themselves go to the shards of their items."""
    batch = announced()
    notices = [message for _, message in batch.infrequent if isinstance(message.event, PurchaseHeard)]
    for shard, part in enumerate(split(batch, SHARDS)):
        assert [message for _, message in part.infrequent if isinstance(message.event, PurchaseHeard)] == notices
        own: list[InfrequentEvent] = [message for _, message in part.infrequent if hasattr(message.event, "po_id")]
        assert {shard_of(message.event.sku, SHARDS) for message in own} <= {shard}


def test_a_batch_without_purchase_orders_stays() -> None:
    """Most batches have none, and cost nothing."""
    made = Stream([each for each in stream() if each.topic == "orders"])
    batch = made.cut(0, len(made))
    assert announce_purchases(batch) is batch
