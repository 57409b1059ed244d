"""Routing: splits batches and addresses the parts to machines. Source groups and `flows.topology` use it."""

from flows.runtime.roles import Addressed, Item, ledger_id, roll_up_id, shard_id
from sensing.codec.aliases import resolve_aliases
from sensing.codec.currency_notices import CurrencyNotices
from sensing.codec.event_record import Batch
from sensing.codec.item_links import ItemLinks
from sensing.codec.kit_parts import add_kit_parts
from sensing.codec.location_notices import LocationNotices
from sensing.codec.shard_split import split
from sensing.machines.machine_messages import LedgerBatch, ShardReport, Totals


class Router:
    """Addresses batches to the machines of a flow.

    ``links`` are the aliases and kits that the source group has read in the reference topic.
    """

    def __init__(self, shards: int) -> None:
        self._shards = [(machine.key, machine) for machine in map(shard_id, range(shards))]
        self._ledger = ledger_id(shards)
        self._locations = LocationNotices()
        self._currencies = CurrencyNotices()
        self.links = ItemLinks()
        self._roll_up = roll_up_id(shards)

    def to_shards(self, batch: Batch, *, tick: bool) -> list[Item]:
        """Split a batch by SKU; with ``tick`` every shard gets a part, so that it learns the watermark."""
        batch = self._currencies.announce(self._locations.announce(resolve_aliases(batch, self.links)))
        batch = add_kit_parts(batch, self.links)
        parts = zip(self._shards, split(batch, len(self._shards)), strict=True)
        return [
            (key, Addressed(machine, part, part.final))
            for (key, machine), part in parts
            if tick or part.infrequent or len(part.records)
        ]

    def to_ledger(self, load: LedgerBatch | Totals) -> Item:
        """Address a message to the ledger."""
        return self._ledger.key, Addressed(self._ledger, load)

    def from_shard(self, message: Totals | ShardReport) -> Item:
        """Address a message of a shard to the machine that it feeds."""
        if isinstance(message, Totals):
            return self.to_ledger(message)
        return self._roll_up.key, Addressed(self._roll_up, message)
