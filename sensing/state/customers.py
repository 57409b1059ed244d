"""Customers of a shard by the hash that order lines carry. Every shard has all customers with a record.

The shard's state owns it. Exceptions caused by an order line of a customer state its record.
"""

from sensing.contracts.reference import CustomerUpdated
from sensing.state.snapshot import Encoded, pack, unpack

CUSTOMERS_MAX = 1 << 15
"""Customers with a record; each takes about 300 bytes in every shard. Further ones are refused and counted."""

_Kept = tuple[int, int, CustomerUpdated]


class Customers:
    """Records of customers. ``refused`` counts records of new customers that came when the table was full."""

    def __init__(self, customers_max: int = CUSTOMERS_MAX) -> None:
        self.customers_max = customers_max
        self.refused = 0
        self._records: dict[int, tuple[int, CustomerUpdated]] = {}

    def apply(self, key: int, event: CustomerUpdated, time: int) -> None:
        """Put a record in force that is effective at ``time`` (UTC ms), unless a later one is. ``key`` is the hash."""
        kept = self._records.get(key)
        if kept is None and len(self._records) >= self.customers_max:
            self.refused += 1
        elif kept is None or kept[0] <= time:
            self._records[key] = time, event

    def find(self, key: int) -> CustomerUpdated | None:
        """Record of a customer; None if there is none, or for hash 0, which is that of no customer."""
        kept = self._records.get(key)
        return None if kept is None else kept[1]

    def dump(self) -> bytes:
        """All records as bytes."""
        kept = [(key, time, event) for key, (time, event) in self._records.items()]
        return pack({"customers": Encoded((self.refused, kept), tuple[int, list[_Kept]])})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        self.refused, kept = unpack(block, {"customers": tuple[int, list[_Kept]]})["customers"]
        self._records = {key: (time, event) for key, time, event in kept}
