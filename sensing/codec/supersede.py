"""Supersession: from its instant on, events of a superseded item become events of its successor.

The router of a source group calls it before the split. A record keeps its line's key and its texts, so that versions of
a line stay versions of one line and dead letters name what was sent; its row becomes the successor's. An infrequent
event names the successor and keeps the name it had beside it. Batches without superseded items cost one test of all
records in a kernel.
"""

from typing import Any

import msgspec
import numpy as np

from sensing.codec.aliases import mark_items
from sensing.codec.event_record import SUPERSEDED, Batch, InfrequentEvent, SuccessionHeard, Topic
from sensing.codec.hash_set import HashSet
from sensing.codec.instants import instant
from sensing.codec.item_links import FROM_THE_BEGINNING, ItemLinks, item_hash
from sensing.codec.keys import row_key
from sensing.codec.successions import Succession, Successions, start_of
from sensing.codec.text_table import TextLookup
from sensing.contracts.decisions import DecisionMade, ExecutionConfirmed
from sensing.contracts.reference import ItemUpdated
from sensing.contracts.suppliers import PurchaseOrderLine


class Superseded:
    """Successions as a source group knows them, and those whose hand-over has not come back from its shard."""

    def __init__(self, lateness_ms: int) -> None:
        self.successions = Successions()
        self._lateness_ms = lateness_ms
        self._hashes = HashSet()
        self._pending: dict[str, int] = {}  # since, by old item

    def learn(self, message: InfrequentEvent, links: ItemLinks, clock: int) -> list[InfrequentEvent]:
        """Take in a reference record that was read at watermark ``clock``; returns the notice for the shards, if any.

        Records of other types are ignored.
        """
        event = message.event
        if not isinstance(event, ItemUpdated):
            return []
        time = FROM_THE_BEGINNING if event.event_time is None else message.time
        new = None
        if event.successor is not None:
            stated = None if event.successor_from is None else instant(event.successor_from)
            since = start_of(stated, max(time, 0), self._lateness_ms)
            successor = links.item(event.successor, since)
            new = Succession(successor, since, time, event.event_id)
        elif event.sku not in self.successions.of:
            return []
        change = self.successions.change(event.sku, new, time, clock, self._lateness_ms)
        if change is None:
            return []
        if not change.refused:
            self._put(event.sku, change.after)
        said = new or change.before
        assert said is not None, "a change names a successor before or after it"
        notice = SuccessionHeard(
            event.sku, said.successor, None if new is None else new.since, event.event_id, change.refused
        )
        return [message._replace(event=notice, trace=None)]

    def is_pending(self, until: int) -> bool:
        """Whether a hand-over that is due at watermark ``until`` has not come back from its shard."""
        return any(since <= until for since in self._pending.values())

    def came_back(self, old: str) -> None:
        """Note that the hand-over of an item has come back from its shard."""
        self._pending.pop(old, None)

    def apply(self, batch: Batch) -> Batch:
        """The batch with the successors in place of superseded items."""
        if not len(self.successions):
            return batch
        batch = batch._replace(
            infrequent=[(before, renamed(message, self.successions)) for before, message in batch.infrequent]
        )
        flags = np.zeros(len(batch.records), np.bool_)
        mark_items(batch.records, self._hashes.table, flags)
        found = np.flatnonzero(flags).tolist()
        if not found:
            return batch
        records, texts = batch.records.copy(), TextLookup(batch.texts)
        for k in found:
            entry = texts.one(records[k])
            supersede_record(records[k : k + 1], entry.sku, entry.location, self.successions)
        return batch._replace(records=records)

    def dump(self) -> bytes:
        """The successions as bytes."""
        return self.successions.dump()

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        self.successions.load(block)
        for old in self.successions.of:
            self._hashes.add(item_hash(old))

    def _put(self, old: str, succession: Succession | None) -> None:
        self.successions.put(old, succession)
        self._hashes.add(item_hash(old))
        if succession is None:
            self._pending.pop(old, None)
        else:
            self._pending[old] = succession.since


def renamed(message: InfrequentEvent, successions: Successions) -> InfrequentEvent:
    """An infrequent event of the successors. Reference records and decisions stay with the item that they name."""
    event = message.event
    if message.topic == Topic.REFERENCE or isinstance(event, (DecisionMade, ExecutionConfirmed)):
        return message
    changes: dict[str, Any] = {}
    named = ["", ""]
    for place, field in enumerate(("sku", "substitute_sku")):
        given = getattr(event, field, None)
        if given is not None and (name := successions.successor(given, message.watermark)) != given:
            changes[field], named[place] = name, given
    if not changes:
        return message
    if isinstance(event, PurchaseOrderLine) and event.line is None:
        changes["line"] = event.sku  # the line's name stays that of the item it was ordered for
    return message._replace(event=msgspec.structs.replace(event, **changes), named=(named[0], named[1]))


def supersede_record(record: Any, sku: str, location: str, successions: Successions) -> None:
    """Make one record (1,) that of the successor of its item, if it has one by then."""
    name = successions.successor(sku, int(record["watermark"][0]))
    if name != sku:
        record["row_hi"], record["row_lo"] = row_key(name, location)
        record["flags"] |= np.uint8(SUPERSEDED)
