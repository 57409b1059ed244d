"""Promotions in force, by SKU: their local days, location and stated uplift. The shard's state owns them.

A promotion is named by its id, SKU and location; its newest record holds. One that ended ``DAYS_KEPT`` ago is
forgotten, since no day that is learned or compared reaches further back.
"""

from typing import NamedTuple

from sensing.codec.instants import day_number
from sensing.contracts.reference import PromotionApproved
from sensing.state.snapshot import Encoded, pack, unpack

PROMOTIONS_MAX = 1 << 16
"""Promotions of a shard. Further ones are refused and counted."""
DAYS_KEPT = 60


class Promotion(NamedTuple):
    """One approved promotion: local days ``start`` to ``end`` inclusive, everywhere or at one location.

    ``uplift`` is the stated relative change of demand, None if none is stated. ``time`` is when the record took effect.
    """

    name: str
    location: str | None
    start: int
    end: int
    uplift: float | None
    time: int


_Kept = tuple[int, list[tuple[str, Promotion]]]


class Promotions:
    """Promotions by SKU. ``refused`` counts records of new promotions that came when the table was full."""

    def __init__(self, promotions_max: int = PROMOTIONS_MAX) -> None:
        self.promotions_max = promotions_max
        self.refused = 0
        self._of_sku: dict[str, dict[tuple[str, str | None], Promotion]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Number of promotions."""
        return self._count

    def __contains__(self, sku: str) -> bool:
        """Whether a SKU has any promotion."""
        return sku in self._of_sku

    def apply(self, event: PromotionApproved, time: int) -> None:
        """Put a record in force that is effective at ``time`` (UTC ms), unless a later one of its promotion is."""
        start, end = day_number(event.start), day_number(event.end)
        self._keep(event.sku, Promotion(event.promotion, event.location, start, end, event.uplift, time))

    def within(self, sku: str, location: str, first: int, last: int) -> list[Promotion]:
        """Promotions of a SKU at a location with a day from local day ``first`` to ``last``, in order of their names.

        A record whose end lies before its start has no day: it withdraws its promotion.
        """
        found = [
            promotion
            for promotion in self._of_sku.get(sku, {}).values()
            if promotion.location in (None, location) and max(promotion.start, first) <= min(promotion.end, last)
        ]
        return sorted(found, key=lambda promotion: (promotion.name, promotion.location or ""))

    def forget(self, day: int) -> None:
        """Forget the promotions that ended more than ``DAYS_KEPT`` before local day ``day``."""
        for sku, promotions in list(self._of_sku.items()):
            kept = {key: each for key, each in promotions.items() if max(each.start, each.end) >= day - DAYS_KEPT}
            self._count -= len(promotions) - len(kept)
            if kept:
                self._of_sku[sku] = kept
            else:
                del self._of_sku[sku]

    def dump(self) -> bytes:
        """All promotions as bytes."""
        kept = [(sku, each) for sku, promotions in self._of_sku.items() for each in promotions.values()]
        return pack({"promotions": Encoded((self.refused, kept), _Kept)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        refused, kept = unpack(block, {"promotions": _Kept})["promotions"]
        for sku, promotion in kept:
            self._keep(sku, promotion)
        self.refused = refused

    def _keep(self, sku: str, promotion: Promotion) -> None:
        of_sku, key = self._of_sku.get(sku, {}), (promotion.name, promotion.location)
        before = of_sku.get(key)
        if before is None and self._count >= self.promotions_max:
            self.refused += 1
            return
        if before is not None and before.time > promotion.time:
            return
        self._count += before is None
        of_sku[key] = promotion
        self._of_sku[sku] = of_sku
