"""Disruptions of suppliers that last: they lengthen the lead time of what would be ordered meanwhile.

`SupplyState` owns the table; plans read it. Open purchase-order lines are postponed once, when the event arrives, see
`schedule_lines`.

A disruption lasts until the day before ``until`` or, without it, for ``delay_days`` from its event time. Meanwhile the
lead time of the rows of its supplier is ``delay_days`` longer, and at least as long as the time to ``until``. If
several disruptions concern a row, the longest lead time holds. A newer event with the same supplier, SKU and location
replaces the older one; with ``delay_days`` 0 and no ``until`` it ends it.

At most DISRUPTIONS_MAX disruptions are kept. Beyond that the one that ends first is evicted and counted.
"""

import math
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY
from sensing.contracts.suppliers import SupplierDisrupted
from sensing.machine_settings import DAY_MS
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.supply.purchase_line import plausible_day
from sensing.supply.receipt_statistics import LEAD_TIME_DAYS_MAX
from sensing.supply.schedule_lines import DISRUPTED, LineEvent

DISRUPTIONS_MAX = 4096
DAYS_KEPT = 3
"""Days for which an ended disruption is kept. Until then the local day has ended in every time zone."""


class Disruption(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One disruption. ``sku`` and ``location`` limit it; days are local, ``time`` is UTC ms."""

    supplier: int
    sku: str | None
    location: str | None
    time: int
    delay_days: float
    until_day: int
    """Day before which nothing is expected; NO_DAY: not told."""
    end_day: int
    """Last day of the disruption."""

    def concerns(self, sku: str, location: str) -> bool:
        """Whether it concerns a row of its supplier."""
        return self.sku in (None, sku) and self.location in (None, location)

    def line_event(self) -> LineEvent:
        """What it says about an open purchase-order line."""
        scope = msgspec.json.encode((self.sku, self.location)).decode()
        return LineEvent(
            DISRUPTED, self.time, day=self.until_day, name=scope, delay_days=self.delay_days, end_day=self.end_day
        )


def disruption_of(event: SupplierDisrupted, supplier: int, time: int) -> Disruption:
    """The disruption of an event; ``supplier`` is its number, ``time`` the event time in UTC ms."""
    start = time // DAY_MS
    until = plausible_day(event.until, start)
    end = start + math.ceil(event.delay_days) - 1 if until == NO_DAY else until - 1
    return Disruption(supplier, event.sku, event.location, time, event.delay_days, until, end)


_Scope = tuple[str | None, str | None]
"""SKU and location; None: all."""
_Rows = tuple[list[Disruption], int]
"""Disruptions, and disruptions evicted."""


class Disruptions:
    """Disruptions of one shard that last or ended in the last DAYS_KEPT days."""

    def __init__(self) -> None:
        self.evicted = 0
        self._of_supplier: dict[int, dict[_Scope, Disruption]] = {}
        self._count = 0

    def add(self, new: Disruption) -> None:
        """Add a disruption, or replace an older one of the same scope."""
        found = self._of_supplier.setdefault(new.supplier, {})
        known = found.get((new.sku, new.location))
        if known is not None and known.time > new.time:
            return
        self._count += known is None
        found[new.sku, new.location] = new
        if self._count > DISRUPTIONS_MAX:
            self._remove(min(self.all(), key=lambda each: (each.end_day, each.time)))
            self.evicted += 1

    def all(self) -> list[Disruption]:
        """All disruptions, by supplier in order of first mention."""
        return [each for found in self._of_supplier.values() for each in found.values()]

    def suppliers(self) -> list[int]:
        """Numbers of the suppliers with disruptions."""
        return list(self._of_supplier)

    def of_line(self, supplier: int, sku: str, location: str, placed_day: int) -> list[Disruption]:
        """Disruptions that had not ended when a purchase-order line was placed."""
        found = self._of_supplier.get(supplier, {}).values()
        return [each for each in found if each.end_day >= placed_day and each.concerns(sku, location)]

    def expire(self, day: int) -> None:
        """Forget disruptions that ended more than DAYS_KEPT days before ``day``."""
        for each in self.all():
            if each.end_day < day - DAYS_KEPT:
                self._remove(each)

    def _remove(self, each: Disruption) -> None:
        del self._of_supplier[each.supplier][each.sku, each.location]
        self._count -= 1
        if not self._of_supplier[each.supplier]:
            del self._of_supplier[each.supplier]

    def lengthen(
        self, rows: NDArray[np.int64], suppliers: NDArray[np.int64], mean_days: NDArray[np.float64], today: int,
        names: Callable[[int], tuple[str, str]],
    ) -> None:  # fmt: skip
        """Lengthen the mean lead times (n,) of ``rows`` on local day ``today``, in place.

        Parameters
        ----------
        rows, suppliers
            (n,) rows, and the numbers of their suppliers.
        mean_days
            (n,) mean lead times in days.
        today
            Local day on which goods would be ordered.
        names
            Returns SKU and location of a row.
        """
        if not self._of_supplier:
            return
        usual = mean_days.copy()
        disrupted = [number for number in np.unique(suppliers).tolist() if number in self._of_supplier]
        for each in (each for number in disrupted for each in self._of_supplier[number].values()):
            if not each.time // DAY_MS <= today <= each.end_day:
                continue
            at = np.flatnonzero(suppliers == each.supplier)
            if each.sku is not None or each.location is not None:
                at = at[[each.concerns(*names(row)) for row in rows[at].tolist()]]
            least = 0.0 if each.until_day == NO_DAY else float(each.until_day - today)
            longer = np.minimum(np.maximum(usual[at] + each.delay_days, least), LEAD_TIME_DAYS_MAX)
            mean_days[at] = np.maximum(mean_days[at], longer)

    def dump(self) -> bytes:
        """All disruptions as bytes."""
        return pack({"disruptions": Encoded((self.all(), self.evicted), _Rows)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        found, evicted = unpack(block, {"disruptions": _Rows})["disruptions"]
        for each in found:
            self.add(each)
        self.evicted = evicted
