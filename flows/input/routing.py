"""Routing: splits batches and addresses the parts to machines. Source groups and `flows.topology` use it."""

import msgspec

from flows.runtime.roles import Addressed, Item, ledger_id, roll_up_id, shard_id
from sensing.codec.aliases import resolve_aliases
from sensing.codec.currency_notices import CurrencyNotices
from sensing.codec.event_record import Batch, InfrequentEvent
from sensing.codec.item_links import ItemLinks
from sensing.codec.kit_parts import add_kit_parts
from sensing.codec.location_notices import LocationNotices
from sensing.codec.purchase_notices import announce_purchases
from sensing.codec.shard_split import shard_of, split
from sensing.codec.supersede import Superseded
from sensing.machines.machine_messages import HandOver, LedgerBatch, ShardReport, Totals


class Router:
    """Addresses batches to the machines of a flow.

    It learns aliases, kits and successors from the reference records that the source group reads.
    """

    def __init__(self, shards: int, lateness_ms: int) -> None:
        self._shards = [(machine.key, machine) for machine in map(shard_id, range(shards))]
        self._ledger = ledger_id(shards)
        self._locations = LocationNotices()
        self._currencies = CurrencyNotices()
        self._links = ItemLinks()
        self.superseded = Superseded(lateness_ms)
        self._dump: bytes | None = None  # of what is known at present

    def learn(self, messages: list[InfrequentEvent], watermark: int) -> list[InfrequentEvent]:
        """Take in reference records read at a watermark; returns them with the notices that follow from them."""
        found = []
        self._dump = None
        for message in messages:
            self._links.learn(message)
            found += [message, *self.superseded.learn(message, self._links, watermark)]
        return found

    def to_shards(self, batch: Batch, *, tick: bool) -> list[Item]:
        """Split a batch by SKU; with ``tick`` every shard gets a part, so that it learns the watermark."""
        batch = self.superseded.apply(resolve_aliases(batch, self._links))
        batch = announce_purchases(self._currencies.announce(self._locations.announce(batch)))
        batch = add_kit_parts(batch, self._links, self.superseded.successions)
        parts = zip(self._shards, split(batch, len(self._shards)), strict=True)
        return [
            (key, Addressed(machine, part, part.final))
            for (key, machine), part in parts
            if tick or part.infrequent or len(part.records) or len(part.purchases)
        ]

    def to_ledger(self, load: LedgerBatch) -> Item:
        """Address the books of a batch to the ledger."""
        return self._ledger.key, Addressed(self._ledger, load)

    def to_successor(self, message: HandOver) -> Item:
        """Address what an item hands over to the shard of its successor."""
        self.superseded.came_back(message.old)
        key, machine = self._shards[shard_of(message.successor, len(self._shards))]
        return key, Addressed(machine, message)

    def dump(self) -> bytes:
        """What was learned, as bytes."""
        if self._dump is None:
            self._dump = msgspec.msgpack.encode((self._links.dump(), self.superseded.dump()))
        return self._dump

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        self._dump = None
        links, superseded = msgspec.msgpack.decode(block, type=tuple[bytes, bytes])
        self._links.load(links)
        self.superseded.load(superseded)


def from_shard(message: Totals | ShardReport, shards: int) -> Item:
    """Address a message of a shard to the machine that it feeds."""
    if isinstance(message, Totals):
        ledger = ledger_id(shards)
        return ledger.key, Addressed(ledger, message)
    roll_up = roll_up_id(shards)
    return roll_up.key, Addressed(roll_up, message)
