"""Opportunities of SKU-locations: sales that may come, by ``signal.observed``; a part of a shard's state.

An opportunity of probability p and quantity q adds p q expected units, spread evenly over the local days of its
horizon, and a variance of p (1 - p) q^2, spread alike. The horizon begins the day after the signal. Orders beyond the
row's usual sizes take from the quantity, oldest opportunity first, since they are the same demand. So do all orders of
a row that has learned nothing yet.
"""

import math
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.contracts.reference import SignalObserved
from sensing.demand.baseline_plans import Key
from sensing.state.snapshot import Encoded, pack, unpack

OPPORTUNITY = "opportunity"
"""Kind of such signals."""
HORIZON_DAYS = 28
"""Days of an opportunity without ``horizon_days``."""
OPPORTUNITIES_MAX = 20_000
"""Opportunities of a shard; further ones are refused."""


class Opportunity(msgspec.Struct):
    """Newest record of a signal: ``start`` is its first local day; ``served`` units were ordered in the meantime."""

    signal: str
    time: int
    start: int
    days: int
    probability: float
    quantity: float
    served: float = 0.0

    @property
    def end(self) -> int:
        """Last local day."""
        return self.start + self.days - 1

    @property
    def remaining(self) -> float:
        """Units that were not ordered yet."""
        return max(self.quantity - self.served, 0.0)


class Expected(NamedTuple):
    """What an opportunity adds to a forecast."""

    opportunity: Opportunity
    units: float
    """Units that remain, if it is won."""
    covered: NDArray[np.bool_]
    """(h,) days of the forecast within its horizon."""

    @property
    def mean(self) -> NDArray[np.float64]:
        """(h,) expected units of each day."""
        return np.asarray(self.covered * (self.opportunity.probability * self.units / self.opportunity.days))

    @property
    def variance(self) -> NDArray[np.float64]:
        """(h,) variance of each day."""
        p = self.opportunity.probability
        return np.asarray(self.covered * (p * (1.0 - p) * self.units * self.units / self.opportunity.days))


class Opportunities:
    """Opportunities by key of a row and by signal; further ones than ``opportunities_max`` are ``refused``."""

    def __init__(self, opportunities_max: int = OPPORTUNITIES_MAX) -> None:
        self.opportunities_max = opportunities_max
        self.of_row: dict[Key, dict[str, Opportunity]] = {}
        self.count = 0
        self.refused = 0

    def apply(self, key: Key, event: SignalObserved, time: int, day: int) -> bool:
        """Put a signal in force that is effective at ``time``, on local ``day``; False if a newer one is, or none fits.

        A signal with probability 0 or no quantity is kept until its horizon ends, so that an older record stays
        replaced. A new record replaces what was ordered against the one before: it says what is still expected.
        """
        kept = self.of_row.get(key, {}).get(event.signal)
        if kept is not None and kept.time > time:
            return False
        if kept is None and self.count >= self.opportunities_max:
            self.refused += 1
            return False
        days = HORIZON_DAYS if event.horizon_days is None else math.ceil(event.horizon_days)
        self.of_row.setdefault(key, {})[event.signal] = Opportunity(
            signal=event.signal, time=time, start=day + 1, days=max(days, 1),
            probability=(event.probability or 0.0) if days else 0.0, quantity=event.quantity or 0.0,
        )  # fmt: skip
        self.count += kept is None
        return True

    def expected(self, key: Key, first: int, count: int, ordered: dict[int, float]) -> list[Expected]:
        """What the opportunities of a row add to the local days from ``first`` on, oldest first.

        ``ordered`` are units beyond the usual, by local days that have not closed.
        """
        taken, added = dict(ordered), []
        for opportunity in self._of(key):
            units = opportunity.remaining - _take(taken, opportunity)
            days = np.arange(first, first + count)
            covered = (days >= opportunity.start) & (days <= opportunity.end)
            if units > 0.0 and opportunity.probability > 0.0 and covered.any():
                added.append(Expected(opportunity, units, covered))
        return added

    def close(self, key: Key, day: int, ordered: float) -> None:
        """Take what was ordered beyond the usual on a closed day from a row's opportunities, and forget ended ones."""
        taken = {day: ordered}
        for opportunity in self._of(key):
            opportunity.served += _take(taken, opportunity)
            if opportunity.end <= day:
                del self.of_row[key][opportunity.signal]
                self.count -= 1
        if key in self.of_row and not self.of_row[key]:
            del self.of_row[key]

    def convert(self, key: Key, factor: float) -> None:
        """Multiply quantities of a row by ``factor``, when the base unit of the item has changed."""
        for opportunity in self._of(key):
            opportunity.quantity *= factor
            opportunity.served *= factor

    def dump(self) -> bytes:
        """The whole state as bytes."""
        state = ([(key, list(found.values())) for key, found in self.of_row.items()], self.refused)
        return pack({"opportunities": Encoded(state, _State)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        kept, self.refused = unpack(block, {"opportunities": _State})["opportunities"]
        self.of_row = {key: {each.signal: each for each in found} for key, found in kept}
        self.count = sum(map(len, self.of_row.values()))

    def _of(self, key: Key) -> list[Opportunity]:
        return sorted(self.of_row.get(key, {}).values(), key=lambda each: (each.time, each.signal))


def _take(ordered: dict[int, float], opportunity: Opportunity) -> float:
    """Take from ``ordered`` what an opportunity accounts for, on its days and the day of its signal."""
    if opportunity.probability <= 0.0:
        return 0.0
    taken = 0.0
    for day, units in ordered.items():
        if opportunity.start - 1 <= day <= opportunity.end:
            part = min(units, opportunity.remaining - taken)
            ordered[day] = units - part
            taken += part
    return taken


_State = tuple[list[tuple[Key, list[Opportunity]]], int]
