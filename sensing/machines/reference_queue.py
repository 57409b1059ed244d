"""Reference queue of a shard: a reference record takes effect at its event time, or at once if it has none."""

import heapq
from typing import Any

import msgspec

from sensing.codec.event_record import CurrencyHeard, InfrequentEvent, SuccessionHeard, Topic
from sensing.contracts.reference import ReferenceRecord
from sensing.machines.close_schedule import NEVER
from sensing.state.snapshot import Encoded, pack, unpack

IDS_MAX = 1 << 20


class _Kept(msgspec.Struct):
    time: int
    order: int
    event: ReferenceRecord


_Queue = tuple[int, list[str], list[_Kept]]


class ReferenceQueue:
    """Reference records in order of the time they take effect, then of arrival.

    The queue also keeps the ids of past records, so that a repeat counts as a duplicate.
    """

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, Any]] = []
        self.arrived = 0
        self.ids: dict[str, None] = {}

    def add(self, message: InfrequentEvent) -> bool:
        """Queue a record; returns False if its id was seen before."""
        if message.event.event_id in self.ids:
            return False
        if len(self.ids) == IDS_MAX:
            del self.ids[next(iter(self.ids))]
        self.ids[message.event.event_id] = None
        effective = -NEVER if message.event.event_time is None else message.time
        heapq.heappush(self.heap, (effective, self.arrived, message.event))
        self.arrived += 1
        return True

    @property
    def evicted(self) -> int:
        """Number of ids evicted at the bound; a repeat of such a record counts as new."""
        return self.arrived - len(self.ids)

    def next_time(self) -> int:
        """Event time (UTC ms) at which the next record takes effect; NEVER if there is none."""
        return self.heap[0][0] if self.heap else NEVER

    def take(self, until: int) -> list[tuple[Any, int]]:
        """Remove the records that take effect at or before ``until``, in order; returns each with its time (UTC ms)."""
        taken = []
        while self.heap and self.heap[0][0] <= until:
            time, _, event = heapq.heappop(self.heap)
            taken.append((event, time))
        return taken

    def dump(self) -> bytes:
        """The whole state as bytes."""
        kept = [_Kept(time, order, event) for time, order, event in sorted(self.heap, key=lambda entry: entry[:2])]
        return pack({"queue": Encoded((self.arrived, list(self.ids), kept), _Queue)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        self.arrived, ids, kept = unpack(block, {"queue": _Queue})["queue"]
        self.ids = dict.fromkeys(ids)
        self.heap = [(entry.time, entry.order, entry.event) for entry in kept]


def is_reference(message: InfrequentEvent) -> bool:
    """Whether an infrequent event is master data, which does not depend on the watermark."""
    return message.topic == Topic.REFERENCE and not isinstance(message.event, (CurrencyHeard, SuccessionHeard))
