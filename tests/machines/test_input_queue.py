"""Buffered batches of a shard, and progress within the first batch."""

import numpy as np

from sensing.codec.event_record import EVENT, Batch
from sensing.codec.purchase_record import PURCHASE
from sensing.machines.input_queue import InputQueue


def tick(watermark: int, reconciliation: int = 0) -> Batch:
    """A batch without records."""
    return Batch(np.zeros(0, EVENT), [], watermark, reconciliation=reconciliation)


def watermarks(queue: InputQueue) -> list[int]:
    """Watermarks of the batches that wait, in order."""
    found = []
    while (head := queue.head) is not None:
        found.append(head.batch.watermark)
        queue.remove_head()
    return found


def test_ticks_that_wait_together_become_one() -> None:
    """The last of several ticks says all; batches with records, totals to give or the end of the input stay."""
    queue = InputQueue()
    records = Batch(np.zeros(3, EVENT), [], 30)
    for batch in (tick(10), tick(20), records, tick(40), tick(50, reconciliation=1), tick(60), tick(70), tick(80)):
        queue.add(batch)
    assert len(queue) == 5
    assert watermarks(queue) == [20, 30, 40, 50, 80]


def test_a_batch_applied_in_part_is_dumped_as_its_rest() -> None:
    """A queue that loaded a dump goes on with the records that were left."""
    queue = InputQueue()
    records = np.zeros(5, EVENT)
    records["offset"] = range(5)
    queue.add(Batch(records, [], 30))
    queue.add(tick(40, reconciliation=3))
    assert queue.head is not None
    queue.head.records = 2
    again = InputQueue()
    again.load(queue.dump())
    assert again.head is not None
    assert again.head.batch.records["offset"].tolist() == [2, 3, 4]
    again.remove_head()
    assert again.head.batch.reconciliation == 3
    assert again.dump() != queue.dump()


def test_purchase_records_are_taken_once() -> None:
    """A dump has them until then; a batch that has nothing else is no tick."""
    queue = InputQueue()
    for batch in (tick(10), tick(20)._replace(purchases=np.zeros(2, PURCHASE)), tick(30)):
        queue.add(batch)
    queue.remove_head()
    again = InputQueue()
    again.load(queue.dump())
    for each in (queue, again):
        assert each.head is not None
        assert [len(each.head.take_purchases()) for _ in range(2)] == [2, 0]
    later = InputQueue()
    later.load(queue.dump())
    assert later.head is not None
    assert len(later.head.take_purchases()) == 0
    assert watermarks(later) == [20, 30]
