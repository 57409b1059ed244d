"""Uplift of promotions: the factor on the demand of promoted days, stated or learned. `sensing.machines.promoted_days`
asks it.

A promoted day of a row gives one ratio: its units / the units that were forecast without the promotion. Three opinions
are averaged by their logarithms, each weighted by the promoted days that it counts as:

- the stated uplift counts as ``STATED_DAYS``; where none is stated, no effect counts as ``UNSTATED_DAYS``,
- the rows of the item's category in this shard count as their promoted days, at most ``POOL_DAYS``,
- the row itself counts as its promoted days.

A day with few expected units says little. It counts as 1 / (1 + noise) of a day, with the variance of the logarithm of
a count, variance-to-mean ratio / mean, in multiples of ``DAY_VARIANCE``. Old days are discounted.

Days that orders alone name as promoted, without an approved promotion, are learned apart, since such a day may be
promoted for one customer only.

Source: the weighted mean is the posterior mean of a normal mean with known variances (Gelman et al., BDA3, 2.5).
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.state.promotions import Promotion
from sensing.state.snapshot import Encoded, pack, unpack

STATED_DAYS = 3.0
UNSTATED_DAYS = 1.0
POOL_DAYS = 3.0
DAY_VARIANCE = 0.25
"""Variance of the logarithm of the effect between promoted days, beyond that of counts: a standard deviation of 0.5."""
DISCOUNT = 0.98
"""Discount per promoted day: about the last 50 count."""
FACTOR_MIN, FACTOR_MAX = 0.01, 101.0
"""Bounds of what is learned; a stated uplift is at most 100, a factor of 101."""
LEARNED_SHARE = 0.8
"""The uplift counts as learned if what happened has this weight in it."""

UpliftSource = Literal["stated", "mixed", "learned", "none"]
Key = tuple[int, bool]
"""Row, and whether only orders named the promotion. Of a pool: category instead of row."""


class Evidence(msgspec.Struct):
    """Promoted days that happened: discounted sums of weight x ratio, and of the weights."""

    ratio: float = 0.0
    weight: float = 0.0

    def add(self, ratio: float, weight: float, kept: float = DISCOUNT) -> None:
        """Add a day, or a sum of days, after discounting by ``kept``."""
        self.ratio = kept * self.ratio + weight * ratio
        self.weight = kept * self.weight + weight

    @property
    def log_factor(self) -> float:
        """Logarithm of the mean ratio; 0 without days."""
        return math.log(min(max(self.ratio / self.weight, FACTOR_MIN), FACTOR_MAX)) if self.weight > 0.0 else 0.0


class Uplift(NamedTuple):
    """Factor on the demand of promoted days, and where it comes from."""

    factor: float
    source: UpliftSource


NO_EVIDENCE = Evidence()


def uplift_of(stated: float | None, row: Evidence, pool: Evidence) -> Uplift:
    """Uplift of a promotion with the ``stated`` relative change, for a row and its pool."""
    pool_days = min(pool.weight, POOL_DAYS)
    learned = row.weight + pool_days
    if learned == 0.0:
        return Uplift(1.0, "none") if stated is None else Uplift(1.0 + stated, "stated")
    prior_days = UNSTATED_DAYS if stated is None else STATED_DAYS
    prior = 0.0 if stated is None else math.log(max(1.0 + stated, FACTOR_MIN))
    total = prior_days + learned
    log_factor = (prior_days * prior + pool_days * pool.log_factor + row.weight * row.log_factor) / total
    learned_only = stated is None or learned / total >= LEARNED_SHARE
    return Uplift(math.exp(log_factor), "learned" if learned_only else "mixed")


def day_weight(expected: float, dispersion: float) -> float:
    """Promoted days that one day counts as, by the expected units of the promoted day."""
    if expected <= 0.0:
        return 0.0
    return 1.0 / (1.0 + max(dispersion, 1.0) / (DAY_VARIANCE * expected))


class RowUplift(msgspec.Struct):
    """What a row has learned of its promoted days.

    ``first_day`` and ``last_day`` bound its newest run of promoted days. ``new`` is evidence that the pool has not
    taken in yet.
    """

    seen: Evidence
    new: Evidence
    first_day: int
    last_day: int


_Rows = list[tuple[int, bool, RowUplift]]
_Pools = list[tuple[str, bool, Evidence]]


class PromotionUplifts:
    """Learned uplifts of the rows of a shard and of its categories.

    Pools take in what rows have learned once a day, row by row in the order of their numbers. So neither the order of
    closes nor the cut of the stream changes a bit of their sums. Memory is bounded by the number of rows.

    Attributes
    ----------
    suppressed
        Surges that a promotion explained, counted once per row and local day.
    """

    def __init__(self) -> None:
        self.suppressed = 0
        self._rows: dict[Key, RowUplift] = {}
        self._pools: dict[tuple[str, bool], Evidence] = {}
        self._new: set[Key] = set()
        self._suppressed_day: dict[int, int] = {}

    def uplift(self, row: int, category: str, stated: float | None, *, named: bool = False) -> Uplift:
        """Uplift in force of a promotion of a row."""
        kept = self._rows.get((row, named))
        seen = NO_EVIDENCE if kept is None else kept.seen
        return uplift_of(stated, seen, self._pools.get((category, named), NO_EVIDENCE))

    def day_factors(
        self, row: int, category: str, promotions: Sequence[Promotion], first: int, count: int
    ) -> NDArray[np.float64]:
        """(count,) factor on demand of local days from ``first``: of overlapping promotions the greatest, else 1."""
        factors = np.full(count, np.nan)
        for promotion in promotions:
            days = slice(max(promotion.start - first, 0), max(promotion.end - first + 1, 0))
            factors[days] = np.fmax(factors[days], self.uplift(row, category, promotion.uplift).factor)
        return np.where(np.isnan(factors), 1.0, factors)

    def run_days(self, row: int, day: int) -> int:
        """Length of the run of approved promoted days that a promoted ``day`` belongs to, without this day."""
        kept = self._rows.get((row, False))
        return 0 if kept is None or kept.last_day < day - 7 else day - kept.first_day

    def learn(self, row: int, day: int, ratio: float, weight: float, *, named: bool) -> None:
        """Learn the ratio of a promoted day. A day of weight 0 only goes on with the run of promoted days."""
        kept = self._rows.get((row, named))
        if kept is None:
            kept = self._rows[row, named] = RowUplift(Evidence(), Evidence(), day, day)
        if kept.last_day < day - 7:
            kept.first_day = day
        kept.last_day = max(kept.last_day, day)
        if weight > 0.0:
            kept.seen.add(min(ratio, FACTOR_MAX), weight)
            kept.new.add(min(ratio, FACTOR_MAX), weight, 1.0)
            self._new.add((row, named))

    def suppress(self, row: int, day: int) -> bool:
        """Count a surge that a promotion explains; returns whether it is the row's first one of the local day."""
        if self._suppressed_day.get(row, -1) >= day:
            return False
        self._suppressed_day[row] = day
        self.suppressed += 1
        return True

    def take_in(self, categories: dict[int, str]) -> None:
        """Add what rows have learned to the pools of their categories. Call it at the same instants in every run."""
        totals: dict[tuple[str, bool], Evidence] = {}
        for row, named in sorted(self._new):
            new = self._rows[row, named].new
            totals.setdefault((categories[row], named), Evidence()).add(new.ratio / new.weight, new.weight, 1.0)
            self._rows[row, named].new = Evidence()
        self._new.clear()
        for key, total in totals.items():
            self._pools.setdefault(key, Evidence()).add(total.ratio / total.weight, total.weight)

    def rows_to_take_in(self) -> list[int]:
        """Rows that have learned something that no pool knows."""
        return sorted({row for row, _ in self._new})

    def dump(self) -> bytes:
        """The whole state as bytes."""
        rows = [(*key, kept) for key, kept in self._rows.items()]
        pools = [(*key, kept) for key, kept in self._pools.items()]
        return pack({
            "rows": Encoded(rows, _Rows), "pools": Encoded(pools, _Pools),
            "suppressed": Encoded((self.suppressed, self._suppressed_day), tuple[int, dict[int, int]]),
        })  # fmt: skip

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        tables = {"rows": _Rows, "pools": _Pools, "suppressed": tuple[int, dict[int, int]]}
        parts = unpack(block, tables)
        self._rows = {(row, named): kept for row, named, kept in parts["rows"]}
        self._pools = {(category, named): kept for category, named, kept in parts["pools"]}
        self._new = {key for key, kept in self._rows.items() if kept.new.weight > 0.0}
        self.suppressed, self._suppressed_day = parts["suppressed"]
